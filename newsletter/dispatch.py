"""Who runs a batch. This process does, here: claim, build, hand over, settle, until nothing waits.

`run`, `send` and the daemon all come through `deliver_waiting`; the ledger row is the truth, whoever works on it.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import Engine

from newsletter.errors import NewsletterError, Unreachable
from newsletter.models import DeliveryState, Envelope, Receipt
from newsletter.ports import Transport
from newsletter.steps.deliver import is_dead_address, stops_the_issue
from newsletter.store import accounts, ledger
from newsletter.store.db import writing

#: Letters leased at a time.
BATCH = 64
#: Refusals in a row after which an issue pauses: something is wrong with us, not with twenty readers.
BRAKE = 20
#: A letter that cannot be built is tried so often before it is put aside.
BUILDS = 3


class Build(Protocol):
    """Makes finished mails of claims: a parcel for each, or why there is none."""

    def __call__(self, claims: Sequence[ledger.Claim]) -> list[tuple[Envelope, bytes] | NewsletterError]: ...


@dataclass
class Delivered:
    """What became of the letters that were touched."""

    counts: Counter[str] = field(default_factory=Counter)
    issues: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    is_unreachable: bool = False


class _Clerk:
    """Writes fences and outcomes of all connections, those that come together in one commit."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.claims: dict[int, ledger.Claim] = {}
        self._pen = ThreadPoolExecutor(1, "ledger")
        self._asked: list[tuple[int, asyncio.Future[bool]]] = []
        self._told: list[tuple[Receipt, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def fence(self, delivery: int) -> bool:
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asked.append((delivery, future))
        self._start()
        return await future

    async def settle(self, receipt: Receipt) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._told.append((receipt, future))
        self._start()
        await future

    def _start(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._asked or self._told:
            asked, self._asked = self._asked, []
            told, self._told = self._told, []
            try:
                if told:
                    outcomes = [(receipt, self.claims[receipt.delivery].token) for receipt, _ in told]
                    await loop.run_in_executor(self._pen, ledger.settle, self.engine, outcomes)
                passed: set[int] = set()
                if asked:
                    rows = [(delivery, self.claims[delivery].token) for delivery, _ in asked]
                    passed = await loop.run_in_executor(self._pen, ledger.fence, self.engine, rows)
            except Exception as e:
                for future in [future for _, future in asked] + [future for _, future in told]:
                    if not future.done():
                        future.set_exception(e)
                continue
            for _, future in told:
                if not future.done():
                    future.set_result(None)
            for delivery, answer in asked:
                if not answer.done():
                    answer.set_result(delivery in passed)

    def close(self) -> None:
        self._pen.shutdown(wait=True)


async def deliver_waiting(
    engine: Engine,
    build: Build,
    transport: Transport,
    now: datetime,
    *,
    clerk_claims: dict[int, ledger.Claim] | None = None,
    on_dead: Callable[[Sequence[int]], None] = lambda deliveries: None,
    rate_per_second: float = 0.0,
    is_retrying_digests: bool = False,
    only: Sequence[int] = (),
    stop: asyncio.Event | None = None,
) -> Delivered:
    """Send what is frozen and due until nothing waits, the relay goes away, or `stop` is set.

    An item's failure is its row's state, never the end of the batch. `only`: these subscribers. `on_dead` is told which
    deliveries met an address that does not exist.
    """
    done = Delivered()
    clerk = _Clerk(engine)
    if clerk_claims is not None:
        clerk.claims = clerk_claims
    await asyncio.to_thread(ledger.sweep, engine, now, is_retrying_digests=is_retrying_digests)
    bench = _Bench(engine, build, clerk, done, now, on_dead, is_retrying_digests)
    parcels = bench.parcels(_Pace(rate_per_second), only, stop)
    try:
        await transport.deliver(parcels, clerk.fence, bench.settle)
    except* Unreachable as group:
        error = group.exceptions[0]
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        done.is_unreachable = True
        done.problems.append(str(error))
    finally:
        await parcels.aclose()
        left = [(claim.id, claim.token) for claim in clerk.claims.values()]
        await asyncio.to_thread(ledger.release, engine, left)
        clerk.close()
    return done


class _Bench:
    """Turns claims into parcels and outcomes into ledger states."""

    def __init__(
        self,
        engine: Engine,
        build: Build,
        clerk: _Clerk,
        done: Delivered,
        now: datetime,
        on_dead: Callable[[Sequence[int]], None],
        is_retrying_digests: bool,
    ) -> None:
        self.engine, self.build, self.clerk, self.done, self.now = engine, build, clerk, done, now
        self.on_dead, self.is_retrying_digests = on_dead, is_retrying_digests
        self.refused_in_a_row = 0
        self.paused: set[int] = set()

    async def parcels(
        self, pace: "_Pace", only: Sequence[int], stop: asyncio.Event | None
    ) -> AsyncGenerator[tuple[Envelope, bytes]]:
        while stop is None or not stop.is_set():
            claims = await asyncio.to_thread(ledger.claim, self.engine, BATCH, self.now, only=only)
            if not claims:
                return
            self.clerk.claims.update((claim.id, claim) for claim in claims)
            self.done.issues.update(claim.issue for claim in claims if claim.issue is not None)
            built = await asyncio.to_thread(self.build, claims)
            for claim, parcel in zip(claims, built, strict=True):
                if isinstance(parcel, NewsletterError):
                    await self._unbuilt(claim, parcel)
                elif claim.issue not in self.paused and not (stop is not None and stop.is_set()):
                    await pace.wait()
                    yield parcel

    async def settle(self, receipt: Receipt) -> None:
        """Record an outcome before anything else, then draw conclusions from it."""
        claim = self.clerk.claims[receipt.delivery]
        if stops_the_issue(receipt):
            await self._pause(claim, f"the relay refuses the sender: {receipt.code} {receipt.reply}")
            receipt = replace(receipt, state=DeliveryState.PENDING)
        if receipt.state is DeliveryState.HELD and (claim.kind not in ledger.DIGESTS or self.is_retrying_digests):
            receipt = replace(receipt, state=DeliveryState.PENDING)
        await self.clerk.settle(receipt)
        self.done.counts[receipt.state] += 1
        if receipt.state in (DeliveryState.REFUSED, DeliveryState.HELD):
            issue = f"issue {claim.day}" if claim.day else f"mail {claim.kind!r}"
            said = f"{receipt.code} {receipt.reply}".strip()
            self.done.problems.append(f"{issue}, subscriber {claim.subscriber}: {receipt.state} ({said})")
        if is_dead_address(receipt):
            await asyncio.to_thread(self.on_dead, [receipt.delivery])
        elif receipt.state is DeliveryState.REFUSED:
            self.refused_in_a_row += 1
            if self.refused_in_a_row >= BRAKE:
                await self._pause(claim, f"{BRAKE} letters in a row were refused: {receipt.code} {receipt.reply}")
        elif receipt.state is DeliveryState.SENT:
            self.refused_in_a_row = 0

    async def _unbuilt(self, claim: ledger.Claim, error: NewsletterError) -> None:
        self.done.problems.append(f"letter of subscriber {claim.subscriber} could not be made: {error}")
        state = DeliveryState.REFUSED if claim.attempts + 1 >= BUILDS else DeliveryState.DEFERRED
        receipt = Receipt(claim.id, state, self.now, reply=str(error)[:512], phase="render", retry_at=self.now)
        await self.clerk.settle(receipt)
        self.done.counts[state] += 1

    async def _pause(self, claim: ledger.Claim, reason: str) -> None:
        if claim.issue is None or claim.issue in self.paused:
            return
        self.paused.add(claim.issue)
        self.done.problems.append(
            f"issue {claim.day} is paused: {reason}; go on with: newsletter issues retry {claim.day}"
        )

        def write() -> None:
            with writing(self.engine) as connection:
                accounts.pause(connection, claim.issue or 0, reason)

        await asyncio.to_thread(write)


class _Pace:
    """A steady rate: the configured one is the achieved one. 0 = no limit."""

    def __init__(self, per_second: float) -> None:
        self.gap_s = 1 / per_second if per_second > 0 else 0.0
        self.next = 0.0

    async def wait(self) -> None:
        if not self.gap_s:
            return
        now = time.monotonic()
        # A pause is made up for, but never by a burst of more than a second's worth.
        self.next = max(self.next + self.gap_s, now - 1.0)
        if self.next > now:
            await asyncio.sleep(self.next - now)
