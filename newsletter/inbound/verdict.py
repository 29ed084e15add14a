"""The verdict on one returned mail or event. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from newsletter.text.refusals import Cause, about

#: Most characters of a reply that are stored.
KEPT = 500
#: The order of verdicts: of several recipients or replies, the first one of this list counts.
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
    so_far: str = ""  #: of a delay: what it would be if it were given up now

    def delayed(self) -> "Returned":
        """The same while the letter is still being tried."""
        return replace(self, kind="delay", is_closed=False, so_far=self.kind)


def gravest(verdicts: Iterable[Returned]) -> Returned:
    """Return the gravest of several verdicts."""
    return min(verdicts, key=lambda found: GRAVEST.index(found.kind))


def judge(said: str, status: str = "", around: str = "") -> Returned:
    """Return the verdict on a server's refusal of an address.

    `status` is that of the report, `around` its text. A status inside the reply is more reliable
    than that of the report.
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
#: "550 : User unknown": there is no address, so the refusal is about none.
_NOBODY_NAMED = re.compile(r"(?<!\d)5\d\d(?:: | ): ")
#: No recipient had been named yet: it is about our own address.
_BEFORE_RECIPIENT = re.compile(
    r"(?:in\s+reply\s+to|following|after)\s+(?:the\s+)?"
    r"(?:mail\s+from|helo|ehlo|initial\s+connection)\b|>>> (?:MAIL|EHLO|HELO)\b[^\n]*\n<<< [45]",
    re.I,
)
#: The server had the letter by then: it may be about the content, whatever it says about the user.
_AFTER_CONTENT = re.compile(
    r"(?:in\s+reply\s+to|following|after)\s+(?:the\s+)?(?:end\s+of\s+)?data\b|>>> DATA\s*\n<<< 5",
    re.I,
)
