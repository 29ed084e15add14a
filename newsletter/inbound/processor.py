"""What follows from mail that comes in. Each mail is one transaction, and is taken only when that
is kept.
"""

import asyncio
import email
import mailbox
from collections.abc import Callable
from datetime import datetime, timedelta
from email import policy
from email.message import Message
from pathlib import Path

import structlog
from sqlalchemy import Connection

from newsletter import addresses, membership
from newsletter.app import App
from newsletter.errors import AddressError, QueryError, StoreError
from newsletter.health import alerts
from newsletter.inbound.bounces import Returned
from newsletter.inbound.classify import Incoming, read
from newsletter.mail_kinds import KNOWN
from newsletter.matching.query import parse
from newsletter.models import SubscriberState
from newsletter.store import bounces as bounce_store
from newsletter.store import ledger_life, ledger_plan, ledger_read, subscribers
from newsletter.store.db import writing

log = structlog.get_logger()

#: An address that does not exist is believed after so many issues; a full mailbox is left alone
#: after so many in a row.
HARD, FULL = 2, 3
#: How long a full mailbox is left alone.
REST = timedelta(days=7)
MAX_PARTS = 200
#: When so many of an issue's letters come back for good within these minutes, and this part of
#: those that left, it is a provider's failure until the operator says otherwise: the issue pauses,
#: and nobody is given up for it.
MASS, MASS_SHARE, MASS_WITHIN = 20, 0.3, timedelta(minutes=10)


def receive(app: App, sender: str, recipient: str, raw: bytes, now: datetime) -> str:
    """Do what one mail asks for; say in a word what was done.

    Raises: StoreError when it could not be kept; the mail server keeps the mail and tries again.
    """
    message = email.message_from_bytes(raw, policy=policy.compat32)
    if raw.count(b"\nContent-Type:") > MAX_PARTS:
        return "dropped: too many parts"
    site = app.config.site
    incoming = read(
        recipient,
        message,
        is_null_sender=not sender.strip("<> "),
        authority=app.config.bounces.authority,
        own=(site.from_, site.contact, recipient),
    )
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
        mailed = bounce_store.find(connection, delivery, now)
        if mailed is None:
            return "dropped: no letter of the last two weeks"
        bounce_store.settle_held(connection, delivery, now)
        kind = "mass" if found.kind == "hard" and mailed.is_paused else found.kind
        if kind == "delivered" or not bounce_store.note(
            connection, delivery, kind, found.status, found.reply, now
        ):
            return kind if kind == "delivered" else "dropped: known already"
        if kind == "hard" and mailed.issue is not None and _is_mass(connection, mailed.issue, now):
            _break_circuit(app, connection, mailed.issue, found.reply, now)
            kind = "mass"
        if kind == "hard" and bounce_store.hard_issues(connection, mailed.subscriber) >= HARD:
            return _give_up(app, connection, mailed, "bounce", found.reply, now)
        if kind == "complaint":
            return _give_up(app, connection, mailed, "complaint", found.reply, now)
        if (
            found.kind == "full"
            and bounce_store.full_in_a_row(connection, mailed.subscriber) >= FULL
        ):
            subscribers.rest(
                connection, mailed.subscriber, (now + REST).date(), "the mailbox is full"
            )
            return "paused: full"
    return kind


def _give_up(
    app: App,
    connection: Connection,
    mailed: bounce_store.Mailed,
    reason: str,
    reply: str,
    now: datetime,
) -> str:
    """Never mail an address again. A bounce changes the state of active readers only, so that it
    can be taken back.
    """
    subscribers.suppress(connection, app.tokens.address_hash(mailed.canonical), reason, now)
    if reason == "complaint" or mailed.state == SubscriberState.ACTIVE:
        subscribers.set_state(
            connection, mailed.subscriber, SubscriberState.SUPPRESSED, reply[:200] or reason
        )
    return f"suppressed: {reason}"


