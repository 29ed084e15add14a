"""Opening the database, transactions, migrations, locks. No query about the product's nouns lives
here.

SQLite: WAL, synchronous=FULL (the fence before the final dot must survive a power cut), foreign
keys, and BEGIN IMMEDIATE for every writer, because a read that turns into a write fails at once
whatever the busy timeout says.
"""

import fcntl
import hashlib
import json
import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
    Engine,
    create_engine,
    event,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from newsletter.errors import Busy, StoreError

T = TypeVar("T")

as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decoder = json.JSONDecoder()


def _loads(text: str) -> Any:
    """As json.loads, for what `as_json` wrote: a third of the time, and papers are loaded by the
    ten thousand.
    """
    return [] if text == "[]" else _decoder.raw_decode(text)[0]


def open_engine(url: str, *, busy_timeout_s: float = 30.0) -> Engine:
    """Open an engine for `sqlite:///…` or `postgresql+psycopg://…`.

    Raises: StoreError when the address is not one of these.
    """
    kind = make_url(url).get_backend_name()
    if kind == "sqlite":
        engine = create_engine(
            url,
            connect_args={"timeout": busy_timeout_s},
            json_serializer=as_json,
            json_deserializer=_loads,
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if kind == "postgresql":
        try:
            return create_engine(url, pool_pre_ping=True, json_serializer=as_json)
        except ModuleNotFoundError as e:
            raise StoreError(
                "PostgreSQL needs the extra postgres", hint="pip install 'newsletter[postgres]'"
            ) from e
    raise StoreError(
        f"database.url: {kind} is not supported", hint="use sqlite:///… or postgresql+psycopg://…"
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-32768",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql("BEGIN" if options.get("readonly") else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A consistent view that takes no write lock. Writing in it is a bug.

    Raises: StoreError when the database cannot be read.
    """
    try:
        with engine.connect().execution_options(readonly=True) as connection, connection.begin():
            yield connection
    except DBAPIError as e:
        raise explain(e) from e


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction: all of it is kept, or none.

    Raises: StoreError when the database stays locked, is full or is read-only.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as e:
        raise explain(e) from e


def explain(error: DBAPIError) -> Exception:
    """Turn what an operator can mend into a StoreError; hand back everything else as it is (bugs
    stay visible).
    """
    said = str(error.orig)
    for mark, hint in (
        (
            "database is locked",
            "another process is writing for a long time; look for it with: newsletter db status",
        ),
        ("disk is full", "free some space, then run the command again; nothing was half done"),
        ("disk I/O error", "the disk reported an error; check it, then: newsletter db status"),
        ("readonly database", "the database file cannot be written by this user"),
        ("malformed", "the database file is damaged; restore a backup: newsletter db restore FILE"),
        ("not a database", "the file is not an SQLite database; check database.url"),
        ("no such table", "the database has no schema yet: newsletter db migrate"),
        ("could not connect", "check that PostgreSQL runs and database.url is right"),
        ("connection failed", "check that PostgreSQL runs and database.url is right"),
    ):
        if mark in said:
            return StoreError(f"database: {said.splitlines()[0]}", hint=hint)
    return error


def database_seconds(dialect: str) -> Any:
    """SQL for the database's own clock, whole seconds since the epoch. Leases never trust a
    worker's clock.
    """
    if dialect == "sqlite":
        return literal_column("CAST(strftime('%s', 'now') AS INTEGER)", BigInteger)
    return literal_column("CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)", BigInteger)


def database_time(connection: Connection) -> int:
    """The database's own clock, whole seconds since the epoch."""
    seconds: int = connection.execute(
        select(database_seconds(connection.dialect.name))
    ).scalar_one()
    return seconds


def insert_into(database: Connection | Dialect, table: Any) -> Any:
    """An INSERT that knows ON CONFLICT, in the database's dialect."""
    dialect = database.dialect if isinstance(database, Connection) else database
    return (sqlite if dialect.name == "sqlite" else postgresql).insert(table)


def chunks(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Cut a sequence into parts that fit the parameters of one statement."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


# -- migrations ------------------------------------------------------------------------------------


def find_assets(name: str) -> Path:
    """Find `templates` or `migrations`: in the installed package first, then beside it in a
    checkout.
    """
    package = Path(__file__).resolve().parent.parent
    for place in (package / "_assets" / name, package.parent / name):
        if place.is_dir():
            return place
    raise StoreError(
        f"the folder {name}/ is missing from the installation", hint="install newsletter again"
    )


def _alembic(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(find_assets("migrations")))
    config.attributes["engine"] = engine
    return config


def migrate(engine: Engine) -> None:
    """Bring the schema to this version. Repeating it changes nothing."""
    command.upgrade(_alembic(engine), "head")


@dataclass(frozen=True)
class Schema:
    found: str  #: revision in the database; empty = none
    wanted: str  #: revision of this version
    is_known: bool  #: False: made by a newer version

    @property
    def is_current(self) -> bool:
        return self.found == self.wanted


def schema(engine: Engine) -> Schema:
    """Compare the database's schema with the one this version was made for."""
    scripts = ScriptDirectory.from_config(_alembic(engine))
    with reading(engine) as connection:
        found = MigrationContext.configure(connection).get_current_revision() or ""
    known = {script.revision for script in scripts.walk_revisions()}
    return Schema(found, scripts.get_current_head() or "", not found or found in known)


def require_schema(engine: Engine) -> None:
    """Refuse a database older or newer than this version.

    Raises: StoreError naming the command that helps.
    """
    state = schema(engine)
    if not state.is_known:
        raise StoreError(
            f"database: made by a newer version (schema {state.found}; this version knows "
            f"{state.wanted})",
            hint="install that version again, or restore a backup: newsletter db restore FILE",
        )
    if not state.is_current:
        raise StoreError(
            f"database: schema {state.found or 'missing'}, this version needs {state.wanted}",
            hint="back it up and bring it up to date: newsletter db migrate",
        )


# -- locks -----------------------------------------------------------------------------------------


@contextmanager
def only_one(engine: Engine, name: str) -> Iterator[None]:
    """Hold a lock that one process at a time can have: "run" while a day is made, "daemon" for a
    daemon's life.

    It ends with the process, however that ends. Raises: Busy, naming the holder where the system
    knows it.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:6])
            if not connection.scalar(text("SELECT pg_try_advisory_lock(:n)"), {"n": number}):
                raise Busy(
                    f"another {name} is active on this database",
                    hint="wait for it, or stop it first",
                )
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": number})
        return
    if not engine.url.database or engine.url.database == ":memory:":
        yield
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
        yield
