"""Part B, the database: locked, full, broken, read-only, of another version; and letters that
cannot be made.
"""

import asyncio
import email.policy
import json
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, inspect, text

from newsletter import mail_kinds
from newsletter.config import Dkim
from newsletter.delivery import group_commit
from newsletter.delivery.message_builder import MessageBuilder
from newsletter.errors import ConfigError, StoreError
from newsletter.mail.dkim import make_key
from newsletter.models import SubscriberState
from newsletter.store import ledger_life, ledger_plan, ledger_read, subscribers
from newsletter.store.db import (
    _alembic,
    migrate,
    open_engine,
    reading,
    require_schema,
    schema,
    writing,
)
from tests.faults import server as fault
from tests.faults.server import Server
from tests.faults.site import DAY, NOW, ROOT, add_readers, check, finished, make_site
from tests.needs import program


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "RECORD_AGAIN_S", (0.05, 0.1, 0.2, 0.4))


async def test_B21_a_database_locked_for_a_while_only_delays(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 5, server.port)
        other = sqlite3.connect(tmp_path / "site.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        sending = asyncio.create_task(site.deliver_patiently())
        await asyncio.sleep(0.7)
        with reading(site.engine) as connection:
            assert ledger_read.counts(connection)["planned"] == 5  # readers are not kept waiting
        assert not sending.done()
        other.execute("ROLLBACK")
        other.close()
        await sending
    check(site, server)
    assert site.states() == {"sent": 5}


@pytest.mark.usefixtures("_impatient")
async def test_B21_a_database_locked_for_too_long_stops_sending_and_loses_nothing(
    tmp_path: Path,
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 5, server.port)
        site.app.engine.dispose()
        site.app.engine = open_engine(site.app.config.database.url, busy_timeout_s=0.1)
        other = sqlite3.connect(tmp_path / "site.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked") as e:
            await site.deliver()
        assert "db status" in e.value.hint
        other.execute("ROLLBACK")
        other.close()
        await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 5}


def test_B23_a_disk_that_is_full_at_freezing_makes_no_issue(tmp_path: Path) -> None:
    site = make_site(tmp_path, 2)
    site.app.close()
    engine = open_engine(f"sqlite:///{tmp_path / 'site.db'}")
    rows = [
        ledger_plan.FrozenRow(id, "digest", (), NOW, NOW + timedelta(hours=18))
        for id in site.readers
    ]
    many = [ledger_plan.FrozenRow(rows[0].subscriber, "digest", (), NOW, NOW) for _ in range(10)]
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "PRAGMA max_page_count=1"
        )  # the smallest it can be: the size it has
    tomorrow = DAY + timedelta(days=1)
    with pytest.raises(StoreError, match="full") as e:
        for n in range(400):
            ledger_plan.freeze(
                engine,
                tomorrow + timedelta(days=n),
                rows + many,
                candidates=1,
                papers={1: {"x": "y" * 50_000}},
                now=NOW,
            )
    assert "nothing was half done" in e.value.hint
    with reading(engine) as connection:
        assert ledger_read.check(connection) == []
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    engine.dispose()


@pytest.mark.usefixtures("_impatient")
async def test_B24_what_a_server_said_is_recorded_when_the_disk_has_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, "database or disk is full", range(2, 5))
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        done = await site.deliver()
        assert any("sending stopped" in problem for problem in done.problems)
        await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 3}


@pytest.mark.usefixtures("_impatient")
async def test_B24_a_record_that_cannot_be_kept_at_all_is_held_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, "database or disk is full", range(2, 10**6))
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        await site.deliver()
        assert len(server.accepted) == 1
        monkeypatch.undo()
        await site.deliver()
    check(site, server)
    assert site.states() == {"held": 1, "sent": 2}


def _break(monkeypatch: pytest.MonkeyPatch, why: str, numbers: range) -> None:
    """Make the ledger's writes with these numbers fail (fences and records count together, from
    1).
    """
    count = iter(range(1, 10**9))
    for name in ("write", "settle", "fence"):
        genuine = getattr(ledger_life, name, None)
        if genuine is None:
            continue

        def failing(engine: Engine, *values: object, genuine=genuine) -> object:
            if next(count) in numbers:
                raise StoreError(f"database: {why}")
            return genuine(engine, *values)

        monkeypatch.setattr(ledger_life, name, failing)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.usefixtures("_impatient")