def _is_mass(connection: Connection, issue: int, now: datetime) -> bool:
    """Whether too much of an issue came back; looked at with every 20th report, for it counts the
    whole issue.
    """
    number = bounce_store.hard_since(connection, issue, now - MASS_WITHIN)
    return (
        number > 0
        and number % MASS == 0
        and number >= MASS_SHARE * bounce_store.believed_letters(connection, issue)
    )


def _break_circuit(app: App, connection: Connection, issue: int, reply: str, now: datetime) -> None:
    """Pause the issue, and take back what its reports led to."""
    readers = bounce_store.doubt(connection, issue)
    for reader, canonical in readers:
        bounce_store.revive(
            connection, reader, app.tokens.address_hash(canonical), now - MASS_WITHIN
        )
    said = " ".join(reply.split())[:200]
    ledger_life.pause(connection, issue, f"{len(readers)} letters came back within minutes: {said}")
    log.error(
        "inbound.mass",
        letters=len(readers),
        reply=said,
        next="nobody was given up; newsletter issues retry",
    )


def believe(app: App, connection: Connection, issue: int, now: datetime) -> int:
    """The operator's word that the letters of a paused issue came back for good reason: count them
    after all.
    """
    given_up = 0
    for reader, canonical in bounce_store.believe(connection, issue):
        if bounce_store.hard_issues(connection, reader) >= HARD:
            mailed = bounce_store.Mailed(
                0, reader, canonical, subscribers.get(connection, reader).state, issue, True
            )
            _give_up(app, connection, mailed, "bounce", "", now)
            given_up += 1
    return given_up


def _unsubscribe(app: App, token: str) -> str:
    numbers = app.tokens.read_tag("unsubscribe", token)
    if numbers is None:
        return "dropped: not our token"
    subscriber, epoch = numbers
    with writing(app.engine) as connection:
        membership.unsubscribe(connection, subscriber, epoch, "mail")
    return "unsubscribed"


def _command(app: App, incoming: Incoming, now: datetime) -> str:
    """Do what a person wrote. The answer is a mail of the kinds the pages send, at most one a
    day.
    """
    try:
        address = addresses.parse(incoming.sender, own=app.config.site.from_)
    except AddressError:
        return "dropped: no address we write to"
    if incoming.command == "subscribe":
        with writing(app.engine) as connection:
            membership.subscribe(
                app,
                connection,
                membership.SubscribeRequest(address, now, _query(incoming.argument)),
            )
        return "subscribe"
    with writing(app.engine) as connection:
        reader = subscribers.find(connection, address.canonical)
        if reader is None or reader.state not in (SubscriberState.ACTIVE, SubscriberState.PAUSED):
            return f"dropped: {incoming.command} from somebody who reads nothing here"
        if incoming.command == "unsubscribe":
            subscribers.set_state(connection, reader.id, SubscriberState.UNSUBSCRIBED, "mail")
            return "unsubscribed"
        if not ledger_read.enqueued_since(connection, reader.id, KNOWN, now - timedelta(hours=24)):
            ledger_plan.enqueue(connection, reader.id, KNOWN, {}, now)
    return "help"


def _query(text: str) -> str:
    """A topic in its canonical form; what is no query is left out, the reader chooses on the
    page.
    """
    try:
        return str(parse(text)) if text else ""
    except QueryError:
        return ""


# -- doors -----------------------------------------------------------------------------------------


async def take(
    app: App, sender: str, recipient: str, raw: bytes, clock: Callable[[], datetime]
) -> str:
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


def look_into(app: App, folder: Path, now: datetime) -> None:
    """Empty the folder. One that cannot be read stops nothing else: it is noted, and looked at
    again next time.
    """
    try:
        empty_maildir(app, folder, now)
        reason = ""
    except OSError as e:
        reason = f"{e.filename or folder}: {e.strerror or e}"
    if alerts.note_inbound(app.engine, reason, now):
        log.warning("inbound.unreadable" if reason else "inbound.readable", text=reason)


def empty_maildir(app: App, folder: Path, now: datetime) -> int:
    """Take what the mail server dropped into a folder; what cannot be read is kept in its subfolder
    `bad`.
    """
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
