"""What follows for a reader from a letter that came back, by mail or by a provider's event.

Only our own token says which letter it is; what a mail or an event names otherwise is not believed.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from newsletter.app import App
from newsletter.inbound.verdict import Returned
from newsletter.models import SubscriberState
from newsletter.store import bounces as bounce_store
from newsletter.store import ledger_life, subscribers

log = structlog.get_logger()

#: An address that does not exist is believed after so many issues; a full mailbox is left alone
#: after so many in a row.
HARD, FULL = 2, 3
#: How long a full mailbox is left alone.
REST = timedelta(days=7)
#: When so many of an issue's letters come back for good within these minutes, and this part of
#: those that left, it is a provider's failure until the operator says otherwise: the issue pauses,
#: and nobody is given up for it.
MASS, MASS_SHARE, MASS_WITHIN = 20, 0.3, timedelta(minutes=10)

NOT_OURS = "dropped: not our token"
_WITHOUT_EFFECT = {
    "autoreply": "an automatic answer",
    "delay": "still being tried",
    "other": "it says nothing about a letter we know",
}


def note_returned(
    app: App, connection: Connection, token: str, found: Returned, now: datetime
) -> str:
    """Do what follows from a verdict about the letter that a bounce tag names."""
    numbers = app.tokens.read_tag("bounce", token)
    if numbers is None:
        return NOT_OURS
    if found.kind in _WITHOUT_EFFECT:
        return f"dropped: {_WITHOUT_EFFECT[found.kind]}"
    delivery = numbers[0]
    mailed = bounce_store.find(connection, delivery, now)
    if mailed is None:
        return "dropped: no letter of the last two weeks"
    bounce_store.settle_held(connection, delivery, now)
    kind = "mass" if found.kind == "hard" and mailed.is_paused else found.kind
    if kind == "delivered":
        return kind
    if not bounce_store.note(connection, delivery, kind, found.status, found.reply, now):
        return "dropped: known already"
    if kind == "hard" and mailed.issue is not None and _is_mass(connection, mailed.issue, now):
        _break_circuit(app, connection, mailed.issue, found.reply, now)
        kind = "mass"
    if kind == "hard" and bounce_store.hard_issues(connection, mailed.subscriber) >= HARD:
        return _give_up(app, connection, mailed, "bounce", found.reply, now)
    if kind == "complaint":
        return _give_up(app, connection, mailed, "complaint", found.reply, now)
    if kind == "full" and bounce_store.full_in_a_row(connection, mailed.subscriber) >= FULL:
        until = (now + REST).date()
        subscribers.rest(connection, mailed.subscriber, until, "the mailbox is full")
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
