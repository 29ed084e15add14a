"""Files of databases and backups, which other users of the machine cannot read, and a database's
address as PostgreSQL's own programs take it.
"""

import os
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from newsletter.errors import StoreError


def make_private(path: Path) -> None:
    """Create a file that only this user can read, if it does not exist; what fills it keeps that.

    Raises: StoreError.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    except OSError as e:
        raise StoreError(f"{path} cannot be created: {e.strerror}") from e


def make_database(engine: Engine) -> None:
    """Create the file of an SQLite database, if there is none yet. Raises: StoreError."""
    file = engine.url.database
    if engine.dialect.name == "sqlite" and file not in (None, "", ":memory:"):
        make_private(Path(str(file)))


def plain_address(url: str) -> tuple[str, str]:
    """Return an address without its password, and the password, which may be empty."""
    whole = make_url(url).set(drivername="postgresql")
    password = whole.password or whole.query.get("password") or ""
    plain = whole.set(password=None).difference_update_query(["password"])
    return plain.render_as_string(), str(password)
