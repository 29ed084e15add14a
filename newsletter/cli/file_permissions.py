"""Find secrets that other users of this machine can read."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from newsletter.config import SECRET_FILES, SECRET_NAMES, Config
from newsletter.text.secrets import without_secrets


def is_open(path: Path) -> bool:
    """Return whether users other than the owner and the group can read a file."""
    return path.exists() and bool(path.stat().st_mode & 0o004)


def secrets_in(path: Path) -> list[str]:
    """Return the keys of secrets in a configuration file, if all users can read it."""
    return sorted(_secrets(tomllib.loads(path.read_text("utf-8")))) if is_open(path) else []


def open_files(config: Config) -> list[Path]:
    """Return the secret files of a site that all users can read."""
    return [path for path in secret_files(config) if is_open(path)]


def shared_databases(config: Config) -> list[Path]:
    """Return the database of a site and the backups beside it that other users can read."""
    url = config.database.url
    if not url.startswith("sqlite:///"):
        return []
    file = Path(url.removeprefix("sqlite:///"))
    found = (file, *sorted(file.parent.glob(f"{file.stem}-*.db")))
    return [path for path in found if path.is_file() and path.stat().st_mode & 0o077]


def secret_files(section: BaseModel) -> Iterator[Path]:
    """Find the files of secrets that a configuration names, whether they exist or not."""
    for name, value in section:
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, BaseModel):
                yield from secret_files(inner)
            elif isinstance(inner, Path) and name in SECRET_FILES:
                yield inner


def _secrets(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _secrets(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                if isinstance(inner, dict):
                    yield from _secrets(inner, f"{prefix}{name}.{number}.")
        elif value and (
            name in SECRET_NAMES
            or (isinstance(value, str) and "://" in value and without_secrets(value) != value)
        ):
            yield f"{prefix}{name}"
