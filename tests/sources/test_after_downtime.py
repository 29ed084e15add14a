"""After days without the site, missed papers are fetched, and each reader gets one letter with the
best of all of them.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.app import App
from newsletter.config import Config
from newsletter.models import Subscriber, SubscriberState
from newsletter.site_queries import search
from newsletter.store import ledger_read, subscribers, topics
from newsletter.store.db import reading, writing
from newsletter.tokens import Tokens
from tests.databases import make_sqlite
from tests.mailbox import Mailbox
from tests.sources.mirror import Mirror, Reply
from tests.sources.world import Made, World, noon

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2026, 5, day) for day in range(4, 9))
NEXT_MONDAY = date(2026, 5, 11)
READERS = ("ada@example.org", "lin@example.org")


def week() -> list[Made]:
    """Twelve papers a day; the best ones of the missed days have more votes than the best of the
    day of return.
    """
    best = {MONDAY: 50, TUESDAY: 90, WEDNESDAY: 80, THURSDAY: 70, FRIDAY: 60, NEXT_MONDAY: 40}
    return [
        Made(100 * day.day + n, day, votes if n == 0 else n % 3)
        for day, votes in best.items()
        for n in range(12)
    ]


@pytest.fixture
def world(mirror: Mirror) -> World:
    days = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
    return World(
        mirror, week(), [Made(900 + n, day, 0, "Zebrafish sleep") for n, day in enumerate(days)]
    )


@pytest.fixture
def site(tmp_path: Path, mirror: Mirror) -> Iterator[App]:
    (tmp_path / "secret.key").write_text("k" * 64)
    url = f"sqlite:///{tmp_path / 'site.db'}"
    engine = make_sqlite(tmp_path / "site.db")
    config = Config.model_validate(
        {
            "site": {
                "from": "digest@papers.example.org",
                "secret_key_file": tmp_path / "secret.key",
            },
            "database": {"url": url},
            "smtp": {
                "host": "127.0.0.1",
                "port": 1,
                "security": "none",
                "connections": 1,
                "timeout_s": 5,
            },
            "sources": {
                "arxiv": {
                    "categories": ["cs.CL"],
                    "interval_s": 0,
                    "url": f"{mirror.url}/rss",
                    "api_url": f"{mirror.url}/api",
                    "oai_url": f"{mirror.url}/oai",
                },
                "huggingface": {"url": f"{mirror.url}/papers", "days": 1},
                "biorxiv": {"url": f"{mirror.url}/details", "servers": ["biorxiv"], "days": 1},
            },
            "http": {"allow_private_networks": True},
        }
    )
    with writing(engine) as connection:
        ids = tuple(
            topics.find_or_add(connection, query).id for query in ("sparse attention", "zebrafish")
        )
        for email in READERS:
            reader = Subscriber(0, email, SubscriberState.ACTIVE, topics=ids, size=12)
            subscribers.add(connection, reader, email, datetime(2026, 5, 1, tzinfo=UTC))
    app = App(config, engine, Tokens([b"k" * 64]))
    yield app
    app.close()


class Post:
    """Runs the site at some moments, and knows which papers each reader was shown."""

    def __init__(self, site: App, world: World, mailbox: Mailbox) -> None:
        self.site, self.world, self.mailbox = site, world, mailbox
        site.config = site.config.model_copy(
            update={"smtp": site.config.smtp.model_copy(update={"port": mailbox.port})}
        )

    async def run(self, moment: datetime) -> dict[str, list[list[str]]]:
        """Reader -> the papers of each letter that came out of this run."""
        before = len(self.mailbox.raw)
        report = await self.site.run(self.world.turn_to(moment))
        self.sources = report.data["sources"]
        letters: dict[str, list[list[str]]] = {reader: [] for reader in READERS}
        for to, raw in self.mailbox.raw[before:]:
            plain = raw.decode().replace("=\r\n", "").partition("text/html")[0]
            found = re.findall(r"arxiv\.org/abs/(2605\.\d{5})|content/(10\.1101/[\d.]+)v1", plain)
            letters[to].append(list(dict.fromkeys(arxiv or doi for arxiv, doi in found)))
        return letters


def of_day(world: World, *days: date) -> set[str]:
    return {paper.id for paper in world.arxiv if paper.day in days} | {
        p.doi for p in world.biorxiv if p.day in days
    }


def best(world: World, day: date) -> str:
    return max(
        (paper for paper in world.arxiv if paper.day == day), key=lambda paper: paper.upvotes
    ).id


@pytest.mark.parametrize("way", ["query API", "OAI-PMH"])
async def test_after_three_days_off_one_letter_brings_the_best_of_them(
    site: App, world: World, mirror: Mirror, way: str
) -> None:
    if way == "OAI-PMH":
        mirror.routes["/api"] = Reply(b"", 503)
    async with Mailbox() as mailbox:
        post = Post(site, world, mailbox)
        first = await post.run(noon(MONDAY))
        assert {len(letters) for letters in first.values()} == {1}
        back = await post.run(noon(FRIDAY))
        again = await post.run(noon(FRIDAY) + timedelta(hours=1))
        later = await post.run(noon(NEXT_MONDAY))
    with reading(site.engine) as connection:
        issues = ledger_read.issue_counts(connection)
    assert [issue["date"] for issue in issues] == [
        f"{NEXT_MONDAY}",
        f"{FRIDAY}",
        f"{MONDAY}",
    ]
    assert {len(letters) for letters in again.values()} == {0}
    for reader in READERS:
        [monday], [friday], [last] = first[reader], back[reader], later[reader]
        assert {best(world, day) for day in (TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)} <= set(friday)
        assert set(friday) & {
            paper.doi for paper in world.biorxiv if paper.day in (TUESDAY, WEDNESDAY, THURSDAY)
        }
        assert len(friday) <= 12
        assert not set(monday) & set(friday) and not set(last) & {*monday, *friday}
        assert best(world, NEXT_MONDAY) in last
    with reading(site.engine) as connection:
        assert ledger_read.check(connection) == []


async def test_every_paper_of_the_missed_days_is_known_afterwards(site: App, world: World) -> None:
    async with Mailbox() as mailbox:
        post = Post(site, world, mailbox)
        await post.run(noon(MONDAY))
        await post.run(noon(FRIDAY))
    assert post.sources["arxiv"]["state"] == "fresh"
    known = {paper.id for paper, _ in search(site.engine, "sparse OR zebrafish", 200)}
    assert known == of_day(world, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)


async def test_what_could_not_be_caught_up_at_once_comes_the_next_day_and_nothing_comes_twice(
    site: App, world: World, mirror: Mirror
) -> None:
    async with Mailbox() as mailbox:
        post = Post(site, world, mailbox)
        await post.run(noon(MONDAY))
        api, votes = mirror.routes["/api"], mirror.routes["/papers"]
        for path in ("/api", "/oai", "/papers"):
            mirror.routes[path] = Reply(b"", 503)
        friday = await post.run(noon(FRIDAY))
        assert "still missing" in post.sources["arxiv"]["error"]
        mirror.routes |= {"/api": api, "/papers": votes}
        assert await post.run(noon(FRIDAY) + timedelta(hours=3)) == {
            reader: [] for reader in READERS
        }
        monday = await post.run(noon(NEXT_MONDAY))
    for reader in READERS:
        [early], [late] = friday[reader], monday[reader]
        assert set(early) <= of_day(world, MONDAY, FRIDAY) | {paper.doi for paper in world.biorxiv}
        assert {best(world, day) for day in (TUESDAY, WEDNESDAY, THURSDAY)} <= set(late)
        assert not set(early) & set(late)
