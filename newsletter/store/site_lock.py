"""Tie a site to one place: a copy of its database on another machine must not send letters again.

With SQLite the first delivery stores machine and path, and every further one compares them. With
PostgreSQL many machines may send from one database, because rows are leased; nothing is compared.
"""

import hashlib
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from newsletter.errors import StoreError
from newsletter.store import ledger_life, runs
from newsletter.store.db import reading, require_schema, writing

HOME = "home"  #: the fact: {"machine", "path"}
MACHINE_ID = Path("/etc/machine-id")


def require_home(engine: Engine) -> None:
    """Refuse to send from a database of another version, or from a copy in another place.

    Raises: StoreError, which names the command to run.
    """
    require_schema(engine)
    here = _here(engine)
    if here is None:
        return
    with reading(engine) as connection:
        home = runs.fact(connection, HOME)
    if home is None:
        with writing(engine) as connection:
            runs.note_first(connection, HOME, here)
    elif home != here:
        raise StoreError(
            f"this database was last sent from {home['path']}"
            f"{'' if home['machine'] == here['machine'] else ' on another machine'}; nothing is "
            "sent from a copy of it",
            hint="if the other one will never send again: newsletter db adopt",
        )


def settle_here(engine: Engine, connection: Connection, now: datetime) -> int:
    """Make this the place that sends; hold open letters and return how many."""
    if here := _here(engine):
        runs.note_fact(connection, HOME, here)
    return ledger_life.hold_open(connection, now)


def _here(engine: Engine) -> dict[str, str] | None:
    if engine.dialect.name != "sqlite" or engine.url.database in (None, "", ":memory:"):
        return None
    machine = MACHINE_ID.read_bytes() if MACHINE_ID.is_file() else b""
    path = str(Path(str(engine.url.database)).resolve())
    return {"machine": hashlib.sha256(b"newsletter:" + machine).hexdigest()[:16], "path": path}
