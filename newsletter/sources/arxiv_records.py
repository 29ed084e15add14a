"""arXiv's records as sightings: entries of its RSS, Atom and old RDF feeds, of the query API and of
OAI-PMH.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from newsletter.models import RecordKind, Sighting
from newsletter.sources import json_access
from newsletter.sources.http import FetchError
from newsletter.sources.parsing import Document, moment
from newsletter.text.authors import split_affiliation, split_names
from newsletter.text.descriptions import without_heading
from newsletter.text.identifiers import arxiv_id, doi
from newsletter.text.markup import TITLE_CHARS, clean, clean_affiliations, clean_names
from newsletter.text.statements import judged
from newsletter.text.withdrawals import withdrawal_of

ANNOUNCE = ("new", "cross", "replace", "replace-cross")

#: "arXiv:2603.11698v2 Announce Type: replace \nAbstract: …" (rss_specifications.md)
_PREFIX = re.compile(r"\AarXiv:\S+\s+Announce Type:\s*(\S+)\s*(?:Abstract:\s*)?", re.I)
#: The form before 2024: "A title. (arXiv:2007.03939v2 [hep-ph] UPDATED)"
_OLD_TAIL = re.compile(
    r"\.?\s*\((?P<id>arXiv:\S+)\s+\[(?P<field>[^\]]+)\](?:\s+(?P<flag>UPDATED|CROSS "
    r"LISTED))?\)\s*\Z"
)
_OLD_FLAGS = {"UPDATED": "replace", "CROSS LISTED": "cross"}
_CATEGORY = re.compile(r"[a-z][a-z\-]+(?:\.[A-Za-z\-]{2,})?\Z")
#: An erratum on arXiv has its own id and is a paper there.
_TAKEN_BACK = (RecordKind.WITHDRAWN, RecordKind.RETRACTED)
_UNSEEN_AUTHORS = re.compile(
    r",?\s*et al\.?(?=\s*\(|\s*\Z)|\(\d+ additional authors not shown\)", re.I
)
_OAI = {"oai": "http://www.openarchives.org/OAI/2.0/", "a": "http://arxiv.org/OAI/arXiv/"}


def from_entry(entry: Mapping[str, Any], now: datetime) -> Sighting | None:
    """Read an entry of a feed or of the query API; None if it does not name a paper."""
    raw_title, text = str(entry.get("title") or ""), str(entry.get("summary") or "")
    old, prefix = _OLD_TAIL.search(raw_title), _PREFIX.match(text)
    title = clean(raw_title[: old.start()] if old else raw_title, TITLE_CHARS)
    found = (
        (old and arxiv_id(old["id"])) or arxiv_id(entry.get("id")) or arxiv_id(entry.get("link"))
    )
    if not found or not title:
        return None
    name, version = found
    old_flag = _OLD_FLAGS.get(old["flag"]) if old else None
    announced = str(entry.get("arxiv_announce_type") or (prefix and prefix[1]) or old_flag)
    announce = announced if announced in ANNOUNCE else "new"
    abstract = without_heading(clean(_PREFIX.sub("", text)))
    comment = clean(entry.get("arxiv_comment"), 500)
    authors, affiliations = _authors(entry)
    said = judged(title, abstract, comment)
    return Sighting(
        source="arxiv",
        source_id=name,
        title=said.title if said.kind in _TAKEN_BACK else title,
        abstract=abstract,
        authors=authors,
        fields=_fields(entry) or ((old["field"],) if old else ()),
        identifiers=_identifiers(name, entry.get("arxiv_doi")),
        version=version,
        announce=announce,
        # A feed has the date of the announcement; for a replacement it does not tell the paper's
        # age.
        published=moment(entry.get("published_parsed"), now)
        if announce in ("new", "cross")
        else None,
        affiliations=affiliations,
        links=_links(name),
        comment=comment,
        is_withdrawn=said.kind in _TAKEN_BACK,
        kind=said.kind if said.kind in _TAKEN_BACK else RecordKind.PAPER,
    )


def from_oai(body: bytes, now: datetime) -> tuple[list[Sighting], str]:
    """Read an OAI-PMH answer in the arXiv format: the records, and the token for more, or "".

    Raises: FetchError: not OAI-PMH, or an error. Deleted records and "noRecordsMatch" are no
    errors.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise FetchError("arXiv's OAI-PMH answer declares entities", "not-a-feed")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314  (no entities, checked above)
    except (ElementTree.ParseError, LookupError, ValueError) as e:  # also an unknown encoding
        raise FetchError(f"arXiv's OAI-PMH answer is damaged: {e}", "not-a-feed") from e
    if root.tag != f"{{{_OAI['oai']}}}OAI-PMH":
        raise FetchError("what should be arXiv's OAI-PMH answer is something else", "not-a-feed")
    error = root.find("oai:error", _OAI)
    if error is not None and error.get("code") != "noRecordsMatch":
        raise FetchError(
            f"arXiv's OAI-PMH answers {error.get('code')}: {clean(error.text, 200)}", "status"
        )
    records = (_oai_record(record, now) for record in root.iter(f"{{{_OAI['a']}}}arXiv"))
    token = root.find(".//oai:resumptionToken", _OAI)
    return [record for record in records if record], (
        token.text or ""
    ).strip() if token is not None else ""


