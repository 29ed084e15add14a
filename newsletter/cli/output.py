"""Output of commands: results on stdout, the rest on stderr; tables on a terminal, tabs in a pipe,
JSON on request.

Heavy modules (rich, the configuration, the database) are imported by the function that needs them,
so that `--version`, `--help` and completion answer at once. The files of commands do the same.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newsletter.errors import ConfigError, InputError, NewsletterError
from newsletter.moments import iso
from newsletter.text.secrets import without_secrets

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from newsletter.app import App
    from newsletter.config import Config
    from newsletter.run_reports import Report


@dataclass
class Session:
    """The global options; the same for every command."""

    config_path: Path = Path("config.toml")
    program: str = "newsletter"  #: as it was called, for usage lines and hints
    is_config_named: bool = False  #: named by -C or the environment, not the default
    config_option: str = ""  #: -C as it was given, for hints
    is_json: bool = False
    is_quiet: bool = False
    is_verbose: bool = False
    is_plain: bool = False  #: no colour
    is_asking: bool = True
    is_insecure: bool = False  #: continue with secrets that all users can read

    def name_config(self, path: str) -> None:
        """Set the file that -C names."""
        self.config_path, self.is_config_named = Path(path), True
        self.config_option = f"-C {shlex.quote(path)}"


session = Session()


def begin(program: str = "newsletter") -> Session:
    """Start with fresh options, without those of an earlier command."""
    named = os.environ.get("NEWSLETTER_CONFIG") or ""
    fresh = Session(Path(named or "config.toml"), program, is_config_named=bool(named))
    vars(session).update(vars(fresh))
    return session


def as_called(hint: str) -> str:
    """Return a hint whose commands can be copied: this program as it was called, with the same
    -C.
    """
    called = f"{session.program} {session.config_option}".rstrip()
    hint = re.sub(r"(?<![\w./-])newsletter(?= -C )", lambda _: session.program, hint)
    return re.sub(r"(?<![\w./-])newsletter(?= [a-z])", lambda _: called, hint)


def console(*, is_error: bool = False) -> Console:
    from rich.console import Console

    is_plain = session.is_plain or "NO_COLOR" in os.environ
    return Console(stderr=is_error, no_color=is_plain, highlight=False, soft_wrap=True)


def read_config() -> Config:
    """Read the configuration. Raises: ConfigError, also when all users of this machine can read a
    secret in it.
    """
    from newsletter.cli.file_permissions import secrets_in
    from newsletter.config_loading import load_config

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
    from newsletter.app import App

    return App.open(read_config())


def working(text: str) -> AbstractContextManager[object]:
    """Show on stderr that something takes time, until it ends; not with --quiet."""
    return nullcontext() if session.is_quiet else console(is_error=True).status(text)


def say(text: str = "") -> None:
    """Print a result for people. Nothing with --json, so that stdout stays one document."""
    if not session.is_json:
        from rich.text import Text

        console().print(Text(clean(text)))


def note(text: str) -> None:
    """Print progress and remarks on stderr; not with --quiet."""
    if not session.is_quiet:
        from rich.text import Text

        console(is_error=True).print(Text(clean(text)))


#: Terminals execute these characters; JSON can write them as escapes.
_UNPRINTED = {
    code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F))
}


def emit(data: Any) -> bool:
    """Print JSON if it was asked for; return whether it was."""
    if session.is_json:
        text = json.dumps(data, ensure_ascii=False, indent=None, default=_plain)
        print(text.translate(_UNPRINTED))  # noqa: T201  (the command's answer)
    return session.is_json


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Iterable[str] = ()
) -> None:
    """Print a table on a terminal; in a pipe one line per row, tabs between, no heading.

    Paths, web addresses and mail addresses are never broken over lines, so that they can be copied.
    A table that is too wide because of them is wider than the terminal.
    """
    cells = [[clean(_cell(value)) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            print("\t".join(row))  # noqa: T201  (the command's answer)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, header_style="bold", pad_edge=False)
    least = 0
    for number, column in enumerate(columns):
        whole = max((len(row[number]) for row in cells if _is_whole(row[number])), default=0)
        least += max(whole, min(len(column), 8)) + 1
        shown.add_column(
            column.upper(),
            justify="right" if column in right else "left",
            overflow="fold",
            min_width=whole or None,
        )
    for row in cells:
        shown.add_row(*map(Text, row))
    console = Console(no_color=session.is_plain or "NO_COLOR" in os.environ, highlight=False)
    console.print(shown, width=max(console.width, least), crop=False, no_wrap=False)


#: A day, or a moment as tables show it.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?")


def _is_whole(cell: str) -> bool:
    """Return whether a cell is one path, address or moment, which must not be broken."""
    return " " not in cell and ("/" in cell or "@" in cell or bool(_MOMENT.fullmatch(cell)))


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value)


def clean(text: str) -> str:
    """Return text of others for a terminal: control characters are shown, not executed; it stays
    one line.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def mark(state: str) -> str:
    """Return a sign for ok, warn or fail that the terminal can show."""
    signs = {"ok": "✓", "warn": "!", "fail": "✗"}
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return signs[state] if encoding == "utf8" else state


def progress(total: int | None) -> Progress:
    """Return a progress bar on a terminal; elsewhere it shows nothing."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

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
    from rich.text import Text

    if not session.is_asking or not sys.stdin.isatty():
        raise InputError(f"refusing to go on without a terminal; pass {flag}")
    if console(is_error=True).input(Text(clean(f"{question} [y/N] "))).strip().lower() not in (
        "y",
        "yes",
    ):
        raise InputError("nothing was changed")


def finish(report: Report) -> int:
    """Print a report's problems; return the exit code."""
    from rich.text import Text

    for problem in report.problems:
        console(is_error=True).print(Text(f"{mark('warn')} {clean(as_called(problem))}"))
    if report.is_unreachable:
        return 5
    return 4 if report.problems else 0


def tell_error(error: NewsletterError) -> None:
    """Print what failed, the state, and what to do next on stderr; as JSON if that was asked
    for.
    """
    hint, message = as_called(without_secrets(error.hint)), without_secrets(error.message)
    if session.is_json:
        body: dict[str, Any] = {"code": error.code, "message": message, "hint": hint}
        if isinstance(error, InputError) and error.position:
            body["position"] = error.position
        told = json.dumps({"error": body}, ensure_ascii=False)
        print(told, file=sys.stderr)  # noqa: T201  (the command's answer)
        return
    from rich.text import Text

    err = console(is_error=True)
    lines = [clean(line) for line in message.split("\n")]
    position = getattr(error, "position", 0)
    err.print(
        Text(
            f"error: {lines[0]}{f' (at character {position})' if position else ''}",
            style="bold red",
        )
    )
    for line in lines[1:]:
        err.print(Text(f"       {line}"))
    if hint:
        err.print(Text(f"  {clean(hint)}"))


def moment(text: str | None) -> datetime:
    """Read --at: an ISO time with Z or an offset (without one it is UTC), or a date (noon UTC).
    None = now.

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
