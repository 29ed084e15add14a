"""What a mail that came back says. Pure; whom it is about is decided by tokens alone, never by what
stands in here.

A delivery report (RFC 3464) is read by its fields; a complaint (RFC 5965) by its type; for mail
systems that write prose, the SMTP reply they quote counts, and a few sentences that have stood in
such letters for decades. The rule above all: nothing is called hard unless the address itself is
said not to exist. A wrong "hard" costs a reader; a missed one costs another mail.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

#: Characters of a mail that are looked at, and of a reply that are kept.
LOOKED_AT, KEPT = 60_000, 500


def _any(patterns: str) -> re.Pattern[str]:
    """Compile one alternative a line."""
    return re.compile("|".join(line.strip() for line in patterns.strip().splitlines()), re.I | re.M)


@dataclass(frozen=True, slots=True)
class Returned:
    """One verdict on one mail.

    kind: hard (no such address) | full | policy (about us or the content) | temporary | delay
    (still trying) | delivered | complaint | autoreply | other
    """

    kind: str
    status: str = ""  #: enhanced status (RFC 3463) where one was given: "5.1.1"
    reply: str = ""  #: what the server said


def classify(message: Message) -> Returned:
    """Say what a mail to a return address is. Several recipients: the gravest."""
    types = {part.get_content_type() for part in message.walk()}
    if "message/feedback-report" in types or "feedback-report" in str(
        message.get_param("report-type", "")
    ):
        return _feedback(message)
    if notice := _notification(message):
        return notice
    own = _own_text(message)
    reports = [found for part in message.walk() for found in _reported(part, own)]
    if reports:
        return min(reports, key=lambda found: _GRAVEST.index(found.kind))
    if _is_automatic(message) and not _is_from_a_mailer(message):
        return Returned("autoreply")
    if _is_from_a_mailer(message) or _is_automatic(message):
        return _prose(own)
    return Returned("other")


_GRAVEST = (
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


def _feedback(message: Message) -> Returned:
    for part in message.walk():
        if part.get_content_type() == "message/feedback-report":
            kind = re.search(r"^Feedback-Type:\s*([\w-]+)", _text_of(part), re.I | re.M)
            if kind and kind[1].lower() in ("auth-failure", "dkim", "not-spam"):
                return Returned(
                    "policy" if kind[1].lower() != "not-spam" else "other", reply=kind[1].lower()
                )
    return Returned("complaint", reply="abuse")


def _notification(message: Message) -> Returned | None:
    """Read what Amazon SES says as JSON in a mail."""
    text = _text_of(message).strip() if not message.is_multipart() else ""
    if not text.startswith('{"notificationType"'):
        return None
    try:
        told = json.loads(text.split("\n\n--")[0].splitlines()[0])
    except ValueError:
        return None
    kind = told.get("notificationType")
    if kind == "Bounce":
        bounce = told.get("bounce") or {}
        is_hard = bounce.get("bounceType") == "Permanent" and bounce.get("bounceSubType") in (
            "General",
            "NoEmail",
        )
        said = str((bounce.get("bouncedRecipients") or [{}])[0].get("diagnosticCode", ""))
        found = judge(said.partition(";")[2].strip() or said)
        return (
            found
            if found.kind != "other"
            else Returned("hard" if is_hard else "temporary", found.status, found.reply)
        )
    return Returned(
        {"Complaint": "complaint", "Delivery": "delivered"}.get(kind, "other"), reply=str(kind)
    )


# -- delivery reports ------------------------------------------------------------------------------


def _reported(part: Message, own: str) -> Iterator[Returned]:
    """Read the recipients of a `message/delivery-status`, also one that a gateway sent as plain
    text.
    """
    if part.get_content_type() not in ("message/delivery-status", "message/global-delivery-status"):
        return
    for block in re.split(r"\n\s*\n", _text_of(part)):
        fields = _fields(block)
        action = fields.get("action", "").partition(" ")[0].lower()
        if not action:
            continue
        status = (re.match(r"[245]\.\d{1,3}\.\d{1,3}", fields.get("status", "")) or [""])[0]
        said = fields.get("diagnostic-code", "").partition(";")[2].strip() or fields.get(
            "diagnostic-code", ""
        )
        if action in ("delivered", "relayed", "expanded", "deliverable"):
            yield Returned("delivered", status, said[:KEPT])
        elif action == "delayed":
            yield Returned("delay", status, said[:KEPT])
        elif said:
            yield judge(said, status, own)
        else:
            found = _prose(own)
            yield (
                found
                if found.kind not in ("other", "delay")
                else Returned(_by_status(status, "", ""), status)
            )


def _fields(block: str) -> dict[str, str]:
    """Unfold "Name: value" lines; the first of a name counts."""
    fields: dict[str, str] = {}
    for line in re.sub(r"\n[ \t]+", " ", block).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def judge(said: str, status: str = "", around: str = "") -> Returned:
    """Judge what a server said about an address it would not take; `status` is the report's own,
    `around` its text.

    A status inside the reply is nearer to the fact than the report's. Words that name another cause
    win over a status of a bad address: servers give 5.1.1 for full and locked mailboxes too.
    """
    reply = " ".join(said.split())[:2000]
    quoted = _STATUS.search(reply)
    status = quoted[1] if quoted else status
    for kind, words in _CAUSES:
        if words.search(reply):
            return Returned(kind, status, reply[:KEPT])
    return Returned(_by_status(status, reply, around), status, reply[:KEPT])


_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")


def _by_status(status: str, reply: str, around: str) -> str:
    if status in _NO_SUCH_ADDRESS or (status == "5.4.4" and _NO_HOST.search(reply)):
        return "hard"
    if status in ("4.2.2", "5.2.2"):
        return "full"
    if status in ("", "5.0.0", "5.3.0", "5.5.0") and _is_nobody(reply, around):
        return "hard"
    if status.startswith(("5.7", "4.7", "5.6", "5.3.4", "5.2.3")):
        return "policy"
    if status.startswith("4") or re.match(r"4\d\d\b", reply):
        return "temporary"
    return "temporary" if status.startswith(("5.3", "5.4", "5.2")) else "other"


def _is_nobody(reply: str, around: str) -> bool:
    """Whether words without a status say that nobody lives there.

    A server that answers so after the content may mean the content; without a sign of the phase it
    must name the address.
    """
    if (
        re.match(r"4\d\d\b", reply)
        or not _NOBODY.search(reply)
        or _AFTER_DATA.search(f"{reply}\n{around}")
    ):
        return False
    if not re.search(r"\b5\d\d\b|\b5\.\d\.\d", reply):  # the mailer's own words
        return not _ACCOUNT.search(reply)
    return bool(
        re.search(r"\b5\d\d\b[^<]{0,40}<[^<>\s]+@[^<>\s]+>", reply)
        or "RCPT" in around
        or "RCPT" in reply
    )


#: RFC 3463 and the IANA registry: no mailbox, no such system, bad syntax, moved, no mail accepted
#: (RFC 7505).
_NO_SUCH_ADDRESS = frozenset(("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.7.27"))
#: The server knew the mail by then: it may be the content, whatever it says about the user.
_AFTER_DATA = re.compile(
    r"(?:in\s+reply\s+to|following|after)\s+(?:the\s+)?(?:end\s+of\s+)?data\b|>>> DATA\s*\n<<< 5",
    re.I,
)
_ACCOUNT = re.compile(r"doesn.t have", re.I)
_NO_HOST = re.compile(r"(?:host|domain)[^.]{0,25} not found|no such (?:host|domain)", re.I)
_NOBODY = _any(
    r"""
    (?:user|account|recipient|mailbox|address|alias|addressee) (?:is |was )?unknown
    (?:user|account|recipient|mailbox) (?:is |was )?not (?:found|known|listed|exist)
    (?:address|alias|addressee) (?:is |was )?not (?:found|known|listed|exist)
    unknown (?:user|recipient|account|local.?part|or illegal alias)
    no such (?:user|recipient|mailbox|person|address)
    no mailbox (?:here )?by that name
    (?:does not|doesn.t) have an? [\w.]+ account
    (?:user|account|mailbox|address|recipient)[^.]{0,40} (?:does not|doesn.t|do not) exist
    not a (?:known|valid) (?:user|mailbox)
    invalid (?:recipient|mailbox|user)\b
    not our customer
    no longer (?:on server|valid|exists|available)
    address (?:couldn.t be found|not found)
    (?:host|domain)(?: name)? (?:is )?(?:unknown|not found)
    no such (?:domain|host)
    invalid final delivery userid
    no valid recipients
    non-existent hosts
    recipient not found
    unrouteable (?:mail )?(?:domain|address)
    nullmx
    does not accept mail
    not listed in
    """
)
_FULL = _any(
    r"""
    (?:mailbox|inbox|account|quota|storage|maildir)[^.]{0,40}\b(?:full|exceed\w*|over)\b
    over ?quota
    quota exceed
    disk quota
    mailbox full
    exceeded (?:its|the|their)? ?(?:storage|quota|size)
    insufficient (?:system |disk )?(?:storage|space)
    out of (?:storage )?space
    """
)
_LOCKED = _any(
    r"""
    \b(?:suspend|disabl|deactivat|inactiv|lock|froze|block)\w*\b[^.]{0,30}(?:account|user|mailbox|recipient)
    (?:account|user|mailbox|recipient)\b.{0,60}\b(?:suspend|disabl|deactivat|lock|frozen|blocked|bloque)\w*
    mailbox is frozen
    too many recipients this hour
    receiving mail at a rate
    message expired
    timed out
    timeout
    frequency limit
    name service error[^.]*malformed
    """
)
_POLICY = _any(
    r"""
    \bspam\b
    \bube\b
    black ?list
    block ?list
    \brbl\b
    dnsbl
    spamhaus
    \bspf\b
    \bdkim\b
    \bdmarc\b
    unauthenticated
    authenticat
    reverse dns
    \bptr\b
    valid reverse
    client host rejected
    sender address
    domain of sender
    relay(?:ing)? (?:access )?denied
    relay(?:ing)? not
    insecure mail relay
    policy
    content rejected
    virus
    too (?:large|big)
    size limit
    access denied
    not rfc
    rfc ?\d{4} compliant
    banned
    reputation
    not verified
    compliance
    listed (?:at|in|on) http
    refused due to recipient preferences
    mismatches client ip
    blocked (?:for|by|using)
    protocol violation
    blacklisted
    """
)
#: Looked for in this order.
_CAUSES = (("full", _FULL), ("temporary", _LOCKED), ("policy", _POLICY))


# -- prose -----------------------------------------------------------------------------------------


def _prose(text: str) -> Returned:
    """Judge a report without fields: by the SMTP replies it quotes, the gravest of them, else by
    its words.
    """
    for line in text.splitlines():
        if _STILL_TRYING.search(line):
            return Returned("delay", reply=line.strip()[:KEPT])
    starts = [found.start() for found in _REPLY.finditer(text)][:20]
    if not starts:
        return judge(text[:3000], around=text)
    ends = [*starts[1:], len(text)]
    found = [
        judge(text[start : min(end, start + 400)], around=text)
        for start, end in zip(starts, ends, strict=True)
    ]
    return min(found, key=lambda one: (one.kind == "other", _GRAVEST.index(one.kind)))


_STILL_TRYING = _any(
    r"""
    will (?:be retried|continue to (?:try|be attempted)|keep trying|retry)
    no action is required
    delivery (?:is|has been) delayed
    temporarily deferred
    warning: (?:could not send|message delayed|message still undelivered)
    """
)
_REPLY = re.compile(r"(?<![\d.\[])[45]\d\d[ \-#](?:[45]\.\d{1,3}\.\d{1,3})?[^\n]{3,}")


def _own_text(message: Message) -> str:
    """Give what the mailer wrote, without the mail it returns."""
    text = ""
    for part in message.walk():
        if part.get_content_type() in ("text/plain", "text/html") and not part.is_multipart():
            text = _text_of(part)
            if text.strip():
                break
    ends = [found.start() for found in _ORIGINAL.finditer(text) if found.start() > 80]
    return text[: ends[0]] if ends else text


_ORIGINAL = _any(
    r"""
    ^-{2,}[^\n]{0,20}(?:original|below this line|copy of|returned|unsent|headers|body)[^\n]*$
    ^(?:Received|Return-Path):\s
    """
)


def _text_of(part: Message) -> str:
    payload = part.get_payload()
    if isinstance(payload, list):
        return "\n\n".join(str(block) for block in payload)[:LOOKED_AT]
    raw = part.get_payload(decode=True)
    text = (
        raw.decode(part.get_content_charset("utf-8"), "replace")
        if _is_known(part) and isinstance(raw, bytes)
        else ""
    )
    text = text or (raw.decode("latin-1") if isinstance(raw, bytes) else str(payload))
    if part.get_content_type() == "text/html":
        text = re.sub(r"<[^>]{0,500}>", " ", text)
    return text[:LOOKED_AT].replace("\r\n", "\n")


def _is_known(part: Message) -> bool:
    try:
        "".encode(part.get_content_charset("utf-8"))
    except (LookupError, ValueError):
        return False
    return True


# -- who wrote it ----------------------------------------------------------------------------------


def _is_automatic(message: Message) -> bool:
    """Whether a machine answered (RFC 3834, and what was used before it)."""
    if re.match(
        r"\s*auto-(?:replied|generated|notified)", str(message.get("Auto-Submitted", "")), re.I
    ):
        return True
    if any(
        message.get(name)
        for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-From", "X-Vacation")
    ):
        return True
    if str(message.get("Precedence", "")).strip().lower() in ("auto_reply", "auto-reply"):
        return True
    return bool(_ABSENT.search(str(message.get("Subject", ""))))


_ABSENT = re.compile(
    r"^\s*(?:auto(?:matic)?[ :-]|out of (?:the )?office|vacation|abwesen|absence|re: .*vacation)",
    re.I,
)


def _is_from_a_mailer(message: Message) -> bool:
    sender = f"{message.get('From', '')} {message.get('Sender', '')}".lower()
    if re.search(r"mailer[-_ ]?daemon|postmaster|mail ?delivery|mail administrator|<>", sender):
        return True
    if message.get("X-Failed-Recipients") or str(message.get("Return-Path", "")).strip() == "<>":
        return True
    return bool(_FAILED.search(str(message.get("Subject", ""))))


_FAILED = _any(
    r"""
    undeliver
    delivery (?:status|fail|has failed|problem|error)
    fail(?:ed|ure)[^\n]{0,20}(?:delivery|notice|mail)
    returned (?:mail|to sender)
    mail (?:could not|system error|delivery)
    non.?delivery
    permanent error
    """
)
