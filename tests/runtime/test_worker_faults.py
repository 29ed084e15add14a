"""Part J, several workers on one PostgreSQL: the database goes away, the network is cut, many claim
letters at once.
"""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url

from newsletter.models import DeliveryState, Receipt
from newsletter.runtime.worker import LOOK_S, Worker
from newsletter.store import ledger_life, ledger_read
from newsletter.store.db import open_engine, reading
from tests.faults.server import Server, Talk, first
from tests.faults.site import DAY, NOW, Site, check, freeze, make_site


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


# -- the database goes away ------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["banner", "mail", "rcpt", "data", "body", "dot"])
async def test_J04_every_connection_to_the_database_is_ended_in_each_phase(
    tmp_path: Path, postgres: Engine, phase: str
) -> None:
    admin = create_engine(postgres.url)
    others = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    def end_all() -> None:
        with admin.connect() as connection:
            assert connection.scalar(others)

    async def failover(_talk: Talk) -> bool:
        await asyncio.to_thread(end_all)
        return False

    async with Server({phase: first(1, failover)}) as server:
        site = make_site(tmp_path, 6, server.port, url=url_of(postgres), connections=2)
        await site.deliver()
        await site.deliver()
        check(site, server)
    assert site.states() == {"sent": 6} and len(server.accepted) == 6
    admin.dispose()


