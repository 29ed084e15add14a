"""One day, start to end. This file calls the verbs in their order and owns the transactions between
them.

    fetch(sources)                     ask every place at once; a failure is a value
    dedupe(sightings, known)           many sightings, one paper
    papers.remember, signals.record    one transaction
    trend(papers, signals, now)        heat within the field
    match(topics, papers)              every distinct query once
    choose(reader, candidates, …)      one reader's picks, or quiet
    ledger_plan.freeze(day, rows)      ONE transaction: a row per reader who is due

Delivering what was frozen is the work of `delivery/`. Running the same moment twice changes
nothing: the database decides.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby
from typing import Any

from sqlalchemy import Connection, Engine

from newsletter import paper_changes
from newsletter.gc_tuning import growing
from newsletter.mail_kinds import DIGEST, QUIET
from newsletter.models import (
    OUTSIDE,
    Choice,
    Harvest,
    Heat,
    Match,
    Paper,
    Pick,
    Reason,
    Signal,
    Subscriber,
    Topic,
)
from newsletter.ports import Matcher, Source
from newsletter.steps.candidates import ELIGIBLE
from newsletter.steps.choose import CandidateSet, choose
from newsletter.steps.compose import show
from newsletter.steps.dedupe import RULED, dedupe, lookup_keys
from newsletter.steps.due import Due, due
from newsletter.steps.fetch import fetch
from newsletter.steps.match import match
from newsletter.steps.tally import backdated, count, judged
from newsletter.steps.trend import trend
from newsletter.store import (
    due_readers,
    feedback,
    ledger_plan,
    ledger_read,
    paper_events,
    papers,
    runs,
    signals,
    source_lists,
    topics,
    trends,
)
from newsletter.store import paper_merges as merge_store
from newsletter.store.db import reading, writing
from newsletter.store.ledger_plan import FreezeResult, FrozenRow

#: After so many silent days in a row one short note says that silence is not breakage.
SILENT_DAYS = 5
#: Readers planned at a time; bounds memory, not the transaction.
BATCH = 2000


class Stopwatch:
    """Seconds per stage, for the report of a run. A stage within another is not counted for the
    outer one.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._within = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start, outer, self._within = time.perf_counter(), self._within, 0.0
        try:
            yield
        finally:
            took = time.perf_counter() - start
            self.seconds[name] += took - self._within
            self._within = outer + took


# -- what is new -----------------------------------------------------------------------------------


async def gather(
    engine: Engine, sources: Sequence[Source], now: datetime, plans: source_lists.Plans
) -> list[Harvest]:
    """Ask every source that does not rest. What came back is not kept yet: `learn` does that.

    Lists that became due are noted first, also of a source that rests, so that none is forgotten.
    """
    with writing(engine) as connection:
        states = runs.source_states(connection)
        lists = {
            source.name: source_lists.open_due(
                connection,
                source.name,
                plans[source.name],
                now,
                states.get(source.name, {}).get("answered_at"),
            )
            for source in sources
            if source.name in plans
        }
    with reading(engine) as connection:
        resting = runs.resting(connection, now)
        recent = papers.recent(connection, now - ELIGIBLE, now)
        repositories = {
            p.identifiers[0]: p.links["code"] for p in recent if p.identifiers and "code" in p.links
        }
        awake = [source for source in sources if source.name not in resting]
        asks = {
            source.name: replace(
                runs.ask(connection, source.name, now, repositories),
                lists=lists.get(source.name, ()),
            )
            for source in awake
        }
    return await fetch(awake, asks)


