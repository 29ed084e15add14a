"""Part K: replies of a relay are read by their words, and nothing irreversible follows from one
reply.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter import cli
from newsletter.delivery.brake import IN_A_ROW, LEAST, Brake
from newsletter.delivery.receivers import POLICY_REFUSALS, Receivers
from newsletter.delivery.suppression import Suppression, Verdict, judge
from newsletter.health import alerts
from newsletter.models import DeliveryState, Evidence, Receipt, SubscriberState
from newsletter.store import evidence, ledger_life, ledger_read, subscribers, suppressions
from newsletter.store.db import reading, writing
from newsletter.text.refusals import Cause
from tests.faults import server as fault
from tests.faults.server import Server
from tests.faults.site import DAY, NOW, Site, check, freeze, make_site

#: Refusals of every recipient because of the site: none is about a mailbox, whatever its code.
ABOUT_US = [
    "550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
    "550 blocked using zen.spamhaus.org",
    "550 Administrative prohibition",
    "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    "550 5.1.1 User unknown in local recipient table",
    "554 5.7.1 Relay access denied",
    "550 5.4.1 Recipient address rejected: Access denied",
]


def states_of(site: Site) -> set[str]:
    with reading(site.engine) as connection:
        return {str(subscribers.get(connection, reader).state) for reader in site.readers}


def newsletter(site: Site, *words: str) -> int:
    return cli.main(["-C", str(site.folder / "config.toml"), "--no-input", *words])


@pytest.mark.parametrize("reply", ABOUT_US)
async def test_K01_a_relay_that_refuses_every_recipient_costs_no_reader(
    tmp_path: Path, reply: str
) -> None:
    async with Server({"rcpt": fault.say(reply)}) as server:
        site = make_site(tmp_path, 60, server.port, now=NOW - timedelta(days=1))
        done = await site.deliver()
        assert any("is paused" in problem for problem in done.problems)
        freeze(site.engine, site.readers, DAY, NOW)
        done = await site.deliver(timedelta(days=1))
        assert any("is paused" in problem for problem in done.problems)
        assert len(server.commands("RCPT")) <= 2 * (IN_A_ROW + 5)
    check(site, server)
    assert states_of(site) == {"active"}
    with reading(site.engine) as connection:
        assert [issue["state"] for issue in ledger_read.issue_counts(connection)] == ["paused"] * 2


async def test_K01_after_the_pause_the_same_letters_are_tried_again(tmp_path: Path) -> None:
    async with Server({"rcpt": fault.first(12, fault.say(ABOUT_US[4]))}) as server:
        site = make_site(tmp_path, 60, server.port)
        await site.deliver()
        assert site.states()["refused"] >= LEAST
        with writing(site.engine) as connection:  # as `issues retry` does, whose clock is today's
            ledger_life.retry(connection, ledger_read.find_issue(connection, f"{DAY}"), NOW)
        await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 60} and states_of(site) == {"active"}


def refusal(code: int = 550, cause: str = "gone", enhanced: str = "5.1.1") -> Receipt:
    return Receipt(
        1, DeliveryState.REFUSED, NOW, code, enhanced, "no", "rcpt", "relay:25", cause=cause
    )


SENT = Receipt(1, DeliveryState.SENT, NOW, 250, phase="dot")


@pytest.mark.parametrize("cause", ["gone", "full", "closed", "sender", "content", "unknown"])
def test_K01_no_cause_escapes_the_brake(cause: str) -> None:
    brake = Brake()
    reasons = [brake.note(7, "example.org", refusal(cause=cause), 1_000) for _ in range(IN_A_ROW)]
    assert not any(reasons[:-1]) and reasons[-1].startswith("20 letters in a row")


CAUSES = [str(cause) for cause in Cause]


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("stage", ["rcpt", "dot", "bounce", "event"])
def test_K01_no_class_of_refusal_escapes_at_any_stage(
    tmp_path: Path, cause: str, stage: str
) -> None:
    """Each cause at each stage, from all receivers: the issue pauses, and nobody is given up."""
    site = make_site(tmp_path, 40, domains=("one.example", "two.example", "three.example"))
    site.run_sql("UPDATE deliveries SET state = 'sent'")
    brake, reasons = Brake(), []
    for row in site.rows():
        if stage in ("rcpt", "dot"):
            said = replace(refusal(cause=cause, enhanced="5.0.0"), phase=stage)
            domain = f"{('one', 'two', 'three')[row.id % 3]}.example"
            reasons.append(brake.note(row.issue, domain, said, 1_000))
            continue
        with writing(site.engine) as connection:
            mailed = evidence.find_any(connection, row.id)
            assert mailed is not None
            one = Evidence(row.id, stage, cause, NOW, "5.0.0", "550 no")
            Suppression(site.app.tokens).take(connection, mailed, one)
    if stage in ("rcpt", "dot"):
        assert any(reason.startswith("20 letters in a row") for reason in reasons)
        return
    with reading(site.engine) as connection:
        (told,) = alerts.standing(connection, NOW)
    assert "20 letters came back within minutes: 550 no" in told
    assert states_of(site) == {"active"}


@pytest.mark.parametrize(("accepting", "is_paused"), [(0, True), (30, False)])
def test_K01_one_receiver_that_returns_all_is_no_reason_to_pause_for_the_others(
    tmp_path: Path, accepting: int, is_paused: bool
) -> None:
    site = make_site(tmp_path, 30 + accepting)
    site.run_sql("UPDATE deliveries SET state = 'sent'")
    site.run_sql("UPDATE subscribers SET canonical = id || '@other.example' WHERE id > 30")
    for row in site.rows()[:30]:
        with writing(site.engine) as connection:
            mailed = evidence.find_any(connection, row.id)
            assert mailed is not None
            one = Evidence(row.id, "bounce", "sender", NOW, "5.7.1", "550 blocked")
            Suppression(site.app.tokens).take(connection, mailed, one)
    with reading(site.engine) as connection:
        assert bool(alerts.standing(connection, NOW)) is is_paused


def test_K01_the_brake_pauses_by_share() -> None:
    brake = Brake()
    reasons = []
    for _ in range(LEAST):
        brake.note(7, "example.org", SENT, 100)
        reasons.append(brake.note(7, "example.org", refusal(), 100))
    assert not any(reasons[:-1]) and reasons[-1].startswith("10 of 100 letters were refused")
    assert not any(Brake().note(7, "example.org", refusal(), 1_000) for _ in range(LEAST))


def test_K01_a_letter_that_is_taken_starts_the_count_in_a_row_again() -> None:
    brake = Brake()
    brake.note(7, "example.org", refusal(), 1_000)
    brake.note(7, "example.org", SENT, 1_000)
    reasons = [brake.note(7, "example.org", refusal(), 1_000) for _ in range(IN_A_ROW)]
    assert not any(reasons[:-1]) and reasons[-1].startswith("20 letters in a row")


def test_K01_one_receiver_that_refuses_the_site_is_no_reason_to_pause_for_the_others() -> None:
    brake = Brake()
    policy = refusal(cause="sender", enhanced="5.7.26")
    brake.note(7, "example.org", SENT, 20)
    assert not any(brake.note(7, "strict.example", policy, 20) for _ in range(9))
    for n in range(9):
        reason = brake.note(7, f"strict{n % 2}.example", policy, 20)
    assert reason.endswith("letters were refused: 550 no")


def test_K01_the_refusals_of_one_strict_receiver_do_not_count_while_another_accepts() -> None:
    brake, policy = Brake(), refusal(cause="sender", enhanced="5.7.26")
    brake.note(7, "example.org", SENT, 20)
    assert not any(brake.note(7, "strict.example", policy, 20) for _ in range(2 * IN_A_ROW))
    alone = Brake()
    alone.note(7, "strict.example", SENT, 20)
    reasons = [alone.note(7, "strict.example", policy, 20) for _ in range(LEAST)]
    assert not any(reasons[:-1]) and reasons[-1].startswith("10 of 20 letters were refused")


def test_a_receiver_that_refuses_the_site_is_left_alone() -> None:
    receivers, policy = Receivers(), refusal(cause="sender", enhanced="5.7.26")
    said = [receivers.note("strict.example", policy) for _ in range(POLICY_REFUSALS)]
    assert not any(said[:-1]) and said[-1].startswith("strict.example refuses this site")
    assert receivers.is_left_alone("strict.example")
    assert not receivers.is_left_alone("example.org")


def test_a_receiver_is_left_alone_for_ten_of_its_last_twenty_answers() -> None:
    policy = refusal(cause="sender", enhanced="5.7.26")
    few, enough, old = Receivers(), Receivers(), Receivers()
    for receivers, answers in (
        (few, [policy] * 9 + [SENT] * 11),
        (enough, [policy] * 10 + [SENT] * 10),
        (old, [policy] * 10 + [SENT] * 11),
    ):
        for answer in answers:
            receivers.note("strict.example", answer)
    assert not few.is_left_alone("strict.example")
    assert enough.is_left_alone("strict.example")
    assert not old.is_left_alone("strict.example")


@pytest.mark.parametrize(
    ("phase", "is_slowed"),
    [("connect", False), ("mail", False), ("rcpt", True), ("data", True), ("dot", True)],
)
def test_a_receiver_is_slowed_by_421_to_its_own_letters_only(phase: str, is_slowed: bool) -> None:
    """Before RCPT the relay speaks for itself: it does not know the receiver yet."""
    receivers = Receivers(lambda: 1000.0)
    assert receivers.is_ready("busy.example")
    later = Receipt(1, DeliveryState.DEFERRED, NOW, 421, phase=phase)
    assert receivers.note("busy.example", later) == ""
    assert receivers.is_ready("busy.example") is not is_slowed
    assert (receivers.wait_s("busy.example") > 0) is is_slowed
    assert receivers.is_ready("other.example")


@pytest.mark.parametrize(
    ("cause", "gone", "shut", "verdict"),
    [
        ("gone", 1, 0, Verdict.KEEP),
        ("gone", 2, 0, Verdict.SUPPRESS),
        ("complaint", 0, 0, Verdict.SUPPRESS),
        ("sender", 9, 9, Verdict.KEEP),
        ("content", 9, 9, Verdict.KEEP),
        ("later", 9, 9, Verdict.KEEP),
        ("unknown", 9, 9, Verdict.KEEP),
        ("full", 0, 2, Verdict.KEEP),
        ("full", 0, 3, Verdict.REST),
        ("closed", 0, 3, Verdict.REST),
    ],
)
def test_K01_what_evidence_leads_to(cause: str, gone: int, shut: int, verdict: Verdict) -> None:
    assert judge(cause, gone, shut) is verdict


async def suppress_two(folder: Path) -> Site:
    """Make a site on which two issues did not find the first two of 40 readers."""
    unknown = fault.say("550 5.1.1 no such user here")
    one, two = fault.to("reader0@", unknown), fault.to("reader1@", unknown)

    async def both(talk: fault.Talk) -> bool:
        return await one(talk) or await two(talk)

    async with Server({"rcpt": both}) as server:
        site = make_site(folder, 40, server.port, now=NOW - timedelta(days=1))
        await site.deliver()
        freeze(site.engine, site.readers, DAY, NOW)
        await site.deliver(timedelta(days=1))
    assert [one.state for one in readers_of(site)[:3]] == ["suppressed", "suppressed", "active"]
    return site


def readers_of(site: Site) -> list[subscribers.Subscriber]:
    with reading(site.engine) as connection:
        return [subscribers.get(connection, reader) for reader in site.readers]


@pytest.mark.parametrize(
    ("words", "still"),
    [
        (("reader0@example.org",), {"reader1@example.org"}),
        (("--issue", f"{DAY}"), set()),
        (("--text", "No Such User"), set()),
        (("--text", "100% other"), {"reader0@example.org", "reader1@example.org"}),
    ],
)
async def test_K02_who_was_suppressed_wrongly_is_taken_back_and_it_is_on_record(
    tmp_path: Path, words: tuple[str, ...], still: set[str]
) -> None:
    site = await suppress_two(tmp_path)
    before = {one.email: one.epoch for one in readers_of(site)}
    word = ("--reason", "the relay was misconfigured")
    assert newsletter(site, "subscribers", "unsuppress", *words, *word, "--yes") == 0
    after = readers_of(site)
    assert {one.email for one in after if one.state is SubscriberState.SUPPRESSED} == still
    for one in after:
        with reading(site.engine) as connection:
            story = evidence.of_reader(connection, one.id)
            story = [said for said in story if said["source"] != evidence.STEP]
            key = site.app.tokens.address_hash(one.email)
            assert bool(suppressions.suppression(connection, key)) == (one.email in still)
        if one.email in before and story and one.email not in still:
            assert one.epoch == before[one.email] - 1
            assert story[-1]["source"] == "operator"
            assert story[-1]["reply"] == "the relay was misconfigured"
            assert all(said["is_doubted"] for said in story[:-1])
