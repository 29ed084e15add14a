"""One paper: as a page, and as JSON, BibTeX and RIS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from newsletter import site_queries
from newsletter.charts import points
from newsletter.errors import NotFound
from newsletter.models import Heat, Paper, PaperEvent
from newsletter.store import paper_events, papers, signals
from newsletter.store.db import reading
from newsletter.text import citation
from newsletter.web.cards import Card, card_of, cards
from newsletter.web.context import PageContext

#: Authors that are shown; a longer list is folded.
AUTHORS_SHOWN = 10


@dataclass(frozen=True)
class Known:
    """All public data of one paper."""

    paper: Paper
    heat: Heat | None
    seen: list[dict[str, Any]]  #: as `papers.sightings_of`
    events: list[PaperEvent]
    series: list[points.Series]
    similar: list[Card]
    merged: int  #: number of other records that are this paper

    @property
    def card(self) -> Card:
        return card_of(self.paper, self.heat)


class PaperPages:
    def __init__(self, context: PageContext) -> None:
        self.app, self.view, self.clock = context.app, context.view, context.clock
        self.kept = context.kept

    def page(self, request: Request) -> Response:
        """Return the paper in the form that the path ends with. Raises: NotFound."""
        id = request.path_params["id"][:512].replace("\0", "\ufffd")  # PostgreSQL has none
        for ending, make in _FORMS.items():
            if id.endswith(ending) and (known := self._find(id.removesuffix(ending))):
                return make(known, self.url(known.paper))
        found = self.known(id)
        paper = found.paper
        url = self.url(paper)
        shown = [*paper.authors]
        return self.view.page(
            request,
            "paper.html",
            paper=paper,
            card=found.card,
            first=shown if len(shown) <= AUTHORS_SHOWN else shown[:3],
            last=shown[-1] if len(shown) > AUTHORS_SHOWN else "",
            seen=found.seen,
            events=found.events,
            similar=found.similar,
            series=found.series,
            merged=found.merged,
            url=url,
            cite=citation.sentence(paper, url),
            bibtex=citation.bibtex(paper, url),
            data=_json_ld(found, url),
        )

    def known(self, id: str) -> Known:
        """Return all about a paper by its public id or another identifier. Raises: NotFound."""
        return self.kept.get(f"paper {id}", partial(self._load, id))

    def _find(self, id: str) -> Known | None:
        try:
            return self.known(id)
        except NotFound:  # an id itself may end in ".json"
            return None

    def _load(self, id: str) -> Known:
        with reading(self.app.engine) as connection:
            paper = papers.get(connection, id)
            if paper.is_hidden:
                raise NotFound(f"no paper {id!r}")
            seen = papers.sightings_of(connection, paper.key)
            events = paper_events.of_paper(connection, paper.key)
            heat = signals.heats_of(connection, [paper.key]).get(paper.key)
            read = signals.of_papers(connection, [paper.key], self.clock()).get(paper.key, [])
        near = site_queries.similar(self.app.engine, paper)
        with reading(self.app.engine) as connection:
            similar = cards(near, signals.heats_of(connection, [one.key for one in near]))
        others = {one["source_id"] for one in seen if one["why"] not in ("", "new")}
        return Known(
            paper, heat, seen, events, points.series(read, self.clock()), similar, len(others)
        )

    def url(self, paper: Paper) -> str:
        """Return the address of a paper's page."""
        return f"{self.app.config.site.base_url}/papers/{quote(paper.id)}"


def as_json(found: Known, url: str) -> dict[str, Any]:
    """Return a paper as in the API. Keys are stable: new ones may be added, none changes its
    meaning.
    """
    paper, card = found.paper, found.card
    return {
        **brief(paper, found.heat, url),
        "abstract": paper.abstract,
        "comment": paper.comment,
        "identifiers": list(paper.identifiers),
        "version": paper.version,
        "first_seen": moment(paper.first_seen),
        "summary": card.summary,
        "summary_is_machine_written": card.is_machine_written,
        "sightings": [
            {"source": one["source"], "id": one["source_id"], "first_at": moment(one["first_at"])}
            for one in found.seen
        ],
        "events": [
            {"kind": one.kind.value, "at": moment(one.at), "url": one.url} for one in found.events
        ],
        "series": [
            {
                "kind": one.kind,
                "days": [
                    {"day": day.isoformat(), "total": total}
                    for day, total in zip(one.days, one.totals, strict=True)
                ],
            }
            for one in found.series
        ],
        "similar": [one.id for one in found.similar],
    }


def brief(paper: Paper, heat: Heat | None, url: str) -> dict[str, Any]:
    """Return a paper as in a list of the API."""
    return {
        "id": paper.id,
        "title": paper.title,
        "authors": list(paper.authors),
        "fields": list(paper.fields),
        "published": moment(paper.published),
        "withdrawn": paper.is_withdrawn,
        "links": dict(paper.links),
        "heat": heat
        and {
            "value": round(heat.value, 4),
            "word": heat.word,
            "field": heat.field,
            "facts": [{"kind": f.kind, "count": f.count, "days": f.days} for f in heat.facts],
        },
        "url": url,
    }


def moment(at: datetime | None) -> str | None:
    """A time as the API writes it: UTC, to the second."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None


def _json(found: Known, url: str) -> Response:
    return JSONResponse(as_json(found, url))


def _bibtex(found: Known, url: str) -> Response:
    return Response(citation.bibtex(found.paper, url), media_type="application/x-bibtex")


def _ris(found: Known, url: str) -> Response:
    return Response(
        citation.ris(found.paper, url), media_type="application/x-research-info-systems"
    )


_FORMS = {".json": _json, ".bib": _bibtex, ".ris": _ris}


def _json_ld(found: Known, url: str) -> Markup:
    """Return schema.org's ScholarlyArticle. It is in a script element, which only "<" could end."""
    paper = found.paper
    about: Mapping[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "headline": paper.title,
        "author": [{"@type": "Person", "name": name} for name in paper.authors],
        "datePublished": paper.published.date().isoformat() if paper.published else None,
        "abstract": paper.abstract or None,
        "identifier": list(paper.identifiers) or None,
        "sameAs": paper.links.get("abs"),
        "url": url,
    }
    text = json.dumps({key: value for key, value in about.items() if value}, ensure_ascii=False)
    signs = {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
    for sign, written in signs.items():
        text = text.replace(sign, written)
    return Markup(text)  # noqa: S704  (no character is left that could end the element)
