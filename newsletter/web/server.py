"""How the pages are served: time limits and a limit of connections, so that clients that say little
or nothing cost the others nothing.
"""

import asyncio
import resource
from functools import cache
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Seconds from a connection, or from a further request's first byte, to the end of its headers.
HEADERS_S = 10.0
#: Seconds that a connection without a request is kept.
IDLE_S = 5
#: Most connections at a time.
MOST_CONNECTIONS = 1_000
#: Files that a process would like to have open; as many as the system allows.
FILES = 65_536


def settings(pages: ASGIApp, **more: Any) -> uvicorn.Config:
    """Return how to serve the pages. `more`: host, port, loop."""
    return uvicorn.Config(
        pages,
        http=PatientProtocol,
        log_level="warning",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=5,
        backlog=2048,
        **more,
    )


@cache
def most_files() -> int:
    """Return how many files this process may open; the limit is raised as far as the system allows
    (LimitNOFILE of the unit file).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return FILES if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a time limit for headers, which it does not have, and a limit of
    connections: the oldest one without a request makes room for a new one.
    """

    _until: asyncio.TimerHandle | None = None

    def connection_made(  # type: ignore[override]  # uvicorn's own takes a Transport, too
        self, transport: asyncio.Transport
    ) -> None:
        # Half of the files are for the database and delivery.
        if len(self.connections) >= min(MOST_CONNECTIONS, most_files() // 2):
            idle = (one for one in _oldest_first(self.connections) if one.is_idle)
            if (oldest := next(idle, None)) is None:
                transport.abort()
                return
            oldest.connections.discard(oldest)
            oldest.transport.abort()
        super().connection_made(transport)
        self.began = self.loop.time()
        self._wait_for_headers()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._until is None:
            self._wait_for_headers()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self.transport is not None:  # else it was refused
            super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether no request of this connection is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _wait_for_headers(self) -> None:
        self._until = self.loop.call_later(HEADERS_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None


def _oldest_first(connections: Any) -> list[PatientProtocol]:
    return sorted(connections, key=lambda one: one.began)
