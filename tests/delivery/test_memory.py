"""Memory that runs out: a worker may die anywhere, and nothing is lost or repeated."""

import asyncio
import subprocess
from pathlib import Path

from tests.faults.server import Server
from tests.faults.site import Site, check, finished, make_site, reset_lease

READERS = 120
#: Address space in MB: too little to start; enough for everything. Where a worker dies at work is
#: between them.
LEAST, MOST = 150, 700


async def test_B32_workers_that_run_out_of_memory_lose_nothing_and_repeat_nothing(
    tmp_path: Path,
) -> None:
    async with Server() as server:
        least = await _least_that_touches_letters(tmp_path / "probe", server)
    async with Server() as server:
        (tmp_path / "site").mkdir()
        site = make_site(tmp_path / "site", READERS, server.port, picks=10, connections=4)
        died_at_work = 0
        for cap in range(least - 2, least + 10, 2):
            if sum(site.states()[state] for state in ("sent", "held")) == READERS:
                break
            died_at_work += await _work_within(site, cap) and site.states()["pending"] < READERS
            check(site, server)
            reset_lease(site)
        assert died_at_work >= 1
        code, _, error = await asyncio.to_thread(finished, site.start(), 30)
        assert code == 0, error
        check(site, server)
    states = site.states()
    assert states["sent"] + states["held"] == READERS and states["held"] <= died_at_work * 4


async def _least_that_touches_letters(folder: Path, server: Server) -> int:
    least, most = LEAST, MOST
    while most - least > 3:
        cap = (least + most) // 2
        (probe := folder / str(cap)).mkdir(parents=True)
        site = make_site(probe, READERS, server.port, picks=10, connections=4)
        await _work_within(site, cap)
        least, most = (cap, most) if site.states()["pending"] == READERS else (least, cap)
    return most


async def _work_within(site: Site, cap: int) -> bool:
    """Run one worker with so many MB of address space; True = it could not do its work."""
    worker = site.start(under=("prlimit", f"--as={cap << 20}"))
    try:
        code, out, _ = await asyncio.to_thread(finished, worker, 6)
    except (
        subprocess.TimeoutExpired
    ):  # where a thread cannot even report its end, the process waits until it is killed
        return True
    return code != 0 or "emory" in out
