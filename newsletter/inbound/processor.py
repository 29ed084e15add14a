"""Process one incoming mail: which of our addresses it is for, and what it changes.

The effect of a mail and the count of its outcome are one transaction; the mail is accepted only
after that. Tokens are checked before the content is read. A child process reads the content. A mail
that cannot be read is stored and tried again (`intake`).
"""

from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from newsletter import addresses, membership, subscribing
from newsletter.app import App
from newsletter.errors import AddressError, QueryError
from newsletter.inbound.classify import Wanted
from newsletter.inbound.parser import MOST_BYTES, PARSER, UnreadableError
from newsletter.inbound.recipients import Box, box_of, pick
from newsletter.inbound.returned import NOT_OURS, Report, note_returned
from newsletter.inbound.verdict import Returned
from newsletter.mail_kinds import KNOWN
from newsletter.matching.query import parse
from newsletter.models import SubscriberState
from newsletter.store import evidence, ledger_plan, ledger_read, subscribers
from newsletter.store import inbound as inbound_store
from newsletter.store.db import writing
from newsletter.store.inbound import Arrived

log = structlog.get_logger()

#: Outcomes of refused mails; whoever handed them over must report it.
REFUSED, TOO_MANY = "refused: no such address", "refused: too many mails are kept"
_KEPT = "kept: "


def own_addresses(app: App) -> tuple[str, ...]:
    """Return the site's sender, and the operator's address if it is in the site's domain."""
    site = app.config.site
    domain = site.from_.rpartition("@")[2].lower()
    return tuple(a for a in (site.from_, site.contact) if a.lower().endswith(f"@{domain}"))


def is_ours(app: App, recipient: str) -> bool:
    """Return whether mail to this address is accepted."""
    return box_of(recipient, own_addresses(app)).kind != "unknown"


def receive(
    app: App, sender: str, recipient: str, raw: bytes, now: datetime, channel: str = "pipe"
) -> str:
    """Process one mail; return a few words about what was done. `recipient`: empty when only the
    mail itself names it.

    Raises: StoreError when it could not be stored; the caller keeps it and tries again.
    """
    mail = Arrived(channel, sender.strip("<> "), recipient.strip("<> "), raw[:MOST_BYTES])
    try:
        act = plan(app, mail, now)
    except UnreadableError as e:
        act = partial(_keep, mail=mail, why=str(e), now=now)
    with writing(app.engine) as connection:
        outcome = act(connection)
        inbound_store.count(connection, outcome, now)
    return outcome


def is_settled(outcome: str) -> bool:
    """Return whether a mail needs nothing more: not stored, and not refused because too many mails
    are stored.
    """
    return not outcome.startswith(_KEPT) and outcome not in (TOO_MANY, REFUSED)


def plan(app: App, mail: Arrived, now: datetime) -> partial[str]:
    """Read a mail; return the function that does its effect in one transaction. Raises:
    UnreadableError.
    """
    own = own_addresses(app)
    recipient = mail.recipient
    if not recipient:
        found = PARSER.ask("recipients", mail.raw)
        recipient = pick(found["recipients"], own, app.config.site.from_.rpartition("@")[2])
        mail = Arrived(mail.channel, mail.sender or found["sender"].strip("<> "), "", mail.raw)
        if not recipient:
            why = "no address of ours in its headers"
            kept = partial(_keep, mail=mail, why=why, now=now)
            return _plan_unaddressed(app, mail, now) or kept
    box = box_of(recipient, own)
    if box.kind == "bounce":
        return _plan_returned(app, mail, box, now)
    if box.kind == "unsubscribe":
        return partial(_unsubscribe, app, token=box.token, now=now)
    if box.kind == "command":
        return _plan_command(app, mail, box, recipient, now)
    if box.kind == "operator":
        return _plan_unaddressed(app, mail, now) or _plan_operator(mail, now)
    return partial(_say, outcome=REFUSED)


def _plan_returned(app: App, mail: Arrived, box: Box, now: datetime) -> partial[str]:
    letter = app.tokens.read_tag("bounce", box.token)
    if letter is None:
        return partial(_say, outcome=NOT_OURS)
    found = Returned(**PARSER.ask("returned", mail.raw))
    if found.kind == "other":
        return partial(_keep, mail=mail, why="it says nothing about a letter we know", now=now)
    return partial(_note, app, report=Report(letter, found), now=now)


