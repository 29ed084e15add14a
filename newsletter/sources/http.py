"""The HTTP client of all sources: polite, limited, without access to private networks. The sources
decide what an answer means.

Each rule here belongs to a row of part C of the fault table: the address is checked when connecting
(C11-C13, C30), bodies are decompressed with a limit (C07, C08), one deadline covers everything
(C09), redirects are followed by hand (C10, C14).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpcore2
import httpx2
import stamina

from newsletter.config import Http as HttpConfig
from newsletter.errors import Unreachable
from newsletter.sources.address_guard import GuardedBackend, Refused, Unresolved
from newsletter.sources.decompress import BodyError, inflater
from newsletter.text.secrets import without_secrets

MAX_REDIRECTS = 5
MAX_HEADERS = 200
ATTEMPTS = 3
RETRY_AFTER_S = (
    15 * 60.0,
    24 * 3600.0,
)  #: the shortest and the longest wait that a server may ask for (C02)
CONNECTIONS_PER_HOST = 4

_REDIRECTS = (301, 302, 303, 307, 308)
_TRANSIENT = (500, 502, 504)
_PORTS = {"http": 80, "https": 443}

# By default Stamina announces each retry on stdout, where results go. FetchError tells the outcome.
stamina.instrumentation.set_on_retry_hooks([])


class FetchError(Unreachable):
    """A request without a usable answer.

    `reason` is one word for programs: timeout, connect, refused-address, redirect, tls, status,
    too-large, truncated, encoding, protocol, address, not-a-feed. `answer` is the body of an error
    status: arXiv explains itself there.
    """

    code = "fetch"

    def __init__(
        self,
        message: str,
        reason: str,
        *,
        status: int = 0,
        retry_after_s: float | None = None,
        answer: "Answer | None" = None,
        is_transient: bool = False,
    ) -> None:
        super().__init__(without_secrets(message))
        self.reason = reason
        self.status = status
        self.retry_after_s = retry_after_s
        self.answer = answer
        self.is_transient = is_transient


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: 200, or 304 with an empty body."""

    status: int
    headers: httpx2.Headers
    body: bytes  #: inflated
    url: str  #: after redirects
    moved_to: str = ""  #: its new address, if the server said that it has moved (301, 308)

    @property
    def is_unchanged(self) -> bool:
        return self.status == 304


def conditional(memory: Mapping[str, str], key: str) -> dict[str, str]:
    """Return the headers that ask only for something newer than `validators` stored, byte for byte
    (C01).
    """
    headers = {
        "If-None-Match": memory.get(f"{key}.etag", ""),
        "If-Modified-Since": memory.get(f"{key}.modified", ""),
    }
    return {name: value for name, value in headers.items() if value}


def validators(answer: Answer, key: str) -> dict[str, str]:
    """Return what to store of an answer for `conditional`, RFC 9110 section 8.8."""
    found = {
        f"{key}.etag": answer.headers.get("etag", ""),
        f"{key}.modified": answer.headers.get("last-modified", ""),
    }
    return {name: value for name, value in found.items() if value and len(value) <= 1000}


class Throttle:
    """One request at a time, with at least `interval_s` between the end of one and the start of the
    next.

    A source with a rate limit (arXiv: one connection, three seconds) uses one throttle for all its
    hosts.
    """

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._lock = asyncio.Lock()
        self._free_at = 0.0

    async def __aenter__(self) -> None:
        await self._lock.acquire()
        try:
            await asyncio.sleep(self._free_at - _clock())
        except BaseException:
            self._lock.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._free_at = _clock() + self.interval_s
        self._lock.release()


