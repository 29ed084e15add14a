"""Incoming mail: stored mails, counts of outcomes, and identifiers of known events."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from newsletter.errors import NotFound
from newsletter.store.db import insert_into
from newsletter.store.tables import inbound, inbound_counts, seen_events

#: The most mails that are stored; further ones stay in the mailbox or queue they came from.
MOST_KEPT = 1_000
#: How long a mail is stored, and an event's identifier.
KEPT_FOR, SEEN_FOR = timedelta(days=60), timedelta(days=30)
#: Waits before each further try of a mail that could not be processed.
RETRY_AFTER = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))


@dataclass(frozen=True, slots=True)
class Arrived:
    """One mail as it arrived."""

    channel: str  #: lmtp | pipe | maildir | imap
    sender: str  #: envelope sender; empty for reports
    recipient: str  #: empty when only the mail's content shows it
    raw: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored mail."""

    id: int
    at: datetime
    mail: Arrived
    why: str
    is_personal: bool
    tries: int
    retry_at: datetime | None


def keep(
    connection: Connection, mail: Arrived, why: str, now: datetime, *, is_personal: bool = False
) -> bool:
    """Store a mail, once; False when `MOST_KEPT` are stored and it must stay at its source."""
    digest = hashlib.sha256(mail.recipient.encode() + b"\0" + mail.raw).hexdigest()
    if connection.scalar(select(inbound.c.id).where(inbound.c.digest == digest)):
        return True
    counted = select(func.count()).select_from(inbound)
    if (connection.scalar(counted) or 0) >= MOST_KEPT:
        return False
    personal = counted.where(inbound.c.is_personal == 1)
    if is_personal and (connection.scalar(personal) or 0) >= MOST_KEPT // 2:
        return False
    row = {
        "at": now,
        "channel": mail.channel,
        "sender": mail.sender[:320],
        "recipient": mail.recipient[:320],
        "digest": digest,
        "why": why,
        "is_personal": int(is_personal),
        "retry_at": None if is_personal else now + RETRY_AFTER[0],
        "raw": mail.raw,
    }
    adding = insert_into(connection, inbound).values(row)
    connection.execute(adding.on_conflict_do_nothing(index_elements=["digest"]))
    return True


def kept(connection: Connection, limit: int = 100) -> list[Kept]:
    """List stored mails, newest first."""
    rows = connection.execute(select(inbound).order_by(inbound.c.id.desc()).limit(limit))
    return [_kept(row) for row in rows]


def get(connection: Connection, id: int) -> Kept:
    """Raises: NotFound."""
    row = connection.execute(select(inbound).where(inbound.c.id == id)).first()
    if row is None:
        raise NotFound(f"no mail {id} is kept", hint="see: newsletter inbound list")
    return _kept(row)


def waiting(connection: Connection, now: datetime, limit: int = 20) -> list[int]:
    """List the ids of mails whose next try is due, oldest first."""
    due = select(inbound.c.id).where(inbound.c.retry_at <= now).order_by(inbound.c.retry_at)
    return list(connection.scalars(due.limit(limit)))


def _kept(row: Row[Any]) -> Kept:
    fields = row._mapping
    mail = Arrived(fields["channel"], fields["sender"], fields["recipient"], fields["raw"])
    return Kept(
        id=fields["id"],
        at=fields["at"],
        mail=mail,
        why=fields["why"],
        is_personal=bool(fields["is_personal"]),
        tries=fields["tries"],
        retry_at=fields["retry_at"],
    )


def put_off(connection: Connection, one: Kept, why: str, now: datetime) -> None:
    """Record a failed try; after the last one the mail waits for the operator."""
    wait = RETRY_AFTER[one.tries] if one.tries < len(RETRY_AFTER) else None
    changes = {"tries": one.tries + 1, "why": why, "retry_at": now + wait if wait else None}
    connection.execute(update(inbound).where(inbound.c.id == one.id).values(changes))


def remove(connection: Connection, id: int) -> None:
    """Delete a mail that was processed."""
    connection.execute(delete(inbound).where(inbound.c.id == id))


def totals(connection: Connection) -> dict[str, int]:
    """Count stored mails by `why`."""
    counted = select(inbound.c.why, func.count().label("number")).group_by(inbound.c.why)
    return {row.why: row.number for row in connection.execute(counted)}


# -- counts ----------------------------------------------------------------------------------------


def count(connection: Connection, outcome: str, now: datetime) -> None:
    """Count one mail or event under its outcome."""
    row = {"day": now.date(), "outcome": outcome[:80], "number": 1}
    adding = insert_into(connection, inbound_counts).values(row)
    connection.execute(
        adding.on_conflict_do_update(
            index_elements=["day", "outcome"], set_={"number": inbound_counts.c.number + 1}
        )
    )


def counts(connection: Connection, since: date) -> dict[str, int]:
    """Count mails and events by outcome since a day (UTC), most frequent first."""
    number = func.sum(inbound_counts.c.number).label("number")
    counted = (
        select(inbound_counts.c.outcome, number)
        .where(inbound_counts.c.day >= since)
        .group_by(inbound_counts.c.outcome)
        .order_by(number.desc(), inbound_counts.c.outcome)
    )
    return {row.outcome: int(row.number) for row in connection.execute(counted)}


# -- events ----------------------------------------------------------------------------------------


def is_first(connection: Connection, event: str, now: datetime) -> bool:
    """Store an event's identifier; False when it is known already."""
    adding = insert_into(connection, seen_events).values({"id": event[:200], "at": now})
    done = connection.execute(adding.on_conflict_do_nothing(index_elements=["id"]))
    return bool(done.rowcount)


def forget(connection: Connection, now: datetime) -> None:
    """Delete mails and identifiers that are too old; counts are kept for a year."""
    connection.execute(delete(inbound).where(inbound.c.at < now - KEPT_FOR))
    connection.execute(delete(seen_events).where(seen_events.c.at < now - SEEN_FOR))
    year = now.date() - timedelta(days=365)
    connection.execute(delete(inbound_counts).where(inbound_counts.c.day < year))
