"""What a server's words mean for a letter: delivered, refused, to be tried again, or unknown. Pure;
owns no wire.
"""

import random
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.models import DeliveryState, Receipt

_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
#: Enhanced codes (RFC 3463) that say the mailbox is not there. Policy (5.7.x) and content never
#: speak against a reader.
_DEAD = ("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply."""

    code: int
    text: str  #: the server's lines, joined by a space

    @property
    def enhanced(self) -> str:
        found = _ENHANCED.search(self.text[:80])
        return found[1] if found else ""


def clean_reply(text: str) -> str:
    """A server's words as they may be stored and shown: no control characters, at most 512
    bytes.
    """
    return _CONTROL.sub(" ", text).strip().encode()[:512].decode(errors="ignore")


def judge(
    delivery: int,
    phase: str,
    reply: Reply,
    now: datetime,
    *,
    attempts: int,
    retry: tuple[int, ...],
    relay: str = "",
    jitter: random.Random | None = None,
) -> Receipt:
    """Decide from a complete reply. `phase` is where it came: connect | mail | rcpt | data | dot.

    After the dot every 2yz is delivered (RFC 5321 section 4.2.1), 4yz is tried again, 5yz is final.
    """
    kind = reply.code // 100
    said = {
        "code": reply.code,
        "enhanced": reply.enhanced,
        "reply": clean_reply(reply.text),
        "phase": phase,
        "relay": relay,
    }
    if phase == "dot" and kind == 2:
        return Receipt(delivery, DeliveryState.SENT, now, **said)  # type: ignore[arg-type]
    if kind == 5:
        return Receipt(delivery, DeliveryState.REFUSED, now, **said)  # type: ignore[arg-type]
    if phase == "dot" and kind != 4:
        return Receipt(delivery, DeliveryState.HELD, now, **said)  # type: ignore[arg-type]
    retry_at = now + backoff(attempts, retry, jitter)
    return Receipt(delivery, DeliveryState.DEFERRED, now, retry_at=retry_at, **said)  # type: ignore[arg-type]


def backoff(
    attempts: int, retry: tuple[int, ...], jitter: random.Random | None = None
) -> timedelta:
    """How long to wait after the n-th failed try (from 0): the configured minutes, up to a fifth
    longer.
    """
    minutes = retry[min(attempts, len(retry) - 1)] if retry else 240
    return timedelta(minutes=minutes * (1 + (jitter.random() * 0.2 if jitter else 0.0)))


def is_dead_address(receipt: Receipt) -> bool:
    """Whether a refusal says that the mailbox does not exist, so that it must not be mailed
    again.
    """
    if receipt.state is not DeliveryState.REFUSED or receipt.phase != "rcpt":
        return False
    return receipt.enhanced in _DEAD or (not receipt.enhanced and receipt.code in (550, 551, 553))


def stops_the_issue(receipt: Receipt) -> bool:
    """Whether a refusal is about us, not about one reader: the sender is not accepted."""
    return (
        receipt.state is DeliveryState.REFUSED
        and receipt.phase == "mail"
        and not is_too_large(receipt)
    )


def is_policy(receipt: Receipt) -> bool:
    """Whether a receiver refuses the site (RFC 3463 X.7.x: policy, authentication, reputation)."""
    return receipt.state is DeliveryState.REFUSED and receipt.enhanced.startswith("5.7.")


def is_too_large(receipt: Receipt) -> bool:
    """Whether a letter was refused for its size (RFC 1870), which fewer papers can mend."""
    if receipt.state is not DeliveryState.REFUSED:
        return False
    return receipt.enhanced in ("5.3.4", "5.2.3") or (
        receipt.code == 552 and not receipt.enhanced.startswith("5.2.")
    )
