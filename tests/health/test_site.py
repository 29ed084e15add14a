"""When a person should come: every check, its limit, and what health, status and the log say."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import insert, update
from starlette.testclient import TestClient

from newsletter import site_queries
from newsletter.cli import main
from newsletter.config import Health
from newsletter.health import site as site_health
from newsletter.models import Harvest, SourceState
from newsletter.runtime.daemon import Daemon
from newsletter.store import ledger_life, runs, tables
from newsletter.store.db import reading, writing
from newsletter.web import create_app
from tests.faults.server import Server
from tests.faults.site import NOW, Site, make_site

MINUTE = timedelta(minutes=1)
LIMITS = Health()


def failing(site: Site, now: datetime, limits: Health = LIMITS) -> dict[str, str]:
    with reading(site.engine) as connection:
        found = site_health.checks(connection, limits, now)
    return {one.name: one.said for one in found if not one.is_ok}


def health(site: Site, now: datetime) -> tuple[int, dict[str, Any]]:
    pages = create_app(site.app, lambda: now)
    with TestClient(pages, base_url=site.app.config.site.base_url) as web:
        answer = web.get("/healthz")
    return answer.status_code, answer.json()


async def test_K49_a_relay_that_is_away_with_letters_waiting_is_told_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = make_site(tmp_path, readers=15, port=1)  # nothing listens there
    moment = NOW
    daemon = Daemon(site.app, lambda: moment)
    with structlog.testing.capture_logs() as log:
        await daemon.tick()
    said = [one["text"] for one in log if one["event"] == "relay.away"]
    assert len(said) == 1
    assert "15 letters wait, next try 2026-11-23 07:01 UTC" in said[0]

    assert health(site, NOW + MINUTE)[0] == 200  # within its limit
    status, body = health(site, NOW + 16 * MINUTE)
    assert (status, body["state"]) == (503, "failing")
    relay = next(one for one in body["checks"] if one["name"] == "relay")
    assert relay == {
        "name": "relay",
        "ok": False,
        "limit_s": 900,
        "since": "2026-11-23T07:00:00Z",
    }
    assert "15" not in json.dumps(body["checks"])  # everybody may ask

    site_config = ["-C", str(tmp_path / "config.toml")]
    assert main([*site_config, "status", "--at", "2026-11-23T07:05Z"]) == 0
    shown = capsys.readouterr().out
    assert "15 letters wait, next try 2026-11-23 07:01 UTC" in shown
    assert shown.index("15 letters wait") < shown.index("Next ")
    found = site_queries.status(site.engine, site.app.config, NOW + 5 * MINUTE)
    assert found["waiting"]["letters"] == 15 and found["waiting"]["next_try"]


async def test_K49_a_relay_that_answers_again_is_away_no_longer(
    tmp_path: Path,
) -> None:
    site = make_site(tmp_path, readers=2, port=1)
    await site.deliver()
    assert "relay" in failing(site, NOW + 20 * MINUTE)
    async with Server() as server:
        smtp = site.app.config.smtp.model_copy(update={"port": server.port})
        site.app.config = site.app.config.model_copy(update={"smtp": smtp})
        await site.deliver(after=20 * MINUTE)
    assert failing(site, NOW + 21 * MINUTE) == {}
    status, body = health(site, NOW + 21 * MINUTE)
    assert (status, body["state"]) == (200, "ok")


async def test_K49_no_look_for_an_hour_is_told(tmp_path: Path) -> None:
    site = make_site(tmp_path, readers=1)
    send(site)
    assert health(site, NOW)[0] == 200  # a site without a daemon is not asked for its looks
    await Daemon(site.app, lambda: NOW).tick()
    assert "tick" not in failing(site, NOW + 60 * MINUTE)
    assert "2026-11-23T07:00:00Z" in failing(site, NOW + 61 * MINUTE)["tick"]
    assert health(site, NOW + 61 * MINUTE)[0] == 503


def put_off(site: Site) -> None:
    """A server asked to try again in two hours."""
    with writing(site.engine) as connection:
        later = int((NOW + timedelta(hours=2)).timestamp())
        connection.execute(update(tables.deliveries).values(state="deferred", next_at=later))


def pause(site: Site) -> None:
    with writing(site.engine) as connection:
        ledger_life.pause(connection, 1, "many refusals")


def send(site: Site) -> None:
    with writing(site.engine) as connection:
        connection.execute(update(tables.deliveries).values(state="sent"))


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda site: None, {"letters"}),
        (put_off, set()),
        (send, set()),
        (pause, {"issue"}),
    ],
)
def test_a_letter_is_late_only_if_it_could_have_left(
    tmp_path: Path, act: Callable[[Site], None], expected: set[str]
) -> None:
    site = make_site(tmp_path, readers=3)
    act(site)
    assert set(failing(site, NOW + 59 * MINUTE)) == expected - {"letters"}
    assert set(failing(site, NOW + 61 * MINUTE)) == expected


def test_a_mail_that_answers_a_person_is_late_after_minutes(tmp_path: Path) -> None:
    site = make_site(tmp_path, readers=1)
    send(site)
    with writing(site.engine) as connection:
        row = {"subscriber": 1, "kind": "confirm", "due_at": NOW}
        row["expires_at"] = NOW + timedelta(days=1)
        connection.execute(insert(tables.deliveries).values(row))
    assert failing(site, NOW + 4 * MINUTE) == {}
    assert "1 mails" in failing(site, NOW + 6 * MINUTE)["answers"]


def test_a_source_fails_a_day_before_a_person_is_called(tmp_path: Path) -> None:
    site = make_site(tmp_path, readers=1)
    send(site)
    counts = dict.fromkeys(("seen", "new", "updated", "merged"), 0)
    with writing(site.engine) as connection:
        runs.note_source(
            connection, Harvest("arxiv", SourceState.FAILED, error="HTTP 500"), counts, NOW
        )
    assert health(site, NOW + timedelta(hours=23))[1]["state"] == "degraded"
    assert health(site, NOW + timedelta(hours=23))[0] == 200
    assert health(site, NOW + timedelta(hours=25))[0] == 503
    assert set(failing(site, NOW + timedelta(hours=25))) == {"source arxiv"}


def test_a_limit_of_0_leaves_a_check_out(tmp_path: Path) -> None:
    site = make_site(tmp_path, readers=3)
    off = Health(
        tick_minutes=0, answers_minutes=0, letters_minutes=0, relay_minutes=0, source_hours=0
    )
    site_health.note_relay(site.engine, "gone", NOW)
    assert failing(site, NOW + timedelta(days=3), off) == {}
    assert set(failing(site, NOW + timedelta(days=3))) == {"letters", "relay"}


def test_a_second_failure_keeps_since_when_the_relay_is_away(tmp_path: Path) -> None:
    site = make_site(tmp_path, readers=1)
    site_health.note_relay(site.engine, "refused", NOW)
    site_health.note_next_try(site.engine, NOW + 2 * MINUTE)
    site_health.note_relay(site.engine, "timed out", NOW + MINUTE)
    with reading(site.engine) as connection:
        said = site_health.relay_said(connection, NOW + MINUTE)
    assert said == (
        "no relay answers since 2026-11-23 07:00 UTC: 1 letter waits, "
        "next try 2026-11-23 07:02 UTC (timed out)"
    )
