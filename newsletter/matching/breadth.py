"""Whether a topic is too broad: a word like "scheme" finds papers of every field alike. Pure."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from newsletter.models import Paper

#: A topic that finds this share of all papers is too broad.
LARGE = 0.1
#: Least papers to judge how they are distributed over fields.
ENOUGH = 10
#: The fields of a topic have a larger part of its papers than of all papers, by at least this.
FOCUS = 0.15
#: A site whose largest field is larger than this has one field: the distribution tells nothing.
ONE_FIELD = 0.6


class TooBroad(NamedTuple):
    """Why a topic is too broad."""

    #: share (it finds too large a part of all papers) | fields (papers of all fields alike)
    kind: str
    number: int  #: percent of all papers; fields

    def __str__(self) -> str:
        if self.kind == "share":
            return f"this catches {self.number} % of all papers: add a word, a category, or ti:"
        return (
            f"this catches papers of {self.number} fields alike: add a word that tells them apart"
        )


def warning(papers: Sequence[Paper], found: Collection[int]) -> TooBroad | None:
    """Return why a topic is too broad; None if it is not. `found` are keys of `papers`."""
    if len(found) < ENOUGH:
        return None
    if len(found) >= LARGE * len(papers):
        return TooBroad("share", round(100 * len(found) / len(papers)))
    everywhere = Counter(paper.fields[0] for paper in papers if paper.fields)
    inside = Counter(p.fields[0] for p in papers if p.fields and p.key in found)
    total, of_topic = everywhere.total(), inside.total()
    if of_topic < ENOUGH or max(everywhere.values()) > ONE_FIELD * total:
        return None
    focus = max(inside[field] / of_topic - everywhere[field] / total for field in inside)
    return TooBroad("fields", len(inside)) if focus < FOCUS else None
