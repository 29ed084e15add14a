"""Search: papers for a query, sorted and filtered."""

from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from newsletter import site_queries
from newsletter.errors import NotFound, QueryError
from newsletter.matching.query import parse
from newsletter.models import Heat, Paper, Topic
from newsletter.store import signals
from newsletter.store.db import reading
from newsletter.web.addresses import addresses
from newsletter.web.cards import Card, card_of
from newsletter.web.context import PageContext

SORTS = ("relevance", "date", "heat")
A_PAGE = 20
#: Most papers of a query that are sorted, filtered and counted.
LOOKED_AT = 200
#: Most fields that are offered as filters.
FIELDS_SHOWN = 8

Row = tuple[Paper, Heat | None]


@dataclass(frozen=True)
class Found:
    """One page of what a query found."""

    query: str
    read_as: str  #: the query with what was added to it
    sort: str
    field: str
    has_code: bool
    fields: tuple[str, ...]  #: fields of the found papers, the most frequent first
    total: int  #: after filters; at most LOOKED_AT
    page: int  #: from 1
    papers: tuple[Row, ...]
    topic: Topic | None = None  #: a curated topic with the same query

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // A_PAGE))

    @property
    def cards(self) -> list[Card]:
        return [card_of(paper, heat) for paper, heat in self.papers]

    @property
    def is_cut(self) -> bool:
        """Return whether there may be more papers than were looked at."""
        return self.total >= LOOKED_AT


class SearchPage:
    def __init__(self, context: PageContext) -> None:
        self.app, self.view, self.topics = context.app, context.view, context.topics
        self.kept = context.kept

    def page(self, request: Request) -> Response:
        """Show the results; a mistake in the query is shown at its place."""
        query = request.query_params.get("q", "").strip()[:1001]
        found, error, position = None, "", 0
        address = addresses("/search", {"q": query}, {})
        if query:
            try:
                found = self.asked(request)
                present = {
                    "q": query,
                    "sort": found.sort,
                    "field": found.field,
                    "code": found.has_code,
                    "page": found.page,
                }
                address = addresses("/search", present, {"sort": "relevance", "page": 1})
            except QueryError as e:
                error, position = e.message, e.position
        return self.view.page(
            request,
            "search.html",
            400 if error else 200,
            query=query,
            found=found,
            error=error,
            position=position,
            address=address,
        )

    def asked(self, request: Request) -> Found:
        """Return the results that a request asks for.

        Raises: QueryError with the position; NotFound for an unknown sort or page.
        """
        given = request.query_params
        query = given.get("q", "").strip()[:1001]
        sort, page = given.get("sort", "relevance"), given.get("page", "1")
        field, has_code = given.get("field", "")[:128], given.get("code") == "1"
        if sort not in SORTS or not (page.isdecimal() and page.isascii() and len(page) < 4):
            raise NotFound("no such list")
        read_as = str(parse(query))
        rows = self.kept.get(f"search {query}", partial(self._rows, query))
        counts: dict[str, int] = {}
        for paper, _ in rows:
            for name in paper.fields[:1]:
                counts[name] = counts.get(name, 0) + 1
        rows = [row for row in rows if _is_wanted(row[0], field, has_code)]
        if sort == "date":
            rows.sort(
                key=lambda row: str(row[0].published or row[0].first_seen or ""), reverse=True
            )
        elif sort == "heat":
            rows.sort(key=lambda row: -_weight(row[1]))
        start = (int(page) - 1) * A_PAGE
        if start < 0 or start >= max(1, len(rows)):
            raise NotFound("no such page")
        return Found(
            query,
            read_as,
            sort,
            field,
            has_code,
            tuple(sorted(counts, key=lambda name: (-counts[name], name))[:FIELDS_SHOWN]),
            len(rows),
            int(page),
            tuple(rows[start : start + A_PAGE]),
            self._topic(query, read_as),
        )

    def _rows(self, query: str) -> list[Row]:
        found = [paper for paper, _ in site_queries.search(self.app.engine, query, LOOKED_AT)]
        with reading(self.app.engine) as connection:
            heats = signals.heats_of(connection, [paper.key for paper in found])
        return [(paper, heats.get(paper.key)) for paper in found]

    def _topic(self, query: str, read_as: str) -> Topic | None:
        words = query.casefold()
        return next(
            (
                topic
                for topic in self.topics.offered.values()
                if topic.query == read_as or words in (topic.slug, topic.name.casefold())
            ),
            None,
        )


def _is_wanted(paper: Paper, field: str, has_code: bool) -> bool:
    if has_code and "code" not in paper.links:
        return False
    return not field or any(one == field or one.startswith(f"{field}.") for one in paper.fields)


def _weight(heat: Heat | None) -> float:
    return heat.level + heat.value if heat else 0.0
