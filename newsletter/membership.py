"""Confirm, change settings, pause, change the address, unsubscribe, vote, export, erase: for pages,
mail and commands alike.

Every function runs in its caller's transaction. `reader` is the row as it was when the request
began. Later changes win: nothing is written for a reader who has left since, and a setting that was
changed since stays.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from newsletter import addresses, reader_seeds
from newsletter.app import App
from newsletter.errors import InputError, NotFound
from newsletter.mail_kinds import (
    ADDRESS_NEW,
    ADDRESS_OLD,
    EXPORT,
    WELCOME,
)
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import (
    evidence,
    feedback,
    ledger_life,
    ledger_plan,
    ledger_read,
    papers,
    seeds,
    subscribers,
    suppressions,
    topics,
)
from newsletter.store.ledger_read import enqueued_since
from newsletter.text.references import References
from newsletter.tokens import Claims, TokenError

#: The most mails of one kind that a reader's own page may cause in this time.
REQUEST_SPAN, MAX_REQUESTS = timedelta(hours=24), 3
MAX_QUERIES = 20
#: How long an unsubscription can be undone.
STAY_WITHIN = timedelta(days=30)
MEMBERS = (SubscriberState.ACTIVE, SubscriberState.PAUSED)


@dataclass(frozen=True)
class Choices:
    """The checked values of a preferences form. `mistakes`: (line, character, what is wrong)."""

    topics: tuple[int, ...]  #: ids of curated topics
    queries: tuple[str, ...] | None  #: own queries; None: not in the form
    settings: Mapping[str, Any]  #: columns of `Subscriber` that are in the form
    mistakes: tuple[tuple[int, int, str], ...] = ()

    def of(self, reader: Subscriber) -> Subscriber:
        """Return the reader with these values, but without own queries: saving makes topics of
        them.
        """
        return replace(reader, topics=self.topics, **self.settings)


def reader_of(connection: Connection, claims: Claims) -> Subscriber:
    """Load the reader of a token. Raises: TokenError when the reader is gone, or left after the
    token was made.
    """
    try:
        found = subscribers.get(connection, claims.subscriber)
    except NotFound as e:
        raise TokenError("expired") from e
    if found.epoch != claims.epoch:
        raise TokenError("expired")
    return found


def save(
    app: App,
    connection: Connection,
    reader: Subscriber,
    choices: Choices,
    now: datetime,
    *,
    is_confirming: bool = False,
) -> Subscriber:
    """Save a reader's choices. Confirming makes them active and records their consent.

    Raises: TokenError.
    """
    current = _current(connection, reader)
    if choices.queries is None:
        known = topics.by_ids(connection, reader.topics)
        own = [id for id in reader.topics if id in known and not known[id].is_curated]
    else:
        own = [topics.find_or_add(connection, query).id for query in choices.queries]
    wanted = replace(choices.of(reader), topics=tuple(dict.fromkeys((*choices.topics, *own))))
    changes = merge_settings(reader, current, wanted)
    if is_confirming and current.state in (SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED):
        changes |= {"state": SubscriberState.ACTIVE, "confirmed_at": now}
        changes |= {"state_reason": "", "paused_until": None, "left_at": None}
        canonical = addresses.parse(reader.email).canonical
        suppressions.forgive_erasure(connection, app.tokens.address_hash(canonical))
        ledger_plan.enqueue(connection, reader.id, WELCOME, {}, now)
        evidence.note_step(connection, reader.id, "confirmed", now)
    subscribers.change(connection, reader.id, **changes)
    return subscribers.get(connection, reader.id)


def merge_settings(begun: Subscriber, current: Subscriber, wanted: Subscriber) -> dict[str, Any]:
    """Return the settings that a form changes.

    `begun` is the row at the time of the form, `current` the row now. A setting that was changed in
    between stays. In lists, what the form added is added, and what it removed is removed.
    """
    changes: dict[str, Any] = {}
    for name in ("timezone", "hour", "rhythm", "size", "format", "mix", "language", "outside"):
        before = getattr(begun, name)
        if getattr(wanted, name) != before and getattr(current, name) == before:
            changes[name] = getattr(wanted, name)
    for name in ("topics", "muted", "follows"):
        before, now, wish = (getattr(one, name) for one in (begun, current, wanted))
        if wish == before:
            continue
        kept = [one for one in now if one in wish or one not in before]
        added = [one for one in wish if one not in before and one not in now]
        changes[name] = wish if now == before else (*kept, *added)
    return changes


def _current(connection: Connection, reader: Subscriber) -> Subscriber:
    """Load the row of a reader for a change.

    Raises: TokenError when they left or were erased since `reader` was loaded.
    """
    try:
        found = subscribers.lock(connection, reader.id)
    except NotFound as e:
        raise TokenError("expired") from e
    if found.epoch != reader.epoch:
        raise TokenError("expired")
    return found


def pause(connection: Connection, reader: Subscriber, now: datetime, weeks: int = 2) -> None:
    """Send nothing for some weeks.

    Raises: TokenError.
    """
    until = (now + timedelta(weeks=weeks)).date()
    if _set_pause(connection, reader, SubscriberState.PAUSED, until):
        evidence.note_step(connection, reader.id, "paused", now, f"until {until}")


def resume(connection: Connection, reader: Subscriber, now: datetime) -> None:
    """End a pause.

    Raises: TokenError.
    """
    is_paused = reader.state is SubscriberState.PAUSED
    if is_paused and _set_pause(connection, reader, SubscriberState.ACTIVE, None):
        evidence.note_step(connection, reader.id, "resumed", now)


def _set_pause(
    connection: Connection, reader: Subscriber, state: SubscriberState, until: date | None
) -> bool:
    current = _current(connection, reader)
    if current.state not in MEMBERS or current.state is not reader.state:
        return False
    if current.paused_until != reader.paused_until:
        return False
    subscribers.change(connection, reader.id, state=state, paused_until=until, state_reason="")
    return True


def set_one(connection: Connection, reader: Subscriber, **setting: Any) -> None:
    """Change one setting: rhythm="weekly", size=5.

    Raises: TokenError.
    """
    current = _current(connection, reader)
    changes = merge_settings(reader, current, replace(reader, **setting))
    subscribers.change(connection, reader.id, **changes)


def add_topics(connection: Connection, reader: Subscriber, added: Sequence[int]) -> None:
    """Add topics behind those that the reader has.

    Raises: TokenError.
    """
    has = _current(connection, reader).topics
    subscribers.change(connection, reader.id, topics=tuple(dict.fromkeys((*has, *added))))


def unsubscribe(
    connection: Connection, subscriber: int, epoch: int, via: str, now: datetime
) -> None:
    """Unsubscribe a reader. It changes nothing if they are unsubscribed or erased."""
    if subscribers.leave(connection, subscriber, epoch, via, now):
        evidence.note_step(connection, subscriber, "left", now, f"by {via}")


def leave(connection: Connection, claims: Claims, now: datetime) -> bool:
    """Unsubscribe by a link. Returns whether `stay` can undo it.

    Raises: TokenError when the reader subscribed again later: this link would not stop those mails.
    """
    unsubscribe(connection, claims.subscriber, claims.epoch, "link", now)
    return has_left(connection, claims, now)


def leaver_of(connection: Connection, claims: Claims) -> Subscriber:
    """Load the reader of an unsubscribe link. After a restore the link may be newer than the stored
    reader. Raises: TokenError.
    """
    try:
        found = subscribers.get(connection, claims.subscriber)
    except NotFound as e:
        raise TokenError("expired") from e
    if not 0 <= claims.epoch - found.epoch <= subscribers.EPOCHS_LOST:
        raise TokenError("expired")
    return found


def has_left(connection: Connection, claims: Claims, now: datetime) -> bool:
    """Return whether a reader left by a link recently enough for `stay`.

    Raises: TokenError when they are subscribed, by a newer link.
    """
    try:
        reader = subscribers.get(connection, claims.subscriber)
    except NotFound:
        return False
    if reader.state in MEMBERS and reader.epoch != claims.epoch:
        raise TokenError("expired")
    moment = subscribers.left(connection, claims.subscriber, claims.epoch)
    return moment is not None and now - moment <= STAY_WITHIN


def stay(connection: Connection, claims: Claims, now: datetime) -> Subscriber:
    """Undo an unsubscription with the link that made it: settings, pause and old links are as
    before. Doing it again changes nothing.

    Raises: TokenError when it is too late, or the reader was not unsubscribed by a link.
    """
    try:
        reader = subscribers.lock(connection, claims.subscriber)
    except NotFound as e:
        raise TokenError("expired") from e
    if reader.state in MEMBERS and reader.epoch == claims.epoch:
        return reader
    if not has_left(connection, claims, now):
        raise TokenError("expired")
    until = reader.paused_until
    is_paused = until is not None and until > now.date()
    subscribers.change(
        connection,
        reader.id,
        state=SubscriberState.PAUSED if is_paused else SubscriberState.ACTIVE,
        paused_until=until if is_paused else None,
        state_reason="",
        epoch=claims.epoch,
        left_at=None,
    )
    evidence.note_step(connection, reader.id, "stayed", now)
    return subscribers.get(connection, reader.id)


def vote(
    connection: Connection, reader: Subscriber, paper: int, value: int, reason: str, now: datetime
) -> None:
    """Store a vote: 1 more, -1 less, 0 deletes it. Raises: TokenError."""
    _current(connection, reader)
    feedback.vote(connection, reader.id, paper, value, now, reason)


def give_examples(
    connection: Connection, reader: Subscriber, pasted: References, now: datetime
) -> reader_seeds.Given:
    """Keep the papers that a pasted text names as examples.

    Raises: TokenError.
    """
    _current(connection, reader)
    return reader_seeds.give(connection, reader.id, pasted, now)


def remove_examples(connection: Connection, reader: Subscriber, ids: Sequence[int] | None) -> None:
    """Delete examples by their numbers; None: all of them.

    Raises: TokenError.
    """
    _current(connection, reader)
    given = seeds.of_readers(connection, [reader.id]).get(reader.id, []) if ids is None else []
    seeds.remove(connection, reader.id, ids or [seed.id for seed in given])


# -- address, data ---------------------------------------------------------------------------------


def request_address_change(
    app: App, connection: Connection, reader: Subscriber, address: addresses.Address, now: datetime
) -> None:
    """Write to both addresses: the new one is asked to confirm, the old one is informed.

    The answer does not show whether the new address is subscribed. Raises: TokenError.
    """
    reader = _current(connection, reader)
    if enqueued_since(connection, reader.id, ADDRESS_OLD, now - REQUEST_SPAN) >= MAX_REQUESTS:
        return
    if address.canonical == addresses.parse(reader.email).canonical:
        return
    context = {"new_email": addresses.mask(address.email)}
    ledger_plan.enqueue(connection, reader.id, ADDRESS_OLD, context, now)
    ledger_life.end_moves(connection, reader.id, now)
    hash = app.tokens.address_hash(address.canonical)
    if suppressions.suppression(connection, hash) is None and not subscribers.find(
        connection, address.canonical
    ):
        ledger_plan.enqueue(connection, reader.id, ADDRESS_NEW, {"to": address.email}, now)


def cancel_address_change(connection: Connection, reader: Subscriber, now: datetime) -> None:
    """Keep the old address. Raises: TokenError."""
    _current(connection, reader)
    ledger_life.end_moves(connection, reader.id, now)


def find_address_change(connection: Connection, claims: Claims, reader: Subscriber) -> str:
    """Return the new address that a link confirms. Only the latest request is valid. Raises:
    TokenError.
    """
    latest = ledger_read.find_move(connection, reader.id)
    if latest is None or latest[0] != claims.paper:
        raise TokenError("expired")
    return str(latest[1]["to"])


def change_address(
    connection: Connection, claims: Claims, reader: Subscriber, now: datetime
) -> str:
    """Set the reader's new address and return it. Raises: TokenError, also when another reader has
    the address by now.
    """
    _current(connection, reader)
    address = addresses.parse(find_address_change(connection, claims, reader))
    try:
        subscribers.change_address(connection, reader.id, address.email, address.canonical)
    except InputError as e:
        raise TokenError("expired") from e
    ledger_life.end_moves(connection, reader.id, now)
    former = f"from {addresses.mask(reader.email)}"
    evidence.note_step(connection, reader.id, "moved", now, former)
    return address.email


def request_export(connection: Connection, reader: Subscriber, now: datetime) -> None:
    """Mail all stored data of a reader to their own address. Raises: TokenError."""
    reader = _current(connection, reader)
    if enqueued_since(connection, reader.id, EXPORT, now - REQUEST_SPAN) >= MAX_REQUESTS:
        return
    data = _everything(connection, reader)
    ledger_plan.enqueue(connection, reader.id, EXPORT, {"data": data}, now)


def _everything(connection: Connection, reader: Subscriber) -> dict[str, Any]:
    chosen = topics.by_ids(connection, reader.topics)
    votes = feedback.votes_of(connection, [reader.id]).get(reader.id, {})
    voted = papers.by_keys(connection, list(votes))
    plain = {field.name: getattr(reader, field.name) for field in fields(reader)}
    for hidden in ("id", "epoch", "address_version"):
        del plain[hidden]
    plain["topics"] = [{"name": topic.name, "query": topic.query} for topic in chosen.values()]
    plain["votes"] = [
        {"paper": voted[key].id, "vote": vote} for key, vote in votes.items() if key in voted
    ]
    plain["examples"] = [
        {"name": seed.name, "title": seed.title}
        for seed in reader_seeds.listed(connection, reader.id)
    ]
    plain["mails"] = ledger_read.history(connection, reader.id, 1000)
    text = json.dumps(plain, default=lambda value: value.isoformat())
    data: dict[str, Any] = json.loads(text)
    return data


def erase(app: App, connection: Connection, reader: Subscriber, now: datetime) -> None:
    """Delete a reader and all their data. A keyed hash of the address stays, so that no import adds
    it again. Raises: TokenError.
    """
    reader = _current(connection, reader)
    canonical = addresses.parse(reader.email).canonical
    suppressions.suppress(connection, app.tokens.address_hash(canonical), suppressions.ERASED, now)
    subscribers.erase(connection, reader.id)
