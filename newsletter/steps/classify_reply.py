"""What a relay's reply means for a letter: sent, refused, to be tried again, or unknown. Pure.

Only the owner of the claim decides it, once. Whether a refusal concerns the mailbox or the site is
read from its words by `text.refusals`.
"""

import re
from dataclasses import dataclass, replace
from datetime import timedelta

from newsletter import mail_kinds
from newsletter.models import Claim, DeliveryState, Receipt, Reply
from newsletter.text.refusals import Cause, about

#: Wait before a further try if the configuration names none.
DEFAULT_WAIT = timedelta(minutes=240)
#: A wait is longer by up to this part, so that letters that were put off together are not tried
#: together.
JITTER = 0.2
#: Most bytes of a reply that are stored.
KEPT_BYTES = 512

_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How a site delivers; made once from its configuration."""

    retry_minutes: tuple[
        int, ...
    ] = ()  #: waits before the second try, the third, …; the last one repeats
    #: Whether a digest whose reply to the final dot was lost is sent again (it may arrive twice).
    is_resending_unknown: bool = False


def classify_reply(reply: Reply, claim: Claim, policy: DeliveryPolicy) -> Receipt:
    """Return what one reply means for its letter.

    After the dot, 2yz means sent (RFC 5321 section 4.2.1), 4yz is tried again, 5yz is final; no
    reply or any other leaves the outcome unknown. Before the dot, everything but 5yz is tried
    again.
    """
    receipt = _receipt(reply)
    if receipt.state is DeliveryState.SENT:
        return receipt
    again = replace(
        receipt,
        state=DeliveryState.DEFERRED,
        retry_at=reply.at + backoff(claim, policy),
    )
    if receipt.state is DeliveryState.REFUSED:
        if stops_the_issue(receipt):
            # Not the fault of this letter: it waits with its issue, which pauses.
            return replace(receipt, state=DeliveryState.PENDING) if claim.issue else again
        if receipt.cause == Cause.SIZE and len(claim.picks) > 1:
            return replace(again, retry_at=reply.at, picks=len(claim.picks) // 2)
        return receipt
    if receipt.state is DeliveryState.HELD:
        is_at_most_once = mail_kinds.find(claim.kind).is_at_most_once
        return receipt if is_at_most_once and not policy.is_resending_unknown else again
    return again


def _receipt(reply: Reply) -> Receipt:
    said = clean_reply(reply.text)
    found = _ENHANCED.search(reply.text[:80])
    enhanced, kind = found[1] if found else "", reply.code // 100
    is_after_dot = reply.phase == "dot"
    if kind == 5:
        state = DeliveryState.REFUSED
    elif is_after_dot and kind == 2:
        state = DeliveryState.SENT
    elif is_after_dot and kind != 4:
        state = DeliveryState.HELD
    else:
        state = DeliveryState.DEFERRED
    cause = ""
    if kind == 5:
        cause = about(reply.code, enhanced, said, is_after_content=is_after_dot)
        if reply.code == 552 and cause in (Cause.UNKNOWN, Cause.CONTENT):  # RFC 1870 section 6.1
            cause = Cause.SIZE
    return Receipt(
        reply.delivery,
        state,
        reply.at,
        code=reply.code,
        enhanced=enhanced,
        reply=said,
        phase=reply.phase,
        relay=reply.relay,
        cause=cause,
    )


def clean_reply(text: str) -> str:
    """Return a server's words as they may be stored and shown: without control characters, at most
    512 bytes.
    """
    if not (text.isascii() and text.isprintable()):
        text = _CONTROL.sub(" ", text)
    return text.strip().encode()[:KEPT_BYTES].decode(errors="ignore")


def backoff(claim: Claim, policy: DeliveryPolicy) -> timedelta:
    """Return how long to wait after a failed try. It is the same for the same row and try."""
    waits = policy.retry_minutes
    wait = timedelta(minutes=waits[min(claim.attempts, len(waits) - 1)]) if waits else DEFAULT_WAIT
    return wait * (1 + JITTER * _spread(claim.id, claim.attempts))


def _spread(row: int, attempt: int) -> float:
    """Return a number from 0 to 1 that differs between neighbouring rows (Knuth's multiplicative
    hash).
    """
    return ((row * 1_000_003 + attempt) * 2_654_435_761 % 2**32) / 2**32


def stops_the_issue(receipt: Receipt) -> bool:
    """Return whether the sender's own address was refused, before any reader was named."""
    return receipt.phase == "mail" and receipt.code // 100 == 5 and receipt.cause != Cause.SIZE


def is_policy(receipt: Receipt) -> bool:
    """Return whether a receiver refuses the site: policy, authentication, reputation (RFC 3463
    X.7.x).
    """
    return receipt.state is DeliveryState.REFUSED and (
        receipt.cause == Cause.SENDER or receipt.enhanced.startswith("5.7.")
    )
