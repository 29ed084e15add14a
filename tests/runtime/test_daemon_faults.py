"""Part B, the daemon: asked to end, asleep, with a clock that jumps, with a relay that is away."""

import asyncio
import signal
import socket
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from newsletter.runtime.daemon import Daemon
from newsletter.store import due_readers, ledger_life, tables
from newsletter.store.db import reading, writing
from tests.faults import server as fault
from tests.faults.server import Server
from tests.faults.site import NOW, Site, check, finished, make_site

MINUTE = timedelta(minutes=1)


def _daemon(site: Site, moment: list[datetime], passed: list[float] | None = None) -> Daemon:
    daemon = Daemon(site.app, lambda: moment[0], (lambda: passed[0]) if passed else None)
    daemon.fetched_at = moment[0] + timedelta(days=3650 * 2)  # no source is asked
    return daemon


def _web() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"[web]\nport = {probe.getsockname()[1]}"


async def _until(server: Server, bodies: int) -> None:
    async with asyncio.timeout(20):
        while server.bodies < bodies:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_B07_a_daemon_asked_to_end_finishes_what_is_on_its_way(tmp_path: Path) -> None:
    async with Server({"dot": fault.late(0.3)}) as server:
        site = make_site(
            tmp_path, 60, server.port, connections=2, smtp=_web(), now=datetime.now(UTC)
        )
        daemon = site.newsletter("daemon")
        await _until(server, 4)
        daemon.terminate()
        code, _, err = await asyncio.to_thread(finished, daemon)
        assert code == 0, err
        states = site.states()
        assert states["held"] + states["dot"] + states["claimed"] == 0
        assert (
            states["sent"] == len(server.accepted) >= 4 and states["pending"] == 60 - states["sent"]
        )
        server.script.clear()
        await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 60}


async def test_B07_a_command_that_is_interrupted_finishes_what_is_on_its_way(
    tmp_path: Path,
) -> None:
    async with Server({"dot": fault.late(0.3)}) as server:
        site = make_site(tmp_path, 60, server.port, connections=2)
        sending = site.newsletter("send", "--at", "2026-11-23T07:00Z")
        await _until(server, 4)
        sending.send_signal(signal.SIGINT)
        code, _, err = await asyncio.to_thread(finished, sending)
        assert code == 0 and "stopping" in err
        states = site.states()
        assert states["held"] + states["dot"] + states["claimed"] == 0
        assert states["sent"] == len(server.accepted) < 60
    check(site, server)


async def test_B08_asked_twice_it_ends_at_once_and_holds_what_is_unknown(tmp_path: Path) -> None:
    async with Server({"dot": fault.taking(fault.hang)}) as server:
        site = make_site(tmp_path, 4, server.port, smtp=_web(), now=datetime.now(UTC))
        daemon = site.newsletter("daemon")
        await _until(server, 1)
        daemon.terminate()
        await asyncio.sleep(0.5)
        assert daemon.poll() is None
        daemon.send_signal(signal.SIGTERM)
        code, _, _ = await asyncio.to_thread(finished, daemon, 10)
        assert code == 130
        server.script.clear()
        await site.deliver()
    check(site, server)
    assert site.states() == {"held": 1, "sent": 3}


async def test_B11_a_tick_that_comes_hours_late_sends_once(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 2, server.port)
        moment = [NOW + timedelta(hours=5)]
        daemon = _daemon(site, moment)
        for _ in range(3):
            await daemon.tick()
            moment[0] += MINUTE
    check(site, server)
    assert site.states() == {"sent": 2}


async def test_B14_a_clock_that_jumps_ahead_expires_nothing_if_it_comes_back(
    tmp_path: Path,
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 2, 1)  # the relay is away
        moment, passed = [NOW], [1000.0]
        daemon = _daemon(site, moment, passed)
        await daemon.tick()
        moment[0], passed[0] = NOW + timedelta(days=3650), 1060.0
        await daemon.tick()
        assert site.states() == {"pending": 2}
        moment[0], passed[0] = NOW + 2 * MINUTE, 1120.0
        await daemon.tick()
        assert site.states() == {"pending": 2}
        smtp = site.app.config.smtp.model_copy(update={"port": server.port})
        site.app.config = site.app.config.model_copy(update={"smtp": smtp})
        moment[0], passed[0] = NOW + 8 * MINUTE, 1480.0
        await daemon.tick()
    check(site, server)
    assert site.states() == {"sent": 2}


async def test_B14_steps_of_time_that_really_passed_are_no_jump(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 1, server.port)
        moment, passed = [NOW], [0.0]
        daemon = _daemon(site, moment, passed)
        daemon._apart = NOW.timestamp()
        moment[0], passed[0] = NOW + timedelta(hours=7), 7 * 3600.0  # the machine slept
        await daemon.tick()
    check(site, server)
    assert site.states() == {"sent": 1}


async def test_A09_a_relay_that_is_away_is_asked_less_and_less_often(tmp_path: Path) -> None:
    async with Server({"banner": fault.then_close("421 4.3.2 away")}) as server:
        site = make_site(tmp_path, 5, server.port, connections=4)
        moment = [NOW]
        daemon = _daemon(site, moment)
        for _ in range(60):
            await daemon.tick()
            moment[0] += MINUTE
        assert 4 <= server.talks <= 8
        server.script.clear()
        moment[0] += 15 * MINUTE
        await daemon.tick()
    check(site, server)
    assert site.states() == {"sent": 5}


def test_B19_a_reader_who_crosses_the_date_line_gets_one_digest_in_twenty_hours(
    tmp_path: Path,
) -> None:
    site = make_site(tmp_path, 1)
    with writing(site.engine) as connection:
        connection.execute(update(tables.subscribers).values(timezone="Pacific/Kiritimati"))
    rhythm = ("Pacific/Kiritimati", 7, "weekdays")
    with reading(site.engine) as connection:
        for hours, number in ((10, 0), (19, 0), (21, 1)):
            wish = NOW + timedelta(hours=hours)
            found = due_readers.due_batch(
                connection, rhythm, date(2026, 11, 24), wish, after=0, limit=5
            )
            assert len(found) == number


def test_B39_a_worker_that_was_busy_past_its_lease_may_not_send(tmp_path: Path) -> None:
    site = make_site(tmp_path, 1)
    [claim] = ledger_life.claim(site.engine, 1, NOW)
    site.run_sql("UPDATE deliveries SET lease_until = lease_until - 121")
    assert ledger_life.fence(site.engine, [(claim.id, claim.token)]) == set()


async def test_B40_output_that_nobody_reads_does_not_stop_sending(tmp_path: Path) -> None:
    async with Server({"dot": fault.first(2, fault.say("554 5.6.0 no"))}) as server:
        site = make_site(tmp_path, 5, server.port)
        sending = site.newsletter("send", "--at", "2026-11-23T07:00Z")
        assert sending.stdout and sending.stderr
        sending.stdout.close()
        sending.stderr.close()
        await asyncio.to_thread(sending.wait, 30)
    check(site, server)
    assert site.states() == {"sent": 3, "refused": 2}
