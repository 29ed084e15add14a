"""The grammar of author lists: split any string of names into people, "First Last" each.

A list is cut at semicolons, or at commas and "and". Commas also separate a last name from a first
name ("Doe, J."), and come before suffixes ("Jr."), degrees ("Ph.D.") and between footnote marks
("1,2"); the text between the commas tells them apart. Other modules clean the text.
"""

import re
from collections.abc import Iterable

from newsletter.text.authors.name_parts import (
    AND,
    AND_BETWEEN_NAMES,
    CAPITAL_LAST,
    CJK,
    DEGREES,
    ET_AL,
    FIRM,
    GIVEN,
    GROUP,
    INITIALS,
    LOWER_FIRST,
    MARKS,
    NOBODY,
    ONLY_MARKS,
    PLACE,
    SUFFIX,
    VANCOUVER,
    bare,
    tidied,
)

_PARENTHESIS = re.compile(r"([()])")
#: Characters of what stands between two commas. What is longer names nobody.
_PART_CHARS = 1_000


def split_names(text: str) -> list[str]:
    """Split a list of names in one string. Commas in parentheses belong to an affiliation.

    "Inoda, Toshio" is one person, "Ann Lee, Bo Chen" are two; "Doe, J., Roe, R." are two as well.
    """
    text = ET_AL.sub("", tidied(text))
    groups, colon, rest = text.partition(", :, ")
    if colon:  # as arXiv writes "Essential AI: Jane Doe, Richard Roe"
        return [*_attached(_parts(groups, ",")), *split_names(rest)]
    if ";" in text:
        parts = _parts(text, ";")
        if any(map(CAPITAL_LAST.search, parts)):
            found = _attached(parts)
        else:
            found = [name for part in parts for name in _of_semicolon_part(part)]
    else:
        found = _people(_attached(_comma_parts(AND.sub(", ", text))))
    return [name for name in found if not NOBODY.match(name)]


