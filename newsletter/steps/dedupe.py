"""Many sightings, one paper: who belongs together, and what the merged record says. Pure; the store
remembers.

`identity` says whether two records are the same paper; here groups are made of such pairs, so that
the order of what was seen changes nothing and seeing it again changes nothing. Two papers that are
known already are never joined: that is the operator's decision.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations, count
from typing import Any

from newsletter.models import Merge, Paper, Sighting
from newsletter.source_rows import IMPORT, trust
from newsletter.steps.identity import (
    Record,
    Verdict,
    identifiers,
    keys,
    rivals,
    same_paper,
    short_hash,
)
from newsletter.text import authors
from newsletter.text.authors import Company

__all__ = [
    "RULED",
    "Verdict",
    "apart",
    "combine",
    "dedupe",
    "lookup_keys",
    "paper_keys",
    "remade",
    "same_paper",
]

#: Why a sighting is where the operator put it. It stays there whatever it resembles.
RULED = "the operator's decision"

#: How long before now we pretend to have seen a paper that we meet by its replacement. It is kept,
#: so that signals find it, but it is news to nobody: readers are shown what was first seen within
#: seven days.
OLD = timedelta(days=30)
#: Title keys shared by more records than this say nothing and are not followed.
_CROWD = 200
#: A source's own id that may serve as a public one: short, safe in a path, more than a number.
_TOKEN = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9_.\-]{5,39}")
#: An operator's own ids are kept as they were given, if they are one plain word.
_GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,79}")
#: Reasons that hold for a whole group: a third record that resembles both does not take them away.
_AGAINST = frozenset(("different authors", "different years", "different abstracts"))
#: Doubts: what the operator said, identifiers from here, titles from here.
_RULED = -1
_BY_TITLE = 2
_KINDS = ("arxiv", "doi", "openreview", "pmid")
#: What else two sightings may differ in; only there to make their order total.
_REST = (
    "title",
    "abstract",
    "authors",
    "fields",
    "identifiers",
    "announce",
    "summary",
    "affiliations",
    "comment",
    "is_withdrawn",
)


def lookup_keys(sighting: Sighting) -> tuple[str, ...]:
    """Every name under which the store may know this paper: identifiers, title keys, and the public
    id it would get.
    """
    return (*keys(sighting), *_id_key(next(_ids([sighting]))))


def paper_keys(paper: Paper) -> tuple[str, ...]:
    """Every name under which a stored paper can be found; what the store keeps for it."""
    return (*keys(paper), *_id_key(paper.id))


def _id_key(id: str) -> tuple[str, ...]:
    """A public id that is no identifier is a name too, so that nobody else gets it."""
    return (f"id:{id}",) if _TOKEN.fullmatch(id) or _GIVEN.fullmatch(id) else ()


def dedupe(
    sightings: Sequence[Sighting],
    known: Sequence[Paper],
    now: datetime,
    ruled: Mapping[tuple[str, str], int] | None = None,
) -> list[Merge]:
    """Join what was seen with each other and with the known papers that share a lookup key.

    `ruled`: (source, source_id) -> key of the known paper that the operator put this sighting to.

    One Merge per paper that was seen. `why` has a fact per sighting; the first one of a new paper
    says "new", or "replacement of an unknown paper" (see `OLD`).
    """
    seen = sorted(sightings, key=_place)
    taken = {paper.id for paper in known}
    papers = sorted(
        _within_reach(known, seen, ruled or {}), key=lambda paper: (paper.key, paper.id)
    )
    records: list[Record] = [*papers, *seen]
    at_home = _at_home(seen, papers, ruled or {})
    verdicts = [
        (a, b, verdict)
        for a, b, verdict in _verdicts(records, len(papers))
        if b not in at_home or a >= len(papers)  # where it belongs is not asked again
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
        reasons[0] = "replacement of an unknown paper" if _is_replacement(shown) else "new"
        merges.append(Merge(paper, shown, True, paper_keys(paper), tuple(reasons)))
    return merges


def _within_reach(
    known: Iterable[Paper], seen: Iterable[Sighting], ruled: Mapping[tuple[str, str], int]
) -> Iterator[Paper]:
    """Leave out the known papers of arXiv that nothing seen can be, because all of it has other
    arXiv ids.

    Titles alone bring in many such papers, and to compare them would take most of the time.
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
    """Number of a record -> number of the known paper it was put to."""
    if not ruled:
        return {}
    places = {paper.key: n for n, paper in enumerate(papers)}
    homes = ((n, ruled.get((s.source, s.source_id))) for n, s in enumerate(seen, len(papers)))
    return {n: places[home] for n, home in homes if home in places}


