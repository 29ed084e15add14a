"""Read a mail that came back. Pure. Which letter it is about is decided by the token alone, never
by its content.

A delivery report (RFC 3464) is read by its fields, a complaint (RFC 5965) by its type. In reports
without fields, the quoted SMTP replies count first, then the sentences. `text.refusals` decides
what the words are about.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message

from newsletter.inbound.automatic import is_absence, is_automatic, is_from_a_mailer
from newsletter.inbound.mail_text import text_of, written_text
from newsletter.inbound.provider_events import in_a_mail
from newsletter.inbound.verdict import KEPT, Returned, gravest, judge

__all__ = ["Returned", "classify", "judge"]

#: Most parts and quoted replies of one mail that are read.
MOST_PARTS, MOST_REPLIES = 60, 20


def classify(message: Message) -> Returned:
    """Return the verdict on a mail to a return address; of several recipients, the gravest."""
    parts = [part for part, _ in zip(message.walk(), range(MOST_PARTS), strict=False)]
    types = {part.get_content_type() for part in parts}
    if "message/feedback-report" in types or "feedback-report" in str(
        message.get_param("report-type", "")
    ):
        return _feedback(parts)
    if not message.is_multipart() and (event := in_a_mail(text_of(message))):
        return event
    own, is_mailer = written_text(message), is_from_a_mailer(message)
    found = (one for part in parts for one in _reported(part, own, is_from_a_mailer=is_mailer))
    if reports := list(found):
        return gravest(reports)
    if is_absence(message):
        return Returned("autoreply")
    if is_mailer or is_automatic(message):
        return _prose(own)
    return Returned("other")


def _feedback(parts: list[Message]) -> Returned:
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            found = re.search(r"^Feedback-Type:\s*([\w-]+)", text_of(part), re.I | re.M)
            kind = found[1].lower() if found else ""
            if kind in ("auth-failure", "dkim"):
                return Returned("policy", reply=kind)
            if kind == "not-spam":
                return Returned("other", reply=kind)
    return Returned("complaint", reply="abuse")


# -- delivery reports ------------------------------------------------------------------------------


def _reported(part: Message, own: str, *, is_from_a_mailer: bool) -> Iterator[Returned]:
    """Yield the verdicts of a delivery report, also if a gateway joined its parts or made a text of
    them.
    """
    kind = part.get_content_type()
    if kind in ("message/delivery-status", "message/global-delivery-status"):
        text = text_of(part)
    elif kind == "text/plain" and is_from_a_mailer:
        text = text_of(part)
        if not (_FIELDS_BEGIN.search(text) and _ACTION.search(text)):
            return
    elif part.get_content_type() == "multipart/report" and not part.is_multipart():
        text = _FIELDS_BEGIN.sub(r"\n\n\1", text_of(part))
    else:
        return
    for block in re.split(r"\n[ \t]*\n", text)[:MOST_PARTS]:
        if found := _recipient(_fields(block), own):
            yield found


_FIELDS_BEGIN = re.compile(r"\n(Final-Recipient:)", re.I)
_ACTION = re.compile(r"^Action: ?(?:failed|delayed|delivered|relayed|expanded)\b", re.I | re.M)


def _recipient(fields: dict[str, str], own: str) -> Returned | None:
    """Return the verdict of a report on one recipient (RFC 3464 section 2.3)."""
    action = fields.get("action", "").partition(" ")[0].lower()
    if not action:
        return None
    status = (re.match(r"[245]\.\d{1,3}\.\d{1,3}", fields.get("status", "")) or [""])[0]
    diagnostic = fields.get("diagnostic-code", "")
    said = diagnostic.partition(";")[2].strip() or diagnostic
    if action in ("delivered", "relayed", "expanded", "deliverable"):
        return Returned("delivered", status, said[:KEPT])
    found = _why(fields, said, status, own)
    return found.delayed() if action == "delayed" else found


def _why(fields: dict[str, str], said: str, status: str, own: str) -> Returned:
    """Return the verdict on a server's words, or on the report's text where there are none."""
    if len(said) > 5:  # "smtp;" and an exit status mean nothing
        found = judge(said, status, own)
        comment = judge(fields.get("status", "")[len(status) :])
        if found.kind == "hard" and comment.is_closed:
            return replace(found, kind="temporary", is_closed=True)
        return _prose(own, status) if found.kind == "other" and not status else found
    found = _replies(own, status)
    return found if found.kind != "other" else judge("", status)


def _fields(block: str) -> dict[str, str]:
    """Return unfolded "Name: value" lines; the first value of a name counts."""
    fields: dict[str, str] = {}
    for line in re.sub(r"\n[ \t]+", " ", block).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


# -- prose -----------------------------------------------------------------------------------------


def _prose(text: str, status: str = "") -> Returned:
    """Return the verdict of a report without fields."""
    found = _replies(text, status)
    for line in text.splitlines():
        if _STILL_TRYING.search(line):
            return replace(found.delayed(), reply=line.strip()[:KEPT])
    return found


def _replies(text: str, status: str) -> Returned:
    """Return the gravest verdict of the SMTP replies that a text quotes, else that of its words."""
    whole = judge(text[:3000], status, text)
    found_at = list(_REPLY.finditer(text))[:MOST_REPLIES]
    # The server's words count, not those of the mail system.
    is_quoted = any("<<<" in one[0] for one in found_at)
    bounds = [*(one.end() for one in found_at), len(text)]
    replies = [
        judge(text[one.end() : min(bounds[n + 1], one.end() + 400)], status, text)
        for n, one in enumerate(found_at)
        if "<<<" in one[0] or not is_quoted
    ]
    known = [found for found in replies if found.kind != "other"]
    if not known:
        return whole
    found = gravest(known)
    # "The account is disabled" above a quoted "user unknown": the milder one counts.
    return whole if found.kind == "hard" and whole.is_closed else found


_STILL_TRYING = re.compile(
    r"will (?:be retried|continue to (?:try|be attempted)|keep trying|retry)"
    r"|no action is required|delivery (?:is|has been) delayed|temporarily deferred"
    r"|warning: (?:could not send|message delayed|message still undelivered)"
    r"|(?:has|is) not yet been delivered|only a (?:warning|temporary failure report)"
    r"|delivery attempts will continue|do not need to re-?send",
    re.I,
)
#: A reply code as mail systems quote it: at the start of a line, or after a mark or a word that
#: introduces it. A number in a sentence ("call 423-5550123") is none.
_REPLY = re.compile(
    r"(?:^[ \t>]*(?:<<<)?|[:(<\[\"'=] ?|\b(?:said|responded|returned|error|code|status) )[ \t]*"
    r"(?=(?:4(?:2[12]|3[0-2]|[45]\d|71)|5(?:0[0-4]|[1-5]\d|7[0-3]))[ \-:,#]{1,3}"
    r"(?:[45]\.\d{1,3}\.\d{1,3}\b|[^\d\s]|[45]\d\d[ -]))",
    re.M | re.I,
)
