"""Readers: their settings, topics and consent.

`suppressions` has addresses that get no mail, `due_readers` who is due, `feedback` the votes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Dialect,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.sql import ColumnElement

from newsletter.errors import InputError, NotFound
from newsletter.models import DeliveryState, Subscriber, SubscriberState
from newsletter.store import generations, ledger_life
from newsletter.store.db import chunks, insert_into
from newsletter.store.tables import deliveries, issues, subscriber_topics, subscribers
from newsletter.store.unknown_values import stored, words

#: A reader may have left and come back so often after the backup that was restored.
EPOCHS_LOST = 16

# -- finding ---------------------------------------------------------------------------------------


def get(connection: Connection, id: int) -> Subscriber:
    """Raises: NotFound."""
    found = _one(connection, _BY_ID, id)
    if found is None:
        raise NotFound(f"no subscriber number {id}")
    return found


def by_ids(connection: Connection, ids: Iterable[int]) -> dict[int, Subscriber]:
    found: dict[int, Subscriber] = {}
    for part in chunks(sorted(set(ids))):
        found.update(
            (reader.id, reader) for reader in _load(connection, subscribers.c.id.in_(part))
        )
    return found


def find(connection: Connection, canonical: str) -> Subscriber | None:
    """Find by the canonical key of an address (`addresses.parse(...).canonical`)."""
    return _one(connection, _BY_CANONICAL, canonical)


def search(
    connection: Connection,
    *,
    states: Iterable[str] = (),
    topic: int | None = None,
    limit: int | None = None,
) -> list[Subscriber]:
    """List subscribers in the order in which they were added."""
    where: list[ColumnElement[bool]] = []
    if states := list(states):
        where.append(subscribers.c.state.in_(states))
    if topic is not None:
        where.append(
            subscribers.c.id.in_(
                select(subscriber_topics.c.subscriber).where(subscriber_topics.c.topic == topic)
            )
        )
    return _load(connection, and_(True, *where), limit=limit)


def stream(connection: Connection) -> Iterator[Subscriber]:
    """Stream all subscribers in the order in which they were added, loading 1,000 at a time."""
    return (reader for reader, _ in stream_with_consent(connection))


def stream_with_consent(connection: Connection) -> Iterator[tuple[Subscriber, str]]:
    """Stream all subscribers, each with the text of their consent."""
    last = 0
    while found := _load(connection, subscribers.c.id > last, limit=1000):
        rows = connection.execute(
            select(subscribers.c.id, subscribers.c.consent).where(
                subscribers.c.id.between(found[0].id, found[-1].id)
            )
        )
        consents = {row.id: row.consent for row in rows}
        yield from ((reader, consents.get(reader.id, "")) for reader in found)
        last = found[-1].id


def count_states(connection: Connection) -> dict[str, int]:
    """Return state -> number of subscribers, for every state."""
    counts = {state.value: 0 for state in SubscriberState}
    found = connection.execute(
        select(subscribers.c.state, func.count().label("number")).group_by(subscribers.c.state)
    )
    counts.update({row.state: row.number for row in found})
    return counts


# -- changing --------------------------------------------------------------------------------------


def add(
    connection: Connection, reader: Subscriber, canonical: str, now: datetime, *, consent: str = ""
) -> Subscriber:
    """Add a reader. Of two at once with one address, the database lets one succeed.

    Raises: InputError when the address is known already.
    """
    reader = replace(reader, epoch=generations.first_epoch())
    values = _record(reader) | {"canonical": canonical, "created_at": now, "consent": consent}
    id = connection.scalar(_add(connection.dialect), values)
    if id is None:
        raise InputError("this address is known already")
    reader = replace(reader, id=id, created_at=now)
    _write_topics(connection, reader.id, reader.topics)
    return reader


def lock(connection: Connection, id: int) -> Subscriber:
    """Load a reader and lock the row until this transaction ends.

    Raises: NotFound.
    """
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time
        connection.execute(_LOCK, {"key": id})
    return get(connection, id)


def change(
    connection: Connection, id: int, *, topics: Sequence[int] | None = None, **columns: Any
) -> None:
    """Write some columns of a reader, and the topics if given; others stay unchanged.

    Use `change_address` for the address.
    """
    if columns:
        values = {name: _stored(value) for name, value in columns.items()}
        connection.execute(update(subscribers).where(subscribers.c.id == id).values(values))
    if topics is not None:
        connection.execute(_DROP_TOPICS, {"key": id})
        _write_topics(connection, id, topics)


def known(connection: Connection, canonicals: Sequence[str]) -> dict[str, Subscriber]:
    """Return canonical key -> reader, without topics, for those addresses that are readers."""
    found: dict[str, Subscriber] = {}
    for part in chunks(canonicals):
        rows = connection.execute(
            _SELECT.add_columns(subscribers.c.canonical).where(subscribers.c.canonical.in_(part))
        )
        found.update((row.canonical, _subscriber(row, ())) for row in rows)
    return found


def add_many(
    connection: Connection, newcomers: Sequence[tuple[Subscriber, str, str]], now: datetime
) -> dict[str, int]:
    """Add many readers, each with canonical key and consent; known ones stay unchanged.

    Returns canonical key -> id of those that were added.
    """
    rows = [
        _record(replace(reader, epoch=generations.first_epoch()))
        | {"canonical": canonical, "created_at": now, "consent": consent}
        for reader, canonical, consent in newcomers
    ]
    if not rows:
        return {}
    connection.execute(
        insert_into(connection, subscribers).on_conflict_do_nothing(index_elements=["canonical"]),
        rows,
    )
    added: dict[str, int] = {}
    for part in chunks([canonical for _, canonical, _ in newcomers]):
        # A reader who subscribed by the form meanwhile has another `created_at`.
        mine = and_(subscribers.c.canonical.in_(part), subscribers.c.created_at == now)
        found = connection.execute(select(subscribers.c.canonical, subscribers.c.id).where(mine))
        added.update({row.canonical: row.id for row in found})
    chosen = [
        {"subscriber": added[canonical], "topic": topic, "position": position}
        for reader, canonical, _ in newcomers
        if canonical in added
        for position, topic in enumerate(dict.fromkeys(reader.topics))
    ]
    if chosen:
        connection.execute(insert(subscriber_topics), chosen)
    return added


def leave(connection: Connection, id: int, epoch: int, reason: str, now: datetime) -> bool:
    """Unsubscribe by a link of that epoch, or of one that a restore took back (`EPOCHS_LOST`).

    Doing it again changes nothing, and returns False.
    """
    mine = and_(
        subscribers.c.id == id,
        subscribers.c.epoch.between(epoch - EPOCHS_LOST, epoch),
        subscribers.c.state != SubscriberState.UNSUBSCRIBED,
    )
    left = {
        "state": str(SubscriberState.UNSUBSCRIBED),
        "state_reason": reason,
        "left_at": case(
            (
                subscribers.c.state.in_((SubscriberState.ACTIVE, SubscriberState.PAUSED)),
                literal(now, subscribers.c.left_at.type),
            )
        ),
        "epoch": epoch + 1,
    }
    return bool(connection.execute(update(subscribers).where(mine).values(left)).rowcount)


def left(connection: Connection, id: int, epoch: int) -> datetime | None:
    """Return when a reader unsubscribed by a link of that epoch.

    None: they did not, they came back, or they were neither active nor paused.
    """
    moment: datetime | None = connection.scalar(
        select(subscribers.c.left_at).where(
            subscribers.c.id == id,
            subscribers.c.epoch == epoch + 1,
            subscribers.c.state == SubscriberState.UNSUBSCRIBED,
        )
    )
    return moment


def set_state(connection: Connection, id: int, state: SubscriberState, reason: str = "") -> None:
    """Set a reader's state. Leaving also raises the epoch, which ends all older links."""
    values: dict[str, Any] = {
        "state": state,
        "state_reason": reason,
        "paused_until": None,
        "left_at": None,
    }
    if state in (SubscriberState.UNSUBSCRIBED, SubscriberState.SUPPRESSED):
        values["epoch"] = subscribers.c.epoch + 1
    connection.execute(update(subscribers).where(subscribers.c.id == id).values(values))


