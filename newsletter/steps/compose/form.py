"""A template rendered once, with blanks that each letter fills; joining strings instead of
rendering again.

A blank is a marker that is handed to the template as a value. What a form is filled into are
stretches of whole lines that remember the form they came from (`Filled`), so that an encoder
encodes what never changes once.
"""

import re
from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Any, NamedTuple

from markupsafe import Markup

from newsletter.models import Filled, Fragment
from newsletter.steps.compose.prose import COLUMNS, fill

#: NUL cannot come from data: control characters are removed when a paper is frozen.
_BLANK = re.compile("\0([a-z_]+)\0")
#: Blanks that are filled with finished fragments; each is a line of its own.
BLOCKS = frozenset(("news", "sections", "more_links"))

#: Blanks that no line is wrapped for: they are of a known width, or addresses, which are never
#: broken.
FIXED = frozenset(
    (
        "number",
        "bracket",
        "more",
        "less",
        "missed_url",
        "preferences",
        "unsubscribe",
        "view",
        "how",
        "archive",
    )
)

#: What a blank is filled with: text, or the finished fragments that take the place of its line.
Filling = str | Sequence[Fragment]


def blank(name: str) -> str:
    """The marker to render a template with."""
    return f"\0{name}\0"


class _Stretch(NamedTuple):
    """Lines between two blocks, or one line that may have to be wrapped."""

    pieces: tuple[str, ...]  #: the text around its blanks
    places: tuple[int, ...]  #: of its blanks among a form's names; one less than pieces
    length: int = 0  #: of a line that may grow, without what fills it; 0 = none


class Form:
    """A rendered template: stretches filled in one step, and blocks. `names`: its blanks, in the
    order of values.
    """

    def __init__(self, rendered: str, names: Sequence[str], *, is_html: bool) -> None:
        self._is_html = is_html
        self._place = {name: place for place, name in enumerate(names)}
        lines = [line + "\n" for line in rendered.removesuffix("\n").split("\n")]
        self._parts: list[
            _Stretch | str | int
        ] = []  #: text without blanks is itself; a number is the place of a block
        for alone, group in groupby(enumerate(lines), key=self._line_alone):
            self._parts.append(self._part(alone >= 0, [line for _, line in group]))

    def _line_alone(self, numbered: tuple[int, str]) -> int:
        """The number of a line that is a part by itself, because it is a block or may grow; -1 = it
        is not.
        """
        names = set(_BLANK.findall(numbered[1]))
        return numbered[0] if names & BLOCKS or (not self._is_html and names - FIXED) else -1

    def _part(self, is_alone: bool, lines: Sequence[str]) -> _Stretch | str | int:
        """Raises: KeyError for a blank that nobody fills."""
        pieces = _BLANK.split("".join(lines))
        names = pieces[1::2]
        if not names:
            return pieces[0]
        if names[0] in BLOCKS:
            return self._place[names[0]]
        texts = tuple(pieces[::2])
        growing = sum(map(len, texts)) if is_alone else 0
        return _Stretch(texts, tuple(map(self._place.__getitem__, names)), growing)

    def fill(self, *values: Filling) -> list[Fragment]:
        """Fill the blanks. Text is escaped for HTML, unless it is Markup; a plain-text line that
        grows is wrapped.
        """
        texts: Sequence[Any] = [*map(_escaped, values)] if self._is_html else values
        fragments: list[Fragment] = []
        for part in self._parts:
            if isinstance(part, _Stretch):
                pieces, places, length = part
                filled = Filled(pieces, tuple([texts[place] for place in places]))
                is_long = length and length + sum(map(len, filled.values)) > COLUMNS + 1
                fragments.append(_wrapped(str(filled)) if is_long else filled)
            elif isinstance(part, str):
                fragments.append(part)
            else:
                fragments += texts[part]
        return fragments


def _escaped(value: Filling) -> Filling:
    """HTML as plain `str`, which is quicker to look up than Markup."""
    if type(value) is str:
        return escape(value)
    return str(value) if isinstance(value, Markup) else value


def _wrapped(line: str) -> str:
    """A line of plain text that has grown too long."""
    body = line.strip()
    indent = len(line) - len(line.lstrip(" "))
    return " " * indent + fill(body, indent) + "\n"
