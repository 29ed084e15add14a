"""When outcomes and fences reach the disk."""

import asyncio
from pathlib import Path

import pytest

from newsletter.delivery import group_commit
from newsletter.delivery.group_commit import GroupCommit
from newsletter.errors import StoreError
from newsletter.models import DeliveryState, Receipt
from newsletter.store import ledger_life
from tests.faults.server import Server
from tests.faults.site import NOW, Site, check, make_site


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows with every sync that is no commit's."""
    seen: list[None] = []
    genuine = group_commit.sync
    monkeypatch.setattr(group_commit, "sync", lambda engine: (seen.append(None), genuine(engine)))
    return seen


def sent(delivery: int) -> Receipt:
    return Receipt(delivery, DeliveryState.SENT, NOW, 250, phase="dot")


def states(site: Site) -> list[str]:
    return [row.state for row in site.rows()]


async def test_an_outcome_that_no_fence_follows_is_synced(
    tmp_path: Path, syncs: list[None]
) -> None:
    site = make_site(tmp_path, 1)
    [claim] = ledger_life.claim(site.engine, 1, NOW)
    commits = GroupCommit(site.engine)
    assert await commits.fence(claim.id, claim.token) and not syncs
    assert await commits.settle(sent(claim.id), claim.token)
    assert states(site) == ["sent"]
    await asyncio.sleep(0.05)
    assert len(syncs) == 1
    commits.close()


async def test_an_outcome_is_recorded_before_the_next_fence_which_syncs_both(
    tmp_path: Path, syncs: list[None]
) -> None:
    site = make_site(tmp_path, 2)
    first, second = ledger_life.claim(site.engine, 2, NOW)
    commits = GroupCommit(site.engine)
    await commits.fence(first.id, first.token)
    await commits.settle(sent(first.id), first.token)
    assert states(site) == ["sent", "claimed"]  # a process that ends here has nothing to hold
    assert await commits.fence(second.id, second.token)
    await asyncio.sleep(0.05)
    assert states(site) == ["sent", "dot"] and not syncs
    commits.close()


async def test_B25_a_sync_that_fails_ends_the_delivery_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_engine: object) -> None:
        raise StoreError("database: disk I/O error")

    monkeypatch.setattr(group_commit, "sync", failing)
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        done = await site.deliver()
        assert any("disk I/O error" in problem for problem in done.problems)
        monkeypatch.undo()
        await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 3}
