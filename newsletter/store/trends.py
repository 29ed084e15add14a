"""The heat of each day: pages rank a week or a month by it, and show how a paper moved."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from newsletter.models import Heat, Paper
from newsletter.store.tables import merged_papers, papers, trends

#: A month, and the month before it, with which places are compared.
KEPT = timedelta(days=62)
#: Most papers of a day that are stored; few days have as many with signals.
KEPT_A_DAY = 2_000


class Ranked(NamedTuple):
    """A place in a list of trending papers."""

    paper: int  #: Paper.key
    best: float  #: level + heat of its best day


def write(
    connection: Connection, ranked: Sequence[Paper], heats: Mapping[int, Heat], now: datetime
) -> None:
    """Replace the heats of the UTC day of `now`, and delete those older than `KEPT`. Papers without
    signals are left out: they are all alike.
    """
    day = now.date()
    connection.execute(delete(trends).where((trends.c.day == day) | (trends.c.day < day - KEPT)))
    noticed = [paper for paper in ranked if heats[paper.key].facts]
    noticed.sort(key=lambda paper: (-_weight(heats[paper.key]), paper.key))
    rows = [
        {
            "day": day,
            "paper": paper.key,
            "value": _weight(heats[paper.key]),
            "field": paper.fields[0][:128] if paper.fields else "",
        }
        for paper in noticed[:KEPT_A_DAY]
    ]
    if rows:
        connection.execute(insert(trends), rows)


def _weight(heat: Heat) -> float:
    return heat.level + min(heat.value, 0.9999)  # its whole part is the level


def last_day(connection: Connection) -> date | None:
    """Return the last UTC day that was measured."""
    day: date | None = connection.scalar(select(func.max(trends.c.day)))
    return day


def ranking(
    connection: Connection, last: date, days: int, limit: int, field: str = ""
) -> list[Ranked]:
    """Return papers by the sum of level and heat over the `days` up to and including `last`,
    hottest first.

    `field`: one category ("cs.CL"), or an archive with all its categories ("cs").
    """
    rows = (
        select(trends.c.paper, func.max(trends.c.value).label("best"))
        .join(papers, papers.c.key == trends.c.paper)
        .where(
            trends.c.day > last - timedelta(days=days),
            trends.c.day <= last,
            papers.c.is_hidden == 0,
            papers.c.is_withdrawn == 0,
            papers.c.key.not_in(select(merged_papers.c.paper)),
        )
        .group_by(trends.c.paper)
        .order_by(func.sum(trends.c.value).desc(), trends.c.paper)
        .limit(limit)
    )
    if field:
        is_within = trends.c.field.startswith(f"{field}.", autoescape=True)
        rows = rows.where((trends.c.field == field) | is_within)
    return [Ranked(row.paper, row.best) for row in connection.execute(rows)]


def fields(connection: Connection, last: date, days: int) -> dict[str, int]:
    """Return the fields of the papers of these days with their number of papers, largest first."""
    rows = connection.execute(
        select(trends.c.field, func.count(trends.c.paper.distinct()).label("number"))
        .where(trends.c.day > last - timedelta(days=days), trends.c.day <= last)
        .where(trends.c.field != "")
        .group_by(trends.c.field)
    )
    return dict(sorted(((r.field, r.number) for r in rows), key=lambda one: (-one[1], one[0])))
