"""Setting up a site: init, doctor, config, db, dkim."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import restoring
from newsletter.cli.output import (
    as_called,
    emit,
    mark,
    note,
    read_config,
    say,
    session,
    table,
)
from newsletter.errors import ConfigError, InputError

if TYPE_CHECKING:
    from newsletter.config import Config

config_app = typer.Typer(help="Configuration: check, show, path, opml.", no_args_is_help=True)
db_app = typer.Typer(
    help="Database: migrate, status, backup, restore, adopt, adopt-key, plan-missed.",
    no_args_is_help=True,
)
db_app.command()(restoring.restore)
db_app.command()(restoring.adopt)
db_app.command("adopt-key")(restoring.adopt_key)
db_app.command("plan-missed")(restoring.plan_missed)
dkim_app = typer.Typer(help="Signing keys: keygen.", no_args_is_help=True)

CONFIG = """\
# Every key is explained in config.example.toml. Check this file with: newsletter config check

[site]
name = "Trending Papers"
base_url = "http://localhost:8080"
from = "digest@localhost"
postal_address = ""
timezone = "UTC"

[database]
url = "sqlite:///newsletter.db"

[smtp]
host = "localhost"
port = 587
security = "starttls"

[sources.arxiv]
categories = ["cs.AI", "cs.CL", "cs.CV", "cs.LG", "stat.ML"]

[sources.huggingface]

[sources.biorxiv]

[signals.hackernews]
"""


def create_site(path: Path, config_text: str) -> None:
    """Make a configuration file, and the key, database and curated topics that it names. Existing
    ones are kept.
    """
    import secrets

    from newsletter.config_loading import load_config
    from newsletter.matching.curated import load_curated
    from newsletter.store import topics
    from newsletter.store.database_files import make_database
    from newsletter.store.db import migrate, open_engine, writing

    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(config_text, "utf-8")
    config = load_config(path, os.environ)
    key = config.site.secret_key_file
    if not key.exists():
        with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
    engine = open_engine(config.database.url)
    make_database(engine)
    migrate(engine)
    with writing(engine) as connection:
        topics.seed(connection, load_curated())
    engine.dispose()


def init(
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Where the site lives; here if left out.")
    ] = None,
) -> int:
    """Create a site: configuration, key, database, curated topics. -C names the file to write."""
    if directory is not None and session.config_option:
        raise InputError("--dir and -C both say where the site lives", hint="give one of them")
    if directory is not None or not session.is_config_named:
        session.name_config(str((directory or Path()) / "config.toml"))
    path = session.config_path
    if path.is_dir():
        raise InputError(f"{path} is a folder", hint=f"name the file: -C {path / 'config.toml'}")
    create_site(path, CONFIG)
    if not emit({"config": str(path)}):
        say(f"{mark('ok')} {path}")
        say(as_called("Next: set your relay and address in it, then: newsletter doctor"))
    return 0


def doctor(
    deploy: Annotated[
        bool, typer.Option("--deploy", help="DNS too: SPF, DKIM, DMARC, PTR.")
    ] = False,
) -> int:
    """Check configuration, database, relay, returned mail, clock and versions."""
    from newsletter.cli.checks import check_site

    found = check_site(read_config(), is_deployed=deploy)
    if not emit({"checks": [vars(check) for check in found]}):
        for check in found:
            say(f"{mark(check.state)} {check.subject:14} {check.fact}")
            if check.advice:
                say(f"    {as_called(check.advice)}")
        states = [check.state for check in found]
        say(f"Problems {states.count('fail')}, warnings {states.count('warn')}")
    failed = [check for check in found if check.state == "fail"]
    if not failed:
        return 0
    return 5 if all(check.is_unreachable for check in failed) else 3


@config_app.command("check")
def check_config() -> int:
    """Report every mistake in the configuration, and whether the files it names can be read."""
    from newsletter.cli.checks import check_files

    unread = [check for check in check_files(read_config()) if check.state == "fail"]
    if unread:
        raise ConfigError([check.fact for check in unread], hint=unread[0].advice)
    say(f"{mark('ok')} {session.config_path}")
    emit({"config": str(session.config_path), "mistakes": []})
    return 0


@config_app.command("show")
def show_config() -> int:
    """Show the configuration as it is in force, without secrets."""
    from newsletter.config_loading import masked

    data = masked(read_config())
    if not emit(data):
        table(("key", "value"), _flat(data))
    return 0


def _flat(data: object, prefix: str = "") -> list[tuple[str, object]]:
    if isinstance(data, dict) and data:
        return [
            row
            for key, value in data.items()
            for row in _flat(value, f"{prefix}.{key}" if prefix else key)
        ]
    return [(prefix, data)]


@config_app.command("path")
def config_path() -> int:
    """Print which configuration file is used."""
    if not emit({"config": str(session.config_path.resolve())}):
        say(str(session.config_path.resolve()))
    return 0


@config_app.command("opml")
def take_feeds(
    file: Annotated[Path, typer.Argument(help="What another feed reader exported.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the sections, change nothing.")
    ] = False,
) -> int:
    """Add the feeds of an OPML file to the configuration; those that are there already are left
    out.
    """
    import json

    from newsletter.config_loading import load_config
    from newsletter.source_rows import TAKEN
    from newsletter.sources.opml import read_opml

    config, path = read_config(), session.config_path
    known = {feed.url for feed in config.sources.feeds}
    names = {feed.name for feed in config.sources.feeds} | {*TAKEN}
    added: list[dict[str, str]] = []
    found = read_opml(file.read_bytes())
    if found.lost:
        lines = ", ".join(map(str, found.lost))
        note(f"feeds in these lines cannot be read and are left out: {lines}")
    if found.refused:
        note(f"addresses that are not http(s) are left out: {', '.join(found.refused)}")
    for title, url in found.feeds:
        if url.rstrip("/") not in known:
            name = _feed_name(title, names)
            names.add(name)
            added.append({"name": name, "url": url})
    text = "".join(
        f"\n[[sources.feeds]]\nname = {json.dumps(f['name'])}\nurl = {json.dumps(f['url'])}\n"
        for f in added
    )
    if added and not dry_run:
        trial = path.with_name(f"{path.name}.new")
        trial.touch(0o600)  # it may have a secret
        try:
            trial.write_text(f"{path.read_text('utf-8').rstrip()}\n{text}", "utf-8")
            trial.chmod(path.stat().st_mode & 0o777)
            load_config(trial, os.environ)
            trial.replace(path)
        finally:
            trial.unlink(missing_ok=True)
    data = {
        "added": added,
        "dry_run": dry_run,
        "lost_lines": list(found.lost),
        "refused": list(found.refused),
    }
    if not emit(data):
        say(f"{len(added)} feeds {'would be' if dry_run else 'were'} added to {path}")
        for feed in added:
            say(f"{feed['name']}  {feed['url']}")
    return 4 if found.lost or found.refused else 0


def _feed_name(title: str, taken: set[str]) -> str:
    """Return a title as a valid name that no other source has."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:36].strip("-") or "feed"
    return next(name for n in count(1) if (name := slug if n == 1 else f"{slug}-{n}") not in taken)


