"""Pace inside a real delivery: the rate is reached, and a receiver that asks for less does not stop
the issue.
"""

import time
from pathlib import Path

import pytest

from tests.faults import server as fault
from tests.faults.server import Server, Talk
from tests.faults.site import check, make_site


async def test_the_configured_rate_is_the_achieved_rate_within_two_percent(tmp_path: Path) -> None:
    moments: list[float] = []

    async def note(_talk: Talk) -> bool:
        moments.append(time.monotonic())
        return False

    async with Server({"dot": note}) as server:
        site = make_site(tmp_path, 400, server.port, smtp="rate_per_second = 100", connections=8)
        done = await site.deliver()
    assert done.counts["sent"] == 400
    steady = moments[
        20:
    ]  # the first ones only fill the queue of letters that wait for a connection
    rate = (len(steady) - 1) / (steady[-1] - steady[0])
    print(f"configured 100/s, achieved {rate:.2f}/s")
    assert rate == pytest.approx(100, rel=0.02)


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
