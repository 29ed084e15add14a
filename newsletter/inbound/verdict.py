"""The verdict on one mail or event that came back. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from newsletter.text.refusals import Cause, about

#: Characters of a reply that are kept.
KEPT = 500
#: Of several recipients or replies, the first of these counts.
GRAVEST = (
    "hard",
    "full",
    "policy",
    "temporary",
    "delay",
    "delivered",
    "complaint",
    "autoreply",
    "other",
)
_KINDS = {
    Cause.GONE: "hard",
    Cause.FULL: "full",
    Cause.CLOSED: "temporary",
    Cause.LATER: "temporary",
    Cause.SENDER: "policy",
    Cause.CONTENT: "policy",
    Cause.SIZE: "policy",
    Cause.UNKNOWN: "other",
}


@dataclass(frozen=True, slots=True)
class Returned:
    """One verdict.

    kind: hard (no such address) | full | policy (about us or the content) | temporary | delay
    (still trying) | delivered | complaint | autoreply | other
    """

    kind: str
    status: str = ""  #: enhanced status (RFC 3463) where one was given: "5.1.1"
    reply: str = ""  #: what the server said
    is_closed: bool = False  #: temporary because the mailbox is suspended or disabled


def gravest(verdicts: Iterable[Returned]) -> Returned:
    """Give the verdict that counts of several."""
    return min(verdicts, key=lambda found: GRAVEST.index(found.kind))


def judge(said: str, status: str = "", around: str = "") -> Returned:
    """Judge what a server said about an address it would not take.

    `status` is the report's own, `around` its text. A status inside the reply is nearer to the fact
    than the report's.
    """
    reply = " ".join(said.split())[:2000]
    quoted = _STATUS.search(reply)
    status = quoted[1] if quoted else status
    code = _CODE.match(reply)
    cause = about(
        int(code[1]) if code else 0,
        status,
        reply,
        is_after_content=bool(
            _NOBODY_NAMED.search(reply) or _AFTER_CONTENT.search(f"{reply}\n{around}")
        ),
    )
    if cause is Cause.GONE and _BEFORE_RECIPIENT.search(f"{reply}\n{around}"):
        cause = Cause.SENDER
    return Returned(_KINDS[cause], status, reply[:KEPT], cause is Cause.CLOSED)


_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
_CODE = re.compile(r"([245]\d\d)\b")
#: "550 : User unknown": the place of the address is empty, so none was being asked about.
_NOBODY_NAMED = re.compile(r"(?<!\d)5\d\d(?:: | ): ")
#: Nobody had been named yet: whatever does not exist is ours.
_BEFORE_RECIPIENT = re.compile(
    r"(?:in\s+reply\s+to|following|after)\s+(?:the\s+)?"
    r"(?:mail\s+from|helo|ehlo|initial\s+connection)\b|>>> (?:MAIL|EHLO|HELO)\b[^\n]*\n<<< [45]",
    re.I,
)
#: The server knew the letter by then: it may be the content, whatever it says about the user.
_AFTER_CONTENT = re.compile(
    r"(?:in\s+reply\s+to|following|after)\s+(?:the\s+)?(?:end\s+of\s+)?data\b|>>> DATA\s*\n<<< 5",
    re.I,
)
