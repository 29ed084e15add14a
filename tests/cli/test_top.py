"""The site at work on one screen, and the bar of a command that sends."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from newsletter import site_queries
from newsletter.cli import main
from newsletter.cli.top import lines
from newsletter.store import tables
from newsletter.store.db import writing
from tests.faults.server import Server, late
from tests.faults.site import NOW, ROOT, Site, make_site


def screen(site: Site, seconds: float = 0) -> str:
    now = NOW + timedelta(seconds=seconds)
    return "\n".join(lines(site_queries.now_at_work(site.engine, site.app.config, now)))


def change(site: Site, first: int, last: int, **values: object) -> None:
    with writing(site.engine) as connection:
        rows = update(tables.deliveries).where(tables.deliveries.c.id.between(first, last))
        connection.execute(rows.values(values))


def test_an_issue_on_its_way_has_its_rate_and_the_time_that_is_left(tmp_path: Path) -> None:
    site = make_site(tmp_path, readers=40)
    assert "0% of 40  0.0/s  nothing moves" in screen(site)
    change(site, 1, 30, state="sent", settled_at=NOW + timedelta(seconds=50))
    shown = screen(site, 60)
    assert "75% of 40  1.0/s  0 min 10 s left" in shown
    assert "30 sent, 10 left, 0 put off, 0 refused, 0 held" in shown
    assert "nothing moves" in screen(site, 90)  # what left long ago is no rate
    change(site, 31, 40, state="sent", settled_at=NOW)
    assert "No letter of an issue waits." in screen(site, 60)


def test_claims_and_slow_receivers_are_shown(tmp_path: Path) -> None:
    site = make_site(tmp_path, readers=9, domains=("slow.example", "x.test", "y.test"))
    later = int((NOW + timedelta(minutes=5)).timestamp())
    for first in (1, 4, 7):  # readers of slow.example
        change(site, first, first, state="deferred", next_at=later, reply="450 4.7.1 try later")
    change(site, 2, 3, state="claimed", claim_token="a", lease_until=later)
    change(site, 5, 5, state="dot", claim_token="b", lease_until=later)
    shown = screen(site)
    assert "Taken by 2 claims: 3 letters, 1 await an answer" in shown
    slow = next(line for line in shown.splitlines() if "slow.example" in line)
    assert slow.split() == [
        "slow.example",
        "3",
        "2026-11-23T07:05:00Z",
        "450",
        "4.7.1",
        "try",
        "later",
    ]


def test_the_same_on_postgresql(tmp_path: Path, postgres: Engine) -> None:
    url = postgres.url.render_as_string(hide_password=False)
    site = make_site(tmp_path, readers=3, url=url)
    change(site, 1, 3, state="claimed", claim_token="a", lease_until=1)
    assert "Taken by 1 claims: 3 letters" in screen(site)


def test_json_and_a_pipe_are_one_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_site(tmp_path, readers=2)
    site = ["-C", str(tmp_path / "config.toml"), "top"]
    assert main([*site, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["issues"][0]["planned"] == 2
    assert set(found) == {
        "at",
        "issues",
        "waiting",
        "claims",
        "put_off",
        "sources",
        "health",
        "run",
    }
    assert main(site) == 0
    assert "0% of 2" in capsys.readouterr().out


async def test_sending_shows_a_bar_on_a_terminal_and_nothing_in_a_pipe(tmp_path: Path) -> None:
    async with Server({"data": late(0.3)}) as server:
        site = make_site(tmp_path, readers=6, port=server.port, timeout_s=20)
        shown = await _on_a_terminal(site)
    assert "sending" in shown and "/6" in shown


async def _on_a_terminal(site: Site) -> str:
    def watch() -> str:
        ours, theirs = pty.openpty()
        words = ["-c", "from newsletter.cli import run; run()", "send", "--at", f"{NOW:%FT%H:%MZ}"]
        environment = {**os.environ, "NEWSLETTER_CONFIG": str(site.folder / "config.toml")}
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=environment | {"TERM": "xterm", "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # the terminal is closed
            pass
        process.communicate()
        os.close(ours)
        return shown.decode()

    return await asyncio.to_thread(watch)
