"""Part B, the process: killed, stopped, asked to end, or running twice; real processes and a real
server.
"""

import asyncio
import resource
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine

from newsletter.store import ledger_life
from newsletter.store.db import writing
from newsletter.store.locks import only_one
from tests.faults import server as fault
from tests.faults.server import Server
from tests.faults.site import NOW, Site, check, finished, make_site, reset_lease, stopped, told
from tests.faults.soak import soak


async def _killed(folder: Path, point: str) -> tuple[Site, Server, str, int]:
    """Kill a worker at a point of its second letter, then run another one. Returns the state of
    that row, and the messages that were accepted at the moment of death.
    """
    async with Server() as server:
        site = make_site(folder, 4, server.port)
        number = 1 if point == "claimed" else 2
        code, _, _ = await asyncio.to_thread(finished, site.start(fault=f"{point}:KILL:{number}"))
        assert code == -signal.SIGKILL
        accepted = len(server.accepted)
        await site.deliver()
        check(site, server)
    return site, server, site.rows()[1].state, accepted


async def test_B01_killed_after_the_claim_is_sent_once(tmp_path: Path) -> None:
    site, server, state, _ = await _killed(tmp_path, "claimed")
    assert state == "sent" and len(server.accepted) == 4 and site.states() == {"sent": 4}


async def test_B02_killed_before_the_fence_is_sent_once(tmp_path: Path) -> None:
    site, server, state, _ = await _killed(tmp_path, "body")
    assert state == "sent" and len(server.accepted) == 4 and site.states() == {"sent": 4}


async def test_B03_killed_between_fence_and_dot_is_held_and_can_be_resolved(tmp_path: Path) -> None:
    site, server, state, accepted = await _killed(tmp_path, "intent")
    assert state == "held" and accepted == 1 and len(server.accepted) == 3
    with writing(site.engine) as connection:
        assert ledger_life.resolve(connection, 1, as_sent=False, now=NOW) == 1
    async with Server(port=server.port) as again:
        await site.deliver()
        assert len(again.accepted) == 1
    assert site.states() == {"sent": 4}


@pytest.mark.parametrize("point", ["dot"])
async def test_B04_killed_after_the_dot_is_held(tmp_path: Path, point: str) -> None:
    site, server, state, _ = await _killed(tmp_path, point)
    assert state == "held" and len(server.accepted) == 4 and site.states() == {"held": 1, "sent": 3}


async def test_B05_killed_before_the_reply_is_recorded_is_held(tmp_path: Path) -> None:
    _, server, state, accepted = await _killed(tmp_path, "reply")
    assert state == "held" and accepted == 2 and len(server.accepted) == 4


def test_B06_random_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    result = soak(12, seed=7, readers=900, folder=tmp_path)
    assert result["kills"] >= 3
    assert (result["duplicates"], result["lost"]) == (0, 0)
    assert (
        result["sent"] + result["held"] == result["planned"]
        and result["held"] <= result["kills"] * 2
    )


@pytest.mark.parametrize("point", ["body", "intent", "reply"])
async def test_B09_stopped_for_long_while_another_takes_over(tmp_path: Path, point: str) -> None:
    await _stopped_for_long(make_site, tmp_path, point)


@pytest.mark.parametrize("point", ["body"])
async def test_J03_stopped_for_long_while_another_takes_over_on_postgresql(
    tmp_path: Path, postgres: Engine, point: str
) -> None:
    url = postgres.url.render_as_string(hide_password=False)
    await _stopped_for_long(
        lambda folder, n, port: make_site(folder, n, port, url=url), tmp_path, point
    )


