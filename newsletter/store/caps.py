"""Caps: how many uses a span of time allows.

The database counts them, so all processes share the count and a restart keeps it.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete

from newsletter.store.db import insert_into
from newsletter.store.tables import caps


def take(
    connection: Connection, name: str, key: str, limit: int, span: timedelta, now: datetime
) -> bool:
    """Count one use; False at `limit` uses of the span. Spans start at multiples of `span`."""
    seconds = int(span.total_seconds())
    end = (int(now.timestamp()) // seconds + 1) * seconds
    row = {"name": name, "key": key[:320], "span": end, "number": 1}
    adding = (
        insert_into(connection, caps)
        .values(row)
        .on_conflict_do_update(
            index_elements=["name", "key", "span"], set_={"number": caps.c.number + 1}
        )
        .returning(caps.c.number)
    )
    return int(connection.execute(adding).scalar_one()) <= limit


def forget(connection: Connection, now: datetime) -> None:
    """Delete the counts of spans that have ended."""
    connection.execute(delete(caps).where(caps.c.span < int(now.timestamp())))
