"""Clients that open connections and say little or nothing: pages and delivery go on beside them."""

import asyncio
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx2
import pytest

from newsletter.app import App
from newsletter.runtime.daemon import Daemon
from newsletter.web import server as web_server
from tests.faults.server import Server
from tests.faults.site import NOW, make_site
from tests.web.conftest import Clock, serving

ROOT = Path(__file__).resolve().parent.parent.parent
#: What is left of a request when its client stops, and after each further byte of it.
BEGINNINGS = (b"", b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "HEADERS_S", 1.0)


def opened(port: int, count: int, stack: ExitStack) -> list[socket.socket]:
    """Open so many connections and begin a request on each."""
    made = []
    for number in range(count):
        one = stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), 5)))
        one.sendall(BEGINNINGS[number % len(BEGINNINGS)])
        made.append(one)
    return made


def is_closed(one: socket.socket, within_s: float) -> bool:
    one.settimeout(within_s)
    try:
        return one.recv(100) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


@pytest.fixture
def port(app: App, clock: Clock, quick: None) -> Iterator[int]:
    with serving(app, clock) as client:
        yield int(client.base_url.port or 0)


def test_K18_a_connection_without_a_whole_request_is_closed(port: int) -> None:
    with ExitStack() as stack:
        assert all(is_closed(one, 5) for one in opened(port, 6, stack))


def test_K18_headers_a_byte_at_a_time_do_not_prolong_the_limit(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), 5)) as one:
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")
            while time.monotonic() - began < 10:
                one.sendall(b"a")
                time.sleep(0.05)
        assert time.monotonic() - began < 6


def test_K18_a_second_request_on_a_connection_has_the_same_limit(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), 5)) as one:
        one.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        told = b""
        while not told.endswith(b"ready"):
            told += one.recv(10_000)
        one.sendall(b"GET /")
        assert is_closed(one, 4)


def test_K18_the_oldest_connection_without_a_request_makes_room(
    app: App, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "MOST_CONNECTIONS", 20)
    with serving(app, clock) as client, ExitStack() as stack:
        held = opened(int(client.base_url.port or 0), 30, stack)
        assert client.get("/readyz").status_code == 200
        assert all(is_closed(one, 3) for one in held[:10])
        assert not is_closed(held[-1], 0.2)


async def test_K18_pages_and_delivery_go_on_beside_1100_half_open_connections(
    tmp_path: Path,
) -> None:
    async with Server() as relay:
        site = make_site(tmp_path, 5, relay.port)
        daemon = Daemon(site.app, lambda: NOW)
        daemon.fetched_at = NOW.replace(year=2036)  # no source is asked
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        serving = asyncio.create_task(daemon.serve("127.0.0.1", port))
        assert await asyncio.to_thread(comes_true, lambda: answers(port))
        with ExitStack() as stack:
            await asyncio.to_thread(opened, port, 1_100, stack)
            for _ in range(5):
                began = time.monotonic()
                assert await asyncio.to_thread(answers, port)
                assert time.monotonic() - began < 3
            assert await asyncio.to_thread(comes_true, lambda: len(relay.accepted) == 5)
        daemon.stop.set()
        await serving


def comes_true(said: Callable[[], bool], within_s: float = 30) -> bool:
    until = time.monotonic() + within_s
    while not said() and time.monotonic() < until:
        time.sleep(0.1)
    return said()


def answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def test_K18_the_unit_file_allows_more_files_than_connections() -> None:
    unit = (ROOT / "deploy" / "newsletter.service").read_text()
    found = re.search(r"^LimitNOFILE=(\d+)$", unit, re.MULTILINE)
    assert found is not None
    assert int(found[1]) >= 4 * web_server.MOST_CONNECTIONS
