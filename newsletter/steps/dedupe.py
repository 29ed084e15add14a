"""Many sightings, one paper: who belongs together, and what the merged record says. Pure; the store remembers.

`identity` says whether two records are the same paper; here groups are made of such pairs, so that the order of what was
seen changes nothing and seeing it again changes nothing. Two papers that are known already are never joined: that is
the operator's decision (`papers merge`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations

from newsletter.models import Merge, Paper, Sighting
from newsletter.steps import people
from newsletter.steps.identity import Record, Verdict, canonical, entry, identifiers, keys, rivals, same_paper, short_hash
from newsletter.steps.people import Company

__all__ = ["Verdict", "combine", "dedupe", "lookup_keys", "paper_keys", "same_paper"]

#: How long before now we pretend to have seen a paper that we meet by its replacement. It is kept, so that signals find
#: it, but it is news to nobody: readers are shown what was first seen within seven days.
OLD = timedelta(days=30)
#: Keys shared by more records than this say nothing ("Untitled", the same three long words): they are not followed.
_CROWD = 200
_TOKEN = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][\w.\-]{5,39}", re.A)
_KINDS = ("arxiv", "doi", "openreview", "pmid")
#: Sources by how well they know a paper: arXiv is the origin, Hugging Face shows copies.
_TRUST = {"arxiv": 0, "biorxiv": 1, "medrxiv": 1, "huggingface": 3}


def lookup_keys(sighting: Sighting) -> tuple[str, ...]:
    """Every name under which the store may know this paper: identifiers, title keys, and the public id it would get."""
    return (*keys(sighting), *_id_keys(next(_ids([sighting]))))


def paper_keys(paper: Paper) -> tuple[str, ...]:
    """Every name under which a stored paper can be found; what the store keeps for it."""
    return (*keys(paper), *_id_keys(paper.id))


def _id_keys(id: str) -> tuple[str, ...]:
    """A public id that is no identifier is a name too: nobody else may get it."""
    return (f"id:{id}",) if _TOKEN.fullmatch(id) else ()


# -- who belongs together ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class _Link:
    """Two records that are the same paper. Links sort by how sure they are: ids, then titles."""

    doubt: int
    a: int
    b: int
    why: str


class _Groups:
    """Records joined into papers, one link at a time. Numbers below `known` are papers of the store."""

    def __init__(self, records: Sequence[Record], known: int) -> None:
        self.names = [identifiers(record) for record in records]
        self.known = known
        self._parent = list(range(len(records)))
        self._members = [dict(names) for names in self.names]
        self._paper: list[int | None] = [n if n < known else None for n in range(len(records))]

    def root(self, n: int) -> int:
        while self._parent[n] != n:
            self._parent[n] = n = self._parent[self._parent[n]]
        return n

    def join(self, a: int, b: int) -> None:
        """Join the groups of two records, unless that would join two known papers or contradicting identifiers.

        Identifiers that contradict each other between the two records themselves were weighed by `same_paper`.
        """
        one, other = sorted((self.root(a), self.root(b)))
        if one == other or (self._paper[one] is not None and self._paper[other] is not None):
            return
        mine, theirs = self._members[one], self._members[other]
        if set(rivals(mine, theirs)) - set(rivals(self.names[a], self.names[b])):
            return
        self._parent[other] = one
        if self._paper[one] is None:
            self._paper[one] = self._paper[other]
        self._members[one] = {kind: mine.get(kind, frozenset()) | theirs.get(kind, frozenset()) for kind in {*mine, *theirs}}


def dedupe(sightings: Sequence[Sighting], known: Sequence[Paper], now: datetime) -> list[Merge]:
    """Join what was seen with each other and with the known papers that share a lookup key.

    One Merge per paper that was seen, in an order that depends on the sightings only. `why` has a fact per sighting; the
    first one of a new paper says "new", or "replacement of an unknown paper" (see `OLD`).
    """
    seen = _in_order(sightings)
    papers = sorted(known, key=lambda paper: (paper.key, paper.id))
    records: list[Record] = [*papers, *seen]
    links = sorted(_links(records, len(papers)))
    groups = _Groups(records, len(papers))
    for link in links:
        groups.join(link.a, link.b)
    why: dict[int, str] = {}
    for link in links:
        if groups.root(link.a) == groups.root(link.b):
            why.setdefault(link.a, link.why)
            why.setdefault(link.b, link.why)
    members: dict[int, list[int]] = defaultdict(list)
    for n in range(len(records)):
        members[groups.root(n)].append(n)
    taken = {paper.id for paper in papers}
    merges = []
    for group in members.values():
        group_seen = [n for n in group if n >= len(papers)]
        if group_seen:
            paper = papers[group[0]] if group[0] < len(papers) else None
            merges.append(_merge(paper, [seen[n - len(papers)] for n in group_seen], [why.get(n, "") for n in group_seen], now, taken))
    return merges
