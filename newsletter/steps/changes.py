"""Events of a known paper, from the paper before and after, and from notices about it. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from newsletter.models import EventKind, Paper, PaperEvent, RecordKind, Sighting
from newsletter.steps.identity import identifiers
from newsletter.text import authors, titles
from newsletter.text.authors import Company
from newsletter.text.titles import Likeness, title_of

#: A notice is matched by title alone only if the title has this many distinctive words.
_TELLING_WORDS = 4
_OF_NOTICE = {
    RecordKind.CORRECTION: EventKind.CORRECTED,
    RecordKind.RETRACTION: EventKind.RETRACTED,
    RecordKind.CONCERN: EventKind.CONCERN,
}


def changes(
    before: Paper, after: Paper, seen: Sequence[Sighting], now: datetime
) -> list[PaperEvent]:
    """Return what a reader of the paper `before` should know about the paper `after`."""
    found = []
    source = seen[0].source if seen else ""
    page = after.links.get("abs", "")
    if after.is_withdrawn and not before.is_withdrawn:
        is_retracted = any(sighting.kind is RecordKind.RETRACTED for sighting in seen)
        kind = EventKind.RETRACTED if is_retracted else EventKind.WITHDRAWN
        found.append(PaperEvent(after.key, kind, before.title, now, page, source))
    mine, theirs = identifiers(before), identifiers(after)
    was_preprint = not mine.keys().isdisjoint(("arxiv", "preprint", "openreview"))
    if was_preprint and "doi" not in mine and "doi" in theirs and not after.is_withdrawn:
        name = min(theirs["doi"]).removeprefix("doi:")
        url = f"https://doi.org/{name}"
        found.append(
            PaperEvent(after.key, EventKind.PUBLISHED, after.title, now, url, source, name)
        )
    return found


def came_back(before: Paper, after: Paper) -> bool:
    """Return whether a withdrawn paper is no longer withdrawn."""
    return before.is_withdrawn and not after.is_withdrawn


def subject_of(notice: Sighting, known: Iterable[Paper]) -> Paper | None:
    """Return the paper that a notice is about: by an identifier in the notice, or by the title.
    None if it fits two papers.
    """
    named = set(notice.identifiers)
    papers = list(known)
    found = [paper for paper in papers if named & set(paper.identifiers)]
    if not found and len(title_of(notice.title).content) >= _TELLING_WORDS:
        found = [paper for paper in papers if _is_about(notice, paper)]
    return found[0] if len(found) == 1 else None


def event_of(notice: Sighting, paper: Paper, now: datetime) -> PaperEvent:
    """Return the event that a notice reports about its paper."""
    url = notice.links.get("abs", "")
    kind = _OF_NOTICE[notice.kind]
    # A paper is withdrawn or retracted once, however many notices say so; it may be corrected
    # twice.
    reference = "" if kind is EventKind.RETRACTED else (url or notice.source_id)[:500]
    return PaperEvent(paper.key, kind, paper.title, now, url, notice.source, reference)


def is_notice(sighting: Sighting) -> bool:
    return sighting.kind in _OF_NOTICE


def _is_about(notice: Sighting, paper: Paper) -> bool:
    if titles.compare(title_of(notice.title), title_of(paper.title)) is not Likeness.SAME:
        return False
    return authors.compare(notice.authors, paper.authors) is not Company.DIFFERENT
