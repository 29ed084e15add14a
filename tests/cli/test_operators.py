"""Parts H and J: commands that are given twice, by mistake, with a wrong clock, or while another
one runs.
"""

import asyncio
import json
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from newsletter import cli
from newsletter.cli.vulnerable_versions import check_versions
from newsletter.errors import StoreError
from newsletter.runtime.daemon import Daemon
from newsletter.store import ledger_life, ledger_plan, tables
from newsletter.store.db import writing
from tests.faults import server as fault
from tests.faults.server import Server
from tests.faults.site import DAY, NOW, Site, check, finished, make_site

AT = "2026-11-23T07:00Z"


def newsletter(site: Site, *words: str) -> int:
    return cli.main(["-C", str(site.folder / "config.toml"), "--no-input", *words])


async def _finished(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    return await asyncio.to_thread(finished, process)


async def _until(is_so: Callable[[], bool]) -> None:
    def wait() -> None:
        end = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < end
            time.sleep(0.05)

    await asyncio.to_thread(wait)


# -- to everybody, and twice -----------------------------------------------------------------------


async def test_H05_no_command_writes_to_everybody_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One letter per reader and date, whatever is typed. The only command that sends a second one
    asks first.
    """
    async with Server() as server:
        site = make_site(tmp_path, 20, server.port)
        code, _, err = await _finished(
            site.newsletter("send", "--to", "reader3@example.org", "--at", AT)
        )
        assert code == 0 and len(server.accepted) == 1, err
        await site.deliver()
        assert len(server.accepted) == 20
        picks = ledger_plan.unpack_picks(site.rows()[0].picks)
        rows = (
            ledger_plan.FrozenRow(id, "digest", picks, NOW, NOW + timedelta(hours=18))
            for id in site.readers
        )
        assert (
            ledger_plan.freeze(site.engine, DAY, rows, candidates=3, papers={}, now=NOW).planned
            == 0
        )
        await site.app.run(NOW, is_fetching=False)
        await asyncio.to_thread(newsletter, site, "issues", "retry", "2026-11-23")
        await asyncio.to_thread(
            newsletter, site, "preview", "reader3@example.org", "--format", "text", "--at", AT
        )
        await site.deliver()
        site.run_sql("UPDATE deliveries SET state = 'held', reply = 'no reply' WHERE id <= 2")
        capsys.readouterr()
        assert (
            await asyncio.to_thread(newsletter, site, "issues", "resolve", "2026-11-23", "--resend")
            == 2
        )
        assert "refusing to go on without a terminal; pass --yes" in capsys.readouterr().err
        await site.deliver()
        assert len(server.accepted) == 20
        check(site, server)


async def test_H06_resending_twice_sends_once_more_and_only_what_was_held(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Server({"dot": fault.some({0, 1}, fault.hang)}) as server:
        site = make_site(tmp_path, 4, server.port)
        await site.deliver()
        assert site.states() == {"held": 2, "sent": 2}
        server.accepted.clear()
        words = ("--json", "issues", "resolve", "2026-11-23", "--resend", "--yes")
        for resolved in (2, 0):
            assert await asyncio.to_thread(newsletter, site, *words) == 0
            assert json.loads(capsys.readouterr().out)["resolved"] == resolved
        await site.deliver()
        assert await asyncio.to_thread(newsletter, site, *words) == 0
        assert json.loads(capsys.readouterr().out)["resolved"] == 0
        await site.deliver()
        assert site.states() == {"sent": 4} and len(server.accepted) == 2


# -- a wrong clock ---------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-6, 6])
def test_H07_a_commands_wrong_clock_takes_no_letter_from_the_worker_that_has_it(
    tmp_path: Path, hours: int
) -> None:
    site = make_site(tmp_path, 3)
    mine = ledger_life.claim(site.engine, 3, NOW)
    wrong = NOW + timedelta(hours=hours)
    assert ledger_life.sweep(site.engine, wrong).total() == 0
    assert ledger_life.claim(site.engine, 3, wrong) == []
    with writing(site.engine) as connection:  # the lease ends when the database says so
        connection.execute(
            update(tables.deliveries).values(
                lease_until=tables.deliveries.c.lease_until - ledger_life.LEASE_S - 1
            )
        )
    assert ledger_life.sweep(site.engine, wrong).total() == 3
    assert not ledger_life.fence(site.engine, [(claim.id, claim.token) for claim in mine])


# -- an upgrade ------------------------------------------------------------------------------------


async def test_H08_a_new_version_waits_for_the_letters_of_the_old_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    is_open = asyncio.Event()

    async def wait(_: fault.Talk) -> bool:
        await is_open.wait()
        return False

    async with Server({"dot": wait}) as server:
        site = make_site(tmp_path, 3, server.port, timeout_s=30)
        old = site.newsletter("send", "--at", AT)
        await _until(lambda: bool(server.commands("DATA")))
        new = site.newsletter("send", "--at", AT)
        code, _, err = await _finished(new)
        assert code == 75 and f"another run is active (process {old.pid} on " in err
        assert await asyncio.to_thread(newsletter, site, "db", "migrate") == 75
        is_open.set()
        code, _, err = await _finished(old)
        assert code == 0, err
        assert await asyncio.to_thread(newsletter, site, "db", "migrate") == 0
        await site.deliver()
        assert site.states() == {"sent": 3}
        check(site, server)


async def test_H08_an_old_version_stops_when_a_newer_one_has_changed_the_schema(
    tmp_path: Path,
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        site.run_sql("CREATE TABLE kept AS SELECT version_num FROM alembic_version")
        site.run_sql("UPDATE alembic_version SET version_num = 'newer'")
        with pytest.raises(StoreError, match="made by a newer version"):
            await site.deliver()
        with pytest.raises(StoreError, match="made by a newer version"):
            await site.app.run(NOW, is_fetching=False)
        await Daemon(site.app, lambda: NOW).tick()  # says so, and lives
        assert not server.accepted and site.states() == {"pending": 3}
        site.run_sql("UPDATE alembic_version SET version_num = (SELECT version_num FROM kept)")
        await Daemon(site.app, lambda: NOW).tick()
        assert site.states() == {"sent": 3}
        check(site, server)


# -- logs ------------------------------------------------------------------------------------------

LINES = 'evil\r\n{"event": "forged"}\n\x1b[2J\u2028{"event": "forged"}\x85\x0b\x0c\udc80'
SPEAK = f"""
import logging, warnings
import structlog
from newsletter.cli.logs import start_logging
start_logging()
text = {LINES!r}
log = structlog.get_logger()
log.warning("run.problem", text=text, **{{text: text}})
log.info(text, given=[text, {{text: object}}])
try:
    raise ValueError(text)
except ValueError:
    log.exception("run.crashed", next=text)
    logging.getLogger("apscheduler").exception("job %s", text)
logging.getLogger("uvicorn.error").warning(text)
warnings.warn(text)
"""


def _events(err: str) -> list[str]:
    """Return one JSON object per line; nothing inside ends a line or moves a cursor."""
    assert err.isascii() and [c for c in err if not c.isprintable() and c != "\n"] == []
    return [json.loads(line)["event"] for line in err.splitlines()]


def test_H09_H14_no_text_of_others_ends_a_line_of_the_log_and_it_begins_with_old_versions(
    tmp_path: Path,
) -> None:
    _, _, err = finished(make_site(tmp_path, 1)._process(["-c", SPEAK], ""))
    events = _events(err)
    old = [check for check in check_versions() if check.state != "ok"]
    assert events[: len(old)] == ["versions"] * len(old)
    del events[: len(old)]
    assert events[:5] == ["run.problem", LINES, "run.crashed", f"job {LINES}", LINES]
    assert len(events) == 6 and "UserWarning" in events[5]


async def test_H09_a_daemon_logs_hostile_replies_and_requests_as_json(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said = fault.say('550 5.1.1 no\x1b[2J {"event": "forged"}')
    async with Server({"rcpt": said}) as server:
        site = make_site(tmp_path, 2, server.port, smtp=f"[web]\nport = {port}\n")
        later = timedelta(days=3650)
        with writing(site.engine) as connection:
            connection.execute(update(tables.deliveries).values(expires_at=NOW + later))
        daemon = site.newsletter("daemon")
        try:
            await _until(lambda: site.states() == {"refused": 2})
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b'GET / \x1b[2J\r{"event": "forged"}\r\n\r\n')
            await asyncio.wait_for(reader.read(), 5)
            writer.close()
        finally:
            daemon.terminate()
            code, _, err = await _finished(daemon)
        assert code == 0
        events = _events(err)
        assert {
            "daemon.started",
            "run.problem",
            "Invalid HTTP request received.",
            "daemon.stopped",
        } <= set(events)
        assert "forged" not in events


# -- handed out more than once ---------------------------------------------------------------------


async def test_J01_work_that_is_handed_out_three_times_is_done_once(
    tmp_path: Path, postgres: Engine
) -> None:
    """Three workers are told of the same letters at once, one of them again a day later: the rows
    decide.
    """
    url = postgres.url.render_as_string(hide_password=False)
    async with Server() as server:
        site = make_site(tmp_path, 150, server.port, url=url, connections=3)
        await asyncio.gather(*(site.deliver_patiently() for _ in range(3)))
        assert site.states() == {"sent": 150} and len(server.accepted) == 150
        await site.deliver()
        await site.deliver(after=timedelta(hours=24))
        assert len(server.accepted) == 150
        check(site, server)


@pytest.mark.parametrize("asked", [["run", "--dry-run"], ["preview", "reader1@example.org"]])
def test_a_look_at_a_later_day_changes_nothing(tmp_path: Path, asked: list[str]) -> None:
    """Neither the reader whose pause is over by then, nor what pages show of papers today."""
    site = make_site(tmp_path, 2)
    site.run_sql("UPDATE subscribers SET state='paused', paused_until='2026-11-27' WHERE id=1")
    before = _content(site)
    assert newsletter(site, *asked, "--at", "2026-11-27T09:00Z") == 0
    assert _content(site) == before


def _content(site: Site) -> list[str]:
    with sqlite3.connect(site.folder / "site.db") as connection:
        return list(connection.iterdump())
