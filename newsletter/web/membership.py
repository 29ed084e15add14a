"""What readers do: ask, confirm, choose, pause, leave, vote. Each is one transaction; pages only show the result."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from newsletter import addresses
from newsletter.app import App
from newsletter.errors import QueryError
from newsletter.matching.query import parse
from newsletter.models import MIXES, RHYTHMS, SIZES, Subscriber, SubscriberState
from newsletter.store import accounts, ledger, subscribers, topics
from newsletter.store.db import reading, writing
from newsletter.tokens import Claims, TokenError

CONFIRM_WITHIN = timedelta(days=7)
#: One confirmation a day to one address, whoever asks and however often.
QUIET_FOR = timedelta(hours=24)
MAX_QUERIES = 20


@dataclass(frozen=True)
class Choices:
    """What the form said, checked. `mistakes`: one sentence per line that is not a query."""

    topics: tuple[int, ...]
    queries: tuple[str, ...]
    muted: tuple[str, ...]
    follows: tuple[str, ...]
    timezone: str
    hour: int
    rhythm: str
    size: int
    format: str
    mix: str
    language: str
    mistakes: tuple[str, ...] = ()


def subscribe(app: App, address: addresses.Address, now: datetime, query: str = "") -> None:
    """Answer a wish to subscribe by mail. Whoever asks sees the same page, whatever is known about the address."""
    with writing(app.engine) as connection:
        if subscribers.suppression(connection, app.tokens.address_hash(address.canonical)) is not None:
            return
        reader = subscribers.find(connection, address.canonical)
        if reader is None:
            fresh = Subscriber(0, address.email, timezone=app.config.site.timezone)
            reader = subscribers.add(connection, fresh, address.canonical, now)
        is_member = reader.state in (SubscriberState.ACTIVE, SubscriberState.PAUSED)
        kind = "known" if is_member else "confirm"
        if accounts.enqueued_since(connection, reader.id, kind, now - QUIET_FOR):
            return
        if query and not is_member:
            topic = topics.find_or_add(connection, query)
            subscribers.save(connection, replace(reader, topics=tuple(dict.fromkeys((*reader.topics, topic.id)))))
        ledger.enqueue(connection, reader.id, kind, {}, now, CONFIRM_WITHIN)


def reader_of(app: App, claims: Claims) -> Subscriber:
    """The reader a token speaks for, if it is still of their time.

    Raises: TokenError.
    """
    with reading(app.engine) as connection:
        found = subscribers.by_ids(connection, [claims.subscriber]).get(claims.subscriber)
    if found is None or found.epoch != claims.epoch:
        raise TokenError("expired")
    return found


def save(app: App, reader: Subscriber, choices: Choices, now: datetime, *, is_confirming: bool = False) -> Subscriber:
    """Keep a reader's choices; confirming makes them active, and that is recorded as their consent."""
    with writing(app.engine) as connection:
        own = tuple(topics.find_or_add(connection, query).id for query in choices.queries)
        changed = replace(
            reader, topics=tuple(dict.fromkeys((*choices.topics, *own))), muted=choices.muted, follows=choices.follows,
            timezone=choices.timezone, hour=choices.hour, rhythm=choices.rhythm, size=choices.size,
            format=choices.format,
            mix=choices.mix, language=choices.language,
        )  # fmt: skip
        if is_confirming and reader.state in (SubscriberState.PENDING, SubscriberState.UNSUBSCRIBED):
            changed = replace(changed, state=SubscriberState.ACTIVE, confirmed_at=now)
        subscribers.save(connection, changed)
    return changed


def pause(app: App, reader: Subscriber, now: datetime, weeks: int = 2) -> None:
    until = (now + timedelta(weeks=weeks)).date()
    with writing(app.engine) as connection:
        subscribers.save(connection, replace(reader, state=SubscriberState.PAUSED, paused_until=until))


def set_one(app: App, reader: Subscriber, **change: object) -> None:
    """Change one choice: rhythm="weekly", size=5."""
    with writing(app.engine) as connection:
        subscribers.save(connection, replace(reader, **change))  # type: ignore[arg-type]


def unsubscribe(app: App, claims: Claims, via: str) -> None:
    """Leave, in one transaction; doing it again changes nothing. A reader who is gone already is gone."""
    with writing(app.engine) as connection:
        found = subscribers.by_ids(connection, [claims.subscriber]).get(claims.subscriber)
        if found is not None and found.epoch == claims.epoch and found.state is not SubscriberState.UNSUBSCRIBED:
            subscribers.set_state(connection, found.id, SubscriberState.UNSUBSCRIBED, via)


def vote(app: App, reader: Subscriber, paper: int, value: int, reason: str, now: datetime) -> None:
    with writing(app.engine) as connection:
        subscribers.vote(connection, reader.id, paper, value, now, reason)


def read_choices(app: App, form: dict[str, Sequence[str]], zones: frozenset[str], languages: Sequence[str]) -> Choices:
    """Check a preferences form. What is no valid value is left at its default; a bad query is reported, by line."""

    def one(name: str, allowed: Sequence[str], default: str) -> str:
        value = (form.get(name) or [default])[0]
        return value if value in allowed else default

    with reading(app.engine) as connection:
        offered = {topic.slug: topic.id for topic in topics.every(connection) if topic.is_curated}
    queries, muted, mistakes = [], [], []
    for number, line in enumerate((form.get("keywords") or [""])[0].splitlines(), 1):
        line = line.strip()
        if line.startswith("-") and len(line) > 1:
            muted.append(line[1:].strip().strip('"')[:100])
        elif line:
            try:
                queries.append(str(parse(line)))
            except QueryError as e:
                mistakes.append(f"Keywords, line {number}, character {e.position}: {e.message}")
    follows = [" ".join(line.split())[:100] for line in (form.get("authors") or [""])[0].splitlines() if line.strip()]
    zone = (form.get("tz") or ["UTC"])[0]
    hour = (form.get("hour") or ["07:00"])[0].partition(":")[0]
    return Choices(
        tuple(offered[slug] for slug in form.get("topic", ()) if slug in offered), tuple(queries[:MAX_QUERIES]),
        tuple(muted[:50]), tuple(follows[:50]), zone if zone in zones else "UTC",
        int(hour) if hour.isdecimal() and int(hour) < 24 else 7, one("rhythm", RHYTHMS, "weekdays"),
        int(one("size", [str(size) for size in SIZES], "8")), one("format", ("html", "text"), "html"),
        one("mix", MIXES, "balanced"), one("language", languages, "en"), tuple(mistakes),
    )  # fmt: skip
