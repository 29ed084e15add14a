"""Mail that comes in: which of our addresses it is for, and what is to be done. Pure; the effects
are `inbox`'s.

bounce+TAG@          a mail of ours came back: the tag alone says which
unsubscribe+TAG@     the address in List-Unsubscribe: whoever writes to it leaves
subscribe@, help@    a person writes; only heard when our own mail server vouches for the sender
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses

from newsletter.inbound.bounces import Returned, classify

#: Lines of a body that are looked at for a command.
LINES = 5
COMMANDS = ("subscribe", "unsubscribe", "help")


@dataclass(frozen=True, slots=True)
class Incoming:
    """kind: returned | unsubscribe | command | dropped"""

    kind: str
    token: str = ""
    returned: Returned | None = None
    command: str = ""
    argument: str = ""  #: what stands behind the command: a topic
    sender: str = ""
    why: str = ""  #: why it was dropped


def read(
    recipient: str, message: Message, *, is_null_sender: bool, authority: str, own: Iterable[str]
) -> Incoming:
    """Decide what a mail is.

    `authority`: the name our mail server signs its Authentication-Results with; `own`: addresses
    never answered.
    """
    local = recipient.partition("@")[0].lower()
    box, _, token = local.partition("+")
    if box == "bounce" and token:
        return Incoming("returned", token, classify(message))
    if box == "unsubscribe" and token:
        return Incoming("unsubscribe", token)
    if box not in COMMANDS:
        return Incoming("dropped", why="no such address")
    senders = [
        address for _, address in getaddresses([str(message.get("From", ""))]) if "@" in address
    ]
    if why := _never_answered(message, is_null_sender, senders, own):
        return Incoming("dropped", why=why)
    if not is_vouched_for(message, senders[0], authority):
        return Incoming("dropped", why="nobody vouches for the sender")
    command, argument = _command(box, message)
    return Incoming("command", command=command, argument=argument, sender=senders[0])


def _never_answered(
    message: Message, is_null_sender: bool, senders: list[str], own: Iterable[str]
) -> str:
    """RFC 3834: machines, lists and ourselves are not answered."""
    if is_null_sender:
        return "no return path"
    if len(senders) != 1:
        return "not one sender"
    if senders[0].lower() in {address.lower() for address in own}:
        return "our own mail"
    if str(message.get("Auto-Submitted", "no")).strip().lower() != "no":
        return "written by a machine"
    if str(message.get("Precedence", "")).strip().lower() in (
        "bulk",
        "list",
        "junk",
        "auto_reply",
        "auto-reply",
    ):
        return "bulk mail"
    if any(
        message.get(name)
        for name in ("List-Id", "List-Unsubscribe", "X-Loop", "X-Autoreply", "X-Autorespond")
    ):
        return "from a list or a loop"
    return (
        "an automatic answer"
        if classify(message).kind in ("autoreply", "complaint", "delivered")
        else ""
    )


def is_vouched_for(message: Message, sender: str, authority: str) -> bool:
    """Whether our mail server found the sender's domain genuine (RFC 8601). Only its own, topmost
    header counts.
    """
    results = message.get_all("Authentication-Results") or []
    if not authority or not results:
        return False
    name, _, methods = str(results[0]).partition(";")
    if name.split()[:1] != [authority]:
        return False
    domain = sender.rpartition("@")[2].lower()
    for part in methods.split(";"):
        said = " ".join(part.split()).lower()
        if said.startswith("dmarc=pass") and f"header.from={domain}" in said:
            return True
        if said.startswith("dkim=pass") and re.search(
            rf"header\.[di]=[^ ]*@?{re.escape(domain)}(?: |$)", said
        ):
            return True
        if said.startswith("spf=pass") and re.search(
            rf"smtp\.mailfrom=(?:[^ @]*@)?{re.escape(domain)}(?: |$)", said
        ):
            return True
    return False


def _command(box: str, message: Message) -> tuple[str, str]:
    """Find the first command in the subject or the first lines; else the address says what is
    wanted.
    """
    for line in (str(message.get("Subject", "")), *_first_lines(message)):
        words = " ".join(line.split())
        verb, _, argument = words.partition(" ")
        if verb.lower() in COMMANDS:
            return verb.lower(), argument[:200]
    return box, ""


def _first_lines(message: Message) -> list[str]:
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            raw = part.get_payload(decode=True)
            text = raw[:10_000].decode("utf-8", "replace") if isinstance(raw, bytes) else ""
            return [line for line in text.splitlines() if line.strip()][:LINES]
    return []
