"""The pages: subscribe, confirm, preferences, unsubscribe, archive, search, feeds, health. Plain
HTML, no script.

A link that is followed never changes anything: what writes is a POST behind one button (or RFC
8058's one-click).
"""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from newsletter.app import App
from newsletter.errors import NotFound, StoreError
from newsletter.store.db import find_assets
from newsletter.tokens import TokenError
from newsletter.web.db_batch import DbBatch
from newsletter.web.issue_view import IssueView
from newsletter.web.middleware import PublicMiddleware
from newsletter.web.preferences import Preferences
from newsletter.web.public import Public
from newsletter.web.subscriptions import Subscriptions
from newsletter.web.topic_cache import TopicCache
from newsletter.web.view import View


def create_app(app: App, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Starlette:
    """Build the site's pages. `clock` tells the time, so that tests can."""
    view = View(app)
    news = TopicCache(app)
    desk = DbBatch(app.engine)
    public, letters = Public(app, view, clock, news), IssueView(app, view, clock, desk, news)
    readers = Subscriptions(app, view, clock, desk)
    choosing = Preferences(app, view, clock, desk, readers, news)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        view.load()
        gc.freeze()  # what is there for good is not looked through again and again
        yield

    def lost(request: Request, _error: Exception) -> Response:
        return view.page(request, "lost.html", status=404)

    def expired(request: Request, error: Exception) -> Response:
        public.rejected[error.reason if isinstance(error, TokenError) else ""] += 1
        return view.page(request, "expired.html", status=404)

    def busy(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse(
            "The database is busy. Try again in a moment.", 503, {"Retry-After": "5"}
        )

    routes = [
        Route("/", public.home),
        Route("/subscribe", readers.subscribe, methods=["POST"]),
        Route("/confirm/{token}", choosing.confirm, methods=["GET", "POST"]),
        Route("/preferences/{token}", choosing.preferences, methods=["GET", "POST"]),
        Route("/preferences/{token}/{act}", choosing.act, methods=["POST"]),
        Route("/unsubscribe/{token}", readers.unsubscribe, methods=["GET", "POST"]),
        Route("/feedback/{token}", readers.feedback, methods=["GET", "POST"]),
        Route("/address/{token}", readers.address, methods=["GET", "POST"]),
        Route("/view/{token}", letters.letter),
        Route("/my/{token}", letters.feed),
        Route("/sample", letters.sample),
        Route("/archive", public.archive),
        Route("/issues/{day}", public.issue),
        Route("/search", public.search),
        Route("/papers/{id:path}", public.paper),
        Route("/feeds/{name}", public.feed),
        Route("/method", public.method),
        Route("/about", public.method),
        Route("/privacy", public.privacy),
        Route("/healthz", public.health),
        Route("/readyz", public.ready),
        Route("/metrics", public.metrics),
        Mount("/static", StaticFiles(directory=find_assets("templates") / "static")),
    ]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(
                PublicMiddleware, urls=(app.config.site.base_url, *app.config.site.former_urls)
            )
        ],
        exception_handlers={TokenError: expired, NotFound: lost, 404: lost, StoreError: busy},
    )
