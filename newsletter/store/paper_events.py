"""Events of papers after they were shown: withdrawn, retracted, corrected, published.

Each event is stored once, shown with its paper, and told once to the readers who were sent the
paper.
"""

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from newsletter.models import DeliveryState, EventKind, PaperEvent
from newsletter.store import merged
from newsletter.store.db import chunks, insert_into
from newsletter.store.tables import deliveries, issue_papers, paper_events

#: How long an event is told: enough for a weekly reader, and after a pause of a month.
TELLING = timedelta(days=45)
#: The most events in one letter; the rest follow in the next.
LINES = 8
#: States of letters that did not reach a reader.
_NOT_SENT = (
    DeliveryState.REFUSED,
    DeliveryState.EXPIRED,
    DeliveryState.SUPPRESSED,
    DeliveryState.QUIET,
)
#: Issue -> paper -> events to tell to the readers who got the paper in that issue.
News = Mapping[int, Mapping[int, Sequence[PaperEvent]]]
#: A newer version may know more kinds.
_IS_KNOWN = paper_events.c.kind.in_(tuple(EventKind))


def note(connection: Connection, events: Iterable[PaperEvent]) -> None:
    """Store events; known ones stay unchanged."""
    rows = [
        {
            "paper": event.paper,
            "kind": event.kind.value,
            "reference": event.reference,
            "title": event.title,
            "url": event.url,
            "source": event.source,
            "at": event.at,
        }
        for event in events
    ]
    if rows:
        connection.execute(insert_into(connection, paper_events).on_conflict_do_nothing(), rows)


def take_back(connection: Connection, papers: Collection[int]) -> None:
    """Delete the withdrawals of papers that came back; letters that told them stay unchanged."""
    for part in chunks(sorted(papers)):
        gone = paper_events.c.kind.in_((EventKind.WITHDRAWN, EventKind.RETRACTED))
        connection.execute(delete(paper_events).where(paper_events.c.paper.in_(part), gone))


def of_paper(connection: Connection, key: int) -> list[PaperEvent]:
    """List the events of a paper, and of those merged into it, oldest first."""
    ours = _IS_KNOWN, paper_events.c.paper.in_([key, *merged.members(connection, key)])
    query = select(paper_events).where(*ours).order_by(paper_events.c.at, paper_events.c.id)
    return [_event(row) for row in connection.execute(query)]


def by_ids(connection: Connection, ids: Iterable[int]) -> dict[int, PaperEvent]:
    found: dict[int, PaperEvent] = {}
    for part in chunks(sorted(set(ids))):
        rows = connection.execute(
            select(paper_events).where(_IS_KNOWN, paper_events.c.id.in_(part))
        )
        found.update((row.id, _event(row)) for row in rows)
    return found


def news(connection: Connection, now: datetime) -> News:
    """Find what readers may have to be told at `now`, by the issue of their letters."""
    recent = select(paper_events).where(
        _IS_KNOWN, paper_events.c.at > now - TELLING, paper_events.c.at <= now
    )
    events = [_event(row) for row in connection.execute(recent.order_by(paper_events.c.id))]
    if not events:
        return {}
    into = merged.shown_as(connection)
    of_papers: dict[int, list[PaperEvent]] = defaultdict(list)
    for event in events:
        names = {event.paper, into.get(event.paper, event.paper)}
        names |= {paper for paper, shown in into.items() if shown in names}
        for paper in names:
            of_papers[paper].append(event)
    found: dict[int, dict[int, Sequence[PaperEvent]]] = defaultdict(dict)
    for part in chunks(sorted(of_papers)):
        query = select(issue_papers.c.issue, issue_papers.c.paper)
        for row in connection.execute(query.where(issue_papers.c.paper.in_(part))):
            found[row.issue][row.paper] = of_papers[row.paper]
    return found


def untold(
    connection: Connection, news: News, low: int, high: int, now: datetime
) -> dict[int, tuple[int, ...]]:
    """Return reader -> ids of the events to tell in the next letter, for low <= reader id <= high.

    These are events of papers that the reader was sent and has not been told about.
    """
    if not news:
        return {}
    ours = (
        deliveries.c.subscriber.between(low, high),
        deliveries.c.state.not_in(_NOT_SENT),
    )
    wanted: dict[int, set[int]] = defaultdict(set)
    for part in chunks(sorted(news)):
        query = select(
            deliveries.c.subscriber, deliveries.c.issue, deliveries.c.papers, deliveries.c.due_at
        ).where(*ours, deliveries.c.issue.in_(part), deliveries.c.papers.is_not(None))
        for row in connection.execute(query):
            told_of = news[row.issue]
            for paper in told_of.keys() & set(array("I", row.papers)):
                wanted[row.subscriber].update(
                    event.id for event in told_of[paper] if event.at > row.due_at
                )
    told = select(deliveries.c.subscriber, deliveries.c.events).where(
        *ours, deliveries.c.events.is_not(None), deliveries.c.due_at > now - 2 * TELLING
    )
    for row in connection.execute(told):
        if row.subscriber in wanted:
            wanted[row.subscriber] -= set(array("I", row.events))
    return {reader: tuple(sorted(ids)[:LINES]) for reader, ids in wanted.items() if ids}


def _event(row: Row[Any]) -> PaperEvent:
    values = dict(row._mapping)
    return PaperEvent(**{**values, "kind": EventKind(values["kind"])})


def told(connection: Connection, letters: Iterable[int]) -> dict[int, tuple[PaperEvent, ...]]:
    """Return delivery -> the events that it tells, in order; letters without any are absent."""
    ids: dict[int, Sequence[int]] = {}
    for part in chunks(sorted(set(letters))):
        query = select(deliveries.c.id, deliveries.c.events)
        query = query.where(deliveries.c.id.in_(part), deliveries.c.events.is_not(None))
        ids.update((row.id, array("I", row.events)) for row in connection.execute(query))
    known = by_ids(connection, {event for of in ids.values() for event in of}) if ids else {}
    return {
        letter: tuple(known[event] for event in of if event in known) for letter, of in ids.items()
    }
