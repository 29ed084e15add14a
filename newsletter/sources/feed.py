"""Any RSS, Atom or JSON feed as a source: journals, OpenReview, blogs. `parsing` reads the
formats.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from newsletter.config import Feed
from newsletter.models import Ask, Harvest, RecordKind, Sighting, SourceState
from newsletter.sources.http import Answer, FetchError, Http, conditional, validators
from newsletter.sources.parsing import MAX_ITEMS, Document, moment, parse
from newsletter.sources.source_state import failed, has_new, marks
from newsletter.text.authors import one_name, split_affiliation, split_names
from newsletter.text.descriptions import Description, read_description
from newsletter.text.feed_titles import read_title
from newsletter.text.identifiers import identifiers
from newsletter.text.markup import (
    TITLE_CHARS,
    clean,
    clean_affiliations,
    clean_link,
    clean_names,
    shorten,
)
from newsletter.text.secrets import without_secrets
from newsletter.text.statements import judged

ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, "
    "application/xml;q=0.9, */*;q=0.5"
)

UNTITLED_CHARS = 120  #: RSS needs a title or a description; the second replaces the first

#: A shorter abstract may be cut off, with the whole one in another field.
_SHORT = 200
_CUT = re.compile(r"(?:\.\.\.|…)\s*\Z")
#: A DOI in the text of a notice, which names its paper.
_NAMED_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>]+")


class FeedSource:
    """One configured feed."""

    def __init__(self, config: Feed, http: Http) -> None:
        self.name = config.name
        self._config = config
        self._http = http

    async def fetch(self, ask: Ask) -> Harvest:
        """Fetch once: `quiet` if nothing was added since, `stalled` if a feed that had entries is
        empty now.
        """
        try:
            answer = await self._http.get(
                self._config.url, headers=conditional(ask.memory, "feed"), accept=ACCEPT
            )
            moved = _moved(answer, ask)
            if answer.is_unchanged:
                return Harvest(
                    self.name, SourceState.QUIET, memory=_without_move(ask.memory) | moved
                )
            document, sightings = await asyncio.to_thread(self._read, answer, ask.now)
        except FetchError as e:
            return failed(self.name, e, ask.memory)
        ids = [sighting.source_id for sighting in sightings]
        known = ask.memory.get("ids", "")
        if not ids and known:
            url = without_secrets(self._config.url)
            error = f"{url} is empty; it had {len(known.split())} entries before"
            return Harvest(
                self.name,
                SourceState.STALLED,
                error=error,
                memory=_without_move(ask.memory) | moved,
            )
        state = SourceState.FRESH if has_new(ids, known) else SourceState.QUIET
        is_flood = document.total > MAX_ITEMS
        note = (
            f"only the first {MAX_ITEMS:,} of {document.total:,} entries were read"
            if is_flood
            else ""
        )
        memory = {**validators(answer, "feed"), "ids": marks(ids), **moved}
        return Harvest(self.name, state, sightings, error=note, memory=memory)

    def _read(self, answer: Answer, now: datetime) -> tuple[Document, tuple[Sighting, ...]]:
        document = parse(answer)
        found = [sighting for entry in document.entries if (sighting := self._sighting(entry, now))]
        if document.entries and not found:
            raise FetchError(
                f"{self._config.url} has {document.total:,} entries, but none with a title or a "
                "text",
                "not-a-feed",
            )
        return document, _told_apart(found)

    def _sighting(self, entry: Mapping[str, Any], now: datetime) -> Sighting | None:
        given = read_title(clean(entry.get("title"), TITLE_CHARS))
        told = _description(entry, given)
        text = told.abstract
        title = given or shorten(text, UNTITLED_CHARS)
        if not title:
            return None
        names = [f"{a['name']}" for a in _dicts(entry.get("authors")) if a.get("name")]
        link = clean_link(entry.get("link"))
        others = [item for item in _dicts(entry.get("links")) if _is_own(item)]
        pdf = next(
            (
                clean_link(item.get("href"))
                for item in others
                if item.get("type") == "application/pdf"
            ),
            "",
        )
        named = ("id", "link", "dc_identifier", "prism_doi", "prism_url", "arxiv_doi")
        places = (
            [entry.get(key) for key in named] + [item.get("href") for item in others] + [told.doi]
        )
        people = [split_affiliation(name) for name in _people(names or [told.authors])]
        said, own = judged(title, text, sections=_sections(entry)), identifiers(places)
        return Sighting(
            source=self.name,
            source_id=source_id(entry.get("id") or link or title),
            title=said.title,
            abstract=text,
            authors=clean_names(name for name, _ in people),
            affiliations=clean_affiliations(place for _, place in people),
            fields=(self._config.field,) if self._config.field else (),
            identifiers=own if said.kind.is_paper else _about(f"{title} {text}", own),
            published=_published(entry, now),
            links={name: url for name, url in (("abs", link), ("pdf", pdf)) if url},
            is_withdrawn=said.kind in (RecordKind.WITHDRAWN, RecordKind.RETRACTED),
            kind=said.kind,
        )


def _is_own(link: Mapping[str, Any]) -> bool:
    """Return whether a link leads to the entry itself (RFC 4287 section 4.2.7.2), not to what it is
    about.
    """
    title = f"{link.get('title') or ''}".lower()
    return link.get("rel", "alternate") in ("alternate", "enclosure") or title in ("doi", "pdf")


def _told_apart(found: list[Sighting]) -> tuple[Sighting, ...]:
    """Return one sighting per id, the last. Some feeds give one id to different entries: these are
    distinguished by their pages, and without a page by their titles.
    """
    places: dict[str, set[str]] = defaultdict(set)
    for one in found:
        places[one.source_id].add(_place(one))
    named = (
        replace(one, source_id=source_id(f"{one.source_id} {_place(one)}"))
        if len(places[one.source_id]) > 1
        else one
        for one in found
    )
    return tuple({one.source_id: one for one in named}.values())


def _place(one: Sighting) -> str:
    return one.links.get("abs") or one.title


def _moved(answer: Answer, ask: Ask) -> dict[str, str]:
    """Return where the feed says that it has moved, and since when it says so."""
    if not answer.moved_to:
        return {}
    is_same = ask.memory.get("moved_to") == answer.moved_to
    since = ask.memory.get("moved_since") if is_same else None
    return {"moved_to": answer.moved_to, "moved_since": since or f"{ask.now.date()}"}


def _without_move(memory: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in memory.items() if not name.startswith("moved_")}


def source_id(text: str) -> str:
    """Return the id of an entry at its source; very long ones are shortened to a hash."""
    text = clean(text, 2_000)
    return text if len(text) <= 300 else sha256(text.encode()).hexdigest()


def _published(entry: Mapping[str, Any], now: datetime) -> datetime | None:
    dates = (
        moment(entry.get(key), now)
        for key in ("published_parsed", "updated_parsed", "created_parsed")
    )
    return next((date for date in dates if date), None)


def _sections(entry: Mapping[str, Any]) -> list[str]:
    """Return the sections of the journal that the entry belongs to, by PRISM and by categories."""
    terms = [tag.get("term") for tag in _dicts(entry.get("tags"))[:5]]
    return [clean(name, 60) for name in (entry.get("prism_section"), *terms) if name]


def _description(entry: Mapping[str, Any], title: str) -> Description:
    """Return the entry's description of the paper, from the field with the most text."""
    told = read_description(entry.get("summary"), title=title)
    if len(told.abstract) >= _SHORT and not _CUT.search(told.abstract):
        return told
    others = [
        read_description(item.get("value"), title=title) for item in _dicts(entry.get("content"))
    ]
    best = max((told, *others), key=lambda description: len(description.abstract))
    return replace(
        best,
        authors=next((one.authors for one in (told, *others) if one.authors), ""),
        doi=next((one.doi for one in (told, *others) if one.doi), ""),
    )


def _about(text: str, own: tuple[str, ...]) -> tuple[str, ...]:
    """Return the papers that the text of a notice names, except the notice itself."""
    return tuple(name for name in identifiers(_NAMED_DOI.findall(text)) if name not in own)


def _people(names: list[str]) -> list[str]:
    if len(names) > 1:  # one element per person
        return [one_name(clean(name, 300)) for name in names]
    return [part for name in names for part in split_names(clean(name, 100_000))]


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
