"""What the readers of one moment share: eligible papers, their heat, the matches of each topic.
Also what `choose` needs of each reader.

An edition can be made again for a moment in the past.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine

from newsletter import taste
from newsletter.errors import InputError
from newsletter.models import (
    MIXES,
    NO_OPINIONS,
    Choice,
    Heat,
    Match,
    Opinions,
    Paper,
    Signal,
    Subscriber,
    Topic,
)
from newsletter.ports import Matcher
from newsletter.steps.candidates import ELIGIBLE
from newsletter.steps.choose import CandidateSet, choose
from newsletter.steps.match import match
from newsletter.steps.trend import trend
from newsletter.stopwatch import Stopwatch
from newsletter.store import (
    feedback,
    ledger_read,
    merged,
    paper_events,
    papers,
    seeds,
    signals,
    topics,
    trends,
)
from newsletter.store import paper_merges as merge_store
from newsletter.store.db import reading, writing


@dataclass
class Edition:
    """What all readers of one moment share."""

    now: datetime
    papers: dict[int, Paper]
    heats: dict[int, Heat]
    topics: dict[int, Topic]
    matches: Mapping[int, Sequence[Match]]
    candidates: CandidateSet
    watch: Stopwatch = field(default_factory=Stopwatch)
    #: events of papers of earlier issues, to be told to readers who had them
    news: paper_events.News = field(default_factory=dict)
    #: papers with votes that are not eligible any more, by Paper.key; loaded once
    older: dict[int, Paper] = field(default_factory=dict)
    is_blackout: bool = False  #: no source answered: nothing found does not mean quiet
    no_content: int = 0  #: readers without papers because of that; they are tried again


def measure(engine: Engine, now: datetime) -> tuple[list[Paper], dict[int, Heat]]:
    """Measure the heat of every paper that was eligible at a moment, from the signals until
    then.
    """
    with reading(engine) as connection:
        eligible = papers.recent(connection, now - ELIGIBLE, now)
        keys = [paper.key for paper in eligible]
        readings: dict[int, list[Signal]] = signals.of_papers(connection, keys, now)
    return eligible, trend(eligible, readings, now)


def rank(engine: Engine, now: datetime) -> tuple[list[Paper], dict[int, Heat]]:
    """Measure the heats, and store them for pages and commands."""
    eligible, heats = measure(engine, now)
    store_heats(engine, eligible, heats, now)
    return eligible, heats


def store_heats(
    engine: Engine, eligible: Sequence[Paper], heats: Mapping[int, Heat], now: datetime
) -> None:
    """Store what pages and commands show of papers."""
    with writing(engine) as connection:
        signals.write_heats(connection, heats, now)
        trends.write(connection, eligible, heats, now)


def prepare(
    engine: Engine, matcher: Matcher, now: datetime, watch: Stopwatch | None = None
) -> Edition:
    """Rank and match once, for all readers. Nothing is stored."""
    watch = watch or Stopwatch()
    with watch.stage("trend"):
        eligible, heats = measure(engine, now)
    with reading(engine) as connection:
        wanted = {topic.id: topic for topic in topics.in_use(connection)}
        news = paper_events.news(connection, now)
        liking = taste.likings(connection, eligible, heats)
    with watch.stage("match"):
        matches = match(list(wanted.values()), eligible, matcher)
    with watch.stage("choose"):
        candidates = CandidateSet.prepare(eligible, heats, matches, wanted, now, liking)
    by_key = {paper.key: paper for paper in eligible}
    return Edition(now, by_key, heats, wanted, matches, candidates, watch, news)


def choose_for(
    engine: Engine, reader: Subscriber, edition: Edition, before: int | None = None
) -> Choice:
    """Return what one reader would get at this moment, whether or not a letter is planned.

    `before`: the id of a planned letter; choose as when it was planned, with the votes and examples
    until then.
    """
    if reader.mix not in MIXES:
        raise InputError(
            f"{reader.email} has the mix {reader.mix!r}, which this version does not know",
            hint="nothing is planned for this reader until the site is upgraded",
        )
    until = None if before is None else edition.now
    with reading(engine) as connection:
        had = read_seen(connection, reader.id, reader.id, edition.now, before)
        said = read_opinions(connection, [reader.id], edition, until).get(reader.id, NO_OPINIONS)
    return choose(reader, edition.candidates, had.get(reader.id, set()), said, edition.older)


def read_seen(
    connection: Connection, low: int, high: int, now: datetime, before: int | None = None
) -> dict[int, set[int]]:
    """Return what readers had. Who had a merged paper also had the one that it is shown as.

    `before`: count only letters that were planned before that one.
    """
    return merge_store.as_shown(
        ledger_read.seen_papers(connection, low, high, now, before),
        merged.shown_as(connection),
    )


def read_opinions(
    connection: Connection,
    readers: Sequence[int],
    edition: Edition,
    until: datetime | None = None,
) -> Mapping[int, Opinions]:
    """Return the votes and examples of readers, up to the moment `until` if given. Readers without
    any are absent.

    Papers with votes that are not eligible any more are put into `edition.older`, so that they
    still count.
    """
    votes = feedback.votes_of(connection, readers, until)
    voted = {paper for of_reader in votes.values() for paper in of_reader}
    missing = voted - edition.papers.keys() - edition.older.keys()
    edition.older.update(papers.by_keys(connection, missing))
    given = seeds.of_readers(connection, readers, until)
    held = {seed.paper for of_reader in given.values() for seed in of_reader if seed.paper}
    known = papers.by_keys(connection, held)
    return {
        reader: Opinions(
            votes.get(reader, {}),
            tuple(
                known.get(seed.paper or 0) or Paper(seed.name, seed.title)
                for seed in given.get(reader, ())
                if seed.paper or seed.title
            ),
        )
        for reader in {**votes, **given}
    }