def consent(connection: Connection, id: int) -> str:
    """Return the stored text of how and when a reader agreed."""
    kept = connection.scalar(select(subscribers.c.consent).where(subscribers.c.id == id))
    return kept or ""


def rest(connection: Connection, id: int, until: date, reason: str) -> None:
    """Pause an active reader until a day because of their mailbox."""
    resting = {"state": str(SubscriberState.PAUSED), "state_reason": reason, "paused_until": until}
    connection.execute(
        update(subscribers)
        .where(subscribers.c.id == id, subscribers.c.state == SubscriberState.ACTIVE)
        .values(resting)
    )


def change_address(connection: Connection, id: int, email: str, canonical: str) -> None:
    """Change a reader's address; unsent digests go to the new one.

    Letters built for the old address are never sent: the fence compares `address_version`.

    Raises: InputError when somebody else has the new address.
    """
    other = connection.scalar(
        select(subscribers.c.id).where(subscribers.c.canonical == canonical, subscribers.c.id != id)
    )
    if other is not None:
        raise InputError("this address is known already")
    new = {
        "email": email,
        "canonical": canonical,
        "address_version": subscribers.c.address_version + 1,
    }
    connection.execute(update(subscribers).where(subscribers.c.id == id).values(new))
    ledger_life.follow_address(connection, id)


