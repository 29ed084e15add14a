"""A month of a site, day by day, as the pipeline does it: what is new is learned, everybody who is
due gets a row. Other benchmarks look at what was sent. Data: a folder as ../shared/data.
"""

import gzip
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, update

from newsletter import editions, pipeline
from newsletter.editions import Edition
from newsletter.matching.curated import load_curated
from newsletter.matching.index import Index
from newsletter.models import (
    Harvest,
    Sighting,
    Signal,
    SourceState,
    Subscriber,
    SubscriberState,
)
from newsletter.store import subscribers, tables, topics
from newsletter.store.db import migrate, open_engine, writing
from newsletter.text.identifiers import identifiers

#: Sources are asked at this hour (UTC), and readers get their letter an hour later.
FETCH, HOUR = time(6), 7
#: The weeks of quantum physics in the data are of another year: their list goes over these days.
QUANTUM_DAYS = 10
WINDOW = timedelta(hours=20)

Listings = dict[date, list[Sighting]]


@dataclass(frozen=True)
class Wish:
    """A made-up reader: what they asked for, and the categories that they would call theirs."""

    name: str
    topics: tuple[str, ...]  #: slugs of curated topics
    queries: tuple[str, ...] = ()
    home: tuple[str, ...] = ()  #: beginnings of categories
    more: tuple[tuple[str, Any], ...] = ()  #: settings


def rows(path: Path) -> Iterator[dict[str, Any]]:
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    yield from map(json.loads, filter(None, text.decode().split("\n")))


def sighting(row: Mapping[str, Any], day: date) -> Sighting:
    return Sighting(
        "arxiv",
        row["id"],
        " ".join(row["title"].split()),
        " ".join(row["summary"].split()),
        tuple(row["authors"]),
        tuple(row["categories"]),
        identifiers([f"arXiv:{row['id']}"]),
        published=datetime.combine(day, time(0), UTC),
        links={"abs": f"https://arxiv.org/abs/{row['id']}"},
    )


def listings(data: Path, first: date, days: int) -> Listings:
    """The lists of a month: each paper on the first day that lists it."""
    last = first + timedelta(days=days)
    found: Listings = defaultdict(list)
    known: set[str] = set()

    def add(row: Mapping[str, Any], day: date) -> None:
        if first <= day < last and row["id"] not in known:
            known.add(row["id"])
            found[day].append(sighting(row, day))

    for path in sorted((data / "arxiv_daily").glob("*.jsonl")):
        for row in rows(path):
            add(row, date.fromisoformat(path.stem))
    for path in sorted((data / "arxiv_fields").glob("astro*.gz")):
        for row in rows(path):
            add(row, date.fromisoformat(row["date"][:10]))
    quantum = [row for path in sorted((data / "arxiv_fields").glob("quant*")) for row in rows(path)]
    weekdays = [day for n in range(days) if (day := first + timedelta(days=n)).weekday() < 5]
    for number, row in enumerate(quantum):
        add(row, weekdays[number * QUANTUM_DAYS // max(1, len(quantum))])
    return dict(sorted(found.items()))


def readings(data: Path, first: date, days: int) -> dict[date, list[Signal]]:
    """Counters of Hugging Face by the day on which they were read."""
    found: dict[date, list[Signal]] = defaultdict(list)
    kinds = {"upvotes": "upvotes", "githubStars": "stars", "numComments": "comments"}
    for row in rows(data / "hf_upvote_series.jsonl"):
        for seen in row["obs"]:
            at = datetime.fromisoformat(seen["t"]).astimezone(UTC)
            if not first <= at.date() < first + timedelta(days=days):
                continue
            for name, kind in kinds.items():
                if seen.get(name) is not None:
                    about = f"arxiv:{row['id']}"
                    found[at.date()].append(Signal(about, kind, "huggingface", seen[name], at))
    return found


@contextmanager
def new_site() -> Iterator[Engine]:
    """An SQLite database with the curated topics, thrown away afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/month.db")
        migrate(engine)
        with writing(engine) as connection:
            topics.seed(connection, load_curated())
        yield engine
        engine.dispose()


def enrol(engine: Engine, wishes: Sequence[Wish], now: datetime) -> dict[int, Wish]:
    """Add the readers, all of them active."""
    found = {}
    with writing(engine) as connection:
        for wish in wishes:
            ids = [topics.get(connection, slug).id for slug in wish.topics]
            ids += [topics.find_or_add(connection, query).id for query in wish.queries]
            email = f"{wish.name}@example.org"
            reader = Subscriber(
                0, email, SubscriberState.ACTIVE, topics=tuple(ids), hour=HOUR, rhythm="daily"
            )
            reader = replace(reader, **dict(wish.more))
            found[subscribers.add(connection, reader, email, now).id] = wish
    return found


def play(
    engine: Engine,
    lists: Listings,
    signals: Mapping[date, Sequence[Signal]],
    days: Iterable[date],
    watch: Callable[[Edition], None] = lambda edition: None,
) -> None:
    """Play the days: at `FETCH` what is new is learned, at `HOUR` letters are planned and count as
    sent. `watch` is told of each edition before letters are planned.
    """
    for day in days:
        at = datetime.combine(day, FETCH, UTC)
        seen = tuple(lists.get(day, ()))
        state = SourceState.FRESH if seen else SourceState.QUIET
        talk = tuple(signal for signal in signals.get(day, ()) if signal.at <= at)
        yesterday = signals.get(day - timedelta(days=1), ())
        late = [s for s in yesterday if s.at > at - timedelta(days=1)]
        pipeline.learn(engine, [Harvest("arxiv", state, seen)], at)
        heard = Harvest("huggingface", SourceState.FRESH, (), (*late, *talk))
        pipeline.learn(engine, [heard], at)
        now = datetime.combine(day, time(HOUR, 1), UTC)
        edition = editions.prepare(engine, Index(), now)
        watch(edition)
        pipeline.plan(engine, edition, pipeline.find_due(engine, now, WINDOW), WINDOW)
        with writing(engine) as connection:
            waiting = tables.deliveries.c.state == "pending"
            connection.execute(
                update(tables.deliveries).where(waiting).values(state="sent", settled_at=now)
            )
