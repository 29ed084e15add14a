"""Memory that runs out: a worker may die anywhere, and nothing is lost or repeated."""

import asyncio
from pathlib import Path

from tests.faults.server import Server
from tests.faults.site import check, finished, make_site

#: Address space in MB, from too little to start to enough to send some letters.
CAPS = (150, 230, 250, 260, 270, 280, 290, 310)


async def test_B32_workers_that_run_out_of_memory_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    failed = 0
    async with Server() as server:
        site = make_site(tmp_path, 120, server.port, picks=10, connections=4)
        for cap in CAPS:
            worker = site.start(under=("prlimit", f"--as={cap << 20}"))
            code, out, error = await asyncio.to_thread(finished, worker, 30)
            failed += code != 0 or "emory" in out

            check(site, server)
        assert failed >= 2
        code, _, error = await asyncio.to_thread(finished, site.start(), 30)
        assert code == 0, error
        check(site, server)
    states = site.states()
    assert states["sent"] + states["held"] == 120 and states["held"] <= failed * 4
