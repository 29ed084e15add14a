"""What Zotero exports beside BibTeX and RIS: a table with a heading (CSV), and RDF. Tables of
spreadsheets with a title or a DOI are read too.
"""

import csv
import io
import re
from collections.abc import Iterator
from xml.etree import ElementTree

from newsletter.text.references.entry import BROKEN, Reference, Unread, entry

#: Headings, in small letters without blanks, that hold a title, and such that name the paper.
_TITLES = frozenset(("title", "titel", "papertitle", "articletitle"))
_NAMES = frozenset(
    ("doi", "url", "link", "links", "extra", "arxiv", "arxivid", "eprint", "pmid", "pmcid", "id")
)
_KINDS = {"pmid": "pmid:", "pmcid": "pmcid:", "arxiv": "", "arxivid": ""}
_NO_PAPERS = frozenset(("attachment", "note", "annotation"))

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC, _DCTERMS = "{http://purl.org/dc/elements/1.1/}", "{http://purl.org/dc/terms/}"
_ZOTERO = "{http://www.zotero.org/namespaces/export#}"
_ABOUT = f"{_RDF}about"


def is_table(text: str) -> bool:
    """Whether the first line is a heading that names a title or a DOI."""
    heading = text.lstrip("\n").split("\n", 1)[0]
    if "{" in heading or len(heading) > 5000:
        return False
    names = {_plain(name) for name in _cells(heading)}
    return len(names) > 1 and bool(names & (_TITLES | {"doi"})) and len(names & _ALL) > 1


_ALL = (
    _TITLES
    | _NAMES
    | frozenset(
        (
            "key",
            "itemtype",
            "author",
            "authors",
            "year",
            "publicationyear",
            "date",
            "journal",
            "abstract",
        )
    )
)


def read_table(text: str) -> Iterator[Reference | Unread]:
    rows = csv.reader(io.StringIO(text), delimiter=_delimiter(text.lstrip("\n").split("\n", 1)[0]))
    heading: list[str] = []
    line = 1
    try:
        for row in rows:
            start, line = line, rows.line_num + 1
            if not any(map(str.strip, row)):
                continue
            if not heading:
                heading = [_plain(name) for name in row]
                continue
            cells = dict(zip(heading, map(str.strip, row), strict=False))
            if cells.get("itemtype", "").lower() in _NO_PAPERS:
                continue
            title = next(
                (cells[name] for name in heading if name in _TITLES and cells.get(name)), ""
            )
            names = [
                _KINDS.get(name, "") + part
                for name in heading
                if name in _NAMES
                for part in cells.get(name, "").splitlines()
            ]
            yield entry(start, names, title, " ".join(filter(None, row)))
    except csv.Error as e:
        yield Unread(line, str(e), BROKEN)


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], delimiter=_delimiter(line)), [])


def _delimiter(heading: str) -> str:
    return max(",;\t", key=heading.count)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def read_rdf(text: str) -> Iterator[Reference | Unread]:
    """Read Zotero's RDF. The identifiers of an article may stand in the record of its journal."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # none of ours has one, and it may be a bomb
        yield Unread(1, "<!DOCTYPE …", BROKEN)
        return
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  (no entities; expat limits growth)
    except ElementTree.ParseError as e:
        yield Unread(e.position[0], str(e), BROKEN)
        return
    by_name = {one.get(_ABOUT): one for one in root if one.get(_ABOUT)}
    place = 1
    for item in root:
        start = text.find(f'rdf:about="{item.get(_ABOUT)}"') if item.get(_ABOUT) else -1
        place = text.count("\n", 0, start) + 1 if start >= 0 else place
        kind = (item.findtext(f"{_ZOTERO}itemType") or "").lower()
        if not kind or kind in _NO_PAPERS:
            continue
        names = [item.get(_ABOUT, ""), *_identifiers(item)]
        for part in item.findall(f"{_DCTERMS}isPartOf"):
            whole = by_name.get(part.get(f"{_RDF}resource"))
            for journal in [*part, *([whole] if whole is not None else [])]:
                names += _identifiers(journal)
        title = item.findtext(f"{_DC}title") or ""
        yield entry(place, names, title, title or item.get(_ABOUT, kind))


def _identifiers(item: ElementTree.Element) -> Iterator[str]:
    for child in item.findall(f"{_DC}identifier"):
        yield child.text or ""
        for value in child.iter(f"{_RDF}value"):
            yield value.text or ""
    for child in item.findall(f"{_DC}description"):
        yield from (child.text or "").splitlines()
