"""Mails that came back, by the letter they are about. What follows from them for a reader is counted here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, distinct, func, select, update

from newsletter.store.db import insert_into
from newsletter.store.tables import DeliveryRow, ReturnedRow, SubscriberRow

D: Any = DeliveryRow.__table__  # type: ignore[attr-defined]
B: Any = ReturnedRow.__table__  # type: ignore[attr-defined]
U: Any = SubscriberRow.__table__  # type: ignore[attr-defined]

#: A report about an older letter says nothing about today's mailbox.
BELIEVED = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Mailed:
    """The letter a token names, and its reader."""

    delivery: int
    subscriber: int
    canonical: str


def find(connection: Connection, delivery: int, now: datetime) -> Mailed | None:
    """The letter a report is about, if it left in the last 14 days."""
    row = connection.execute(
        select(D.c.id, D.c.subscriber, U.c.canonical)
        .join(U, U.c.id == D.c.subscriber)
        .where(D.c.id == delivery, D.c.due_at > now - BELIEVED, D.c.state.in_(("sent", "held", "dot")))
    ).one_or_none()
    return Mailed(*row) if row else None


def note(connection: Connection, delivery: int, kind: str, status: str, reply: str, now: datetime) -> bool:
    """Keep what came back about a letter; False when something about it is known already."""
    row = {"delivery": delivery, "kind": kind, "status": status[:16], "reply": reply, "at": now}
    adding = insert_into(connection, B).values(row).on_conflict_do_nothing(index_elements=["delivery"])
    return bool(connection.execute(adding).rowcount)


def settle_held(connection: Connection, delivery: int, now: datetime) -> bool:
    """A report about a held letter proves that it was handed over."""
    held = and_(D.c.id == delivery, D.c.state == "held")
    return bool(connection.execute(update(D).where(held).values(state="sent", settled_at=now)).rowcount)


def hard_issues(connection: Connection, subscriber: int) -> int:
    """How many different issues came back to say that a reader's address does not exist."""
    counted = select(func.count(distinct(func.coalesce(D.c.issue, -D.c.id)))).join(B, B.c.delivery == D.c.id)
    return connection.scalar(counted.where(D.c.subscriber == subscriber, B.c.kind == "hard")) or 0


def full_in_a_row(connection: Connection, subscriber: int, most: int = 3) -> int:
    """How many of a reader's last issues came back because the mailbox was full; one that did not ends the row."""
    rows = connection.execute(
        select(B.c.kind)
        .select_from(D.outerjoin(B, B.c.delivery == D.c.id))
        .where(D.c.subscriber == subscriber, D.c.issue.is_not(None), D.c.state == "sent")
        .order_by(D.c.due_at.desc())
        .limit(most)
    )
    count = 0
    for (kind,) in rows:
        if kind != "full":
            break
        count += 1
    return count
