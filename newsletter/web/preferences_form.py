"""Read the preferences form into checked `Choices`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from newsletter.errors import QueryError
from newsletter.matching.query import parse
from newsletter.membership import MAX_QUERIES, Choices
from newsletter.models import MIXES, RHYTHMS, SIZES
from newsletter.reader_seeds import Given
from newsletter.steps.compose import Language
from newsletter.text.authors import typed_names

#: Most muted words of a reader, and most followed authors.
MAX_LINES = 50
#: Lines that name no paper are told one by one up to so many.
MAX_TOLD = 5
FORMATS = ("html", "text")


def read_choices(
    form: Mapping[str, Sequence[str]],
    offered: Mapping[str, int],
    zones: Collection[str],
    languages: Sequence[str],
) -> Choices:
    """Check a preferences form. `offered`: ids of the curated topics by slug.

    A setting that is absent from the form, or has an invalid value, stays unchanged. An invalid
    query is reported with its line.
    """
    allowed = {
        "timezone": zones,
        "rhythm": RHYTHMS,
        "format": FORMATS,
        "mix": MIXES,
        "language": languages,
    }
    settings: dict[str, Any] = {}
    for column, values in allowed.items():
        if (value := _first(form, "tz" if column == "timezone" else column)) in values:
            settings[column] = value
    if (size := _first(form, "size")) in map(str, SIZES):
        settings["size"] = int(size)
    hour = _first(form, "hour").partition(":")[0]
    if hour.isdecimal() and len(hour) <= 2 and int(hour) < 24:
        settings["hour"] = int(hour)
    if "outside" in form:  # "0" comes always, "1" where the box is ticked
        settings["outside"] = "1" in form["outside"]
    if "authors" in form:
        names = typed_names(_first(form, "authors").splitlines()[:MAX_LINES])
        settings["follows"] = tuple(name[:100] for name in names)[:MAX_LINES]
    queries, muted, mistakes = _read_keywords(_first(form, "keywords"))
    if "keywords" in form:
        settings["muted"] = muted
    return Choices(
        tuple(offered[slug] for slug in form.get("topic", ()) if slug in offered),
        queries if "keywords" in form else None,
        settings,
        mistakes,
    )


def _first(form: Mapping[str, Sequence[str]], name: str) -> str:
    return (form.get(name) or [""])[0]


def _read_keywords(
    text: str,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[int, int, str], ...]]:
    """Read the lines of the keywords field: (queries, muted words, mistakes)."""
    queries, muted, mistakes = [], [], []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.startswith("-") and len(line) > 1:
            muted.append(line[1:].strip().strip('"')[:100])
        elif line:
            try:
                queries.append(str(parse(line)))
            except QueryError as e:
                mistakes.append((number, e.position, e.message))
    if len(queries) > MAX_QUERIES:
        mistakes.append(
            (
                MAX_QUERIES + 1,
                1,
                f"there is room for {MAX_QUERIES} lines, and these are {len(queries)}",
            )
        )
    return tuple(queries), tuple(dict.fromkeys(muted))[:MAX_LINES], tuple(mistakes)


def said_of(given: Given, words: Language) -> list[str]:
    """What became of pasted papers, a sentence each; nothing if there were none."""
    counts = {
        "known": len(given.known),
        "waiting": len(given.waiting),
        "had": given.had,
        "refused": len(given.refused),
    }
    said = [words.say(f"page_choose.seeds_{name}", n) for name, n in counts.items() if n]
    said += [
        words.say("page_choose.seeds_unread", line=one.line, text=one.text)
        for one in given.unread[:MAX_TOLD]
    ]
    if more := len(given.unread) - MAX_TOLD:
        said += [words.say("page_choose.seeds_unread_more", more)] if more > 0 else []
    return said
