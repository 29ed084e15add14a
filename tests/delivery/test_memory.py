"""Memory runs out: a worker may die anywhere, and no letter is lost or repeated."""

import asyncio
import subprocess
from pathlib import Path

from tests.faults.server import Server
from tests.faults.site import Site, check, finished, make_site, reset_lease

READERS = 120


async def test_B32_workers_that_run_out_of_memory_lose_nothing_and_repeat_nothing(
    tmp_path: Path,
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, READERS, server.port, picks=10, connections=4)
        died = died_at_work = 0
        for kilobytes in range(10_000, 100_000, 7_000):
            if sum(site.states()[state] for state in ("sent", "held")) == READERS:
                break
            is_dead = await _work_within(site, kilobytes)
            died += is_dead
            died_at_work += is_dead and site.states()["pending"] < READERS
            check(site, server)
            reset_lease(site)
        assert died >= 1 and died_at_work >= 1
        code, _, error = await asyncio.to_thread(finished, site.start(), 30)
        assert code == 0, error
        check(site, server)
    states = site.states()
    assert states["sent"] + states["held"] == READERS and states["held"] <= died_at_work * 4


async def _work_within(site: Site, kilobytes: int) -> bool:
    """Run one worker with limited memory; True = it failed."""
    worker = site.start("--memory", str(kilobytes))
    try:
        code, out, _ = await asyncio.to_thread(finished, worker, 10)
    except (
        subprocess.TimeoutExpired
    ):  # where a thread cannot even report its end, the process waits until it is killed
        return True
    return code != 0 or "emory" in out
