"""Decide whether two records are the same paper, and make the keys by which candidates are found.
Pure; used by dedupe and changes.

Precision comes before recall: one paper shown twice is a nuisance, two papers shown as one is an
error. Identifiers decide first; then title and authors must agree, and contradictions (another
arXiv id, another year) win.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, sha256

from rapidfuzz import fuzz

from newsletter.models import Paper, Sighting
from newsletter.text import authors, titles
from newsletter.text.authors import Company
from newsletter.text.titles import Likeness, Title, title_of

Record = Sighting | Paper


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about two records, and the fact that decided."""

    is_same: bool
    why: str


#: DOIs of preprint servers: bioRxiv and medRxiv (two prefixes), SSRN, Research Square,
#: Preprints.org, ChemRxiv, OSF and its family, TechRxiv, Authorea, PeerJ Preprints, Zenodo. A
#: journal's DOI beside one of these is the published version.
_PREPRINT = re.compile(
    r"doi:10\.(?:1101/(?:\d{4}\.\d\d\.\d\d\.)?\d{5,9}(?:v\d+)?\Z|64898/"
    r"|2139/ssrn|21203/rs|20944/preprints|26434/chemrxiv"
    r"|312\d\d/|36227/techrxiv|22541/|7287/peerj\.preprints|5281/zenodo)"
)
_ARXIV_DOI = re.compile(r"doi:10\.48550/arxiv\.", re.I)
#: "…v2"; Research Square, Preprints.org, ChemRxiv and OSF write "/v2", ".v2", "-v2", "_v2".
_VERSION = re.compile(r"(?:[./_-]{1,2}|(?<=\d))v\d{1,3}\Z", re.I)
#: Kinds of identifiers of which a paper has only one: two different ones are a contradiction.
#: (OpenReview ids are not among them: a conference gives a paper that is submitted again a new
#: one.)
_RULED_OUT = {
    "arxiv": "another arXiv id",
    "doi": "another DOI",
    "preprint": "another preprint DOI",
    "pmid": "another PubMed id",
}
_SHARED = {
    "arxiv": "same arXiv id",
    "doi": "same DOI",
    "preprint": "same DOI",
    "openreview": "same OpenReview id",
}
#: Abstracts with less than this in common (rapidfuzz token_set_ratio) belong to two texts.
_ABSTRACTS_ALIKE = 60
#: How similar two misread titles must be, by how well the authors agree; a list without names needs
#: the most. On the labelled pairs of DBLP with ACM and with Scholar, two points more or less change
#: F1 by less than 0.003.
_TITLES_ALIKE = {Company.SAME: 82, Company.SOME: 86, Company.ONE: 92, Company.UNKNOWN: 92}


def same_paper(a: Record, b: Record) -> Verdict:
    """Decide whether two records are the same paper. The order of the two does not matter."""
    mine, theirs = identifiers(a), identifiers(b)
    both = mine.keys() & theirs.keys()
    shared = sorted(kind for kind in both if mine[kind] & theirs[kind])
    against = rivals(mine, theirs)
    if "arxiv" in shared and ("doi" not in against or _is_one_entry(a, b)):
        return Verdict(True, _SHARED["arxiv"])
    if "entry" in shared:
        # A broken feed gives every entry the same id: the id alone proves nothing.
        shared.remove("entry")
        if not against and _is_one_entry(a, b):
            return Verdict(True, "same entry")
    if shared and not against:
        return Verdict(True, _SHARED.get(shared[0], f"same {shared[0]} id"))
    if against and not shared and a.is_withdrawn == b.is_withdrawn:
        return Verdict(False, _RULED_OUT[against[0]])
    return _by_text(a, b, is_disputed=bool(against))


def identifiers(record: Record) -> Mapping[str, frozenset[str]]:
    """Return a record's identifiers by kind: arxiv, doi (of a journal), preprint (DOI of a server),
    openreview, …

    A sighting without any has its source and entry id: kind "entry".
    """
    if isinstance(record, Sighting) and not record.identifiers:
        return {"entry": frozenset((entry(record),))}
    return _by_kind(record.identifiers)


