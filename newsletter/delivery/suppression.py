"""The one place that decides what evidence about an address leads to.

A refusal at RCPT or after the content, a bounce, a complaint and a provider's event are all
evidence. A mailbox is suppressed when two issues were told that it does not exist, or at once after
a complaint. One that is full or closed gets no mail for a while. Evidence that blames the sender,
the letter or the moment changes nothing.
"""

from datetime import datetime, timedelta
from enum import Enum, auto

import structlog
from sqlalchemy import Connection

from newsletter.models import Evidence, SubscriberState
from newsletter.store import evidence as store
from newsletter.store import ledger_life, subscribers, suppressions
from newsletter.store.evidence import Mailed
from newsletter.text.refusals import Cause
from newsletter.tokens import Tokens

log = structlog.get_logger()

#: The cause of a complaint.
COMPLAINT = "complaint"
#: A mailbox is believed not to exist after this many issues; a full or closed one rests after this
#: many in a row.
GONE_ISSUES, SHUT_ISSUES = 2, 3
#: How long a full or closed mailbox rests.
REST = timedelta(days=7)
#: When this many letters of an issue, and this part of those that were sent, bounce for good within
#: these minutes, it is taken for a failure of a provider until the operator decides otherwise: the
#: issue pauses, and nobody is suppressed.
MASS, MASS_SHARE, MASS_WITHIN = 20, 0.3, timedelta(minutes=10)


class Outcome(Enum):
    """What followed from one piece of evidence."""

    KNOWN = auto()  #: this source has reported on this letter before
    KEPT = auto()
    DOUBTED = auto()  #: stored, but without effect: too many letters of the issue bounced
    SUPPRESSED = auto()
    RESTING = auto()


class Verdict(Enum):
    KEEP = auto()
    REST = auto()
    SUPPRESS = auto()


def judge(cause: str, gone_issues: int, shut_in_a_row: int) -> Verdict:
    """Return what all evidence about a mailbox leads to. Pure."""
    if cause == COMPLAINT or (cause == Cause.GONE and gone_issues >= GONE_ISSUES):
        return Verdict.SUPPRESS
    if cause in (Cause.FULL, Cause.CLOSED) and shut_in_a_row >= SHUT_ISSUES:
        return Verdict.REST
    return Verdict.KEEP


class Suppression:
    """Takes evidence. `tokens` make the keyed hash under which a suppressed address is stored."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def take(self, connection: Connection, mailed: Mailed, said: Evidence) -> Outcome:
        """Store a piece of evidence, and do what follows from all of it."""
        is_doubted = said.cause == Cause.GONE and mailed.is_paused
        if not store.note(connection, mailed, said, is_doubted=is_doubted):
            return Outcome.KNOWN
        if is_doubted:
            return Outcome.DOUBTED
        if number := self._mass(connection, mailed, said):
            self._pause(connection, mailed.issue or 0, said, number)
            return Outcome.DOUBTED
        verdict = judge(
            said.cause,
            store.gone_issues(connection, mailed.subscriber),
            store.shut_in_a_row(connection, mailed.subscriber, SHUT_ISSUES),
        )
        if verdict is Verdict.SUPPRESS:
            self._give_up(connection, mailed, said)
            return Outcome.SUPPRESSED
        if verdict is Verdict.REST:
            subscribers.rest(
                connection,
                mailed.subscriber,
                (said.at + REST).date(),
                f"the mailbox is {said.cause}",
            )
            return Outcome.RESTING
        return Outcome.KEPT

    def doubt_issue(self, connection: Connection, issue: int, since: datetime) -> int:
        """Let the evidence of an issue count no more, and undo what it led to since a moment.
        Returns about how many letters it was.
        """
        doubted = store.doubt(connection, issue)
        for mailed in doubted:
            self._revive(connection, mailed.subscriber, mailed.canonical, since)
        return len(doubted)

    def believe_issue(self, connection: Connection, issue: int, now: datetime) -> int:
        """Let the evidence of a paused issue count after all, by the operator's decision. Returns
        how many readers were suppressed.
        """
        given_up = 0
        for mailed in store.believe(connection, issue):
            if store.gone_issues(connection, mailed.subscriber) >= GONE_ISSUES:
                said = Evidence(mailed.delivery, "operator", Cause.GONE, now)
                self._give_up(connection, mailed, said)
                given_up += 1
        return given_up

    def unsuppress(
        self, connection: Connection, reader: int, canonical: str, reason: str, now: datetime
    ) -> bool:
        """Make a reader active who was suppressed wrongly, by the operator's decision. False when
        there was nothing to undo.
        """
        if not self._revive(connection, reader, canonical, None):
            return False
        store.note_cleared(connection, reader, reason, now)
        return True

    def _revive(
        self, connection: Connection, reader: int, canonical: str, since: datetime | None
    ) -> bool:
        return store.revive(connection, reader, self.tokens.address_hash(canonical), since)

    def _give_up(self, connection: Connection, mailed: Mailed, said: Evidence) -> None:
        """Never mail an address again. Reports of servers change active readers only, so that it
        can be undone.
        """
        is_complaint = said.cause == COMPLAINT
        reason = COMPLAINT if is_complaint else "bounce"
        address_hash = self.tokens.address_hash(mailed.canonical)
        suppressions.suppress(connection, address_hash, reason, said.at)
        if is_complaint or mailed.state == SubscriberState.ACTIVE:
            subscribers.set_state(
                connection,
                mailed.subscriber,
                SubscriberState.SUPPRESSED,
                said.reply[:200] or reason,
            )
            store.note_step(connection, mailed.subscriber, "suppressed", said.at, reason)

    def _mass(self, connection: Connection, mailed: Mailed, said: Evidence) -> int:
        """Return how many letters of an issue bounced, whatever the cause, if that is too many; 0
        if not. It counts the whole issue, so only every 20th report asks it.

        Refusals at SMTP are counted by the brake of the run, too (`delivery.brake`). One receiver
        that refuses the site is no reason to keep the letters of the others.
        """
        if mailed.issue is None or mailed.is_paused or said.cause == COMPLAINT:
            return 0
        if said.cause != Cause.GONE and said.source == "reply":
            return 0
        number = store.bounced_since(connection, mailed.issue, said.at - MASS_WITHIN)
        if not number or number % MASS:
            return 0
        domain = mailed.canonical.rpartition("@")[2] if said.cause == Cause.SENDER else ""
        left = store.letters_that_left(connection, mailed.issue)
        if domain and store.letters_that_left(connection, mailed.issue, beside=domain):
            others = store.bounced_since(
                connection, mailed.issue, said.at - MASS_WITHIN, beside=domain
            )
            number = number if others else 0
        return number if number >= MASS_SHARE * left else 0

    def _pause(self, connection: Connection, issue: int, said: Evidence, number: int) -> None:
        self.doubt_issue(connection, issue, said.at - MASS_WITHIN)
        words = " ".join(said.reply.split())[:200]
        ledger_life.pause(connection, issue, f"{number} letters came back within minutes: {words}")
        log.error(
            "evidence.mass",
            letters=number,
            reply=words,
            next="nobody was given up; newsletter issues retry",
        )
