"""Empty databases of the newest schema: migrated once per run, copied for each test."""

import hashlib
import secrets
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from newsletter.cli.site import CONFIG
from newsletter.matching.curated import load_curated
from newsletter.store import topics
from newsletter.store.db import find_assets, migrate, open_engine, writing

VERSIONS = find_assets("migrations") / "versions"


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/empty.db")
        migrate(engine)
        engine.dispose()
        return Path(folder, "empty.db").read_bytes()


@cache
def _with_topics() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        engine = make_sqlite(Path(folder, "topics.db"))
        with writing(engine) as connection:
            topics.seed(connection, load_curated())
        engine.dispose()
        return Path(folder, "topics.db").read_bytes()


def make_sqlite(path: Path, *, with_topics: bool = False) -> Engine:
    """Make a database file with the newest schema, and with the curated topics if asked."""
    path.write_bytes(_with_topics() if with_topics else _migrated())
    return open_engine(f"sqlite:///{path}")


def make_folder(folder: Path) -> Path:
    """Make a site as `newsletter init` does, with its own key; return its config.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    make_sqlite(folder / "newsletter.db", with_topics=True).dispose()
    key, config = folder / "secret.key", folder / "config.toml"
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32) + "\n")
    config.write_text(CONFIG)
    return config


def make_template(server: str) -> str:
    """Make the PostgreSQL database that `postgres_copy` copies, if this server does not have it.

    Its name tells the migrations it was made by. Two test processes may do this at once.
    """
    migrations = b"".join(path.read_bytes() for path in sorted(VERSIONS.glob("*.py")))
    name = f"template_{hashlib.sha256(migrations).hexdigest()[:12]}"
    with _admin(server).connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(1)"))  # until this connection ends
        exists = text("SELECT 1 FROM pg_database WHERE datname = :name")
        if not connection.scalar(exists, {"name": name}):
            connection.execute(text(f"DROP DATABASE IF EXISTS {name}_unfinished"))
            connection.execute(text(f"CREATE DATABASE {name}_unfinished"))
            engine = open_engine(_address(server, f"{name}_unfinished"))
            migrate(engine)
            engine.dispose()
            connection.execute(text(f"ALTER DATABASE {name}_unfinished RENAME TO {name}"))
    return name


@contextmanager
def postgres_copy(server: str, template: str) -> Iterator[Engine]:
    """A migrated, empty PostgreSQL database of its own; dropped after use."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with _admin(server).connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    engine = open_engine(_address(server, name))
    try:
        yield engine
    finally:
        engine.dispose()
        with _admin(server).connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def _address(server: str, database: str = "") -> str:
    url = make_url(server).set(drivername="postgresql+psycopg")
    return (url.set(database=database) if database else url).render_as_string(hide_password=False)


def _admin(server: str) -> Engine:
    return create_engine(_address(server), isolation_level="AUTOCOMMIT", poolclass=NullPool)
