"""Rows with values that this version does not know: a newer version or a hand wrote them.

Such a reader is left alone and told to the operator; nobody else is touched.
"""

from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Connection, Text, and_, cast, not_, select

from newsletter.models import MIXES, RHYTHMS, SubscriberState
from newsletter.store.tables import subscribers
from newsletter.text.time_zones import time_zones

E = TypeVar("E", bound=StrEnum)
#: Most readers that are named.
NAMED = 5

#: Readers whose time planning knows.
HAS_KNOWN_TIME = and_(subscribers.c.hour.between(0, 23), subscribers.c.rhythm.in_(RHYTHMS))
#: Readers for whom planning can choose. Lists are compared as text: "null" and "{}" are none.
HAS_KNOWN_WISHES = and_(
    subscribers.c.mix.in_(MIXES),
    subscribers.c.size > 0,
    *(cast(subscribers.c[name], Text).like("[%") for name in ("muted", "follows")),
)
_SHOWN = ("hour", "rhythm", "mix", "size", "muted", "follows")


def stored(kind: type[E], text: str) -> E:
    """Return the member of an enumeration for a stored word. A word that this version does not know
    stays what it is, and equals no member.
    """
    try:
        return kind(text)
    except ValueError:
        other = str.__new__(kind, text)
        other._name_, other._value_ = "UNKNOWN", text
        return other


def words(value: Any) -> tuple[str, ...]:
    """Return the words of a stored list; what is no list has none."""
    if not isinstance(value, list | tuple):
        return ()
    return tuple(word for word in value if isinstance(word, str))


def told(connection: Connection) -> list[str]:
    """Return a sentence for each active reader who gets nothing because of such a value, and for
    each time zone that this machine does not have.
    """
    active = subscribers.c.state == SubscriberState.ACTIVE
    columns = [cast(subscribers.c[name], Text).label(name) for name in _SHOWN]
    query = select(subscribers.c.email, *columns).where(
        active, not_(and_(HAS_KNOWN_TIME, HAS_KNOWN_WISHES))
    )
    rows = connection.execute(query.order_by(subscribers.c.id).limit(NAMED + 1)).all()
    found = [
        f"{row.email} gets no letters: this version does not know one of "
        f"{', '.join(f'{name} {row._mapping[name]}'[:60] for name in _SHOWN)}; upgrade, or: "
        f"newsletter subscribers show {row.email}"
        for row in rows[:NAMED]
    ]
    if len(rows) > NAMED:
        found.append("more readers have settings that this version does not know; upgrade")
    zones = connection.scalars(select(subscribers.c.timezone).where(active).distinct())
    gone = sorted(name for name in zones if name not in time_zones())
    if gone:
        names = ", ".join(gone)[:200]
        found.append(
            f"readers in {names} are served by UTC: this machine has no such time zone; get it: "
            "pip install --upgrade tzdata"
        )
    return found
