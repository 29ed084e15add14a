"""Send the waiting letters: claim, build, hand over, classify the reply, settle, until none is
left.

`run`, `send`, the daemon and workers all call `Sender.deliver`. The ledger row is the truth,
whichever process works on it.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Engine

from newsletter.delivery.brake import Brake
from newsletter.delivery.group_commit import GroupCommit
from newsletter.delivery.leases import NOTHING, Batch, Build, Leases, Parcel
from newsletter.delivery.receivers import LEFT_ALONE, Receivers
from newsletter.delivery.suppression import Suppression
from newsletter.errors import NewsletterError, Unreachable
from newsletter.failpoint import failpoint
from newsletter.gc_tuning import steady
from newsletter.models import Claim, DeliveryState, Envelope, Evidence, Receipt, Reply
from newsletter.ports import Transport
from newsletter.steps.classify_reply import DeliveryPolicy, classify_reply, stops_the_issue
from newsletter.store import evidence, ledger_life
from newsletter.store.db import writing

#: Letters for a receiver that asked for fewer at a time wait here at most this long: a lease has
#: 120 s.
ASIDE, ASIDE_S = 200, 60.0
#: Mails that answer a person are looked for this often while an issue is sent.
ANSWERS_EVERY_S = 1.0
#: A letter that cannot be built is tried this often before it is refused.
BUILDS = 3


@dataclass
class Delivered:
    """What became of the letters of one delivery."""

    counts: Counter[str] = field(default_factory=Counter)
    issues: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    is_unreachable: bool = False


def moving_clock(now: datetime) -> Callable[[], datetime]:
    """Return a clock that shows `now` at this moment and goes on from there."""
    started = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - started)


class Sender:
    """One delivery by this process. `clock` tells the time of outcomes and further tries."""

    def __init__(
        self,
        engine: Engine,
        build: Build,
        policy: DeliveryPolicy,
        suppression: Suppression,
        clock: Callable[[], datetime],
    ) -> None:
        self.engine, self.policy, self.suppression = engine, policy, suppression
        self.clock, self.started = clock, clock()
        self.done = Delivered()
        self.commits = GroupCommit(engine)
        self.leases = Leases(engine, build, policy, clock)
        self.receivers, self.brake = Receivers(), Brake()
        self.stop: asyncio.Event | None = None
        #: Letters whose receiver asked for fewer at a time, each with the moment when it was put
        #: aside.
        self._aside: deque[tuple[float, Claim, Parcel]] = deque(maxlen=ASIDE)
        #: Letters that the transport has: the token of the lease under which each was built, and
        #: its receiver.
        self._in_flight: dict[int, tuple[Claim, str]] = {}
        self._paused: set[int] = set()
        self._looked_at = float("-inf")  #: when mails that answer a person were last looked for

    async def deliver(
        self,
        transport: Transport,
        only: Sequence[int] = (),
        stop: asyncio.Event | None = None,
    ) -> Delivered:
        """Send the stored letters that are due, until none waits, the relay goes away, or `stop` is
        set.

        The failure of a letter is the state of its row, never the end of the batch. `only`: these
        subscribers.
        """
        self.leases.only, self.stop = tuple(only), stop
        with steady():
            return await self._deliver(transport)

    async def _deliver(self, transport: Transport) -> Delivered:
        try:
            # A suspect (a letter that may have killed a process) is claimed here alone, while no
            # other letter is being sent.
            while (batch := await self._claim(suspects=1)) is not NOTHING:
                async with aclosing(self._parcels(batch)) as parcels:
                    await transport.deliver(parcels, self._fence, self._answer)
        except* Unreachable as group:
            error: BaseException = group
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            self.done.is_unreachable = True
            self.done.problems.append(str(error))
        finally:
            await self._close()
        return self.done

    async def _close(self) -> None:
        """Give back what was not begun, and report what went wrong."""
        leases, problems = self.leases, self.done.problems
        await asyncio.to_thread(leases.thread.shutdown)
        if (trouble := self._trouble) is not None:
            problems.append(f"sending stopped: {_said(trouble)}")
        try:
            await asyncio.to_thread(leases.close, self.commits.unsent)
        except Exception as e:  # the end of the lease, or the next run, frees them
            problems.append(f"{len(leases.claims)} letters stay claimed: {_said(e)}")
        self.done.issues |= leases.planned.keys()
        if late := leases.expired + self.done.counts[DeliveryState.EXPIRED]:
            self.done.counts[DeliveryState.EXPIRED] = late
            problems.append(f"{late} letters went out of date before they could be sent")
        self.commits.close()

    @property
    def _trouble(self) -> Exception | None:
        return self.commits.trouble or self.leases.trouble

    def _is_over(self) -> bool:
        return self._trouble is not None or (self.stop is not None and self.stop.is_set())

    async def _claim(self, suspects: int = 0, *, is_answers: bool = False) -> Batch:
        """Lease waiting letters; `NOTHING` when none waits or the delivery must end."""
        if self._is_over():
            return NOTHING
        claim = partial(self.leases.claim, suspects, is_answers=is_answers)
        try:
            return await asyncio.get_running_loop().run_in_executor(self.leases.thread, claim)
        except Exception as e:  # letters on other connections must be finished
            self.leases.trouble = e
            return NOTHING

    # -- handing over ------------------------------------------------------------------------------

    async def _parcels(self, batch: Batch) -> AsyncGenerator[Parcel]:
        """Yield the parcels of `batch` (not empty), and of everything that is claimed after it."""
        ahead: asyncio.Task[Batch] | None = None
        try:
            while not self._is_over():
                ahead = asyncio.create_task(self._claim()) if batch is not NOTHING else None
                started = time.monotonic()
                async with aclosing(self._sendable(batch)) as sendable:
                    async for parcel in sendable:
                        yield parcel
                if ahead is None:
                    return
                self.leases.fit(time.monotonic() - started)
                # The claim ahead may have found nothing because letters were put off until now.
                batch = await ahead
                if batch is NOTHING:
                    batch = await self._claim()
        finally:
            if ahead is not None:
                await asyncio.wait([ahead])

    async def _sendable(self, batch: Batch) -> AsyncGenerator[Parcel]:
        """Yield the parcels of a batch that may be sent now: mails that answer a person first, at
        the end letters that waited for their receiver only.
        """
        for claim, parcel in batch:
            for answer in await self._answers_waiting():
                yield answer
            if (ready := await self._ready(claim, parcel)) is not None:
                yield ready
            while (slow := self._next_slow()) is not None:
                yield slow
        while self._aside and batch is NOTHING and not self._is_over():
            if (slow := self._next_slow()) is not None:
                yield slow
            else:
                await asyncio.sleep(0.05)

    async def _answers_waiting(self) -> list[Parcel]:
        """Return mails that answer a person and arrived while an issue is sent."""
        if time.monotonic() < self._looked_at + ANSWERS_EVERY_S:
            return []
        self._looked_at = time.monotonic()
        batch = await self._claim(is_answers=True)
        ready = [await self._ready(claim, parcel) for claim, parcel in batch]
        return [parcel for parcel in ready if parcel is not None]

    async def _ready(self, claim: Claim, parcel: Parcel | NewsletterError) -> Parcel | None:
        """Return the parcel if it may be sent now; otherwise do what its row needs."""
        if claim.issue in self._paused or self._is_over():
            return None
        if claim.id in self._in_flight:
            # The row was taken over and leased again: the older letter must be finished first.
            await self._write(self.leases.give_back, claim)
            await asyncio.sleep(0.05)
            return None
        if self.leases.is_lost(claim):
            await self._write(self.leases.give_back, claim)
            return None
        now = self.clock()
        if claim.expires_at <= now:
            await self._settle(Receipt(claim.id, DeliveryState.EXPIRED, now), claim)
            return None
        if isinstance(parcel, NewsletterError):
            await self._not_built(claim, parcel)
            return None
        domain = _domain(parcel[0])
        if self.receivers.is_left_alone(domain):
            await self._settle(_left_alone(claim, domain, now), claim)
            return None
        if not self.receivers.is_ready(domain):
            self._aside.append((time.monotonic(), claim, parcel))
            return None
        self._in_flight[claim.id] = claim, domain
        return parcel

    def _next_slow(self) -> Parcel | None:
        """Return a letter that waited for its receiver only and may be sent now. After ASIDE_S its
        row waits for the next run.
        """
        while self._aside and time.monotonic() - self._aside[0][0] > ASIDE_S:
            self._aside.popleft()
        for at, (_, claim, parcel) in enumerate(self._aside):
            domain = _domain(parcel[0])
            if claim.id in self._in_flight or self.receivers.wait_s(domain) > 0:
                continue
            if self.receivers.is_ready(domain):
                del self._aside[at]
                self._in_flight[claim.id] = claim, domain
                return parcel
        return None

    async def _fence(self, delivery: int) -> bool:
        """Return whether the final dot may be sent. If not, the row is given back."""
        claim, _ = self._in_flight[delivery]
        if claim.expires_at <= (now := self.clock()):
            await self._settle(Receipt(delivery, DeliveryState.EXPIRED, now), claim)
        elif await self.commits.fence(delivery, claim.token):
            return True
        elif self.commits.trouble is None:
            await self._write(self.leases.give_back, claim)
        del self._in_flight[delivery]
        return False

    # -- settling ----------------------------------------------------------------------------------

    async def _answer(self, reply: Reply) -> None:
        """Classify a relay's reply to one of our letters, record it before anything else, then act
        on it.
        """
        if reply.phase == "dot":
            failpoint("reply")
        claim, domain = self._in_flight.pop(reply.delivery)
        receipt = classify_reply(reply, claim, self.policy)
        if receipt.code // 100 == 5 and stops_the_issue(receipt):
            await self._pause(
                claim, f"the relay refuses the sender: {receipt.code} {receipt.reply}"
            )
        if not await self._settle(receipt, claim):
            return
        if receipt.state in (DeliveryState.REFUSED, DeliveryState.HELD):
            issue = f"issue {claim.day}" if claim.day else f"mail {claim.kind!r}"
            said = f"{receipt.code} {receipt.reply}".strip()
            self.done.problems.append(
                f"{issue}, subscriber {claim.subscriber}: {receipt.state} ({said})"
            )
        if receipt.state is DeliveryState.REFUSED:
            await self._write(self._keep_evidence, receipt)
        await self._brake(claim, domain, receipt)
        if problem := self.receivers.note(domain, receipt):
            self.done.problems.append(problem)

    async def _settle(self, receipt: Receipt, claim: Claim) -> bool:
        if not await self.commits.settle(receipt, claim.token):
            return False
        self.leases.forget(claim)
        self.done.counts[receipt.state] += 1
        return True

    async def _not_built(self, claim: Claim, error: NewsletterError) -> None:
        self.done.problems.append(
            f"letter of subscriber {claim.subscriber} could not be made: {error}"
        )
        state = DeliveryState.REFUSED if claim.attempts + 1 >= BUILDS else DeliveryState.DEFERRED
        now = self.clock()
        receipt = Receipt(
            claim.id, state, now, reply=str(error)[:512], phase="render", retry_at=now
        )
        await self._settle(receipt, claim)
        await self._brake(claim, "", receipt)

    def _keep_evidence(self, receipt: Receipt) -> None:
        said = Evidence(
            receipt.delivery, "reply", receipt.cause, receipt.at, receipt.enhanced, receipt.reply
        )
        with writing(self.engine) as connection:
            if mailed := evidence.find_any(connection, receipt.delivery):
                self.suppression.take(connection, mailed, said)

    async def _brake(self, claim: Claim, domain: str, receipt: Receipt) -> None:
        planned = self.leases.planned.get(claim.issue or 0, 0)
        if reason := self.brake.note(claim.issue, domain, receipt, planned):
            await self._pause(claim, reason)

    async def _pause(self, claim: Claim, reason: str) -> None:
        """Pause an issue; what was said about its readers until now does not count."""
        if claim.issue is None or claim.issue in self._paused:
            return
        self._paused.add(claim.issue)
        self.done.problems.append(
            f"issue {claim.day} is paused: {reason}; go on with: newsletter issues retry "
            f"{claim.day}"
        )
        await self._write(self._write_pause, claim.issue, reason)

    def _write_pause(self, issue: int, reason: str) -> None:
        with writing(self.engine) as connection:
            ledger_life.pause(connection, issue, reason)
            self.suppression.doubt_issue(connection, issue, self.started)

    async def _write(self, act: Callable[..., object], *values: object) -> None:
        """Write a consequence of an outcome. A failing database must not end the letters that are
        being sent.
        """
        try:
            await asyncio.to_thread(act, *values)
        except Exception as e:
            self.commits.trouble = self.commits.trouble or e


def _left_alone(claim: Claim, domain: str, now: datetime) -> Receipt:
    said = f"{domain} refuses this site; left alone for a while"
    return Receipt(
        claim.id,
        DeliveryState.DEFERRED,
        now,
        reply=said,
        phase="connect",
        retry_at=now + LEFT_ALONE,
    )


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _domain(envelope: Envelope) -> str:
    return envelope.recipient.rpartition("@")[2].lower()
