"""A file with a line per reader: its encoding, its delimiter, where each record begins and ends.
`columns` and `values` know what the cells mean.
"""

import codecs
import csv
import io
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, BinaryIO

from newsletter.cli.reader_lists.columns import field_of, fields_in_words
from newsletter.errors import InputError

DELIMITERS = ",;\t|"
#: Longer marks first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: The encoding of files that are neither UTF-8 nor UTF-16.
GUESS = "cp1252"
_CHUNK = 1 << 20
#: Most bytes of a piped list in memory; a larger one is put into a file.
_MOST_IN_MEMORY = 16 << 20
#: Excel's line before the heading that names the delimiter.
#: How files of other kinds begin that are given by mistake.
_NO_LISTS = {
    b"PK\x03\x04": "a workbook or an archive",
    b"\xd0\xcf\x11\xe0": "an old workbook",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "compressed",
    b"{": "JSON",
    b"[{": "JSON",
    b"<!DOCTYPE": "a page of HTML",
    b"<html": "a page of HTML",
    b"<?xml": "XML",
    b"BEGIN:VCARD": "a file of contacts (vCard)",
}
_EXCEL_DELIMITER = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
#: Bytes that are not valid in the encoding of the file.
_DAMAGE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Record:
    """One reader's cells, and their first and last line, counted from 1."""

    first: int
    last: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Lines that are no record, and why."""

    first: int
    last: int
    why: str


@dataclass(frozen=True, slots=True)
class ReaderFile:
    """An open list. The records are a stream."""

    heading: list[str]
    records: Iterator[Record | Unreadable]


def open_binary(path: Path, stdin: BinaryIO) -> IO[bytes]:
    """Open a file, or standard input (`-`), so that it can be read twice."""
    if str(path) != "-":
        return path.open("rb")
    kept = tempfile.SpooledTemporaryFile(max_size=_MOST_IN_MEMORY)  # noqa: SIM115  (the caller's)
    while chunk := stdin.read(_CHUNK):
        kept.write(chunk)
    kept.seek(0)
    return kept


def open_text(binary: IO[bytes], encoding: str = "") -> io.TextIOWrapper:
    """Decode a list in the named encoding, else in the detected one.

    Raises: InputError when the encoding does not exist.
    """
    encoding = _known_encoding(encoding) if encoding else find_encoding(binary)
    is_wide = encoding.startswith(("utf-16", "utf-32"))
    errors = "replace" if is_wide else "surrogateescape"
    return io.TextIOWrapper(binary, encoding=encoding, errors=errors, newline="")


def read_file(text: IO[str]) -> ReaderFile:
    """Find the delimiter and read the heading.

    Raises: InputError when there is no column with the address.
    """
    skipped, first, delimiter = _first_line(text)
    found = delimiter or _find_delimiter(first)
    reader = csv.reader(
        chain([first], text), delimiter=found, strict=True, skipinitialspace=found != "\t"
    )
    try:
        heading = next(reader)
    except csv.Error as e:
        raise InputError(f"line {skipped + 1}: {_in_words(e, skipped + 1)}") from e
    records = _records(reader, skipped)
    if "email" not in map(field_of, heading):
        if len(heading) > 1 or "@" not in heading[0]:
            raise _no_address(skipped + 1, heading)
        records = chain([Record(skipped + 1, skipped + 1, heading)], records)  # addresses alone
        heading = ["email"]
    return ReaderFile(heading, records)


def find_encoding(binary: IO[bytes]) -> str:
    """Return UTF-8 or UTF-16, by byte order mark or content; else Windows-1252.

    The file is read from its beginning afterwards. A file that is mostly valid UTF-8 has damaged
    lines, which are reported one by one.
    """
    head = binary.read(4096)
    binary.seek(0)
    for beginning, what in _NO_LISTS.items():
        if head.lstrip().startswith(beginning):
            raise InputError(f"the file is {what}, not a list", hint="save or export it as CSV")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    half = len(head) // 2
    if half and head[1::2].count(0) > half * 0.4:
        return "utf-16-le"
    if half and head[0::2].count(0) > half * 0.4:
        return "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    while chunk := binary.read(_CHUNK):
        text = decoder.decode(chunk)
        if not text.isascii():
            damaged = len(_DAMAGE.findall(text))
            bad += damaged
            good += len(text) - len(text.encode("ascii", "ignore")) - damaged
    binary.seek(0)
    return "utf-8" if good >= bad else GUESS


def _known_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as e:
        raise InputError(
            f"no encoding {name!r}", hint="such as utf-8, utf-16, windows-1252, iso-8859-2"
        ) from e


def _first_line(text: IO[str]) -> tuple[int, str, str]:
    """Return the number of lines before the heading, its first line, and the delimiter if one is
    named.

    Raises: InputError when the file is empty.
    """
    delimiter = ""
    for skipped, line in enumerate(text):
        if named := _EXCEL_DELIMITER.fullmatch(line):
            delimiter = named[1]
        elif line.strip(f'{DELIMITERS}" \r\n'):
            return skipped, line, delimiter
    raise InputError("the file is empty", hint=f"columns: {fields_in_words()}")


def _find_delimiter(heading: str) -> str:
    """Return the delimiter that gives the most known headings, then the most columns."""

    def score(delimiter: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([heading], delimiter=delimiter))
        except (csv.Error, StopIteration):
            return 0, 0
        return sum(field_of(cell) is not None for cell in cells), len(cells)

    return max(DELIMITERS, key=score)


def _records(reader: Iterator[list[str]], skipped: int) -> Iterator[Record | Unreadable]:
    lines = reader  # the same reader; its line_num counts what it has taken
    while True:
        first = _line_number(lines) + skipped + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as e:
            last = _line_number(lines) + skipped
            yield Unreadable(first, last, _in_words(e, first))
            continue
        last = _line_number(lines) + skipped
        if any(map(_DAMAGE.search, cells)):
            yield Unreadable(first, last, "has bytes that are not text in UTF-8")
        elif any(map(str.strip, cells)):
            yield Record(first, last, cells)


def _line_number(reader: object) -> int:
    number: int = reader.line_num  # type: ignore[attr-defined]  # a reader of csv
    return number


def _in_words(error: csv.Error, line: int) -> str:
    said = str(error)
    if "end of data" in said:
        return f"the quote opened in line {line} never closes; these lines were not read"
    if "field limit" in said:
        most = f"{csv.field_size_limit():,} characters"
        return f"a quote opened in line {line} does not close for {most}; these lines were not read"
    if "expected after" in said:
        return "a quote inside a quoted cell must be doubled; none of this was read"
    return said


def _no_address(line: int, heading: list[str]) -> InputError:
    if any("@" in cell for cell in heading):
        return InputError(
            f"line {line}: the first line must name the columns; this one has an address in it",
            hint=f"put a line above it such as: {fields_in_words()}",
        )
    named = ", ".join(cell.strip() for cell in heading if cell.strip())
    return InputError(
        f"line {line}: there is no column email; the columns are {named}",
        hint=f"columns: {fields_in_words()}",
    )
