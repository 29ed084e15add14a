"""Delete old records, in batches of one short transaction each.

The counts of deleted letters are kept. No paper is sent twice because of a deletion: planning looks
back 15 days, and only letters of 30 days and older are deleted. Rows that wait or are held are
never deleted.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, exists, func, or_, select, text

from newsletter.store.db import insert_into, writing
from newsletter.store.tables import (
    deliveries,
    heats,
    issue_papers,
    merged_papers,
    paper_keys,
    papers,
    picks,
    removed_letters,
    runs,
    seeds,
    sightings,
    signals,
    trends,
    votes,
)

#: Rows deleted in one transaction, so that a request waits for it only a few milliseconds.
BATCH = 1_000
#: The most batches that one run deletes; the next run continues.
BATCHES = 50
#: Letters without an outcome, or that wait for a decision of the operator.
_OPEN = ("pending", "claimed", "dot", "deferred", "held")

Step = Callable[[Connection, datetime], int]


def sweep(
    engine: Engine, days: dict[str, int], now: datetime, most: int | None = None
) -> dict[str, int]:
    """Delete records older than their limit in days; return kind -> number deleted.

    `days` has "letters", "signals", "papers" and "runs"; 0 keeps them for ever. `most` limits the
    batches of one call; the next call continues.
    """
    removed = dict.fromkeys(days, 0)
    batches = 0
    for kind, step in _steps(days):
        before = now - timedelta(days=days[kind])
        while most is None or batches < most:
            with writing(engine) as connection:
                number = step(connection, before)
            removed[kind] += number
            batches += 1
            if number < BATCH:
                break
    return removed


def _steps(days: dict[str, int]) -> Iterator[tuple[str, Step]]:
    steps = {"letters": _letters, "signals": _signals, "papers": _papers, "runs": _runs}
    return ((kind, step) for kind, step in steps.items() if days.get(kind))


def _letters(connection: Connection, before: datetime) -> int:
    """Delete letters that were due before a moment, and add them to the counts of their issue."""
    old = select(deliveries.c.id, deliveries.c.issue, deliveries.c.state)
    old = old.where(deliveries.c.due_at < before, deliveries.c.state.not_in(_OPEN))
    rows = connection.execute(old.order_by(deliveries.c.due_at).limit(BATCH)).all()
    counts: dict[tuple[int, str], int] = {}
    for row in rows:
        key = (row.issue or 0, row.state)
        counts[key] = counts.get(key, 0) + 1
    for (issue, state), number in counts.items():
        kept = insert_into(connection, removed_letters)
        kept = kept.values(issue=issue, state=state, number=number)
        sum_of_both = removed_letters.c.number + kept.excluded.number
        connection.execute(
            kept.on_conflict_do_update(
                index_elements=["issue", "state"], set_={"number": sum_of_both}
            )
        )
    _delete(connection, deliveries.c.id, [row.id for row in rows])
    return len(rows)


def _signals(connection: Connection, before: datetime) -> int:
    """Delete readings of counters except the latest of each, with which new ones are compared."""
    later = signals.alias("later")
    has_later = exists().where(
        later.c.paper == signals.c.paper,
        later.c.source == signals.c.source,
        later.c.kind == signals.c.kind,
        later.c.at > signals.c.at,
    )
    old = select(signals.c.id).where(signals.c.at < before, has_later).limit(BATCH)
    ids = list(connection.scalars(old))
    _delete(connection, signals.c.id, ids)
    return len(ids)


def _papers(connection: Connection, before: datetime) -> int:
    """Delete papers that no source has shown since a moment, and that no letter, vote, example or
    pick names.
    """
    is_used = or_(
        exists().where(issue_papers.c.paper == papers.c.key),
        exists().where(votes.c.paper == papers.c.key),
        exists().where(seeds.c.paper == papers.c.key),
        exists().where(picks.c.paper == papers.c.key),
        exists().where(merged_papers.c.paper == papers.c.key),
        exists().where(merged_papers.c.into == papers.c.key),
        exists().where(sightings.c.paper == papers.c.key, sightings.c.last_at >= before),
    )
    old = select(papers.c.key).where(papers.c.first_seen < before, papers.c.is_hidden == 0)
    keys = list(connection.scalars(old.where(~is_used).limit(BATCH)))
    for column in (
        sightings.c.paper,
        signals.c.paper,
        heats.c.paper,
        trends.c.paper,
        paper_keys.c.paper,
    ):
        _delete(connection, column, keys)
    if connection.dialect.name == "sqlite" and keys:
        index = text("DELETE FROM paper_search WHERE rowid = :paper")
        connection.execute(index, [{"paper": key} for key in keys])
    _delete(connection, papers.c.key, keys)
    return len(keys)


def _runs(connection: Connection, before: datetime) -> int:
    """Delete reports of runs, except the last one."""
    last = select(func.max(runs.c.id)).scalar_subquery()
    old = select(runs.c.id).where(runs.c.started < before, runs.c.id != last).limit(BATCH)
    ids = list(connection.scalars(old))
    _delete(connection, runs.c.id, ids)
    return len(ids)


def _delete(connection: Connection, column: Any, keys: list[int]) -> None:
    for start in range(0, len(keys), 500):
        connection.execute(delete(column.table).where(column.in_(keys[start : start + 500])))
