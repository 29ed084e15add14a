"""A site after a day of news, its pages in a real browser, and a real mail server in between."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser, sync_playwright

from newsletter.app import App
from newsletter.config import Config
from newsletter.editions import rank
from newsletter.models import Harvest, Sighting, Signal, SourceState
from newsletter.pipeline import learn
from newsletter.tokens import Tokens
from tests.databases import make_sqlite
from tests.mailbox import Mailbox
from tests.needs import program
from tests.web.conftest import Clock, serving

START = datetime(2026, 11, 23, 5, tzinfo=UTC)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start one browser for this folder. Playwright keeps an event loop running, beside which no
    asynchronous test can run.
    """
    path = program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Site:
    app: App
    clock: Clock
    url: str
    mailbox: Mailbox
    loop: asyncio.AbstractEventLoop

    def deliver(self) -> dict[str, EmailMessage]:
        """Send what is due now; return recipient -> the last letter."""
        asyncio.run_coroutine_threadsafe(
            self.app.run(self.clock.now, is_fetching=False), self.loop
        ).result()
        return self.mailbox.letters

    def later(self, **span: float) -> None:
        self.clock.now += timedelta(**span)


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path, mailbox, loop = tmp_path_factory.mktemp("site"), Mailbox(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(mailbox.__aenter__(), loop).result()
    url = f"sqlite:///{path / 'site.db'}"
    engine = make_sqlite(path / "site.db", with_topics=True)
    smtp = {"host": "127.0.0.1", "port": mailbox.port, "security": "none"}
    app = App(
        Config.model_validate({"database": {"url": url}, "smtp": smtp}), engine, Tokens([b"k" * 64])
    )
    learn(engine, [news()], START)
    clock = Clock()
    clock.now = START
    with serving(app, clock) as client:
        base = str(client.base_url).rstrip("/")
        address = app.config.site.model_copy(update={"base_url": base})
        app.config = app.config.model_copy(update={"site": address})
        made = Site(app, clock, base, mailbox, loop)
        rank(engine, clock.now)
        yield made
    asyncio.run_coroutine_threadsafe(mailbox.__aexit__(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    app.close()


def news() -> Harvest:
    """Return papers of a morning; three of them have signals."""
    titles = (
        "A verifier for chain of thought reasoning",
        "Reasoning with small checkers",
        "Proofs that check reasoning",
        "When reasoning models stop thinking",
        "Language models that reason about rain",
        "Steps of reasoning, counted",
    )
    seen = [
        Sighting(
            "arxiv",
            f"2611.0{n:04}",
            title,
            f"We study reasoning in large language models. Finding {n}.",
            ("Mara Okafor", "Jonas Lindqvist"),
            ("cs.CL",),
            (f"arxiv:2611.0{n:04}",),
            published=START,
            links={"abs": f"https://arxiv.org/abs/2611.0{n:04}"},
        )
        for n, title in enumerate(titles)
    ]
    votes = [
        Signal(f"arxiv:2611.0{n:04}", "upvotes", "huggingface", 100.0 - n, START) for n in range(3)
    ]
    return Harvest("arxiv", SourceState.FRESH, tuple(seen), tuple(votes))
