"""Tie a site to one place: a copy of its database, or an older state of it, must not send.

The first delivery stores where the database is, and every further one compares: machine, path and
file with SQLite; server and database with PostgreSQL, where many machines may send from one
database because rows are leased. With SQLite every delivery is also counted, in the database and in
a small file beside it: a database with a lower count than the file is an older state of it.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select, text

from newsletter.errors import StoreError
from newsletter.store import generations, ledger_life, runs
from newsletter.store.db import reading, require_schema, writing
from newsletter.store.tables import deliveries, site, sources
from newsletter.store.tables import runs as run_rows

HOME = "home"  #: the fact: {"machine", "path", "file"} or {"server", "database"}
DELIVERIES = "deliveries"  #: the fact: {"number"}
RESTORED = "restored"  #: the fact: {"at", "since"}
MACHINE_ID = Path("/etc/machine-id")
_DATABASE = text(
    "SELECT oid AS number, datname AS name, has_function_privilege('pg_control_system()', "
    "'execute') AS may_ask FROM pg_database WHERE datname = current_database()"
)
_SERVER = text("SELECT system_identifier FROM pg_control_system()")
_ADOPT = "if the other one will never send again: newsletter db adopt"


# -- the place -------------------------------------------------------------------------------------


def require_home(engine: Engine) -> None:
    """Refuse to send from a database of another version, from a copy, or from an older state.

    Raises: StoreError, which names the command to run.
    """
    require_schema(engine)
    with reading(engine) as connection:
        here = _here(connection)
        home = runs.fact(connection, HOME)
        number = (runs.fact(connection, DELIVERIES) or {"number": 0})["number"]
    if here is None:
        return
    if home is not None and (elsewhere := _difference(home, here)):
        raise StoreError(
            f"this database was last sent from {elsewhere}; nothing is sent from a copy of it",
            hint=_ADOPT,
        )
    count = _count_file(engine)
    if count is not None and _counted(count) > number:
        raise StoreError(
            f"this database is older than what was sent from here: it knows {number} deliveries, "
            f"{count} says {_counted(count)}; nothing is sent from a backup that was put back by "
            "hand",
            hint="hold what may have left already: newsletter db adopt",
        )
    is_noted = home is not None and home.keys() == here.keys()  # an earlier version stored less
    if count is None and is_noted:
        return
    with writing(engine) as connection:
        if not is_noted:
            runs.note_fact(connection, HOME, here)
        if count is not None:
            runs.note_fact(connection, DELIVERIES, {"number": number + 1})
    if count is not None:  # after the database: the file may have less, never more
        _write_count(count, number + 1)


def _here(connection: Connection) -> dict[str, Any] | None:
    """Return where this database is; None for one in memory."""
    if connection.dialect.name == "postgresql":
        row = connection.execute(_DATABASE).one()
        here = {"database": f"{row.name} {row.number}"}
        if row.may_ask:  # a managed server may forbid it
            here["server"] = str(connection.scalar(_SERVER))
        return here
    file = connection.engine.url.database
    if file in (None, "", ":memory:"):
        return None
    machine = MACHINE_ID.read_bytes() if MACHINE_ID.is_file() else b""
    path = Path(str(file)).resolve()
    return {
        "machine": hashlib.sha256(b"newsletter:" + machine).hexdigest()[:16],
        "path": str(path),
        "file": path.stat().st_ino,
    }


def _difference(home: dict[str, Any], here: dict[str, Any]) -> str:
    """Return where `home` is, if that is not here."""
    # PostgreSQL may not tell its server; a site in SQLite and one in PostgreSQL share nothing.
    shared = home.keys() & here.keys()
    differing = [name for name in home if name in shared and home[name] != here[name]]
    if not shared:
        differing = list(home)
    if not differing:
        return ""
    if "server" in here or "server" in home:
        return f"another database ({home.get('database', home.get('path'))})"
    if differing == ["file"]:
        return f"another file at {home['path']}"
    return f"{home['path']}{' on another machine' if 'machine' in differing else ''}"


def _count_file(engine: Engine) -> Path | None:
    if engine.dialect.name != "sqlite":
        return None
    return Path(f"{engine.url.database}.deliveries")


def _counted(file: Path) -> int:
    try:
        return int(json.loads(file.read_text())["number"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _write_count(file: Path, number: int) -> None:
    new = file.with_name(f"{file.name}.new")
    new.write_text(json.dumps({"number": number}))
    new.replace(file)


# -- after a restore -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Restored:
    """The span in which the replaced database may have sent letters."""

    since: datetime  #: the last trace of work in this database
    at: datetime  #: when this database took its place

    def __str__(self) -> str:
        return (
            f"letters that were due until {self.at:%Y-%m-%d %H:%M} UTC are not planned: this "
            f"database was put in place then, its last work is of {self.since:%Y-%m-%d %H:%M}, and "
            "they may have been sent meanwhile. If they were not: newsletter db plan-missed"
        )


def settle_here(engine: Engine, connection: Connection, now: datetime) -> int:
    """Make this the place that sends; hold open letters and return how many.

    Letters that were due until now are not planned until `plan_missed`.
    """
    since = _last_work(connection) or now
    if here := _here(connection):
        runs.note_fact(connection, HOME, here)
    if (count := _count_file(engine)) is not None:
        runs.note_fact(connection, DELIVERIES, {"number": _counted(count)})
    generations.begin(connection)
    held = ledger_life.hold_open(connection, now)
    moments = {"at": now.isoformat(), "since": min(since, now).isoformat()}
    runs.note_fact(connection, RESTORED, moments)
    return held


def restored(connection: Connection) -> Restored | None:
    """Return the restore after which sent letters may be missing here, if there was one."""
    fact = runs.fact(connection, RESTORED)
    if fact is None:
        return None
    return Restored(datetime.fromisoformat(fact["since"]), datetime.fromisoformat(fact["at"]))


def plan_missed(connection: Connection) -> bool:
    """Plan what was due before the restore after all; False when nothing was withheld."""
    return bool(connection.execute(delete(site).where(site.c.name == RESTORED)).rowcount)


def _last_work(connection: Connection) -> datetime | None:
    columns = (run_rows.c.started, run_rows.c.at, sources.c.at, deliveries.c.settled_at)
    moments = [connection.scalar(select(func.max(column))) for column in columns]
    return max((moment for moment in moments if moment is not None), default=None)
