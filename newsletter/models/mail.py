"""Nouns of mail: a composed letter, its envelope, and how its delivery ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from newsletter.models.matching import Pick
from newsletter.models.papers import NOTHING, PaperEvent

NEVER = datetime.max.replace(tzinfo=UTC)


class DeliveryState(StrEnum):
    """The closed vocabulary of the ledger. `quiet` is counted apart: planned = the sum of all
    others.
    """

    PENDING = "pending"
    CLAIMED = "claimed"  #: leased by a worker; counted as pending to the outside
    #: fenced: the final dot may have been written; counted as pending until it is settled or held
    DOT = "dot"
    SENT = "sent"
    REFUSED = "refused"
    DEFERRED = "deferred"
    HELD = "held"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    QUIET = "quiet"  #: the reader was due and nothing matched: no letter


class Filled(NamedTuple):
    """Text with blanks: `pieces`, the same object in every letter, and between them the values of
    this one.
    """

    pieces: tuple[str, ...]  #: one more than values
    values: tuple[str, ...]

    def __str__(self) -> str:
        between = (*self.values, "")
        return "".join([text for pair in zip(self.pieces, between, strict=True) for text in pair])


#: A part of a letter, whole lines of text.
Fragment = str | Filled


@dataclass(frozen=True, slots=True)
class Letter:
    """A composed mail, not yet bytes. Fragments are joined without separator. They recur between
    letters, as the same object or as `Filled` with the same pieces, so an encoder does the work for
    them once.
    """

    kind: str  #: digest | note | confirm | welcome | known | …: the template folder's name
    subject: str
    text: tuple[Fragment, ...]
    html: tuple[Fragment, ...] = ()  #: empty: the reader wants plain text only
    preheader: str = ""

    @property
    def plain_page(self) -> str:
        """The text part as one."""
        return "".join(map(str, self.text))

    @property
    def html_page(self) -> str:
        """The HTML part as one; empty when there is none."""
        return "".join(map(str, self.html))


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a message goes to and what every retry must repeat exactly."""

    delivery: int  #: the ledger row
    sender: str  #: envelope sender (VERP: names the row, signed)
    recipient: str
    message_id: str  #: stable per row
    date: datetime  #: the Date header, stable per row


@dataclass(frozen=True, slots=True)
class Reply:
    """What a relay said about one letter, as it came; what it means is decided elsewhere."""

    delivery: int  #: the ledger row
    phase: str  #: where it came: connect | mail | rcpt | data | body | dot
    code: int  #: 0: the connection ended, or said something that is no reply
    text: str  #: the server's lines joined by a space, or why there are none
    at: datetime
    relay: str = ""  #: host:port


@dataclass(frozen=True, slots=True)
class Receipt:
    """How one delivery ended, for now."""

    delivery: int
    state: DeliveryState  #: sent | refused | deferred | held | expired | pending
    at: datetime
    code: int = 0  #: SMTP reply code; 0 = no reply
    enhanced: str = ""  #: "5.1.1"
    reply: str = ""  #: the server's words, cleaned, at most 512 bytes
    phase: str = ""  #: connect | mail | rcpt | data | body | dot | render
    relay: str = ""  #: host:port
    cause: str = ""  #: of a refusal: a `text.refusals.Cause`
    retry_at: datetime | None = None  #: only for deferred
    picks: int = 0  #: papers that the next try brings; 0: as many as before


@dataclass(frozen=True, slots=True)
class Evidence:
    """What somebody said about a letter that did not arrive, or was not wanted."""

    delivery: int
    source: str  #: reply (at SMTP) | bounce | complaint | event (a provider's) | operator
    cause: str  #: a `text.refusals.Cause`, or "complaint"
    at: datetime
    status: str = ""  #: enhanced status (RFC 3463)
    reply: str = ""  #: the words


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of the ledger that this worker has leased, ready to be composed."""

    id: int
    issue: int | None
    day: date | None
    subscriber: int
    kind: str
    picks: tuple[Pick, ...]
    due_at: datetime
    candidates: int = 0  #: papers that the issue was picked from
    context: Mapping[str, Any] = NOTHING
    events: tuple[PaperEvent, ...] = ()  #: what it tells about papers that the reader had before
    expires_at: datetime = NEVER  #: from this moment on it is not handed over any more
    token: str = ""  #: names the lease
    attempts: int = 0
    claims: int = 0  #: times it was claimed and no outcome followed
