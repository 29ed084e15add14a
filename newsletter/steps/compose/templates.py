"""The templates of letters: compiled when the site opens, rendered within limits. Errors name the
file and the line.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    select_autoescape,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment
from rich.cells import cell_len

from newsletter.errors import LetterError
from newsletter.steps.compose.prose import COLUMNS, fill

#: Limits of size and time; beyond them a template is broken. Its letter fails, others do not.
MAX_CHARACTERS = 1_000_000
MAX_SECONDS = 2.0


class Templates:
    """The templates, read once: an edit that breaks one cannot break a running issue."""

    def __init__(self, directory: Path) -> None:
        """Raises: LetterError naming the file and line of the first mistake."""
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(directory),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self.fill = self._environment.filters["fill"] = fill
        self._environment.filters["pad"] = _pad
        self._environment.filters["cells"] = cell_len
        self._environment.globals["columns"] = COLUMNS
        self._environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
        self.names = self._environment.list_templates(extensions=["html", "txt"])
        for name in self.names:
            try:
                self._environment.get_template(name)
            except TemplateSyntaxError as e:
                message = f"template {e.name or name}, line {e.lineno}: {e.message}"
                raise LetterError(message, hint=f"mend it in {directory}") from e

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Render a template.

        Raises: LetterError when the template does not exist, a variable is missing, it fails, or it
        exceeds the limits.
        """
        chunks, size = [], 0
        deadline = time.monotonic() + MAX_SECONDS
        with _named(name):
            for chunk in self._environment.get_template(name).generate(values):
                chunks.append(chunk)
                size += len(chunk)
                if size > MAX_CHARACTERS or time.monotonic() > deadline:
                    raise LetterError(
                        f"template {name} writes without end", hint="look for a loop in it"
                    )
        return "".join(chunks)

    def render_part(
        self, name: str, macro: str, values: Mapping[str, Any], *arguments: object
    ) -> str:
        """Render one macro of a template that is a collection of macros. Raises: as `render`."""
        with _named(f"{name}, {macro}"):
            return str(
                getattr(self._environment.get_template(name).make_module(dict(values)), macro)(
                    *arguments
                )
            )


def _pad(text: str, width: int) -> str:
    """Pad text with spaces to a width in cells."""
    return f"{text}{' ' * (width - cell_len(text))}"


@cache
def load_templates(directory: Path) -> Templates:
    """Compile the templates of a folder, once per process.

    Raises: LetterError naming the file and line of the first mistake.
    """
    return Templates(directory)


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except (
        TemplateError,
        ArithmeticError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as e:
        raise LetterError(
            f"template {name}: {e}", hint="mend the template, or what it is given"
        ) from e
