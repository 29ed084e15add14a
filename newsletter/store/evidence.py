"""Evidence about addresses: reports by a server, a person or a provider on undelivered letters.

`delivery.suppression` decides what to do about them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, distinct, func, not_, select, update

from newsletter.models import Evidence, SubscriberState
from newsletter.store.db import insert_into
from newsletter.store.tables import deliveries, evidence, issues, subscribers, suppressions

#: Reports about letters older than this are ignored.
BELIEVED = timedelta(days=14)
#: The source of what became of a subscription.
STEP = "step"
#: Causes that concern the mailbox itself, for which a reader is rested or suppressed.
_MAILBOX = ("gone", "full", "closed")
_BOUNCE = "bounce"


@dataclass(frozen=True, slots=True)
class Mailed:
    """A letter that a report is about, and its reader."""

    delivery: int
    subscriber: int
    canonical: str
    state: str  #: of the reader
    issue: int | None
    is_paused: bool  #: of the issue


def find(connection: Connection, delivery: int, now: datetime) -> Mailed | None:
    """Find the letter that a report is about, if it left within `BELIEVED`."""
    has_left = and_(
        deliveries.c.due_at > now - BELIEVED, deliveries.c.state.in_(("sent", "held", "dot"))
    )
    return _find(connection, and_(deliveries.c.id == delivery, has_left))


def find_any(connection: Connection, delivery: int) -> Mailed | None:
    """Find the letter of a row, whatever its state and age."""
    return _find(connection, deliveries.c.id == delivery)


def _find(connection: Connection, where: Any) -> Mailed | None:
    row = connection.execute(
        select(
            deliveries.c.id,
            deliveries.c.subscriber,
            deliveries.c.issue,
            subscribers.c.canonical,
            subscribers.c.state,
            (func.coalesce(issues.c.state, "") == "paused").label("is_paused"),
        )
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber)
        .outerjoin(issues, issues.c.id == deliveries.c.issue)
        .where(where)
    ).one_or_none()
    if row is None:
        return None
    return Mailed(
        delivery=row.id,
        subscriber=row.subscriber,
        canonical=row.canonical,
        state=row.state,
        issue=row.issue,
        is_paused=bool(row.is_paused),
    )


def note(connection: Connection, mailed: Mailed, said: Evidence, *, is_doubted: bool) -> bool:
    """Store a report about a letter; False when this source has reported on it before."""
    row = {
        "subscriber": mailed.subscriber,
        "delivery": mailed.delivery,
        "source": said.source,
        "cause": said.cause,
        "status": said.status[:16],
        "reply": said.reply,
        "at": said.at,
        "is_doubted": int(is_doubted),
    }
    adding = insert_into(connection, evidence).values(row)
    adding = adding.on_conflict_do_nothing(index_elements=["delivery", "source"])
    return bool(connection.execute(adding).rowcount)


def note_step(
    connection: Connection, subscriber: int, step: str, now: datetime, words: str = ""
) -> None:
    """Store a step in the life of a subscription: confirmed, paused, resumed, moved, left, stayed,
    suppressed.
    """
    row = {"subscriber": subscriber, "source": STEP, "cause": step, "reply": words, "at": now}
    connection.execute(evidence.insert().values(row))


def note_cleared(connection: Connection, subscriber: int, reason: str, now: datetime) -> None:
    """Store that the operator cleared an address: earlier reports count no more."""
    mine = and_(evidence.c.subscriber == subscriber, evidence.c.source != STEP)
    connection.execute(update(evidence).where(mine).values(is_doubted=1))
    word = {"source": "operator", "cause": "cleared", "reply": reason, "at": now}
    connection.execute(evidence.insert().values(subscriber=subscriber, **word))


def gone_issues(connection: Connection, subscriber: int) -> int:
    """Count the issues for which a report said that the reader's mailbox does not exist."""
    issue = func.coalesce(deliveries.c.issue, -deliveries.c.id)
    counted = select(func.count(distinct(issue))).join(
        evidence, evidence.c.delivery == deliveries.c.id
    )
    believed = and_(evidence.c.cause == "gone", evidence.c.is_doubted == 0)
    return connection.scalar(counted.where(deliveries.c.subscriber == subscriber, believed)) or 0


def shut_in_a_row(connection: Connection, subscriber: int, most: int) -> int:
    """Count the reader's latest issues in a row that met a full or closed mailbox, up to `most`."""
    rows = connection.execute(
        select(evidence.c.cause)
        .select_from(deliveries.outerjoin(evidence, evidence.c.delivery == deliveries.c.id))
        .where(
            deliveries.c.subscriber == subscriber,
            deliveries.c.issue.is_not(None),
            deliveries.c.state.in_(("sent", "refused")),
        )
        .order_by(deliveries.c.due_at.desc())
        .limit(most)
    )
    count = 0
    for row in rows:
        if row.cause not in ("full", "closed"):
            break
        count += 1
    return count


# -- evidence of a whole issue ---------------------------------------------------------------------


