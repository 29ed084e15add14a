"""Topics: named queries that readers share. `matching` checks queries."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from newsletter.errors import InputError, NotFound
from newsletter.models import SubscriberState, Topic
from newsletter.store.db import chunks, insert_into
from newsletter.store.tables import subscriber_topics, subscribers, topics


def every(connection: Connection) -> list[Topic]:
    """List all topics, curated ones first, in the order in which they were added."""
    return [
        _topic(row)
        for row in connection.execute(
            select(topics).order_by(topics.c.is_curated.desc(), topics.c.id)
        )
    ]


def curated(connection: Connection) -> list[Topic]:
    """List the curated topics in the order in which they were added."""
    return [
        _topic(row)
        for row in connection.execute(
            select(topics).where(topics.c.is_curated == 1).order_by(topics.c.id)
        )
    ]


def by_ids(connection: Connection, ids: Iterable[int]) -> dict[int, Topic]:
    """Curated ones first, in the order in which they were added."""
    found: list[Topic] = []
    for part in chunks(sorted(set(ids))):
        rows = connection.execute(select(topics).where(topics.c.id.in_(part)))
        found += map(_topic, rows)
    found.sort(key=lambda topic: (not topic.is_curated, topic.id))
    return {topic.id: topic for topic in found}


def in_use(connection: Connection) -> list[Topic]:
    """List topics that have readers."""
    rows = connection.execute(
        select(topics)
        .where(topics.c.id.in_(select(subscriber_topics.c.topic).distinct()))
        .order_by(topics.c.id)
    )
    return [_topic(row) for row in rows]


def get(connection: Connection, name: str) -> Topic:
    """Find a topic by slug, name (any case) or number.

    Raises: NotFound.
    """
    same = or_(topics.c.slug == name, func.lower(topics.c.name) == name.lower())
    if name.isdecimal() and len(name) < 10:
        same = or_(same, topics.c.id == int(name))
    row = connection.execute(
        select(topics).where(same).order_by(topics.c.is_curated.desc(), topics.c.id).limit(1)
    ).first()
    if row is None:
        raise NotFound(f"no topic {name!r}", hint="see them all: newsletter topics list")
    return _topic(row)


def add(connection: Connection, topic: Topic) -> Topic:
    """Add a topic.

    Raises: InputError when its slug is taken.
    """
    values = {
        "slug": topic.slug,
        "name": topic.name,
        "query": topic.query,
        "heading": topic.group,
        "description": topic.description,
        "is_curated": int(topic.is_curated),
    }
    added = (
        insert_into(connection, topics)
        .values(values)
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(topics.c.id)
    )
    id = connection.scalar(added)
    if id is None:
        raise InputError(
            f"a topic {topic.slug!r} exists already",
            hint=f"change it: newsletter topics edit {topic.slug}",
        )
    return replace(topic, id=id)


def find_or_add(connection: Connection, query: str) -> Topic:
    """Find or add the topic of a query in canonical form; readers with the same query share it."""
    row = connection.execute(
        select(topics)
        .where(topics.c.query == query)
        .order_by(topics.c.is_curated, topics.c.id)
        .limit(1)
    ).first()
    if row is not None and not row.is_curated:
        return _topic(row)
    slug = re.sub(r"[^a-z0-9]+", "-", query.lower()).strip("-")[:60] or "query"
    taken = set(connection.scalars(select(topics.c.slug).where(topics.c.slug.like(f"{slug}%"))))
    number, free = 1, f"own-{slug}"
    while free in taken or connection.scalar(select(topics.c.id).where(topics.c.slug == free)):
        number += 1
        free = f"own-{slug}-{number}"
    return add(connection, Topic(0, free, query, query))


def curated_of(connection: Connection, query: str) -> Topic | None:
    """Find the curated topic that asks a query in canonical form."""
    row = connection.execute(
        select(topics).where(topics.c.query == query, topics.c.is_curated == 1).limit(1)
    ).first()
    return _topic(row) if row is not None else None


def edit(connection: Connection, topic: Topic) -> None:
    connection.execute(
        update(topics)
        .where(topics.c.id == topic.id)
        .values(
            name=topic.name, query=topic.query, heading=topic.group, description=topic.description
        )
    )


def remove(connection: Connection, topic: Topic) -> None:
    """Remove a topic without readers.

    Raises: InputError when it has readers, whose digests would change.
    """
    readers_of = readers(connection).get(topic.id, 0)
    if readers_of:
        raise InputError(
            f"topic {topic.slug!r} is read by {readers_of} subscribers; nothing was removed",
            hint=f"give it another query instead: newsletter topics edit {topic.slug} --query …",
        )
    connection.execute(delete(topics).where(topics.c.id == topic.id))


def readers(connection: Connection) -> dict[int, int]:
    """Return topic -> number of subscribers."""
    rows = connection.execute(
        select(subscriber_topics.c.topic, func.count().label("number")).group_by(
            subscriber_topics.c.topic
        )
    )
    return {row.topic: row.number for row in rows}


def popular(connection: Connection, limit: int) -> list[int]:
    """Return the ids of the curated topics with most active readers, most first; none without
    readers.
    """
    rows = (
        select(topics.c.id)
        .join(subscriber_topics, subscriber_topics.c.topic == topics.c.id)
        .join(subscribers, subscribers.c.id == subscriber_topics.c.subscriber)
        .where(topics.c.is_curated == 1, subscribers.c.state == SubscriberState.ACTIVE)
        .group_by(topics.c.id)
        .order_by(func.count().desc(), topics.c.id)
        .limit(limit)
    )
    return list(connection.scalars(rows))


def seed(connection: Connection, curated: Iterable[Topic]) -> int:
    """Add the curated topics; existing ones stay unchanged. Return how many were new."""
    known = set(connection.scalars(select(topics.c.slug)))
    new = [topic for topic in curated if topic.slug not in known]
    if new:
        connection.execute(
            insert(topics),
            [
                {
                    "slug": topic.slug,
                    "name": topic.name,
                    "query": topic.query,
                    "heading": topic.group,
                    "description": topic.description,
                    "is_curated": 1,
                }
                for topic in new
            ],
        )
    return len(new)


def _topic(row: Any) -> Topic:
    return Topic(
        row.id, row.slug, row.name, row.query, row.heading, row.description, bool(row.is_curated)
    )
