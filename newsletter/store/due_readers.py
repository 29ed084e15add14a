"""Find readers who are due: active, and without a digest for the day."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Text, and_, cast, exists, not_, or_, select, update

from newsletter.models import Reader, SubscriberState
from newsletter.store.db import chunks
from newsletter.store.subscribers import topics_of
from newsletter.store.tables import deliveries, issues, subscribers
from newsletter.store.unknown_values import HAS_KNOWN_TIME, HAS_KNOWN_WISHES, words

#: The least time between two digests of one reader, also after a change of time zone or hour.
APART = timedelta(hours=20)
#: JSON lists are selected as text: nearly all are empty, and decoding each one is slow.
_DUE = select(
    subscribers.c.id,
    subscribers.c.address_version,
    subscribers.c.rhythm,
    subscribers.c.size,
    subscribers.c.mix,
    subscribers.c.outside,
    *(cast(subscribers.c[name], Text).label(name) for name in ("muted", "follows")),
)


def rhythms(connection: Connection) -> list[tuple[str, int, str]]:
    """Return every (time zone, hour, rhythm) that an active reader has and this version knows."""
    rows = connection.execute(
        select(subscribers.c.timezone, subscribers.c.hour, subscribers.c.rhythm)
        .where(subscribers.c.state == SubscriberState.ACTIVE, HAS_KNOWN_TIME)
        .distinct()
    )
    return [(row.timezone, row.hour, row.rhythm) for row in rows]


def due_batch(
    connection: Connection,
    rhythm: tuple[str, int, str],
    day: date,
    wish: datetime,
    *,
    after: int,
    limit: int,
) -> list[Reader]:
    """List active readers of one rhythm with no letter for that local date, with ids above `after`.

    A letter due less than `APART` from `wish` also counts: the reader changed time zone. A reader
    who confirmed after `wish` gets the next digest.
    """
    timezone, hour, kind = rhythm
    planned = exists().where(
        deliveries.c.subscriber == subscribers.c.id,
        deliveries.c.issue.is_not(None),
        or_(
            deliveries.c.issue.in_(select(issues.c.id).where(issues.c.date == day)),
            and_(deliveries.c.due_at > wish - APART, deliveries.c.due_at < wish + APART),
        ),
    )
    where = and_(
        subscribers.c.state == SubscriberState.ACTIVE,
        subscribers.c.timezone == timezone,
        subscribers.c.hour == hour,
        subscribers.c.rhythm == kind,
        subscribers.c.id > after,
        # With HAS_KNOWN_TIME beside `hour ==`, SQLite reads the whole time zone.
        HAS_KNOWN_WISHES,
        not_(planned),
        or_(subscribers.c.confirmed_at.is_(None), subscribers.c.confirmed_at <= wish),
    )
    rows = connection.execute(_DUE.where(where).order_by(subscribers.c.id).limit(limit)).all()
    topics = topics_of(connection, [row.id for row in rows])
    return [
        Reader(
            id=row.id,
            address_version=row.address_version,
            rhythm=row.rhythm,
            size=row.size,
            mix=row.mix,
            outside=bool(row.outside),
            topics=tuple(topics.get(row.id, ())),
            muted=_listed(row.muted),
            follows=_listed(row.follows),
        )
        for row in rows
    ]


def resume_paused(connection: Connection, today: date) -> int:
    """Set readers whose pause has ended back to active; return how many."""
    over = and_(subscribers.c.state == SubscriberState.PAUSED, subscribers.c.paused_until <= today)
    woken = (
        update(subscribers)
        .where(over)
        .values(state=SubscriberState.ACTIVE, paused_until=None, state_reason="")
    )
    return connection.execute(woken).rowcount


def _listed(text: str) -> tuple[str, ...]:
    return () if text == "[]" else words(json.loads(text))


def remaining(connection: Connection, readers: Sequence[int]) -> set[int]:
    """Return which of some readers still exist."""
    found: set[int] = set()
    for part in chunks(readers, 1000):
        there = select(subscribers.c.id).where(subscribers.c.id.in_(part))
        found.update(connection.scalars(there))
    return found
