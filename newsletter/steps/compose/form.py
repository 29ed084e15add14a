"""A template rendered once, with blanks that each letter fills; joining strings instead of rendering again.

A blank is a marker that is handed to the template as a value. What a form is filled into are stretches of whole lines
that remember the form they came from (`Filled`), so that an encoder encodes what never changes once.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from markupsafe import escape

from newsletter.models import Filled
from newsletter.steps.compose.prose import COLUMNS, fill

#: NUL cannot come from data: control characters are removed when a paper is frozen.
_BLANK = re.compile("\0([a-z_]+)\0")
#: Blanks that are filled with finished fragments; each is a line of its own.
BLOCKS = ("sections", "more_links")

#: What a blank is filled with: text, or the finished fragments that take the place of its line.
Filling = str | Sequence[str]


def blank(name: str) -> str:
    """The marker to render a template with."""
    return f"\0{name}\0"


class _Line(NamedTuple):
    """A line with blanks."""

    at: int  #: which line of its stretch
    length: int  #: without what fills its blanks
    names: tuple[str, ...]


class _Stretch(NamedTuple):
    """Lines between two blocks."""

    form: str  #: %-format, a %s for each name; plain text where there are no names
    names: tuple[str, ...] = ()
    lines: tuple[_Line, ...] = ()


class Form:
    """A rendered template: stretches that are filled in one step, and blocks."""

    def __init__(self, rendered: str, *, is_html: bool) -> None:
        self._is_html = is_html
        lines = [line + "\n" for line in rendered.removesuffix("\n").split("\n")]
        blocks = {blank(name) + "\n": name for name in BLOCKS}
        self._parts: list[_Stretch | str] = []  #: a str is a block's name
        for block, group in groupby(lines, key=blocks.get):
            self._parts.append(block if block else _stretch(list(group)))
        self._names = {name for part in self._parts if isinstance(part, _Stretch) for name in part.names}

    def fill(self, values: Mapping[str, Filling]) -> list[str]:
        """Fill the blanks. Text is escaped for HTML, unless it is Markup; a plain-text line that grows is wrapped.

        Raises: KeyError for a blank without a value.
        """
        texts: dict[str, str] = {}
        for name in self._names:
            texts[name] = escape(values[name]) if self._is_html else str(values[name])
        fragments: list[str] = []
        for part in self._parts:
            if isinstance(part, str):
                fragments += values[part]
            elif not part.names:
                fragments.append(part.form)
            elif self._is_html or not (grown := _grown(part, texts)):
                fragments.append(Filled(part.form, tuple([texts[name] for name in part.names])))
            else:
                fragments += _laid_out(part, grown, texts)
        return fragments


def _stretch(lines: Sequence[str]) -> _Stretch:
    """Without blanks it is plain text; with blanks it is a format, so what looks like one in it is doubled."""
    names = tuple(_BLANK.findall("".join(lines)))
    if not names:
        return _Stretch("".join(lines))
    form = _BLANK.sub("%s", "".join(lines).replace("%", "%%"))
    filled = [
        _Line(at, len(_BLANK.sub("", line)), tuple(_BLANK.findall(line)))
        for at, line in enumerate(lines)
        if "\0" in line
    ]
    return _Stretch(form, names, tuple(filled))


def _grown(stretch: _Stretch, texts: Mapping[str, str]) -> tuple[int, ...]:
    """Which lines are too long when they are filled. An address is never broken."""
    grown: list[int] = []
    for at, length, names in stretch.lines:
        for name in names:
            length += len(texts[name])
        if length > COLUMNS + 1 and not any("://" in texts[name] for name in names):
            grown.append(at)
    return tuple(grown)


def _laid_out(stretch: _Stretch, grown: tuple[int, ...], texts: Mapping[str, str]) -> list[str]:
    """A stretch with some of its lines wrapped."""
    fragments: list[str] = []
    for part, is_grown in _cut(stretch, grown):
        filled = Filled(part.form, tuple([texts[name] for name in part.names])) if part.names else part.form
        fragments.append(_wrapped(filled) if is_grown else filled)
    return fragments


@lru_cache(maxsize=1024)
def _cut(stretch: _Stretch, grown: tuple[int, ...]) -> tuple[tuple[_Stretch, bool], ...]:
    """A stretch in parts, each line of `grown` by itself."""
    names = {line.at: line.names for line in stretch.lines}
    lines = enumerate(line + "\n" for line in stretch.form.removesuffix("\n").split("\n"))
    parts = []
    for key, group in groupby(lines, key=lambda line: line[0] if line[0] in grown else -1):
        chosen = list(group)
        of = tuple(name for at, _ in chosen for name in names.get(at, ()))
        form = "".join(line for _, line in chosen)
        parts.append((_Stretch(form if of else form.replace("%%", "%"), of), key >= 0))
    return tuple(parts)


def _wrapped(line: str) -> str:
    """A line of plain text that may have grown too long; addresses are never broken."""
    if len(line) <= COLUMNS + 1 or "://" in line:
        return line
    body = line.strip()
    indent = len(line) - len(line.lstrip(" "))
    return " " * indent + fill(body, indent) + "\n"
