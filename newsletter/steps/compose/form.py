"""A template rendered once, with places for blocks that differ between letters.

A place is a marker that is handed to the template as a value and stands on a line of its own; so
the text between two places is whole lines, the same object in every letter, and an encoder encodes
it once.
"""

import re
from collections.abc import Iterable, Mapping

#: NUL cannot come from data: control characters are removed when a paper is frozen.
_PLACE = re.compile("^[ \t]*\0([a-z_]+)\0[ \t]*\n", re.MULTILINE)


def place(name: str) -> str:
    """The marker to render a template with."""
    return f"\0{name}\0"


class Form:
    """A rendered template: lines of text, and between them places."""

    def __init__(self, rendered: str) -> None:
        pieces = _PLACE.split(rendered)
        self._lines, self._places = pieces[::2], pieces[1::2]

    def fill(self, blocks: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
        """Put blocks of whole lines into the places. Raises: KeyError for a place nobody fills."""
        filled = [self._lines[0]]
        for name, lines in zip(self._places, self._lines[1:], strict=True):
            filled += blocks[name]
            filled.append(lines)
        return tuple(filter(None, filled))
