"""Plan the issues that are due with a site's settings: its matcher, its summaries, how late a
digest may be, and what to do when no source answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from newsletter import editions, lost_time, pipeline, summaries
from newsletter.config import Config
from newsletter.health import sources as source_health
from newsletter.matching.embeddings import open_matcher
from newsletter.moments import iso
from newsletter.steps.due import Due
from newsletter.stopwatch import Stopwatch
from newsletter.store import acronyms, due_readers
from newsletter.store.db import reading


@dataclass(frozen=True)
class Planned:
    """What was stored at one moment."""

    is_anybody_due: bool = False
    issues: frozenset[int] = frozenset()  #: those that got rows or quiet days
    no_content: int = 0  #: readers who wait because no source answered


def open_edition(
    engine: Engine, config: Config, now: datetime, watch: Stopwatch | None = None
) -> editions.Edition:
    """Rank and match for all readers of a site.

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
    groups = pipeline.find_due(engine, now, window)
    if not groups:
        return Planned()
    edition = open_edition(engine, config, now, watch)
    days = {group.day for group in groups}
    edition.is_blackout = source_health.settle(engine, config, days, now)
    await _summarise(engine, config, edition, groups)
    frozen = pipeline.plan(engine, edition, groups, window)
    source_health.note_no_content(engine, config, edition.no_content, now)
    touched = frozenset(result.issue for result in frozen if result.planned or result.quiet)
    return Planned(True, touched, edition.no_content)


async def _summarise(
    engine: Engine, config: Config, edition: editions.Edition, groups: Sequence[Due]
) -> None:
    """Get summaries for the papers of the letters that are due, if an endpoint is configured."""
    if section := config.summaries:
        picked = pipeline.picked(engine, edition, groups, _window(config))
        written = await summaries.write(engine, section, edition.papers, picked, edition.now)
        edition.papers |= {
            key: replace(edition.papers[key], summary=text) for key, text in written.items()
        }


def would_plan(engine: Engine, config: Config, now: datetime) -> dict[str, Any]:
    """Return what `plan_due` would store at `now`: {"at", "due", "would_send", "quiet"}."""
    window = _window(config)
    edition, due_now, quiet = open_edition(engine, config, now), 0, 0
    for group in pipeline.find_due(engine, now, window):
        for row in pipeline.rows(engine, edition, group, window, {}):
            due_now += 1
            quiet += not row.picks
    return {"at": iso(now), "due": due_now, "would_send": due_now - quiet, "quiet": quiet}


def withheld(engine: Engine, config: Config, now: datetime) -> list[str]:
    """Return why due readers get nothing after a restore, as sentences."""
    return lost_time.withheld(engine, now, _window(config))


def has_due(engine: Engine, config: Config, now: datetime) -> bool:
    """Return whether a reader is due who has no letter planned."""
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
