"""Answer requests to subscribe, from the form or by mail, within limits.

Anybody can make a request for any address. The answer goes to that address only, so the sender of
the request learns nothing about it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from newsletter import addresses
from newsletter.app import App
from newsletter.errors import InputError
from newsletter.mail_kinds import CONFIRM, KNOWN
from newsletter.membership import MAX_QUERIES, MAX_REQUESTS, MEMBERS
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import caps, ledger_plan, subscribers, suppressions, topics
from newsletter.store.caps import Cap
from newsletter.store.ledger_read import enqueued_since

log = structlog.get_logger()

#: At most one confirmation mail to an address in this time …
CONFIRM_INTERVAL = timedelta(hours=24)
#: … and at most this many in 30 days.
CONFIRM_SPAN, MAX_CONFIRMS = timedelta(days=30), 3
#: Requests for one mail domain in an hour; half of the site's limit if that is more.
DOMAIN_AN_HOUR = 100
#: Forms of one client in a day, or as many as it may send in a minute.
CLIENT_A_DAY = 20
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class SubscribeRequest:
    """A request to subscribe, from the form or by mail. Anybody can make one for any address."""

    address: addresses.Address
    now: datetime
    query: str = ""  #: canonical; becomes one of the reader's topics
    language: str = "en"


def may_write(app: App, connection: Connection, address: addresses.Address, now: datetime) -> bool:
    """Count one mail that a stranger may have caused; return whether its mailbox, its domain and
    the site may get it.

    The database counts, so the limits hold for pages, mail, all processes and restarts together.
    """
    in_all = app.config.limits.confirmations_per_hour
    mailbox = app.tokens.address_hash(f"cap:{addresses.quota_key(address)}")
    if not caps.take(connection, Cap("mailbox", MAX_REQUESTS, DAY), mailbox, now):
        return False
    a_domain = Cap("domain", max(DOMAIN_AN_HOUR, in_all // 2), HOUR)
    if not caps.take(connection, a_domain, address.domain, now):
        return False
    if not caps.take(connection, Cap("all", in_all, HOUR), "", now):
        log.warning(
            "subscribe.bombing",
            text="the hourly cap of confirmation mails is reached; no mail was queued",
        )
        return False
    return True


def take_form(
    app: App, connection: Connection, client: str, request: SubscribeRequest | None, now: datetime
) -> Cap | None:
    """Count a form of a client (an address prefix) and answer it; return the cap that is used up.

    `request`: None for a form that a machine filled in, which is counted and not answered.
    """
    a_minute = app.config.limits.subscribes_per_minute_per_address
    key = app.tokens.address_hash(f"cap:{client}")
    for cap in (Cap("minute", a_minute, MINUTE), Cap("day", max(CLIENT_A_DAY, a_minute), DAY)):
        if not caps.take(connection, cap, key, now):
            return cap
    if request is not None:
        subscribe(app, connection, request)
    return None


def subscribe(app: App, connection: Connection, request: SubscribeRequest) -> None:
    """Answer a request by mail: a link to confirm, or that the address is subscribed already."""
    address, now = request.address, request.now
    if not may_write(app, connection, address, now):
        return
    if _is_barred(app, connection, address.canonical):
        return
    reader = subscribers.find(connection, address.canonical)
    is_member = reader is not None and reader.state in MEMBERS
    kind = KNOWN if is_member else CONFIRM
    if reader is None:
        fresh = Subscriber(
            0, address.email, timezone=app.config.site.timezone, language=request.language
        )
        try:
            reader = subscribers.add(connection, fresh, address.canonical, now)
        except InputError:  # two requests at the same time get one mail
            return
    elif enqueued_since(connection, reader.id, kind, now - CONFIRM_INTERVAL) or (
        enqueued_since(connection, reader.id, kind, now - CONFIRM_SPAN) >= MAX_CONFIRMS
    ):
        if reader.state is SubscriberState.PENDING:  # the linked page shows this query too
            _add_query(connection, reader, request.query)
        return
    if not is_member:
        _add_query(connection, reader, request.query)
    # A stranger must not change a reader's topics: the linked page offers the query instead.
    context = {"query": request.query} if is_member and request.query else {}
    ledger_plan.enqueue(connection, reader.id, kind, context, now)


def _add_query(connection: Connection, reader: Subscriber, query: str) -> None:
    if query and len(reader.topics) < MAX_QUERIES:
        # Who subscribes on a topic's page gets the topic, with all changes that it will have.
        topic = topics.curated_of(connection, query) or topics.find_or_add(connection, query)
        subscribers.change(connection, reader.id, topics=(*reader.topics, topic.id))


def _is_barred(app: App, connection: Connection, canonical: str) -> bool:
    """Return whether the address bounced or complained. An erased address may subscribe again: its
    owner confirms.
    """
    reason = suppressions.suppression(connection, app.tokens.address_hash(canonical))
    return reason not in (None, suppressions.ERASED)
