"""The life of a row on both databases: when a lease ends, how many crashes are too many, what is
out of date, and what counts as sent.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from newsletter import mail_kinds
from newsletter.models import Evidence
from newsletter.store import evidence, ledger_life, ledger_plan, ledger_read, subscribers
from newsletter.store.db import database_seconds, reading, writing
from newsletter.store.tables import deliveries
from tests.faults.server import Server
from tests.faults.site import NOW, add_readers, check, freeze, make_site

LATE = NOW + timedelta(hours=18)  # `freeze` lets its letters expire then


def _lease(engine: Engine, seconds: int) -> None:
    """Let every lease end so many seconds from now, by the clock of the database."""
    with writing(engine) as connection:
        end = database_seconds(engine.dialect.name) + seconds
        connection.execute(update(deliveries).values(lease_until=end))


def _row(engine: Engine) -> tuple[str, str]:
    with reading(engine) as connection:
        row = connection.execute(select(deliveries.c.state, deliveries.c.reply)).one()
        return row.state, row.reply or ""


def test_a_lease_ends_neither_early_nor_late(any_engine: Engine) -> None:
    freeze(any_engine, add_readers(any_engine, 1))
    ledger_life.claim(any_engine, 1, NOW)
    _lease(any_engine, 20)
    assert ledger_life.sweep(any_engine, NOW).total() == 0 and _row(any_engine)[0] == "claimed"
    _lease(any_engine, -1)
    assert ledger_life.sweep(any_engine, NOW)["pending"] == 1 and _row(any_engine)[0] == "pending"


def test_a_worker_may_send_until_its_lease_ends(any_engine: Engine) -> None:
    freeze(any_engine, add_readers(any_engine, 1))
    (claim,) = ledger_life.claim(any_engine, 1, NOW)
    _lease(any_engine, -1)
    assert ledger_life.fence(any_engine, [(claim.id, claim.token)]) == set()
    _lease(any_engine, 20)
    assert ledger_life.fence(any_engine, [(claim.id, "another's")]) == set()
    assert ledger_life.fence(any_engine, [(claim.id, claim.token)]) == {claim.id}


def test_a_claim_lasts_two_minutes_by_the_clock_of_the_database(any_engine: Engine) -> None:
    freeze(any_engine, add_readers(any_engine, 1))
    ledger_life.claim(any_engine, 1, NOW)
    with reading(any_engine) as connection:
        seconds = database_seconds(any_engine.dialect.name)
        left = connection.execute(select(deliveries.c.lease_until - seconds)).scalar_one()
    assert 100 <= left <= 120


def test_B35_the_fifth_crash_is_the_last(any_engine: Engine) -> None:
    """Two crashes make a row suspect; three more, alone, refuse it."""
    freeze(any_engine, add_readers(any_engine, 1))
    for crash in range(1, 6):
        assert len(ledger_life.claim(any_engine, 9, NOW)) == 1, crash
        _lease(any_engine, -1)
        ledger_life.sweep(any_engine, NOW)
        assert _row(any_engine)[0] == ("pending" if crash < 5 else "refused"), crash
    assert "ended the process" in _row(any_engine)[1]
    assert ledger_life.claim(any_engine, 9, NOW) == []


def test_B35_the_fifth_crash_is_the_last_for_the_only_process_too(any_engine: Engine) -> None:
    freeze(any_engine, add_readers(any_engine, 1))
    for crash in range(1, 6):
        assert len(ledger_life.claim(any_engine, 9, NOW)) == 1, crash
        ledger_life.release_owner(any_engine, NOW)
        assert _row(any_engine)[0] == ("pending" if crash < 5 else "refused"), crash


def test_a_letter_that_goes_out_of_date_between_two_claims_is_not_claimed(
    any_engine: Engine,
) -> None:
    freeze(any_engine, add_readers(any_engine, 1))
    assert ledger_life.claim(any_engine, 9, LATE) == []
    assert len(ledger_life.claim(any_engine, 9, LATE - timedelta(seconds=1))) == 1


@pytest.mark.parametrize(
    ("state", "is_seen"),
    [
        ("sent", True),
        ("held", True),  # it may have arrived
        ("pending", True),
        ("deferred", True),
        ("claimed", True),
        ("dot", True),
        ("expired", False),
        ("refused", False),
        ("suppressed", False),
    ],
)
def test_what_was_not_sent_may_be_sent_later(engine: Engine, state: str, is_seen: bool) -> None:
    (reader,) = add_readers(engine, 1)
    freeze(engine, [reader], picks=2)
    with writing(engine) as connection:
        connection.execute(update(deliveries).values(state=state))
    with reading(engine) as connection:
        seen = ledger_read.seen_papers(connection, reader, reader, NOW + timedelta(days=1))
    assert len(seen.get(reader, ())) == (2 if is_seen else 0)


async def test_papers_of_a_letter_that_expired_are_sent_later(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 1, server.port)
        await site.deliver(timedelta(hours=18))
    check(site, server)
    assert site.states() == {"expired": 1}
    with reading(site.engine) as connection:
        assert ledger_read.seen_papers(connection, 0, 99, NOW + timedelta(days=1)) == {}


@pytest.mark.parametrize("is_retrying_digests", [False, True])
@pytest.mark.parametrize("is_own_process", [False, True])
def test_after_a_dot_without_a_reply_only_what_may_come_twice_is_sent_again(
    any_engine: Engine, is_retrying_digests: bool, is_own_process: bool
) -> None:
    (reader,) = add_readers(any_engine, 1)
    freeze(any_engine, [reader])
    with writing(any_engine) as connection:
        ledger_plan.enqueue(connection, reader, mail_kinds.WELCOME, {}, NOW)
        connection.execute(update(deliveries).values(state="dot", dot_at=0))
    settle = ledger_life.release_owner if is_own_process else ledger_life.sweep
    settle(any_engine, NOW, is_retrying_digests=is_retrying_digests)
    with reading(any_engine) as connection:
        rows = connection.execute(select(deliveries.c.kind, deliveries.c.state)).all()
    digest = "pending" if is_retrying_digests else "held"
    assert dict(map(tuple, rows)) == {"digest": digest, "welcome": "pending"}


@pytest.mark.parametrize(
    ("state", "after"),
    [("pending", "pending"), ("deferred", "deferred"), ("claimed", "pending"), ("dot", "dot")],
)
def test_a_letter_that_did_not_leave_goes_to_the_new_address(
    any_engine: Engine, state: str, after: str
) -> None:
    (reader,) = add_readers(any_engine, 1)
    freeze(any_engine, [reader])
    (claim,) = ledger_life.claim(any_engine, 1, NOW)
    with writing(any_engine) as connection:
        connection.execute(update(deliveries).values(state=state))
        new = "new@example.org"
        subscribers.change_address(connection, reader, new, new)
    with reading(any_engine) as connection:
        row = connection.execute(select(deliveries)).one()
    is_moved = state != "dot"
    assert row.state == after and row.address_version == (2 if is_moved else 1)
    assert row.claim_token == (None if is_moved else claim.token)
    assert ledger_life.fence(any_engine, [(claim.id, claim.token)]) == set()


@pytest.mark.parametrize(
    ("cause", "is_doubted", "is_tried_again"),
    [
        ("gone", False, False),
        ("full", False, False),
        ("closed", False, False),
        ("gone", True, True),
        ("sender", False, True),
        ("content", False, True),
    ],
)
def test_a_refusal_is_tried_again_unless_the_mailbox_was_the_cause(
    any_engine: Engine, cause: str, is_doubted: bool, is_tried_again: bool
) -> None:
    issue = freeze(any_engine, add_readers(any_engine, 1))
    with writing(any_engine) as connection:
        connection.execute(update(deliveries).values(state="refused"))
        delivery = connection.execute(select(deliveries.c.id)).scalar_one()
        mailed = evidence.find_any(connection, delivery)
        said = Evidence(delivery, "bounce", cause, NOW)
        assert mailed and evidence.note(connection, mailed, said, is_doubted=is_doubted)
        assert ledger_life.retry(connection, issue, NOW) == int(is_tried_again)
    assert _row(any_engine)[0] == ("pending" if is_tried_again else "refused")
