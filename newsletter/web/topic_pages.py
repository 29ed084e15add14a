"""The curated topics, and the papers of one of them."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from newsletter import site_queries
from newsletter.errors import NotFound
from newsletter.models import Heat, Paper, Topic
from newsletter.store import signals
from newsletter.store.db import reading
from newsletter.web.addresses import addresses
from newsletter.web.cards import Card, card_of
from newsletter.web.context import PageContext
from newsletter.web.trending import PERIODS

A_PAGE = 20
#: Most papers of a topic that are read for a month.
A_MONTH = 200


@dataclass(frozen=True)
class TopicPapers:
    """One page of a topic's papers of a day, a week or a month, best match first."""

    topic: Topic
    period: str
    page: int  #: from 1
    total: int
    papers: tuple[tuple[Paper, Heat | None], ...]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // A_PAGE))

    @property
    def cards(self) -> list[Card]:
        return [card_of(paper, heat) for paper, heat in self.papers]


class TopicPages:
    def __init__(self, context: PageContext) -> None:
        self.app, self.view, self.clock = context.app, context.view, context.clock
        self.topics, self.kept = context.topics, context.kept

    def all(self, request: Request) -> Response:
        """Show every curated topic, by group, with the number of its papers of the last week."""
        groups: dict[str, list[tuple[Topic, int]]] = {}
        for topic, number in self.counted():
            groups.setdefault(topic.group, []).append((topic, number))
        return self.view.page(request, "topics.html", groups=groups)

    def counted(self) -> list[tuple[Topic, int]]:
        """Return every curated topic with the number of its papers of the last seven days."""
        topics = list(self.topics.offered.values())
        counts = self.kept.get("topics", partial(self.topics.count, topics, self.clock()))
        return [(topic, counts[topic.id]) for topic in topics]

    def page(self, request: Request) -> Response:
        """Show one topic. Raises: NotFound for an unknown topic, period or page."""
        found = self.asked(request)
        week = {topic.id: number for topic, number in self.counted()}
        present = {"period": found.period, "page": found.page}
        base = f"/topics/{found.topic.slug}"
        address = addresses(base, present, {"period": "week", "page": 1})
        return self.view.page(
            request, "topic.html", found=found, week=week[found.topic.id], address=address
        )

    def asked(self, request: Request) -> TopicPapers:
        """Return the papers that a request names in its path and query."""
        slug = request.path_params["slug"]
        period = request.query_params.get("period", "week")
        page = request.query_params.get("page", "1")
        topic = next((one for one in self.topics.offered.values() if one.slug == slug), None)
        is_number = page.isdecimal() and page.isascii() and len(page) < 4
        if topic is None or period not in PERIODS or not is_number:
            raise NotFound(f"no topic {slug!r}")
        found = self.kept.get(f"topic {slug} {period}", partial(self._papers, topic, period))
        start = (int(page) - 1) * A_PAGE
        if start < 0 or start >= max(1, len(found)):
            raise NotFound("no such page")
        shown = found[start : start + A_PAGE]
        with reading(self.app.engine) as connection:
            heats = signals.heats_of(connection, [paper.key for paper in shown])
        rows = tuple((paper, heats.get(paper.key)) for paper in shown)
        return TopicPapers(topic, period, int(page), len(found), rows)

    def _papers(self, topic: Topic, period: str) -> list[Paper]:
        now = self.clock()
        since = now - timedelta(days=PERIODS[period])
        if period == "month":
            found = [
                paper for paper, _ in site_queries.search(self.app.engine, topic.query, A_MONTH)
            ]
        else:
            found, _ = self.topics.find(topic.query, now, A_MONTH)
        return [paper for paper in found if paper.first_seen and paper.first_seen > since]
