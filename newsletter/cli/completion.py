"""Completion of commands and options in a shell. typer knows the shells; the global options, which
may be anywhere, are added here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from newsletter.cli import output

#: Set by the shell for a completion, by the script that `completion` prints.
VARIABLE = "_NEWSLETTER_COMPLETE"
CONFIG_OPTIONS = ("-C", "--config")


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="bash, zsh or fish.")],
) -> int:
    """Print a completion script for bash, zsh or fish; `eval` it in your shell's start file."""
    name = Path(output.session.program).name
    typer.echo(_shells().get_completion_script(prog_name=name, complete_var=VARIABLE, shell=shell))
    return 0


def _shells() -> Any:
    """Return typer's own functions, which have no types."""
    import typer.completion

    return typer.completion


def is_asked() -> bool:
    """Return whether a shell asks for a completion, instead of a person for a command."""
    return VARIABLE in os.environ


def answer(command: Any, without_globals: Callable[[list[str]], list[str]]) -> None:
    """Print what is possible at the cursor; nothing if it is a file, which the shell completes.

    `without_globals` removes the global options from the words before the cursor.
    """
    is_bash = "COMP_WORDS" in os.environ
    if is_bash:
        words = os.environ["COMP_WORDS"].split("\n")
        cursor = int(os.environ["COMP_CWORD"])
        program, before, begun = words[0], words[1:cursor], "".join(words[cursor : cursor + 1])
    else:
        line, _, begun = os.environ.get("_TYPER_COMPLETE_ARGS", "").rpartition(" ")
        program, *before = line.split() or [output.session.program]
    if before and before[-1] in CONFIG_OPTIONS:
        return
    line_words = [program, *without_globals(before), begun]
    if is_bash:
        os.environ |= {
            "COMP_WORDS": "\n".join(line_words),
            "COMP_CWORD": str(len(line_words) - 1),
        }
    else:
        os.environ["_TYPER_COMPLETE_ARGS"] = " ".join(line_words)
    _shells().completion_init()
    command.main([], prog_name=output.session.program, complete_var=VARIABLE)
