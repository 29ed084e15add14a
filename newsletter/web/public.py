"""Pages for everybody: the front page, the archive, search, papers, feeds, and how the site is doing."""

import ipaddress
import json
import threading
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from xml.etree import ElementTree as ET

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from newsletter.app import App
from newsletter.errors import NotFound, QueryError
from newsletter.matching.index import Index
from newsletter.models import SourceState
from newsletter.store import accounts, papers, runs, signals, topics
from newsletter.store.db import reading, schema
from newsletter.web.cards import Card, card, cards, hottest
from newsletter.web.view import View

T = TypeVar("T")
#: Pages for everybody may be this old; so a busy site asks its database rarely.
FRESH_FOR_S = 10.0
ATOM = "http://www.w3.org/2005/Atom"


class Public:
    def __init__(self, app: App, view: View, clock: Callable[[], datetime]) -> None:
        self.app, self.view, self.clock = app, view, clock
        self._kept: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def _cached(self, name: str, make: Callable[[], T]) -> T:
        """What `make` said within the last seconds."""
        kept = self._kept.get(name)
        if kept is None or kept[0] < time.monotonic() - FRESH_FOR_S:
            with self._lock:
                if len(self._kept) > 1000:
                    self._kept.clear()
                kept = self._kept[name] = (time.monotonic(), make())
        value: T = kept[1]
        return value

    def home(self, request: Request) -> Response:
        found = self._cached("home", partial(hottest, self.app, 3))
        query = request.query_params.get("q", "")[:1000]
        return self.view.page(request, "subscribe.html", cards=found, query=query)

    def archive(self, request: Request) -> Response:
        found = self._cached("archive", self._issues)
        return self.view.page(request, "archive.html", months=found)

    def _issues(self) -> list[tuple[str, list[dict[str, Any]]]]:
        months: dict[str, list[dict[str, Any]]] = {}
        with reading(self.app.engine) as connection:
            for issue in accounts.issue_counts(connection, limit=120):
                day = date.fromisoformat(issue["date"])
                shown = _ranked(list(accounts.shown_papers(connection, issue["id"]).values()))
                months.setdefault(f"{day:%B %Y}", []).append({"day": day, "papers": shown, "quiet": issue["quiet"]})
        return list(months.items())

    def issue(self, request: Request) -> Response:
        """One day across all topics; nobody's personal digest."""
        name = request.path_params["day"]
        try:
            day = date.fromisoformat(name)
        except ValueError as e:
            raise NotFound(f"no issue {name!r}") from e

        def load() -> tuple[list[Card], int]:
            with reading(self.app.engine) as connection:
                id = accounts.find_issue(connection, name)
                facts = accounts.shown_papers(connection, id)
                return _ranked(list(facts.values())), accounts.issue_counts(connection, [id])[0]["candidates"]

        found, candidates = self._cached(f"issue {name}", load)
        return self.view.page(request, "issue.html", day=day, cards=found, candidates=candidates)

    def search(self, request: Request) -> Response:
        query = request.query_params.get("q", "").strip()[:1001]
        found: list[Card] = []
        error, position = "", 0
        if query:
            try:
                found = self._cached(f"search {query}", partial(self._found, query))
            except QueryError as e:
                error, position = e.message, e.position
        status = 400 if error else 200
        return self.view.page(request, "search.html", status, query=query, cards=found, error=error, position=position)

    def _found(self, query: str) -> list[Card]:
        ranked = [paper for paper, _ in self.app.search(query, 20)]
        with reading(self.app.engine) as connection:
            heats = signals.heats(connection, (paper.key for paper in ranked))
        return cards(ranked, heats)

    def paper(self, request: Request) -> Response:
        id = request.path_params["id"][:512]

        def load() -> dict[str, Any]:
            with reading(self.app.engine) as connection:
                paper = papers.get(connection, id)
                if paper.is_hidden:
                    raise NotFound(f"no paper {id!r}")
                seen = papers.sightings(connection, paper.key)
                heats = signals.heats(connection, [paper.key])
            similar = [p for p, _ in self.app.search(_as_query(paper.title), 6) if p.key != paper.key][:5]
            return {"paper": paper, "card": cards([paper], heats)[0], "seen": seen, "similar": cards(similar, {})}

        return self.view.page(request, "paper.html", **self._cached(f"paper {id}", load))

    def feed(self, request: Request) -> Response:
        """What a topic finds in the last seven days, as Atom or JSON Feed; "all" is the hottest of all fields."""
        name, _, form = request.path_params["name"].rpartition(".")
        if form not in ("atom", "json"):
            raise NotFound("no such feed")
        title, found = self._cached(f"feed {name}", partial(self._topic_cards, name))
        make = self._atom if form == "atom" else self._json_feed
        return make(f"{self.view.site['name']}: {title}", f"/feeds/{name}.{form}", found)

    def _topic_cards(self, name: str) -> tuple[str, list[Card]]:
        if name == "all":
            return "trending", hottest(self.app, 30)
        now = self.clock()
        with reading(self.app.engine) as connection:
            topic = topics.get(connection, name)
            recent = {paper.key: paper for paper in papers.recent(connection, now - timedelta(days=7), now)}
            heats = signals.heats(connection, recent)
        found = Index().match({0: topic.query}, list(recent.values()))[0][:30]
        return topic.name, cards([recent[match.paper] for match in found], heats)

    def _atom(self, title: str, path: str, found: list[Card]) -> Response:
        base, now = self.view.site["url"], self.clock().isoformat(timespec="seconds")
        ET.register_namespace("", ATOM)
        root = ET.Element(f"{{{ATOM}}}feed")

        def put(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> None:
            ET.SubElement(parent, f"{{{ATOM}}}{tag}", attributes).text = text or None

        put(root, "id", f"{base}{path}")
        put(root, "title", title)
        put(root, "updated", now)
        put(root, "link", rel="self", href=f"{base}{path}")
        for one in found:
            entry = ET.SubElement(root, f"{{{ATOM}}}entry")
            put(entry, "id", f"{base}{one.url}")
            put(entry, "title", one.title)
            put(entry, "updated", now)
            put(entry, "link", href=dict(one.links).get("Abstract", f"{base}{one.url}"))
            put(entry, "summary", one.summary)
            put(ET.SubElement(entry, f"{{{ATOM}}}author"), "name", one.byline)
        return Response(ET.tostring(root, "utf-8", xml_declaration=True), media_type="application/atom+xml")

    def _json_feed(self, title: str, path: str, found: list[Card]) -> Response:
        base = self.view.site["url"]
        items = [
            {"id": f"{base}{one.url}", "url": dict(one.links).get("Abstract", f"{base}{one.url}"), "title": one.title,
             "content_text": one.summary, "authors": [{"name": one.byline}]}
            for one in found
        ]  # fmt: skip
        feed = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": title,
            "feed_url": f"{base}{path}",
            "items": items,
        }
        return Response(json.dumps(feed, ensure_ascii=False), media_type="application/feed+json")

    def about(self, request: Request) -> Response:
        return self.view.page(request, "about.html")

    def privacy(self, request: Request) -> Response:
        return self.view.page(request, "privacy.html")

    # -- how the site is doing ---------------------------------------------------------------------------------------

    def health(self, request: Request) -> Response:
        """200 while the site works; 503 and the reason when a source failed, or the ledger does not add up."""
        return JSONResponse(*self._cached("health", self._health))

    def _health(self) -> tuple[dict[str, Any], int]:
        with reading(self.app.engine) as connection:
            states = {name: row["state"] for name, row in runs.sources(connection).items()}
            balanced = not accounts.check(connection)
        bad = sorted(n for n, state in states.items() if state in (SourceState.FAILED, SourceState.STALLED))
        state = "ok" if balanced and not bad else "degraded"
        return {
            "state": state,
            "sources": states,
            "ledger": "balanced" if balanced else "off",
        }, 200 if balanced else 503

    def ready(self, request: Request) -> Response:
        is_ready = schema(self.app.engine).is_current
        return PlainTextResponse("ready" if is_ready else "schema is not current", 200 if is_ready else 503)

    def metrics(self, request: Request) -> Response:
        """For a collector on this machine only."""
        host = request.client.host if request.client else ""
        if not host or not ipaddress.ip_address(host).is_loopback or "x-forwarded-for" in request.headers:
            raise NotFound("not here")
        registry = CollectorRegistry()
        rows = Gauge("outbox_rows", "Letters by state", ["state"], registry=registry)
        readers = Gauge("readers", "Subscribers by state", ["state"], registry=registry)
        off = Gauge("ledger_out_of_balance", "Issues whose rows do not add up", registry=registry)
        sources = Gauge("source_state", "1 for the state a source is in", ["source", "state"], registry=registry)
        now = self.app.status(self.clock())
        for state, number in now["ledger"].items():
            rows.labels(state).set(number)
        for state, number in now["readers"].items():
            readers.labels(state).set(number)
        for name, source in now["sources"].items():
            sources.labels(name, source["state"]).set(1)
        off.set(len(now["out_of_balance"]))
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")


def _ranked(facts: list[Any]) -> list[Card]:
    return [card(one) for one in sorted(facts, key=lambda one: (-one["level"], one["title"]))]


def _as_query(title: str) -> str:
    """A title's words as alternatives, for what is similar."""
    words = sorted({word for word in "".join(c if c.isalnum() else " " for c in title).split() if len(word) > 3})
    return " OR ".join(words[:12]) or "paper"