# -- who belongs together --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class _Link:
    """Two records that are the same paper. Links sort by how sure they are: identifiers, then
    titles.
    """

    doubt: int
    a: int
    b: int
    why: str


class _Groups:
    """Records joined into papers, one link at a time. Numbers below `known` are papers of the
    store.
    """

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
        """The lowest number of a record's group; a known paper's, if there is one in it."""
        while self._parent[n] != n:
            self._parent[n] = n = self._parent[self._parent[n]]
        return n

    def join(self, link: _Link) -> None:
        """Join the groups of two records, unless that would join two known papers or records that
        contradict.

        A record without authors must not tie two papers of other people together, nor one without a
        year two years. Identifiers that contradict between the two records themselves were weighed
        by `same_paper` already.
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
    """Compare all records that share a key, each pair once; pairs of known papers are left
    alone.
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


def _place(sighting: Sighting) -> tuple[Any, ...]:
    """A total order of sightings: announcements before replacements, origins before copies, new
    versions before old.
    """
    return (
        _is_replacement([sighting]),
        trust(sighting.source),
        sighting.source,
        sighting.source_id,
        -sighting.version,
        *(getattr(sighting, name) for name in _REST),
        str(sighting.published),
        sorted(sighting.links.items()),
    )


def _is_replacement(sightings: Iterable[Sighting]) -> bool:
    """Whether all of them announce a new version of something older."""
    return all(sighting.announce.startswith("replace") for sighting in sightings)


# -- what the merged record says -------------------------------------------------------------------


def combine(
    sightings: Sequence[Sighting],
    now: datetime,
    known: Paper | None = None,
    *,
    taken: Collection[str] = (),
) -> Paper:
    """Make one paper of everything that was seen of it, keeping the best of each field.

    A known paper keeps its key, its id, when it was first seen and whether it is hidden. With
    `known` left out this also makes the papers of a wrong merge that is split: one call for the
    sightings of each. `taken` are others' ids.
    """
    seen = sorted(sightings, key=_place)
    everything = _by_trust(seen, known)
    stored: list[Record] = [known] if known else []
    titled = [record for record in everything if record.title] or everything
    shown = [record for record in titled if not record.is_withdrawn] or titled
    links = {name: url for record in reversed(everything) for name, url in record.links.items()}
    paper = Paper(
        id=known.id if known else next(id for id in _ids(seen) if id not in taken),
        title=shown[0].title,
        key=known.key if known else 0,
        abstract=_abstract(shown),
        authors=_authors(everything),
        fields=_union(record.fields for record in everything),
        identifiers=_identifiers(everything),
        version=max(record.version for record in everything),
        published=min(
            (record.published for record in everything if record.published), default=None
        ),
        first_seen=known.first_seen if known else now,
        summary=_first(record.summary for record in (*seen, *stored)),
        affiliations=_union(record.affiliations for record in (*stored, *seen)),
        links=links,
        comment=_first(record.comment for record in everything),
        is_withdrawn=_is_withdrawn(everything),
        is_hidden=bool(known and known.is_hidden),
    )
    if known is None and _is_replacement(seen):
        return replace(paper, first_seen=min(paper.published or now, now - OLD))
    return paper


