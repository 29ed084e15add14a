"""Who runs a batch. This process does, here: claim, build, hand over, settle, until nothing waits.

`run`, `send` and the daemon all come through `deliver_waiting`; the ledger row is the truth,
whoever works on it.
"""

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine

from newsletter import mail_kinds
from newsletter.delivery.group_commit import GroupCommit
from newsletter.errors import NewsletterError, Unreachable
from newsletter.failpoint import failpoint
from newsletter.mail.rate_limit import Pace
from newsletter.models import Claim, DeliveryState, Envelope, Receipt
from newsletter.ports import Transport
from newsletter.steps.classify_reply import (
    backoff,
    is_dead_address,
    is_policy,
    is_too_large,
    stops_the_issue,
)
from newsletter.store import ledger_life, ledger_read
from newsletter.store.db import reading, writing

#: Letters leased at a time: what leaves in BATCH_S at the rate of the last batch, so that no lease
#: runs out unused.
BATCH_LEAST, BATCH_MOST, BATCH_S = 64, 500, 20.0
#: Letters for a receiver that asked for fewer at a time wait here, and no longer than this: a lease
#: has 120 s.
ASIDE, ASIDE_S = 200, 60.0
#: Refusals in a row after which an issue pauses: something is wrong with us, not with twenty
#: readers.
BRAKE = 20
#: An issue pauses too when so many of its letters were refused, and more than this part of it.
BRAKE_LEAST, BRAKE_SHARE = 10, 0.05
#: A receiver that refuses us by policy (5.7.x) this often in its last answers is left alone for a
#: while.
POLICY_REFUSALS, POLICY_ANSWERS = 10, 20
LEFT_ALONE = timedelta(hours=4)
#: A letter that cannot be built is tried so often before it is put aside.
BUILDS = 3


Parcel = tuple[Envelope, bytes]


class Build(Protocol):
    """Makes finished mails of claims: a parcel for each, or why there is none; each may be made
    when asked for.
    """

    def __call__(self, claims: Sequence[Claim]) -> Iterable[Parcel | NewsletterError]: ...


@dataclass
class Delivered:
    """What became of the letters that were touched."""

    counts: Counter[str] = field(default_factory=Counter)
    issues: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    is_unreachable: bool = False


async def deliver_waiting(
    engine: Engine,
    build: Build,
    transport: Transport,
    now: datetime,
    *,
    claims: dict[int, Claim] | None = None,
    on_dead: Callable[[Sequence[int]], None] = lambda deliveries: None,
    retry: tuple[int, ...] = (),
    is_retrying_digests: bool = False,
    only: Sequence[int] = (),
    stop: asyncio.Event | None = None,
) -> Delivered:
    """Send what is frozen and due until nothing waits, the relay goes away, or `stop` is set.

    An item's failure is its row's state, never the end of the batch. `only`: these subscribers.
    `on_dead` is told which deliveries met an address that does not exist. `retry`: minutes before
    each further try.
    """
    done = Delivered()
    clerk = GroupCommit(engine)
    if claims is not None:
        clerk.claims = claims
    await asyncio.to_thread(ledger_life.sweep, engine, now, is_retrying_digests=is_retrying_digests)
    bench = _Bench(engine, build, clerk, done, now, on_dead, retry, is_retrying_digests)
    try:
        # A suspect is claimed here alone, while no other letter is on its way, so that it takes
        # none with it.
        while batch := await bench.claim(only, stop, suspects=1):
            async with aclosing(bench.parcels(batch, only, stop)) as parcels:
                await transport.deliver(parcels, clerk.fence, bench.settle)
    except* Unreachable as group:
        error = group.exceptions[0]
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        done.is_unreachable = True
        done.problems.append(str(error))
    finally:
        await asyncio.to_thread(bench.close)
        if clerk.trouble is not None:
            done.problems.append(
                f"sending stopped: {str(clerk.trouble) or type(clerk.trouble).__name__}"
            )
        try:
            left = [(claim.id, claim.token) for claim in clerk.claims.values()]
            await asyncio.to_thread(ledger_life.release, engine, left, clerk.unsent)
        except Exception as e:  # the lease, or the next run, gives them back
            done.problems.append(
                f"{len(clerk.claims)} letters stay claimed: {str(e) or type(e).__name__}"
            )
        clerk.close()
    return done


_Batch = Iterable[tuple[Claim, Parcel | NewsletterError]]


