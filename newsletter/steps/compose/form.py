"""A template rendered once, with blanks that each letter fills; joining strings instead of rendering again.

A blank is a marker that is handed to the template as a value. Fragments are whole lines, so that an encoder may treat
each by itself: the lines between blanks are one fragment, the same object in every letter; a line with blanks is new.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from markupsafe import escape

from newsletter.steps.compose.prose import COLUMNS, fill

#: U+001F cannot come from data: control characters are removed when a paper is frozen.
_BLANK = re.compile("\x1f([a-z_]+)\x1f")

#: What a blank is filled with: text, or the finished fragments that take the place of its line.
Filling = str | Sequence[str]


def blank(name: str) -> str:
    """The marker to render a template with."""
    return f"\x1f{name}\x1f"


class Form:
    """A rendered template: fragments that never change, and lines with blanks in them."""

    def __init__(self, rendered: str, *, is_html: bool) -> None:
        self._is_html = is_html
        lines = [line + "\n" for line in rendered.removesuffix("\n").split("\n")]
        self._parts: list[str | tuple[str, ...]] = []
        for has_blank, group in groupby(lines, key=lambda line: "\x1f" in line):
            if has_blank:
                self._parts.extend(tuple(_BLANK.split(line)) for line in group)
            else:
                self._parts.append("".join(group))

    def fill(self, values: Mapping[str, Filling]) -> list[str]:
        """Fill the blanks. Text is escaped for HTML, unless it is Markup; a plain-text line that grows is wrapped.

        Raises: KeyError for a blank without a value.
        """
        fragments: list[str] = []
        for part in self._parts:
            if isinstance(part, str):
                fragments.append(part)
                continue
            value = values[part[1]]
            if not isinstance(value, str):
                fragments.extend(value)
            elif self._is_html:
                fragments.append("".join(escape(values[word]) if at % 2 else word for at, word in enumerate(part)))
            else:
                fragments.append(
                    _wrapped("".join(str(values[word]) if at % 2 else word for at, word in enumerate(part)))
                )
        return fragments


def _wrapped(line: str) -> str:
    """A line of plain text that may have grown too long; addresses are never broken."""
    if len(line) <= COLUMNS + 1 or "://" in line:
        return line
    body = line.lstrip(" ")
    indent = len(line) - len(body)
    return " " * indent + fill(body, indent) + "\n"
