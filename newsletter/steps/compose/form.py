"""A template rendered once, with blanks that each letter fills; joining strings instead of rendering again.

A blank is a marker that is handed to the template as a value. Fragments are whole lines, so that an encoder may treat
each by itself: the lines between blanks are one fragment, the same object in every letter; a line with blanks is new.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from markupsafe import escape

from newsletter.steps.compose.prose import COLUMNS, fill

#: NUL cannot come from data: control characters are removed when a paper is frozen.
_BLANK = re.compile("\0([a-z_]+)\0")

#: What a blank is filled with: text, or the finished fragments that take the place of its line.
Filling = str | Sequence[str]


def blank(name: str) -> str:
    """The marker to render a template with."""
    return f"\0{name}\0"


class Form:
    """A rendered template: fragments that never change, and lines with blanks in them."""

    def __init__(self, rendered: str, *, is_html: bool) -> None:
        self._is_html = is_html
        self._names = tuple(dict.fromkeys(_BLANK.findall(rendered)))
        #: A fragment, or the %-format of a line with blanks.
        self._parts: list[tuple[str, bool]] = []
        lines = [line + "\n" for line in rendered.removesuffix("\n").split("\n")]
        for has_blank, group in groupby(lines, key=lambda line: "\0" in line):
            if has_blank:
                self._parts += [(_BLANK.sub(r"%(\1)s", line.replace("%", "%%")), True) for line in group]
            else:
                self._parts.append(("".join(group), False))

    def fill(self, values: Mapping[str, Filling]) -> list[str]:
        """Fill the blanks. Text is escaped for HTML, unless it is Markup; a plain-text line that grows is wrapped.

        Raises: KeyError for a blank without a value.
        """
        texts: dict[str, str] = {}
        blocks: dict[str, Sequence[str]] = {}
        for name in self._names:
            value = values[name]
            if not isinstance(value, str):
                blocks[f"%({name})s\n"] = value
            else:
                texts[name] = escape(value) if self._is_html else value
        fragments: list[str] = []
        for part, has_blank in self._parts:
            if not has_blank:
                fragments.append(part)
            elif part in blocks:
                fragments += blocks[part]
            else:
                line = part % texts
                fragments.append(line if self._is_html else _wrapped(line))
        return fragments


def _wrapped(line: str) -> str:
    """A line of plain text that may have grown too long; addresses are never broken."""
    if len(line) <= COLUMNS + 1 or "://" in line:
        return line
    body = line.strip()
    indent = len(line) - len(line.lstrip(" "))
    return " " * indent + fill(body, indent) + "\n"