def remade(paper: Paper, sightings: Sequence[Sighting], now: datetime) -> Paper:
    """The paper as these sightings alone make it; what is its own stays: key, id, first seen,
    hidden.
    """
    if not sightings:
        return paper
    made = combine(sightings, now)
    return replace(
        made, id=paper.id, key=paper.key, first_seen=paper.first_seen, is_hidden=paper.is_hidden
    )


def apart(sightings: Sequence[Sighting]) -> list[tuple[Sighting, ...]]:
    """Divide the sightings of one paper into those that share an identifier, in their order; others
    stand alone.
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


def _by_trust(seen: Sequence[Sighting], known: Paper | None) -> list[Record]:
    """Order records by how well they know the paper: arXiv's newest, what we know, then other
    sources.

    A notice of withdrawal has nothing to say but that, so it comes behind what we know.
    """
    by_trust = sorted(seen, key=lambda sighting: (trust(sighting.source), -sighting.version))
    if known is None:
        return list(by_trust)
    newer = [
        s
        for s in by_trust
        if s.source == "arxiv" and s.version >= known.version and not s.is_withdrawn
    ]
    return [*newer, known, *(sighting for sighting in by_trust if sighting not in newer)]


def _abstract(records: Sequence[Record]) -> str:
    """arXiv's abstract, or one we took for it; else the longest, because feeds cut theirs."""
    for record in records:
        if record.abstract and (
            record.source == "arxiv" if isinstance(record, Sighting) else _has_arxiv(record)
        ):
            return record.abstract
    return max((record.abstract for record in records), key=len)


def _has_arxiv(record: Record) -> bool:
    return "arxiv" in identifiers(record)


def _authors(records: Sequence[Record]) -> tuple[str, ...]:
    """The longest list that goes together with the most trusted one; of two as long, the one with
    fuller names.
    """
    lists = list(dict.fromkeys(record.authors for record in records if record.authors))
    if len(lists) < 2:
        return lists[0] if lists else ()
    fitting = [names for names in lists if authors.compare(names, lists[0]) >= Company.SOME]
    return max(
        fitting or lists[:1], key=lambda names: (len(names), sum(map(len, names))), default=()
    )


def _identifiers(records: Sequence[Record]) -> tuple[str, ...]:
    """Every identifier once; the ones that name a paper everywhere first."""
    found = {name for record in records for names in identifiers(record).values() for name in names}
    kinds = {kind: place for place, kind in enumerate(_KINDS)}
    return tuple(
        sorted(found, key=lambda name: (kinds.get(name.partition(":")[0], len(kinds)), name))
    )


def _is_withdrawn(records: Sequence[Record]) -> bool:
    """Whether the newest word on every arXiv id is "withdrawn": work that came back under a new id
    is not.
    """
    speaking = [record for record in records if _has_arxiv(record)] or records
    words: dict[str, tuple[int, bool]] = {}
    for record in speaking:
        for name in identifiers(record).get("arxiv", ("",)):
            words[name] = max(words.get(name, (0, False)), (record.version, record.is_withdrawn))
    return all(is_withdrawn for _, is_withdrawn in words.values())


def _ids(sightings: Sequence[Sighting]) -> Iterator[str]:
    """Public ids that a new paper may get, best first: arXiv id, DOI, the source's own short one, a
    made one.
    """
    names = _identifiers(sightings)
    for kind in ("arxiv:", "doi:"):
        yield from (name.removeprefix(kind) for name in names if name.startswith(kind))
    first = min(sightings, key=_place)
    if _TOKEN.fullmatch(first.source_id) or (
        first.source == IMPORT and _GIVEN.fullmatch(first.source_id)
    ):
        yield first.source_id
    source = re.sub(r"[^a-z0-9]+", "-", first.source.lower()).strip("-") or "paper"
    yield f"{source}-{short_hash(first.source_id)}"
    for number in count():  # a broken feed gives many papers one id
        yield f"{source}-{short_hash(f'{first.source_id} {first.title} {number}')}"


def _union(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for values in lists for value in values))


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")
