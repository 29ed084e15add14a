"""Checks before every page (host, origin, size, rate) and the headers of every answer."""

import asyncio
import ipaddress
import re
import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.config import LOOPBACK

MAX_BODY_BYTES = 65_536
#: Forms behind a reader's link may hold an export of Zotero; the link is checked before the form is
#: read.
MAX_PASTED_BYTES, PASTED = 2_000_000, ("/confirm/", "/preferences/")
#: Most seconds between two parts of a form.
BODY_TIMEOUT_S = 10
#: Seconds for a whole form.
BODY_TOTAL_S = 60
#: Pages with a token in their path: not stored, not indexed, not sent as Referer.
PRIVATE = (
    "/confirm/",
    "/preferences/",
    "/unsubscribe/",
    "/feedback/",
    "/view/",
    "/my/",
    "/address/",
)
_SLASHES = re.compile("/{2,}")
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


class PublicMiddleware:
    """ASGI middleware: check host, origin and body size, then add the security headers."""

    def __init__(self, app: ASGIApp, urls: Sequence[str]) -> None:
        """`urls`: the site's address and its former ones, which links of old letters use."""
        self.app = app
        parts = [urlsplit(url) for url in urls]
        self.origins = {f"{part.scheme}://{part.netloc}" for part in parts}
        self.hosts = {*filter(None, (part.hostname for part in parts)), *LOOPBACK}
        self.is_local = parts[0].hostname in LOOPBACK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if (path := _mended(scope["path"])) != scope["path"]:
            scope = {**scope, "path": path, "raw_path": path.encode()}
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                out.setdefault("Content-Security-Policy", POLICY)
                out["X-Content-Type-Options"] = "nosniff"
                out["Cross-Origin-Opener-Policy"] = "same-origin"
                out["Referrer-Policy"] = "strict-origin-when-cross-origin"
                if path.startswith(PRIVATE):
                    out["Referrer-Policy"] = "no-referrer"
                    out["Cache-Control"] = "no-store"
                    out["X-Robots-Tag"] = "noindex"
            await send(message)

        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        most = _most_bytes(path)
        taken, is_over, is_whole, has_begun = 0, False, False, False
        began = time.monotonic()

        async def limited() -> Message:
            nonlocal taken, is_over, is_whole
            if is_over:
                return message_end
            left = min(BODY_TIMEOUT_S, began + BODY_TOTAL_S - time.monotonic())
            message = await (receive() if is_whole else asyncio.wait_for(receive(), left))
            is_whole = not message.get("more_body", False)
            taken += len(message.get("body", b""))
            if taken > most:
                is_over = True
            return message_end if is_over else message

        async def once(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await guarded(message)

        message_end: Message = {"type": "http.disconnect"}
        try:
            await self.app(scope, limited, once)
        except (ClientDisconnect, TimeoutError):
            if has_begun:
                raise
            refusal = (
                PlainTextResponse("too much", 413)
                if is_over
                else PlainTextResponse("too slow", 408)
            )
            await refusal(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if set(host) & set("/?#@\\ ") or _host(f"//{host}") not in self.hosts:
            return PlainTextResponse("unknown host", 400)
        if scope["method"] != "POST":
            return None
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 9 or int(length) > _most_bytes(scope["path"]):
            return PlainTextResponse("too much", 413)
        # A form of another site must not act for a reader. One-click posts of mail programs have no
        # Origin. A browser sends "null" from our own no-referrer pages; Sec-Fetch-Site then says
        # whether the form is ours.
        origin = headers.get("origin")
        if origin == "null" and headers.get("sec-fetch-site", "same-origin") == "same-origin":
            return None
        is_local = origin is not None and _host(origin) in LOOPBACK
        if origin is not None and origin not in self.origins and not (is_local and self.is_local):
            return PlainTextResponse("another site's form", 403)
        return None


def _mended(path: str) -> str:
    """The path of a page behind a token without what mail programs make of it: doubled slashes, and
    HTML behind the link. Other paths stay.
    """
    mended = _SLASHES.sub("/", re.split('[<>"]', path, maxsplit=1)[0])
    return mended if mended.startswith(PRIVATE) else path


def _host(url: str) -> str:
    """The host of a URL; empty when there is none or it cannot be read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _most_bytes(path: str) -> int:
    return MAX_PASTED_BYTES if path.startswith(PASTED) else MAX_BODY_BYTES


def client_prefix(request: Request, trusted: Sequence[str]) -> str:
    """Return the client's IPv4 address or IPv6 /64. X-Forwarded-For is read from the right, and
    only from proxies that the operator named.
    """
    unknown = "0.0.0.0"  # noqa: S104  (nothing listens on it)
    address = request.client.host if request.client else unknown
    if _is_trusted(address, tuple(trusted)):
        for hop in reversed(request.headers.get("x-forwarded-for", "").split(",")):
            address = hop.strip() or address
            if not _is_trusted(address, tuple(trusted)):
                break
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return (
        str(parsed)
        if parsed.version == 4
        else str(ipaddress.ip_network(f"{parsed}/64", strict=False))
    )


@lru_cache(maxsize=1024)
def _is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in ipaddress.ip_network(network, strict=False) for network in trusted)


class Quota:
    """At most `limit` requests per key in `span_s` seconds, counted in memory by each process.

    For reading only. What causes a mail is counted in the database (`store.caps`).
    """

    def __init__(self, limit: int, span_s: float) -> None:
        self.limit, self.span_s = limit, span_s
        self._events: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def take(self, key: str, now: float | None = None) -> bool:
        """Count an event; False when the key is at its limit."""
        now = time.monotonic() if now is None else now
        with self._lock:
            if len(self._events) > 50_000:
                self._events = {
                    k: v for k, v in self._events.items() if v and v[-1] > now - self.span_s
                }
            events = self._events.setdefault(key, deque())
            while events and events[0] <= now - self.span_s:
                events.popleft()
            if len(events) >= self.limit:
                return False
            events.append(now)
            return True
