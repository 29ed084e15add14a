"""What a mail to one of our addresses asks for. Pure; runs in the child process that reads mail."""

from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message

from newsletter.inbound.automatic import header
from newsletter.inbound.bounces import classify
from newsletter.inbound.mail_text import text_of
from newsletter.inbound.recipients import COMMANDS, addresses_in
from newsletter.inbound.vouching import is_vouched_for

#: Lines of a body in which a command is searched.
LINES = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asks for, or why nothing is done."""

    command: str = ""
    argument: str = ""  #: the text after the command: a topic
    sender: str = ""
    why_not: str = ""


def read_command(
    box: str, message: Message, *, is_null_sender: bool, authority: str, own: Iterable[str]
) -> Wanted:
    """Return what a person wants who wrote to one of `COMMANDS`.

    `authority`: the name of our mail server in Authentication-Results. `own`: addresses that are
    never answered.
    """
    senders = senders_of(message)
    if why := _never_answered(message, is_null_sender, senders, own):
        return Wanted(why_not=why)
    if not is_vouched_for(message, senders[0], authority):
        return Wanted(why_not="nobody vouches for the sender")
    command, argument = _command(box, message)
    return Wanted(command, argument, senders[0])


def senders_of(message: Message) -> list[str]:
    """Return the addresses in From."""
    return addresses_in(message, "From")


def _never_answered(
    message: Message, is_null_sender: bool, senders: list[str], own: Iterable[str]
) -> str:
    """Return why a mail is not answered: it is from a machine, a list or ourselves (RFC 3834)."""
    if is_null_sender:
        return "no return path"
    if len(senders) != 1:
        return "not one sender"
    if senders[0].lower() in {address.lower() for address in own}:
        return "our own mail"
    if (header(message, "Auto-Submitted") or "no").strip().lower() != "no":
        return "written by a machine"
    if header(message, "Precedence").strip().lower() in _BULK:
        return "bulk mail"
    if any(message.get(name) for name in _LIST_HEADERS):
        return "from a list or a loop"
    is_answer = classify(message).kind in ("autoreply", "complaint", "delivered")
    return "an automatic answer" if is_answer else ""


_BULK = ("bulk", "list", "junk", "auto_reply", "auto-reply")
_LIST_HEADERS = ("List-Id", "List-Unsubscribe", "X-Loop", "X-Autoreply", "X-Autorespond")


def is_personal(message: Message) -> bool:
    """Return whether the operator should see a mail: neither automatic nor bulk."""
    kind = classify(message).kind
    is_bulk = header(message, "Precedence").strip().lower() in _BULK
    return kind in ("other", "complaint") and not is_bulk


def _command(box: str, message: Message) -> tuple[str, str]:
    """Return the first command in the subject or the first lines; else the one of the address."""
    for line in (header(message, "Subject"), *_first_lines(message)):
        words = " ".join(line.split())
        verb, _, argument = words.partition(" ")
        if verb.lower() in COMMANDS:
            return verb.lower(), argument[:200]
    return box, ""


def _first_lines(message: Message) -> list[str]:
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            lines = text_of(part)[:10_000].splitlines()
            return [line for line in lines if line.strip()][:LINES]
    return []
