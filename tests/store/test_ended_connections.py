"""Connections to PostgreSQL that end in the middle of something."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text
from structlog.testing import capture_logs

from newsletter.errors import Busy, StoreError
from newsletter.runtime.daemon import Daemon
from newsletter.runtime.worker import Worker
from newsletter.store import runs
from newsletter.store.db import open_engine, reading, writing
from newsletter.store.locks import SessionLock, only_one
from tests.faults.server import Server
from tests.faults.site import NOW, check, make_site


@pytest.fixture
def other(postgres: Engine) -> Iterator[Engine]:
    """Another process on the same database."""
    engine = open_engine(postgres.url.render_as_string(hide_password=False))
    yield engine
    engine.dispose()


def end_all(engine: Engine) -> int:
    """End every connection to the database but this one."""
    ending = text(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with reading(engine) as connection:
        return int(connection.scalar(ending) or 0)


def test_K09_a_lock_that_was_lost_is_taken_again_before_the_next_write(
    postgres: Engine, other: Engine
) -> None:
    with only_one(postgres, "run"):
        assert end_all(other) == 1
        with writing(postgres) as connection:
            runs.note_fact(connection, "written", {})
        with pytest.raises(Busy), only_one(other, "run"):
            pass
        assert end_all(other) >= 1
    with only_one(other, "run"):
        pass


async def test_K09_a_daemons_lock_that_was_lost_is_taken_again_by_the_next_tick(
    tmp_path: Path, postgres: Engine, other: Engine
) -> None:
    site = make_site(tmp_path, 1, url=postgres.url.render_as_string(hide_password=False))
    daemon = Daemon(site.app, lambda: NOW)
    daemon.fetched_at = NOW.replace(year=2036)  # no source is asked
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    serving = asyncio.create_task(daemon.serve("127.0.0.1", port))
    await asyncio.sleep(3)
    with pytest.raises(Busy), only_one(other, "daemon"):
        pass
    await asyncio.to_thread(end_all, other)
    await daemon.tick()
    with pytest.raises(Busy), only_one(other, "daemon"):
        pass
    daemon.stop.set()
    await serving
    site.app.close()


def test_K09_a_lock_that_another_process_took_meanwhile_stops_the_next_write(
    postgres: Engine, other: Engine
) -> None:
    with only_one(postgres, "run"):
        end_all(other)
        theirs = SessionLock(other, "run")
        theirs.take()
        with pytest.raises(Busy, match="another run"), writing(postgres) as connection:
            runs.note_fact(connection, "written", {})
        theirs.release()
        with writing(postgres) as connection:  # it is over, and the lock is ours again
            assert runs.fact(connection, "written") is None


def test_K09_a_connection_that_ends_is_told_with_what_to_do(
    postgres: Engine, other: Engine
) -> None:
    with pytest.raises(StoreError, match="connection ended") as e, writing(postgres) as connection:
        runs.note_fact(connection, "written", {})
        end_all(other)
        runs.note_fact(connection, "written", {})
    assert "done again by the next look" in e.value.hint
    with reading(postgres) as connection:
        assert runs.fact(connection, "written") is None


@pytest.mark.parametrize("moment", ["before_cursor_execute", "checkout"])
async def test_K09_a_worker_goes_on_when_its_connections_end_while_it_sends(
    tmp_path: Path, postgres: Engine, other: Engine, moment: str
) -> None:
    """Each statement of a delivery finds its connection ended once, just before it is executed; and
    in the n-th look the n-th use of a connection does, and every eleventh, while letters leave.
    """
    async with Server() as server:
        url = postgres.url.render_as_string(hide_password=False)
        site = make_site(tmp_path, 10, server.port, url=url, now=datetime.now(UTC))
        statements: set[str] = set()
        looks, uses = 0, 0

        def end_statement(_c: object, _cursor: object, statement: str, *_: object) -> None:
            if statement not in statements:
                statements.add(statement)
                end_all(other)

        def end_use(*_: object) -> None:
            nonlocal uses
            uses += 1
            if uses == looks or uses % 11 == 0:
                end_all(other)

        end = end_statement if moment == "before_cursor_execute" else end_use
        worker = Worker(site.app)
        event.listen(site.engine, moment, end)
        with capture_logs() as logs:
            for _ in range(60):
                looks, uses = looks + 1, 0
                await worker.look()
                with writing(other) as connection:  # the lease of a claim that was lost ends
                    connection.execute(text("UPDATE deliveries SET lease_until = 0"))
                with reading(other) as connection:
                    states = connection.execute(text("SELECT DISTINCT state FROM deliveries"))
                    if not set(states.scalars()) - {"sent", "held"}:
                        break
        event.remove(site.engine, moment, end)
    failed = [one for one in logs if one["event"] == "worker.failed"]
    assert failed and all("connection ended" in one["text"] for one in failed)
    assert site.states() == {"sent": 10}
    check(site, server)