@db_app.command("migrate")
def migrate_db() -> int:
    """Upgrade the database to the schema of this version, after a backup."""
    from newsletter.matching.curated import load_curated
    from newsletter.store import papers, topics
    from newsletter.store.database_files import make_database
    from newsletter.store.db import migrate, open_engine, schema, writing
    from newsletter.store.locks import only_one

    config = read_config()
    engine = open_engine(config.database.url)
    before = schema(engine)
    if before.found and not before.is_current and engine.dialect.name == "sqlite":
        note(f"backed up to {back_up_database(config, None)}")
    with only_one(engine, "run"):  # not while letters are being sent
        make_database(engine)
        migrate(engine)
    papers.index_older(engine)
    with writing(engine) as connection:
        topics.seed(connection, load_curated())
    if not emit({"from": before.found, "to": schema(engine).found}):
        say(f"schema {before.found or 'none'} -> {schema(engine).found}")
    return 0


@db_app.command("status")
def db_status() -> int:
    """Schema, size, and whether the ledger adds up."""
    from newsletter.store import ledger_read
    from newsletter.store.db import open_engine, reading, schema

    config = read_config()
    engine = open_engine(config.database.url)
    state = schema(engine)
    data: dict[str, object] = {
        "schema": state.found,
        "wanted": state.wanted,
        "is_current": state.is_current,
    }
    if state.is_current:
        with reading(engine) as connection:
            data |= {
                "ledger": ledger_read.counts(connection),
                "out_of_balance": ledger_read.check(connection),
            }
    if not emit(data):
        table(("what", "is"), _flat(data))
    return 0 if state.is_current and not data.get("out_of_balance") else 1


@db_app.command("backup")
def backup(file: Annotated[Path | None, typer.Argument()] = None) -> int:
    """Write a consistent copy while the site works."""
    path = back_up_database(read_config(), file)
    if not emit({"backup": str(path)}):
        say(f"{mark('ok')} {path}")
    return 0


def back_up_database(config: Config, file: Path | None) -> Path:
    """Write a consistent copy of the database, as a file that only its owner can read."""
    import sqlite3

    from newsletter.store.database_files import make_private
    from newsletter.store.db import open_engine

    engine = open_engine(config.database.url)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    if engine.dialect.name == "sqlite":
        source = Path(engine.url.database or "")
        path = file or source.with_name(f"{source.stem}-{stamp}.db")
        if path.exists():
            raise InputError(f"{path} exists; nothing was written")
        make_private(path)
        with sqlite3.connect(source) as connection:
            connection.execute("VACUUM INTO ?", (str(path),))
        return path
    path = file or Path(f"newsletter-{stamp}.dump")
    make_private(path)
    restoring.postgres(config, "pg_dump", "--format=custom", f"--file={path}")
    return path


@dkim_app.command("keygen")
def keygen(
    domain: str,
    selector: Annotated[str, typer.Option()] = "news",
    out: Annotated[Path, typer.Option(help="The private key goes here.")] = Path("dkim.key"),
) -> int:
    """Make a signing key and print the DNS record that goes with it."""
    from newsletter.mail.dkim import make_key

    if out.exists():
        raise InputError(f"{out} exists; nothing was written")
    pem, record = make_key()
    with open(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    name = f"{selector}._domainkey.{domain}"
    if not emit({"name": name, "type": "TXT", "record": record, "key_file": str(out)}):
        say(f"{mark('ok')} {out}")
        # A string of a TXT record has at most 255 characters; a zone file takes several.
        parts = " ".join(f'"{record[at : at + 250]}"' for at in range(0, len(record), 250))
        say(f"{name}. TXT {parts}")
    return 0
