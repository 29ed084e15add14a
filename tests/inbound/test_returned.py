"""Part G: a provider that fails for all readers at once, and returned mail that cannot be read."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from newsletter import cli
from newsletter.delivery.suppression import Suppression
from newsletter.health import alerts
from newsletter.health.alerts import Operator
from newsletter.inbound import intake, processor
from newsletter.models import SubscriberState
from newsletter.runtime.daemon import Daemon
from newsletter.runtime.mail_intake import MailIntake
from newsletter.site_queries import status
from newsletter.store import ledger_life, ledger_read, subscribers, suppressions, tables
from newsletter.store.db import reading, writing
from tests.faults.server import Server
from tests.faults.site import DAY, NOW, Site, check, freeze, make_site
from tests.inbound.test_crooked import REPORT

MINUTE = timedelta(minutes=1)


def come_back(
    site: Site, rows: range, after: timedelta = timedelta(), apart: timedelta = timedelta()
) -> list[str]:
    """Send hard reports about these letters; return the outcomes."""
    done = []
    for n, row in enumerate(rows):
        to = f"bounce+{site.app.tokens.tag('bounce', row)}@papers.example.org"
        done.append(processor.receive(site.app, "", to, REPORT, NOW + after + n * apart))
    return done


def readers(site: Site) -> list[str]:
    with reading(site.engine) as connection:
        return sorted(connection.scalars(select(tables.subscribers.c.state)))


def mark_sent(site: Site, first: int = 1) -> None:
    site.run_sql(f"UPDATE deliveries SET state = 'sent' WHERE id >= {first}")


def pausing(site: Site) -> list[str]:
    with reading(site.engine) as connection:
        return alerts.standing(connection, NOW)


def newsletter(site: Site, *words: str) -> int:
    return cli.main(["-C", str(site.folder / "config.toml"), "--no-input", *words])


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return ""
    engine: Engine = request.getfixturevalue("postgres")
    return engine.url.render_as_string(hide_password=False)


async def test_G15_a_third_of_an_issue_that_comes_back_pauses_it_and_gives_nobody_up(
    tmp_path: Path,
) -> None:
    """Every address failed once before, so a second report would end it; 40 of 100 letters left
    when it begins.
    """
    async with Server() as server:
        site = make_site(tmp_path, 100, server.port, now=NOW - timedelta(days=1))
        mark_sent(site)
        assert set(come_back(site, range(1, 101), -timedelta(hours=12), MINUTE)) == {
            "hard"
        }  # slowly: no mass
        freeze(site.engine, site.readers, DAY, NOW)
        site.run_sql("UPDATE deliveries SET state = 'sent' WHERE id BETWEEN 101 AND 140")
        done = come_back(site, range(101, 131))
        assert done == ["suppressed: bounce"] * 19 + ["mass"] * 11
        assert readers(site) == ["active"] * 100
        assert pausing(site) == [
            f"issue {DAY} is paused: 20 letters came back within minutes: 550 5.1.1 User unknown; "
            f"go on with: newsletter issues retry {DAY}"
        ]
        assert status(site.app.engine, site.app.config, NOW)["hints"] == pausing(site)
        site.now = NOW
        await site.deliver()
        assert not server.accepted  # the pause holds
        with writing(site.engine) as connection:  # as `issues retry` does, whose clock is today's
            ledger_life.retry(connection, ledger_read.find_issue(connection, f"{DAY}"), NOW)
        await site.deliver()
        assert len(server.accepted) == 60 and readers(site) == ["active"] * 100
        assert set(server.times.values()) == {1}


def test_G15_the_operator_may_say_that_the_reports_are_true(tmp_path: Path) -> None:
    site = make_site(tmp_path, 40, now=NOW - timedelta(days=1))
    mark_sent(site)
    come_back(site, range(1, 41), -timedelta(hours=12), MINUTE)
    freeze(site.engine, site.readers, DAY, NOW)
    mark_sent(site)
    assert come_back(site, range(41, 71))[-1] == "mass" and readers(site) == ["active"] * 40
    assert newsletter(site, "issues", "retry", f"{DAY}", "--count-returned", "--dry-run") == 0
    assert readers(site) == ["active"] * 40 and pausing(site)
    assert newsletter(site, "issues", "retry", f"{DAY}", "--count-returned") == 0
    assert readers(site) == ["active"] * 10 + ["suppressed"] * 30 and not pausing(site)
    with reading(site.engine) as connection:
        assert (
            suppressions.suppression(
                connection, site.app.tokens.address_hash("reader0@example.org")
            )
            == "bounce"
        )


@pytest.mark.parametrize(
    ("letters", "back", "apart"),
    [(19, 19, timedelta()), (100, 29, timedelta()), (60, 60, MINUTE)],
    ids=["a tiny list", "less than 30 %", "slowly"],
)
def test_G15_what_is_no_mass_does_not_pause_an_issue(
    tmp_path: Path, letters: int, back: int, apart: timedelta
) -> None:
    site = make_site(tmp_path, letters)
    mark_sent(site)
    assert set(come_back(site, range(1, back + 1), apart=apart)) == {"hard"}
    assert pausing(site) == []


def test_G15_links_of_a_reader_who_was_given_up_too_soon_work_again(
    tmp_path: Path, url: str
) -> None:
    """And who left of their own will meanwhile stays away."""
    site = make_site(tmp_path, 30, url=url, now=NOW - timedelta(days=1))
    mark_sent(site)
    come_back(site, range(1, 31), -timedelta(hours=12), MINUTE)
    freeze(site.engine, site.readers, DAY, NOW)
    mark_sent(site)
    with reading(site.engine) as connection:
        before = subscribers.get(connection, site.readers[0])
    come_back(site, range(31, 33))
    with writing(site.engine) as connection:
        subscribers.set_state(connection, site.readers[1], SubscriberState.UNSUBSCRIBED, "mail")
    assert readers(site).count("suppressed") == 1
    come_back(site, range(33, 51))
    with reading(site.engine) as connection:
        assert subscribers.get(connection, site.readers[0]) == before
        assert subscribers.get(connection, site.readers[1]).state == "unsubscribed"
    with writing(site.engine) as connection:
        issue = ledger_read.find_issue(connection, f"{DAY}")
        assert Suppression(site.app.tokens).believe_issue(connection, issue, NOW) == 20
        assert str(subscribers.get(connection, site.readers[0]).state) == "suppressed"
        assert str(subscribers.get(connection, site.readers[1]).state) == "unsubscribed"


async def test_G16_returned_mail_that_cannot_be_read_stops_nothing_and_is_told_after_an_hour(
    tmp_path: Path,
) -> None:
    box = tmp_path / "box"
    box.write_text("not a folder")
    async with Server() as server:
        site = make_site(tmp_path, 2, server.port)
        bounces = site.app.config.bounces.model_copy(update={"maildir": box})
        given = site.app.config.site.model_copy(update={"contact": "operator@example.net"})
        site.app.config = site.app.config.model_copy(update={"bounces": bounces, "site": given})
        await MailIntake(site.app, lambda: NOW, lambda: None).look()
        await Daemon(site.app, lambda: NOW).tick()
        assert site.states() == {"sent": 2}
        check(site, server)
        assert status(site.app.engine, site.app.config, NOW)["hints"] == [
            f"returned mail cannot be read since 2026-11-23T07:00: {box}/cur: Not a directory; "
            "sending goes on; check bounces.maildir, then: newsletter doctor"
        ]
        operator = Operator(site.engine, site.app.config, site.app.renderer)
        assert operator.report(NOW + timedelta(minutes=59), timedelta(minutes=30)) is None
        letter = operator.report(NOW + timedelta(minutes=61), timedelta(minutes=30))
        assert letter is not None and b"returned mail cannot be read" in letter[1]
        box.unlink()
        await asyncio.to_thread(intake.look_into, site.app, box, NOW + timedelta(hours=2))
        assert status(site.app.engine, site.app.config, NOW)["hints"] == [] and box.is_dir()
