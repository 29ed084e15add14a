"""Back up a whole site as one folder (database, configuration, key and the other secrets), and
restore it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.output import as_called, confirm, emit, mark, note, read_config, say, session
from newsletter.errors import ConfigError, InputError, StoreError

if TYPE_CHECKING:
    from newsletter.config import Config

#: The file that is written last; a folder without it is an unfinished backup and is ignored.
MANIFEST = "backup.json"
PREFIX = "newsletter-"
#: The layout of a backup; a higher number is from a newer version.
LAYOUT = 1
CONFIG_NAME = "config.toml"

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


# -- making one ------------------------------------------------------------------------------------


def backup(
    directory: Annotated[Path, typer.Argument(help="The folder that backups are put into.")],
    keep: Annotated[int, typer.Option(min=1, help="How many backups stay there.")] = 7,
) -> int:
    """Back up the whole site while it works: database, configuration, key and other secrets."""
    config = read_config()
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    place, unfinished = directory / f"{PREFIX}{stamp}", directory / f".{PREFIX}{stamp}"
    if place.exists():
        raise InputError(f"{place} exists; nothing was written")
    unfinished.mkdir(mode=0o700)
    try:
        files = _fill(config, unfinished)
        _write_manifest(config, unfinished, files)
        unfinished.rename(place)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    removed = [old.name for old in whole_backups(directory)[:-keep]]
    for name in removed:
        shutil.rmtree(directory / name)
    if not emit({"backup": str(place), "removed": removed}):
        note(f"{mark('ok')} {place}")
    return 0


def whole_backups(directory: Path) -> list[Path]:
    """Return the finished backups in a folder, oldest first."""
    return sorted(one.parent for one in directory.glob(f"{PREFIX}*/{MANIFEST}"))


def _fill(config: Config, place: Path) -> dict[str, str]:
    """Copy everything that makes the site. Returns name in the backup -> place of the file,
    relative to the configuration; empty for the database.
    """
    from newsletter.cli.file_permissions import secret_files
    from newsletter.cli.site import back_up_database

    database = "newsletter.db" if _is_sqlite(config) else "newsletter.dump"
    back_up_database(config, place / database)
    files = {database: ""}
    beside = session.config_path.resolve().parent
    for path in (session.config_path, *secret_files(config)):
        if not path.exists():  # a key that the configuration names and nobody made yet
            continue
        name = CONFIG_NAME if path == session.config_path else path.name
        if name in files:
            raise InputError(f"two files of the site are called {name}", hint=f"rename one: {path}")
        shutil.copyfile(path, place / name)
        is_beside = path.resolve().is_relative_to(beside)
        files[name] = str(path.resolve().relative_to(beside) if is_beside else path.resolve())
    for name in files:
        (place / name).chmod(0o600)
    return files


def _write_manifest(config: Config, place: Path, files: dict[str, str]) -> None:
    from newsletter import __version__
    from newsletter.store.db import open_engine, schema
    from newsletter.tokens import Tokens

    engine = open_engine(config.database.url)
    told = {
        "layout": LAYOUT,
        "version": __version__,
        "schema": schema(engine).found,
        "key": Tokens.from_file(config.site.secret_key_file).key_ids[-1],
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {
            name: {"path": path, "sha256": _sum(place / name)} for name, path in files.items()
        },
    }
    engine.dispose()
    with open(os.open(place / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(told, file, indent=1)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_sqlite(config: Config) -> bool:
    return config.database.url.startswith("sqlite")


# -- putting one back ------------------------------------------------------------------------------


def restore(
    backup: Annotated[Path, typer.Argument(help="A backup, or the folder that holds them.")],
    yes: Yes = False,
) -> int:
    """Put a whole site back, also on another machine. `-C` names where its config.toml goes; files
    that are there already and differ are never replaced. What was on its way becomes held, and what
    was due since is not planned: nothing is sent twice.
    """
    from newsletter.cli import restoring

    place = _found(backup)
    told = _read_manifest(place)
    target = session.config_path
    if not yes:
        confirm(f"This puts the site of {told['made_at']} at {target}. Go on?", "--yes")
    moves = _moves(place, told, target)
    _require_free(moves)
    for source, path in moves.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, path)
    config = read_config()
    database = next(name for name in told["files"] if name.startswith("newsletter."))
    restoring.put_back(config, place / database)
    _tell_key(config)
    return 0


def _found(backup: Path) -> Path:
    """A backup itself, or the newest one in a folder."""
    if (backup / MANIFEST).is_file():
        return backup
    found = whole_backups(backup) if backup.is_dir() else []
    if not found:
        raise InputError(
            f"{backup} is no backup: it has no {MANIFEST}",
            hint="a single database file is put back with: newsletter db restore FILE",
        )
    return found[-1]


def _read_manifest(place: Path) -> dict[str, Any]:
    """Raises: InputError when the backup is of a newer version; StoreError when it is damaged."""
    from newsletter.store.db import known_schemas

    try:
        told: dict[str, Any] = json.loads((place / MANIFEST).read_text("utf-8"))
        if told["layout"] > LAYOUT or told["schema"] not in known_schemas():
            raise InputError(
                f"{place} was made by a newer version ({told['version']}, schema {told['schema']})",
                hint="install that version first; nothing was changed",
            )
        wrong = [name for name, of in told["files"].items() if _sum(place / name) != of["sha256"]]
    except (ValueError, KeyError, TypeError, OSError) as e:
        raise StoreError(f"{place} is damaged: {e}", hint="nothing was changed") from e
    if wrong:
        raise StoreError(
            f"{place} is damaged: {', '.join(wrong)} is not what was written",
            hint="nothing was changed; take an older backup",
        )
    return told


def _moves(place: Path, told: dict[str, Any], target: Path) -> dict[Path, Path]:
    """Return file of the backup -> its destination: beside the configuration as it was, or the
    absolute path that the configuration names.
    """
    moves = {
        place / name: target.parent / of["path"] for name, of in told["files"].items() if of["path"]
    }
    return moves | {place / CONFIG_NAME: target}


def _require_free(moves: dict[Path, Path]) -> None:
    """Raises: ConfigError when a different file exists already."""
    taken = [
        f"{path} is there already and is another file"
        for source, path in moves.items()
        if path.exists() and path.read_bytes() != source.read_bytes()
    ]
    if taken:
        raise ConfigError(taken, hint="move it away first; nothing was changed")


def _copy(source: Path, path: Path) -> None:
    if path.exists():
        return
    with (
        source.open("rb") as old,
        open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new,
    ):
        shutil.copyfileobj(old, new)


def _tell_key(config: Config) -> None:
    """Say at once when the database belongs to another key than the one that is here.

    Raises: ConfigError.
    """
    from newsletter.store.db import open_engine
    from newsletter.store.site_key import require_key
    from newsletter.tokens import Tokens

    engine = open_engine(config.database.url)
    with contextlib.closing(engine.connect()):
        require_key(engine, Tokens.from_file(config.site.secret_key_file))
    engine.dispose()
    say(as_called(f"{mark('ok')} the site is back; look at it with: newsletter doctor"))