async def test_B25_a_commit_whose_outcome_is_unknown_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The commit was kept, and the caller is told that it failed: for a fence, and for a record."""
    genuine, count = ledger_life.write, iter(range(1, 10**9))

    def unsure(*values: object) -> object:
        answer = genuine(*values)
        if next(count) == number:
            raise StoreError("database: disk I/O error")
        return answer

    monkeypatch.setattr(ledger_life, "write", unsure)
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        await site.deliver()
        await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 3}


@pytest.mark.parametrize("when", [4, 7])
@pytest.mark.parametrize("how", ["error=EIO", "signal=KILL"])
async def test_B25_B26_a_sync_that_fails_or_never_returns(
    tmp_path: Path, when: int, how: str
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        site.app.engine.dispose()
        worker = site.start(
            under=(
                program("strace"),
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                "trace=fdatasync",
                "-e",
                f"inject=fdatasync:{how}:when={when}",
            )
        )
        code, _, err = await asyncio.to_thread(finished, worker, 60)
        assert code in (0, 1, -signal.SIGKILL, 128 + signal.SIGKILL), err
        await site.deliver()
    check(site, server)
    assert site.states()["sent"] + site.states()["held"] == 3


def test_B27_every_commit_is_synced(tmp_path: Path) -> None:
    site = make_site(tmp_path, 1)
    with reading(site.engine) as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_B28_a_damaged_database_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    site = make_site(tmp_path, 200)
    site.app.close()
    file = tmp_path / "site.db"
    raw = bytearray(file.read_bytes())
    for page in range(2, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    file.write_bytes(raw)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    code, _, err = finished(site.newsletter("send"))
    assert code == 1 and "malformed" in err and "db restore" in err and "Traceback" not in err


def test_B29_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    site = make_site(tmp_path, 1)
    site.app.close()
    (tmp_path / "site.db").write_bytes(b"not a database at all" * 300)
    code, _, err = finished(site.newsletter("send"))
    assert code == 1 and "not an SQLite database" in err and "Traceback" not in err


@pytest.mark.parametrize(("revision", "said"), [("0000", "newer version"), ("", "schema missing")])
def test_B30_a_schema_of_another_version_is_refused(
    tmp_path: Path, revision: str, said: str
) -> None:
    site = make_site(tmp_path, 1)
    with writing(site.engine) as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        if revision:
            connection.execute(text(f"INSERT INTO alembic_version VALUES ('{revision}')"))
    with pytest.raises(StoreError, match=said):
        require_schema(site.engine)


def _migrate(url: str, *, killed_after: int) -> int:
    """Migrate in a process that is killed after so many of the scripts; its exit code."""
    code = f"from newsletter.store.db import *; migrate(open_engine({url!r}))"
    environment = {**os.environ, "NEWSLETTER_FAILPOINT": f"migrated:KILL:{killed_after}"}
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment).returncode


@pytest.mark.parametrize("killed_after", [1, 3])
def test_B31_a_migration_that_is_killed_leaves_nothing_half(
    tmp_path: Path, killed_after: int
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'new.db'}")
    assert _migrate(str(engine.url), killed_after=killed_after) == -signal.SIGKILL
    assert inspect(engine).get_table_names() == []
    migrate(engine)
    require_schema(engine)
    engine.dispose()


def test_B31_an_upgrade_that_is_killed_leaves_the_older_schema_and_its_rows(
    any_engine: Engine,
) -> None:
    url = any_engine.url.render_as_string(hide_password=False)
    add_readers(any_engine, 2)
    command.downgrade(_alembic(any_engine), "0001")
    before = inspect(any_engine).get_table_names()
    any_engine.dispose()
    assert _migrate(url, killed_after=2) == -signal.SIGKILL
    assert schema(any_engine).found == "0001"
    assert inspect(any_engine).get_table_names() == before
    migrate(any_engine)
    require_schema(any_engine)
    with reading(any_engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM subscribers")) == 2


class _Spoiled(MessageBuilder):
    victim = 0

    def compose(self, claim, *values, **more):
        if claim.subscriber == self.victim:
            raise ZeroDivisionError("spoiled")
        return super().compose(claim, *values, **more)


async def test_B34_a_letter_that_cannot_be_made_is_put_aside_and_the_others_go_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 30, server.port)
        monkeypatch.setattr("newsletter.app.MessageBuilder", _Spoiled)
        monkeypatch.setattr(_Spoiled, "victim", site.readers[4])
        done = await site.deliver()
        assert any(f"subscriber {site.readers[4]}" in problem for problem in done.problems)
    check(site, server)
    assert site.states() == {"refused": 1, "sent": 29}
    assert site.rows()[4].phase == "render" and "spoiled" in site.rows()[4].reply


async def test_B34_when_no_letter_can_be_made_the_issue_stops_and_goes_on_once_that_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 60, server.port)
        with monkeypatch.context() as broken:
            broken.setattr(MessageBuilder, "compose", lambda *_, **__: 1 / 0)
            done = await site.deliver()
        assert any(
            "is paused: 10 of 60 letters were refused" in problem for problem in done.problems
        )
        assert site.states()["refused"] < 20 and not server.accepted
        with writing(site.engine) as connection:
            ledger_life.retry(connection, ledger_read.find_issue(connection, "latest"), site.now)
        await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 60}


async def test_B34_without_its_signing_key_a_site_takes_no_letter(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        key = tmp_path / "dkim.pem"
        dkim = Dkim(domain="example.org", selector="s", key_file=key)
        site.app.config = site.app.config.model_copy(update={"dkim": dkim})
        with pytest.raises(ConfigError, match=r"dkim\.key_file: cannot read"):
            await site.deliver()
        assert site.states() == {"pending": 3} and {row.attempts for row in site.rows()} == {0}
        key.write_bytes(make_key()[0])
        await site.deliver()
        check(site, server)
    assert site.states() == {"sent": 3}


async def test_B36_what_was_frozen_before_a_crash_is_delivered_after_it(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 2, server.port)  # frozen, and nobody told about it
        code, _, err = await asyncio.to_thread(
            finished, site.newsletter("--json", "send", "--at", "2026-11-23T07:00Z")
        )
        assert code == 0, err
    check(site, server)
    assert site.states() == {"sent": 2}


def test_B37_an_issue_that_breaks_off_while_freezing_does_not_exist(tmp_path: Path) -> None:
    site = make_site(tmp_path, 3)

    def rows():
        yield ledger_plan.FrozenRow(site.readers[0], "digest", (), NOW, NOW)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger_plan.freeze(
            site.engine, DAY + timedelta(days=1), rows(), candidates=1, papers={}, now=NOW
        )
    with reading(site.engine) as connection:
        assert (
            len(ledger_read.issue_counts(connection)) == 1 and ledger_read.check(connection) == []
        )


def test_B38_a_state_changes_only_from_the_state_that_is_expected(tmp_path: Path) -> None:
    site = make_site(tmp_path, 1)
    [claim] = ledger_life.claim(site.engine, 5, NOW)
    assert ledger_life.claim(site.engine, 5, NOW) == []
    assert ledger_life.fence(site.engine, [(claim.id, "another token")]) == set()
    assert ledger_life.fence(site.engine, [(claim.id, claim.token)]) == {claim.id}
    assert ledger_life.fence(site.engine, [(claim.id, claim.token)]) == set()
    assert ledger_life.claim(site.engine, 5, NOW) == []


@pytest.mark.usefixtures("_impatient")
async def test_B38_a_record_that_raises_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, "anything", range(2, 4))
    async with Server() as server:
        site = make_site(tmp_path, 1, server.port)
        await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 1}


def test_B15_a_clock_that_goes_back_makes_no_second_digest(tmp_path: Path) -> None:
    site = make_site(tmp_path, 2)
    before = site.states()
    rows = [ledger_plan.FrozenRow(id, "digest", (), NOW, NOW) for id in site.readers]
    again = ledger_plan.freeze(
        site.engine, DAY, rows, candidates=1, papers={}, now=NOW - timedelta(days=1)
    )
    assert (again.planned, again.quiet) == (0, 0) and site.states() == before


@pytest.mark.parametrize("seconds", [-2, 2])
async def test_B16_a_small_step_of_the_clock_during_a_lease_changes_nothing(
    tmp_path: Path, seconds: int
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 2, server.port)
        await site.deliver(timedelta(seconds=abs(seconds)))
        await site.deliver(timedelta(seconds=seconds))
    check(site, server)
    assert site.states() == {"sent": 2}


@pytest.mark.parametrize("kind", ["confirm", "known"])
async def test_A01_a_mail_that_answers_a_person_is_tried_again_but_not_at_once(
    tmp_path: Path, kind: str
) -> None:
    async with Server({"dot": fault.first(1, fault.taking(fault.close))}) as server:
        site = make_site(tmp_path, 1, server.port)
        with writing(site.engine) as connection:
            connection.execute(text("DELETE FROM deliveries"))
            connection.execute(text("UPDATE issues SET planned = 0"))
            state = SubscriberState.PENDING if kind == "confirm" else SubscriberState.ACTIVE
            subscribers.set_state(connection, site.readers[0], state)
            ledger_plan.enqueue(connection, site.readers[0], mail_kinds.find(kind), {}, NOW)
        await site.deliver()
        assert len(server.accepted) == 1 and site.rows()[0].state == "deferred"
        await site.deliver(timedelta(minutes=7))
    check(site, server, may_repeat=True)
    assert site.rows()[0].state == "sent" and len(set(server.times)) == 1


@pytest.mark.parametrize("leaving", [SubscriberState.UNSUBSCRIBED, SubscriberState.SUPPRESSED])
async def test_F12_who_leaves_while_the_issue_is_sent_gets_nothing_after_the_commit(
    tmp_path: Path, leaving: SubscriberState
) -> None:
    left: list[int] = []

    async def leave(_talk: fault.Talk) -> bool:
        """When a body arrives its reader leaves: committed before the fence is asked."""
        number = int(_talk.recipient.partition("@")[0].removeprefix("reader"))
        if number % 3 == 0:
            with writing(site.engine) as connection:
                subscribers.set_state(connection, site.readers[number], leaving, "one click")
            left.append(number)
        return False

    async with Server({"data": leave}) as server:
        site = make_site(tmp_path, 12, server.port, connections=2)
        await site.deliver()
        await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 8, "suppressed": 4} and len(server.accepted) == 8
    assert not {f"reader{number}@example.org" for number in left} & {
        m.recipient for m in server.accepted
    }


def test_B05_evidence_and_operator_resolve_what_is_held(tmp_path: Path) -> None:
    site = make_site(tmp_path, 3)
    claims = ledger_life.claim(site.engine, 5, NOW)
    ledger_life.fence(site.engine, [(claim.id, claim.token) for claim in claims])
    ledger_life.release_owner(site.engine, NOW)
    assert site.states() == {"held": 3}
    for words in (
        ["issues", "resolve", "latest", "--assume-sent", "--to", "reader0@example.org"],
        ["issues", "resolve", "latest", "--resend", "--yes", "--to", "reader1@example.org"],
    ):
        code, _, err = finished(site.newsletter(*words))
        assert code == 0, err
    assert site.states() == {"sent": 1, "pending": 1, "held": 1}
    code, out, _ = finished(site.newsletter("--json", "db", "status"))
    assert code == 0 and '"out_of_balance": []' in out
    code, out, _ = finished(
        site.newsletter("issues", "show", "latest", "--to", "reader2@example.org")
    )
    assert (
        code == 0
        and "held" in out
        and "process ended after the final dot" in out
        and "2026-11-23" in out
    )


async def test_B05_readers_of_held_letters_are_told_once_where_to_read_them(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        claims = ledger_life.claim(site.engine, 5, NOW)
        ledger_life.fence(site.engine, [(claim.id, claim.token) for claim in claims])
        ledger_life.release_owner(site.engine, NOW)
        for to, number in (("--to reader0@example.org", 1), ("", 2), ("", 0)):
            words = ("--json", "issues", "tell", "latest", *to.split())
            code, out, err = await asyncio.to_thread(finished, site.newsletter(*words))
            assert code == 0 and json.loads(out)["waiting"] == number, err
        await site.app.deliver(datetime.now(UTC))
    check(site, server)
    assert site.states() == {"held": 3} and len(server.accepted) == 3
    for message in server.accepted:
        mail = email.message_from_bytes(message.raw, policy=email.policy.default)
        text = mail.get_body(("plain",)).get_content()
        assert mail["Subject"] == "Your letter of 23 Nov 2026" and mail["List-Unsubscribe-Post"]
        token = text.partition("/view/")[2].split()[0]
        claims_of_link = site.app.tokens.read(token, "view", datetime.now(UTC))
        assert claims_of_link.paper == claims[0].issue and claims_of_link.subscriber in site.readers


async def test_B21_a_database_that_fails_while_letters_are_made_ends_the_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise StoreError("database: disk I/O error")

    async with Server() as server:
        site = make_site(tmp_path, 5, server.port)
        monkeypatch.setattr("newsletter.delivery.message_builder.subscribers.by_ids", broken)
        done = await site.deliver()
        assert any("disk I/O error" in problem for problem in done.problems)
        monkeypatch.undo()
        await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 5}
