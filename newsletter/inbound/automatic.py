"""Who wrote a mail: a mail system, a program that answers for a person, or a person. Pure.

The headers are those of RFC 3834, the ones used before it, and subjects in several languages.
"""

import base64
import quopri
import re
from email.message import Message


def is_automatic(message: Message) -> bool:
    """Return whether a program wrote this mail: a mail system, or one that answers for a person."""
    said = header(message, "Auto-Submitted").strip().lower()
    if said and not said.startswith("no"):
        return True
    if any(message.get(name) for name in _ANSWERING_HEADERS):
        return True
    if header(message, "Precedence").strip().lower() in ("auto_reply", "auto-reply"):
        return True
    return bool(_ABSENT.search(header(message, "Subject")))


def is_absence(message: Message) -> bool:
    """Return whether a program answers for a person who is away."""
    return is_automatic(message) and not _names_a_mailer(message)


def is_from_a_mailer(message: Message) -> bool:
    """Return whether a mail system wrote this about a mail that it could not deliver."""
    if _names_a_mailer(message):
        return True
    if header(message, "Return-Path").strip() == "<>":
        return True
    returns_a_mail = any(part.get_content_type() in _COPIES for part in message.walk())
    return returns_a_mail and bool(_NOBODY_READS.search(header(message, "From")))


def header(message: Message, name: str) -> str:
    """Return a header's text, decoded if possible; at most 2,000 characters."""
    raw = str(message.get(name, ""))[:2000]
    if "=?" not in raw:
        return raw
    return _ENCODED.sub(_decoded, raw)


def _decoded(found: re.Match[str]) -> str:
    """Return one encoded word (RFC 2047) decoded; unchanged if it cannot be decoded."""
    charset, encoding, text = found.groups()
    try:
        if encoding in "bB":
            raw = base64.b64decode(text + "=" * (-len(text) % 4))
        else:
            raw = quopri.decodestring(text.replace("_", " ").encode("ascii"))
        return raw.decode(charset.partition("*")[0], "replace")
    except (ValueError, LookupError):
        return found[0]


_ENCODED = re.compile(r"=\?([\w.*+-]{1,40})\?([bBqQ])\?([^?\s]{0,500})\?=")
_COPIES = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers")
_ANSWERING_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-From", "X-Vacation")
_ABSENT = re.compile(
    r"^\s*(?:(?:re|aw|sv|antwort):\s*)?(?:auto(?:matic|matische|svar|matisk|matisch|-)?[ :-]*"
    r"(?:re(?:ply|sponse)|response|antwort|svar|reactie)|auto:|out of (?:the )?office|ooo\b"
    r"|vacation|(?:away|absent) from|abwesen|absence|réponse automatique|respuesta automática"
    r"|resposta automática|risposta automatica|自動(?:応答|返信)|不在)"
    r"|\b(?:vacation|holiday) (?:message|reply|notice)|\bautoreply\b|\bon vacation\b",
    re.I,
)
_NOBODY_READS = re.compile(r"no[-_.]?reply|do[-_.]?not[-_.]?reply|system|admin", re.I)


def _names_a_mailer(message: Message) -> bool:
    """Return whether the sender or the subject is that of a mail system."""
    senders = f"{header(message, 'From')} {header(message, 'Sender')}".lower()
    if re.search(
        r"mailer[-_ ]?daemon|postmaster|mail ?delivery|mail administrator|<>"
        r"|microsoftexchange[0-9a-f]{8}",
        senders,
    ):
        return True
    return bool(message.get("X-Failed-Recipients") or _FAILED.search(header(message, "Subject")))


_FAILED = re.compile(
    r"undeliver|delivery (?:status|fail|has failed|problem|error)"
    r"|fail(?:ed|ure)[^\n]{0,20}(?:delivery|notice|mail)|returned (?:mail|to sender)"
    r"|mail (?:could not|system error|delivery)|non.?delivery|permanent error"
    r"|unzustellbar|non remis|no se puede entregar|メールエラー|配信不能",
    re.I,
)
