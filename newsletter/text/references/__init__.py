"""Which papers a pasted text names: ids, DOIs, links, titles, BibTeX, RIS, and exports of Zotero as
CSV or RDF. Pure.

plain.py    a line that somebody typed or copied
bibtex.py   entries of BibTeX and BibLaTeX
ris.py      records of the RIS format
zotero.py   a table with a heading, and Zotero's RDF

BibTeX entries, RIS records and plain lines may stand in one text. Nothing is looked up here, and
nothing is left out without a word: each line ends in `found` or in `unread`.
"""

import re
from collections.abc import Iterable, Iterator

from newsletter.text.references.bibtex import read_bibtex
from newsletter.text.references.entry import (
    NO_PAPER,
    Reference,
    References,
    Unread,
    is_title,
)
from newsletter.text.references.plain import read_line
from newsletter.text.references.ris import read_ris
from newsletter.text.references.zotero import is_table, read_rdf, read_table

__all__ = ["NO_PAPER", "Reference", "References", "Unread", "is_title", "read_references"]

#: What a text may hold at most; the rest is named as unread.
MAX_CHARACTERS, MAX_REFERENCES = 4_000_000, 5_000
_RIS_START = re.compile(r"\s*TY\s{1,2}-\s")
_RIS_END = re.compile(r"\s*ER\s{1,2}-")
_ENTRY = re.compile(r"\s*@\s*\w+\s*[{(]")


def read_references(text: str) -> References:
    """Read the papers that a text names, each once, in their order; lines count from 1."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    too_long = text[MAX_CHARACTERS:]
    text = text[:MAX_CHARACTERS]
    if text.lstrip().startswith("<") and "rdf:RDF" in text[:2000]:
        entries = read_rdf(text)
    elif is_table(text):
        entries = read_table(text)
    else:
        entries = _read_blocks(text.split("\n"))
    found: dict[tuple[str, ...], Reference] = {}
    unread: list[Unread] = []
    for entry in entries:
        if isinstance(entry, Unread):
            unread.append(entry)
        elif len(found) < MAX_REFERENCES:
            found.setdefault(entry.identifiers or (entry.title.casefold(),), entry)
        else:
            unread.append(Unread(entry.line, entry.name, "too_many"))
    if too_long:
        unread.append(Unread(text.count("\n") + 1, too_long[:80], "too_long"))
    return References(tuple(_one_each(found.values())), tuple(unread))


def _one_each(found: Iterable[Reference]) -> Iterator[Reference]:
    """Leave out what names a paper by an identifier that stands before it already."""
    seen: set[str] = set()
    for entry in found:
        if seen.isdisjoint(entry.identifiers):
            yield entry
        seen.update(entry.identifiers)


def _read_blocks(lines: list[str]) -> Iterator[Reference | Unread]:
    at = 0
    while at < len(lines):
        if _ENTRY.match(lines[at]):
            size = _bibtex_size(lines, at)
            yield from read_bibtex("\n".join(lines[at : at + size]), at + 1)
        elif _RIS_START.match(lines[at]):
            size = _ris_size(lines, at)
            yield from read_ris(lines[at : at + size], at + 1)
        else:
            size = 1
            yield from read_line(lines[at], at + 1)
        at += size


def _bibtex_size(lines: list[str], start: int) -> int:
    """How many lines an entry has: to where the next begins at the start of a line, or to where
    its braces close.
    """
    depth = 0
    for size, line in enumerate(lines[start:], 1):
        if size > 1 and _ENTRY.match(line):
            return size - 1
        bare = line.replace("\\{", "").replace("\\}", "")
        depth += bare.count("{") - bare.count("}")
        if depth <= 0 and not (size == 1 and "{" not in line):
            return size
    return len(lines) - start


def _ris_size(lines: list[str], start: int) -> int:
    for size, line in enumerate(lines[start:], 1):
        if _RIS_END.match(line):
            return size
        if size > 1 and _RIS_START.match(line):
            return size - 1
    return len(lines) - start
