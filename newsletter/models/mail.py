"""Nouns of mail: a composed letter, its envelope, and how its delivery ended."""

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


#: Stands for a letter's token wherever its text needs it: as long as a token, so that a line keeps
#: its length when the token takes its place. It is new in each process, so no paper can hold it.
SLOT = secrets.token_hex(30)


@dataclass(frozen=True, slots=True)
class Letter:
    """A composed mail, not yet bytes. Its blocks are whole lines, joined without separator. They
    recur between letters as the same objects, so an encoder does the work for them once.
    """

    kind: str  #: digest | note | confirm | welcome | known | …: the template folder's name
    subject: str
    text: tuple[str, ...]
    html: tuple[str, ...] = ()  #: empty: the reader wants plain text only
    preheader: str = ""  #: what an inbox shows behind the subject: how the body begins
    token: str = ""  #: takes the place of `SLOT`

    @property
    def plain_page(self) -> str:
        """The text part as one."""
        return "".join(self.text).replace(SLOT, self.token)

    @property
    def html_page(self) -> str:
        """The HTML part as one; empty when there is none."""
        return "".join(self.html).replace(SLOT, self.token)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a message goes to and what every retry must repeat exactly."""

    delivery: int  #: the ledger row
    sender: str  #: envelope sender (VERP: names the row, signed)
    recipient: str
    message_id: str  #: stable per row
    date: datetime  #: the Date header: when it leaves, the same on every retry


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
    dated_at: datetime | None = None  #: the Date header: when it was first claimed to be sent
