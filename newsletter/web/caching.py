"""Headers that let browsers and proxies keep a public page (RFC 9111, RFC 9110 section 13)."""

import hashlib
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

#: Seconds for which a proxy may serve a page without asking again.
MAX_AGE_S = 60

Endpoint = Callable[[Request], Any]


def cacheable(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """Add an ETag and an age to the answers; answer 304 when the client has these bytes already."""

    async def answer(request: Request) -> Response:
        if iscoroutinefunction(endpoint):
            response: Response = await endpoint(request)
        else:
            response = await run_in_threadpool(endpoint, request)
        return with_etag(request, response) if response.status_code == 200 else response

    return answer


def with_etag(request: Request, response: Response, max_age_s: int = MAX_AGE_S) -> Response:
    """Return the response with its ETag; 304 without a body when the client has it."""
    tag = f'"{hashlib.blake2b(bytes(response.body), digest_size=16).hexdigest()}"'
    response.headers["ETag"] = tag
    response.headers.setdefault("Cache-Control", f"public, max-age={max_age_s}")
    known = request.headers.get("if-none-match", "")
    if known.strip() != "*" and tag not in [
        one.strip().removeprefix("W/") for one in known.split(",")
    ]:
        return response
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in ("content-length", "content-type")
    }
    return Response(status_code=304, headers=headers)
