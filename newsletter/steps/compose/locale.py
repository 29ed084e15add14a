"""One language of the product: its sentences from `templates/words/CODE.toml`, its numbers and
dates by Babel.

A sentence is a string with named blanks, or a table of plural forms (`one`, `other`, … as CLDR
names them). A further language is one more file; sentences that it lacks are in English.
"""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_decimal

from newsletter.errors import LetterError
from newsletter.models import Topic
from newsletter.text.markup import isolated

FALLBACK = "en"


class Language:
    """The words of one language. Numbers in a sentence are written as in that language."""

    def __init__(
        self, code: str, catalogue: Mapping[str, Any], fallback: Mapping[str, Any] | None = None
    ) -> None:
        self.code = code
        self._entries = {**_flatten(fallback or {}), **_flatten(catalogue)}
        self.name: str = self._entries["name"]
        self.locale = Locale.parse(self._entries["locale"])
        self.direction: str = self.locale.text_direction
        self.date = lru_cache(maxsize=1024)(self._date)
        self.number = lru_cache(maxsize=4096)(self._number)
        self.join = lru_cache(maxsize=4096)(self._join)

    def pattern(self, key: str, n: int | None = None) -> str:
        """Return a sentence with its blanks, in the plural form for `n`.

        Raises: LetterError when the catalogue has no such sentence.
        """
        try:
            entry = self._entries[key]
        except KeyError as e:
            raise LetterError(
                f"words/{self.code}.toml: there is no {key!r}", hint="add it, or restore the file"
            ) from e
        if isinstance(entry, dict):
            entry = entry.get(self.locale.plural_form(n or 0), entry["other"])
        return str(entry)

    def say(self, key: str, n: int | None = None, **values: object) -> str:
        """Return a sentence with its blanks filled; `{n}` becomes the number in this language.

        Text from right to left is isolated, so that it does not move the words around it.
        """
        filled = {k: isolated(v) if isinstance(v, str) else v for k, v in values.items()}
        return self.pattern(key, n).format(n="" if n is None else self.number(n), **filled)

    def topic(self, topic: Topic) -> str:
        """Return a topic's name; curated topics have a name in each language."""
        named = self._entries.get(f"page_topic.{topic.slug}") if topic.is_curated else None
        return str(named or topic.name)

    def group(self, name: str) -> str:
        """Return the heading of a group of topics; an operator's own group has no translation."""
        slug = name.lower().replace(" ", "-")
        return str(self._entries.get(f"page_group.{slug}") or name)

    def numeral(self, n: int) -> str:
        """Return a small number as a word ("eight"), a larger one in digits."""
        numerals: list[str] = self._entries["numerals"]
        return numerals[n] if 0 <= n < len(numerals) else self.number(n)

    def compact(self, n: int) -> str:
        """Return a counter in few characters: 312, 1.1k."""
        if n < 1000:
            return self.number(n)
        return self.pattern("thousands").format(n=format_decimal(n / 1000, "#,##0.#", self.locale))

    def _date(self, day: date | str, form: str) -> str:
        """Return a date, or a local date and time, in a form of the catalogue: day, day_long,
        day_short, day_subject, moment.
        """
        moment = day if isinstance(day, date) else datetime.fromisoformat(day)
        if isinstance(moment, datetime):
            return format_datetime(moment, self.pattern(form), locale=self.locale)
        return format_date(moment, self.pattern(form), self.locale)

    def _number(self, n: int) -> str:
        return format_decimal(n, locale=self.locale)

    def _join(self, items: tuple[str, ...]) -> str:
        """Return a list as in a sentence: "A, B and C"."""
        return format_list([isolated(item) for item in items], locale=self.locale)


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return sections as dotted keys; a table of plural forms stays one entry."""
    entries: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict) and "other" not in value:
            entries |= _flatten(value, f"{prefix}{key}.")
        else:
            entries[prefix + key] = value
    return entries


@cache
def load_languages(directory: Path) -> Mapping[str, Language]:
    """Read all languages, English first: code -> words.

    Raises: LetterError when a file cannot be read.
    """
    catalogues = {path.stem: _read(path) for path in _english_first(directory.glob("*.toml"))}
    if FALLBACK not in catalogues:
        raise LetterError(
            f"{directory} has no {FALLBACK}.toml", hint="restore templates/words from the package"
        )
    return {
        code: Language(code, catalogue, catalogues[FALLBACK])
        for code, catalogue in catalogues.items()
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise LetterError(
            f"{path} cannot be read: {e}", hint="mend the file, or restore it from the package"
        ) from e


def _english_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (path.stem != FALLBACK, path.stem))
