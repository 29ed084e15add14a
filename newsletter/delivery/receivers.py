"""The receiving domains of a delivery: how many letters a second each accepts, and whether it
refuses the site. Pure: no database, no connection.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import timedelta

from newsletter.mail.rate_limit import Pace
from newsletter.models import DeliveryState, Receipt
from newsletter.steps.classify_reply import is_policy

#: A receiver that refuses the site by policy this often in its last replies is left alone for a
#: while.
POLICY_REFUSALS, POLICY_ANSWERS = 10, 20
LEFT_ALONE = timedelta(hours=4)


class Receivers:
    """The receiving domains of one delivery. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = Pace(clock)
        self._answers: defaultdict[str, deque[bool]] = defaultdict(
            lambda: deque(maxlen=POLICY_ANSWERS)
        )

    def is_left_alone(self, domain: str) -> bool:
        """Return whether a domain refuses the site, so that its letters wait."""
        return sum(self._answers[domain]) >= POLICY_REFUSALS

    def is_ready(self, domain: str) -> bool:
        """Return whether a domain may get a letter now; if so, the letter is counted."""
        return self._pace.is_ready(domain)

    def wait_s(self, domain: str) -> float:
        """Return the seconds until a domain may get a letter."""
        return self._pace.wait_s(domain)

    def note(self, domain: str, receipt: Receipt) -> str:
        """Learn from an outcome. Returns a sentence for the operator, or nothing."""
        if receipt.phase in ("rcpt", "data", "dot"):
            self._pace.note(domain, receipt.code)
        if receipt.state not in (DeliveryState.SENT, DeliveryState.REFUSED):
            return ""
        answers = self._answers[domain]
        answers.append(is_policy(receipt))
        if not answers[-1] or sum(answers) != POLICY_REFUSALS:
            return ""
        return (
            f"{domain} refuses this site, not its readers: {receipt.code} {receipt.reply}; the "
            "other letters to it wait 4 hours; check DKIM, SPF and DMARC: newsletter doctor "
            "--deploy"
        )
