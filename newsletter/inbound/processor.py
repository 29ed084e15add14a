"""One mail that came in: which of our addresses it is for, and what is done.

What a mail asks for and the count of its outcome are one transaction, and it is taken only when
that is kept. Tokens are checked before anything in a mail is read; what is read is read by a child
process; of what nothing can be made is kept, and tried again (`intake`).
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
from newsletter.inbound.returned import NOT_OURS, note_returned
from newsletter.inbound.verdict import Returned
from newsletter.mail_kinds import KNOWN
from newsletter.matching.query import parse
from newsletter.models import SubscriberState
from newsletter.store import inbound as inbound_store
from newsletter.store import ledger_plan, ledger_read, subscribers
from newsletter.store.db import writing
from newsletter.store.inbound import Arrived

log = structlog.get_logger()

#: Outcomes that say a mail was refused, so that who handed it over must say so.
REFUSED, TOO_MANY = "refused: no such address", "refused: too many mails are kept"
_KEPT = "kept: "


def own_addresses(app: App) -> tuple[str, ...]:
    """The site's sender, and the operator's address where it is one of the site's domain."""
    site = app.config.site
    domain = site.from_.rpartition("@")[2].lower()
    return tuple(a for a in (site.from_, site.contact) if a.lower().endswith(f"@{domain}"))


def is_ours(app: App, recipient: str) -> bool:
    """Whether mail to this address is taken at all."""
    return box_of(recipient, own_addresses(app)).kind != "unknown"


def receive(
    app: App, sender: str, recipient: str, raw: bytes, now: datetime, road: str = "pipe"
) -> str:
    """Do what one mail asks for; say in a few words what was done.

    `recipient`: empty when only the mail itself can tell. Raises: StoreError when it could not be
    kept; who brought it keeps it and tries again.
    """
    mail = Arrived(road, sender.strip("<> "), recipient.strip("<> "), raw[:MOST_BYTES])
    try:
        act = plan(app, mail, now)
    except UnreadableError as e:
        act = partial(_keep, mail=mail, why=str(e), now=now)
    with writing(app.engine) as connection:
        outcome = act(connection)
        inbound_store.count(connection, outcome, now)
    return outcome


def is_settled(outcome: str) -> bool:
    """Whether nothing of a mail is left to do: not kept, and not refused for want of room."""
    return not outcome.startswith(_KEPT) and outcome not in (TOO_MANY, REFUSED)


def plan(app: App, mail: Arrived, now: datetime) -> partial[str]:
    """Read a mail and give what is to be done in one transaction. Raises: UnreadableError."""
    own = own_addresses(app)
    recipient = mail.recipient
    if not recipient:
        found = PARSER.ask("recipients", mail.raw)
        recipient = pick(found["recipients"], own, app.config.site.from_.rpartition("@")[2])
        mail = Arrived(mail.road, mail.sender or found["sender"].strip("<> "), "", mail.raw)
        if not recipient:
            return partial(_keep, mail=mail, why="no address of ours in its headers", now=now)
    box = box_of(recipient, own)
    if box.kind == "bounce":
        return _plan_returned(app, mail, box, now)
    if box.kind == "unsubscribe":
        return partial(_unsubscribe, app, token=box.token, now=now)
    if box.kind == "command":
        return _plan_command(app, mail, box, recipient, now)
    if box.kind == "operator":
        return _plan_operator(mail, now)
    return partial(_say, outcome=REFUSED)


def _plan_returned(app: App, mail: Arrived, box: Box, now: datetime) -> partial[str]:
    if app.tokens.read_tag("bounce", box.token) is None:
        return partial(_say, outcome=NOT_OURS)
    found = Returned(**PARSER.ask("returned", mail.raw))
    if found.kind == "other":
        return partial(_keep, mail=mail, why="it says nothing about a letter we know", now=now)
    return partial(_note, app, token=box.token, found=found, now=now)


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
    except UnreadableError:  # not kept: strangers would fill the room for signed mail
        return partial(_say, outcome="dropped: a command that could not be read")
    wanted = Wanted(**answer)
    if wanted.why_not:
        return partial(_say, outcome=f"dropped: {wanted.why_not}")
    return partial(_command, app, wanted=wanted, now=now)


def _plan_operator(mail: Arrived, now: datetime) -> partial[str]:
    """Keep what a person wrote to the operator; machines and lists are counted only."""
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


def _note(app: App, connection: Connection, *, token: str, found: Returned, now: datetime) -> str:
    return note_returned(app, connection, token, found, now)


def _unsubscribe(app: App, connection: Connection, *, token: str, now: datetime) -> str:
    numbers = app.tokens.read_tag("unsubscribe", token)
    if numbers is None:
        return NOT_OURS
    subscriber, epoch = numbers
    membership.unsubscribe(connection, subscriber, epoch, "mail", now)
    return "unsubscribed"


def _command(app: App, connection: Connection, *, wanted: Wanted, now: datetime) -> str:
    """Do what a person wrote. The answer is a mail of the kinds the pages send, at most one a
    day.
    """
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
        return "unsubscribed"
    day = now - timedelta(hours=24)
    if not ledger_read.enqueued_since(connection, reader.id, KNOWN, day):
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
