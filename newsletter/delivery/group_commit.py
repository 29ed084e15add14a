"""The one writer of a delivery: it writes the fences and outcomes of all connections into the
ledger together.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine

from newsletter.errors import StoreError
from newsletter.failpoint import failpoint
from newsletter.models import Receipt
from newsletter.store import ledger_life
from newsletter.store.db import open_engine
from newsletter.store.driver import sync

#: Seconds between tries to record a reply while the database is locked or full.
RECORD_AGAIN_S = (0.5, 1.0, 2.0, 4.0, 8.0)


class GroupCommit:
    """Writes fences and outcomes of all connections; those that arrive together share one commit.

    When the database fails, no further dot is sent and nothing more is claimed. Replies of servers
    are written again and again until they are stored.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.trouble: Exception | None = None
        #: Rows whose fence failed: no dot was sent, whatever the row says.
        self.unsent: set[int] = set()
        self._thread = ThreadPoolExecutor(1, "ledger")
        #: SQLite writes faster than a thread wakes. Only a locked database is waited for in the
        #: thread.
        is_sqlite = engine.dialect.name == "sqlite"
        self._at_once = _impatient(engine) if is_sqlite else None
        #: An outcome without a fence survives the end of this process as soon as it is written, and
        #: a power cut from the next fence on, which nearly always follows at once.
        self._quick = _impatient(engine, is_syncing=False) if is_sqlite else None
        self._fences: list[tuple[int, str, asyncio.Future[bool]]] = []
        self._outcomes: list[tuple[Receipt, str, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def fence(self, delivery: int, token: str) -> bool:
        """Return whether the final dot may be sent."""
        failpoint("body")
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._fences.append((delivery, token, future))
        self._start()
        is_passed = await future
        failpoint("intent")
        return is_passed

    async def settle(self, receipt: Receipt, token: str) -> bool:
        """Record an outcome. False when that failed, and the row stays as the fence left it."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._outcomes.append((receipt, token, future))
        self._start()
        return await future

    def _start(self) -> None:
        """Write soon, so that all that arrived during the last commit goes into one."""
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        is_synced = True
        while True:
            await self._gather()
            fences, self._fences = self._fences, []
            told, self._outcomes = self._outcomes, []
            if not fences and not told:
                break
            outcomes = [(receipt, token) for receipt, token, _ in told]
            passed = await self._commit(outcomes, [(id, token) for id, token, _ in fences])
            is_synced = bool(fences) or self._quick is None
            is_kept = passed is not None or await self._record_again(outcomes)
            for _, _, future in told:
                if not future.done():
                    future.set_result(is_kept)
            for id, _, future in fences:
                if not future.done():
                    future.set_result(passed is not None and id in passed)
        if not is_synced:
            self._sync()

    async def _gather(self) -> None:
        """Let the loop turn as long as its turns bring more to write: replies that have come
        already, and the bodies that follow those that were recorded.
        """
        known = -1
        while (number := len(self._fences) + len(self._outcomes)) > known:
            known = number
            await asyncio.sleep(0)

    def _sync(self) -> None:
        """No fence followed the outcomes that were written last: bring them to the disk."""
        try:
            sync(self.engine)
        except Exception as e:
            self.trouble = self.trouble or e

    async def _commit(
        self, outcomes: Sequence[tuple[Receipt, str]], rows: Sequence[tuple[int, str]]
    ) -> set[int] | None:
        """Write outcomes and fences in one commit; None when it failed. Fences are on the disk
        then.
        """
        if self.trouble is None:
            try:
                at_once = self._at_once if rows else self._quick
                if at_once is not None:
                    try:
                        return ledger_life.write(at_once, outcomes, rows)
                    except StoreError as e:
                        if "locked" not in e.message:
                            raise
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(
                    self._thread, ledger_life.write, self.engine, outcomes, rows
                )
            except Exception as e:
                self.trouble = e
        # The commit may have succeeded or not; in both cases these dots are not sent.
        self.unsent.update(delivery for delivery, _ in rows)
        return None

    async def _record_again(self, outcomes: Sequence[tuple[Receipt, str]]) -> bool:
        """Try until the replies of the servers are stored.

        Recording an outcome twice changes nothing but a count of tries.
        """
        loop = asyncio.get_running_loop()
        for wait_s in (0.0, *RECORD_AGAIN_S) if outcomes else ():
            await asyncio.sleep(wait_s)
            with contextlib.suppress(Exception):
                await loop.run_in_executor(self._thread, ledger_life.settle, self.engine, outcomes)
                return True
        return False

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        for engine in (self._at_once, self._quick):
            if engine is not None:
                engine.dispose()


def _impatient(engine: Engine, *, is_syncing: bool = True) -> Engine:
    url = engine.url.render_as_string(hide_password=False)
    return open_engine(url, busy_timeout_s=0.02, is_syncing=is_syncing)
