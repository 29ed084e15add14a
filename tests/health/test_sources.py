"""Silence from end to end: a fault of a source is seen, retried in time, and told to the operator
and to readers.
"""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from newsletter import site_queries
from newsletter.app import App
from newsletter.config import Config
from newsletter.health import sources as source_health
from newsletter.models import Harvest, SourceState, Subscriber, SubscriberState, Unit
from newsletter.runtime.daemon import Daemon
from newsletter.steps.fetch import retry_at
from newsletter.store import ledger_read, runs, subscribers, topics
from newsletter.store.db import reading, writing
from newsletter.tokens import Tokens
from newsletter.web import create_app
from tests.databases import make_sqlite
from tests.mailbox import Mailbox

MONDAY = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Answers = dict[str, Callable[[], tuple[int, dict[str, str], bytes]]]


class Places:
    """A web of feeds: `say` sets what a path answers, `log` has what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.log: list[str] = []
        places = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                places.log.append(self.path)
                status, headers, body = places.answers.get(
                    self.path.partition("?")[0], (404, {}, b"")
                )
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def say(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> None:
        self.answers[path] = (status, headers, body)

    def asked(self, path: str) -> int:
        found = sum(one.partition("?")[0] == path for one in self.log)
        self.log = [one for one in self.log if one.partition("?")[0] != path]
        return found


def feed(*titles: str) -> bytes:
    items = "".join(
        f"<item><guid>{title}</guid><title>{title}</title><link>https://journal.example/{n}</link>"
        f"<description>We study language models and transformers: {title}.</description></item>"
        for n, title in enumerate(titles)
    )
    return f"<rss version='2.0'><channel><title>Journal</title>{items}</channel></rss>".encode()


@pytest.fixture
def places() -> Iterator[Places]:
    places = Places()
    places.say("/one", feed("A language model reads one book"))
    places.say("/two", feed("Large language models and two maps"))
    yield places
    places.server.shutdown()
    places.server.server_close()


@pytest.fixture
def site(tmp_path: Path, places: Places) -> Iterator[App]:
    url = f"sqlite:///{tmp_path / 'site.db'}"
    engine = make_sqlite(tmp_path / "site.db", with_topics=True)
    with writing(engine) as connection:
        topic = topics.get(connection, "language-models").id
        reader = Subscriber(
            0, "ada@example.org", SubscriberState.ACTIVE, topics=(topic,), rhythm="daily"
        )
        subscribers.add(connection, reader, "ada@example.org", MONDAY)
    config = Config.model_validate(
        {
            "site": {"from": "digest@papers.example.org", "contact": "ops@example.org"},
            "database": {"url": url},
            "smtp": {"host": "127.0.0.1", "port": 1, "security": "none", "timeout_s": 5},
            "sources": {
                "feeds": [{"name": name, "url": f"{places.url}/{name}"} for name in ("one", "two")]
            },
            "http": {"allow_private_networks": True},
        }
    )
    app = App(config, engine, Tokens([b"k" * 64]))
    yield app
    app.close()


def at_relay(app: App, mailbox: Mailbox) -> App:
    smtp = app.config.smtp.model_copy(update={"port": mailbox.port})
    app.config = app.config.model_copy(update={"smtp": smtp})
    return app


def down(places: Places, *paths: str) -> None:
    for path in paths:
        places.say(path, b"<html>503</html>", 503)


def status_at(app: App, now: datetime) -> dict[str, Any]:
    return site_queries.status(app.engine, app.config, now)


def nobody_is_due(app: App) -> None:
    with writing(app.engine) as connection:
        subscribers.set_state(connection, 1, SubscriberState.UNSUBSCRIBED)


def text_of(mailbox: Mailbox, to: str) -> str:
    body = mailbox.letters[to].get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return text


async def test_each_source_says_its_state_the_reason_and_since_when(
    site: App, places: Places
) -> None:
    await site.fetch(MONDAY)
    assert status_at(site, MONDAY)["troubles"] == []
    down(places, "/two")
    await site.fetch(MONDAY + 60 * MINUTE)
    await site.fetch(MONDAY + 120 * MINUTE)
    status = json.loads(json.dumps(status_at(site, MONDAY + 120 * MINUTE)))
    assert (status["sources"]["one"]["state"], status["sources"]["two"]["state"]) == (
        "quiet",
        "failed",
    )
    [trouble] = status["troubles"]
    assert trouble["since"] == "2026-05-04T13:00:00Z" and "503" in trouble["reason"]
    places.say("/two", feed("Large language models and two maps", "Language models at three"))
    await site.fetch(MONDAY + 600 * MINUTE)
    assert (
        status_at(site, MONDAY)["troubles"] == []
        and status_at(site, MONDAY)["sources"]["two"]["state"] == "fresh"
    )


def test_a_part_in_trouble_keeps_its_own_since(site: App) -> None:
    def note(moment: datetime, *states: str) -> None:
        units = tuple(
            Unit(f"cs.{n}", SourceState(state), error="is empty") for n, state in enumerate(states)
        )
        with writing(site.engine) as connection:
            runs.note_source(
                connection, Harvest("arxiv", SourceState.FRESH, units=units), {}, moment
            )

    note(MONDAY, "stalled", "fresh")
    note(MONDAY + 10 * MINUTE, "stalled", "failed")
    found = {one["unit"]: one["since"] for one in status_at(site, MONDAY)["troubles"]}
    assert found == {"cs.0": "2026-05-04T12:00:00Z", "cs.1": "2026-05-04T12:10:00Z"}
    note(MONDAY + 20 * MINUTE, "fresh", "failed")
    assert [one["unit"] for one in status_at(site, MONDAY)["troubles"]] == ["cs.1"]


def test_C03_the_wait_doubles_up_to_a_day() -> None:
    waits = [retry_at("failed", n, MONDAY) for n in (1, 2, 3, 7, 8, 500)]
    minutes = [(moment - MONDAY) / MINUTE for moment in waits if moment]
    assert minutes == [15, 30, 60, 960, 1440, 1440]
    assert retry_at("failed", 1, MONDAY, MONDAY + 90 * MINUTE) == MONDAY + 90 * MINUTE, (
        "its own wish is kept"
    )


def test_C05_what_is_suspiciously_empty_is_asked_three_times_in_half_an_hour() -> None:
    moment, tries = MONDAY, 0
    while again := retry_at("stalled", tries + 1, moment):
        moment, tries = again, tries + 1
    assert tries == 3 and moment - MONDAY == 30 * MINUTE


async def test_C05_the_daemon_asks_again_only_what_is_in_trouble(site: App, places: Places) -> None:
    nobody_is_due(site)
    clock = [MONDAY]
    daemon = Daemon(site, lambda: clock[0])
    await daemon.tick()
    assert (places.asked("/one"), places.asked("/two")) == (1, 1)
    places.say("/two", feed())
    clock[0] += 60 * MINUTE
    await daemon.tick()
    assert (places.asked("/one"), places.asked("/two")) == (1, 1)
    assert status_at(site, clock[0])["sources"]["two"]["state"] == "stalled"
    tries = 0
    for _ in range(11):
        clock[0] += 5 * MINUTE
        await daemon.tick()
        tries += places.asked("/two")
    assert (tries, places.asked("/one")) == (3, 0)


async def test_C03_the_daemon_leaves_a_failed_source_alone_for_longer_and_longer(
    site: App, places: Places
) -> None:
    down(places, "/two")
    nobody_is_due(site)
    clock = [MONDAY]
    daemon = Daemon(site, lambda: clock[0])
    asked = []
    for minute in range(0, 300, 15):
        clock[0] = MONDAY + minute * MINUTE
        await daemon.tick()
        if places.asked("/two"):
            asked.append(minute)
    assert asked == [0, 15, 45, 105, 225]
    assert places.asked("/one") == 5, "the good one is asked in its turn"


async def test_C26_the_operator_is_told_once_a_day(site: App, places: Places) -> None:
    down(places, "/two")
    async with Mailbox() as mailbox:
        at_relay(site, mailbox)
        for hour in range(3):
            await site.run(MONDAY + hour * 60 * MINUTE)
        assert [to for to, _ in mailbox.raw].count("ops@example.org") == 1
        assert "two: failed since 2026-05-04 12:00 UTC" in text_of(
            mailbox, "ops@example.org"
        ).replace("\n", " ")
        for day in range(1, 10):
            await site.run(MONDAY + timedelta(days=day))
        assert [to for to, _ in mailbox.raw].count("ops@example.org") == 10
    assert "ada@example.org" in mailbox.letters, "the others go on"


async def test_the_operator_is_not_told_of_what_passes_by_itself(site: App, places: Places) -> None:
    down(places, "/two")
    async with Mailbox() as mailbox:
        at_relay(site, mailbox)
        await site.run(MONDAY, patience=30 * MINUTE)
        assert "ops@example.org" not in mailbox.letters
        await site.run(MONDAY + 31 * MINUTE, is_fetching=False, patience=30 * MINUTE)
        assert "ops@example.org" in mailbox.letters


async def test_without_a_contact_nobody_is_told(site: App, places: Places) -> None:
    site.config = site.config.model_copy(
        update={"site": site.config.site.model_copy(update={"contact": ""})}
    )
    down(places, "/two")
    async with Mailbox() as mailbox:
        await at_relay(site, mailbox).run(MONDAY)
    assert [to for to, _ in mailbox.raw] == ["ada@example.org"]


async def test_C22_a_flood_is_told(site: App, places: Places) -> None:
    places.say("/two", feed(*(f"Language model number {n} of very many" for n in range(2_100))))
    async with Mailbox() as mailbox:
        await at_relay(site, mailbox).run(MONDAY)
    assert "2,100 entries" in text_of(mailbox, "ops@example.org")
    shown = status_at(site, MONDAY)["sources"]["two"]
    assert (
        shown["new"] == 2_000 and text_of(mailbox, "ada@example.org").count("journal.example") <= 16
    )


async def test_C03_the_footer_names_a_source_that_is_stale_for_a_day(
    site: App, places: Places
) -> None:
    down(places, "/two")
    async with Mailbox() as mailbox:
        at_relay(site, mailbox)
        await site.run(MONDAY)
        assert "for more than a day" not in text_of(mailbox, "ada@example.org")
        places.say("/one", feed("Another language model", "Transformers that are language models"))
        await site.run(MONDAY + timedelta(days=1, hours=1))
        said = " ".join(text_of(mailbox, "ada@example.org").split())
        assert "Nothing new has come from two for more than a day" in said
        html = mailbox.letters["ada@example.org"].get_body(("html",))
        assert html is not None and "has come from two for" in html.get_content()


async def test_C27_when_all_are_down_nobody_is_charged_a_quiet_day(
    site: App, places: Places
) -> None:
    down(places, "/one", "/two")
    async with Mailbox() as mailbox:
        report = await at_relay(site, mailbox).run(MONDAY)
        assert report.data["issues"] == [] and report.data["no_content"] == 1
        assert [to for to, _ in mailbox.raw] == ["ops@example.org"]
        assert "No source answers" in text_of(mailbox, "ops@example.org")
        assert status_at(site, MONDAY)["no_content"] == {
            "date": "2026-05-04",
            "at": "2026-05-04T12:00:00Z",
            "readers": 1,
        }
        with reading(site.engine) as connection:
            assert ledger_read.quiet_days(connection, 1, 10, MONDAY) == {}
        places.say("/one", feed("A language model comes late"))
        await site.run(MONDAY + 180 * MINUTE)
        assert "comes late" in text_of(mailbox, "ada@example.org"), "the day is not lost"


async def test_C27_the_last_good_papers_are_still_sent(site: App, places: Places) -> None:
    await site.fetch(MONDAY - timedelta(hours=3))
    down(places, "/one", "/two")
    async with Mailbox() as mailbox:
        report = await at_relay(site, mailbox).run(MONDAY)
    assert report.data["no_content"] == 0 and "ada@example.org" in mailbox.letters


async def test_C10_a_feed_that_moved_for_good_is_hinted_on_the_third_day(
    site: App, places: Places
) -> None:
    places.say("/one", b"", 301, Location=f"{places.url}/new")
    places.say("/new", feed("A language model moves"))
    for day in range(3):
        assert status_at(site, MONDAY)["hints"] == []
        await site.fetch(MONDAY + timedelta(days=day))
    [hint] = status_at(site, MONDAY)["hints"]
    assert f"{places.url}/new" in hint and "config.toml" in hint
    places.say("/one", feed("A language model is back"))
    await site.fetch(MONDAY + timedelta(days=3))
    assert status_at(site, MONDAY)["hints"] == []


async def test_C10_a_passing_redirect_is_no_hint(site: App, places: Places) -> None:
    places.say("/one", b"", 302, Location=f"{places.url}/new")
    places.say("/new", feed("A language model visits"))
    for day in range(4):
        await site.fetch(MONDAY + timedelta(days=day))
    assert status_at(site, MONDAY)["hints"] == []


async def test_health_names_troubles_without_what_may_be_a_key(site: App, places: Places) -> None:
    feeds = [{"name": "one", "url": f"{places.url}/gone?key=SECRET"}]
    sources = Config.model_validate({"sources": {"feeds": feeds}}).sources
    site.config = site.config.model_copy(update={"sources": sources})
    await site.fetch(MONDAY)
    assert create_app(site)
    with reading(site.engine) as connection:
        [trouble] = source_health.in_public(runs.source_states(connection))
    assert trouble["state"] == "failed" and trouble["since"] and "404" in trouble["reason"]
    assert "SECRET" not in trouble["reason"]
