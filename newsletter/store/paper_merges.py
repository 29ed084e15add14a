"""Merges and splits of papers, as the operator ordered them. Both are stored and can be undone.

A merged paper keeps its row, sightings and signals, and is shown as the other one. A split moves
sightings to other papers and marks which paper each belongs to.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, select, tuple_, update

from newsletter.errors import InputError
from newsletter.models import Merge, Paper, Sighting
from newsletter.store.papers import forget_keys, paper_of, remember, sighting_of
from newsletter.store.tables import heats, merged_papers, papers, sightings


def shown_as(connection: Connection) -> dict[int, int]:
    """Return key of a merged paper -> key of the paper it is shown as."""
    return {
        row.paper: row.into
        for row in connection.execute(select(merged_papers.c.paper, merged_papers.c.into))
    }


def merged_into(connection: Connection, key: int) -> list[Paper]:
    """Load the papers that are shown as this one."""
    rows = connection.execute(
        select(papers)
        .join(merged_papers, merged_papers.c.paper == papers.c.key)
        .where(merged_papers.c.into == key)
        .order_by(papers.c.key)
    )
    return [paper_of(row) for row in rows]


def merge(connection: Connection, paper: Paper, other: Paper, now: datetime) -> None:
    """Show `other`, and what was merged into it, as `paper`.

    Raises: InputError when they are merged already.
    """
    if paper.key == other.key:
        raise InputError(f"{paper.id} and {other.id} are one paper already")
    connection.execute(
        update(merged_papers).where(merged_papers.c.into == other.key).values(into=paper.key)
    )
    connection.execute(merged_papers.insert().values(paper=other.key, into=paper.key, at=now))
    connection.execute(delete(heats).where(heats.c.paper == other.key))


def unmerge(connection: Connection, paper: Paper) -> None:
    connection.execute(delete(merged_papers).where(merged_papers.c.into == paper.key))


def own_sightings(connection: Connection, key: int) -> list[Sighting]:
    """Load the sightings of the paper itself, oldest first."""
    rows = connection.execute(
        select(sightings.c.record)
        .where(sightings.c.paper == key)
        .order_by(sightings.c.first_at, sightings.c.id)
    )
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
