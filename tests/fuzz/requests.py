"""Requests to the pages: forms with every button, and headers of every request.

An input looks like a request of HTTP/1.1. `{preferences}` and its like become a link's token that
is genuine, `{sign}` the signature of the body, so that what is behind them is reached.
"""

import asyncio
import re
import shutil
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_string
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, unquote

from newsletter.app import App
from newsletter.config import Config
from newsletter.inbound import hooks
from newsletter.inbound.automatic import header
from newsletter.inbound.recipients import box_of, in_headers, pick
from newsletter.inbound.vouching import is_vouched_for
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import subscribers
from newsletter.store.db import writing
from newsletter.text.refusals import about
from newsletter.tokens import PURPOSES, TokenError, Tokens
from newsletter.web import create_app
from tests.databases import make_sqlite
from tests.fuzz.kinds import Kind

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
TIME = f"{int(NOW.timestamp())}"
SECRET = "a secret of the hook, long enough"
OWN = ("digest@papers.example.org", "operator@example.net")
MOST = 80_000
_FORM = b"Content-Type: application/x-www-form-urlencoded\n"
_POSTS = (
    (b"/subscribe", b"email=ada%40example.org&query=ti%3Areasoning+NOT+survey&website="),
    (
        b"/confirm/{confirm}",
        b"topic=reasoning&keywords=%22large+language%22%0A-survey&size=8&hour=7",
    ),
    (
        b"/preferences/{preferences}",
        b"topic=reasoning&keywords=a%0Ab&authors=Ada&tz=UTC&rhythm=hot",
    ),
    (b"/preferences/{preferences}", b"keywords=ti%3A%28a+OR+b%29&check=1&language=de&mix=trend"),
    (b"/preferences/{preferences}/pause", b"weeks=4"),
    (b"/preferences/{preferences}/address", b"email=new%40example.org"),
    (b"/preferences/{preferences}/why", b"paper=2511.00001&day=2026-11-22"),
    (b"/preferences/{preferences}/export", b""),
    (b"/preferences/{preferences}/erase", b"sure=yes"),
    (b"/unsubscribe/{unsubscribe}", b"List-Unsubscribe=One-Click"),
    (b"/unsubscribe/{unsubscribe}/stay", b""),
    (b"/feedback/{feedback}", b"why=known"),
    (b"/address/{address}", b""),
)
_PATHS = (b"/", b"/search?q=ti:a&sort=heat&page=2", b"/trending/cs?days=7", b"/archive?field=cs")
_PATHS += (b"/papers/2511.00001", b"/feeds/all.atom", b"/api/v1/search?q=x", b"/my/{feed}.atom")
_PATHS += (b"/issues/2026-11-23", b"/topics/reasoning", b"/static/site.css", b"/view/{view}")
_PATHS += (b"/preferences/{preferences}?add=x", b"/why?paper=1", b"/metrics", b"/sample")


def _samples() -> tuple[bytes, ...]:
    found = [b"POST %s HTTP/1.1\nHost: localhost\n%s\n%s" % (p, _FORM, body) for p, body in _POSTS]
    found.append(
        b"POST /unsubscribe/{unsubscribe} HTTP/1.1\nHost: localhost\n"
        b'Content-Type: multipart/form-data; boundary="b"\n\n--b\r\n'
        b'Content-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
        b"One-Click\r\n--b--\r\n"
    )
    found.append(
        b"POST /hooks/events HTTP/1.1\nHost: localhost\nX-Newsletter-Timestamp: {time}\n"
        b'X-Newsletter-Signature: {sign}\n\n{"events": [{"id": "1", "event": "bounce", "to":'
        b' "{bounce}", "code": 550, "status": "5.1.1", "reply": "User unknown"}]}'
    )
    return tuple(found)


def _header_samples() -> tuple[bytes, ...]:
    headers = (
        b"Host: localhost\nAccept-Language: de;q=0.9, en;q=0.8\nX-Forwarded-For: 9.9.9.9, ::1\n"
        b'If-None-Match: W/"abc", "def"\nIf-Modified-Since: Mon, 23 Nov 2026 07:00:00 GMT\n'
        b"Range: bytes=0-9\nOrigin: null\nSec-Fetch-Site: same-origin\nAccept-Encoding: br;q=0\n"
        b"Authentication-Results: mx.example.org; dmarc=pass header.from=example.net;"
        b" spf=pass (ok) smtp.mailfrom=a@example.net; dkim=pass header.d=example.net\n"
        b"To: Ada (x) <{bounce}>, group: a@b.example, help@papers.example.org;\n"
        b"Content-Length: 0\nTransfer-Encoding: chunked\nCookie: a=b\n\n"
    )
    return tuple(b"%s %s HTTP/1.1\n" % (m, p) + headers for p in _PATHS for m in (b"GET", b"HEAD"))


