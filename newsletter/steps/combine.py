"""Combine several sightings into the record of a paper: the best of each field, its public id, and
its lookup keys. Pure.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from newsletter.models import Paper, Sighting
from newsletter.source_rows import IMPORT, trust
from newsletter.steps.identity import Record, identifiers, keys, short_hash
from newsletter.text import authors
from newsletter.text.authors import Company

#: A paper that is first met as a replacement counts as first seen this long ago. It is stored, so
#: that signals find it, but no reader gets it as new: papers are eligible for seven days.
OLD = timedelta(days=30)
#: A source's own id that may be a public one: short, safe in a path, not only a number.
_TOKEN = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9_.\-]{5,39}")
#: An operator's own ids stay as they were given, if they are one plain word.
_GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,79}")
_KINDS = ("arxiv", "doi", "openreview", "pmid")
#: Further fields in which two sightings may differ; they only make their order total.
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


def combine(
    sightings: Sequence[Sighting],
    now: datetime,
    known: Paper | None = None,
    *,
    taken: Collection[str] = (),
) -> Paper:
    """Combine all sightings of a paper; return it with the best of each field.

    A known paper keeps its key, its id, when it was first seen and whether it is hidden. Without
    `known` this makes the papers of a wrong merge that is split: one call per group of sightings.
    `taken`: ids of other papers.
    """
    seen = sorted(sightings, key=place)
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
    if known is None and is_replacement(seen):
        return replace(paper, first_seen=min(paper.published or now, now - OLD))
    return paper


def remade(paper: Paper, sightings: Sequence[Sighting], now: datetime) -> Paper:
    """Return the paper that these sightings alone make. Key, id, first seen and hidden stay."""
    if not sightings:
        return paper
    made = combine(sightings, now)
    return replace(
        made, id=paper.id, key=paper.key, first_seen=paper.first_seen, is_hidden=paper.is_hidden
    )


def _by_trust(seen: Sequence[Sighting], known: Paper | None) -> list[Record]:
    """Order records by reliability: arXiv's newest, the known record, then other sources. A notice
    of withdrawal comes after the known record: it says nothing else.
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
    """Return arXiv's abstract if there is one; else the longest, because feeds shorten theirs."""
    for record in records:
        if record.abstract and (
            record.source == "arxiv" if isinstance(record, Sighting) else _has_arxiv(record)
        ):
            return record.abstract
    return max((record.abstract for record in records), key=len)


def _has_arxiv(record: Record) -> bool:
    return "arxiv" in identifiers(record)


def _authors(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the longest list that agrees with the most reliable one; of two with equal length, the
    one with fuller names.
    """
    lists = list(dict.fromkeys(record.authors for record in records if record.authors))
    if len(lists) < 2:
        return lists[0] if lists else ()
    fitting = [names for names in lists if authors.compare(names, lists[0]) >= Company.SOME]
    return max(
        fitting or lists[:1], key=lambda names: (len(names), sum(map(len, names))), default=()
    )


def _identifiers(records: Sequence[Record]) -> tuple[str, ...]:
    """Return every identifier once; those that are valid everywhere come first."""
    found = {name for record in records for names in identifiers(record).values() for name in names}
    kinds = {kind: place for place, kind in enumerate(_KINDS)}
    return tuple(
        sorted(found, key=lambda name: (kinds.get(name.partition(":")[0], len(kinds)), name))
    )


def _is_withdrawn(records: Sequence[Record]) -> bool:
    """Return whether the newest sighting of every arXiv id is a withdrawal. Work that came back
    under a new id is not withdrawn.
    """
    speaking = [record for record in records if _has_arxiv(record)] or records
    words: dict[str, tuple[int, bool]] = {}
    for record in speaking:
        for name in identifiers(record).get("arxiv", ("",)):
            words[name] = max(words.get(name, (0, False)), (record.version, record.is_withdrawn))
    return all(is_withdrawn for _, is_withdrawn in words.values())


def _union(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for values in lists for value in values))


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")


# -- its names -----------------------------------------------------------------------------------


def lookup_keys(sighting: Sighting) -> tuple[str, ...]:
    """Return every key under which the store may know the paper of a sighting: identifiers, title
    keys, and the public id that it would get.
    """
    return (*keys(sighting), *_id_key(next(_ids([sighting]))))


def paper_keys(paper: Paper) -> tuple[str, ...]:
    """Return every key under which a stored paper can be found; the store keeps them."""
    return (*keys(paper), *_id_key(paper.id))


def _id_key(id: str) -> tuple[str, ...]:
    """Return a key for a public id that is no identifier, so that no other paper gets it."""
    return (f"id:{id}",) if _TOKEN.fullmatch(id) or _GIVEN.fullmatch(id) else ()


def _ids(sightings: Sequence[Sighting]) -> Iterator[str]:
    """Yield public ids that a new paper may get, best first: arXiv id, DOI, the source's own short
    one, a generated one.
    """
    names = _identifiers(sightings)
    for kind in ("arxiv:", "doi:"):
        yield from (name.removeprefix(kind) for name in names if name.startswith(kind))
    first = min(sightings, key=place)
    if _TOKEN.fullmatch(first.source_id) or (
        first.source == IMPORT and _GIVEN.fullmatch(first.source_id)
    ):
        yield first.source_id
    source = re.sub(r"[^a-z0-9]+", "-", first.source.lower()).strip("-") or "paper"
    yield f"{source}-{short_hash(first.source_id)}"
    for number in count():  # a broken feed gives many papers the same id
        yield f"{source}-{short_hash(f'{first.source_id} {first.title} {number}')}"


# -- the order of sightings ----------------------------------------------------------------------


def place(sighting: Sighting) -> tuple[Any, ...]:
    """Return a sort key of sightings: announcements before replacements, origins before copies, new
    versions before old ones.
    """
    return (
        is_replacement([sighting]),
        trust(sighting.source),
        sighting.source,
        sighting.source_id,
        -sighting.version,
        *(getattr(sighting, name) for name in _REST),
        str(sighting.published),
        sorted(sighting.links.items()),
    )


def is_replacement(sightings: Iterable[Sighting]) -> bool:
    """Return whether all of them announce a new version of an older paper."""
    return all(sighting.announce.startswith("replace") for sighting in sightings)
