"""A site with topics, and its pages behind a real server."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import uvicorn

from newsletter.app import App
from newsletter.config import Config
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import subscribers
from newsletter.store.db import reading, writing
from newsletter.tokens import Tokens
from newsletter.web import create_app, server
from tests.databases import make_sqlite

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Clock:
    """Tells the site what time it is; a test may move it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    engine = make_sqlite(tmp_path / "site.db", with_topics=True)
    given = {"database": {"url": f"sqlite:///{tmp_path / 'site.db'}"}}
    app = App(Config.model_validate(given), engine, Tokens([b"k" * 64]))
    yield app
    app.close()


@pytest.fixture
def web(app: App, clock: Clock) -> Iterator[httpx2.Client]:
    with serving(app, clock) as client:
        yield client


class QuickServer(uvicorn.Server):
    """Looks every 5 ms whether it should end; uvicorn itself looks every 100."""

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # noqa: ASYNC110 (what ends it is set by a thread)
            await asyncio.sleep(0.005)


class serving:
    """The site's pages on a loopback port; gives a client that follows nothing and trusts no
    environment.
    """

    def __init__(self, app: App, clock: Callable[[], datetime]) -> None:
        self.server = QuickServer(server.settings(create_app(app, clock), port=0))
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> httpx2.Client:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.port: int = self.server.servers[0].sockets[0].getsockname()[1]
        self.client = httpx2.Client(base_url=f"http://localhost:{self.port}", trust_env=False)
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.server.should_exit = True
        self.thread.join()


def a_reader(
    app: App, email: str = "ada@example.org", state: SubscriberState = SubscriberState.ACTIVE
) -> Subscriber:
    with writing(app.engine) as connection:
        return subscribers.add(connection, Subscriber(0, email, state), email, NOW)


def now_of(app: App, reader: Subscriber) -> Subscriber:
    with reading(app.engine) as connection:
        return subscribers.get(connection, reader.id)


def link(
    app: App, reader: Subscriber, purpose: str, page: str = "", made: datetime = NOW, **more: int
) -> str:
    return f"/{page or purpose}/{app.tokens.make(purpose, reader.id, reader.epoch, made, **more)}"
