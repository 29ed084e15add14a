"""Papers that people picked, and what was learned from them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from newsletter.models import Seed
from newsletter.store import seeds
from newsletter.store.db import chunks, insert_into
from newsletter.store.tables import picks, tastes, votes


def add_picks(connection: Connection, given: Sequence[Seed], now: datetime) -> int:
    """Keep picked papers; return how many are new."""
    known = seeds.papers_of(connection, [name for pick in given for name in pick.names])
    rows = [
        {
            "name": pick.name,
            "title_key": pick.title_key,
            "title": pick.title,
            "paper": next((known[name] for name in pick.names if name in known), None),
            "at": now,
        }
        for pick in given
    ]
    before = connection.scalar(select(func.count()).select_from(picks)) or 0
    if rows:
        connection.execute(insert_into(connection, picks).on_conflict_do_nothing(), rows)
    return (connection.scalar(select(func.count()).select_from(picks)) or 0) - before


def match_new(connection: Connection, names: Mapping[str, int]) -> None:
    """Match picks that waited for papers by the lookup keys of new papers, name -> paper."""
    for part in chunks(sorted(names)):
        rows = select(picks.c.name, picks.c.title_key).where(
            picks.c.paper.is_(None), or_(picks.c.name.in_(part), picks.c.title_key.in_(part))
        )
        for row in connection.execute(rows).all():
            paper = names.get(row.name) or names.get(row.title_key)
            if paper:
                one = update(picks).where(picks.c.name == row.name)
                connection.execute(one.values(paper=paper))


def counts(connection: Connection) -> tuple[int, int]:
    """Return how many papers were picked, and how many of them are not known here yet."""
    waiting = func.count().filter(picks.c.paper.is_(None))
    row = connection.execute(select(func.count(), waiting).select_from(picks)).one()
    return row[0], row[1]


def picked_papers(connection: Connection) -> set[int]:
    """Return the papers of the lists, and those of which a reader wants more."""
    listed = connection.scalars(select(picks.c.paper).where(picks.c.paper.is_not(None)))
    liked = connection.scalars(select(votes.c.paper).where(votes.c.value > 0).distinct())
    return {*listed, *liked}


def learned_at(connection: Connection) -> datetime | None:
    moment: datetime | None = connection.scalar(select(func.max(tastes.c.at)))
    return moment


def read(connection: Connection) -> dict[str, tuple[int, dict[str, Any], datetime]]:
    """Return field -> number of picks, model, when it was learned."""
    rows = connection.execute(select(tastes).order_by(tastes.c.field))
    return {row.field: (row.picks, row.model, row.at) for row in rows}


def write(
    connection: Connection, learned: Mapping[str, tuple[int, dict[str, Any]]], now: datetime
) -> None:
    """Replace everything that was learned before."""
    connection.execute(delete(tastes))
    rows = [
        {"field": field, "picks": number, "model": model, "at": now}
        for field, (number, model) in learned.items()
    ]
    if rows:
        connection.execute(insert(tastes), rows)


def forget(connection: Connection) -> int:
    """Delete the picks and what was learned; return how many picks there were."""
    connection.execute(delete(tastes))
    return connection.execute(delete(picks)).rowcount
