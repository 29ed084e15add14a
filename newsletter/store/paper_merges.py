"""What the operator ruled about identity: two papers are one, or one is several. Both are
remembered and can be undone.

A merged paper stays as it was, with its sightings and signals, and is shown as the other. A split
moves sightings to papers of their own and marks where each belongs.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, select, tuple_, update

from newsletter.errors import InputError
from newsletter.models import Merge, Paper, Sighting
from newsletter.store import papers
from newsletter.store.papers import M, P, S
from newsletter.store.signals import H

PaperKeys = Callable[[Paper], tuple[str, ...]]


def shown_as(connection: Connection) -> dict[int, int]:
    """Key of a merged paper -> key of the paper it is shown as."""
    return {row.paper: row.into for row in connection.execute(select(M.c.paper, M.c.into))}


def merged_into(connection: Connection, key: int) -> list[Paper]:
    """The papers that are shown as this one."""
    rows = connection.execute(
        select(P).join(M, M.c.paper == P.c.key).where(M.c.into == key).order_by(P.c.key)
    )
    return [papers.paper_of(row) for row in rows]


def merge(connection: Connection, paper: Paper, other: Paper, now: datetime) -> None:
    """From now on `other`, and what was merged into it, is shown as `paper`.

    Raises: InputError when they are one already.
    """
    if paper.key == other.key:
        raise InputError(f"{paper.id} and {other.id} are one paper already")
    connection.execute(update(M).where(M.c.into == other.key).values(into=paper.key))
    connection.execute(M.insert().values(paper=other.key, into=paper.key, at=now))
    connection.execute(delete(H).where(H.c.paper == other.key))


def unmerge(connection: Connection, paper: Paper) -> None:
    connection.execute(delete(M).where(M.c.into == paper.key))


def own_sightings(connection: Connection, key: int) -> list[Sighting]:
    """What was seen of a paper itself, first one first."""
    rows = connection.execute(
        select(S.c.record).where(S.c.paper == key).order_by(S.c.first_at, S.c.id)
    )
    return [papers.sighting_of(row._mapping) for row in rows]


def rewrite(connection: Connection, paper: Paper, paper_keys: PaperKeys, now: datetime) -> Paper:
    """Write a paper that was made again, and what it is recognised by. One without a key is new."""
    if paper.key:
        papers.forget_keys(connection, paper.key)
    return papers.remember(connection, [Merge(paper, ())], now, paper_keys)[0]


def is_taken(connection: Connection, id: str) -> bool:
    return connection.scalar(select(P.c.key).where(P.c.id == id)) is not None


def place(connection: Connection, sightings: Sequence[Sighting], paper: Paper, why: str) -> None:
    """Put sightings to a paper for good."""
    names = [(sighting.source, sighting.source_id) for sighting in sightings]
    mine = tuple_(S.c.source, S.c.source_id).in_(names)
    connection.execute(update(S).where(mine).values(paper=paper.key, why=why))


def first_at(connection: Connection, sightings: Sequence[Sighting]) -> datetime | None:
    """When the first of these was seen."""
    names = [(sighting.source, sighting.source_id) for sighting in sightings]
    query = (
        select(S.c.first_at)
        .where(tuple_(S.c.source, S.c.source_id).in_(names))
        .order_by(S.c.first_at)
        .limit(1)
    )
    moment: datetime | None = connection.scalar(query)
    return moment


def as_shown(of_reader: dict[int, set[int]], shown: dict[int, int]) -> dict[int, set[int]]:
    """Reader -> papers, where one who had a merged paper also had the one it is shown as."""
    if not shown:
        return of_reader
    return {
        reader: had | {shown[key] for key in had & shown.keys()}
        for reader, had in of_reader.items()
    }


def backdated(paper: Paper, moment: datetime | None) -> Paper:
    return replace(paper, first_seen=moment) if moment else paper
