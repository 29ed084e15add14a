"""Write transactions with a cursor of the database driver, for prepared statements that run many
times a second: SQLAlchemy would take longer than they do.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from newsletter.errors import StoreError
from newsletter.store.database_errors import explain
from newsletter.store.locks import require_run_lock


@contextmanager
def writing_by_driver(engine: Engine) -> Iterator[Any]:
    """Open one write transaction, as `db.writing` does, and hand out a cursor of the driver.

    Raises: as `db.writing`.
    """
    require_run_lock(engine)
    dialect, connection = engine.dialect, None
    failures: Any = dialect.loaded_dbapi.Error
    try:
        connection = engine.raw_connection()
        cursor = connection.cursor()
        if dialect.name == "sqlite":
            cursor.execute("BEGIN IMMEDIATE")
        yield cursor
        connection.commit()
    except failures as e:
        ended = connection is None or dialect.is_disconnect(e, connection.dbapi_connection, None)
        if ended and connection is not None:
            connection.invalidate(e)
        raise explain(DBAPIError("", None, e, connection_invalidated=ended)) from e
    finally:
        if connection is not None:
            connection.close()  # rolls back what was not committed


def sync(engine: Engine) -> None:
    """Write all commits on SQLite to the disk, also those of connections that do not sync.

    Raises: StoreError.
    """
    log = Path(f"{engine.url.database}-wal")
    try:
        with log.open("rb") as file:
            os.fdatasync(file.fileno())
    except FileNotFoundError:  # its last connection was closed, which wrote all to the disk
        return
    except OSError as e:
        raise StoreError(
            f"database: disk I/O error ({e.strerror})",
            hint="the disk reported an error; check it, then: newsletter db status",
        ) from e
