"""Caps: how many uses a span of time allows.

The database counts them, so all processes share the count and a restart keeps it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete

from newsletter.store.db import insert_into
from newsletter.store.tables import caps


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `limit` uses of each key in a span of time. Spans start at multiples of `span`."""

    name: str
    limit: int
    span: timedelta

    def end(self, now: datetime) -> int:
        """Return when the span ends, in seconds since 1970."""
        seconds = int(self.span.total_seconds())
        return (int(now.timestamp()) // seconds + 1) * seconds


def take(connection: Connection, cap: Cap, key: str, now: datetime) -> bool:
    """Count one use; False when there were `limit` in this span already."""
    row = {"name": cap.name, "key": key[:320], "span": cap.end(now), "number": 1}
    adding = (
        insert_into(connection, caps)
        .values(row)
        .on_conflict_do_update(
            index_elements=["name", "key", "span"], set_={"number": caps.c.number + 1}
        )
        .returning(caps.c.number)
    )
    return int(connection.execute(adding).scalar_one()) <= cap.limit


def forget(connection: Connection, now: datetime) -> None:
    """Delete the counts of spans that have ended."""
    connection.execute(delete(caps).where(caps.c.span < int(now.timestamp())))
