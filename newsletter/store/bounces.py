"""Mails that came back, by the letter they are about. What follows from them for a reader is
counted here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, distinct, func, select, update

from newsletter.models import SubscriberState
from newsletter.store.db import insert_into
from newsletter.store.tables import (
    DeliveryRow,
    IssueRow,
    ReturnedRow,
    SubscriberRow,
    SuppressionRow,
)

D: Any = DeliveryRow.__table__  # type: ignore[attr-defined]
B: Any = ReturnedRow.__table__  # type: ignore[attr-defined]
I: Any = IssueRow.__table__  # type: ignore[attr-defined]  # noqa: E741
U: Any = SubscriberRow.__table__  # type: ignore[attr-defined]
X: Any = SuppressionRow.__table__  # type: ignore[attr-defined]

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
            D.c.id,
            D.c.subscriber,
            U.c.canonical,
            U.c.state,
            D.c.issue,
            func.coalesce(I.c.state, "") == "paused",
        )
        .join(U, U.c.id == D.c.subscriber)
        .outerjoin(I, I.c.id == D.c.issue)
        .where(
            D.c.id == delivery, D.c.due_at > now - BELIEVED, D.c.state.in_(("sent", "held", "dot"))
        )
    ).one_or_none()
    return Mailed(*row) if row else None


def note(
    connection: Connection, delivery: int, kind: str, status: str, reply: str, now: datetime
) -> bool:
    """Keep what came back about a letter; False when something about it is known already."""
    row = {"delivery": delivery, "kind": kind, "status": status[:16], "reply": reply, "at": now}
    adding = (
        insert_into(connection, B).values(row).on_conflict_do_nothing(index_elements=["delivery"])
    )
    return bool(connection.execute(adding).rowcount)


def settle_held(connection: Connection, delivery: int, now: datetime) -> bool:
    """A report about a held letter proves that it was handed over."""
    held = and_(D.c.id == delivery, D.c.state == "held")
    return bool(
        connection.execute(update(D).where(held).values(state="sent", settled_at=now)).rowcount
    )


def hard_issues(connection: Connection, subscriber: int) -> int:
    """How many different issues came back to say that a reader's address does not exist."""
    counted = select(func.count(distinct(func.coalesce(D.c.issue, -D.c.id)))).join(
        B, B.c.delivery == D.c.id
    )
    return connection.scalar(counted.where(D.c.subscriber == subscriber, B.c.kind == "hard")) or 0


def full_in_a_row(connection: Connection, subscriber: int, most: int = 3) -> int:
    """How many of a reader's last issues came back because the mailbox was full; one that did not
    ends the row.
    """
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


# -- very many at once -----------------------------------------------------------------------------
# A report that came with very many others of its issue is of the kind "mass" instead of "hard": it
# counts for nobody.


def hard_since(connection: Connection, issue: int, since: datetime) -> int:
    """How many of an issue's letters came back for good since a moment."""
    counted = select(func.count()).select_from(B.join(D, D.c.id == B.c.delivery))
    return (
        connection.scalar(counted.where(D.c.issue == issue, B.c.kind == "hard", B.c.at > since))
        or 0
    )


def believed_letters(connection: Connection, issue: int) -> int:
    """How many of an issue's letters left so far, without those that are in doubt."""
    counted = select(func.count()).select_from(D.outerjoin(B, B.c.delivery == D.c.id))
    left = and_(D.c.issue == issue, D.c.state == "sent", func.coalesce(B.c.kind, "") != "mass")
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
    mine = and_(B.c.kind == before, B.c.delivery.in_(select(D.c.id).where(D.c.issue == issue)))
    about = (
        select(U.c.id, U.c.canonical)
        .join(D, D.c.subscriber == U.c.id)
        .join(B, B.c.delivery == D.c.id)
    )
    readers = [(row.id, row.canonical) for row in connection.execute(about.where(mine))]
    connection.execute(update(B).where(mine).values(kind=after))
    return readers


def revive(connection: Connection, reader: int, address_hash: str, since: datetime) -> None:
    """Take back that an active reader was given up for bounces since a moment; their links work as
    before.
    """
    given_up = and_(X.c.address_hash == address_hash, X.c.reason == "bounce", X.c.at > since)
    if connection.execute(delete(X).where(given_up)).rowcount:
        suppressed = and_(U.c.id == reader, U.c.state == SubscriberState.SUPPRESSED)
        connection.execute(
            update(U)
            .where(suppressed)
            .values(state=SubscriberState.ACTIVE, state_reason="", epoch=U.c.epoch - 1)
        )