def learn(
    engine: Engine, harvests: Sequence[Harvest], now: datetime, *, is_backdated: bool = False
) -> dict[str, Counter[str]]:
    """Identify and keep what the sources said, in one transaction; count new, updated and merged
    per source.

    `is_backdated`: new papers count as first seen when they were published, not now.
    """
    entries = [sighting for harvest in harvests for sighting in harvest.sightings]
    sightings = [sighting for sighting in entries if sighting.kind.is_paper]
    counts: dict[str, Counter[str]] = {harvest.source: Counter() for harvest in harvests}
    with writing(engine) as connection:
        seen_before = papers.known_sightings(connection, sightings)
        known = papers.having(
            connection, {key for sighting in sightings for key in lookup_keys(sighting)}
        )
        merged = merge_store.shown_as(connection)
        ruled = {
            name: paper
            for name, (paper, why) in seen_before.items()
            if why == RULED or paper in merged
        }
        known += papers.by_keys(
            connection, set(ruled.values()) - {paper.key for paper in known}
        ).values()
        merges = dedupe(sightings, known, now, ruled)
        if is_backdated:
            merges = [backdated(merge) for merge in merges]
        papers.remember(connection, merges, now)
        paper_changes.note(connection, {paper.key: paper for paper in known}, merges, now)
        paper_changes.note_notices(connection, entries, now)
        for harvest in harvests:
            counts[harvest.source]["seen"] = len(harvest.sightings)
            counts[harvest.source]["signals"] = signals.record(connection, harvest.signals)
        for merge in merges:
            count(merge, seen_before, counts)
        for harvest in harvests:
            tally = counts[harvest.source]
            stored = {name: tally[name] for name in ("seen", "new", "updated", "merged")}
            runs.note_source(connection, judged(harvest, tally), stored, now)
            source_lists.note(connection, harvest.source, harvest.lists, now)
    return counts


# -- what it means ---------------------------------------------------------------------------------


@dataclass
class Edition:
    """All that is shared between the readers of one moment."""

    now: datetime
    papers: dict[int, Paper]
    heats: dict[int, Heat]
    topics: dict[int, Topic]
    matches: Mapping[int, Sequence[Match]]
    candidates: CandidateSet
    watch: Stopwatch = field(default_factory=Stopwatch)
    #: what became of papers of earlier issues, to be told to whoever had them
    news: paper_events.News = field(default_factory=dict)
    #: papers with votes that are not eligible any more, by key; each is loaded once
    older: dict[int, Paper] = field(default_factory=dict)
    is_blackout: bool = False  #: no source answered, so silence says nothing about what is new
    no_content: int = (
        0  #: readers for whom nothing was found because of that; they are asked about again
    )


def rank(engine: Engine, now: datetime) -> tuple[list[Paper], dict[int, Heat]]:
    """Measure the heat of every eligible paper and keep it for pages and commands."""
    with reading(engine) as connection:
        eligible = papers.recent(connection, now - ELIGIBLE, now)
        readings: dict[int, list[Signal]] = signals.of_papers(
            connection, (paper.key for paper in eligible), now
        )
    heats = trend(eligible, readings, now)
    with writing(engine) as connection:
        signals.write_heats(connection, heats, now)
        trends.write(connection, eligible, heats, now)
    return eligible, heats


def prepare(
    engine: Engine, matcher: Matcher, now: datetime, watch: Stopwatch | None = None
) -> Edition:
    """Rank and match once, for every reader."""
    watch = watch or Stopwatch()
    with watch.stage("trend"):
        eligible, heats = rank(engine, now)
    with reading(engine) as connection:
        wanted = {topic.id: topic for topic in topics.in_use(connection)}
        news = paper_events.news(connection, now)
    with watch.stage("match"):
        matches = match(list(wanted.values()), eligible, matcher)
    with watch.stage("choose"):
        candidates = CandidateSet.prepare(eligible, heats, matches, wanted, now)
    by_key = {paper.key: paper for paper in eligible}
    return Edition(now, by_key, heats, wanted, matches, candidates, watch, news)


def choose_for(engine: Engine, reader: Subscriber, edition: Edition) -> Choice:
    """What one reader would get at this moment, whether or not a letter is planned already."""
    with reading(engine) as connection:
        seen = _seen(connection, reader.id, reader.id, edition.now).get(reader.id, set())
        votes = _votes(connection, [reader.id], edition).get(reader.id, {})
    return choose(reader, edition.candidates, seen, votes, edition.older)


# -- who gets what ---------------------------------------------------------------------------------


def find_due(engine: Engine, now: datetime, window: timedelta) -> list[Due]:
    """Groups of readers whose digest may be due; whether each has one already is asked when
    planning.
    """
    with writing(engine) as connection:
        due_readers.resume_paused(connection, now.astimezone(UTC).date())
        rhythms = due_readers.rhythms(connection)
    return due(rhythms, now, window)


