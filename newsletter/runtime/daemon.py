"""Clock, pages and delivery in one process.

The clock only triggers a tick; each tick asks the database what is due. So a late tick, a restart,
a sleeping laptop or a change to daylight-saving time can neither skip a day nor repeat one.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import structlog
import uvicorn
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from newsletter import planning
from newsletter.app import App
from newsletter.delivery import domain_check
from newsletter.errors import ConfigError, NewsletterError
from newsletter.health import site as site_health
from newsletter.health import sources as source_health
from newsletter.inbound import hooks
from newsletter.runtime.mail_intake import MailIntake
from newsletter.runtime.worker import Rest, stop_on_signals
from newsletter.site_queries import has_waiting
from newsletter.store import papers
from newsletter.store.db import reading
from newsletter.store.locks import SessionLock, only_one
from newsletter.web import create_app
from newsletter.web import server as web_server

log = structlog.get_logger()

TICK_S = 60
#: Papers of an earlier version that one tick indexes for search.
INDEXED_A_TICK = 5_000
#: How often sources are asked; most of them answer "not modified".
FETCH_EVERY = timedelta(hours=1)
#: A digest is not planned from older news than this, if the sources can be asked first.
FETCH_BEFORE_DIGEST = timedelta(minutes=30)
#: A source in trouble is asked again for so long before the operator is told.
PATIENCE = timedelta(minutes=30)
#: How long a delivery may take to end after SIGTERM.
DRAIN_S = 30
#: When the clock jumps by more than this against the machine's uptime, nothing is done for so long:
#: it may be set back.
JUMP_S, JUMP_REST_S = 60, 300


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind the address of the pages. Raises: ConfigError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as e:
        raise ConfigError(
            [f"web.host, web.port: cannot listen on {host}:{port}: {e.strerror}"],
            hint="nothing was started; stop what listens there, or set another port",
        ) from e


def _now() -> datetime:
    return datetime.now(UTC)


def _uptime() -> float:
    """Return the seconds of a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Daemon:
    """Runs one site every day. `clock` tells the time, `uptime` the time that has passed; tests set
    both. With `clock` alone, jumps of the clock are not checked.
    """

    def __init__(
        self,
        app: App,
        clock: Callable[[], datetime] = _now,
        uptime: Callable[[], float] | None = None,
        takes_mail: domain_check.Resolver | None = None,
    ) -> None:
        """`takes_mail` is asked about the domain of each new address; None: nobody is."""
        self.app = app
        self._domains = domain_check.DomainCheck(takes_mail) if takes_mail else None
        self.clock = clock
        self.uptime = uptime or (_uptime if clock is _now else None)
        self._apart: float | None = None  #: clock minus uptime at the last check
        self._still_until = 0.0  #: uptime
        self.rest = Rest()
        self.stop = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.fetched_at: datetime | None = None
        self._lock: SessionLock | None = None  #: of this database, with PostgreSQL
        self._mail_waits = asyncio.Event()  #: set when a form or a mail may need an answer

    async def serve(self, host: str, port: int) -> None:
        """Work until `stop` is set. The first SIGTERM or SIGINT drains, a second one ends at once.

        Raises: Busy when another daemon uses this database; ConfigError when the address cannot be
        bound.
        """
        with only_one(self.app.engine, "daemon") as self._lock, listen(host, port) as listener:
            stop_on_signals(self.stop)
            pages = create_app(
                self.app,
                self.clock,
                hooks.routes(self.app, self.clock),
                on_written=self._mail_waits.set,
            )
            server = _Server(web_server.settings(pages, loop="asyncio"))
            web = asyncio.create_task(server.serve(sockets=[listener]))
            clock = AsyncIOScheduler(timezone=UTC)
            intake_job = MailIntake(self.app, self.clock, self._mail_waits.set)
            for job in (self.tick, intake_job.look):
                # A late tick still runs (by default it would be dropped); several late ones run
                # once.
                clock.add_job(
                    job,
                    IntervalTrigger(seconds=TICK_S, timezone=UTC),
                    next_run_time=datetime.now(UTC),
                    misfire_grace_time=None,
                    coalesce=True,
                    max_instances=1,
                )
            clock.start()
            log.info("daemon.started", web=f"http://{host}:{port}")
            lmtp_server = await intake_job.listen()
            answering = asyncio.create_task(self._answer_people())
            waiting = asyncio.create_task(self.stop.wait())
            await asyncio.wait({web, waiting}, return_when=asyncio.FIRST_COMPLETED)
            self.stop.set()  # the pages may have ended by themselves: address in use
            clock.pause()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), DRAIN_S)
            self._mail_waits.set()  # it sees `stop`, and finishes the mail that it sends
            await asyncio.wait({answering}, timeout=DRAIN_S)
            clock.shutdown(wait=False)  # not earlier: this cancels a running tick
            server.should_exit = True
            if lmtp_server is not None:
                lmtp_server.close()
            waiting.cancel()
            await web
            log.info("daemon.stopped")

    async def _answer_people(self) -> None:
        """`answer` as soon as a mail is asked for, until `stop` is set."""
        while not self.stop.is_set():
            await self._mail_waits.wait()
            self._mail_waits.clear()
            if not self.stop.is_set():
                await self.answer()

    async def answer(self) -> None:
        """Send the mails that answer a person and wait now; those to domains that take no mail are
        refused. A failure is logged, and a tick tries again.
        """
        now = self.clock()
        try:
            if not await asyncio.to_thread(has_waiting, self.app.engine, now, is_answers=True):
                return
            if self._domains:
                for domain in await asyncio.to_thread(self._domains.screen, self.app.engine, now):
                    log.info("domain.refused", domain=domain)
            if not self.rest.lasts(now):
                delivered = await self.app.deliver(now, stop=self.stop, is_answers=True)
                for problem in delivered.problems:
                    log.warning("answer.problem", text=problem)
        except NewsletterError as e:  # also when another process has the lock and sends them
            log.info("answer.waits", code=e.code, text=e.message, next="sent by the next tick")
        except Exception:
            log.exception("answer.crashed", next="sent by the next tick")

    async def tick(self) -> None:
        """Do what is due now. A failure is logged, and the next tick tries again."""
        if self.stop.is_set():
            return
        now = self.clock()
        if self._is_clock_in_doubt(now):
            return
        self._idle.clear()
        try:
            if self._lock:  # its connection may have ended
                await asyncio.to_thread(self._lock.require)
            await asyncio.to_thread(site_health.note_tick, self.app.engine, now)
            await asyncio.to_thread(papers.index_older, self.app.engine, INDEXED_A_TICK)
            age = FETCH_EVERY if self.fetched_at is None else now - self.fetched_at
            is_due = planning.has_due(self.app.engine, self.app.config, now)
            is_turn = age >= (FETCH_BEFORE_DIGEST if is_due else FETCH_EVERY)
            again, awake = source_health.now_and_later(self.app.engine, self.app.config, now)
            asked = awake if is_turn else again
            # While no source answers, due readers wait until sources are asked again, not until the
            # next minute.
            is_planning = is_due and (
                bool(asked) or not source_health.has_blackout(self.app.engine, self.app.config)
            )
            is_sending = not self.rest.lasts(now) and has_waiting(self.app.engine, now)
            if is_planning or asked or is_sending:
                report = await self.app.run(
                    now, is_fetching=bool(asked), only=asked, stop=self.stop, patience=PATIENCE
                )
                self.rest.note(report.is_unreachable, now)
                await asyncio.to_thread(self._tell_relay)
                for problem in report.problems:
                    log.warning("run.problem", text=problem)
                log.info("run.done", **{k: v for k, v in report.data.items() if k != "sources"})
            if is_turn:
                self.fetched_at = now
        except NewsletterError as e:
            log.error(
                "run.failed", code=e.code, text=e.message, next=e.hint or "tried again in a minute"
            )
        except Exception:
            log.exception("run.crashed", next="tried again in a minute")
        finally:
            self._idle.set()

    def _tell_relay(self) -> None:
        """Keep when a relay that is away is tried again, and say how many letters wait."""
        site_health.note_next_try(self.app.engine, self.rest.until)
        if self.rest.until:
            with reading(self.app.engine) as connection:
                log.warning("relay.away", text=site_health.relay_said(connection, self.clock()))

    def _is_clock_in_doubt(self, now: datetime) -> bool:
        """Return whether the clock just jumped. A jump of a year would expire every letter, so the
        daemon waits until it is stable.
        """
        if self.uptime is None:
            return False
        passed = self.uptime()
        apart, before = now.timestamp() - passed, self._apart
        self._apart = apart
        if before is not None and abs(apart - before) > JUMP_S:
            self._still_until = passed + JUMP_REST_S
            log.error(
                "clock.jumped",
                seconds=round(apart - before),
                next=f"nothing is done for {JUMP_REST_S} s",
            )
        return passed < self._still_until