@lru_cache(maxsize=32768)  # called many times per record
def _by_kind(names: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    kinds: dict[str, set[str]] = defaultdict(set)
    for name in map(canonical, names):
        kinds["preprint" if _PREPRINT.match(name) else name.partition(":")[0]].add(name)
    return {kind: frozenset(names) for kind, names in kinds.items()}


def canonical(name: str) -> str:
    """Return an identifier in canonical form: no version, DOIs in lower case, arXiv's own DOIs as
    arXiv ids.
    """
    kind, colon, value = name.strip().partition(":")
    name = _ARXIV_DOI.sub("arxiv:", f"{kind.lower()}{colon}{value.strip()}")
    if name.startswith("doi:"):
        name = name.lower()
    if name.startswith("arxiv:") or _PREPRINT.match(name):
        name = _VERSION.sub("", name)
    return name


def entry(sighting: Sighting) -> str:
    """Return a name for an entry without identifier: "entry:SOURCE:ID"."""
    name = f"entry:{sighting.source}:{sighting.source_id}"
    return (
        name
        if len(name) <= 200
        else f"entry:{sighting.source[:100]}:{short_hash(sighting.source_id)}"
    )


def short_hash(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def rivals(mine: Mapping[str, frozenset[str]], theirs: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the kinds of identifiers of which both have different ones although a paper has only
    one.
    """
    return [
        kind
        for kind in _RULED_OUT
        if kind in mine and kind in theirs and not mine[kind] & theirs[kind]
    ]


def _is_one_entry(a: Record, b: Record) -> bool:
    alike = titles.ratio(title_of(a.title), title_of(b.title))
    company = authors.compare(a.authors, b.authors)
    return (alike >= 60 and company is not Company.DIFFERENT) or company >= Company.SOME


def _by_text(a: Record, b: Record, *, is_disputed: bool) -> Verdict:
    """Decide by title and authors. Disputed (identifiers disagree): both must agree entirely."""
    left, right = title_of(a.title), title_of(b.title)
    if left.is_generic or right.is_generic:
        return Verdict(False, "the title says nothing")
    if _is_mention(a) and _is_mention(b):
        return _by_mention(a, b, left, right)
    likeness = titles.compare(left, right)
    if likeness is Likeness.DIFFERENT:
        return Verdict(False, "different titles")
    company = authors.compare(a.authors, b.authors)
    if company in (Company.DIFFERENT, Company.ONE):
        return Verdict(False, "different authors")
    if _years_apart(a, b) > 1:
        return Verdict(False, "different years")
    if _abstracts_differ(a, b):
        return Verdict(False, "different abstracts")
    words = min(len(left.content), len(right.content))
    if is_disputed or words < 3:
        is_same = likeness is Likeness.SAME and company is Company.SAME
    elif likeness is Likeness.SAME:
        is_same = company >= Company.SOME or words >= 6
    else:
        is_same = company is Company.SAME
    if not is_same:
        return Verdict(False, "too little in common")
    if company is Company.UNKNOWN:
        return Verdict(True, "same title")
    return Verdict(
        True,
        "same title and authors" if likeness is Likeness.SAME else "similar title, same authors",
    )


def _is_mention(record: Record) -> bool:
    """Return whether a record is a bare reference, typed or scanned by somebody: no identifier, no
    abstract, no page.
    """
    return not record.abstract and not record.links and not identifiers(record).keys() - {"entry"}


def _by_mention(a: Record, b: Record, left: Title, right: Title) -> Verdict:
    """Compare two bare references: titles may be misread, cut or mixed with a venue; the year must
    agree.
    """
    if a.published and b.published and a.published.year != b.published.year:
        return Verdict(False, "different years")
    company = authors.compare(a.authors, b.authors)
    if company is Company.DIFFERENT:
        return Verdict(False, "different authors")
    is_short = min(len(left.content), len(right.content)) < 2
    if titles.ratio(left, right) < (100 if is_short else _TITLES_ALIKE[company]):
        return Verdict(False, "different titles")
    return Verdict(True, "same title" if company is Company.UNKNOWN else "same title and authors")


def _years_apart(a: Record, b: Record) -> int:
    """Return the years between two publications; 0 if a date is missing or one of them is a
    preprint, which may be years older than its journal version.
    """
    if a.published is None or b.published is None or _is_preprint(a) or _is_preprint(b):
        return 0
    return abs(a.published.year - b.published.year)


def _is_preprint(record: Record) -> bool:
    return not identifiers(record).keys().isdisjoint(("arxiv", "preprint", "openreview"))


def _abstracts_differ(a: Record, b: Record) -> bool:
    if min(len(a.abstract), len(b.abstract)) < 200:
        return False
    return fuzz.token_set_ratio(a.abstract, b.abstract) < _ABSTRACTS_ALIKE


# -- keys ------------------------------------------------------------------------------------------


def keys(record: Record) -> tuple[str, ...]:
    """Return the lookup keys of a paper: its identifiers, and up to four keys of its title.

    Two records that `same_paper` joins share a key, except for a few misread titles; few other
    papers share a key.
    """
    names = sorted(name for kind in identifiers(record).values() for name in kind)
    return (*names, *_title_keys(record.title))


@lru_cache(maxsize=16384)
def _title_keys(text: str) -> tuple[str, ...]:
    """Return keys that survive spelling ("t": all letters), a lost subtitle ("f": the beginning) or
    one wrong word ("w").
    """
    title = title_of(text)
    if title.is_generic:
        return ()
    found = [f"t:{_digest(title.compact)}"]
    content = title.content
    if len(content) >= 3:
        found.append(f"f:{_digest(''.join(content)[:24])}")
        longest = sorted(set(content), key=lambda word: (-len(word), word))
        found += [
            f"w:{_digest(' '.join(words))}"
            for words in (longest[0:6:2], longest[1:6:2])
            if len(words) > 1
        ]
    return tuple(found)


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
