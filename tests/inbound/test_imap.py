"""Returned mail that is fetched from an IMAP folder, against a server that speaks IMAP."""

import mailbox
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from newsletter.app import App
from newsletter.config_loading import load_config
from newsletter.errors import ConfigError
from newsletter.health import alerts
from newsletter.inbound import imap, processor
from newsletter.runtime.mail_intake import MailIntake
from newsletter.store import inbound as inbound_store
from newsletter.store.db import reading
from newsletter.store.inbound import Arrived
from tests.faults.site import NOW, Site, make_site
from tests.inbound.imap_server import ImapServer
from tests.inbound.test_crooked import REPORT
from tests.inbound.test_kept import counts, kept, sent

OTHER = b"To: someone@example.net\r\n\r\nhello\r\n"


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with ImapServer() as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, server: ImapServer) -> Site:
    site = make_site(tmp_path, 1)
    where = f"imap://bounces%40papers@127.0.0.1:{server.port}/Re%20turns"
    configure(site, imap=where, imap_password=SecretStr("secret"))
    return site


def away(site: Site) -> str:
    with reading(site.app.engine) as connection:
        return str(alerts.inbound_away(connection).get("imap", {}).get("reason", ""))


def told(site: Site, patience: timedelta = timedelta(0), at: datetime = NOW) -> list[str]:
    with reading(site.app.engine) as connection:
        found = alerts.standing(connection, at, patience)
    return [one for one in found if one.startswith("returned mail")]


def configure(site: Site, **changes: object) -> None:
    bounces = site.app.config.bounces.model_copy(update=changes)
    site.app.config = site.app.config.model_copy(update={"bounces": bounces})


def test_mail_is_taken_once_and_flags_are_left_alone(site: Site, server: ImapServer) -> None:
    report = f"Delivered-To: {sent(site)}\r\n".encode() + REPORT.replace(b"\n", b"\r\n")
    server.add(report, "\\Flagged")
    server.add(OTHER)
    imap.look_into(site.app, NOW)
    assert counts(site.app) == {"hard": 1, "kept: no address of ours in its headers": 1}
    assert server.flags == {1: {"\\Flagged", "NewsletterTaken"}, 2: {"NewsletterTaken"}}
    assert len(server.mails) == 2 and 'SELECT "Re turns"' in server.log
    imap.look_into(site.app, NOW)
    server.add(b"From: x@y.example\r\n" + report)
    imap.look_into(site.app, NOW)
    assert counts(site.app)["dropped: known already"] == 1
    assert sum("FETCH" in line for line in server.log) == 3
    assert away(site) == ""


def test_a_server_without_keywords_is_read_too(site: Site, server: ImapServer) -> None:
    server.has_keywords = False
    server.add(OTHER)
    for _ in range(2):
        imap.look_into(site.app, NOW)
    assert sum("FETCH" in line for line in server.log) == 1 and server.flags == {1: set()}


def test_a_folder_that_was_made_anew_is_read_from_its_beginning(
    site: Site, server: ImapServer
) -> None:
    server.add(OTHER)
    imap.look_into(site.app, NOW)
    server.validity = 8
    server.add(OTHER.replace(b"hello", b"hi"))
    imap.look_into(site.app, NOW)
    assert len(kept(site.app)) == 2 and sum(counts(site.app).values()) == 2


@pytest.mark.parametrize(
    ("fault", "answer", "reason"),
    [
        ("LOGIN", "NO wrong password", "wrong password"),
        ("LOGIN", "close", ""),
        ("SELECT", "NO no such folder", "the folder Re turns cannot be opened"),
        ("UID SEARCH", "NO later", "the folder cannot be searched"),
        ("UID FETCH", "NO later", "mail 1 cannot be read"),
        ("UID FETCH", "close", ""),
    ],
)
def test_G16_a_server_that_fails_is_noted_and_asked_again(
    site: Site, server: ImapServer, fault: str, answer: str, reason: str
) -> None:
    server.add(OTHER)
    server.faults[fault] = answer
    imap.look_into(site.app, NOW)
    assert away(site).startswith("imap 127.0.0.1: ") and reason in away(site)
    assert "secret" not in away(site) and not kept(site.app)
    server.faults.clear()
    imap.look_into(site.app, NOW + timedelta(minutes=1))
    assert away(site) == "" and len(kept(site.app)) == 1


def test_names_and_passwords_of_any_language_are_sent(site: Site, server: ImapServer) -> None:
    server.password = "pässword"
    where = f"imap://b%C3%BCro%20eins@127.0.0.1:{server.port}/R%C3%BCckl%C3%A4ufer%20%26%20%22mehr"
    configure(site, imap=where, imap_password=SecretStr(server.password))
    server.add(OTHER)
    imap.look_into(site.app, NOW)
    assert away(site) == "" and len(kept(site.app)) == 1
    assert "\0büro eins\0pässword" in server.log
    assert 'SELECT "R&APw-ckl&AOQ-ufer &- \\"mehr"' in server.log


