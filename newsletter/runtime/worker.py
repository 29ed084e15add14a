"""Delivery on further machines: send stored letters from a shared PostgreSQL ledger, and wait for
more.

The ledger is the queue. Rows are leased, so two workers never get the same one; when a lease of a
dead worker ends, another one takes over. Any number of workers may run beside any number of
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

#: How often an idle worker asks the ledger.
LOOK_S = 5.0
#: A relay that is away or refuses the login is asked again after 1, 2, 4 … minutes, at most this.
LONGEST_REST = timedelta(minutes=15)


class Rest:
    """How long a relay is left alone: longer after each failure."""

    def __init__(self) -> None:
        self.failures = 0  #: failed deliveries in a row
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
    """Set `stop` at the first SIGTERM or SIGINT, so that letters on their way are finished; a
    second one ends the process at once.
    """

    def asked() -> None:
        if stop.is_set():
            raise SystemExit(130)
        log.info("stopping", next="letters on their way are finished first")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked)


class Worker:
    """Delivers until `stop` is set. `clock` tells the time; tests set it."""

    def __init__(self, app: App, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.app, self.clock = app, clock
        self.stop = asyncio.Event()
        self.rest = Rest()

    async def serve(self) -> None:
        """Work; wait for a relay or a database that is away."""
        stop_on_signals(self.stop)
        log.info("worker.started")
        while not self.stop.is_set():
            if not await self.look():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), LOOK_S)
        log.info("worker.stopped")

    async def look(self) -> bool:
        """Send what waits now; return whether anything did."""
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
