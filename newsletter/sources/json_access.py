"""Read JSON answers defensively: any key may be missing, null, or of another type."""

import ast
import json
from datetime import UTC, date, datetime, time
from typing import Any

from newsletter.sources.http import Answer, FetchError

_DEEP = 200_000  #: most characters of a Python literal
#: Digits of a whole number; Python refuses to read 4,300, and with it the whole document.
_DIGITS = 1_000


def load(answer: Answer) -> Any:
    """Parse an answer that should be JSON. A number of too many digits becomes infinite.

    Raises: FetchError: it is not.
    """
    try:
        return json.loads(answer.body, parse_int=_whole)
    except (ValueError, RecursionError) as e:
        raise FetchError(
            f"{answer.url[:200]} is not JSON: {e}; it begins with {answer.body[:40]!r}",
            "not-a-feed",
        ) from e


def record(value: object) -> dict[str, Any]:
    """Return an object; a string that contains one, as JSON or as a Python literal, is parsed."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str) and value.lstrip().startswith("{") and len(value) <= _DEEP:
        for read in (json.loads, ast.literal_eval):
            try:
                inner = read(value)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            return inner if isinstance(inner, dict) else {}
    return {}


def listing(value: object, *keys: str) -> list[Any]:
    """Return a list, also if it is in a wrapper under one of the keys."""
    value = (
        next((value[key] for key in keys if isinstance(value.get(key), list)), [])
        if isinstance(value, dict)
        else value
    )
    return value if isinstance(value, list) else []


def number(value: object) -> float | None:
    """Return a count: a finite number that is not negative, also from a string."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value.strip()[:15])
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15:
        return float(value)
    return None


def moment(value: object, now: datetime) -> datetime | None:
    """Return an ISO date or time as UTC, not later than `now`. Dates may be unpadded ("2026-6-30")
    and without a zone (UTC). None: it is no date, or before 1990, which is a mistake (C19).
    """
    text = value.strip()[:40] if isinstance(value, str) else ""
    try:
        at = _parsed(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):  # beyond the years that Python counts, too
        return None
    return min(at, now) if at.year >= 1990 else None


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pieces = text.split("-")
        if len(pieces) != 3 or not all(piece.isascii() and piece.isdigit() for piece in pieces):
            raise
        return datetime.combine(date(*map(int, pieces)), time(0))


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)
