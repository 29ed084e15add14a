"""Part A, the relay: what a server does at each phase, and what becomes of the letter, the issue
and the reader.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.delivery.group_commit import GroupCommit
from newsletter.models import SubscriberState
from newsletter.store import ledger_read, subscribers
from newsletter.store.db import reading
from tests.faults import server as fault
from tests.faults.server import Fault, Server
from tests.faults.site import DAY, NOW, PASSWORD, Site, check, freeze, make_site

MINUTE = timedelta(minutes=1)

#: id, what happens after the dot, the row's state, whether the server took the message
AFTER_THE_DOT: list[tuple[str, Fault, str, bool]] = [
    ("closed", fault.taking(fault.close), "held", True),
    ("reset", fault.taking(fault.reset), "held", True),
    ("cut", fault.taking(fault.cut("25")), "held", True),
    ("cut line", fault.taking(fault.cut("250 2.0.0 ok")), "held", True),
    ("hang", fault.taking(fault.hang), "held", True),
    ("hang, not taken", fault.hang, "held", False),
    ("garbage", fault.taking(fault.say("hello \x1b[31m")), "held", True),
    ("354", fault.taking(fault.say("354 more?")), "held", True),
    ("150", fault.taking(fault.say("150 hold on")), "held", True),
    ("334", fault.taking(fault.say("334 VXNlcm5hbWU6")), "held", True),
    ("650", fault.taking(fault.say("650 what")), "held", True),
    ("late", fault.late(0.3), "sent", True),
    ("251", fault.taking(fault.say("251 will forward")), "sent", True),
    ("252", fault.taking(fault.say("252 who knows")), "sent", True),
    ("multi-line", fault.taking(fault.say("250-2.0.0 ok", "250 queued")), "sent", True),
    ("then closed", fault.taking(fault.then_close("250 2.0.0 ok")), "sent", True),
    ("421", fault.then_close("421 4.3.2 shutting down"), "deferred", False),
    ("451", fault.say("451 4.3.0 try later"), "deferred", False),
    ("452", fault.say("452 4.3.1 disk full"), "deferred", False),
    ("554", fault.say("554 5.6.0 content refused"), "refused", False),
]


async def _after_the_dot(folder: Path, name: str) -> tuple[Site, Server]:
    _, doing, state, is_taken = next(row for row in AFTER_THE_DOT if row[0] == name)
    async with Server({"dot": fault.first(1, doing)}) as server:
        site = make_site(folder, 3, server.port)
        await site.deliver()
        await site.deliver()  # at once: nothing may change
    check(site, server)
    assert [row.state for row in site.rows()] == [state, "sent", "sent"]
    assert len(server.accepted) == 2 + is_taken
    return site, server


async def test_A01_closed_after_the_dot_is_held_and_told(tmp_path: Path) -> None:
    site, _ = await _after_the_dot(tmp_path, "closed")
    row = site.rows()[0]
    assert "closed the connection" in row.reply and row.phase == "dot" and row.ambiguous == 1
    with reading(site.engine) as connection:
        assert ledger_read.missed(
            connection, site.readers, NOW.date() + timedelta(days=1)
        ).keys() == {site.readers[0]}


async def test_A01_with_retry_it_is_the_same_message_again(tmp_path: Path) -> None:
    async with Server({"dot": fault.first(1, fault.taking(fault.close))}) as server:
        site = make_site(tmp_path, 1, server.port, ambiguous="retry")
        await site.deliver()
        assert site.states() == {"deferred": 1}
        await site.deliver(6 * MINUTE + MINUTE)
        check(site, server, may_repeat=True)
    assert site.states() == {"sent": 1}
    assert len({message.raw for message in server.accepted}) == 1 and len(server.accepted) == 2


@pytest.mark.parametrize("name", ["reset"])
async def test_A02_reset_after_the_dot_is_held(tmp_path: Path, name: str) -> None:
    await _after_the_dot(tmp_path, name)


@pytest.mark.parametrize("name", ["cut", "cut line"])
async def test_A03_half_a_reply_is_no_reply(tmp_path: Path, name: str) -> None:
    await _after_the_dot(tmp_path, name)


@pytest.mark.parametrize("name", ["hang", "hang, not taken", "late"])
async def test_A04_the_reply_is_waited_for_and_then_held(tmp_path: Path, name: str) -> None:
    await _after_the_dot(tmp_path, name)


async def test_A04_other_connections_go_on_while_one_hangs(tmp_path: Path) -> None:
    async with Server({"dot": fault.first(1, fault.taking(fault.hang))}) as server:
        site = make_site(tmp_path, 12, server.port, connections=3)
        await site.deliver()
    check(site, server)
    assert site.states() == {"held": 1, "sent": 11}


@pytest.mark.parametrize("name", ["garbage", "354", "150", "334", "650"])
async def test_A05_garbage_after_the_dot_is_held(tmp_path: Path, name: str) -> None:
    site, _ = await _after_the_dot(tmp_path, name)
    assert site.rows()[0].reply.isprintable() and len(site.rows()[0].reply) <= 512


@pytest.mark.parametrize("name", ["251", "252", "multi-line", "then closed"])
async def test_A06_every_2yz_after_the_dot_is_delivered(tmp_path: Path, name: str) -> None:
    await _after_the_dot(tmp_path, name)


@pytest.mark.parametrize("name", ["421", "451", "452"])
async def test_A07_4yz_after_the_dot_is_put_off(tmp_path: Path, name: str) -> None:
    await _after_the_dot(tmp_path, name)


async def test_A07_waits_double_until_the_letter_is_out_of_date(tmp_path: Path) -> None:
    async with Server({"dot": fault.say("451 4.3.0 not now")}) as server:
        site = make_site(tmp_path, 1, server.port)
        waits, after = [], timedelta()
        for _ in range(30):
            await site.deliver(after)
            [row] = site.rows()
            if row.state != "deferred":
                break
            wait = row.next_at - int((NOW + after).timestamp())
            waits.append(wait / 60)
            after += timedelta(seconds=wait + 1)
    check(site, server)
    assert row.state == "expired" and server.accepted == []
    for wait, minutes in zip(waits, [5, 10, 20, 40, 80, 160, 240, 240], strict=False):
        assert minutes <= wait <= minutes * 1.21
    assert max(waits) <= 240 * 1.21


async def test_A08_an_issue_whose_content_is_refused_pauses_and_says_so(tmp_path: Path) -> None:
    async with Server({"dot": fault.say("554 5.6.0 looks like spam")}) as server:
        site = make_site(tmp_path, 60, server.port)
        done = await site.deliver()
        assert any(
            "is paused" in problem and "looks like spam" in problem for problem in done.problems
        )
        assert (await site.deliver()).counts == {}
    check(site, server)
    states = site.states()
    assert 10 <= states["refused"] <= 20 and states["pending"] == 60 - states["refused"]
    with reading(site.engine) as connection:
        assert subscribers.count_states(connection)["active"] == 60
        assert ledger_read.issue_counts(connection)[0]["state"] == "paused"


async def test_A08_a_few_refusals_in_a_large_issue_do_not_stop_it(tmp_path: Path) -> None:
    async with Server({"dot": fault.first(9, fault.say("554 5.6.0 looks like spam"))}) as server:
        site = make_site(tmp_path, 40, server.port)
        await site.deliver()
    check(site, server)
    assert site.states() == {"refused": 9, "sent": 31}


@pytest.mark.parametrize("phase", ["banner", "ehlo"])
async def test_A09_a_relay_that_is_busy_charges_no_letter(tmp_path: Path, phase: str) -> None:
    async with Server({phase: fault.then_close("421 4.3.2 too busy")}) as server:
        site = make_site(tmp_path, 3, server.port, connections=4)
        done = await site.deliver()
        assert done.is_unreachable and server.talks == 1
        check(site, server)
    assert [(row.state, row.attempts, row.claims) for row in site.rows()] == [("pending", 0, 0)] * 3


async def test_A09_a_relay_that_takes_two_connections_is_used_with_two(tmp_path: Path) -> None:
    banner = fault.some(set(range(2, 1000)), fault.then_close("421 4.7.0 too many connections"))
    async with Server({"banner": banner, "data": fault.late(0.01)}) as server:
        site = make_site(tmp_path, 30, server.port, connections=5)
        done = await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 30} and not done.is_unreachable


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("offers", [fault.OFFERS, ()], ids=["pipelined", "plain"])
async def test_A10_421_in_the_middle_puts_off_one_letter_and_the_others_go_on(
    tmp_path: Path, phase: str, offers: tuple[str, ...]
) -> None:
    script = {phase: fault.some(set(range(9, 200, 10)), fault.then_close("421 4.3.2 come back"))}
    async with Server(script, offers=offers) as server:
        site = make_site(tmp_path, 50, server.port, connections=2)
        await site.deliver()
        check(site, server)
        states = site.states()
        assert states["deferred"] >= 4 and states["sent"] == 50 - states["deferred"]
        for minutes in (7, 20, 50):
            await site.deliver(minutes * MINUTE)
    check(site, server)
    assert site.states() == {"sent": 50}


@pytest.mark.parametrize(
    "reply", ["450 4.2.1 busy", "452 4.2.2 mailbox full", "451 local error", "499"]
)
async def test_A11_4yz_to_one_recipient_is_put_off(tmp_path: Path, reply: str) -> None:
    async with Server({"rcpt": fault.first(1, fault.say(reply))}) as server:
        site = make_site(tmp_path, 3, server.port)
        await site.deliver()
        assert site.states() == {"deferred": 1, "sent": 2}
        await site.deliver(7 * MINUTE)
    check(site, server)
    assert site.states() == {"sent": 3}


async def test_A12_greylisting_is_waited_out_with_the_same_envelope(tmp_path: Path) -> None:
    moment = [0.0]
    async with Server({"rcpt": fault.greylist(300, lambda: moment[0])}) as server:
        site = make_site(tmp_path, 2, server.port)
        for minutes in (0, 4, 7):
            moment[0] = minutes * 60
            await site.deliver(minutes * MINUTE)
    check(site, server)
    assert site.states() == {"sent": 2}
    assert len(server.commands("MAIL")) == 4 and len(set(server.commands("MAIL"))) == 2


@pytest.mark.parametrize(
    "reply", ["550 5.1.1 no such user", "550 no such user", "553 5.1.3 bad address"]
)
async def test_A13_a_mailbox_that_two_issues_did_not_find_is_suppressed(
    tmp_path: Path, reply: str
) -> None:
    states = []
    async with Server({"rcpt": fault.to("reader0@", fault.say(reply))}) as server:
        site = make_site(tmp_path, 2, server.port, now=NOW - timedelta(days=1))
        for day in (0, 1):
            if day:
                freeze(site.engine, site.readers, DAY, NOW)
            await site.deliver(timedelta(days=day))
            with reading(site.engine) as connection:
                states.append(subscribers.get(connection, site.readers[0]).state)
    check(site, server)
    assert site.states() == {"refused": 2, "sent": 2}
    assert states == [SubscriberState.ACTIVE, SubscriberState.SUPPRESSED]


async def test_A13_a_mailbox_that_is_closed_rests_after_three_issues(tmp_path: Path) -> None:
    async with Server({"rcpt": fault.say("550 5.2.1 mailbox disabled")}) as server:
        site = make_site(tmp_path, 1, server.port, now=NOW - timedelta(days=2))
        for day in (0, 1, 2):
            if day:
                now = site.now + timedelta(days=day)
                freeze(site.engine, site.readers, now.date(), now)
            with reading(site.engine) as connection:
                assert subscribers.get(connection, site.readers[0]).state is SubscriberState.ACTIVE
            await site.deliver(timedelta(days=day))
    check(site, server)
    with reading(site.engine) as connection:
        reader = subscribers.get(connection, site.readers[0])
    assert (reader.state, reader.paused_until) == (SubscriberState.PAUSED, DAY + timedelta(days=7))


@pytest.mark.parametrize("reply", ["550 5.1.1 no such user", "550 no such user", "553 5.1.3 bad"])
async def test_A13_after_the_dot_no_refusal_speaks_against_the_mailbox(
    tmp_path: Path, reply: str
) -> None:
    """The recipient was accepted; what is refused after the dot is the letter."""
    async with Server({"dot": fault.first(1, fault.say(reply))}) as server:
        site = make_site(tmp_path, 2, server.port)
        await site.deliver()
    check(site, server)
    assert site.states() == {"refused": 1, "sent": 1}
    with reading(site.engine) as connection:
        readers = [subscribers.get(connection, id) for id in site.readers]
    assert [reader.state for reader in readers] == [SubscriberState.ACTIVE] * 2


@pytest.mark.parametrize(("phase", "state"), [("dot", "active"), ("rcpt", "suppressed")])
async def test_A13_an_unknown_user_without_a_status_is_believed_before_the_letter_only(
    tmp_path: Path, phase: str, state: str
) -> None:
    """After the letter was seen, a filter may say so about the letter."""
    async with Server({phase: fault.say("550 no such user")}) as server:
        site = make_site(tmp_path, 1, server.port)
        await site.deliver()
        later = site.now + timedelta(days=1)
        freeze(site.engine, site.readers, later.date(), later)
        await site.deliver(timedelta(days=1))
    check(site, server)
    assert site.states() == {"refused": 2}
    with reading(site.engine) as connection:
        assert subscribers.get(connection, site.readers[0]).state == state


async def test_A14_a_receiver_that_refuses_the_site_is_left_alone_and_no_reader_suppressed(
    tmp_path: Path,
) -> None:
    script = {
        "rcpt": fault.by_domain({"strict.example": fault.say("550 5.7.26 not authenticated")})
    }
    async with Server(script) as server:
        site = make_site(tmp_path, 80, server.port, domains=("strict.example", "example.org"))
        done = await site.deliver()
    check(site, server)
    states = site.states()
    assert (
        states["sent"] == 40
        and 10 <= states["refused"] <= 12
        and states["deferred"] == 40 - states["refused"]
    )
    assert any(
        "strict.example refuses this site, not its readers" in problem for problem in done.problems
    )
    with reading(site.engine) as connection:
        assert subscribers.count_states(connection)["active"] == 80
        assert ledger_read.issue_counts(connection)[0]["state"] == "open"


async def test_A15_a_refused_sender_pauses_the_issue_at_once(tmp_path: Path) -> None:
    async with Server({"mail": fault.say("550 5.7.1 sender not allowed")}) as server:
        site = make_site(tmp_path, 30, server.port)
        done = await site.deliver()
        assert any(
            "refuses the sender" in problem and "sender not allowed" in problem
            for problem in done.problems
        )
        assert len(server.commands("MAIL")) <= 5
        assert (await site.deliver()).counts == {}
    check(site, server)
    assert site.states() == {"pending": 30}


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
async def test_A16_a_hang_before_the_body_is_tried_again(tmp_path: Path, phase: str) -> None:
    async with Server({phase: fault.first(1, fault.hang)}) as server:
        site = make_site(tmp_path, 2, server.port, timeout_s=0.3)
        await site.deliver()
        assert site.states() == {"deferred": 1, "sent": 1}
        await site.deliver(7 * MINUTE)
    check(site, server)
    assert site.states() == {"sent": 2}


@pytest.mark.parametrize("doing", [fault.close, fault.reset, fault.say("250 not yet asked")])
async def test_A17_a_body_that_breaks_off_is_safe_to_send_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doing: Fault
) -> None:
    fence = GroupCommit.fence

    async def slow(
        commits: GroupCommit, delivery: int, token: str
    ) -> bool:  # so that what the server did arrives before the dot
        is_passed = await fence(commits, delivery, token)
        await asyncio.sleep(0.02)
        return is_passed

    monkeypatch.setattr(GroupCommit, "fence", slow)
    async with Server({"body": fault.first(1, doing)}) as server:
        site = make_site(tmp_path, 2, server.port, picks=8)
        await site.deliver()
        assert site.states()["held"] == 0 and server.bodies <= 2
        await site.deliver(7 * MINUTE)
    check(site, server)
    assert site.states() == {"sent": 2} and len(server.accepted) == 2


async def test_A18_a_connection_lost_while_idle_charges_nobody(tmp_path: Path) -> None:
    async with Server(
        {"dot": fault.some({0, 2}, fault.taking(fault.then_close("250 2.0.0 ok")))}
    ) as server:
        site = make_site(tmp_path, 5, server.port)
        await site.deliver()
    check(site, server)
    assert [(row.state, row.attempts) for row in site.rows()] == [("sent", 1)] * 5
    assert server.talks == 3


async def test_A22_a_refused_login_is_asked_once_and_told_without_the_password(
    tmp_path: Path,
) -> None:
    from tests.delivery.test_tls import authority, contexts

    ca = authority(tmp_path)
    script = {"auth": fault.say("535 5.7.8 wrong password")}
    async with Server(script, certificate=contexts(ca, tmp_path), has_auth=True) as server:
        smtp = f'username = "site"\nca_file = "{ca.file}"\npassword_file = "smtp.password"'
        (tmp_path / "smtp.password").write_text(PASSWORD)
        site = make_site(tmp_path, 20, server.port, security="starttls", connections=4, smtp=smtp)
        done = await site.deliver()
        assert done.is_unreachable and "refused the login" in done.problems[0]
        assert PASSWORD not in str(done) and server.talks == 1
    check(site, server)
    assert site.states() == {"pending": 20}
