"""Public pages: front page, archive, search, papers, feeds, health."""

import hmac
import ipaddress
from collections import Counter
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from newsletter import site_queries
from newsletter.config import LOOPBACK
from newsletter.errors import NotFound
from newsletter.health import site as site_health
from newsletter.health import sources as source_health
from newsletter.models import SourceState, Topic
from newsletter.store import ledger_read, runs, signals
from newsletter.store.db import reading, schema
from newsletter.web import feeds
from newsletter.web.cards import Card, card, cards
from newsletter.web.context import PageContext
from newsletter.web.middleware import PRIVATE
from newsletter.web.trending import Trending

#: Papers on the front page.
HOME_PAPERS = 5
ISSUES_A_PAGE = 60
SITEMAP_ISSUES = 1000


class Public:
    def __init__(self, context: PageContext) -> None:
        self.app, self.view, self.clock = context.app, context.view, context.clock
        self.topics, self.kept, self.trending = context.topics, context.kept, Trending(context)
        self.rejected: Counter[str] = Counter()  #: tokens, by reason

    async def home(self, request: Request) -> Response:
        """Show the front page. Without a query it is the same for everybody, so its bytes are
        cached.
        """
        query = request.query_params.get("q", "")[:1000]
        language = self.view.language(request)
        key = f"home {language}"
        kept = self.kept.fresh(key)
        if query or kept is None:
            return await run_in_threadpool(self._home, request, query, language)
        return HTMLResponse(kept, headers={"Vary": "Accept-Language"})

    def _home(self, request: Request, query: str, language: str) -> Response:
        found = self.trending.ranking().places[:HOME_PAPERS]
        if query:
            return self.view.page(request, "subscribe.html", places=found, query=query)
        make = partial(
            self.view.render, "subscribe.html", language, places=found, query="", path="/"
        )
        text = self.kept.get(f"home {language}", lambda: make().encode())
        return HTMLResponse(text, headers={"Vary": "Accept-Language"})

    def archive(self, request: Request) -> Response:
        """Show issues by day, hottest paper first. `field`: papers of one field only; `before`:
        older issues.
        """
        field, before = (
            request.query_params.get("field", "")[:40],
            request.query_params.get("before", ""),
        )
        try:
            until = date.fromisoformat(before) if before else None
        except ValueError as e:
            raise NotFound("no such day") from e
        months, fields, older = self.kept.get(
            f"archive {until} {field}", partial(self._issues, until, field)
        )
        return self.view.page(
            request, "archive.html", months=months, fields=fields, field=field, older=older
        )

    def _issues(self, until: date | None, field: str) -> tuple[list[Any], list[str], date | None]:
        """Load ([(first of the month, [(day, best papers, number)])], all fields, `before` of the
        next page).
        """
        months: dict[date, list[tuple[date, list[Card], int]]] = {}
        fields: set[str] = set()
        with reading(self.app.engine) as connection:
            days = ledger_read.issue_days(connection, until, ISSUES_A_PAGE + 1)
            for id, day in days[:ISSUES_A_PAGE]:
                shown = _ranked(ledger_read.public_papers(connection, id))
                fields |= {_archive_of(one.field) for one in shown if one.field}
                shown = [one for one in shown if not field or _archive_of(one.field) == field]
                if shown or not field:
                    months.setdefault(day.replace(day=1), []).append((day, shown[:3], len(shown)))
        older = days[ISSUES_A_PAGE - 1][1] if len(days) > ISSUES_A_PAGE else None
        return list(months.items()), sorted(fields) if len(fields) > 1 else [], older

    def issue(self, request: Request) -> Response:
        """One day across all topics."""
        name = request.path_params["day"]
        try:
            day = date.fromisoformat(name)
        except ValueError as e:
            raise NotFound(f"no issue {name!r}") from e

        def load() -> tuple[list[Card], int]:
            with reading(self.app.engine) as connection:
                id = ledger_read.find_issue(connection, name)
                facts = ledger_read.public_papers(connection, id)
                return _ranked(facts), ledger_read.candidates(connection, id)

        found, candidates = self.kept.get(f"issue {name}", load)
        return self.view.page(request, "issue.html", day=day, cards=found, candidates=candidates)

    def feed(self, request: Request) -> Response:
        """Return a topic's papers of the last seven days as Atom or JSON Feed; "all" is the hottest
        of all fields.
        """
        name, _, form = request.path_params["name"].rpartition(".")
        if form not in feeds.FORMS:
            raise NotFound("no such feed")
        title, found = self.kept.get(f"feed {name}", partial(self._topic_cards, name))
        return feeds.respond(
            request, form, f"{self.view.site['name']}: {title}", self.view.site["url"], found
        )

    def _topic_cards(self, name: str) -> tuple[str, list[Card]]:
        if name in ("all", "trending"):
            return "trending", [one.card for one in self.trending.ranking().places]
        if name.startswith("trending/"):
            field = name.removeprefix("trending/")
            return field, [one.card for one in self.trending.ranking(field=field).places]
        topic = next((topic for topic in self.topics.offered.values() if topic.slug == name), None)
        if topic is None:  # readers' own queries are private
            raise NotFound(f"no topic {name!r}")
        found, _ = self.topics.find(topic.query, self.clock(), 30)
        with reading(self.app.engine) as connection:
            heats = signals.heats_of(connection, [paper.key for paper in found])
        return topic.name, cards(found, heats)

    def method(self, request: Request) -> Response:
        groups: dict[str, list[Topic]] = {}
        for topic in self.topics.offered.values():
            groups.setdefault(topic.group, []).append(topic)
        return self.view.page(request, "method.html", groups=groups)

    def privacy(self, request: Request) -> Response:
        return self.view.page(request, "privacy.html")

    def robots(self, request: Request) -> Response:
        """Return what crawlers may read (RFC 9309): public pages, not those behind a token."""
        lines = ["User-agent: *", *(f"Disallow: {path}" for path in PRIVATE)]
        lines += ["", f"Sitemap: {self.app.config.site.base_url}/sitemap.xml", ""]
        return PlainTextResponse("\n".join(lines))

    def sitemap(self, request: Request) -> Response:
        """Return the addresses of lists, topics and issues (sitemaps.org, version 0.9)."""
        with reading(self.app.engine) as connection:
            days = [day for _, day in ledger_read.issue_days(connection, None, SITEMAP_ISSUES)]
        slugs = [topic.slug for topic in self.topics.offered.values()]
        paths = ["/", "/trending", "/topics", "/archive", "/method"]
        paths += [f"/topics/{slug}" for slug in slugs] + [f"/issues/{day}" for day in days]
        root = ET.Element("urlset", xmlns="http://www.sitemaps.org/schemas/sitemap/0.9")
        for path in paths:
            one = ET.SubElement(root, "url")
            ET.SubElement(one, "loc").text = self.app.config.site.base_url + path
        return Response(ET.tostring(root, "utf-8", xml_declaration=True), media_type="text/xml")

    # -- how the site is doing ---------------------------------------------------------------------

    def health(self, request: Request) -> Response:
        """State of clock, letters, relay, sources and ledger; 503 when a person should come."""
        return JSONResponse(*self.kept.get("health", self._health))

    def _health(self) -> tuple[dict[str, Any], int]:
        with reading(self.app.engine) as connection:
            rows = runs.source_states(connection)
            now, limits = self.clock(), self.app.config.health
            checks = site_health.checks(connection, limits, now)
        states = {name: row["state"] for name, row in rows.items()}
        is_failing = not all(one.is_ok for one in checks)
        is_degraded = any(one.since for one in checks if one.name != "tick") or (
            {*states.values()} & {SourceState.FAILED, SourceState.STALLED}
        )
        is_balanced = all(one.is_ok for one in checks if one.name == "ledger")
        return {
            "state": "failing" if is_failing else "degraded" if is_degraded else "ok",
            "checks": [one.in_public() for one in checks],
            "sources": states,
            "troubles": source_health.in_public(rows),
            "ledger": "balanced" if is_balanced else "off",
        }, 503 if is_failing else 200

    def ready(self, request: Request) -> Response:
        is_ready = schema(self.app.engine).is_current
        return PlainTextResponse(
            "ready" if is_ready else "schema is not current", 200 if is_ready else 503
        )

    def _may_see_metrics(self, request: Request) -> bool:
        config = self.app.config
        if token := config.web.metrics_token.get_secret_value():
            shown = request.headers.get("authorization", "").encode()
            return hmac.compare_digest(shown, f"Bearer {token}".encode())
        host = request.client.host if request.client else ""
        is_forwarded = "forwarded" in request.headers or "x-forwarded-for" in request.headers
        is_local_site = urlsplit(config.site.base_url).hostname in LOOPBACK
        return is_local_site and not is_forwarded and _is_loopback(host)

    def metrics(self, request: Request) -> Response:
        """Return metrics to who shows `web.metrics_token`. Without one they are for this machine,
        and only of a site that has no public address: behind a proxy on this machine, everybody's
        requests come from it.
        """
        if not self._may_see_metrics(request):
            raise NotFound("not here")
        registry = CollectorRegistry()
        rows = Gauge("outbox_rows", "Letters by state", ["state"], registry=registry)
        readers = Gauge("readers", "Subscribers by state", ["state"], registry=registry)
        off = Gauge("ledger_out_of_balance", "Issues whose rows do not add up", registry=registry)
        sources = Gauge(
            "source_state", "1 for the state a source is in", ["source", "state"], registry=registry
        )
        now = site_queries.status(self.app.engine, self.app.config, self.clock())
        for state, number in now["ledger"].items():
            rows.labels(state).set(number)
        for state, number in now["readers"].items():
            readers.labels(state).set(number)
        for name, source in now["sources"].items():
            sources.labels(name, source["state"]).set(1)
        off.set(len(now["out_of_balance"]))
        rejected = Gauge(
            "token_rejected_total", "Links that were not accepted", ["reason"], registry=registry
        )
        for reason, number in self.rejected.items():
            rejected.labels(reason).set(number)
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _ranked(facts: list[Any]) -> list[Card]:
    return [
        card(one)
        for one in sorted(facts, key=lambda one: (-one["level"], -one.get("heat", 0), one["title"]))
    ]


def _archive_of(field: str) -> str:
    """Return the archive of a category: "cs" of "cs.CL"."""
    return field.partition(".")[0]