def test_G16_a_mail_that_raises_is_left_in_its_folder_and_the_next_ones_are_taken(
    site: Site, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_is = processor.plan

    def plan(app: App, mail: Arrived, now: datetime) -> partial[str]:
        if mail.raw.endswith(b"raises"):
            raise RuntimeError("a mistake of ours")
        return as_it_is(app, mail, now)

    monkeypatch.setattr(processor, "plan", plan)
    server.add(OTHER + b"raises")
    server.add(OTHER)
    for _ in range(2):
        imap.look_into(site.app, NOW)
    assert len(kept(site.app)) == 1 and away(site) == ""
    assert server.flags == {1: set(), 2: {"NewsletterTaken"}}


def test_G16_nobody_listens(site: Site) -> None:
    configure(site, imap="imap://x@127.0.0.1:1/INBOX")
    imap.look_into(site.app, NOW)
    assert "refused" in away(site).lower()


def test_a_mail_stays_there_until_there_is_room(
    site: Site, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound_store, "MOST_KEPT", 1)
    for n in range(3):
        server.add(OTHER + b"%d" % n)
    imap.look_into(site.app, NOW)
    assert len(kept(site.app)) == 1
    monkeypatch.setattr(inbound_store, "MOST_KEPT", 9)
    imap.look_into(site.app, NOW)
    assert len(kept(site.app)) == 3


async def test_a_daemon_looks_into_folders_beside_the_day(
    site: Site, server: ImapServer, tmp_path: Path
) -> None:
    box = mailbox.Maildir(tmp_path / "box", create=True)
    box.add(OTHER)
    configure(site, maildir=tmp_path / "box")
    server.add(OTHER + b"more")
    await MailIntake(site.app, lambda: NOW, lambda: None).look()
    assert {one.mail.channel for one in kept(site.app)} == {"maildir", "imap"}


async def test_G16_a_channel_that_works_does_not_hide_another_that_fails(
    site: Site, server: ImapServer, tmp_path: Path
) -> None:
    """Whichever of the two fails is told after an hour, however often the other one is read."""
    at = [NOW]
    intake = MailIntake(site.app, lambda: at[0], lambda: None)
    box = tmp_path / "box"
    configure(site, maildir=box)
    server.faults["LOGIN"] = "NO wrong password"
    for minute in range(0, 61, 20):
        at[0] = NOW + timedelta(minutes=minute)
        await intake.look()
    (said,) = told(site, alerts.PATIENCE, at[0])
    assert ": wrong password; " in said and "check bounces.imap" in said
    server.faults.clear()
    shutil.rmtree(box)
    box.write_text("")
    began = at[0]
    for minute in range(0, 61, 20):
        at[0] = began + timedelta(minutes=minute)
        await intake.look()
    (said,) = told(site, alerts.PATIENCE, at[0])
    assert "Not a directory" in said and "check bounces.maildir" in said
    server.faults["LOGIN"] = "NO wrong password"
    await intake.look()
    assert len(told(site, at=at[0])) == 2
    configure(site, maildir=None, imap="")
    await intake.look()
    assert told(site, at=at[0]) == []


def test_G16_the_latest_reason_is_told_since_the_first_failure(
    site: Site, server: ImapServer
) -> None:
    server.faults["LOGIN"] = "NO wrong password"
    imap.look_into(site.app, NOW)
    server.faults = {"SELECT": "NO no such folder"}
    imap.look_into(site.app, NOW + timedelta(hours=1))
    (said,) = told(site)
    assert f"since {NOW.isoformat()[:16]}" in said and "cannot be opened" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('imap = "imap://user@mail.example.org/INBOX"', "for this machine only"),
        ('imap = "imaps://mail.example.org/INBOX"', "give imaps://user@host/FOLDER"),
        ('imap = "imaps://user:pw@mail.example.org/"', "imap_password_file"),
        ('imap = "imaps://user@mail.example.org/"', "imap_password_file: is missing"),
        ('sns_topics = ["arn:aws:s3:::bucket"]', "sns_topics"),
        ('hook_secret_file = "short"', "at least 32 characters"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "short").write_text("abc\n")
    (tmp_path / "config.toml").write_text(f"[bounces]\n{line}\n")
    with pytest.raises(ConfigError) as error:
        load_config(tmp_path / "config.toml", {})
    assert said in error.value.message and "user:pw" not in error.value.message
