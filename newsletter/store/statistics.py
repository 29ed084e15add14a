"""Counts over days, for `newsletter stats`. Days are UTC; issues have their own date.

Whoever was erased, and what retention deleted, is no longer counted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Date, Text, case, cast, extract, func, select

from newsletter.models import DeliveryState, SubscriberState
from newsletter.store.suppressions import ERASED
from newsletter.store.tables import (
    deliveries,
    issues,
    papers,
    runs,
    subscriber_topics,
    subscribers,
    suppressions,
    topics,
)

#: A letter came within so many seconds after its reader's hour.
WITHIN_S = (60, 300, 900, 3600, 4 * 3600)


def readers_by_day(connection: Connection, since: datetime) -> dict[str, dict[date, int]]:
    """Return "new", "confirmed", "left" and "suppressed" -> day -> number of readers."""
    of_readers = {
        "new": subscribers.c.created_at,
        "confirmed": subscribers.c.confirmed_at,
        "left": subscribers.c.left_at,
    }
    found = {}
    for name, moment in of_readers.items():
        day = _day(connection, moment)
        rows = select(day, func.count()).where(moment >= since).group_by(day)
        found[name] = dict(_pairs(connection, rows))
    day = _day(connection, suppressions.c.at)
    rows = select(day, func.count()).where(suppressions.c.at >= since)
    rows = rows.where(suppressions.c.reason != ERASED).group_by(day)
    found["suppressed"] = dict(_pairs(connection, rows))
    return found


def delivery_times(connection: Connection, since: date) -> list[int]:
    """Count the sent letters of the issues since a day by how long after their reader's hour they
    were accepted: one number for each step of `WITHIN_S`, and one for the rest.
    """
    seconds = _seconds(connection, deliveries.c.due_at, deliveries.c.settled_at)
    step = case(
        *((seconds <= most, place) for place, most in enumerate(WITHIN_S)), else_=len(WITHIN_S)
    )
    rows = (
        select(step, func.count())
        .where(
            deliveries.c.issue.in_(_issues(since)),
            deliveries.c.state == DeliveryState.SENT,
            deliveries.c.settled_at.is_not(None),
        )
        .group_by(step)
    )
    found = dict(_pairs(connection, rows))
    return [found.get(place, 0) for place in range(len(WITHIN_S) + 1)]


def refusals_by_domain(connection: Connection, since: date) -> list[tuple[str, int, str]]:
    """List the domains that refused letters of the issues since a day, most refusals first:
    (domain, letters, the last reply).
    """
    rows = connection.execute(
        select(subscribers.c.canonical, deliveries.c.reply)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber)
        .where(deliveries.c.issue.in_(_issues(since)), deliveries.c.state == DeliveryState.REFUSED)
        .order_by(deliveries.c.id)
    )
    number: Counter[str] = Counter()
    last: dict[str, str] = {}
    for address, reply in rows:
        domain = address.rpartition("@")[2]
        number[domain] += 1
        last[domain] = reply
    ordered = sorted(number.items(), key=lambda one: (-one[1], one[0]))
    return [(domain, letters, last[domain]) for domain, letters in ordered]


def papers_by_day(connection: Connection, since: datetime) -> dict[str, dict[date, int]]:
    """Return first category ("cs.CL"; "" without one) -> day of the first sighting -> papers."""
    day = _day(connection, papers.c.first_seen)
    field = papers.c.fields[0].as_string()
    rows = select(field, day, func.count()).where(papers.c.first_seen >= since)
    found: dict[str, dict[date, int]] = {}
    for name, on, number in connection.execute(rows.group_by(field, day)):
        found.setdefault(name or "", {})[on] = number
    return found


def readers_by_topic(connection: Connection) -> list[tuple[str, int]]:
    """List the curated topics and the number of their active readers, most readers first.

    Readers' own queries are private; they are counted together under "".
    """
    name = case((topics.c.is_curated == 1, topics.c.name), else_="")
    rows = (
        select(cast(name, Text), func.count(subscriber_topics.c.subscriber.distinct()))
        .join(topics, topics.c.id == subscriber_topics.c.topic)
        .join(subscribers, subscribers.c.id == subscriber_topics.c.subscriber)
        .where(subscribers.c.state == SubscriberState.ACTIVE)
        .group_by(name)
    )
    return sorted(_pairs(connection, rows), key=lambda one: (-one[1], one[0]))


def source_answers(
    connection: Connection, since: datetime
) -> Iterator[tuple[date, Mapping[str, Any]]]:
    """Stream what the runs since a moment said of sources, oldest first:
    (UTC day, source -> {state, …}).
    """
    rows = connection.execute(
        select(runs.c.at, runs.c.report).where(runs.c.at >= since).order_by(runs.c.at, runs.c.id)
    )
    for row in rows:
        yield row.at.date(), row.report.get("sources") or {}


def _issues(since: date) -> Any:
    return select(issues.c.id).where(issues.c.date >= since)


def _pairs(connection: Connection, rows: Any) -> Sequence[tuple[Any, int]]:
    return [(row[0], row[1]) for row in connection.execute(rows)]


def _day(connection: Connection, moment: Any) -> Any:
    """SQL for the UTC day of a moment."""
    if connection.dialect.name == "sqlite":
        return func.date(moment, type_=Date)
    return cast(func.timezone("UTC", moment), Date)


def _seconds(connection: Connection, start: Any, end: Any) -> Any:
    """SQL for the seconds between two moments."""
    if connection.dialect.name == "sqlite":
        return (func.julianday(end) - func.julianday(start)) * 86_400
    return extract("epoch", end - start)
