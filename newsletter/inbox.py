"""What follows from mail that comes in. Each mail is one transaction, and is taken only when that is kept."""

import asyncio
import email
import mailbox
from collections.abc import Callable
from datetime import datetime, timedelta
from email import policy
from email.message import Message
from pathlib import Path

import structlog

from newsletter import addresses
from newsletter.app import App
from newsletter.errors import AddressError, QueryError, StoreError
from newsletter.mail.bounces import Returned
from newsletter.mail.inbound import Incoming, read
from newsletter.matching.query import parse
from newsletter.models import SubscriberState
from newsletter.store import accounts, ledger, returned, subscribers
from newsletter.store.db import writing
from newsletter.web import membership

log = structlog.get_logger()

#: An address that does not exist is believed after so many issues; a full mailbox is left alone after so many in a row.
HARD, FULL = 2, 3
#: How long a full mailbox is left alone.
REST = timedelta(days=7)
MAX_PARTS = 200


def receive(app: App, sender: str, recipient: str, raw: bytes, now: datetime) -> str:
    """Do what one mail asks for; say in a word what was done.

    Raises: StoreError when it could not be kept; the mail server keeps the mail and tries again.
    """
    message = email.message_from_bytes(raw, policy=policy.compat32)
    if raw.count(b"\nContent-Type:") > MAX_PARTS:
        return "dropped: too many parts"
    site = app.config.site
    incoming = read(
        recipient, message, is_null_sender=not sender.strip("<> "), authority=app.config.bounces.authority,
        own=(site.from_, site.contact, recipient),
    )  # fmt: skip
    if incoming.kind == "returned":
        return _returned(app, incoming, now)
    if incoming.kind == "unsubscribe":
        return _unsubscribe(app, incoming.token)
    if incoming.kind == "command":
        return _command(app, incoming, now)
    return f"dropped: {incoming.why}"


def _returned(app: App, incoming: Incoming, now: datetime) -> str:
    """Only our own token says which letter this is; what the mail itself names is not believed."""
    numbers = app.tokens.read_tag("bounce", incoming.token)
    if numbers is None:
        return "dropped: not our token"
    delivery = numbers[0]
    found = incoming.returned or Returned("other")
    if found.kind in ("autoreply", "other", "delay"):
        return f"dropped: {found.kind}"
    with writing(app.engine) as connection:
        mailed = returned.find(connection, delivery, now)
        if mailed is None:
            return "dropped: no letter of the last two weeks"
        returned.settle_held(connection, delivery, now)
        if found.kind == "delivered" or not returned.note(
            connection, delivery, found.kind, found.status, found.reply, now
        ):
            return found.kind if found.kind == "delivered" else "dropped: known already"
        is_dead = found.kind == "hard" and returned.hard_issues(connection, mailed.subscriber) >= HARD
        if is_dead or found.kind == "complaint":
            reason = "complaint" if found.kind == "complaint" else "bounce"
            subscribers.suppress(connection, app.tokens.address_hash(mailed.canonical), reason, now)
            subscribers.set_state(
                connection, mailed.subscriber, SubscriberState.SUPPRESSED, found.reply[:200] or reason
            )
            return f"suppressed: {reason}"
        if found.kind == "full" and returned.full_in_a_row(connection, mailed.subscriber) >= FULL:
            subscribers.rest(connection, mailed.subscriber, (now + REST).date(), "the mailbox is full")
            return "paused: full"
    return found.kind


def _unsubscribe(app: App, token: str) -> str:
    numbers = app.tokens.read_tag("unsubscribe", token)
    if numbers is None:
        return "dropped: not our token"
    subscriber, epoch = numbers
    with writing(app.engine) as connection:
        membership.unsubscribe(connection, subscriber, epoch, "mail")
    return "unsubscribed"


def _command(app: App, incoming: Incoming, now: datetime) -> str:
    """Do what a person wrote. The answer is a mail of the kinds the pages send, at most one a day."""
    try:
        address = addresses.parse(incoming.sender, own=app.config.site.from_)
    except AddressError:
        return "dropped: no address we write to"
    if incoming.command == "subscribe":
        with writing(app.engine) as connection:
            membership.subscribe(app, connection, membership.Wish(address, now, _query(incoming.argument)))
        return "subscribe"
    with writing(app.engine) as connection:
        reader = subscribers.find(connection, address.canonical)
        if reader is None or reader.state not in (SubscriberState.ACTIVE, SubscriberState.PAUSED):
            return f"dropped: {incoming.command} from somebody who reads nothing here"
        if incoming.command == "unsubscribe":
            subscribers.set_state(connection, reader.id, SubscriberState.UNSUBSCRIBED, "mail")
            return "unsubscribed"
        if not accounts.enqueued_since(connection, reader.id, "known", now - timedelta(hours=24)):
            ledger.enqueue(connection, reader.id, "known", {}, now, membership.CONFIRM_WITHIN)
    return "help"


def _query(text: str) -> str:
    """A topic in its canonical form; what is no query is left out, the reader chooses on the page."""
    try:
        return str(parse(text)) if text else ""
    except QueryError:
        return ""


# -- doors -----------------------------------------------------------------------------------------------------------


async def take(app: App, sender: str, recipient: str, raw: bytes, clock: Callable[[], datetime]) -> str:
    """One mail over LMTP: the reply. 250 only when what it asks for is kept."""
    try:
        done = await asyncio.to_thread(receive, app, sender, recipient, raw, clock())
    except StoreError as e:
        log.warning("inbound.later", text=e.message)
        return "451 4.3.0 try again later"
    except Exception:
        log.exception("inbound.failed", next="the mail server returns or keeps the mail")
        return "554 5.6.0 this mail cannot be read"
    log.info("inbound", done=done)
    return "250 2.0.0 taken"


def empty_maildir(app: App, folder: Path, now: datetime) -> int:
    """Take what the mail server dropped into a folder; what cannot be read is kept in its subfolder `bad`."""
    box = mailbox.Maildir(folder, create=True)
    count = 0
    for key in list(box.keys()):
        raw = box.get_bytes(key)
        message = email.message_from_bytes(raw, policy=policy.compat32)
        try:
            receive(app, _sender(message), _recipient(message), raw, now)
        except StoreError:
            raise
        except Exception:
            log.exception("inbound.failed", next=f"the mail is kept in {folder}/bad")
            mailbox.Maildir(folder / "bad", create=True).add(raw)
        box.discard(key)
        count += 1
    return count


def _sender(message: Message) -> str:
    return str(message.get("Return-Path", "")).strip()


def _recipient(message: Message) -> str:
    """Where a mail was delivered to, as the mail server wrote it down."""
    for name in ("X-Original-To", "Delivered-To", "To"):
        if value := str(message.get(name, "")).strip():
            return value.strip("<>")
    return ""
