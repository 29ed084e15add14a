"""Open the database; transactions and migrations. Queries are in the other modules.

SQLite uses WAL, synchronous=FULL (the fence before the final dot must survive a power cut), foreign
keys, and BEGIN IMMEDIATE for every writer: a transaction that reads first and writes later fails at
once when the database is locked, whatever the busy timeout is.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
    Engine,
    create_engine,
    event,
    inspect,
    literal_column,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from newsletter.errors import StoreError
from newsletter.store.database_errors import explain
from newsletter.store.locks import require_run_lock

if TYPE_CHECKING:
    from alembic.config import Config

T = TypeVar("T")

as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decoder = json.JSONDecoder()


def _loads(text: str) -> Any:
    """Decode JSON that `as_json` wrote. It takes a third of the time of `json.loads`."""
    return [] if text == "[]" else _decoder.raw_decode(text)[0]


def open_engine(url: str, *, busy_timeout_s: float = 30.0, is_syncing: bool = True) -> Engine:
    """Open an engine for `sqlite:///…` or `postgresql+psycopg://…`.

    Without `is_syncing` a commit on SQLite is safe from the end of the process alone, and from a
    power cut after the next commit that syncs, or `driver.sync`.

    Raises: StoreError for any other URL.
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
        if not is_syncing:
            quickly = "PRAGMA synchronous=NORMAL"
            event.listen(engine, "connect", lambda connection, _: connection.execute(quickly))
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
    connection.isolation_level = None  # `_begin_sqlite` sends BEGIN
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
    """Open a consistent read-only view. It takes no write lock; writing in it is a bug.

    Raises: StoreError when the database cannot be read.
    """
    try:
        with engine.connect().execution_options(readonly=True) as connection, connection.begin():
            yield connection
    except DBAPIError as e:
        raise explain(e) from e


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open one write transaction: it commits at the end, or rolls back on an exception.

    Raises: StoreError when the database stays locked, is full or is read-only; Busy when the lock
    of this run was lost and another process has it.
    """
    require_run_lock(engine)
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as e:
        raise explain(e) from e


def database_seconds(dialect: str) -> Any:
    """Return SQL for the database's clock, in whole seconds since the epoch.

    Leases use it, because a worker's clock may be wrong.
    """
    if dialect == "sqlite":
        return literal_column("CAST(strftime('%s', 'now') AS INTEGER)", BigInteger)
    return literal_column("CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)", BigInteger)


def database_time(connection: Connection) -> int:
    """Read the database's clock, in whole seconds since the epoch."""
    seconds: int = connection.execute(
        select(database_seconds(connection.dialect.name))
    ).scalar_one()
    return seconds


def insert_into(database: Connection | Dialect, table: Any) -> Any:
    """Return an INSERT in the database's dialect, which supports ON CONFLICT."""
    dialect = database.dialect if isinstance(database, Connection) else database
    if dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert

        return insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def chunks(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Split a sequence so that each part fits the parameter limit of one statement."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


# -- migrations ------------------------------------------------------------------------------------


def find_assets(name: str) -> Path:
    """Find `templates` or `migrations` in the installed package, else in the checkout."""
    package = Path(__file__).resolve().parent.parent
    for place in (package / "_assets" / name, package.parent / name):
        if place.is_dir():
            return place
    raise StoreError(
        f"the folder {name}/ is missing from the installation", hint="install newsletter again"
    )


def _alembic(engine: Engine) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(find_assets("migrations")))
    config.attributes["engine"] = engine
    return config


def migrate(engine: Engine) -> None:
    """Upgrade the schema to this version. Running it again changes nothing."""
    from alembic import command  # a fifth of a second, and only this function needs it

    command.upgrade(_alembic(engine), "head")


@dataclass(frozen=True)
class Schema:
    found: str  #: revision in the database; empty: none
    wanted: str  #: revision of this version
    is_known: bool  #: False: a newer version made it

    @property
    def is_current(self) -> bool:
        return self.found == self.wanted


def known_schemas() -> list[str]:
    """Return the revisions that this version knows, oldest first."""
    versions = (find_assets("migrations") / "versions").glob("[0-9]*.py")
    return sorted(file.name.partition("_")[0] for file in versions)


def schema(engine: Engine) -> Schema:
    """Compare the database's schema with the one this version was made for.

    A migration's file name begins with its revision.
    """
    known = known_schemas()
    with reading(engine) as connection:
        found = ""
        if inspect(connection).has_table("alembic_version"):
            found = connection.scalar(text("SELECT version_num FROM alembic_version")) or ""
    return Schema(found, known[-1], not found or found in known)


def require_schema(engine: Engine) -> None:
    """Refuse a database older or newer than this version.

    Raises: StoreError, which names the command to run.
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
