"""One day, from start to end: the steps in order, and the transactions between them.

  fetch(sources)                   ask all sources at once; a failure is a value
  dedupe(sightings, known)         many sightings become one paper
  papers.remember, signals.record  one transaction
  trend(papers, signals, now)      heat within the field
  match(topics, papers)            each distinct query once
  choose(reader, candidates, …)    the papers of one reader, or a quiet day
  ledger_plan.freeze(day, rows)    one transaction: one row per reader who is due

`delivery/` sends the stored rows. Running the same moment twice changes nothing: the database has
one row per reader and issue.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from typing import Any

from sqlalchemy import Engine

from newsletter import lost_time, paper_changes
from newsletter.editions import Edition, read_opinions, read_seen
from newsletter.gc_tuning import growing
from newsletter.mail_kinds import DIGEST, QUIET, QUIET_ALONE
from newsletter.models import (
    NO_OPINIONS,
    Harvest,
)
from newsletter.ports import Source
from newsletter.steps.candidates import ELIGIBLE
from newsletter.steps.choose import choose, choose_quiet
from newsletter.steps.combine import lookup_keys
from newsletter.steps.compose import show
from newsletter.steps.dedupe import RULED, dedupe
from newsletter.steps.due import Due, due
from newsletter.steps.fetch import fetch
from newsletter.steps.tally import backdated, count, judged
from newsletter.store import (
    due_readers,
    ledger_plan,
    ledger_read,
    merged,
    paper_events,
    papers,
    runs,
    signals,
    source_lists,
)
from newsletter.store.db import reading, writing
from newsletter.store.ledger_plan import FreezeResult, FrozenRow

#: After this many silent days in a row, a note says that all is well.
SILENT_DAYS = 5
#: Readers per batch of planning. It limits memory, not the transaction.
BATCH = 2000


# -- what is new -----------------------------------------------------------------------------------


async def gather(
    engine: Engine, sources: Sequence[Source], now: datetime, plans: source_lists.Plans
) -> list[Harvest]:
    """Ask every source that does not have to wait. Nothing of the answers is stored; `learn` does
    that.

    The lists that are due by now are noted first, also for sources that have to wait.
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
    """Identify and store what the sources said, in one transaction. Returns per source the number
    of new, updated and merged papers.

    `is_backdated`: new papers count as first seen when they were published, not at `now`.
    """
    entries = [sighting for harvest in harvests for sighting in harvest.sightings]
    sightings = [sighting for sighting in entries if sighting.kind.is_paper]
    counts: dict[str, Counter[str]] = {harvest.source: Counter() for harvest in harvests}
    with writing(engine) as connection:
        seen_before = papers.known_sightings(connection, sightings)
        known = papers.having(
            connection, {key for sighting in sightings for key in lookup_keys(sighting)}
        )
        shown = merged.shown_as(connection)
        ruled = {
            name: paper
            for name, (paper, why) in seen_before.items()
            if why == RULED or paper in shown
        }
        known += papers.by_keys(
            connection, set(ruled.values()) - {paper.key for paper in known}
        ).values()
        merges = dedupe(sightings, known, now, ruled)
        if is_backdated:
            merges = [backdated(merge) for merge in merges]
        merges = lost_time.known_before(connection, merges)
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


# -- who gets what ---------------------------------------------------------------------------------


def resume_paused(engine: Engine, now: datetime) -> None:
    """Set readers whose pause has ended back to active."""
    with writing(engine) as connection:
        due_readers.resume_paused(connection, now.astimezone(UTC).date())


def find_due(engine: Engine, now: datetime, window: timedelta) -> list[Due]:
    """Return the groups of readers whose digest may be due.

    Planning finds out which of them have one already. Groups that were due before a restore are
    left out: their letters may have been sent.
    """
    with reading(engine) as connection:
        rhythms = due_readers.rhythms(connection)
        return lost_time.to_plan(connection, due(rhythms, now, window))


def plan(
    engine: Engine, edition: Edition, groups: Sequence[Due], expire_after: timedelta
) -> list[FreezeResult]:
    """Choose for all readers who are due, and store the result: one transaction per local date, one
    row per reader.
    """
    days = (
        freeze(engine, edition, day, rows(engine, edition, of_day, expire_after))
        for day, of_day in by_day(groups)
    )
    return [result for result in days if result]


