"""Caps: at most so many in a span of time. They are counted in the database, so that processes and
restarts share them.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete

from newsletter.store.db import insert_into
from newsletter.store.tables import caps


def take(
    connection: Connection, name: str, key: str, limit: int, span: timedelta, now: datetime
) -> bool:
    """Count one use; False when this span's share is used up. Spans begin at whole multiples."""
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
    """Drop the counts of spans that are over."""
    connection.execute(delete(caps).where(caps.c.span < int(now.timestamp())))
