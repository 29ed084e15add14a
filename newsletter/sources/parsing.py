"""Parse the bytes of a feed into plain entries, for every feed format. `feed` and the other sources
decide what an entry means.

feedparser reads RSS 0.9x, 1.0 and 2.0 and Atom in a child process (`feed_sandbox`); JSON Feed is
read here. Nothing is cleaned here: the strings of a `Document` are not trusted.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from newsletter.sources import json_access
from newsletter.sources.http import Answer, FetchError
from newsletter.sources.xml_mending import mended
from newsletter.text.markup import is_garbled

WALL_S = 30.0
MAX_ITEMS = 2_000
_BLANK = b"\xef\xbb\xbf \t\r\n"  #: what may come before a document
_LAST = datetime.max.replace(tzinfo=UTC)  #: a date is clamped to now later, with all the others
_SANDBOX = Path(__file__).with_name("feed_sandbox.py")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed feed. Keys of `head` and `entries` are feedparser's,
    https://feedparser.readthedocs.io/.
    """

    version: str  #: "rss20", "atom10", "json"
    head: Mapping[str, Any]
    entries: tuple[Mapping[str, Any], ...]  #: at most MAX_ITEMS
    total: int  #: how many there were


def parse(answer: Answer) -> Document:
    """Parse a fetched document; it takes up to seconds, so call it in a thread.

    Raises: FetchError: not a feed, cut off, not decodable, or too expensive to parse.
    """
    if answer.body[:100].lstrip(_BLANK).startswith(b"{"):
        return _parse_json(answer)
    if _is_page(answer.body):  # what most dead feeds answer (C04)
        raise FetchError(f"{answer.url[:200]} is not a feed, but an HTML page", "not-a-feed")
    command = [sys.executable, "-I", str(_SANDBOX), answer.url, _charset(answer)]
    try:
        child = subprocess.run(  # noqa: S603  (no shell; addresses are an argument)
            command, input=mended(answer.body), capture_output=True, timeout=WALL_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise FetchError(
            f"{answer.url[:200]} took more than {WALL_S:g} s to parse", "too-large"
        ) from None
    if child.returncode != 0:
        raise FetchError(
            f"{answer.url[:200]} could not be parsed within the limits of time and memory",
            "too-large",
        )
    found = json.loads(child.stdout)
    if problem := found.get("crash") or found["error"]:
        raise FetchError(f"{answer.url[:200]} is damaged: {problem}", "not-a-feed")
    if not found["version"]:
        raise FetchError(
            f"{answer.url[:200]} is not a feed; it begins with {answer.body[:40]!r}", "not-a-feed"
        )
    document = Document(found["version"], found["feed"], tuple(found["entries"]), found["total"])
    _refuse_garbled(answer, document)
    return document


def moment(value: object, now: datetime) -> datetime | None:
    """Return one of feedparser's parsed dates (UTC), not later than `now`; years before 1990 are
    mistakes (C19).
    """
    if not isinstance(value, list) or len(value) < 6:
        return None
    year, month, day, hour, minute, second = value[:6]
    try:
        at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(at, now) if at.year >= 1990 else None


def _parse_json(answer: Answer) -> Document:
    """Read a JSON Feed (version 1 or 1.1) into the same keys,
    https://www.jsonfeed.org/version/1.1/.
    """
    found = json_access.load(answer)
    items = found.get("items")
    if "jsonfeed.org/version" not in str(found.get("version", "")) or not isinstance(items, list):
        raise FetchError(f"{answer.url[:200]} is JSON, but not a JSON Feed", "not-a-feed")
    entries = tuple(_json_entry(item) for item in items[:MAX_ITEMS] if isinstance(item, dict))
    document = Document("json", {"title": found.get("title")}, entries, len(items))
    _refuse_garbled(answer, document)
    return document


def _json_entry(item: dict[str, Any]) -> dict[str, Any]:
    authors = item.get("authors") or [item.get("author")]
    return {
        "id": str(item.get("id") or ""),
        "title": item.get("title"),
        "link": item.get("url") or item.get("external_url"),
        "links": [],  # external_url is what the entry is about, unless it has no page of its own
        "summary": item.get("content_text") or item.get("content_html") or item.get("summary"),
        "authors": [a for a in authors if isinstance(a, dict)] if isinstance(authors, list) else [],
        "published_parsed": _json_date(item.get("date_published") or item.get("date_modified")),
    }


def _json_date(value: object) -> list[int] | None:
    at = json_access.moment(value, _LAST)
    return list(at.timetuple()[:6]) if at else None


def _refuse_garbled(answer: Answer, document: Document) -> None:
    text = "".join(f"{entry.get('title')}{entry.get('summary')}" for entry in document.entries)
    if is_garbled(text):
        raise FetchError(f"{answer.url[:200]} is not in the encoding that it declares", "encoding")


def _charset(answer: Answer) -> str:
    _, _, parameter = answer.headers.get("content-type", "").lower().partition("charset=")
    return parameter.split(";")[0].strip(" \"'")[:40]


def _is_page(body: bytes) -> bool:
    start = body[:1_000].lstrip(_BLANK).lower()
    return start.startswith((b"<!doctype html", b"<html"))