def explanation(document: Document) -> str:
    """Return the reason in one of arXiv's error reports, which look like feeds; else ""."""
    if str(document.head.get("title", "")).startswith("Feed error"):
        return clean(document.head.get("subtitle"), 200) or "feed error"
    if document.entries and "/api/errors" in str(document.entries[0].get("id")):
        return clean(document.entries[0].get("summary"), 200) or "error"
    return ""


def one_each(sightings: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """Keep one sighting per paper: it is in the lists of all its categories, "new" in one, "cross"
    in others.
    """
    best: dict[str, Sighting] = {}
    for sighting in sightings:
        other = best.setdefault(sighting.source_id, sighting)
        announce = min(other.announce, sighting.announce, key=ANNOUNCE.index)
        newer = sighting if sighting.version > other.version else other
        published = newer.published or other.published or sighting.published
        best[sighting.source_id] = replace(newer, announce=announce, published=published)
    return tuple(best.values())


def is_withdrawn(abstract: str, comment: str) -> bool:
    """Return whether arXiv's record says that the paper was withdrawn, at the beginning of the
    abstract or in the comment.
    """
    return withdrawal_of(abstract, comment) is not RecordKind.PAPER


def _authors(entry: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and affiliations. Feeds have all names in one element, affiliations in
    parentheses after them.
    """
    elements = [a.get("name") for a in entry.get("authors") or [] if isinstance(a, dict)]
    names = [clean(name, 300) for name in elements]
    if len(elements) == 1:
        line = clean(elements[0], 200_000).replace(": ", ", ")  # "LHCb collaboration: R. Aaij, …"
        names = split_names(_UNSEEN_AUTHORS.sub("", line))
    pairs = [split_affiliation(name) for name in names]
    listed = [entry.get("arxiv_affiliation"), *(affiliation for _, affiliation in pairs)]
    return clean_names(name for name, _ in pairs), clean_affiliations(listed)


def _fields(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return categories, primary first. Classifications of other schemes (MSC, ACM) are left
    out.
    """
    terms = [str(tag.get("term") or "") for tag in entry.get("tags") or [] if isinstance(tag, dict)]
    primary = entry.get("arxiv_primary_category")
    if isinstance(primary, dict):
        terms.insert(0, str(primary.get("term") or ""))
    return tuple(dict.fromkeys(term for term in terms if _CATEGORY.match(term)))[:30]


def _oai_record(record: ElementTree.Element, now: datetime) -> Sighting | None:
    def text(name: str) -> str:
        return record.findtext(f"a:{name}", "", _OAI)

    found, title = arxiv_id(text("id")), clean(text("title"), TITLE_CHARS)
    if not found or not title:
        return None
    people = record.findall("a:authors/a:author", _OAI)
    names = [
        " ".join(p.findtext(f"a:{part}", "", _OAI) for part in ("forenames", "keyname", "suffix"))
        for p in people
    ]
    abstract = without_heading(clean(text("abstract")))
    comment = clean(text("comments"), 500)
    said = judged(title, abstract, comment)
    return Sighting(
        source="arxiv",
        source_id=found[0],
        title=said.title if said.kind in _TAKEN_BACK else title,
        abstract=abstract,
        authors=clean_names(names),
        fields=tuple(term for term in text("categories").split() if _CATEGORY.match(term))[:30],
        identifiers=_identifiers(found[0], text("doi")),
        version=2
        if text("updated")
        else 1,  # the format has no version, only that there was a later one
        announce="replace" if text("updated") else "new",
        published=json_access.moment(text("created"), now),
        affiliations=clean_affiliations(p.findtext("a:affiliation", "", _OAI) for p in people),
        links=_links(found[0]),
        comment=comment,
        is_withdrawn=said.kind in _TAKEN_BACK,
        kind=said.kind if said.kind in _TAKEN_BACK else RecordKind.PAPER,
    )


def _identifiers(paper: str, journal: object) -> tuple[str, ...]:
    published = doi(journal)
    return (f"arxiv:{paper}", f"doi:{published}") if published else (f"arxiv:{paper}",)


def _links(paper: str) -> dict[str, str]:
    return {"abs": f"https://arxiv.org/abs/{paper}", "pdf": f"https://arxiv.org/pdf/{paper}"}
