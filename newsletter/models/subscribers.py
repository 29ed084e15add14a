"""Types of people: a subscriber with all settings, and the part of them that planning needs."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple


class SubscriberState(StrEnum):
    PENDING = "pending"  #: asked, not confirmed
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"  #: bounced or complained; never mailed again


RHYTHMS = (
    "weekdays",
    "daily",
    "weekly",
    "hot",
)  #: weekly = Mondays; hot = weekdays, Hot and Surging papers only
MIXES = ("match", "balanced", "trend")
SIZES = (5, 8, 12)


@dataclass(frozen=True, slots=True)
class Subscriber:
    id: int
    email: str  #: as typed; mail is sent here
    state: SubscriberState = SubscriberState.PENDING
    name: str = ""
    timezone: str = "UTC"
    hour: int = 7  #: local hour of the digest, 0-23
    rhythm: str = "weekdays"
    size: int = 8
    format: str = "html"  #: html | text
    mix: str = "balanced"  #: match | balanced | trend
    language: str = "en"
    outside: bool = True  #: a paper from outside the topics may come, twice a week at most
    topics: tuple[int, ...] = ()  #: Topic.id, in the reader's order
    muted: tuple[str, ...] = ()  #: words and phrases
    follows: tuple[str, ...] = ()  #: author names
    address_version: int = (
        1  #: increased when the address changes; a letter for an older version is never sent
    )
    epoch: int = 1  #: increased at unsubscribe and erase; older tokens stop working
    created_at: datetime | None = None
    confirmed_at: datetime | None = None
    paused_until: date | None = None


class Reader(NamedTuple):
    """What planning needs of a subscriber. It is a tuple because an issue loads a million of
    them.
    """

    id: int
    address_version: int
    rhythm: str
    size: int
    mix: str
    outside: bool = True
    topics: tuple[int, ...] = ()
    muted: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()


class Seed(NamedTuple):
    """A paper that a reader gave as an example of what they read."""

    name: str  #: canonical identifier ("arxiv:2512.22525"), or else `title_key`
    title: str = ""
    title_key: str = ""  #: lookup key of the whole title; empty where there is no title
    paper: int | None = None  #: Paper.key; None: this site does not hold it yet
    at: datetime | None = None
    id: int = 0  #: the store's number

    @property
    def names(self) -> tuple[str, ...]:
        """What finds its paper, best first."""
        return tuple(dict.fromkeys(filter(None, (self.name, self.title_key))))