def plan(
    engine: Engine, edition: Edition, groups: Sequence[Due], expire_after: timedelta
) -> list[FreezeResult]:
    """Choose for everybody who is due and freeze it: one transaction per local date, a row per
    reader.
    """
    results = []
    for day, of_day in groupby(
        sorted(groups, key=lambda group: group.day), key=lambda group: group.day
    ):
        shown: dict[int, dict[str, Any]] = {}
        planned = (
            row for group in of_day for row in rows(engine, edition, group, expire_after, shown)
        )
        first = next(planned, None)
        if first is None:
            continue
        with edition.watch.stage("freeze"), growing():
            everybody = chain([first], planned)
            results.append(
                ledger_plan.freeze(
                    engine,
                    day,
                    everybody,
                    candidates=len(edition.papers),
                    papers=shown,
                    now=edition.now,
                )
            )
    return results


def picked(
    engine: Engine, edition: Edition, groups: Sequence[Due], expire_after: timedelta
) -> Counter[int]:
    """How many of those who are due would get each paper. Nothing is kept."""
    trial, shown = replace(edition), dict[int, dict[str, Any]]()
    due_rows = (row for group in groups for row in rows(engine, trial, group, expire_after, shown))
    return Counter(pick.paper for row in due_rows for pick in row.picks)


def rows(
    engine: Engine,
    edition: Edition,
    group: Due,
    expire_after: timedelta,
    shown: dict[int, dict[str, Any]],
) -> Iterator[FrozenRow]:
    """Choose for the readers of one group, in a stream; what their letters say about papers is
    collected in `shown`.
    """
    after = 0
    while True:
        with edition.watch.stage("choose"):
            batch = _next_rows(engine, edition, group, expire_after, after)
        if not batch:
            return
        after = batch[-1].subscriber
        if edition.is_blackout:
            found = [row for row in batch if row.picks and row.kind == DIGEST.name]
            edition.no_content += len(batch) - len(found)
            batch = found
        for row in batch:
            for pick in row.picks:
                if pick.paper not in shown:
                    shown[pick.paper] = show(edition.papers[pick.paper], edition.heats[pick.paper])
        yield from batch


def _next_rows(
    engine: Engine, edition: Edition, group: Due, expire_after: timedelta, after: int
) -> list[FrozenRow]:
    """Choose for the next readers of a group, by number."""
    with reading(engine) as connection:
        rhythm = (group.timezone, group.hour, group.rhythm)
        batch = due_readers.due_batch(
            connection, rhythm, group.day, group.wish, after=after, limit=BATCH
        )
        if not batch:
            return []
        seen = _seen(connection, batch[0].id, batch[-1].id, edition.now)
        votes = _votes(connection, [reader.id for reader in batch], edition)
        silent = ledger_read.quiet_days(connection, batch[0].id, batch[-1].id, edition.now)
        untold = paper_events.untold(
            connection, edition.news, batch[0].id, batch[-1].id, edition.now
        )
    found = []
    expires = group.wish + expire_after
    for reader in batch:
        had: Collection[int] = seen.get(reader.id, ())
        own = votes.get(reader.id, {})
        picks = choose(reader, edition.candidates, had, own, edition.older, is_counting=False).picks
        kind = DIGEST
        if not picks and silent.get(reader.id, 0) >= SILENT_DAYS - 1:
            kind, picks = QUIET, _top_three(edition)
        found.append(
            FrozenRow(
                reader.id,
                kind.name,
                picks,
                group.wish,
                expires,
                reader.address_version,
                untold.get(reader.id, ()) if picks else (),
            )
        )
    return found


def _seen(connection: Connection, low: int, high: int, now: datetime) -> dict[int, set[int]]:
    """What readers had; who had a merged paper also had the one that it is shown as."""
    return merge_store.as_shown(
        ledger_read.seen_papers(connection, low, high, now), merge_store.shown_as(connection)
    )


def _votes(
    connection: Connection, readers: Sequence[int], edition: Edition
) -> Mapping[int, Mapping[int, int]]:
    """Readers' votes; `edition.older` then has the older papers among them, so that they still
    count.
    """
    votes = feedback.votes_of(connection, readers)
    voted = {paper for of_reader in votes.values() for paper in of_reader}
    missing = voted - edition.papers.keys() - edition.older.keys()
    edition.older.update(papers.by_keys(connection, missing))
    return votes


def _top_three(edition: Edition) -> tuple[Pick, ...]:
    """The hottest papers of all fields, for the note that follows a silent week."""
    hottest = sorted(edition.heats.items(), key=lambda item: (-item[1].value, item[0]))[:3]
    return tuple(
        Pick(paper, OUTSIDE, heat.value, 0.0, heat.value, (Reason("outside"),))
        for paper, heat in hottest
    )
