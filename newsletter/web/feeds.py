"""Cards as Atom (RFC 4287) and JSON Feed 1.1. The same cards give the same bytes, and so the same
ETag.
"""

import hashlib
import json
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from starlette.requests import Request
from starlette.responses import Response

from newsletter.web.cards import Card

ATOM = "http://www.w3.org/2005/Atom"
FORMS = {"atom": "application/atom+xml", "json": "application/feed+json"}
LONG_AGO = "2000-01-01"


def respond(request: Request, form: str, title: str, base: str, found: Sequence[Card]) -> Response:
    """Send the feed, or 304 when the client has these bytes already."""
    body = (_atom if form == "atom" else _json)(title, base, f"{base}{request.url.path}", found)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "max-age=600"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=FORMS[form], headers=headers)


def _when(one: Card) -> str:
    return f"{one.published or LONG_AGO}T00:00:00Z"


def _atom(title: str, base: str, url: str, found: Sequence[Card]) -> bytes:
    ET.register_namespace("", ATOM)
    root = ET.Element(f"{{{ATOM}}}feed")

    def put(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> None:
        ET.SubElement(parent, f"{{{ATOM}}}{tag}", attributes).text = text or None

    put(root, "id", url)
    put(root, "title", title)
    put(root, "updated", max((_when(one) for one in found), default=f"{LONG_AGO}T00:00:00Z"))
    put(root, "link", rel="self", href=url)
    put(root, "link", rel="alternate", href=f"{base}/")
    for one in found:
        entry = ET.SubElement(root, f"{{{ATOM}}}entry")
        put(entry, "id", f"{base}{one.url}")
        put(entry, "title", one.title)
        put(entry, "updated", _when(one))
        put(entry, "link", href=dict(one.links).get("abs", f"{base}{one.url}"))
        put(entry, "summary", one.summary)
        put(ET.SubElement(entry, f"{{{ATOM}}}author"), "name", one.byline or "unknown")
    body: bytes = ET.tostring(root, "utf-8", xml_declaration=True)
    return body


def _json(title: str, base: str, url: str, found: Sequence[Card]) -> bytes:
    items = [
        {
            "id": f"{base}{one.url}",
            "url": dict(one.links).get("abs", f"{base}{one.url}"),
            "title": one.title,
            "content_text": one.summary,
            "authors": [{"name": one.byline or "unknown"}],
            "date_published": _when(one),
        }
        for one in found
    ]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "home_page_url": f"{base}/",
        "feed_url": url,
        "items": items,
    }
    return json.dumps(feed, ensure_ascii=False).encode()
