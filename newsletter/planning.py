"""Plan the issues that are due with a site's settings: its matcher, its summaries, how late a
digest may be, and what to do when no source answered.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from newsletter import editions, lost_time, pipeline, summaries
from newsletter.config import Config, Summaries
from newsletter.health import sources as source_health
from newsletter.matching.embeddings import open_matcher
from newsletter.moments import iso
from newsletter.stopwatch import Stopwatch
from newsletter.store import acronyms, due_readers
from newsletter.store.db import reading
from newsletter.store.ledger_plan import FrozenRow


@dataclass(frozen=True)
class Planned:
    """What was stored at one moment."""

    is_anybody_due: bool = False
    issues: frozenset[int] = frozenset()  #: those that got rows or quiet days
    no_content: int = 0  #: readers who wait because no source answered


def open_edition(
    engine: Engine, config: Config, now: datetime, watch: Stopwatch | None = None
) -> editions.Edition:
    """Rank and match for all readers of a site. Nothing is stored.

    Raises: ConfigError when a model is configured and cannot be opened.
    """
    with reading(engine) as connection:
        meant = acronyms.every(connection)
    matcher = open_matcher(config.matching.model_folder, meant)
    return editions.prepare(engine, matcher, now, watch)


async def plan_due(engine: Engine, config: Config, now: datetime, watch: Stopwatch) -> Planned:
    """Store the letters that are due at `now`. The caller holds the run lock.

    Raises: ConfigError when a model is configured and cannot be opened.
    """
    window = _window(config)
    pipeline.resume_paused(engine, now)
    groups = pipeline.find_due(engine, now, window)
    if not groups:
        return Planned()
    edition = open_edition(engine, config, now, watch)
    with watch.stage("trend"):
        editions.store_heats(engine, list(edition.papers.values()), edition.heats, now)
    days = pipeline.by_day(groups)
    edition.is_blackout = source_health.settle(engine, config, [day for day, _ in days], now)
    frozen = []
    for day, of_day in days:
        chosen: Iterable[FrozenRow] = pipeline.rows(engine, edition, of_day, window)
        if config.summaries:
            chosen = await _summarised(engine, config.summaries, edition, list(chosen))
        if result := pipeline.freeze(engine, edition, day, chosen):
            frozen.append(result)
    source_health.note_no_content(engine, config, edition.no_content, now)
    touched = frozenset(result.issue for result in frozen if result.planned or result.quiet)
    return Planned(True, touched, edition.no_content)


async def _summarised(
    engine: Engine, section: Summaries, edition: editions.Edition, chosen: list[FrozenRow]
) -> list[FrozenRow]:
    """Have summaries written for the papers that were chosen; return the rows to freeze, which are
    those of readers who are still there.
    """
    readers = Counter(pick.paper for row in chosen for pick in row.picks)
    written = await summaries.write(engine, section, edition.papers, readers, edition.now)
    edition.papers |= {
        key: replace(edition.papers[key], summary=text) for key, text in written.items()
    }
    with reading(engine) as connection:
        there = due_readers.remaining(connection, [row.subscriber for row in chosen])
    return [row for row in chosen if row.subscriber in there]


def would_plan(engine: Engine, config: Config, now: datetime) -> dict[str, Any]:
    """Return what `plan_due` would store at `now`: {"at", "due", "would_send", "quiet"}. Who is
    paused today counts as paused.
    """
    window = _window(config)
    edition, due_now, quiet = open_edition(engine, config, now), 0, 0
    groups = pipeline.find_due(engine, now, window)
    for row in pipeline.rows(engine, edition, groups, window):
        due_now += 1
        quiet += not row.picks
    return {"at": iso(now), "due": due_now, "would_send": due_now - quiet, "quiet": quiet}


def withheld(engine: Engine, config: Config, now: datetime) -> list[str]:
    """Return why due readers get nothing after a restore, as sentences."""
    return lost_time.withheld(engine, now, _window(config))


def has_due(engine: Engine, config: Config, now: datetime) -> bool:
    """Return whether a reader is due who has no letter planned. Ends the pauses that are over."""
    pipeline.resume_paused(engine, now)
    groups = pipeline.find_due(engine, now, _window(config))
    with reading(engine) as connection:
        for group in groups:
            rhythm = (group.timezone, group.hour, group.rhythm)
            if due_readers.due_batch(connection, rhythm, group.day, group.wish, after=0, limit=1):
                return True
    return False


def _window(config: Config) -> timedelta:
    """Return how late a digest may be sent."""
    return timedelta(hours=config.delivery.expire_after_h)
