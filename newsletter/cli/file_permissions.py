"""Find secrets that all users of this machine can read."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from newsletter.config import Config

SECRET_KEYS = ("password", "token", "key")


def is_open(path: Path) -> bool:
    """Return whether users other than the owner and the group can read a file."""
    return path.exists() and bool(path.stat().st_mode & 0o004)


def secrets_in(path: Path) -> list[str]:
    """Return the keys of secrets in a configuration file, if all users can read it."""
    return sorted(_secrets(tomllib.loads(path.read_text("utf-8")))) if is_open(path) else []


def secret_files(config: Config) -> list[Path]:
    """Return the files of secrets that a site's configuration names, whether they exist or not."""
    relays = (config.smtp, *config.smtp.fallback)
    github, writer = config.signals.github, config.summaries
    named = [relay.password_file for relay in relays] + [
        config.dkim.key_file,
        config.site.secret_key_file,
    ]
    named += [github.token_file] if github else []
    named += [writer.key_file] if writer else []
    named += [config.bounces.imap_password_file, config.bounces.hook_secret_file]
    return [path for path in named if path is not None]


def open_files(config: Config) -> list[Path]:
    """Return the secret files of a site that all users can read."""
    return [path for path in secret_files(config) if is_open(path)]


def _secrets(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _secrets(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                if isinstance(inner, dict):
                    yield from _secrets(inner, f"{prefix}{name}.{number}.")
        elif value and (
            name in SECRET_KEYS
            or (f"{prefix}{name}" == "database.url" and urlsplit(value).password)
        ):
            yield f"{prefix}{name}"
