"""Another state or another place of the database: restore, adopt, and planning after them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.output import as_called, confirm, emit, mark, open_app, read_config, say
from newsletter.errors import InputError, NewsletterError, StoreError
from newsletter.text.secrets import without_secrets

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from newsletter.config import Config

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def restore(file: Path, yes: Yes = False) -> int:
    """Replace the database by a backup. Letters on their way then are held; letters due since are
    not planned. Nothing is sent twice.
    """
    config = read_config()
    if not file.exists():
        raise InputError(f"{file} does not exist")
    if not yes:
        name = without_secrets(config.database.url).rpartition("/")[2]
        confirm(f"This replaces the database {name}. Go on?", "--yes")
    return put_back(config, file)


def put_back(config: Config, file: Path) -> int:
    """Replace the database by a backup of it; what was on its way is held."""
    from newsletter.store.db import open_engine
    from newsletter.store.locks import only_one

    engine = open_engine(config.database.url)
    with only_one(engine, "daemon"), only_one(engine, "run"):
        if engine.dialect.name == "sqlite":
            _copy(file, Path(engine.url.database or ""))
        else:
            postgres(config, "pg_restore", "--clean", "--if-exists", str(file))
        return _settle(open_engine(config.database.url), "restored")


def _copy(file: Path, target: Path) -> None:
    import sqlite3

    from newsletter.store.database_files import make_private

    with sqlite3.connect(file) as copy:
        if copy.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise StoreError(f"{file} is damaged; nothing was replaced")
    make_private(target)
    with sqlite3.connect(file) as copy, sqlite3.connect(target) as place:
        copy.backup(place)


def adopt(yes: Yes = False) -> int:
    """Send from this copy of the database from now on. Letters on their way are held, and letters
    due since are not planned: the other copy may have sent them.
    """
    from newsletter.store.locks import only_one

    site = open_app()
    if not yes:
        confirm("The place this database came from must never send again. Go on?", "--yes")
    with only_one(site.engine, "run"):
        return _settle(site.engine, "this is the place that sends now")


def _settle(engine: Engine, done: str) -> int:
    from newsletter.store import site_lock
    from newsletter.store.db import writing

    with writing(engine) as connection:
        held = site_lock.settle_here(engine, connection, datetime.now(UTC))
        restored = site_lock.restored(connection)
    if not emit({"held": held, "not_planned_until": restored and restored.at}):
        say(as_called(f"{mark('ok')} {done}; {held} letters are held: newsletter issues list"))
        say(as_called(str(restored)))
    return 0


def adopt_key(yes: Yes = False) -> int:
    """Go on with another secret key, because the one of this database is lost. Links in letters
    that were sent stop working, one-click unsubscription too. Suppressed readers stay so; erased
    addresses are not recognised any more, so lists are imported as readers who are asked.
    """
    from newsletter.store import site_key
    from newsletter.store.db import open_engine, require_schema, writing
    from newsletter.store.locks import only_one
    from newsletter.tokens import Tokens

    config = read_config()
    tokens = Tokens.from_file(config.site.secret_key_file)
    engine = open_engine(config.database.url)
    require_schema(engine)
    if not yes:
        confirm("Every link in every letter that was sent stops working. Go on?", "--yes")
    with only_one(engine, "daemon"), only_one(engine, "run"), writing(engine) as connection:
        lost = site_key.adopt(connection, tokens)
    if not emit({"key": tokens.key_ids[-1], "not_recognised": lost}):
        say(f"{mark('ok')} the key {tokens.key_ids[-1]} is this database's now")
        if lost:
            say(
                f"{mark('warn')} {lost} erased or suppressed addresses are not recognised any "
                "more: readers of imported lists are asked before they get anything"
            )
    return 0


def plan_missed(yes: Yes = False) -> int:
    """Plan the letters that were due between a backup and its restore: they were not sent."""
    from newsletter.store import site_lock
    from newsletter.store.db import writing
    from newsletter.store.locks import only_one

    site = open_app()
    if not yes:
        confirm("Whoever got these letters already gets them twice. Go on?", "--yes")
    with only_one(site.engine, "run"), writing(site.engine) as connection:
        is_changed = site_lock.plan_missed(connection)
    if not emit({"planned": is_changed}):
        later = as_called("the next run plans them: newsletter run")
        say(f"{mark('ok')} {later}" if is_changed else "nothing was withheld")
    return 0


def postgres(config: Config, *command: str) -> None:
    """Run a program of PostgreSQL on the site's database. Other users of this machine see the words
    of a process, but not its environment: the password goes there.

    Raises: NewsletterError, StoreError.
    """
    import subprocess

    from newsletter.store.database_files import plain_address

    address, password = plain_address(config.database.url)
    told = {"PGPASSWORD": password} if password else {}
    try:
        subprocess.run(  # noqa: S603  (no shell, and the words are ours)
            [*command, f"--dbname={address}"],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **told},
        )
    except FileNotFoundError as e:
        raise NewsletterError(
            f"{command[0]} is not installed", hint="install PostgreSQL's client programs"
        ) from e
    except subprocess.CalledProcessError as e:
        raise StoreError(f"{command[0]}: {without_secrets(e.stderr.strip()[:300])}") from None