def by_day(groups: Iterable[Due]) -> list[tuple[date, list[Due]]]:
    """Return the groups of each local date, oldest first.

    A day is frozen before the next one is chosen, so that no reader gets a paper of both.
    """
    days: dict[date, list[Due]] = {}
    for group in groups:
        days.setdefault(group.day, []).append(group)
    return sorted(days.items())


def freeze(
    engine: Engine, edition: Edition, day: date, chosen: Iterable[FrozenRow]
) -> FreezeResult | None:
    """Store what was chosen for readers of one local date; None when nobody was due."""
    shown: dict[int, dict[str, Any]] = {}
    planned = _noted(engine, edition, iter(chosen), shown)
    first = next(planned, None)
    if first is None:
        return None
    with edition.watch.stage("freeze"), growing():
        return ledger_plan.freeze(
            engine,
            day,
            chain([first], planned),
            candidates=len(edition.papers),
            papers=shown,
            now=edition.now,
        )


def _noted(
    engine: Engine,
    edition: Edition,
    chosen: Iterator[FrozenRow],
    shown: dict[int, dict[str, Any]],
) -> Iterator[FrozenRow]:
    """Pass rows on. What their letters say about papers is added to `shown`."""
    while batch := list(islice(chosen, BATCH)):
        new = {pick.paper for row in batch for pick in row.picks} - shown.keys()
        shown |= shown_papers(engine, edition, new)
        yield from batch


def rows(
    engine: Engine, edition: Edition, groups: Iterable[Due], expire_after: timedelta
) -> Iterator[FrozenRow]:
    """Choose for the readers of some groups, as a stream."""
    for group in groups:
        after = 0
        while True:
            with edition.watch.stage("choose"):
                batch = _next_rows(engine, edition, group, expire_after, after)
            if not batch:
                break
            after = batch[-1].subscriber
            if edition.is_blackout:
                found = [row for row in batch if row.picks and row.kind == DIGEST.name]
                edition.no_content += len(batch) - len(found)
                batch = found
            yield from batch


def shown_papers(
    engine: Engine, edition: Edition, keys: Collection[int]
) -> dict[int, dict[str, Any]]:
    """Return Paper.key -> what letters say about the paper, with the growth of its counters."""
    if not keys:
        return {}
    with reading(engine) as connection:
        readings = signals.of_papers(connection, keys, edition.now)
    return {
        key: show(edition.papers[key], edition.heats[key], readings.get(key, ()), edition.now)
        for key in keys
    }


def _next_rows(
    engine: Engine, edition: Edition, group: Due, expire_after: timedelta, after: int
) -> list[FrozenRow]:
    """Choose for the next readers of a group, in the order of their ids."""
    with reading(engine) as connection:
        rhythm = (group.timezone, group.hour, group.rhythm)
        batch = due_readers.due_batch(
            connection, rhythm, group.day, group.wish, after=after, limit=BATCH
        )
        if not batch:
            return []
        seen = read_seen(connection, batch[0].id, batch[-1].id, edition.now)
        opinions = read_opinions(connection, [reader.id for reader in batch], edition)
        silent = ledger_read.quiet_days(connection, batch[0].id, batch[-1].id, edition.now)
        untold = paper_events.untold(
            connection, edition.news, batch[0].id, batch[-1].id, edition.now
        )
        ids = [reader.id for reader in batch]
        may_have = lost_time.papers_of(connection, group, ids, edition.papers, expire_after)
    found = []
    expires = group.wish + expire_after
    for reader in batch:
        had: Collection[int] = seen.get(reader.id, ())
        if reader.id in may_have:
            had = may_have[reader.id].union(had)
        said = opinions.get(reader.id, NO_OPINIONS)
        picks = choose(
            reader, edition.candidates, had, said, edition.older, is_counting=False
        ).picks
        kind = DIGEST
        if not picks and silent.get(reader.id, 0) >= SILENT_DAYS - 1:
            picks = choose_quiet(reader, edition.candidates, had)
            kind = QUIET if picks else QUIET_ALONE
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
