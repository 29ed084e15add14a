"""Fixtures that every room may use. Imported before anything is frozen, so that model classes exist already."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

import newsletter.store.tables  # noqa: F401  (classes cannot be made while the clock is frozen)
from newsletter.store.db import migrate, open_engine

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real data that nobody here wrote: NEWSLETTER_TEST_DATA, else ../shared/data beside the project."""
    path = Path(os.environ.get("NEWSLETTER_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"no test data at {path}; set NEWSLETTER_TEST_DATA")
    return path


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("NEWSLETTER_") and name != "NEWSLETTER_TEST_DATA":
            monkeypatch.delenv(name)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A migrated, empty SQLite database of its own."""
    engine = open_engine(f"sqlite:///{tmp_path / 'newsletter.db'}")
    migrate(engine)
    yield engine
    engine.dispose()
