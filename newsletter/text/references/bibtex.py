"""Entries of BibTeX and BibLaTeX: identifiers and title.

Only these few fields are read, as what is typed by hand often breaks a rule that a strict reader
keeps: a missing comma, an unescaped sign, a brace too many in a field that nobody asks for.
"""

import re
from collections.abc import Iterator, Mapping

from newsletter.text.markup import clean
from newsletter.text.references.entry import BROKEN, Reference, Unread, entry

_START = re.compile(r"@\s*(\w+)\s*[{(]")
_NO_ENTRIES = frozenset(("string", "comment", "preamble"))
_FIELD = re.compile(r"(?:\A|[,{(\n]|(?<=[}\"]))\s*([A-Za-z][\w-]*)\s*=\s*")
_ESCAPED = re.compile(r"\\([_%&#$~{}])")
_JOINED = re.compile(r"\s*#\s*")
_BRACE = re.compile(r"\\.|[{}]", re.S)
_QUOTE = re.compile(r"\\.|[{\"]|\n\n", re.S)
_WORD = re.compile(r"[^\s,{}\"#]+")
#: Fields that name the paper itself; the rest may name others.
_NAMES = ("doi", "url", "pmid", "pmcid", "journal", "note", "howpublished", "ee", "link")
_KINDS = {"pmid": "pmid:", "pmcid": "pmcid:"}


def read_bibtex(text: str, line: int) -> Iterator[Reference | Unread]:
    """Read one entry, which may have others behind it on its line."""
    closes, end = _braces(text), 0
    starts = [*_START.finditer(text)]
    for number, start in enumerate(starts, 1):
        if start.start() < end:
            continue  # "@" within an entry, as in an address
        following = starts[number].start() if number < len(starts) else len(text)
        end = closes.get(start.end() - 1, following)
        if start[1].lower() in _NO_ENTRIES:
            continue
        at = line + text.count("\n", 0, start.start())
        shown = text[start.start() : start.start() + 80].split("\n")[0]
        body = text[start.end() : end]
        fields = _fields(body)
        if not fields:
            yield Unread(at, shown, BROKEN)
            continue
        title = clean(fields.get("title", "")).replace("{", "").replace("}", "")
        yield entry(at, _names(fields), title, shown)


def _names(fields: Mapping[str, str]) -> Iterator[str]:
    eprint = fields.get("eprint", "")
    kind = (fields.get("archiveprefix") or fields.get("eprinttype") or "").lower()
    if eprint:
        yield f"{kind}:{eprint}" if kind in ("arxiv", "pmid", "pubmed") else eprint
    if fields.get("journal", "").lower() == "corr":  # as DBLP writes arXiv
        yield "https://arxiv.org/" + fields.get("volume", "")
    for name in _NAMES:
        if value := fields.get(name):
            value = _ESCAPED.sub(r"\1", value)
            yield value if value.startswith("http") else _KINDS.get(name, "") + value


def _fields(body: str) -> dict[str, str]:
    """Read `name = value`; the first of a name counts. A value that never ends is taken to its
    line's end.
    """
    found: dict[str, str] = {}
    closes, at = _braces(body), 0
    while start := _FIELD.search(body, at):
        value, at = _value(body, start.end(), closes)
        found.setdefault(start[1].lower(), value)
    return found


def _value(body: str, at: int, closes: Mapping[int, int]) -> tuple[str, int]:
    """A value, which may be joined of several by "#", and the place behind it."""
    parts = []
    while at < len(body):
        if body[at] in '{"':
            end = closes.get(at, -1) if body[at] == "{" else _quote(body, at, closes)
            if end < 0:
                end = body.find("\n", at)
            end = end if end >= 0 else len(body)
            parts.append(body[at + 1 : end])
            at = end + 1
        elif word := _WORD.match(body, at):
            parts.append(word[0])
            at = word.end()
        joined = _JOINED.match(body, at)
        if not joined:
            break
        at = joined.end()
    return " ".join("".join(parts).split()), at


def _braces(text: str) -> dict[int, int]:
    """Where each brace closes; what never does is absent."""
    closes: dict[int, int] = {}
    open_: list[int] = []
    for found in _BRACE.finditer(text):
        if found[0] == "{":
            open_.append(found.start())
        elif found[0] == "}" and open_:
            closes[open_.pop()] = found.start()
    return closes


def _quote(body: str, start: int, closes: Mapping[int, int]) -> int:
    """Where a quote closes, outside of braces and before a blank line; -1: nowhere."""
    at = start + 1
    while found := _QUOTE.search(body, at):
        if found[0] == "{":
            at = closes.get(found.start(), found.start()) + 1
        elif found[0] == '"':
            return found.start()
        elif found[0] == "\n\n":
            return -1
        else:
            at = found.end()
    return -1
