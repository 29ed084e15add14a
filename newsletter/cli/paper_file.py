"""A file with a paper on each line, as JSON: lines are read one by one, and each line that is no
paper is a fault with its number and the reason.
"""

import codecs
import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any

from newsletter.errors import InputError

#: Longer lines hold no paper and are not kept in memory.
MOST_LINE_BYTES = 5_000_000
_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_TEXTS = ("title", "abstract", "summary", "url")
_LISTS = ("authors", "categories")


def open_lines(file: Path) -> IO[bytes]:
    """Open a file, or standard input for `-`; UTF-16 becomes UTF-8.

    Raises: OSError.
    """
    binary: IO[bytes] = sys.stdin.buffer if str(file) == "-" else file.open("rb")
    peek = getattr(binary, "peek", None)
    encoding = _WIDE.get(peek(2)[:2]) if peek else None
    if encoding is None:
        return binary
    with binary:
        return io.BytesIO(binary.read().decode(encoding, "replace").encode())


def records(binary: IO[bytes]) -> Iterator[tuple[int, Any]]:
    """Read lines as (number from 1, value); the value of a line that is no JSON object is an
    InputError. Blank lines are left out.
    """
    number = 0
    while line := binary.readline(MOST_LINE_BYTES):
        number += 1
        if len(line) == MOST_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := binary.readline(MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield number, InputError(f"is longer than {MOST_LINE_BYTES:,} bytes")
            continue
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            yield number, _object(line)


def _object(line: bytes) -> Any:
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError:
        return InputError("is not text in UTF-8")
    except RecursionError:
        return InputError("is nested too deep")
    except InputError as e:
        return e
    except ValueError as e:
        is_number = not isinstance(e, json.JSONDecodeError)
        return InputError("has a number of too many digits" if is_number else "is not JSON")
    return value if isinstance(value, dict) else InputError("is not a JSON object")


def _no_number(name: str) -> Any:
    raise InputError(f"has {name}, which is no JSON")


def check(record: dict[str, Any]) -> None:
    """Check the types of a paper's values.

    Raises: InputError.
    """
    id = record.get("id")
    if not isinstance(id, str | int) or isinstance(id, bool) or not str(id).strip():
        raise InputError("id must be a text that is not empty")
    for name in _TEXTS:
        value = record.get(name)
        if value is not None and not isinstance(value, str):
            raise InputError(f"{name} must be a text")
    for name in _LISTS:
        value = record.get(name)
        if value is None:
            continue
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise InputError(f"{name} must be a list of texts")


def published(value: Any) -> datetime | None:
    """Read a date or a moment in ISO 8601; None where there is none.

    Raises: InputError.
    """
    if value is None or value == "":
        return None
    try:
        if not isinstance(value, str):
            raise ValueError
        if len(value) == 10:
            moment = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
        else:
            moment = datetime.fromisoformat(value)
    except ValueError as e:
        shown = f"{value!r}"[:40]
        raise InputError(f"published {shown} is not a date such as 2026-05-04") from e
    if not 1000 <= moment.year < 9999:
        raise InputError(f"published in the year {moment.year}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