class _Bench:
    """Turns claims into parcels and outcomes into ledger states."""

    def __init__(
        self,
        engine: Engine,
        build: Build,
        clerk: GroupCommit,
        done: Delivered,
        now: datetime,
        on_dead: Callable[[Sequence[int]], None],
        retry: tuple[int, ...],
        is_retrying_digests: bool,
    ) -> None:
        self.engine, self.build, self.clerk, self.done, self.now = engine, build, clerk, done, now
        self.on_dead, self.retry, self.is_retrying_digests = on_dead, retry, is_retrying_digests
        self._hand = ThreadPoolExecutor(1, "bench")
        self.batch = BATCH_LEAST
        self.pace = Pace()
        #: Letters whose receiver asked for fewer at a time, with the moment they were set aside.
        self.aside: deque[tuple[float, Parcel]] = deque(maxlen=ASIDE)
        self.refused_in_a_row = 0
        self.refused: Counter[int] = (
            Counter()
        )  #: issue -> letters refused for no fault of their readers
        self.paused: set[int] = set()
        self.domains: dict[int, str] = {}  #: delivery -> receiver, of letters on their way
        self.policy: defaultdict[str, deque[bool]] = defaultdict(
            lambda: deque(maxlen=POLICY_ANSWERS)
        )

    async def parcels(
        self, batch: "_Batch", only: Sequence[int], stop: asyncio.Event | None
    ) -> AsyncGenerator[Parcel]:
        """The parcels of `batch`, which is not empty, and of all that is claimed after it."""
        ahead: asyncio.Task[_Batch] | None = None
        pace = self.pace
        try:
            while not self._is_over(stop):
                ahead = asyncio.create_task(self.claim(only, stop)) if batch else None
                started = time.monotonic()
                for claim, parcel in batch:
                    if claim.issue in self.paused or self._is_over(stop):
                        continue
                    if isinstance(parcel, NewsletterError):
                        await self._unbuilt(claim, parcel)
                    elif sum(self.policy[_domain(parcel[0])]) >= POLICY_REFUSALS:
                        await self._leave_alone(parcel[0])
                    elif not pace.is_ready(_domain(parcel[0])):
                        self.aside.append((time.monotonic(), parcel))
                    else:
                        yield self._on_its_way(parcel)
                    while (slow := self._next_slow(pace)) is not None:
                        yield self._on_its_way(slow)
                while not batch and self.aside and not self._is_over(stop):
                    if (slow := self._next_slow(pace)) is not None:
                        yield self._on_its_way(slow)
                    else:
                        await asyncio.sleep(0.05)
                if ahead is None:
                    return
                took_s = time.monotonic() - started
                self.batch = int(
                    min(max(self.batch * BATCH_S / max(took_s, 0.001), BATCH_LEAST), BATCH_MOST)
                )
                # What was claimed ahead may have come up empty while letters were put off until
                # now.
                batch = await ahead or await self.claim(only, stop)
        finally:
            if ahead is not None:
                await asyncio.wait([ahead])

    def _on_its_way(self, parcel: Parcel) -> Parcel:
        self.domains[parcel[0].delivery] = _domain(parcel[0])
        return parcel

    def _next_slow(self, pace: Pace) -> Parcel | None:
        """A letter that waited for its receiver alone and may go now. After ASIDE_S its row waits
        for the next run.
        """
        while self.aside and time.monotonic() - self.aside[0][0] > ASIDE_S:
            self.aside.popleft()
        for at, (_, parcel) in enumerate(self.aside):
            if pace.wait_s(_domain(parcel[0])) == 0 and pace.is_ready(_domain(parcel[0])):
                del self.aside[at]
                return parcel
        return None

    def close(self) -> None:
        self._hand.shutdown(wait=True)

    def _is_over(self, stop: asyncio.Event | None) -> bool:
        return self.clerk.trouble is not None or (stop is not None and stop.is_set())

    async def claim(
        self, only: Sequence[int], stop: asyncio.Event | None, suspects: int = 0
    ) -> "_Batch":
        """Lease and make what waits: empty where nothing does, or the delivery is to end."""
        if self._is_over(stop):
            return ()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._hand, self._next, only, suspects
            )
        except Exception as e:  # letters on their way on other connections must come to their end
            self.clerk.trouble = e
            return ()

    def _next(self, only: Sequence[int], suspects: int) -> "_Batch":
        claims = ledger_life.claim(self.engine, self.batch, self.now, only=only, suspects=suspects)
        failpoint("claimed")
        self.clerk.claims.update((claim.id, claim) for claim in claims)
        self.done.issues.update(claim.issue for claim in claims if claim.issue is not None)
        if not claims:
            return ()
        built = self.build(claims)
        if any(claim.claims > ledger_life.SUSPECT_CLAIMS for claim in claims):
            built = list(built)
            ledger_life.clear_suspects(self.engine, claims)
        return self._made(claims, built)

    def _made(self, claims: Sequence[Claim], built: Iterable[Parcel | NewsletterError]) -> "_Batch":
        try:
            yield from zip(claims, built, strict=True)
        except Exception as e:  # as in _claim
            self.clerk.trouble = e

    async def settle(self, receipt: Receipt) -> None:
        """Record an outcome before anything else, then draw conclusions from it."""
        if receipt.phase == "dot":
            failpoint("reply")
        claim = self.clerk.claims[receipt.delivery]
        receipt = await self._revised(receipt, claim)
        if not await self.clerk.settle(receipt):
            return
        if self.clerk.claims.get(receipt.delivery) is claim:  # not leased again meanwhile
            del self.clerk.claims[receipt.delivery]
        self.done.counts[receipt.state] += 1
        if receipt.state in (DeliveryState.REFUSED, DeliveryState.HELD):
            issue = f"issue {claim.day}" if claim.day else f"mail {claim.kind!r}"
            said = f"{receipt.code} {receipt.reply}".strip()
            self.done.problems.append(
                f"{issue}, subscriber {claim.subscriber}: {receipt.state} ({said})"
            )
        if is_dead_address(receipt):
            await self._conclude(self.on_dead, [receipt.delivery])
        elif receipt.state is DeliveryState.REFUSED:
            await self._brake(claim, receipt)
        elif receipt.state is DeliveryState.SENT:
            self.refused_in_a_row = 0
        domain = self.domains.pop(receipt.delivery, "")
        self._note_receiver(domain, receipt)
        if receipt.phase in ("rcpt", "data", "dot"):
            self.pace.note(domain, receipt.code)

    def _note_receiver(self, domain: str, receipt: Receipt) -> None:
        answers = self.policy[domain]
        if receipt.state in (DeliveryState.SENT, DeliveryState.REFUSED):
            answers.append(is_policy(receipt))
            if answers[-1] and sum(answers) == POLICY_REFUSALS:
                self.done.problems.append(
                    f"{domain} refuses this site, not its readers: {receipt.code} {receipt.reply}; "
                    "the other letters to it wait 4 hours; check DKIM, SPF and DMARC: newsletter "
                    "doctor --deploy"
                )

    async def _leave_alone(self, envelope: Envelope) -> None:
        said = f"{_domain(envelope)} refuses this site; left alone for a while"
        receipt = Receipt(
            envelope.delivery,
            DeliveryState.DEFERRED,
            self.now,
            reply=said,
            phase="connect",
            retry_at=self.now + LEFT_ALONE,
        )
        if await self.clerk.settle(receipt):
            self.done.counts[receipt.state] += 1

    async def _revised(self, receipt: Receipt, claim: Claim) -> Receipt:
        """What an outcome means here: some refusals are about us, and some letters may be tried in
        another form.
        """
        again = replace(
            receipt,
            state=DeliveryState.DEFERRED,
            retry_at=self.now + backoff(claim.attempts, self.retry),
        )
        if stops_the_issue(receipt):
            await self._pause(
                claim, f"the relay refuses the sender: {receipt.code} {receipt.reply}"
            )
            return (
                replace(receipt, state=DeliveryState.PENDING)
                if claim.issue in self.paused
                else again
            )
        if is_too_large(receipt) and len(claim.picks) > 1:
            return replace(again, retry_at=self.now, code=ledger_life.TOO_LARGE)
        if receipt.state is DeliveryState.HELD and (
            not mail_kinds.find(claim.kind).is_at_most_once or self.is_retrying_digests
        ):
            return again
        return receipt

    async def _brake(self, claim: Claim, receipt: Receipt) -> None:
        """Pause an issue whose letters are refused again and again, for no fault of their
        readers.
        """
        said = f"{receipt.code or ''} {receipt.reply}".strip()
        if claim.issue is None or is_policy(receipt):
            return
        self.refused_in_a_row += 1
        self.refused[claim.issue] += 1
        number = self.refused[claim.issue]
        if self.refused_in_a_row >= BRAKE:
            await self._pause(claim, f"{BRAKE} letters in a row were refused: {said}")
        elif number >= BRAKE_LEAST:
            planned = await asyncio.to_thread(self._planned, claim.issue)
            if number > BRAKE_SHARE * planned:
                await self._pause(claim, f"{number} of {planned} letters were refused: {said}")

    def _planned(self, issue: int) -> int:
        with reading(self.engine) as connection:
            return ledger_read.planned(connection, issue)

    async def _unbuilt(self, claim: Claim, error: NewsletterError) -> None:
        self.done.problems.append(
            f"letter of subscriber {claim.subscriber} could not be made: {error}"
        )
        state = DeliveryState.REFUSED if claim.attempts + 1 >= BUILDS else DeliveryState.DEFERRED
        receipt = Receipt(
            claim.id, state, self.now, reply=str(error)[:512], phase="render", retry_at=self.now
        )
        if await self.clerk.settle(receipt):
            self.done.counts[state] += 1
        if state is DeliveryState.REFUSED:
            await self._brake(claim, receipt)

    async def _pause(self, claim: Claim, reason: str) -> None:
        if claim.issue is None or claim.issue in self.paused:
            return
        self.paused.add(claim.issue)
        self.done.problems.append(
            f"issue {claim.day} is paused: {reason}; go on with: newsletter issues retry "
            f"{claim.day}"
        )

        def write() -> None:
            with writing(self.engine) as connection:
                ledger_life.pause(connection, claim.issue or 0, reason)

        await self._conclude(write)

    async def _conclude(self, act: Callable[..., None], *values: object) -> None:
        """Write what follows from an outcome; a database that fails here must not end letters on
        their way.
        """
        try:
            await asyncio.to_thread(act, *values)
        except Exception as e:
            self.clerk.trouble = self.clerk.trouble or e


def _domain(envelope: Envelope) -> str:
    return envelope.recipient.rpartition("@")[2].lower()
