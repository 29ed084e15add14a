"""What a returned letter changes for its reader, by mail or by a provider's event.

Only what we signed says which letter it is: the tag in its envelope sender, or its Message-ID.
`delivery.suppression` decides what follows, as for all evidence.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from newsletter.app import App
from newsletter.delivery.suppression import COMPLAINT, Outcome, Suppression
from newsletter.inbound.verdict import Returned
from newsletter.models import Evidence
from newsletter.store import evidence, generations, ledger_life
from newsletter.text.refusals import Cause

NOT_OURS = "dropped: not our token"
_WITHOUT_EFFECT = {
    "autoreply": "an automatic answer",
    "delay": "still being tried",
    "other": "it says nothing about a letter we know",
}
_SO_FAR = {"full": ", the mailbox is full", "policy": ", we are refused"}
_CAUSES = {
    "hard": Cause.GONE,
    "full": Cause.FULL,
    "policy": Cause.SENDER,
    "temporary": Cause.LATER,
    "complaint": COMPLAINT,
}
_OUTCOMES = {
    Outcome.KNOWN: "dropped: known already",
    Outcome.DOUBTED: "mass",
    Outcome.RESTING: "paused: full",
}


#: The numbers of a verified tag or Message-ID: the row, and its generation unless that is 0.
Named = tuple[int, ...]


@dataclass(frozen=True)
class Report:
    """A report about one letter, and how it came: bounce (a mail) | event (a provider's)."""

    letter: Named
    found: Returned
    source: str = "bounce"


def note_returned(app: App, connection: Connection, report: Report, now: datetime) -> str:
    """Apply a verdict to the letter that it is about."""
    found, numbers = report.found, report.letter
    if found.kind in _WITHOUT_EFFECT:
        so_far = _SO_FAR.get(found.so_far, "")
        return f"dropped: {_WITHOUT_EFFECT[found.kind]}{so_far}"
    delivery, generation = numbers[0], numbers[1] if len(numbers) > 1 else 0
    if generations.load(connection).of(delivery) != generation:
        return generations.LOST
    mailed = evidence.find(connection, delivery, now)
    if mailed is None:
        return "dropped: no letter of the last two weeks"
    ledger_life.settle_held(connection, delivery, now)
    if found.kind == "delivered":
        return found.kind
    source = COMPLAINT if found.kind == "complaint" else report.source
    cause = Cause.CLOSED if found.is_closed else _CAUSES[found.kind]
    said = Evidence(delivery, source, cause, now, found.status, found.reply)
    outcome = Suppression(app.tokens).take(connection, mailed, said)
    if outcome is Outcome.SUPPRESSED:
        return f"suppressed: {COMPLAINT if source == COMPLAINT else 'bounce'}"
    return _OUTCOMES.get(outcome, found.kind)
