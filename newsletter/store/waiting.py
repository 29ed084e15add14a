"""Letters that should have left: for health and for commands."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from newsletter.store.tables import UNSETTLED, deliveries, issues


class Overdue(NamedTuple):
    """Letters that should have left."""

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
