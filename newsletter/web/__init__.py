"""The pages: subscribe, confirm, preferences, unsubscribe, archive, search, feeds, health.

Plain HTML, no script. A GET never changes anything; each change is a POST of one button (or RFC
8058's one-click).
"""

import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from newsletter.app import App
from newsletter.errors import NotFound, StoreError
from newsletter.store.db import find_assets
from newsletter.tokens import TokenError
from newsletter.web.api import Api
from newsletter.web.caching import cacheable
from newsletter.web.context import PageContext
from newsletter.web.db_batch import DbBatch
from newsletter.web.issue_view import IssueView
from newsletter.web.middleware import PublicMiddleware
from newsletter.web.paper_page import PaperPages
from newsletter.web.preferences import Preferences
from newsletter.web.public import Public
from newsletter.web.search_page import SearchPage
from newsletter.web.subscriptions import Subscriptions
from newsletter.web.topic_cache import TopicCache
from newsletter.web.topic_pages import TopicPages
from newsletter.web.view import View
from newsletter.why import Explainer


def create_app(
    app: App,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    more: Sequence[BaseRoute] = (),
    on_written: Callable[[], object] | None = None,
) -> Starlette:
    """Build the site's pages.

    `clock` tells the time; tests pass their own. `more`: further routes, such as the web hooks of
    `inbound`. `on_written` is called whenever a form changed something: a mail may wait.
    """
    batch = DbBatch(app.engine, on_written)
    context = PageContext(app, View(app), clock, batch, TopicCache(app), Explainer(app.engine))
    view, public = context.view, Public(context)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        view.load()
        gc.freeze()  # templates and modules are never freed: the garbage collector can skip them
        yield

    def not_found(request: Request, _error: Exception) -> Response:
        return view.page(request, "lost.html", status=404)

    def bad_link(request: Request, error: Exception) -> Response:
        public.rejected[error.reason if isinstance(error, TokenError) else ""] += 1
        return view.page(request, "expired.html", status=404)

    def busy(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse(
            "The database is busy. Try again in a moment.", 503, {"Retry-After": "5"}
        )

    def broken(request: Request, _error: Exception) -> Response:
        return view.page(request, "broken.html", status=500)

    site = app.config.site
    return Starlette(
        routes=[*more, *_reader_routes(context), *_public_routes(context, public)],
        lifespan=lifespan,
        middleware=[Middleware(PublicMiddleware, urls=(site.base_url, *site.former_urls))],
        exception_handlers={
            TokenError: bad_link,
            NotFound: not_found,
            404: not_found,
            StoreError: busy,
            500: broken,
        },
    )


def _reader_routes(context: PageContext) -> list[BaseRoute]:
    """Return the pages of one reader: subscribing, and every page behind a link of a mail."""
    subscriptions, letters = Subscriptions(context), IssueView(context)
    preferences = Preferences(context)
    return [
        Route("/subscribe", subscriptions.subscribe, methods=["POST"]),
        Route("/confirm/{token}", preferences.confirm, methods=["GET", "POST"]),
        Route("/preferences/{token}", preferences.preferences, methods=["GET", "POST"]),
        Route("/preferences/{token}/{action}", preferences.act, methods=["POST"]),
        Route("/unsubscribe/{token}", subscriptions.unsubscribe, methods=["GET", "POST"]),
        Route("/unsubscribe/{token}/stay", subscriptions.stay, methods=["POST"]),
        Route("/feedback/{token}", subscriptions.feedback, methods=["GET", "POST"]),
        Route(
            "/feedback/{token}/{vote}/{paper}",
            subscriptions.feedback,
            methods=["GET", "POST"],
        ),
        Route("/address/{token}", subscriptions.address, methods=["GET", "POST"]),
        Route("/view/{token}", letters.letter),
        Route("/my/{token}", letters.feed),
        Route("/sample", letters.sample),
    ]


def _public_routes(context: PageContext, public: Public) -> list[BaseRoute]:
    """Return the pages that are the same for everybody."""
    trending, topics = public.trending, TopicPages(context)
    search, papers = SearchPage(context), PaperPages(context)
    api = Api(context, trending, topics, search, papers)
    pages = {
        "/": public.home,
        "/trending": trending.page,
        "/trending/{field}": trending.page,
        "/topics": topics.all,
        "/topics/{slug}": topics.page,
        "/archive": public.archive,
        "/issues/{day}": public.issue,
        "/search": search.page,
        "/papers/{id:path}": papers.page,
        "/method": public.method,
        "/about": public.method,
        "/privacy": public.privacy,
        "/api": api.page,
        "/robots.txt": public.robots,
        "/sitemap.xml": public.sitemap,
        "/feeds/{name:path}": public.feed,
    }
    answers = {
        "/trending": api.trending,
        "/topics": api.topics,
        "/topics/{slug}": api.topic,
        "/search": api.search,
        "/papers/{id:path}": api.paper,
        "/openapi.json": api.document,
        "/{path:path}": api.unknown,
    }
    static = StaticFiles(directory=find_assets("templates") / "static")
    return [
        *(Route(path, cacheable(page)) for path, page in pages.items()),
        Mount("/api/v1", routes=[Route(path, api.endpoint(one)) for path, one in answers.items()]),
        Route("/healthz", public.health),
        Route("/readyz", public.ready),
        Route("/metrics", public.metrics),
        Mount("/static", static),
    ]
