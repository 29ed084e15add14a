"""`newsletter worker` as people run it: real processes on one PostgreSQL database, beside each
other.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from newsletter.errors import StoreError
from newsletter.runtime import worker as worker_module
from newsletter.runtime.worker import LOOK_S, Rest, Worker
from newsletter.store import tables
from newsletter.store.db import writing
from tests.faults.server import Server, late
from tests.faults.site import DAY, NOW, Site, check, finished, freeze, make_site


async def until(is_so: Callable[[], bool], limit_s: float = 150.0) -> None:
    ends = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < ends, "did not happen"
        await asyncio.sleep(0.05)


def shared(folder: Path, readers: int, port: int, postgres: Engine) -> Site:
    url = postgres.url.render_as_string(hide_password=False)
    return make_site(folder, readers, port, url=url, now=datetime.now(UTC))


async def test_two_workers_share_an_issue_and_the_next_one_and_end_when_asked(
    tmp_path: Path, postgres: Engine
) -> None:
    async with Server({"dot": late(0.01)}) as server:
        site = shared(tmp_path, 150, server.port, postgres)
        workers = [site.newsletter("worker") for _ in range(2)]
        await until(lambda: site.states()["sent"] == 150)
        freeze(site.engine, site.readers[:5], DAY + timedelta(days=30), datetime.now(UTC), 3)
        await until(lambda: site.states()["sent"] == 155)
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        ended = [await asyncio.to_thread(finished, worker, 30) for worker in workers]
        assert [code for code, _, _ in ended] == [0, 0], ended
    check(site, server)


async def test_what_a_killed_worker_had_leased_is_sent_by_another_when_its_lease_ends(
    tmp_path: Path, postgres: Engine
) -> None:
    async with Server() as server:
        site = shared(tmp_path, 40, server.port, postgres)
        killed = site.newsletter("worker", fault="body:KILL")
        assert (await asyncio.to_thread(finished, killed, 30))[0] == -signal.SIGKILL
        other = site.newsletter("worker")
        await asyncio.sleep(1.0)
        assert site.states() == {"claimed": 40}, "a lease is another worker's until it ends"
        with writing(site.engine) as connection:
            connection.execute(tables.deliveries.update().values(lease_until=1))
        await until(lambda: site.states() == {"sent": 40})
        other.send_signal(signal.SIGTERM)
        assert (await asyncio.to_thread(finished, other, 30))[0] == 0
    check(site, server)


async def test_with_sqlite_there_are_no_workers(tmp_path: Path) -> None:
    site = make_site(tmp_path, 1)
    code, _, error = await asyncio.to_thread(finished, site.newsletter("worker"), 30)
    assert code == 2 and "needs PostgreSQL" in error and "newsletter daemon" in error


async def test_a_database_that_is_away_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 2, server.port)
        worker = Worker(site.app, lambda: NOW)
        with monkeypatch.context() as away:
            away.setattr(
                worker_module, "has_waiting", lambda *_: (_ for _ in ()).throw(StoreError("away"))
            )
            assert await worker.look() is False
        assert await worker.look() is True
        assert await worker.look() is False
    check(site, server)


async def test_a_relay_that_is_away_is_asked_less_and_less_often(tmp_path: Path) -> None:
    moment = [NOW]
    worker = Worker(make_site(tmp_path, 2, port=1).app, lambda: moment[0])
    waits = []
    for _ in range(3):
        assert await worker.look() is False
        assert worker.rest.until is not None
        waits.append(worker.rest.until - moment[0])
        assert await worker.look() is False
        moment[0] = worker.rest.until
    assert waits == [timedelta(minutes=m) for m in (1, 2, 4)] and LOOK_S <= 10


def test_a_rest_ends_with_the_first_success_and_is_never_longer_than_a_quarter_of_an_hour() -> None:
    rest = Rest()
    for _ in range(30):
        rest.note(True, NOW)
    assert rest.lasts(NOW + timedelta(minutes=14)) and not rest.lasts(NOW + timedelta(minutes=15))
    rest.note(False, NOW)
    assert not rest.lasts(NOW)