class Cable:
    """A connection's way to PostgreSQL, which can be cut: at once, or after the next COMMIT has
    arrived.
    """

    def __init__(self, engine: Engine) -> None:
        url = make_url(url_of(engine))
        folder = url.query.get("host")
        self._to = (
            (folder, url.port or 5432) if folder else (url.host or "localhost", url.port or 5432)
        )
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = url.set(
            host="127.0.0.1", port=self._listener.getsockname()[1], query={}
        ).render_as_string(hide_password=False)
        self.is_cut = False
        self.cuts_after: Callable[[], bool] = lambda: False  #: asked at each COMMIT that arrives
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.is_cut:
                near.close()
                continue
            far = self._connect()
            self._open += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(
                    target=self._pass_on, args=(source, target, source is near), daemon=True
                ).start()

    def _connect(self) -> socket.socket:
        host, port = self._to
        if not str(host).startswith("/"):
            return socket.create_connection((str(host), port))
        far = socket.socket(socket.AF_UNIX)
        far.connect(f"{host}/.s.PGSQL.{port}")
        return far

    def _pass_on(self, source: socket.socket, target: socket.socket, is_to_database: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
                if is_to_database and b"COMMIT" in data and self.cuts_after():
                    time.sleep(
                        0.1
                    )  # the database does what it was told; what it says is lost on the way
                    self.cut()
        _end(source, target)

    def cut(self) -> None:
        self.is_cut = True
        _end(*self._open)
        self._open.clear()

    def mend(self) -> None:
        self.is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


@contextmanager
def _far_site(
    folder: Path, postgres: Engine, port: int, readers: int
) -> Iterator[tuple[Site, Cable]]:
    """A site whose worker reaches the database over a cable."""
    cable = Cable(postgres)
    try:
        yield make_site(folder, readers, port, url=cable.url), cable
    finally:
        cable.close()


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_J05_a_commit_that_arrived_and_whose_answer_was_lost(
    tmp_path: Path, postgres: Engine, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fence, or the record of an outcome, is kept, and the worker cannot know it."""
    monkeypatch.setattr("newsletter.delivery.group_commit.RECORD_AGAIN_S", (0.05,))
    async with Server() as server:
        with _far_site(tmp_path, postgres, server.port, 3) as (site, cable):
            writes = iter(range(1, 10**6))
            genuine = ledger_life.write

            def counted(*values: object) -> object:
                cable.cuts_after = lambda now=next(writes) == number: now
                try:
                    return genuine(*values)
                finally:
                    cable.cuts_after = lambda: False

            monkeypatch.setattr(ledger_life, "write", counted)
            await site.deliver()
            assert cable.is_cut
            cable.mend()
            await site.deliver(after=timedelta(minutes=1))
            await _claims_end(site)
            await site.deliver(after=timedelta(minutes=2))
            check(site, server)
            states = site.states()
    assert states["sent"] + states["held"] == 3 and states["held"] <= 1


async def test_J08_a_worker_cut_off_from_its_database_while_a_body_is_on_its_way_sends_no_dot(
    tmp_path: Path, postgres: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.delivery.group_commit.RECORD_AGAIN_S", (0.05,))
    async with Server() as server:
        with _far_site(tmp_path, postgres, server.port, 3) as (site, cable):

            async def partition(_talk: Talk) -> bool:
                cable.cut()
                return False

            server.script = {"data": first(1, partition)}
            await site.deliver()
            assert not server.accepted, "a dot left without its fence"
            cable.mend()
            await _claims_end(site)
            await site.deliver(after=timedelta(minutes=1))
            check(site, server)
            assert site.states() == {"sent": 3} and len(server.accepted) == 3


async def _claims_end(site: Site) -> None:
    """Let the leases end of what a worker that was cut off could not give back, and its dots
    too.
    """
    site.run_sql("UPDATE deliveries SET lease_until = 1 WHERE state = 'claimed'")
    site.run_sql("UPDATE deliveries SET dot_at = 1 WHERE state = 'dot'")


# -- many at once ----------------------------------------------------------------------------------


async def test_J02_what_nobody_was_told_of_is_found_at_the_next_look(
    tmp_path: Path, postgres: Engine
) -> None:
    """There is no queue beside the ledger that could lose a job: who looks finds all that waits."""
    async with Server() as server:
        site = make_site(tmp_path, 20, server.port, url=url_of(postgres))
        assert LOOK_S <= 60
        assert await Worker(site.app, lambda: NOW).look()
        assert site.states() == {"sent": 20}
        check(site, server)


def test_J06_J07_eight_workers_take_each_letter_once_by_the_index_of_what_waits(
    tmp_path: Path, postgres: Engine
) -> None:
    """Claims, sweeps and outcomes of eight at once: no deadlock, no serialization failure, no
    letter taken twice.
    """
    letters = 20_000
    site = make_site(tmp_path, letters, url=url_of(postgres), picks=1)
    plans: list[str] = []
    taken: list[int] = []

    def work(number: int) -> None:
        engine = open_engine(url_of(postgres))
        try:
            with ExitStack() as listening:
                if number == 0:
                    _explain_claims(engine, plans, listening)
                while claims := ledger_life.claim(engine, 200, NOW):
                    taken.extend(claim.id for claim in claims)
                    ledger_life.sweep(engine, NOW)
                    rows = [(claim.id, claim.token) for claim in claims]
                    assert ledger_life.fence(engine, rows) == {claim.id for claim in claims}
                    ledger_life.settle(
                        engine,
                        [(Receipt(id, DeliveryState.SENT, NOW, 250), token) for id, token in rows],
                    )
        finally:
            engine.dispose()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(taken) == letters and Counter(taken).most_common(1)[0][1] == 1
    assert site.states() == {"sent": letters}
    with reading(site.engine) as connection:
        assert ledger_read.check(connection) == []
    assert plans and all("Index Scan using ix_deliveries_open" in plan for plan in plans[:10]), (
        plans[:1]
    )
    assert not any("Sort" in plan for plan in plans[:10])


def _explain_claims(engine: Engine, plans: list[str], listening: ExitStack) -> None:
    """Note the plan of each claim before it runs."""

    def explain(_connection, cursor, statement, parameters, _context, _many) -> None:
        if "SKIP LOCKED" in statement:
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))

    event.listen(engine, "before_cursor_execute", explain)
    listening.callback(event.remove, engine, "before_cursor_execute", explain)


def test_J09_a_worker_whose_clock_is_wrong_measures_leases_with_the_databases(
    tmp_path: Path, postgres: Engine
) -> None:
    site = make_site(tmp_path, 4, url=url_of(postgres))
    for wrong in (timedelta(minutes=5), timedelta(minutes=-5)):
        claims = ledger_life.claim(site.engine, 2, NOW + wrong) or ledger_life.claim(
            site.engine, 2, NOW
        )
        with reading(site.engine) as connection:
            left = connection.execute(
                text(
                    "SELECT lease_until - extract(epoch FROM now()) FROM deliveries WHERE id = "
                    "ANY(:ids)"
                ),
                {"ids": [claim.id for claim in claims]},
            ).scalars()
            assert all(
                ledger_life.LEASE_S - 5 < float(seconds) <= ledger_life.LEASE_S + 1
                for seconds in left
            )
        ledger_life.sweep(site.engine, NOW + timedelta(minutes=5))
        assert all(
            row.state != "pending"
            for row in site.rows()
            if row.id in {claim.id for claim in claims}
        )
    assert not ledger_life.claim(site.engine, 10, NOW + timedelta(minutes=5)), (
        "a lease was taken from its worker"
    )


@pytest.mark.parametrize("workers", [20])
async def test_J10_twenty_workers_that_start_at_once_share_the_letters(
    tmp_path: Path, postgres: Engine, workers: int
) -> None:
    async with Server() as server:
        # The server shares its loop and two cores with all workers: an answer may take seconds.
        site = make_site(tmp_path, 200, server.port, url=url_of(postgres), now=NOW, timeout_s=25)
        freeze(site.engine, site.readers[:10], DAY + timedelta(days=1), NOW)
        await asyncio.gather(*(site.deliver_patiently() for _ in range(workers)))
        check(site, server)
    assert site.states() == {"sent": 210} and len(server.accepted) == 210