def bounced_since(connection: Connection, issue: int, since: datetime, beside: str = "") -> int:
    """Count an issue's letters that bounced since a moment; not those to the domain `beside`."""
    counted = select(func.count(distinct(evidence.c.delivery))).select_from(
        evidence.join(deliveries, deliveries.c.id == evidence.c.delivery).join(
            subscribers, subscribers.c.id == deliveries.c.subscriber
        )
    )
    believed = and_(
        evidence.c.cause != "complaint", evidence.c.is_doubted == 0, evidence.c.at > since
    )
    if beside:
        believed = and_(believed, not_(subscribers.c.canonical.endswith(f"@{beside}")))
    return connection.scalar(counted.where(deliveries.c.issue == issue, believed)) or 0


def letters_that_left(connection: Connection, issue: int, beside: str = "") -> int:
    """Count an issue's letters that left, without those whose outcome is unknown, and without
    those to the domain `beside`.
    """
    doubted = select(evidence.c.delivery).where(
        evidence.c.is_doubted == 1, evidence.c.delivery.is_not(None)
    )
    left = and_(deliveries.c.issue == issue, deliveries.c.state == "sent")
    counted = select(func.count()).select_from(deliveries)
    if beside:
        counted = counted.join(subscribers, subscribers.c.id == deliveries.c.subscriber)
        left = and_(left, not_(subscribers.c.canonical.endswith(f"@{beside}")))
    return connection.scalar(counted.where(left, deliveries.c.id.not_in(doubted))) or 0


def doubt(connection: Connection, issue: int) -> list[Mailed]:
    """Mark an issue's evidence as doubted, so that it does not count; return its letters."""
    return _recount(connection, issue, is_doubted=True)


def believe(connection: Connection, issue: int) -> list[Mailed]:
    """Let an issue's doubted evidence count again; return its letters."""
    return _recount(connection, issue, is_doubted=False)


def _recount(connection: Connection, issue: int, *, is_doubted: bool) -> list[Mailed]:
    of_issue = evidence.c.delivery.in_(select(deliveries.c.id).where(deliveries.c.issue == issue))
    mine = and_(evidence.c.cause == "gone", evidence.c.is_doubted == int(not is_doubted), of_issue)
    ids = connection.scalars(select(evidence.c.delivery).where(mine)).all()
    connection.execute(update(evidence).where(mine).values(is_doubted=int(is_doubted)))
    return [found for id in ids if (found := find_any(connection, id)) is not None]


# -- undoing suppressions --------------------------------------------------------------------------


def revive(
    connection: Connection, reader: int, address_hash: str, since: datetime | None = None
) -> bool:
    """Undo a suppression that was caused by evidence about the mailbox; links work as before.

    `since`: only when the suppression is later than this moment.
    """
    given_up = and_(suppressions.c.address_hash == address_hash, suppressions.c.reason == _BOUNCE)
    if since is not None:
        given_up = and_(given_up, suppressions.c.at > since)
    if not connection.execute(delete(suppressions).where(given_up)).rowcount:
        return False
    suppressed = and_(subscribers.c.id == reader, subscribers.c.state == SubscriberState.SUPPRESSED)
    active = {"state": SubscriberState.ACTIVE, "state_reason": "", "paused_until": None}
    connection.execute(
        update(subscribers).where(suppressed).values(epoch=subscribers.c.epoch - 1, **active)
    )
    return True


def suppressed_by(connection: Connection, *, issue: int | None, text: str) -> list[tuple[int, str]]:
    """List suppressed readers with evidence of an issue, or with a text in it: (id, canonical)."""
    query = (
        select(subscribers.c.id, subscribers.c.canonical)
        .distinct()
        .join(evidence, evidence.c.subscriber == subscribers.c.id)
        .join(deliveries, deliveries.c.id == evidence.c.delivery)
        .where(
            subscribers.c.state == SubscriberState.SUPPRESSED,
            evidence.c.cause.in_(_MAILBOX),
            evidence.c.is_doubted == 0,
        )
        .order_by(subscribers.c.id)
    )
    if issue is not None:
        query = query.where(deliveries.c.issue == issue)
    if text:
        query = query.where(evidence.c.reply.icontains(text, autoescape=True))
    return [(row.id, row.canonical) for row in connection.execute(query)]


def of_reader(connection: Connection, subscriber: int) -> list[dict[str, Any]]:
    """List the evidence about a reader's address, oldest first.

    Each is {at, source, cause, status, reply, is_doubted, day}.
    """
    query = (
        select(evidence, issues.c.date.label("day"))
        .outerjoin(deliveries, deliveries.c.id == evidence.c.delivery)
        .outerjoin(issues, issues.c.id == deliveries.c.issue)
        .where(evidence.c.subscriber == subscriber)
        .order_by(evidence.c.at, evidence.c.id)
    )
    names = ("at", "source", "cause", "status", "reply", "is_doubted", "day")
    return [{name: getattr(row, name) for name in names} for row in connection.execute(query)]
