"""Trending papers: the list of a day, a week or a month, of all fields or of one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import Response

from newsletter.charts import points
from newsletter.errors import NotFound
from newsletter.models import Fact, Heat, Paper, Signal
from newsletter.store import papers, signals, trends
from newsletter.store.db import reading
from newsletter.web.addresses import addresses
from newsletter.web.cards import Card, card_of
from newsletter.web.context import PageContext

PERIODS = {"day": 1, "week": 7, "month": 30}
A_PAGE = 30
#: The most papers of one list.
LISTED = 300
#: Most fields that are named above the list.
FIELDS_SHOWN = 12


@dataclass(frozen=True)
class Place:
    """A paper in a list of trends."""

    paper: Paper
    heat: Heat
    number: int  #: from 1
    moved: int | None  #: places gained since the day before, negative: lost; None: new in the list
    growth: tuple[float, ...]  #: growth of its strongest counter on each of the last days

    @property
    def card(self) -> Card:
        return card_of(self.paper, self.heat)


@dataclass(frozen=True)
class Ranking:
    """One page of a list, and the values shown beside it."""

    day: date | None  #: the last UTC day that was measured; None: none yet
    period: str
    field: str
    has_code: bool  #: only papers with a link to code
    fields: tuple[str, ...]  #: fields with papers in the list of all fields
    total: int  #: papers in the whole list, at most LISTED
    page: int  #: from 1
    places: tuple[Place, ...]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // A_PAGE))


class Trending:
    def __init__(self, context: PageContext) -> None:
        self.engine, self.view, self.kept = context.app.engine, context.view, context.kept

    def page(self, request: Request) -> Response:
        """Show the list. Raises: NotFound for an unknown field, period or page."""
        found = self.asked(request)
        present = {
            "period": found.period,
            "field": found.field,
            "code": found.has_code,
            "page": found.page,
        }
        address = addresses("/trending", present, {"period": "day", "page": 1}, "field")
        return self.view.page(request, "trending.html", found=found, address=address)

    def asked(self, request: Request) -> Ranking:
        """Return the list that a request names in its path and query."""
        query = request.query_params
        period, number = query.get("period", "day"), query.get("page", "1")
        field = request.path_params.get("field", "") or query.get("field", "")
        if period not in PERIODS or not (
            number.isdecimal() and number.isascii() and len(number) < 4
        ):
            raise NotFound("no such list")
        return self.ranking(period, field[:128], int(number), has_code=query.get("code") == "1")

    def ranking(
        self, period: str = "day", field: str = "", page: int = 1, *, has_code: bool = False
    ) -> Ranking:
        """Return one page of a list. `has_code`: only papers with a link to code.

        Raises: NotFound for a field without a paper and a page beyond the end.
        """
        name = f"trending {period} {page} {has_code} {field}"
        return self.kept.get(name, partial(_load, self.engine, period, field, page, has_code))


def _load(engine: Engine, period: str, field: str, page: int, has_code: bool) -> Ranking:
    days = PERIODS[period]
    with reading(engine) as connection:
        last = trends.last_day(connection)
        if last is None:
            if field or page > 1:
                raise NotFound("nothing was measured yet")
            return Ranking(None, period, "", has_code, (), 0, 1, ())
        ranked = trends.ranking(connection, last, days, LISTED, field)
        if has_code:
            found = papers.by_keys(connection, [one.paper for one in ranked])
            ranked = [one for one in ranked if "code" in found[one.paper].links]
        fields = trends.fields(connection, last, days)
        is_beyond = page < 1 or (page - 1) * A_PAGE >= max(1, len(ranked))
        if is_beyond or (field and not _is_known(field, fields)):
            raise NotFound("no such list")
        before = trends.ranking(connection, last - timedelta(days=1), days, LISTED, field)
        rows = ranked[(page - 1) * A_PAGE : page * A_PAGE]
        keys = [row.paper for row in rows]
        now = datetime.combine(last + timedelta(days=1), time(), UTC)
        shown = papers.by_keys(connection, keys)
        heats = signals.heats_of(connection, keys)
        read = signals.of_papers(connection, keys, now)
    old = {row.paper: number for number, row in enumerate(before, 1)}
    places = []
    for number, row in enumerate(rows, (page - 1) * A_PAGE + 1):
        paper = shown[row.paper]
        moved = old[row.paper] - number if row.paper in old else None
        heat = heats.get(row.paper) or _past_heat(row, paper, read.get(row.paper, ()), last)
        counters = points.series(read.get(row.paper, ()), now - timedelta(microseconds=1))
        growth = counters[0].growth(last) if counters else ()
        places.append(Place(paper, heat, number, moved if before else 0, growth))
    names = tuple(list(fields)[:FIELDS_SHOWN])
    return Ranking(last, period, field, has_code, names, len(ranked), page, tuple(places))


def _past_heat(row: trends.Ranked, paper: Paper, read: Iterable[Signal], last: date) -> Heat:
    """Return the heat of a paper's best day, for a paper that is not measured any more."""
    level = int(row.best)
    field = paper.fields[0] if paper.fields else ""
    latest: dict[tuple[str, str], float] = {(one.kind, one.source): one.value for one in read}
    counts: dict[str, float] = {}
    for (kind, _), value in latest.items():
        counts[kind] = counts.get(kind, 0) + value
    since = max(0, (last - paper.published.date()).days) if paper.published else 0
    facts = [Fact(kind, int(counts[kind]), since) for kind in points.KINDS if counts.get(kind)]
    return Heat(row.best - level, level, field, tuple(facts))


def _is_known(field: str, fields: Iterable[str]) -> bool:
    return any(one == field or one.startswith(f"{field}.") for one in fields)