class Pages:
    """A site of its own, asked in this process as a server would ask it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="newsletter-fuzz-"))
        engine = make_sqlite(self.folder / "site.db", with_topics=True)
        given = {
            "database": {"url": f"sqlite:///{self.folder / 'site.db'}"},
            "site": {"from": "digest@papers.example.org"},
            "limits": {
                "subscribes_per_minute_per_address": 1_000_000,
                "confirmations_per_hour": 1_000_000,
            },
            "bounces": {"hook_secret": SECRET},
        }
        self.app = App(Config.model_validate(given), engine, Tokens([b"k" * 64]))
        self.pages = create_app(self.app, lambda: NOW, hooks.routes(self.app, lambda: NOW))
        self.loop = asyncio.new_event_loop()
        self.reader = self._add()

    def _add(self) -> Subscriber:
        with writing(self.app.engine) as connection:
            found = subscribers.find(connection, "ada@example.org")
            if found is None:
                new = Subscriber(0, "ada@example.org", SubscriberState.ACTIVE)
                return subscribers.add(connection, new, "ada@example.org", NOW)
            if found.state is not SubscriberState.ACTIVE:
                subscribers.change(connection, found.id, state=SubscriberState.ACTIVE)
            return found

    def close(self) -> None:
        self.loop.close()
        self.app.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def feed(self, raw: bytes) -> None:
        """Send one request. Any exception, and any answer of 500, is the product's fault."""
        scope, body = self._request(raw)
        status = self.loop.run_until_complete(asyncio.wait_for(self._ask(scope, body), 60))
        if scope["method"] == "POST":
            self.reader = self._add()
        if status >= 500 and status != 503:
            raise AssertionError(f"{scope['method']} {scope['path'][:100]}: {status}")

    async def _ask(self, scope: dict[str, Any], body: bytes) -> int:
        status, sent = 0, False

        async def receive() -> dict[str, Any]:
            nonlocal sent
            if sent:
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)

        await self.pages(scope, receive, send)  # type: ignore[arg-type]  # plain dicts
        return status

    def _request(self, raw: bytes) -> tuple[dict[str, Any], bytes]:
        head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
        head, body = self._filled(head), self._filled(body)
        head = head.replace(b"{sign}", hooks.sign(SECRET, TIME, body).encode())
        lines = head.split(b"\n")
        method, _, rest = lines[0].partition(b" ")
        target = quote_from_bytes(rest.rpartition(b" ")[0] or b"/", safe="/?&=:%+{}~!$'()*,;@[]")
        path, _, query = target.partition("?")
        headers = []
        for line in lines[1:100]:
            name, _, value = line.partition(b":")
            name = re.sub(rb"[^a-z0-9-]", b"", name.lower())
            value = re.sub(rb"[\x00-\x08\x0a-\x1f\x7f]", b"", value.strip())[:8_000]
            headers.append((name, value))
        if not any(name == b"host" for name, _ in headers):
            headers.append((b"host", b"localhost"))
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST" if b"POST" in method.upper() else method.decode("ascii", "ignore")[:9],
            "scheme": "http",
            "path": unquote(path)[:9_000],
            "raw_path": path.encode(),
            "query_string": query.encode()[:9_000],
            "headers": headers,
            "client": ("127.0.0.1", 9),
            "server": ("localhost", 80),
            "root_path": "",
        }, body

    def _filled(self, text: bytes) -> bytes:
        """Put genuine tokens in the place of their names."""
        reader = self.reader
        for purpose in PURPOSES:
            slot = f"{{{purpose}}}".encode()
            if slot in text:
                made = self.app.tokens.make(purpose, reader.id, reader.epoch, NOW, paper=1, vote=1)
                text = text.replace(slot, made.encode())
        bounce = f"bounce+{self.app.tokens.tag('bounce', 1)}@papers.example.org"
        return text.replace(b"{time}", TIME.encode()).replace(b"{bounce}", bounce.encode())

    def feed_headers(self, raw: bytes) -> None:
        """Send the request, and read each header with whatever reads such text."""
        for line in raw.decode("utf-8", "replace").split("\n")[:60]:
            self._read(line.partition(":")[2].strip())
        self.feed(raw)

    def _read(self, value: str) -> None:
        message = message_from_string("")
        message["Authentication-Results"] = message["Subject"] = message["To"] = value
        is_vouched_for(message, "a@example.net", "mx.example.org")
        header(message, "Subject")
        pick([value, *in_headers(message)], OWN, "papers.example.org")
        self.app.tokens.read_tag("bounce", box_of(value, OWN).token or value)
        about(550, "5.1.1", value)
        for purpose in ("preferences", "letter"):
            with suppress(TokenError):
                self.app.tokens.read(value, purpose, NOW)


def forms() -> Kind:
    pages = Pages()
    return Kind(_samples(), (), pages.feed, MOST, slow_s=1.0, close=pages.close)


def headers() -> Kind:
    pages = Pages()
    return Kind(_header_samples(), (), pages.feed_headers, MOST, slow_s=1.0, close=pages.close)
