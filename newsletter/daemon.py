"""Clock, web and delivery in one process. The clock only asks; what is due is found in the database every time.

So a late tick, a restart, a sleeping laptop or a daylight-saving change can neither skip a day nor repeat one.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import structlog
import uvicorn
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from newsletter.app import App
from newsletter.errors import ConfigError, NewsletterError
from newsletter.store.db import only_one
from newsletter.web import create_app

log = structlog.get_logger()

TICK_S = 60
#: Sources are asked this often; most of them answer "not modified".
FETCH_EVERY = timedelta(hours=1)
#: A digest is not made from news older than this, if the sources can be asked first.
FETCH_BEFORE_DIGEST = timedelta(minutes=30)
#: How long a delivery in progress may take to end after SIGTERM.
DRAIN_S = 30


class _Server(uvicorn.Server):
    """uvicorn, leaving signals to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Take the address of the pages. Raises: ConfigError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as e:
        raise ConfigError(
            [f"web.host, web.port: cannot listen on {host}:{port}: {e.strerror}"],
            hint="nothing was started; stop what listens there, or set another port",
        ) from e


class Daemon:
    """One site's day, every day. `clock` tells the time, so that tests can."""

    def __init__(self, app: App, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.app = app
        self.clock = clock
        self.stop = asyncio.Event()
        self.fetched_at: datetime | None = None

    async def serve(self, host: str, port: int) -> None:
        """Work until `stop` is set: first SIGTERM or SIGINT drains, a second one leaves at once.

        Raises: Busy when another daemon has this database; ConfigError when the address cannot be listened on.
        """
        with only_one(self.app.engine, "daemon"), listen(host, port) as door:
            self._listen_to_signals()
            settings = uvicorn.Config(
                create_app(self.app, self.clock), log_level="warning", proxy_headers=False,
                server_header=False, loop="asyncio", timeout_graceful_shutdown=5,
            )  # fmt: skip
            server = _Server(settings)
            web = asyncio.create_task(server.serve(sockets=[door]))
            clock = AsyncIOScheduler(timezone=UTC)
            # A tick that comes late is still a tick (the default drops it), and several late ones are one.
            clock.add_job(
                self.tick, IntervalTrigger(seconds=TICK_S, timezone=UTC), next_run_time=datetime.now(UTC),
                misfire_grace_time=None, coalesce=True, max_instances=1,
            )  # fmt: skip
            clock.start()
            log.info("daemon.started", web=f"http://{host}:{port}")
            waiting = asyncio.create_task(self.stop.wait())
            await asyncio.wait({web, waiting}, return_when=asyncio.FIRST_COMPLETED)
            self.stop.set()  # the web may have ended by itself: an address in use
            clock.shutdown(wait=False)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), DRAIN_S)
            server.should_exit = True
            waiting.cancel()
            await web
            log.info("daemon.stopped")

    async def tick(self) -> None:
        """Do what is due now. A failure is told and tried again at the next tick."""
        if self.stop.is_set():
            return
        now = self.clock()
        self._idle.clear()
        try:
            age = FETCH_EVERY if self.fetched_at is None else now - self.fetched_at
            is_due = self.app.has_due(now)
            is_fetching = age >= (FETCH_BEFORE_DIGEST if is_due else FETCH_EVERY)
            if is_due or is_fetching or self.app.has_waiting(now):
                report = await self.app.run(now, is_fetching=is_fetching, stop=self.stop)
                for problem in report.problems:
                    log.warning("run.problem", text=problem)
                log.info("run.done", **{k: v for k, v in report.data.items() if k != "sources"})
            if is_fetching:
                self.fetched_at = now
        except NewsletterError as e:
            log.error("run.failed", code=e.code, text=e.message, next=e.hint or "tried again in a minute")
        except Exception:
            log.exception("run.crashed", next="tried again in a minute")
        finally:
            self._idle.set()

    def _listen_to_signals(self) -> None:
        self._idle = asyncio.Event()
        self._idle.set()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        if self.stop.is_set():
            raise SystemExit(130)
        log.info("daemon.stopping", drain_s=DRAIN_S)
        self.stop.set()
