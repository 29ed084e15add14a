"""How commands speak: results on stdout, the rest on stderr; tables on a terminal, tabs in a pipe,
JSON on request.
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from newsletter.app import App, Report
from newsletter.cli.file_permissions import secrets_in
from newsletter.config import Config, load_config
from newsletter.errors import ConfigError, InputError, NewsletterError


@dataclass
class SmtpSession:
    """What the global options said; the same for every command."""

    config_path: Path = Path("config.toml")
    is_json: bool = False
    is_quiet: bool = False
    is_verbose: bool = False
    is_plain: bool = False  #: no colour
    is_asking: bool = True
    is_insecure: bool = False  #: go on with secrets that everybody may read


session = SmtpSession()


def begin(config_path: Path) -> SmtpSession:
    """Forget the options of an earlier command."""
    vars(session).update(vars(SmtpSession(config_path)))
    return session


def console(*, is_error: bool = False) -> Console:
    is_plain = session.is_plain or "NO_COLOR" in os.environ
    return Console(stderr=is_error, no_color=is_plain, highlight=False, soft_wrap=True)


def read_config() -> Config:
    """Raises: ConfigError; also when everybody on this machine may read a secret in it."""
    path = session.config_path
    config = load_config(path, os.environ)
    if keys := secrets_in(path):
        said = (
            f"{path} can be read by everybody on this machine, and {', '.join(keys)} in it is "
            "secret"
        )
        if not session.is_insecure:
            hint = (
                f"chmod 640 {path}; or keep the secret in a file of its own; or go on with "
                "--allow-insecure"
            )
            raise ConfigError([said], hint=hint)
        note(f"{mark('warn')} {said}")
    return config


def open_app() -> App:
    return App.open(read_config())


def say(text: str = "") -> None:
    """A result, for people. Nothing with --json, so that stdout stays one document."""
    if not session.is_json:
        console().print(Text(clean(text)))


def note(text: str) -> None:
    """Progress and remarks: stderr, not with --quiet."""
    if not session.is_quiet:
        console(is_error=True).print(Text(clean(text)))


#: Terminals obey these; JSON lets them be written in another way.
_UNPRINTED = {
    code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F))
}


def emit(data: Any) -> bool:
    """Print JSON if it was asked for; says whether it was."""
    if session.is_json:
        text = json.dumps(data, ensure_ascii=False, indent=None, default=_plain)
        print(text.translate(_UNPRINTED))  # noqa: T201
    return session.is_json


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Iterable[str] = ()
) -> None:
    """A table on a terminal; in a pipe one line a row, tabs between, no heading."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(clean(_cell(value)) for value in row))  # noqa: T201
        return
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        shown.add_column(
            column.upper(), justify="right" if column in right else "left", overflow="fold"
        )
    for row in rows:
        shown.add_row(*(Text(clean(_cell(value))) for value in row))
    Console(no_color=session.is_plain or "NO_COLOR" in os.environ, highlight=False).print(shown)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value)


def clean(text: str) -> str:
    """Text of others made harmless for a terminal: control characters are shown, not obeyed; it
    stays one line.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def mark(state: str) -> str:
    """A sign for ok, warn or fail that the terminal can show."""
    signs = {"ok": "✓", "warn": "!", "fail": "✗"}
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return signs[state] if encoding == "utf8" else state


def progress(total: int | None) -> Progress:
    """A bar on a terminal, nothing elsewhere."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(is_error=True),
        transient=True,
        disable=session.is_quiet or not sys.stderr.isatty(),
    )


def confirm(question: str, flag: str) -> None:
    """Ask before something that cannot be undone.

    Raises: InputError without a terminal, naming the flag that answers; or when the answer is no.
    """
    if not session.is_asking or not sys.stdin.isatty():
        raise InputError(f"refusing to go on without a terminal; pass {flag}")
    if console(is_error=True).input(Text(clean(f"{question} [y/N] "))).strip().lower() not in (
        "y",
        "yes",
    ):
        raise InputError("nothing was changed")


def finish(report: Report) -> int:
    """Tell a report's problems; return the exit code."""
    for problem in report.problems:
        console(is_error=True).print(Text(f"{mark('warn')} {clean(problem)}"))
    if report.is_unreachable:
        return 5
    return 4 if report.problems else 0


def tell_error(error: NewsletterError) -> None:
    """What failed, what state things are in, what to do next; on stderr, as JSON too if JSON was
    asked for.
    """
    if session.is_json:
        body: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
        if isinstance(error, InputError) and error.position:
            body["position"] = error.position
        print(json.dumps({"error": body}, ensure_ascii=False), file=sys.stderr)  # noqa: T201
        return
    err = console(is_error=True)
    lines = [clean(line) for line in error.message.split("\n")]
    position = getattr(error, "position", 0)
    err.print(
        Text(
            f"error: {lines[0]}{f' (at character {position})' if position else ''}",
            style="bold red",
        )
    )
    for line in lines[1:]:
        err.print(Text(f"       {line}"))
    if error.hint:
        err.print(Text(f"  {clean(error.hint)}"))


def moment(text: str | None) -> datetime:
    """--at: an ISO moment with Z or an offset (without one it is UTC), or a date (noon UTC). None =
    now.

    Raises: InputError.
    """
    if text is None:
        return datetime.now(UTC)
    try:
        if len(text) == 10:
            text += "T12:00Z"
        parsed = datetime.fromisoformat(text)
        parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        if not 1990 < parsed.astimezone(UTC).year < 9000:
            raise ValueError
    except (ValueError, OverflowError) as e:
        raise InputError(
            f"--at {text!r} is not a moment", hint="write it like 2026-05-04T09:00Z"
        ) from e
    return parsed
