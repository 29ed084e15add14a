"""Part K: events while an issue is sent: time passes, addresses change, the relay slows down, the
process sleeps, somebody waits for a mail.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from newsletter.delivery import leases
from newsletter.mail_kinds import CONFIRM
from newsletter.models import SubscriberState
from newsletter.store import ledger_plan, ledger_read, subscribers, tables
from newsletter.store.db import reading, writing
from tests.delivery.test_relays import second
from tests.faults import server as fault
from tests.faults.server import Server
from tests.faults.site import NOW, Site, check, make_site

MINUTE = timedelta(minutes=1)


def picks_of(site: Site) -> int:
    with reading(site.engine) as connection:
        seen = ledger_read.seen_papers(connection, 0, 10**6, NOW)
    return len(next(iter(seen.values())))


async def test_K11_a_letter_too_large_after_greylisting_brings_half_as_many_papers(
    tmp_path: Path,
) -> None:
    grey, large = fault.say("451 4.7.1 greylisted"), fault.say("552 5.3.4 message too big")
    async with Server(
        {"rcpt": fault.some({0, 1, 2}, grey), "dot": fault.first(1, large)}
    ) as server:
        site = make_site(tmp_path, 1, server.port, picks=8)
        for minutes in (0, 7, 20, 60):
            await site.deliver(minutes * MINUTE)
        check(site, server)
    assert site.states() == {"sent": 1}
    [row] = site.rows()
    assert row.pick_limit == 4
    assert server.accepted[0].raw.count(b"On graphs, part") >= 4
    assert b"On graphs, part 3" in server.accepted[0].raw
    assert b"On graphs, part 4" not in server.accepted[0].raw
    assert picks_of(site) == 4


async def test_K33_outcomes_and_further_tries_have_their_own_moment(tmp_path: Path) -> None:
    script = {"dot": fault.some({1}, fault.say("451 4.3.0 later"))}
    async with Server(script | {"data": fault.late(0.4)}) as server:
        site = make_site(tmp_path, 4, server.port)
        await site.deliver()
        check(site, server)
    sent = sorted(row.settled_at for row in site.rows() if row.state == "sent")
    assert sent[-1] - sent[0] > timedelta(seconds=1) and sent[0] > NOW
    [late] = [row for row in site.rows() if row.state == "deferred"]
    assert late.next_at >= int((late.settled_at + 5 * MINUTE).timestamp())


async def test_K33_a_letter_put_off_is_looked_at_again_while_the_delivery_goes_on(
    tmp_path: Path,
) -> None:
    grey = fault.greylist(0.5, asyncio.get_running_loop().time)
    async with Server({"rcpt": fault.to("reader0@", grey), "data": fault.late(0.1)}) as server:
        site = make_site(tmp_path, 90, server.port, connections=2)
        config = site.app.config
        quick = config.delivery.model_copy(update={"retry": (0,)})
        site.app.config = config.model_copy(update={"delivery": quick})
        await site.deliver()
        check(site, server)
    assert site.states() == {"sent": 90}


async def test_K32_nothing_is_handed_over_after_its_time_and_the_rest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Server() as server:

        def moving_clock(now: datetime) -> Callable[[], datetime]:
            """A letter takes 0.6 seconds of this clock."""
            return lambda: now + timedelta(seconds=0.6) * len(server.accepted)

        monkeypatch.setattr("newsletter.app.moving_clock", moving_clock)
        site = make_site(tmp_path, 60, server.port)
        with writing(site.engine) as connection:
            soon = {"expires_at": NOW + timedelta(seconds=6)}
            connection.execute(update(tables.deliveries).values(soon))
        done = await site.deliver()
        check(site, server)
    states = site.states()
    assert 1 <= states["sent"] <= 12 and states["expired"] == 60 - states["sent"]
    last = max(row.settled_at for row in site.rows() if row.state == "sent")
    assert last <= NOW + timedelta(seconds=7)
    assert f"{states['expired']} letters went out of date before they could be sent" in str(
        done.problems
    )


async def test_K30_a_relay_that_takes_nobody_counts_as_away_and_the_next_one_takes_them(
    tmp_path: Path,
) -> None:
    throttled = {"mail": fault.then_close("421 4.7.0 try again later")}
    async with Server(throttled) as one, Server() as two:
        site = make_site(tmp_path, 20, one.port, smtp=second(two.port))
        done = await site.deliver()
        assert one.talks <= 4 and len(two.accepted) == 20
        check(site, two)
    assert site.states() == {"sent": 20}
    assert [row.attempts for row in site.rows()] == [1] * 20
    assert "next relay" in str(done.problems) and "421 4.7.0 try again later" in str(done.problems)


async def test_K30_without_another_relay_letters_are_given_back_uncharged(tmp_path: Path) -> None:
    async with Server({"mail": fault.then_close("421 4.7.0 try again later")}) as server:
        site = make_site(tmp_path, 20, server.port, connections=4)
        done = await site.deliver()
        assert done.is_unreachable and server.talks <= 10
    assert site.states() == {"pending": 20}
    assert {(row.attempts, row.claims) for row in site.rows()} == {(0, 0)}


async def test_K39_a_relay_that_takes_two_connections_is_told_as_it_is(tmp_path: Path) -> None:
    banner = fault.some(set(range(2, 1000)), fault.then_close("421 4.7.0 too many connections"))
    async with Server({"banner": banner, "data": fault.late(0.01)}) as server:
        site = make_site(tmp_path, 30, server.port, connections=5)
        done = await site.deliver()
        check(site, server)
    assert site.states() == {"sent": 30}
    assert "next relay" not in str(done.problems)
    assert "its other connections took the letters" in str(done.problems)


async def test_K38_a_changed_address_gets_todays_letter(tmp_path: Path) -> None:
    async with Server({"data": fault.late(0.1)}) as server:
        site = make_site(tmp_path, 12, server.port)

        async def move() -> None:
            while not server.accepted:  # noqa: ASYNC110 (the server has no event for it)
                await asyncio.sleep(0.02)
            with writing(site.engine) as connection:
                moved = connection.scalar(
                    select(tables.deliveries.c.subscriber)
                    .where(tables.deliveries.c.state == "claimed")
                    .order_by(tables.deliveries.c.id.desc())
                )
                assert moved is not None
                new = "new@example.org"
                subscribers.change_address(connection, moved, new, new)

        await asyncio.gather(site.deliver(), move())
        check(site, server)
    assert site.states() == {"sent": 12}
    assert "new@example.org" in {message.recipient for message in server.accepted}


async def test_K40_a_process_that_slept_past_its_lease_goes_on_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = [0.0]
    uptime: Callable[[], float] = leases.uptime
    monkeypatch.setattr(leases, "uptime", lambda: uptime() + asleep[0])
    async with Server({"data": fault.late(0.05)}) as server:
        site = make_site(tmp_path, 30, server.port)

        async def sleep() -> None:
            await asyncio.sleep(0.4)
            asleep[0] = 125.0
            site.run_sql(
                "UPDATE deliveries SET lease_until = lease_until - 125 WHERE state = 'claimed'"
            )

        done, _ = await asyncio.gather(site.deliver(), sleep())
        check(site, server)
    assert site.states() == {"sent": 30} and not done.is_unreachable and done.problems == []


async def test_K31_a_mail_that_answers_a_person_does_not_wait_for_the_issue(tmp_path: Path) -> None:
    arrived: list[float] = []
    loop = asyncio.get_running_loop()

    async def note(talk: fault.Talk) -> bool:
        if talk.recipient == "new@example.net":
            arrived.append(loop.time())
        await asyncio.sleep(0.05)
        return False

    async with Server({"data": note}) as server:
        site = make_site(tmp_path, 100, server.port)  # five seconds

        async def ask() -> float:
            await asyncio.sleep(0.5)
            with writing(site.engine) as connection:
                reader = subscribers.add(
                    connection, _newcomer(), "new@example.net", NOW, consent=""
                )
                ledger_plan.enqueue(connection, reader.id, CONFIRM, {}, NOW)
            return loop.time()

        _, asked = await asyncio.gather(site.deliver(), ask())
        check(site, server)
    assert arrived and arrived[0] - asked < 3.0
    assert site.states() == {"sent": 100}


def _newcomer() -> subscribers.Subscriber:
    return subscribers.Subscriber(
        0, "new@example.net", state=SubscriberState.PENDING, timezone="UTC"
    )
