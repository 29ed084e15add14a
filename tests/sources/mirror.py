"""A small real HTTP server that can also fail: tests set its answers, it records its requests."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from newsletter.sources.http import FetchError, Http

Misbehave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    path: str
    query: str
    headers: dict[str, str]
    at: float


class Mirror:
    """Answers by path. A route is a Reply, a list of Replies (one per request, the last stays), a
    function of the request, or a coroutine that writes whatever it likes to the connection.
    """

    def __init__(self) -> None:
        self.routes: dict[str, Reply | list[Reply] | Callable[[Request], Reply] | Misbehave] = {}
        self.answer: Reply | Callable[[Request], Reply] = Reply(b"nothing here", 404)  #: else
        self.log: list[Request] = []
        self.connections = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [request.path for request in self.log]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.strip().split("\r\n")
        path, _, query = line.split(" ")[1].partition("?")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        request = Request(path, query, headers, asyncio.get_running_loop().time())
        self.log.append(request)
        route = self.routes.get(path, self.answer)
        if inspect.iscoroutinefunction(route):
            await route(reader, writer)
            return False
        if isinstance(route, list):
            reply = route.pop(0) if len(route) > 1 else route[0]
        else:
            reply = route(request) if callable(route) else route
        length = {} if reply.status == 304 else {"Content-Length": str(len(reply.body))}
        fields = "".join(f"{name}: {value}\r\n" for name, value in (length | reply.headers).items())
        writer.write(f"HTTP/1.1 {reply.status} X\r\n{fields}\r\n".encode("latin-1") + reply.body)
        await writer.drain()
        return True


async def failure(http: Http, url: str, **options: object) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await http.get(url, **options)
    return caught.value