async def _stopped_for_long(make, folder: Path, point: str) -> None:
    """A worker sleeps longer than its lease, a second one does its work, the first one wakes up."""
    # Late, so that the worker is not stopped while it claims ahead: asleep in a transaction it
    # would lock SQLite.
    async with Server({"data": fault.late(0.2)}) as server:
        site: Site = make(folder, 3, server.port)
        sleeper = site.start("--no-lock", fault=f"{point}:STOP")
        await asyncio.to_thread(stopped, sleeper)
        reset_lease(site)
        code, _, err = await asyncio.to_thread(finished, site.start("--no-lock"))
        assert code == 0, err
        before = {row.id: row.state for row in site.rows()}
        sleeper.send_signal(signal.SIGCONT)
        code, _, err = await asyncio.to_thread(finished, sleeper)
        assert code == 0, err
        check(site, server)
    assert max(server.times.values()) == 1
    if point in ("claimed", "body"):
        assert site.states() == {"sent": 3}, before
    else:  # B10: nobody else sends what was fenced; the late reply resolves the held row
        assert list(before.values()).count("held") == 1
        assert site.states() == {"sent": 3}


async def test_B10_stopped_between_fence_and_dot_then_killed_stays_held(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        sleeper = site.start("--no-lock", fault="intent:STOP")
        await asyncio.to_thread(stopped, sleeper)
        reset_lease(site)
        await asyncio.to_thread(finished, site.start("--no-lock"))
        sleeper.kill()
        await asyncio.to_thread(finished, sleeper)
        check(site, server)
    assert site.states() == {"held": 1, "sent": 2}


async def test_B12_a_second_process_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    async with Server({"dot": fault.late(1.5)}) as server:
        site = make_site(tmp_path, 2, server.port)
        one = site.start(fault="claimed:STOP")
        await asyncio.to_thread(stopped, one)
        code, _, err = await asyncio.to_thread(finished, site.newsletter("send"), 20)
        assert code == 75 and f"process {one.pid} on" in err
        one.send_signal(signal.SIGCONT)
        await asyncio.to_thread(finished, one)
    check(site, server)
    assert site.states() == {"sent": 2}


async def test_B12_four_workers_on_postgresql_share_an_issue(
    tmp_path: Path, postgres: Engine
) -> None:
    async with Server() as server:
        url = postgres.url.render_as_string(hide_password=False)
        site = make_site(tmp_path, 200, server.port, url=url)
        workers = [site.start("--no-lock") for _ in range(4)]
        ended = await asyncio.gather(
            *(asyncio.to_thread(finished, worker, 60) for worker in workers)
        )
        assert [code for code, _, _ in ended] == [0] * 4
        assert sum(told(out).get("sent", 0) for _, out, _ in ended) == 200
    check(site, server)
    assert site.states() == {"sent": 200}


async def test_A26_a_hang_in_quit_costs_a_second_and_no_record(tmp_path: Path) -> None:
    async with Server({"quit": fault.hang}) as server:
        site = make_site(tmp_path, 2, server.port)
        begun = time.monotonic()
        await site.deliver()
        assert time.monotonic() - begun < 5
    check(site, server)
    assert site.states() == {"sent": 2}


async def test_B35_a_letter_that_kills_its_process_is_put_aside_and_the_others_go_out(
    tmp_path: Path,
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 6, server.port)
        for _ in range(5):
            code, _, err = await asyncio.to_thread(
                finished, site.start("--crash-at", str(site.readers[2]))
            )
            assert code == -signal.SIGABRT, err
        code, _, err = await asyncio.to_thread(
            finished, site.start("--crash-at", str(site.readers[2]))
        )
        assert code == 0, err
        check(site, server)
    assert [row.state for row in site.rows()] == ["sent", "sent", "refused", "sent", "sent", "sent"]
    assert site.rows()[2].reply == ledger_life.ENDED_ITS_PROCESS


async def test_B33_few_file_descriptors_do_not_lose_a_letter(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 12, server.port, connections=30)
        worker = site.start()
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (64, 64))
        code, _, err = await asyncio.to_thread(finished, worker)
        assert code == 0, err
        check(site, server)
        if site.states() != {"sent": 12}:
            await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 12}


def test_B12_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    site = make_site(tmp_path, 1)
    worker = site.start(fault="claimed:KILL")
    assert finished(worker)[0] == -signal.SIGKILL
    with only_one(site.engine, "run"):
        pass
