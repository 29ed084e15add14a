"""Merges and splits of papers, as the operator ordered them. Both are stored and can be undone.

A merged paper keeps its row, names, sightings and signals, and is shown as the other one, whose
record before the merge is kept. A split undoes the last merge into a paper; without one it moves
sightings to other papers and marks which paper each belongs to.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, tuple_, update

from newsletter.errors import InputError
from newsletter.models import Merge, Paper, Sighting
from newsletter.store.papers import forget_keys, record_of, remember, sighting_of
from newsletter.store.tables import heats, merged_papers, papers, sightings


def merge(connection: Connection, paper: Paper, other: Paper, now: datetime) -> None:
    """Show `other`, and what was merged into it, as `paper`, which keeps its lookup keys.

    Raises: InputError when they are merged already.
    """
    if paper.key == other.key:
        raise InputError(f"{paper.id} and {other.id} are one paper already")
    latest = connection.scalar(select(func.max(merged_papers.c.at)))
    at = max(now, latest + timedelta(microseconds=1)) if latest else now
    row = {"paper": other.key, "into": paper.key, "at": at, "before": _as_json(paper)}
    connection.execute(merged_papers.insert().values(row))
    connection.execute(delete(heats).where(heats.c.paper == other.key))


def last_merge(connection: Connection, paper: Paper) -> tuple[int, datetime, Paper | None] | None:
    """Return the last merge into a paper: what was merged, when, and the record before it."""
    mine = select(merged_papers).where(merged_papers.c.into == paper.key)
    row = connection.execute(mine.order_by(merged_papers.c.at.desc()).limit(1)).first()
    return (row.paper, row.at, _of_json(paper.key, row.before)) if row else None


def unmerge(connection: Connection, key: int) -> None:
    """Show a merged paper, and what was merged into it, by itself again."""
    connection.execute(delete(merged_papers).where(merged_papers.c.paper == key))


def _as_json(paper: Paper) -> dict[str, Any]:
    moments = {"published": paper.published, "first_seen": paper.first_seen}
    return record_of(paper) | {n: m.isoformat() if m else None for n, m in moments.items()}


def _of_json(key: int, record: dict[str, Any]) -> Paper | None:
    """The paper of a stored record; None for a merge by a version that stored none."""
    if not record:
        return None
    values: dict[str, Any] = {**record, "key": key}
    for name, value in record.items():
        if name in ("published", "first_seen"):
            values[name] = datetime.fromisoformat(value) if value else None
        elif isinstance(value, list):
            values[name] = tuple(value)
        elif name in ("is_withdrawn", "is_hidden"):
            values[name] = bool(value)
    return Paper(**values)


def own_sightings(
    connection: Connection, key: int, after: datetime | None = None
) -> list[Sighting]:
    """Load the sightings of the paper itself, oldest first; `after`: only those made later."""
    query = select(sightings.c.record).where(sightings.c.paper == key)
    if after is not None:
        query = query.where(sightings.c.last_at > after)
    rows = connection.execute(query.order_by(sightings.c.first_at, sightings.c.id))
    return [sighting_of(row._mapping) for row in rows]


def rewrite(connection: Connection, merge: Merge, now: datetime) -> Paper:
    """Write a recombined paper and its lookup keys. A paper without a key is new."""
    if merge.paper.key:
        forget_keys(connection, merge.paper.key)
    return remember(connection, [merge], now)[0]


def is_taken(connection: Connection, id: str) -> bool:
    return connection.scalar(select(papers.c.key).where(papers.c.id == id)) is not None


def assign(connection: Connection, seen: Sequence[Sighting], paper: Paper, why: str) -> None:
    """Assign sightings to a paper; later fetches keep this."""
    names = [(sighting.source, sighting.source_id) for sighting in seen]
    mine = tuple_(sightings.c.source, sightings.c.source_id).in_(names)
    connection.execute(update(sightings).where(mine).values(paper=paper.key, why=why))


def first_at(connection: Connection, seen: Sequence[Sighting]) -> datetime | None:
    """Return when the first of these sightings was made."""
    names = [(sighting.source, sighting.source_id) for sighting in seen]
    query = (
        select(sightings.c.first_at)
        .where(tuple_(sightings.c.source, sightings.c.source_id).in_(names))
        .order_by(sightings.c.first_at)
        .limit(1)
    )
    moment: datetime | None = connection.scalar(query)
    return moment


def as_shown(of_reader: dict[int, set[int]], shown: dict[int, int]) -> dict[int, set[int]]:
    """Add to each reader's papers those that their merged papers are shown as."""
    if not shown:
        return of_reader
    return {
        reader: had | {shown[key] for key in had & shown.keys()}
        for reader, had in of_reader.items()
    }


def backdated(paper: Paper, moment: datetime | None) -> Paper:
    return replace(paper, first_seen=moment) if moment else paper
