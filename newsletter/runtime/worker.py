"""Delivery on further machines: take what is frozen from a shared PostgreSQL ledger, send it, wait
for more.

The ledger is the queue: rows are leased, two workers never get the same one, and what a dead one
had leased is taken over when its lease ends. Any number of workers may run beside any number of
daemons.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from newsletter.app import App
from newsletter.errors import NewsletterError
from newsletter.site_queries import has_waiting

log = structlog.get_logger()

#: An idle worker looks at the ledger this often.
LOOK_S = 5.0
#: A relay that is away or refuses the login is asked again after 1, 2, 4 … minutes, at most this.
LONGEST_REST = timedelta(minutes=15)


class Rest:
    """How long a relay is left alone: longer each time it was not there."""

    def __init__(self) -> None:
        self.failures = 0  #: deliveries in a row that met no relay
        self.until: datetime | None = None

    def note(self, is_unreachable: bool, now: datetime) -> None:
        self.failures = self.failures + 1 if is_unreachable else 0
        wait = (
            min(timedelta(minutes=2 ** min(self.failures - 1, 10)), LONGEST_REST)
            if self.failures
            else None
        )
        self.until = now + wait if wait else None

    def lasts(self, now: datetime) -> bool:
        return self.until is not None and now < self.until


def stop_on_signals(stop: asyncio.Event) -> None:
    """The first SIGTERM or SIGINT sets `stop`, so that what is on its way ends; a second one leaves
    at once.
    """

    def asked() -> None:
        if stop.is_set():
            raise SystemExit(130)
        log.info("stopping", next="letters on their way are finished first")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked)


class Worker:
    """Delivers until `stop` is set. `clock` tells the time, so that tests can."""

    def __init__(self, app: App, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.app, self.clock = app, clock
        self.stop = asyncio.Event()
        self.rest = Rest()

    async def serve(self) -> None:
        """Work; a relay or a database that is away is waited for."""
        stop_on_signals(self.stop)
        log.info("worker.started")
        while not self.stop.is_set():
            if not await self.look():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), LOOK_S)
        log.info("worker.stopped")

    async def look(self) -> bool:
        """Send what waits now; say whether there was any."""
        now = self.clock()
        try:
            if self.rest.lasts(now):
                return False
            if not await asyncio.to_thread(has_waiting, self.app.engine, now):
                return False
            delivered = await self.app.deliver(now, stop=self.stop)
        except NewsletterError as e:
            log.error(
                "worker.failed",
                code=e.code,
                text=e.message,
                next=e.hint or f"tried again in {LOOK_S:g} s",
            )
            return False
        self.rest.note(delivered.is_unreachable, now)
        for problem in delivered.problems:
            log.warning("worker.problem", text=problem)
        if delivered.counts:
            log.info("worker.delivered", **delivered.counts)
        return bool(delivered.counts) and not delivered.is_unreachable
