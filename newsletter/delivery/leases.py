"""The letters that one delivery has leased: claimed and built in batches, and given back if they
were not begun.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Protocol

from sqlalchemy import Engine

from newsletter.errors import NewsletterError
from newsletter.failpoint import failpoint
from newsletter.models import Claim, Envelope
from newsletter.steps.classify_reply import DeliveryPolicy
from newsletter.store import ledger_life, ledger_read
from newsletter.store.db import reading

#: Letters per lease: as many as are sent in BATCH_S at the rate of the last batch, so that no lease
#: ends unused.
BATCH_LEAST, BATCH_MOST, BATCH_S = 64, 500, 20.0
#: Mails that answer a person per lease.
ANSWERS_MOST = 64
#: A letter is not begun when its lease ends within this time.
MARGIN_S = 5

Parcel = tuple[Envelope, bytes]
Batch = Iterator[tuple[Claim, Parcel | NewsletterError]]
NOTHING: Batch = iter(())


class Build(Protocol):
    """Makes finished mails of claims: a parcel for each, or why there is none. It may make each one
    when the iterator is asked for it.
    """

    def __call__(self, claims: Sequence[Claim]) -> Iterable[Parcel | NewsletterError]: ...


def uptime() -> float:
    """Return the seconds of a clock that goes on while the process or the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Leases:
    """The leased letters that are not settled yet. The methods wait for the database: they run in
    `thread`.
    """

    def __init__(
        self, engine: Engine, build: Build, policy: DeliveryPolicy, clock: Callable[[], datetime]
    ) -> None:
        self.engine, self.build, self.policy, self.clock = engine, build, policy, clock
        self.only: tuple[int, ...] = ()  #: subscribers; empty: all
        self.is_answers_only = False  #: only mails that answer a person
        self.claims: dict[int, Claim] = {}
        self.planned: dict[int, int] = {}  #: issue of a claimed letter -> number of its letters
        self.expired = 0  #: letters that became out of date during this delivery
        self.trouble: Exception | None = None
        self.thread = ThreadPoolExecutor(1, "claims")
        self._batch_size = BATCH_LEAST
        self._leased_at: dict[str, float] = {}  #: token of a lease -> uptime
        self._is_sweep_due = True

    def claim(self, suspects: int = 0, *, is_answers: bool = False) -> Batch:
        """Lease and build waiting letters; `NOTHING` when none waits. `is_answers`: only mails that
        answer a person.
        """
        is_answers = is_answers or self.is_answers_only
        if self._is_sweep_due:
            self.sweep()
        claims = ledger_life.claim(
            self.engine,
            ANSWERS_MOST if is_answers else self._batch_size,
            self.clock(),
            only=self.only,
            suspects=suspects,
            is_answers=is_answers,
        )
        failpoint("claimed")
        if not claims:
            return NOTHING
        self.claims.update((claim.id, claim) for claim in claims)
        self._leased_at[claims[0].token] = uptime()
        with reading(self.engine) as connection:
            for issue in {claim.issue for claim in claims if claim.issue is not None}:
                self.planned[issue] = ledger_read.planned(connection, issue)
        built = self.build(claims)
        if any(claim.claims > ledger_life.SUSPECT_CLAIMS for claim in claims):
            built = list(built)
            ledger_life.clear_suspects(self.engine, claims)
        return self._made(claims, built)

    def _made(self, claims: Sequence[Claim], built: Iterable[Parcel | NewsletterError]) -> Batch:
        try:
            yield from zip(claims, built, strict=True)
        except Exception as e:  # letters on other connections must be finished
            self.trouble = e

    def fit(self, took_s: float) -> None:
        """Set the size of the next lease by the time that the last batch took."""
        fitting = self._batch_size * BATCH_S / max(took_s, 0.001)
        self._batch_size = int(min(max(fitting, BATCH_LEAST), BATCH_MOST))

    def is_lost(self, claim: Claim) -> bool:
        """Return whether its lease has ended, or is about to end: the process slept, and another
        worker may have the row.
        """
        ends = self._leased_at[claim.token] + ledger_life.LEASE_S
        return uptime() > ends - MARGIN_S

    def forget(self, claim: Claim) -> None:
        """Drop a claim that is settled or no longer ours."""
        if self.claims.get(claim.id) is claim:  # not leased again since
            del self.claims[claim.id]

    def give_back(self, claim: Claim) -> None:
        """Release a claim that was not begun."""
        self.forget(claim)
        self._is_sweep_due = True
        ledger_life.release(self.engine, [(claim.id, claim.token)])

    def sweep(self) -> None:
        """Put the ledger in order."""
        is_first, self._is_sweep_due = not self._leased_at, False
        moved = ledger_life.sweep(
            self.engine, self.clock(), is_retrying_digests=self.policy.is_resending_unknown
        )
        if not is_first:
            self.expired += moved["expired"]

    def close(self, unsent: set[int]) -> None:
        """Give back what was not begun; `unsent`: rows with a fence and without a dot."""
        left = [(claim.id, claim.token) for claim in self.claims.values()]
        ledger_life.release(self.engine, left, unsent)
        if self._leased_at:
            self.sweep()
