"""Letters that wait and letters that are being sent, for `health` and for commands."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select

from newsletter.store import ledger_read
from newsletter.store.db import database_time
from newsletter.store.tables import UNSETTLED, deliveries, issues, subscribers

#: The span over which the rate of an issue is measured.
RATE_OVER = timedelta(seconds=30)
PUT_OFF_READ = 5_000


class Overdue(NamedTuple):
    """Letters that should have been sent."""

    number: int
    oldest: datetime | None  #: when the first of them was due


def overdue(connection: Connection, since: datetime, *, is_answers: bool = False) -> Overdue:
    """Count the letters that could have been sent by `since` and were not.

    A letter that a server put off until later is not late, nor is one of a paused issue.
    `is_answers`: mails that answer a person; else letters of an issue.
    """
    late = select(func.count(), func.min(deliveries.c.due_at)).where(
        UNSETTLED, deliveries.c.next_at <= int(since.timestamp()), deliveries.c.due_at <= since
    )
    if is_answers:
        late = late.where(deliveries.c.issue.is_(None))
    else:
        is_open = select(issues.c.id).where(issues.c.state == "open")
        late = late.where(deliveries.c.issue.in_(is_open))
    number, oldest = connection.execute(late).one()
    return Overdue(number, oldest)


@dataclass(frozen=True, slots=True)
class IssueProgress:
    """An issue that has letters without an outcome."""

    day: date
    state: str  #: open | paused
    planned: int  #: letters, without quiet days
    sent: int
    refused: int
    held: int
    deferred: int
    left: int  #: waiting, being sent, or put off
    per_second: float  #: outcomes a second in the last `RATE_OVER`

    @property
    def seconds_left(self) -> float | None:
        """Return how long the rest takes at this rate; None while no outcome comes."""
        return self.left / self.per_second if self.per_second else None


def issues_in_progress(connection: Connection, now: datetime) -> list[IssueProgress]:
    """List the issues with letters that wait, newest first."""
    of_issue = select(deliveries.c.issue).where(UNSETTLED, deliveries.c.issue.is_not(None))
    rows = connection.execute(
        select(issues).where(issues.c.id.in_(of_issue.distinct())).order_by(issues.c.date.desc())
    )
    found = []
    for row in rows.all():
        counts = ledger_read.counts(connection, row.id)
        settled = connection.scalar(
            select(func.count()).where(
                deliveries.c.issue == row.id, deliveries.c.settled_at > now - RATE_OVER
            )
        )
        found.append(
            IssueProgress(
                row.date,
                row.state,
                counts["planned"],
                counts["sent"],
                counts["refused"],
                counts["held"],
                counts["deferred"],
                counts["pending"] + counts["deferred"],
                (settled or 0) / RATE_OVER.total_seconds(),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Claimed:
    """Letters that one process has claimed."""

    letters: int
    fenced: int  #: of these, handed over to the relay and not answered yet
    lease_s: int  #: seconds until another process may take them; negative: it may


def claimed(connection: Connection) -> list[Claimed]:
    """List what processes have taken, one entry for each claim, most letters first."""
    now = database_time(connection)
    rows = connection.execute(
        select(
            func.count().label("letters"),
            func.sum(case((deliveries.c.state == "dot", 1), else_=0)).label("fenced"),
            func.max(deliveries.c.lease_until).label("until"),
        )
        .where(UNSETTLED, deliveries.c.state.in_(("claimed", "dot")))
        .group_by(deliveries.c.claim_token)
    )
    found = [Claimed(row.letters, row.fenced, row.until - now) for row in rows]
    return sorted(found, key=lambda one: -one.letters)


@dataclass(frozen=True, slots=True)
class PutOff:
    """A receiving domain whose letters were put off."""

    domain: str
    letters: int
    next_at: datetime
    reply: str  #: the last one


def put_off(connection: Connection, limit: int = 10) -> list[PutOff]:
    """List the domains whose letters were put off, most letters first. Of many letters that wait
    the next `PUT_OFF_READ` are looked at.
    """
    late = (
        select(deliveries.c.subscriber, deliveries.c.next_at, deliveries.c.reply)
        .where(UNSETTLED, deliveries.c.state == "deferred")
        .order_by(deliveries.c.next_at)
        .limit(PUT_OFF_READ)
        .subquery()
    )
    rows = connection.execute(
        select(subscribers.c.canonical, late.c.next_at, late.c.reply)
        .join(late, subscribers.c.id == late.c.subscriber)
        .order_by(late.c.next_at)
    )
    found: dict[str, list[tuple[int, str]]] = {}
    for address, next_at, reply in rows:
        found.setdefault(address.rpartition("@")[2], []).append((next_at, reply))
    slow = [
        PutOff(domain, len(of), datetime.fromtimestamp(of[0][0], UTC), of[-1][1])
        for domain, of in found.items()
    ]
    return sorted(slow, key=lambda one: (-one.letters, one.domain))[:limit]
