"""Author names: lists taken apart, "Last, First" turned round. Cleaning is done elsewhere."""

import re

_TOP_LEVEL_COMMA = re.compile(r",(?![^()]*\))")
_AND = re.compile(r",?\s+(?:and|&|und|et(?!\s+al\b))\s+")
_INITIALS = re.compile(r"(?:[^\W\d_]\.?[\s\-]?){1,4}\Z")


def first_last(name: str) -> str:
    """Turn "Last, F. M." into "F. M. Last"; a name without a comma stays."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma and first.strip() else name.strip(" ,")


def split_names(text: str) -> list[str]:
    """Take a list of names in one string apart, by semicolons or by commas and "and".

    Commas in parentheses belong to an affiliation. "Inoda, Toshio" is one person, "Ann Lee, Bo
    Chen" are two.
    """
    if ";" in text:
        return [first_last(part.strip()) for part in text.split(";") if part.strip()]
    parts = [part.strip() for part in _TOP_LEVEL_COMMA.split(_AND.sub(", ", text)) if part.strip()]
    if len(parts) == 2 and "," in text and (" " not in parts[0] or _INITIALS.match(parts[1])):
        return [first_last(text)]
    return parts


def split_affiliation(name: str) -> tuple[str, str]:
    """Take "Ann Lee (Inria, France)" apart into the name and the affiliation, which may be
    empty.
    """
    found = re.fullmatch(r"([^()]+?)\s*\((.*)\)\s*", name)
    return (found[1], found[2].strip("() ")) if found else (name, "")
