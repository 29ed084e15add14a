"""Mails that came back, by the letter they are about. What follows from them for a reader is
counted here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, distinct, func, select, update

from newsletter.models import SubscriberState
from newsletter.store.db import insert_into
from newsletter.store.tables import (
    deliveries,
    issues,
    returned,
    subscribers,
    suppressions,
)

#: A report about an older letter says nothing about today's mailbox.
BELIEVED = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Mailed:
    """The letter a token names, and its reader."""

    delivery: int
    subscriber: int
    canonical: str
    state: str  #: the reader's
    issue: int | None
    is_paused: bool  #: the issue


def find(connection: Connection, delivery: int, now: datetime) -> Mailed | None:
    """The letter a report is about, if it left in the last 14 days."""
    row = connection.execute(
        select(
            deliveries.c.id,
            deliveries.c.subscriber,
            subscribers.c.canonical,
            subscribers.c.state,
            deliveries.c.issue,
            func.coalesce(issues.c.state, "") == "paused",
        )
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber)
        .outerjoin(issues, issues.c.id == deliveries.c.issue)
        .where(
            deliveries.c.id == delivery,
            deliveries.c.due_at > now - BELIEVED,
            deliveries.c.state.in_(("sent", "held", "dot")),
        )
    ).one_or_none()
    return Mailed(*row) if row else None


def note(
    connection: Connection, delivery: int, kind: str, status: str, reply: str, now: datetime
) -> bool:
    """Keep what came back about a letter; False when something about it is known already."""
    row = {"delivery": delivery, "kind": kind, "status": status[:16], "reply": reply, "at": now}
    adding = (
        insert_into(connection, returned)
        .values(row)
        .on_conflict_do_nothing(index_elements=["delivery"])
    )
    return bool(connection.execute(adding).rowcount)


def settle_held(connection: Connection, delivery: int, now: datetime) -> bool:
    """A report about a held letter proves that it was handed over."""
    held = and_(deliveries.c.id == delivery, deliveries.c.state == "held")
    return bool(
        connection.execute(
            update(deliveries).where(held).values(state="sent", settled_at=now)
        ).rowcount
    )


def hard_issues(connection: Connection, subscriber: int) -> int:
    """How many different issues came back to say that a reader's address does not exist."""
    counted = select(
        func.count(distinct(func.coalesce(deliveries.c.issue, -deliveries.c.id)))
    ).join(returned, returned.c.delivery == deliveries.c.id)
    return (
        connection.scalar(
            counted.where(deliveries.c.subscriber == subscriber, returned.c.kind == "hard")
        )
        or 0
    )


def full_in_a_row(connection: Connection, subscriber: int, most: int = 3) -> int:
    """How many of a reader's last issues came back because the mailbox was full; one that did not
    ends the row.
    """
    rows = connection.execute(
        select(returned.c.kind)
        .select_from(deliveries.outerjoin(returned, returned.c.delivery == deliveries.c.id))
        .where(
            deliveries.c.subscriber == subscriber,
            deliveries.c.issue.is_not(None),
            deliveries.c.state == "sent",
        )
        .order_by(deliveries.c.due_at.desc())
        .limit(most)
    )
    count = 0
    for (kind,) in rows:
        if kind != "full":
            break
        count += 1
    return count


# -- very many at once -----------------------------------------------------------------------------
# A report that came with very many others of its issue is of the kind "mass" instead of "hard": it
# counts for nobody.


def hard_since(connection: Connection, issue: int, since: datetime) -> int:
    """How many of an issue's letters came back for good since a moment."""
    counted = select(func.count()).select_from(
        returned.join(deliveries, deliveries.c.id == returned.c.delivery)
    )
    return (
        connection.scalar(
            counted.where(
                deliveries.c.issue == issue, returned.c.kind == "hard", returned.c.at > since
            )
        )
        or 0
    )


def believed_letters(connection: Connection, issue: int) -> int:
    """How many of an issue's letters left so far, without those that are in doubt."""
    counted = select(func.count()).select_from(
        deliveries.outerjoin(returned, returned.c.delivery == deliveries.c.id)
    )
    left = and_(
        deliveries.c.issue == issue,
        deliveries.c.state == "sent",
        func.coalesce(returned.c.kind, "") != "mass",
    )
    return connection.scalar(counted.where(left)) or 0


def doubt(connection: Connection, issue: int) -> list[tuple[int, str]]:
    """Count an issue's hard reports for nobody; return the readers they are about: (id, canonical
    address).
    """
    return _recount(connection, issue, "hard", "mass")


def believe(connection: Connection, issue: int) -> list[tuple[int, str]]:
    """Count an issue's doubted reports after all; return the readers they are about: (id, canonical
    address).
    """
    return _recount(connection, issue, "mass", "hard")


def _recount(connection: Connection, issue: int, before: str, after: str) -> list[tuple[int, str]]:
    mine = and_(
        returned.c.kind == before,
        returned.c.delivery.in_(select(deliveries.c.id).where(deliveries.c.issue == issue)),
    )
    about = (
        select(subscribers.c.id, subscribers.c.canonical)
        .join(deliveries, deliveries.c.subscriber == subscribers.c.id)
        .join(returned, returned.c.delivery == deliveries.c.id)
    )
    readers = [(row.id, row.canonical) for row in connection.execute(about.where(mine))]
    connection.execute(update(returned).where(mine).values(kind=after))
    return readers


def revive(connection: Connection, reader: int, address_hash: str, since: datetime) -> None:
    """Take back that an active reader was given up for bounces since a moment; their links work as
    before.
    """
    given_up = and_(
        suppressions.c.address_hash == address_hash,
        suppressions.c.reason == "bounce",
        suppressions.c.at > since,
    )
    if connection.execute(delete(suppressions).where(given_up)).rowcount:
        suppressed = and_(
            subscribers.c.id == reader, subscribers.c.state == SubscriberState.SUPPRESSED
        )
        connection.execute(
            update(subscribers)
            .where(suppressed)
            .values(state=SubscriberState.ACTIVE, state_reason="", epoch=subscribers.c.epoch - 1)
        )
