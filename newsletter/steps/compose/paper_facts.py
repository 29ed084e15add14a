"""What an issue stored about its papers: the words and numbers of a card, whatever happens to the
paper later.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from newsletter.charts.points import series, steps
from newsletter.models import Fact, Heat, Paper, PaperEvent, Signal, Topic
from newsletter.steps.compose.abstract_summary import summarize
from newsletter.steps.compose.prose import cut, names, one_line, shorten, without_latex
from newsletter.text.markup.invisible import declared_direction, with_direction

#: Most characters of a title: the longest on arXiv have about 300.
TITLE_LIMIT = 300
#: The names of links, in the order of a card.
LINKS = ("abs", "pdf", "code", "discuss", "project")


@dataclass(frozen=True, slots=True)
class PaperFacts:
    """A paper as one issue shows it. Hashable, so that its card is made once."""

    key: int  #: Paper.key
    id: str
    title: str
    authors: str  #: "Mara Okafor … Jonas Lindqvist"
    affiliations: tuple[str, ...]  #: at most two
    summary: str  #: at most two sentences
    is_machine_written: bool
    published: str  #: ISO date; empty = unknown
    level: int  #: Heat.level
    field: str  #: Heat.field
    facts: tuple[Fact, ...]  #: strongest first
    links: tuple[tuple[str, str], ...]  #: name -> http(s) URL, in the order of LINKS
    #: (place by heat, number of papers) within `field`; empty while nobody has noticed the paper
    place: tuple[int, ...] = ()
    #: heights of the growth of the last days, oldest first, as `charts.points.steps` returns them;
    #: empty without growth
    steps: tuple[int, ...] = ()
    heat: float = 0.0  #: Heat.value; 0 in issues of older versions

    def __hash__(self) -> int:
        return hash((self.key, self.title))

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "PaperFacts":
        """Return what `show` wrote."""
        counts = tuple(Fact(kind, count, days) for kind, count, days in facts["facts"])
        links = tuple((name, facts["links"][name]) for name in LINKS if name in facts["links"])
        return cls(
            **{
                **facts,
                "affiliations": tuple(facts["affiliations"]),
                "facts": counts,
                "links": links,
                "place": tuple(facts.get("place", ())),
                "steps": tuple(facts.get("steps", ())),
            }
        )

    def count(self, kind: str) -> int:
        """Return the counter of that kind; 0 = never counted."""
        return next((fact.count for fact in self.facts if fact.kind == kind), 0)

    @property
    def url(self) -> str:
        """Return the link of the title: the abstract, else the best page; empty without any."""
        return next((url for name, url in self.links if name != "code"), "") or next(
            (u for _, u in self.links), ""
        )

    def age_days(self, day: date) -> int | None:
        """Return the days between publication and `day`, a local date; never negative. None =
        unknown.
        """
        return max(0, (day - date.fromisoformat(self.published)).days) if self.published else None


@dataclass(frozen=True, slots=True)
class Silence:
    """What readers of an issue are told is missing in it."""

    #: Sources from which nothing new has come for more than a day.
    sources: tuple[str, ...] = ()
    #: Lists that should be there: the name of a source or of a part of it, and the days.
    lists: tuple[tuple[str, tuple[date, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """What all letters of one issue share, and the events that one of them tells."""

    day: date  #: the issue's local date
    considered: int  #: "out of 1,204"
    papers: Mapping[int, PaperFacts]  #: by Paper.key
    topics: Mapping[int, Topic] = field(default_factory=dict)  #: those that picks may name, by id
    silence: Silence = Silence()  #: what is missing in it
    #: what became of papers that this letter's reader had before
    events: tuple[PaperEvent, ...] = ()
    #: (day, address) of an earlier letter that may not have arrived
    missed: tuple[date, str] | None = None


def show(
    paper: Paper, heat: Heat, readings: Iterable[Signal] = (), now: datetime | None = None
) -> dict[str, Any]:
    """Return what an issue stores about a paper, as JSON types; `PaperFacts.from_facts` reads it.

    `readings`: of the paper's counters until `now`; they become the small chart beside its heat.
    """
    affiliations = [cut(one_line(name), 60) for name in paper.affiliations if one_line(name)]
    return {
        "key": paper.key,
        "id": paper.id,
        "title": _title(paper.title),
        "authors": names(paper.authors),
        "affiliations": affiliations[:2],
        "summary": shorten(paper.summary) if paper.summary else summarize(paper.abstract),
        "is_machine_written": bool(paper.summary),
        "published": paper.published.date().isoformat() if paper.published else "",
        "level": heat.level,
        "heat": round(heat.value, 4),
        "field": heat.field,
        "facts": [[fact.kind, fact.count, fact.days] for fact in heat.facts],
        "place": _place(heat),
        "links": {
            name: url for name, url in paper.links.items() if name in LINKS and _is_safe(url)
        },
        "steps": _steps(readings, heat, now) if now else [],
    }


def _place(heat: Heat) -> list[int]:
    """Return the paper's place by heat and the number of papers in its field; empty without any
    signal, where only age decides the place.
    """
    if not heat.facts or "hotter" not in heat.components:
        return []
    return [int(heat.components["hotter"]) + 1, int(heat.components["field_papers"])]


def _title(title: str) -> str:
    """Return a title as one line; a mark of its writing direction at the beginning stays."""
    return with_direction(cut(without_latex(title), TITLE_LIMIT), declared_direction(title))


def _steps(readings: Iterable[Signal], heat: Heat, now: datetime) -> list[int]:
    """Return the growth by day of the counter of the heat's first fact; without a fact, of the
    first counter.
    """
    found = series(readings, now)
    told = heat.facts[0].kind if heat.facts else ""
    chosen = next((one for one in found if one.kind == told), found[0] if found else None)
    growth = chosen.growth(now.date()) if chosen else ()
    return list(steps(growth)) if any(growth) else []


def _is_safe(url: str) -> bool:
    """Return whether a URL is a web page and cannot end a line."""
    return url.startswith(("https://", "http://")) and url.isprintable() and " " not in url
