"""Papers as pages show them: the same facts as in a letter, without anything personal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newsletter.app import App
from newsletter.models import Fact, Heat, Paper
from newsletter.steps.compose import Shown, show
from newsletter.store import papers, signals
from newsletter.store.db import reading

_LABELS = {"abs": "Abstract", "pdf": "PDF", "code": "Code", "discuss": "Discussion", "project": "Project"}
_NOUNS = {"upvotes": "upvote", "stars": "star", "comments": "comment", "points": "point", "mentions": "mention"}
_NO_HEAT = Heat(0.0, 1, "")


@dataclass(frozen=True)
class Card:
    id: str
    title: str
    url: str
    byline: str
    summary: str
    is_machine_written: bool
    level: int
    word: str
    signal: str
    links: tuple[tuple[str, str], ...]
    field: str = ""


def signal(facts: Sequence[Fact]) -> str:
    """The strongest fact in words: "312 upvotes in 1 day"."""
    if not facts:
        return ""
    fact = facts[0]
    noun = _NOUNS.get(fact.kind, fact.kind) + ("" if fact.count == 1 else "s")
    count = f"{fact.count / 1000:.1f}k" if fact.count >= 1000 else str(fact.count)
    if not fact.days:
        return f"{count} {noun} today"
    return f"{count} {noun} in {fact.days} day{'' if fact.days == 1 else 's'}"


def card(facts: Mapping[str, object]) -> Card:
    """A card of what an issue froze, or of what `show` says now."""
    shown = Shown.from_facts(facts)
    byline = " · ".join(part for part in (shown.authors, ", ".join(shown.affiliations)) if part)
    heat = Heat(0.0, shown.level, shown.field)
    return Card(
        shown.id, shown.title, f"/papers/{shown.id}", byline, shown.summary, shown.is_machine_written, shown.level,
        heat.word, signal(shown.facts), tuple((_LABELS[name], url) for name, url in shown.links), shown.field,
    )  # fmt: skip


def cards(found: Sequence[Paper], heats: Mapping[int, Heat]) -> list[Card]:
    return [card(show(paper, heats.get(paper.key, _NO_HEAT))) for paper in found]


def hottest(app: App, limit: int) -> list[Card]:
    """The hottest papers of the last run."""
    with reading(app.engine) as connection:
        ranked = signals.hottest(connection, limit)
        found = papers.by_keys(connection, [paper for paper, _ in ranked])
    return cards([found[paper] for paper, _ in ranked if paper in found], dict(ranked))