def typed_names(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the people whom somebody typed, one or several a line, each once, "First Last" each.

    A line that no name can be read from stays as it is.
    """
    found: dict[str, None] = {}
    for line in lines:
        plain = " ".join(line.split())
        found |= dict.fromkeys(split_names(plain) or ([plain] if plain else []))
    return tuple(found)


def one_name(text: str) -> str:
    """Return one person's name as "First Last", without titles, degrees, numbers and footnote
    marks; "" if it names nobody.
    """
    text = tidied(text)
    parts = _without_place(_attached(_comma_parts(text)))
    if len(parts) == 2 and not GROUP.search(text):
        name = first_last(", ".join(parts))
    else:
        name = ", ".join(parts)
    return "" if NOBODY.match(name) else name


def first_last(name: str) -> str:
    """Return "Last, F. M." as "F. M. Last"; a suffix stays at the end: "King Jr., M. L."."""
    last, comma, first = name.partition(",")
    first, _, more = first.partition(",")
    first, suffix = first.strip(), more.strip() if SUFFIX.match(more.strip()) else ""
    if not comma or not first:
        return name.strip(" ,")
    if SUFFIX.match(first):
        return f"{last.strip()} {first}"
    given, _, end = first.rpartition(" ")
    if given and SUFFIX.match(end):
        first, suffix = given, end
    return " ".join(part for part in (first, last.strip(), suffix) if part)


def split_affiliation(name: str) -> tuple[str, str]:
    """Split "Ann Lee (Inria, France)" into the name and the affiliation, which may be empty."""
    found = re.fullmatch(r"([^()]+?)\s*\((.*)\)\s*", name)
    return (found[1], found[2].strip("() ")) if found else (name, "")


def _parts(text: str, mark: str) -> list[str]:
    """Cut at each mark that is in no parentheses: the next parenthesis behind it does not close."""
    parts: list[list[str]] = [[]]
    pieces = _PARENTHESIS.split(text)
    for piece, parenthesis in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        first, *more = [piece] if parenthesis == ")" else piece.split(mark)
        parts[-1].append(first)
        parts += [[one] for one in more]
        parts[-1].append(parenthesis)
    return ["".join(part).strip()[:_PART_CHARS] for part in parts]


def _comma_parts(text: str) -> list[str]:
    parts: list[str] = []
    for part in _parts(text, ","):
        both = AND_BETWEEN_NAMES.fullmatch(part)
        parts += [both[1], both[2]] if both else [part]
    return parts


def _of_semicolon_part(part: str) -> list[str]:
    """Return the people of a part between semicolons: one person, or a group with a comma in its
    name.
    """
    part = re.sub(r"\A(?:and|&)\s+", "", part)
    pieces = _without_place(_attached(_comma_parts(part)))
    if len(pieces) > 1 and all(len(piece) > 1 and CJK.search(piece) for piece in pieces):
        return pieces
    if len(pieces) > 2 and all(" " in piece for piece in pieces):
        return pieces  # "Ann Lee, Bo Chen; Carl Gauß": both signs separate
    if len(pieces) == 2 and not GROUP.search(part):
        return [first_last(", ".join(pieces))]
    return [_turned(", ".join(pieces))] if pieces else []


def _without_place(pieces: list[str]) -> list[str]:
    """Return "Jane Doe" of "Jane Doe, Institute of Y, Berlin"."""
    is_named = len(pieces) > 1 and " " in pieces[0] and not GROUP.search(pieces[0])
    return pieces[:1] if is_named and any(map(PLACE.search, pieces[1:])) else pieces


def _attached(parts: list[str]) -> list[str]:
    """Return parts without titles, degrees and marks; a suffix is joined to its name."""
    kept: list[str] = []
    for part in parts:
        if not part or ONLY_MARKS.match(part):
            continue
        degree = MARKS.sub("", part)
        if DEGREES.match(degree) and not (kept and _may_be_initials(degree, kept[-1])):
            continue
        part = bare(part)
        if not part:
            continue
        if SUFFIX.match(part) and kept:
            place = -2 if len(kept) > 1 and INITIALS.match(kept[-1]) else -1
            kept[place] = f"{kept[place]} {part}"
            continue
        kept.append(part)
    return kept


def _may_be_initials(part: str, before: str) -> bool:
    """Whether "B.A." or "M.D." are somebody's initials: they are, after a last name alone."""
    is_last_name = " " not in before or bool(LOWER_FIRST.match(before))
    return is_last_name and bool(INITIALS.match(part)) and not INITIALS.match(before)


def _people(parts: list[str]) -> list[str]:
    """Return the people of parts between commas: pair each last name with its given name."""
    if len(parts) < 2 or any(CJK.search(part) for part in parts):
        return [_turned(part) for part in parts]
    are_initials = [INITIALS.match(part) is not None for part in parts]
    if any(are_initials[1:]) and not are_initials[0]:
        return _with_initials(parts, are_initials)
    if len(parts) == 2 and _is_pair(*parts):
        return [first_last(", ".join(parts))]
    if (
        len(parts) >= 4
        and len(parts) % 2 == 0
        and all(map(_is_last_given, parts[::2], parts[1::2]))
    ):
        return [f"{first} {last}" for last, first in zip(parts[::2], parts[1::2], strict=True)]
    return [_turned(part) for part in parts]


def _is_last_given(last: str, given: str) -> bool:
    """Whether two parts may be "Smith", "John A."."""
    return " " not in last and bool(GIVEN.match(given))


def _with_initials(parts: list[str], are_initials: list[bool]) -> list[str]:
    found: list[str] = []
    for place, part in enumerate(parts):
        if are_initials[place] and place and not are_initials[place - 1]:
            found[-1] = first_last(f"{parts[place - 1]}, {part}")
        else:
            found.append(part)
    return found


def _is_pair(last: str, first: str) -> bool:
    if GROUP.search(last) or GROUP.search(first) or VANCOUVER.match(last) or FIRM.match(first):
        return False
    return " " not in last or " " not in first or bool(LOWER_FIRST.match(last))


def _turned(name: str) -> str:
    """Return "JA Doe" for "Doe JA"; every other name stays."""
    found = VANCOUVER.match(name)
    if not found or GROUP.search(name) or FIRM.match(name) or SUFFIX.match(found["initials"]):
        return name
    if found["last"].isupper():
        return name
    is_long = len(re.findall(r"\w", found["initials"])) > 3
    if is_long or "." in found["last"]:
        return name  # "Stanislav K. KORB"
    if (
        found["initials"].endswith(".")
        and " " in found["last"]
        and not LOWER_FIRST.match(found["last"])
    ):
        return name  # "Carl Friedrich G."
    parts = (found["initials"].strip(), found["particle"], found["last"], found["suffix"])
    return " ".join(part for part in parts if part)