def erase(connection: Connection, id: int) -> None:
    """Delete a reader with topics, votes and ledger rows; a suppression stays.

    The counts of issues are reduced, so that they still equal the number of rows.
    """
    quiet = func.count().filter(deliveries.c.state == DeliveryState.QUIET)
    mine = select(deliveries.c.issue, func.count(), quiet).where(
        deliveries.c.subscriber == id, deliveries.c.issue.is_not(None)
    )
    for issue, rows, silent in connection.execute(mine.group_by(deliveries.c.issue)).all():
        fewer = {"planned": issues.c.planned - (rows - silent), "quiet": issues.c.quiet - silent}
        connection.execute(update(issues).where(issues.c.id == issue).values(fewer))
    newest = generations.newest(connection)
    connection.execute(delete(subscribers).where(subscribers.c.id == id))
    generations.note_erased(connection, newest)


# -- rows ------------------------------------------------------------------------------------------

_COLUMNS = tuple(name for name in Subscriber.__slots__ if name != "topics")
_SELECT = select(*(subscribers.c[name] for name in _COLUMNS))
#: One reader, with one row per topic.
_ONE = (
    _SELECT.add_columns(subscriber_topics.c.topic)
    .outerjoin(subscriber_topics, subscriber_topics.c.subscriber == subscribers.c.id)
    .order_by(subscriber_topics.c.position)
)
_BY_ID, _BY_CANONICAL = (
    _ONE.where(subscribers.c.id == bindparam("key")),
    _ONE.where(subscribers.c.canonical == bindparam("key")),
)
_LOCK = select(subscribers.c.id).where(subscribers.c.id == bindparam("key")).with_for_update()
_DROP_TOPICS = delete(subscriber_topics).where(subscriber_topics.c.subscriber == bindparam("key"))


@cache
def _add(dialect: Dialect) -> Any:
    return (
        insert_into(dialect, subscribers)
        .on_conflict_do_nothing(index_elements=["canonical"])
        .returning(subscribers.c.id)
    )


def _one(connection: Connection, query: Any, key: int | str) -> Subscriber | None:
    rows = connection.execute(query, {"key": key}).all()
    if not rows:
        return None
    return _subscriber(rows[0], tuple(row.topic for row in rows if row.topic is not None))


def _load(connection: Connection, where: Any, *, limit: int | None = None) -> list[Subscriber]:
    """Load readers in the order in which they were added, with topics in the reader's order."""
    rows = connection.execute(_SELECT.where(where).order_by(subscribers.c.id).limit(limit)).all()
    topics = topics_of(connection, [row.id for row in rows])
    return [_subscriber(row, tuple(topics.get(row.id, ()))) for row in rows]


def topics_of(connection: Connection, ids: Sequence[int]) -> Mapping[int, list[int]]:
    """Return reader -> topics in the reader's order; `ids` are sorted."""
    found: dict[int, list[int]] = defaultdict(list)
    if not ids:
        return found
    span = subscriber_topics.c.subscriber.between(ids[0], ids[-1])
    if len(ids) <= 500 and len(ids) * 4 < ids[-1] - ids[0]:  # few readers, with ids far apart
        span = subscriber_topics.c.subscriber.in_(ids)
    rows = connection.execute(
        select(subscriber_topics.c.subscriber, subscriber_topics.c.topic)
        .where(span)
        .order_by(subscriber_topics.c.subscriber, subscriber_topics.c.position)
    )
    for subscriber, topic in rows.all():
        found[subscriber].append(topic)
    return found


def _subscriber(row: Any, topics: tuple[int, ...]) -> Subscriber:
    """Build a subscriber from a row with `_COLUMNS`, whatever else it has."""
    values = {name: getattr(row, name) for name in _COLUMNS}
    values["outside"] = bool(row.outside)
    values["state"] = stored(SubscriberState, row.state)
    values["muted"], values["follows"] = words(row.muted), words(row.follows)
    return Subscriber(**values, topics=topics)


def _record(reader: Subscriber) -> dict[str, Any]:
    names = set(_COLUMNS) - {"id", "created_at"}
    return {name: _stored(getattr(reader, name)) for name in sorted(names)}


def _stored(value: Any) -> Any:
    """Return a value of a reader as its column takes it."""
    if isinstance(value, tuple):
        return list(value)
    return int(value) if isinstance(value, bool) else value


def _write_topics(connection: Connection, id: int, topics: Sequence[int]) -> None:
    rows = [
        {"subscriber": id, "topic": topic, "position": n}
        for n, topic in enumerate(dict.fromkeys(topics))
    ]
    if rows:
        connection.execute(insert(subscriber_topics), rows)
