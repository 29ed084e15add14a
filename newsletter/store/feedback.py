"""Feedback of readers: more like this paper, or less."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from newsletter.store.db import chunks, insert_into
from newsletter.store.tables import papers, votes


def vote(
    connection: Connection, reader: int, paper: int, value: int, now: datetime, reason: str = ""
) -> None:
    """Store a vote: 1 = more like this, -1 = less; 0 deletes it."""
    if not value:
        connection.execute(
            delete(votes).where(votes.c.subscriber == reader, votes.c.paper == paper)
        )
        return
    row = {"subscriber": reader, "paper": paper, "value": value, "reason": reason, "at": now}
    latest = {name: row[name] for name in ("value", "reason", "at")}
    upsert = insert_into(connection, votes).values(row)
    connection.execute(
        upsert.on_conflict_do_update(index_elements=["subscriber", "paper"], set_=latest)
    )


def with_titles(connection: Connection, reader: int) -> list[tuple[int, str, datetime]]:
    """List a reader's votes: 1 or -1, the paper's title, and when."""
    query = select(votes.c.value, papers.c.title, votes.c.at).join(
        papers, papers.c.key == votes.c.paper
    )
    rows = connection.execute(query.where(votes.c.subscriber == reader).order_by(votes.c.at))
    return [(row.value, row.title, row.at) for row in rows]


def votes_of(
    connection: Connection, ids: Iterable[int], until: datetime | None = None
) -> Mapping[int, dict[int, int]]:
    """Return reader -> paper key -> 1 or -1, up to a moment if one is given. Readers without votes
    are absent.
    """
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for part in chunks(sorted(set(ids))):
        query = select(votes).where(votes.c.subscriber.in_(part))
        if until is not None:
            query = query.where(votes.c.at <= until)
        for row in connection.execute(query):
            found[row.subscriber][row.paper] = row.value
    return found
