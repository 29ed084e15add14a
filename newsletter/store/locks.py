"""Locks between processes: one run of a site, one daemon.

SQLite has a file beside the database; PostgreSQL an advisory lock, which is lost with its
connection.
"""

import fcntl
import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from select import select
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from newsletter.errors import Busy
from newsletter.store.database_errors import explain

#: The lock of this task's run: `db.writing` looks whether it is still held.
_run_lock: ContextVar["SessionLock | None"] = ContextVar("run_lock", default=None)


class SessionLock:
    """An advisory lock of PostgreSQL: it is lost with its connection."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine, self.name = engine, name
        self.number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:6])
        self._connection: Connection | None = None
        self._looking = threading.Lock()

    def take(self) -> None:
        """Raises: Busy; StoreError when the database does not answer."""
        try:
            connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            taking = text("SELECT pg_try_advisory_lock(:n)")
            is_ours = connection.scalar(taking, {"n": self.number})
        except DBAPIError as e:
            raise explain(e) from e
        if not is_ours:
            connection.close()
            raise Busy(
                f"another {self.name} is active on this database",
                hint="wait for it, or stop it first",
            )
        self._connection = connection

    def require(self) -> None:
        """Make sure that the lock is held: one whose connection ended is taken again.

        Raises: Busy when another process has it by now; StoreError.
        """
        with self._looking:
            if self._connection is not None and not _has_ended(self._connection):
                return
            self._drop()
            self.take()

    def release(self) -> None:
        if self._connection is None or _has_ended(self._connection):
            self._drop()
            return
        with suppress(DBAPIError):  # it ends with its connection
            self._connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": self.number})
        self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            if _has_ended(self._connection):
                self._connection.invalidate()
            self._connection.close()
        self._connection = None


def _has_ended(connection: Connection) -> bool:
    """Whether the server ended a connection that waits for nothing: then it can be read from. It
    asks the server nothing.
    """
    if connection.invalidated:
        return True
    driver: Any = connection.connection.driver_connection
    if driver.closed:
        return True
    try:
        while select([driver.fileno()], [], [], 0)[0]:
            driver.pgconn.consume_input()
    except Exception:  # the driver's own, which a site without PostgreSQL does not have
        return True
    return False


@contextmanager
def only_one(engine: Engine, name: str) -> Iterator["SessionLock | None"]:
    """Hold a lock that only one process can have: "run" for a run, "daemon" for a daemon.

    The lock is released when the process ends, also when it crashes. A run's lock that was lost
    with its connection is taken again before the next write of the run, or that write fails.

    Raises: Busy, which names the holder where the system knows it.
    """
    if engine.dialect.name == "postgresql":
        lock = SessionLock(engine, name)
        lock.take()
        before = _run_lock.get()
        if name == "run":
            _run_lock.set(lock)
        try:
            yield lock
        finally:
            _run_lock.set(before)
            lock.release()
        return
    if not engine.url.database or engine.url.database == ":memory:":
        yield None
        return
    path = Path(f"{engine.url.database}.{name}.lock")
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            file.seek(0)
            holder = file.read().strip() or "unknown process"
            raise Busy(
                f"another {name} is active ({holder})", hint="wait for it, or stop it first"
            ) from e
        file.truncate(0)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {started}")
        file.flush()
        yield None


def require_run_lock(engine: Engine) -> None:
    """Make sure that the lock of this run is held, if this is part of one.

    Raises: Busy when it was lost and another process has it; StoreError.
    """
    if (lock := _run_lock.get()) is not None and lock.engine is engine:
        lock.require()
