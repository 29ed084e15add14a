"""Group many sightings into papers. Pure; the store keeps the result.

`identity` decides whether two records are the same paper. Here pairs become groups, so that neither
the order of sightings nor a repeated sighting changes the result; `combine` makes the record of
each group. Two known papers are never joined: only the operator does that.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from newsletter.models import Merge, Paper, Sighting
from newsletter.steps.combine import combine, is_replacement, paper_keys, place
from newsletter.steps.identity import (
    Record,
    Verdict,
    identifiers,
    keys,
    rivals,
    same_paper,
)

#: The reason of a sighting that the operator assigned. It stays there, whatever it resembles.
RULED = "the operator's decision"

#: Title keys of more records than this are ignored: they mean nothing.
_CROWD = 200
#: Reasons that hold for a whole group: a third record that resembles both does not remove them.
_AGAINST = frozenset(("different authors", "different years", "different abstracts"))
#: Ranks of links, surest first: the operator's decision, then identifiers, then titles.
_RULED = -1
_BY_TITLE = 2


def dedupe(
    sightings: Sequence[Sighting],
    known: Sequence[Paper],
    now: datetime,
    ruled: Mapping[tuple[str, str], int] | None = None,
) -> list[Merge]:
    """Group sightings with each other and with the known papers that share a lookup key. Returns
    one Merge per paper that was seen.

    `ruled`: (source, source_id) -> key of the known paper to which the operator assigned this
    sighting. `why` has one fact per sighting; the first one of a new paper is "new", or
    "replacement of an unknown paper" (see `combine.OLD`).
    """
    seen = sorted(sightings, key=place)
    taken = {paper.id for paper in known}
    papers = sorted(
        _within_reach(known, seen, ruled or {}), key=lambda paper: (paper.key, paper.id)
    )
    records: list[Record] = [*papers, *seen]
    at_home = _at_home(seen, papers, ruled or {})
    verdicts = [
        (a, b, verdict)
        for a, b, verdict in _verdicts(records, len(papers))
        if b not in at_home or a >= len(papers)  # assigned already
    ]
    homes = [_Link(_RULED, home, n, RULED) for n, home in at_home.items()]
    links = homes + sorted(
        _Link(_doubt(verdict.why), a, b, verdict.why)
        for a, b, verdict in verdicts
        if verdict.is_same
    )
    groups = _Groups(
        records, len(papers), [(a, b) for a, b, verdict in verdicts if verdict.why in _AGAINST]
    )
    for link in links:
        groups.join(link)
    why: dict[int, str] = {}
    for link in links:
        if groups.root(link.a) == groups.root(link.b):
            why.setdefault(link.a, link.why)
            why.setdefault(link.b, link.why)
    members: dict[int, list[int]] = defaultdict(list)
    for n in range(len(papers), len(records)):
        members[groups.root(n)].append(n)
    merges = []
    for root, group in members.items():
        shown = tuple(seen[n - len(papers)] for n in group)
        reasons = [why.get(n, "new") for n in group]
        if root < len(papers):
            paper = combine(shown, now, papers[root])
            is_changed = paper != papers[root]
            found_by = paper_keys(paper) if is_changed else ()
            merges.append(Merge(paper, shown, is_changed, found_by, tuple(reasons)))
            continue
        paper = combine(shown, now, taken=taken)
        taken.add(paper.id)
        reasons[0] = "replacement of an unknown paper" if is_replacement(shown) else "new"
        merges.append(Merge(paper, shown, True, paper_keys(paper), tuple(reasons)))
    return merges


def _within_reach(
    known: Iterable[Paper], seen: Iterable[Sighting], ruled: Mapping[tuple[str, str], int]
) -> Iterator[Paper]:
    """Leave out known arXiv papers that cannot be any of the sightings, because all of their arXiv
    ids differ. Shared title keys bring many such papers, and comparing them would take most of the
    time.
    """
    kinds = [identifiers(sighting) for sighting in seen]
    names = {name for of_kind in kinds for of in of_kind.values() for name in of}
    is_open = not all("arxiv" in of_kind for of_kind in kinds) or any(
        sighting.is_withdrawn for sighting in seen
    )
    homes = set(ruled.values())
    for paper in known:
        own = identifiers(paper)
        is_stranger = (
            "arxiv" in own
            and not paper.is_withdrawn
            and all(names.isdisjoint(of) for of in own.values())
        )
        if is_open or not is_stranger or paper.key in homes:
            yield paper


def _at_home(
    seen: Sequence[Sighting], papers: Sequence[Paper], ruled: Mapping[tuple[str, str], int]
) -> dict[int, int]:
    """Return record number -> number of the known paper to which it was assigned."""
    if not ruled:
        return {}
    places = {paper.key: n for n, paper in enumerate(papers)}
    homes = ((n, ruled.get((s.source, s.source_id))) for n, s in enumerate(seen, len(papers)))
    return {n: places[home] for n, home in homes if home in places}


# -- who belongs together --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class _Link:
    """Two records that are the same paper. Links sort by certainty: identifiers, then titles."""

    doubt: int
    a: int
    b: int
    why: str


class _Groups:
    """Groups of records, joined one link at a time. Numbers below `known` are stored papers."""

    def __init__(
        self, records: Sequence[Record], known: int, strangers: Iterable[tuple[int, int]]
    ) -> None:
        self._own = [identifiers(record) for record in records]
        self._all = list(self._own)
        self._known = known
        self._parent = list(range(len(records)))
        self._members = [{n} for n in range(len(records))]
        self._strangers: dict[int, set[int]] = defaultdict(set)
        for a, b in strangers:
            self._strangers[a].add(b)
            self._strangers[b].add(a)

    def root(self, n: int) -> int:
        """Return the lowest number of a record's group; it is the known paper's, if there is
        one.
        """
        while self._parent[n] != n:
            self._parent[n] = n = self._parent[self._parent[n]]
        return n

    def join(self, link: _Link) -> None:
        """Join the groups of two records, unless that joins two known papers or contradictory
        records.

        A record without authors must not connect papers of different people, nor one without a year
        papers of different years. Contradictory identifiers of the two records themselves were
        weighed by `same_paper` already.
        """
        one, other = sorted((self.root(link.a), self.root(link.b)))
        if one == other or other < self._known:
            return
        mine, theirs = self._all[one], self._all[other]
        if link.doubt > _RULED and set(rivals(mine, theirs)) - set(
            rivals(self._own[link.a], self._own[link.b])
        ):
            return
        if link.doubt >= _BY_TITLE and any(
            self._strangers[n] & self._members[one] for n in self._members[other]
        ):
            return
        self._parent[other] = one
        self._members[one] |= self._members[other]
        none: frozenset[str] = frozenset()
        self._all[one] = {
            kind: mine.get(kind, none) | theirs.get(kind, none) for kind in {*mine, *theirs}
        }


def _verdicts(records: Sequence[Record], known: int) -> Iterator[tuple[int, int, Verdict]]:
    """Compare all records that share a key, each pair once; pairs of known papers are not
    compared.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for n, record in enumerate(records):
        for key in set(keys(record)):
            places[key].append(n)
    compared: set[tuple[int, int]] = set()
    for key, together in places.items():
        if len(together) > _CROWD:
            if key[:2] in ("t:", "f:", "w:"):
                continue
            pairs = iter([(together[0], n) for n in together[1:]])
        else:
            pairs = combinations(together, 2)
        for a, b in pairs:
            if b < known or (a, b) in compared:
                continue
            compared.add((a, b))
            yield a, b, same_paper(records[a], records[b])


def _doubt(why: str) -> int:
    if "title" not in why:
        return 0 if why == "same arXiv id" else 1
    return _BY_TITLE if why.startswith("same") else _BY_TITLE + 1


def apart(sightings: Sequence[Sighting]) -> list[tuple[Sighting, ...]]:
    """Divide the sightings of one paper into groups that share an identifier, in their order;
    others are groups of one.
    """
    groups: list[tuple[set[str], list[Sighting]]] = []
    for sighting in sightings:
        names = {name for of_kind in identifiers(sighting).values() for name in of_kind}
        shared = [group for group in groups if group[0] & names]
        first = shared[0] if shared else (set[str](), list[Sighting]())
        for other in shared[1:]:
            first[0].update(other[0])
            first[1].extend(other[1])
            groups.remove(other)
        first[0].update(names)
        first[1].append(sighting)
        if not shared:
            groups.append(first)
    return [tuple(members) for _, members in groups]
