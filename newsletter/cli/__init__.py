"""The commands, one file per noun. This file has the global options, runs a command, and reports
errors.
"""

import errno
import os
import shutil
import sqlite3
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import typer

from newsletter import __version__, gc_tuning
from newsletter.cli import (
    backups,
    completion,
    demo,
    inbound,
    issues,
    output,
    papers,
    preview,
    serving,
    site,
    stats,
    status,
    subscribers,
    taste,
    top,
    topics,
    why,
)
from newsletter.cli import run as run_commands
from newsletter.errors import NewsletterError

app = typer.Typer(
    help="A short daily mail of trending papers, for each reader's topics.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Everywhere: -C/--config PATH, --json, -q/--quiet, -v/--verbose, --no-color, "
    "--no-input, "
    "--allow-insecure, --version. Try it without sending anything: newsletter demo",
)
EVERY_DAY, CONTENT, SETUP = "Every day", "Content and readers", "Setting up"
app.command()(demo.demo)
for command in (
    run_commands.run,
    run_commands.fetch,
    preview.preview,
    why.why,
    run_commands.send,
    status.status,
    stats.stats,
    top.top,
    serving.daemon,
    serving.serve,
    serving.worker,
):
    app.command()(command)
app.add_typer(papers.app, name="papers")
app.add_typer(topics.app, name="topics")
app.add_typer(subscribers.app, name="subscribers")
app.add_typer(taste.app, name="taste")
app.add_typer(issues.app, name="issues")
app.add_typer(inbound.app, name="inbound")
for setting_up in (site.init, site.doctor, backups.backup, backups.restore):
    app.command()(setting_up)
app.add_typer(site.config_app, name="config")
app.add_typer(site.db_app, name="db")
app.add_typer(site.dkim_app, name="dkim")
app.command()(completion.completion)

#: The base of typer's own usage errors; typer does not export it by name.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]

_FLAGS = {
    "--json": "is_json",
    "-q": "is_quiet",
    "--quiet": "is_quiet",
    "-v": "is_verbose",
    "--verbose": "is_verbose",
    "--no-color": "is_plain",
    "--allow-insecure": "is_insecure",
}


def main(arguments: list[str] | None = None, program: str = "newsletter") -> int:
    """Run one command; return its exit code (docs/cli.md: 0, 1, 2, 3, 4, 5, 75, 130)."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        session = output.begin(program)
        rest = _global_options(session, words)
        if rest is None:
            print(f"newsletter {__version__}")  # noqa: T201  (the command's answer)
            return 0
        rest = inbound.with_command(rest)
        command = typer.main.get_command(app)
        if completion.is_asked():
            completion.answer(command, lambda words: _global_options(session, words) or [])
            return 0
        result = command.main(rest, prog_name=session.program, standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except NewsletterError as e:
        output.tell_error(e)
        return e.exit_code
    except UsageError as e:
        return _tell_usage(e)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        _drop_output()
        return 1
    except (OSError, UnicodeError, sqlite3.DatabaseError) as e:
        if output.session.is_verbose:
            raise
        output.tell_error(NewsletterError(_words_of(e), hint="-v shows where it happened"))
        if getattr(e, "errno", None) == errno.ENOSPC:
            _drop_output()
        return 1


def _global_options(session: output.Session, words: list[str]) -> list[str] | None:
    """Remove the global options from the words, wherever they are; None = only the version was
    asked for.
    """
    rest: list[str] = []
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *left]
        elif name in ("-C", "--config"):
            session.name_config(value if equals else next(left, ""))
        elif word in _FLAGS:
            setattr(session, _FLAGS[word], True)
        elif word == "--no-input":
            session.is_asking = False
        elif word == "--version":
            return None
        else:
            rest.append("--help" if word == "-h" else word)
    return rest


def _words_of(error: OSError | UnicodeError | sqlite3.DatabaseError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not text in UTF-8: {error.reason} at byte {error.start}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{error}"


def _drop_output() -> None:
    """Discard the remaining output: its reader has closed the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell_usage(error: Any) -> int:
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message)  # noqa: T201  (the command's answer)
        return 0
    message, _, meant = message.replace("No such command", "unknown command").partition(
        ". Did you mean "
    )
    path = error.ctx.command_path if error.ctx else output.session.program
    problem = NewsletterError(
        message.rstrip("."), hint=f"Did you mean {meant}" if meant else f"see: {path} --help"
    )
    problem.code = "usage"
    output.tell_error(problem)
    return 2


def run() -> None:
    """The entry point of the console script."""
    gc_tuning.begin()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a terminal without UTF-8 gets what it can show
    code = main(program=_called_as(sys.argv[0]))
    gc_tuning.end()
    sys.exit(code)


def _called_as(path: str) -> str:
    """Return the program as it was called, so that it can be called again."""
    name = Path(path).name
    if name.startswith("-"):  # python -c
        return "newsletter"
    found = shutil.which(name)
    return name if found and Path(found).resolve() == Path(path).resolve() else path
