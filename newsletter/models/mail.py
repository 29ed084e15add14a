"""Types of mail: a composed letter, its envelope, the relay's reply, and the outcome."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from newsletter.models.matching import Pick
from newsletter.models.papers import NOTHING, PaperEvent

NEVER = datetime.max.replace(tzinfo=UTC)


class DeliveryState(StrEnum):
    """The states of a ledger row. `quiet` is counted apart: planned = the sum of all other
    states.
    """

    PENDING = "pending"
    CLAIMED = "claimed"  #: leased by a worker; shown as pending
    #: fenced: the final dot may have been written; shown as pending until it is settled or held
    DOT = "dot"
    SENT = "sent"
    REFUSED = "refused"
    DEFERRED = "deferred"
    HELD = "held"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    QUIET = "quiet"  #: the reader was due and nothing matched: no letter


#: Placeholder of a letter's token in its text. It is as long as a token, so lines keep their
#: length. It is new in each process, so no paper can contain it.
SLOT = secrets.token_hex(30)


@dataclass(frozen=True, slots=True)
class Letter:
    """A composed mail before it becomes bytes. Its blocks are whole lines that are joined without a
    separator.

    Blocks that several letters share are the same objects, so each is encoded once.
    """

    kind: str  #: digest | note | confirm | welcome | known | …: the template folder's name
    subject: str
    text: tuple[str, ...]
    html: tuple[str, ...] = ()  #: empty: the reader wants plain text only
    preheader: str = ""  #: what an inbox shows after the subject: the beginning of the body
    token: str = ""  #: replaces `SLOT`

    @property
    def plain_page(self) -> str:
        """Return the text part as one string."""
        return "".join(self.text).replace(SLOT, self.token)

    @property
    def html_page(self) -> str:
        """Return the HTML part as one string; empty when there is none."""
        return "".join(self.html).replace(SLOT, self.token)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The recipient of a message, and what every retry must repeat exactly."""

    delivery: int  #: the ledger row
    sender: str  #: envelope sender (VERP: signed, with the row's id)
    recipient: str
    message_id: str  #: stable per row
    date: datetime  #: the Date header: when it was first sent, the same on every retry


@dataclass(frozen=True, slots=True)
class Reply:
    """A relay's reply to one letter, unchanged; `classify_reply` decides what it means."""

    delivery: int  #: the ledger row
    phase: str  #: when it came: connect | mail | rcpt | data | body | dot
    code: int  #: 0: the connection ended, or what came was no reply
    text: str  #: the server's lines joined by a space, or why there are none
    at: datetime
    relay: str = ""  #: host:port


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of one try to deliver."""

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
    picks: int = 0  #: papers in the next try; 0: as many as before


@dataclass(frozen=True, slots=True)
class Evidence:
    """A report that a letter did not arrive, or was not wanted."""

    delivery: int
    source: str  #: reply (at SMTP) | bounce | complaint | event (a provider's) | operator
    cause: str  #: a `text.refusals.Cause`, or "complaint"
    at: datetime
    status: str = ""  #: enhanced status (RFC 3463)
    reply: str = ""  #: the server's words


@dataclass(frozen=True, slots=True)
class Claim:
    """A ledger row that this worker has leased, ready to be composed."""

    id: int
    issue: int | None
    day: date | None
    subscriber: int
    kind: str
    picks: tuple[Pick, ...]
    due_at: datetime
    candidates: int = 0  #: papers from which the issue was picked
    context: Mapping[str, Any] = NOTHING
    events: tuple[PaperEvent, ...] = ()  #: events of earlier papers that it tells
    expires_at: datetime = NEVER  #: not sent from this moment on
    token: str = ""  #: identifies the lease
    attempts: int = 0
    claims: int = 0  #: claims without an outcome
    dated_at: datetime | None = None  #: the Date header: when it was first claimed to be sent