def _plan_unaddressed(app: App, mail: Arrived, now: datetime) -> partial[str] | None:
    """A report that has lost its way names its letter by the Message-ID that it returns; None for
    any other mail.
    """
    answer = PARSER.ask("letter", mail.raw)
    found = Returned(**answer["returned"])
    letters = set(filter(None, map(app.tokens.read_message_id, answer["letters"])))
    if found.kind in ("other", "autoreply") or len(letters) != 1:
        return None
    return partial(_note, app, report=Report(letters.pop(), found), now=now)


def _plan_command(app: App, mail: Arrived, box: Box, recipient: str, now: datetime) -> partial[str]:
    site = app.config.site
    try:
        answer = PARSER.ask(
            "command",
            mail.raw,
            box=box.command,
            is_null_sender=not mail.sender,
            authority=app.config.bounces.authority,
            own=(site.from_, site.contact, recipient),
        )
    except UnreadableError:  # not stored: mails of strangers would take the place of signed mail
        return partial(_say, outcome="dropped: a command that could not be read")
    wanted = Wanted(**answer)
    if wanted.why_not:
        return partial(_say, outcome=f"dropped: {wanted.why_not}")
    return partial(_command, app, wanted=wanted, now=now)


def _plan_operator(mail: Arrived, now: datetime) -> partial[str]:
    """Store what a person wrote to the operator; mails of machines and lists are only counted."""
    if not PARSER.ask("personal", mail.raw)["is_personal"]:
        return partial(_say, outcome="dropped: automatic mail to the operator")
    return partial(_keep, mail=mail, why="for the operator", now=now, is_personal=True)


# -- effects: each is one transaction with its count -----------------------------------------------


def _say(_connection: Connection, *, outcome: str) -> str:
    return outcome


def _keep(
    connection: Connection, *, mail: Arrived, why: str, now: datetime, is_personal: bool = False
) -> str:
    if inbound_store.keep(connection, mail, why, now, is_personal=is_personal):
        return f"{_KEPT}{why}"
    log.error("inbound.full", kept=inbound_store.MOST_KEPT, next="newsletter inbound list")
    return TOO_MANY


def _note(app: App, connection: Connection, *, report: Report, now: datetime) -> str:
    return note_returned(app, connection, report, now)


def _unsubscribe(app: App, connection: Connection, *, token: str, now: datetime) -> str:
    numbers = app.tokens.read_tag("unsubscribe", token)
    if numbers is None:
        return NOT_OURS
    subscriber, epoch = numbers
    membership.unsubscribe(connection, subscriber, epoch, "mail", now)
    return "unsubscribed"


def _command(app: App, connection: Connection, *, wanted: Wanted, now: datetime) -> str:
    """Do what a person wrote. The answer is a mail as from the pages, at most one a day."""
    try:
        address = addresses.parse(wanted.sender, own=app.config.site.from_)
    except AddressError:
        return "dropped: no address we write to"
    if wanted.command == "subscribe":
        request = subscribing.SubscribeRequest(address, now, _query(wanted.argument))
        subscribing.subscribe(app, connection, request)
        return "subscribe"
    reader = subscribers.find(connection, address.canonical)
    if reader is None or reader.state not in membership.MEMBERS:
        return f"dropped: {wanted.command} from somebody who reads nothing here"
    if wanted.command == "unsubscribe":
        subscribers.set_state(connection, reader.id, SubscriberState.UNSUBSCRIBED, "mail")
        evidence.note_step(connection, reader.id, "left", now, "by mail")
        return "unsubscribed"
    day = now - timedelta(hours=24)
    if not ledger_read.enqueued_since(connection, reader.id, KNOWN, day):
        ledger_plan.enqueue(connection, reader.id, KNOWN, {}, now)
    return "help"


def _query(text: str) -> str:
    """Return a topic in canonical form; empty if it is no query: the reader then chooses on the
    page.
    """
    try:
        return str(parse(text)) if text else ""
    except QueryError:
        return ""
