"""Records of the RIS format: "TY  - JOUR", two letters a field, to "ER  - "."""

import re
from collections.abc import Iterator, Sequence

from newsletter.text.references.entry import Reference, Unread, entry

_TAG = re.compile(r"\s*([A-Z][A-Z0-9])\s{1,2}-(?:\s(.*))?\Z")
_TITLES = ("TI", "T1", "CT")
#: Fields that name the record itself.
_NAMES = ("DO", "UR", "AN", "M3", "LK", "L1", "L2", "N1", "C1")


def read_ris(lines: Sequence[str], line: int) -> Iterator[Reference | Unread]:
    """Read one record; `line` is the number of its first line."""
    fields: dict[str, list[str]] = {}
    last: list[str] = []
    for text in lines:
        if tag := _TAG.match(text):
            last = fields.setdefault(tag[1], [])
            last.append((tag[2] or "").strip())
        elif last:  # a long value goes on in the next line
            last[-1] = f"{last[-1]} {text.strip()}".strip()
    title = next((fields[name][0] for name in _TITLES if fields.get(name)), "")
    names = [value for name in _NAMES for value in fields.get(name, ())]
    yield entry(line, names, title, " ".join(lines[:2]))
