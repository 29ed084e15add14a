"""Rates in a real delivery: the configured rate is reached, and one slow receiver does not stop the
issue.
"""

import time
from pathlib import Path

import pytest

from newsletter.mail.rate_limit import BURST_S, Bucket
from tests.faults import server as fault
from tests.faults.server import Server, Talk
from tests.faults.site import check, make_site


async def test_the_configured_rate_is_kept_and_used_in_a_real_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Allowed sends are counted, so a slow machine does not fail the test."""
    asked: list[float] = []
    allowed: list[float] = []
    left: list[float] = []
    take = Bucket.take

    def taken(bucket: Bucket, now: float) -> float:
        at = take(bucket, now)
        if bucket.ceiling == 100:
            asked.append(now)
            allowed.append(at)
        return at

    async def note(_talk: Talk) -> bool:
        left.append(time.monotonic())
        return False

    monkeypatch.setattr(Bucket, "take", taken)
    async with Server({"mail": note}) as server:
        site = make_site(tmp_path, 150, server.port, smtp="rate_per_second = 100", connections=8)
        done = await site.deliver()
    assert done.counts["sent"] == len(allowed) == len(left) == 150  # one each, and none wasted
    assert all(moment >= at for moment, at in zip(left, allowed, strict=True))  # none early
    for before, at, now in zip(allowed[:-1], allowed[1:], asked[1:], strict=True):
        is_behind = (
            at <= now - BURST_S + 1e-6
        )  # time lost for longer than a burst is not made up for
        assert at - before == pytest.approx(0.01) or (is_behind and at - before > 0.01)


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
