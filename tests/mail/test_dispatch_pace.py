"""Pace inside a real delivery: the rate is reached, and a receiver that asks for less does not stop the issue."""

import time
from pathlib import Path

from tests.faults import server as fault
from tests.faults.server import Server, Talk
from tests.faults.site import check, make_site


async def test_sending_reaches_the_configured_rate(tmp_path: Path) -> None:
    moments: list[float] = []

    async def note(_talk: Talk) -> bool:
        moments.append(time.monotonic())
        return False

    async with Server({"dot": note}) as server:
        site = make_site(tmp_path, 300, server.port, smtp="rate_per_second = 100", connections=8)
        started = time.monotonic()
        done = await site.deliver()
    assert done.counts["sent"] == 300
    rate = 299 / (moments[-1] - started)
    assert 80 < rate <= 100.5  # never faster; claiming and connecting take the first moments


async def test_A25_a_receiver_that_says_421_does_not_slow_the_others(tmp_path: Path) -> None:
    slow = fault.first(1, fault.then_close("421 4.7.0 too fast"))
    async with Server({"rcpt": fault.by_domain({"slow.example": slow})}) as server:
        site = make_site(tmp_path, 24, server.port, domains=("slow.example", "fast.example"))
        done = await site.deliver()
        sent = [message.recipient.partition("@")[2] for message in server.accepted]
        check(site, server)
    assert sent.count("fast.example") == 12
    assert sent.count("slow.example") == 11 and site.states()["deferred"] == 1
    assert sent.index("fast.example") < 4 and "slow.example" in sent[-3:]
    assert not done.is_unreachable
