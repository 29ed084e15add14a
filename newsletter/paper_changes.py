"""Events of known papers, stored in the transaction that learned of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from newsletter.models import EventKind, Merge, Paper, Sighting
from newsletter.steps.changes import came_back, changes, event_of, is_notice, subject_of
from newsletter.steps.combine import lookup_keys
from newsletter.store import paper_events, papers


def note(
    connection: Connection, known: Mapping[int, Paper], merges: Sequence[Merge], now: datetime
) -> None:
    """Store what happened to known papers, for their pages and for readers who had them."""
    returned = []
    for merge in merges:
        before = known.get(merge.paper.key)
        if before is None or not merge.is_changed:
            continue
        paper_events.note(connection, changes(before, merge.paper, merge.sightings, now))
        if came_back(before, merge.paper):
            returned.append(before.key)
    paper_events.take_back(connection, returned)


def note_notices(connection: Connection, entries: Sequence[Sighting], now: datetime) -> None:
    """Store corrections and retractions with the papers that they are about, if known."""
    for notice in filter(is_notice, entries):
        paper = subject_of(notice, papers.having(connection, lookup_keys(notice)))
        if paper is None:
            continue
        event = event_of(notice, paper, now)
        paper_events.note(connection, [event])
        if event.kind is EventKind.RETRACTED:
            papers.mark_withdrawn(connection, paper.key)
