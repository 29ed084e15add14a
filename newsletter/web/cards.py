"""Papers as pages show them: the same facts as in a letter, nothing personal. The template adds the
words of its language.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from newsletter.models import Fact, Heat, Paper
from newsletter.steps.compose import PaperFacts, show

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
    fact: Fact | None  #: the strongest fact
    links: tuple[tuple[str, str], ...]  #: name as in LINKS -> URL
    field: str
    published: str  #: ISO date; empty = unknown


def card(facts: Mapping[str, object]) -> Card:
    """Return a card from the facts that an issue stored, or from those of `show`."""
    shown = PaperFacts.from_facts(facts)
    byline = " · ".join(part for part in (shown.authors, ", ".join(shown.affiliations)) if part)
    return Card(
        shown.id,
        shown.title,
        f"/papers/{quote(shown.id)}",
        byline,
        shown.summary,
        shown.is_machine_written,
        shown.level,
        shown.facts[0] if shown.facts else None,
        shown.links,
        shown.field,
        shown.published,
    )


def card_of(paper: Paper, heat: Heat | None) -> Card:
    return card(show(paper, heat or _NO_HEAT))


def cards(found: Sequence[Paper], heats: Mapping[int, Heat]) -> list[Card]:
    return [card_of(paper, heats.get(paper.key)) for paper in found]
