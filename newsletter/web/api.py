"""The public API, version 1: JSON over GET. Keys are stable: some may be added, none changes its
meaning. Every error is {"error": {"code", "message"}}.
"""

import json
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from newsletter.errors import NotFound, QueryError
from newsletter.models import Heat, Paper
from newsletter.store.db import find_assets
from newsletter.web.caching import with_etag
from newsletter.web.context import PageContext
from newsletter.web.middleware import Quota, client_prefix
from newsletter.web.paper_page import PaperPages, as_json, brief
from newsletter.web.search_page import SearchPage
from newsletter.web.topic_pages import TopicPages
from newsletter.web.trending import Trending

#: Requests that one client (IPv4 address or IPv6 /64) may make in one minute.
REQUESTS, SPAN_S = 120, 60

Answer = Callable[[Request], dict[str, Any]]


class Api:
    def __init__(
        self,
        context: PageContext,
        trending: Trending,
        topics: TopicPages,
        search: SearchPage,
        papers: PaperPages,
    ) -> None:
        self.site = context.app.config.site
        self.trusted = context.app.config.web.trusted_proxies
        self.view = context.view
        self._trending, self._topics, self._search, self._papers = trending, topics, search, papers
        self._quota = Quota(REQUESTS, SPAN_S)

    def endpoint(self, answer: Answer) -> Callable[[Request], Any]:
        """Return an endpoint that serves an answer as JSON, with its ETag, to scripts of any site,
        within the limit.
        """

        async def serve(request: Request) -> Response:
            if not self._quota.take(client_prefix(request, self.trusted)):
                response: Response = _error(
                    "too_many_requests", f"at most {REQUESTS} requests in {SPAN_S} s", 429
                )
                response.headers["Retry-After"] = str(SPAN_S)
            else:
                response = await run_in_threadpool(_answered, answer, request)
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["RateLimit-Policy"] = f'"default";q={REQUESTS};w={SPAN_S}'
            return with_etag(request, response) if response.status_code == 200 else response

        return serve

    def trending(self, request: Request) -> dict[str, Any]:
        """Return papers by heat: `period` day, week or month; `field`; `code=1`; `page`."""
        found = self._trending.asked(request)
        return {
            "day": found.day and found.day.isoformat(),
            "period": found.period,
            "field": found.field or None,
            "total": found.total,
            "page": found.page,
            "pages": found.pages,
            "papers": [
                {"place": one.number, "moved": one.moved, **self._brief(one.paper, one.heat)}
                for one in found.places
            ],
        }

    def topics(self, _request: Request) -> dict[str, Any]:
        """Return the curated topics."""
        return {
            "topics": [
                {
                    "slug": topic.slug,
                    "name": topic.name,
                    "group": topic.group,
                    "query": topic.query,
                    "papers_a_week": number,
                    "url": f"{self.site.base_url}/topics/{topic.slug}",
                }
                for topic, number in self._topics.counted()
            ]
        }

    def topic(self, request: Request) -> dict[str, Any]:
        """Return one topic's papers: `period` day, week or month; `page`."""
        found = self._topics.asked(request)
        return {
            "slug": found.topic.slug,
            "name": found.topic.name,
            "query": found.topic.query,
            "period": found.period,
            "total": found.total,
            "page": found.page,
            "pages": found.pages,
            "papers": [self._brief(paper, heat) for paper, heat in found.papers],
        }

    def search(self, request: Request) -> dict[str, Any]:
        """Return papers for a query `q`: `sort` relevance, date or heat; `field`; `code=1`;
        `page`.
        """
        found = self._search.asked(request)
        return {
            "query": found.query,
            "read_as": found.read_as,
            "sort": found.sort,
            "field": found.field or None,
            "total": found.total,
            "page": found.page,
            "pages": found.pages,
            "papers": [self._brief(paper, heat) for paper, heat in found.papers],
        }

    def paper(self, request: Request) -> dict[str, Any]:
        """Return all public data of one paper."""
        found = self._papers.known(request.path_params["id"][:512].replace("\0", "\ufffd"))
        return as_json(found, self._url(found.paper))

    def unknown(self, request: Request) -> dict[str, Any]:
        """Raises: NotFound."""
        raise NotFound(f"no such path {request.url.path}: see {self.site.base_url}/api")

    def page(self, request: Request) -> Response:
        """Return the description for people."""
        paths = self.document(request)["paths"]
        return self.view.page(request, "api.html", paths=paths, limit=REQUESTS)

    def document(self, _request: Request) -> dict[str, Any]:
        """Return the OpenAPI description."""
        path = find_assets("templates") / "openapi.json"
        about: dict[str, Any] = json.loads(path.read_text("utf-8"))
        about["info"]["title"] = self.site.name
        about["servers"] = [{"url": f"{self.site.base_url}/api/v1"}]
        return about

    def _brief(self, paper: Paper, heat: Heat | None) -> dict[str, Any]:
        return brief(paper, heat, self._url(paper))

    def _url(self, paper: Paper) -> str:
        return self._papers.url(paper)


def _answered(answer: Answer, request: Request) -> JSONResponse:
    try:
        return JSONResponse(answer(request))
    except NotFound as e:
        return _error("not_found", e.message, 404)
    except QueryError as e:
        return _error("query", e.message, 400, position=e.position)


def _error(code: str, message: str, status: int, **more: object) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message, **more}}, status)