class Http:
    """The HTTP client of one run. Use it as an async context; it keeps no cookies and reads no
    environment.

    `own` is the host and port of the site's own pages, which no feed may name.
    """

    def __init__(
        self, config: HttpConfig, user_agent: str, own: tuple[str, int] | None = None
    ) -> None:
        self._config = config
        self.user_agent = user_agent
        dialer = GuardedBackend(allow_private=config.allow_private_networks, own=own)
        self._transport = _Transport(dialer)
        self._hosts: dict[str, asyncio.Semaphore] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._transport.aclose()

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        accept: str = "*/*",
        throttle: Throttle | None = None,
    ) -> Answer:
        """Get one document: 200 or 304, complete, decompressed and within the limits.

        Temporary failures (a dropped connection, 500, 502, 504, a cut-off body) are retried twice,
        all within one deadline. `headers` are sent to this address only, never along a redirect to
        another host.

        Raises: FetchError: anything else.
        """
        asked = self._check(url)
        first_wait_s = max(throttle.interval_s if throttle else 0.0, 0.2)
        async with throttle or self._host(asked.host):
            try:
                async with asyncio.timeout(self._config.timeout_s):
                    async for attempt in stamina.retry_context(
                        on=_is_transient,
                        attempts=ATTEMPTS,
                        wait_initial=first_wait_s,
                        wait_max=10.0,
                        wait_jitter=0.2,
                        timeout=None,
                    ):
                        with attempt:
                            return await self._follow(asked, dict(headers or {}), accept)
            except TimeoutError:
                raise FetchError(
                    f"{_name(asked)} did not finish in {self._config.timeout_s:g} s", "timeout"
                ) from None
        raise AssertionError("stamina either returns or raises")

    async def _follow(self, url: httpx2.URL, headers: dict[str, str], accept: str) -> Answer:
        asked, moved_to, has_moved = url, "", True
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._exchange(
                url, headers if _origin(url) == _origin(asked) else {}, accept
            )
            location = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not location:
                return _judge(replace(answer, moved_to=moved_to))
            target = self._check(location, base=url)
            if url.scheme == "https" and target.scheme == "http":
                raise FetchError(f"{_name(url)} redirects from https to http", "redirect")
            has_moved = has_moved and answer.status in (301, 308)
            url = target
            moved_to = str(url) if has_moved else moved_to
        raise FetchError(f"{_name(asked)} redirects more than {MAX_REDIRECTS} times", "redirect")

    async def _exchange(self, url: httpx2.URL, headers: dict[str, str], accept: str) -> Answer:
        """Send one request, return one answer of any status. All errors of the libraries become
        FetchError here.
        """
        fixed = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": self.user_agent,
            "Accept": accept,
        }
        request = httpx2.Request(
            "GET", url, headers={**headers, **fixed, "Accept-Encoding": "gzip, deflate"}
        )
        try:
            response = await self._transport.handle_async_request(request)
            try:
                return await self._read(url, response)
            finally:
                await response.aclose()
        except Refused as e:
            raise FetchError(f"{_name(url)} is refused: {e}", "refused-address") from e
        except BodyError as e:
            raise FetchError(
                f"{_name(url)}: {e}", e.reason, is_transient=e.reason == "truncated"
            ) from e
        except httpcore2.ConnectError as e:
            if "CERTIFICATE_VERIFY_FAILED" in str(e):
                raise FetchError(
                    f"{_name(url)} shows a certificate that is not valid: {e}", "tls"
                ) from e
            is_transient = not isinstance(e, Unresolved)
            raise FetchError(
                f"{_name(url)} cannot be reached: {e}", "connect", is_transient=is_transient
            ) from e
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as e:
            raise FetchError(f"{_name(url)} broke off: {e}", "truncated", is_transient=True) from e
        except httpcore2.TimeoutException as e:
            raise FetchError(f"{_name(url)} did not answer in time", "timeout") from e

    async def _read(self, url: httpx2.URL, response: httpx2.Response) -> Answer:
        if len(response.headers.raw) > MAX_HEADERS:
            raise BodyError(f"more than {MAX_HEADERS} header lines", "protocol")
        inflate = inflater(
            response.headers.get("content-encoding", ""), self._config.max_body_bytes
        )
        parts = [inflate.feed(chunk) async for chunk in response.aiter_raw()]
        # A 304 has no body, whatever its headers say.
        if response.status_code != 304:
            inflate.finish()
        return Answer(response.status_code, response.headers, b"".join(parts), str(url))

    def _check(self, address: str, base: httpx2.URL | None = None) -> httpx2.URL:
        """Parse an address; refuse what is not http or https (C12). Credentials in it are never
        sent or shown.
        """
        try:
            url = base.join(address) if base else httpx2.URL(address)
        except (httpx2.InvalidURL, UnicodeError, ValueError) as e:
            raise FetchError(f"{address[:200]!r} is not an address: {e}", "address") from e
        if url.scheme not in _PORTS or not url.host:
            raise FetchError(
                f"{address[:200]!r} is refused: only http and https are fetched", "address"
            )
        if not self._config.allow_private_networks and url.port not in (None, *_PORTS.values()):
            raise FetchError(
                f"{_name(url)} is refused: only ports 80 and 443 are fetched", "refused-address"
            )
        return url.copy_with(username=None, password=None, fragment=None)

    def _host(self, host: str) -> asyncio.Semaphore:
        return self._hosts.setdefault(host, asyncio.Semaphore(CONNECTIONS_PER_HOST))


class _Transport(httpx2.AsyncBaseTransport):
    """A transport of httpx2 with our own connect; the rest is httpcore2's pool."""

    def __init__(self, dialer: GuardedBackend) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False),
            keepalive_expiry=10.0,
            network_backend=dialer,
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore2.Request(
                request.method,
                httpcore2.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
            )
        )
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Stream(answer))

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._answer.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()


def _judge(answer: Answer) -> Answer:
    if answer.status in (200, 304):
        return answer
    waits = answer.status == 429 or answer.status >= 500
    raise FetchError(
        f"{answer.url[:200]} answered {answer.status}",
        "status",
        status=answer.status,
        retry_after_s=retry_after_s(answer.headers) if waits else None,
        answer=answer,
        is_transient=answer.status in _TRANSIENT,
    )


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Return the seconds that the server asked to wait, within limits; the shortest wait if it
    named none.

    RFC 9110 section 10.2.3. The date form is compared with the server's own Date.
    """
    low, high = RETRY_AFTER_S
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(max(float(value), low), high)  # of too many digits: infinite
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return low
    return min(max(wait.total_seconds(), low), high)


def _is_transient(error: Exception) -> bool:
    return isinstance(error, FetchError) and error.is_transient


def _origin(url: httpx2.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc


def _name(url: httpx2.URL) -> str:
    return str(url)[:200]


def _clock() -> float:
    return asyncio.get_running_loop().time()
