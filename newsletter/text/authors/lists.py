"""The grammar of author lists: split any string of names into people, "First Last" each.

A list is cut at semicolons, or at commas and "and". Commas also separate a last name from a first
name ("Doe, J."), and come before suffixes ("Jr."), degrees ("Ph.D.") and between footnote marks
("1,2"); the text between the commas tells them apart. Other modules clean the text.
"""

import re

_PARENTHESIS = re.compile(r"([()])")
#: Characters of what stands between two commas. What is longer names nobody.
_PART_CHARS = 1_000
_AND = re.compile(r"(?:,\s*|\s+)(?:and|&|und|et(?!\s+al\b))\s+", re.I)
_WIDE = str.maketrans({"；": ";", "、": ",", "，": ",", "﹐": ",", "‚": ",", "\xa0": " "})
_ET_AL = re.compile(
    r"[,;]?\s*(?:\bet\s+al\b\.?|\band\s+(?:\d+\s+)?(?:others|colleagues|co-?workers)\b|…|"
    r"\.\.\.)\s*\Z",
    re.I,
)
_BY = re.compile(r"\A(?:by|authors?|von|par|por)\s*:\s*|\Aby\s+(?=[A-Z])", re.I)

#: One to four initials, with or without dots, hyphens and a particle: "J.", "E. A.", "J.-P.", "JA".
_PARTICLE = r"(?:van|von|der|den|de|del|della|di|da|dos|das|du|la|le|ter|ten|zu|af|al|el|bin|ibn|y)"
_INITIALS = re.compile(
    rf"(?:(?-i:[^\W\d_a-zß-ÿ])\.?[\s\-‐]?){{1,4}}(?:\s*{_PARTICLE}\b)*\s*\.?\Z", re.I
)
_VANCOUVER = re.compile(
    r"(?P<last>[^\W\d_][^\d,;]*?)\s+(?P<initials>(?:[A-ZÀ-ÖØ-Þ]\.?[\s\-]?){1,4})\Z"
)
_SUFFIX = re.compile(r"(?:Jr|Sr|Snr|Jnr|II|III|IV|2nd|3rd)\.?\Z", re.I)
_DEGREES = re.compile(
    r"(?:Ph\.?\s?D|D\.?\s?Phil|M\.?\s?D|M\.\s?Sc|MSc|B\.\s?Sc|BSc|M\.\s?A|B\.\s?A|M\.?P\.?H|"
    r"M\.\s?S|"
    r"MBBS|MBChB|MBA|DVM|DDS|Pharm\.?D|Ed\.?D|Psy\.?D|Sc\.?D|Dr\.?\s?(?:rer\.|med\.|phil\.|"
    r"Ing\.)[\w. ]*|"
    r"FRCP|FRCS|FACP|FRS|RN|MRCP|M\.?\s?Eng|M\.?\s?Phil|LL\.?\s?[MB]|Esq|Dipl\.?-?\s?Ing|"
    r"CFA|FAAN|BPharm)"
    r"\.?(?:\s*\([^()]*\))?\Z",
    re.I,
)
_TITLES = re.compile(
    r"\A(?:(?:Prof(?:essor)?|Dr|Mr|Mrs|Ms|Mx|Sir|Dame|Ing|Dipl|PD|apl)\b\.?\s*-?)+(?=\S)", re.I
)
_MARK = r"[*†‡§¶‖#✉✝⁎∗\u00b9\u00b2\u00b3\u2070-\u2079]"
_MARKS = re.compile(
    rf"(?:\s*(?:{_MARK}+|\^\{{?[\w,*†‡ ]+\}}?|\[[\d,a-z*† ]+\]|\(\d[\d,* ]*\)"
    r"|(?<=[^\W\d_.])\d{1,3}(?:[,\s]\s?\d{1,3})*|(?<=\s)\d{1,3}|(?<=\s)[a-h](?=\s*\Z)))++\s*\Z"
)
_ONLY_MARKS = re.compile(rf"(?:{_MARK}|\d|[a-h](?=\s|\Z|,)|[\s,^])++\Z")
#: Marks in brackets have their own commas; arXiv's lists end with a legend of them.
_BRACKETED = re.compile(
    r"\^\{[^{}]*\}|\[[\d,\s*†‡a-h]+\]|\s*\(\(1\).*\Z|\s*\(\d[\d,* ]*(?:and \d+)?\)"
)
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_GROUP = re.compile(
    r"\b(?:collaborations?|consortium|group|team|initiative|network|committee|investigators|"
    r"society)\b",
    re.I,
)
_LOWER_FIRST = re.compile(rf"{_PARTICLE}\s")


def split_names(text: str) -> list[str]:
    """Split a list of names in one string. Commas in parentheses belong to an affiliation.

    "Inoda, Toshio" is one person, "Ann Lee, Bo Chen" are two; "Doe, J., Roe, R." are two as well.
    """
    text = " ".join(_BRACKETED.sub("", text.translate(_WIDE)).split())
    text = _ET_AL.sub("", _BY.sub("", text))
    if ";" in text:
        parts = _parts(text, ";")
        return [name for part in parts for name in _of_semicolon_part(part)]
    return _people(_attached(_parts(_AND.sub(", ", text), ",")))


def one_name(text: str) -> str:
    """Return one person's name as "First Last", without titles, degrees and footnote marks."""
    text = text.translate(_WIDE).strip()
    parts = _attached(_parts(text, ","))
    if len(parts) == 2 and not _GROUP.search(text):
        return first_last(", ".join(parts))
    return " ".join(parts) if len(parts) == 1 else ", ".join(parts)


def first_last(name: str) -> str:
    """Return "Last, F. M." as "F. M. Last"; a suffix stays at the end: "King Jr., M. L."."""
    last, comma, first = name.partition(",")
    first, _, more = first.partition(",")
    suffix = more.strip() if _SUFFIX.match(more.strip()) else ""
    if not comma or not first.strip():
        return name.strip(" ,")
    if _SUFFIX.match(first.strip()):
        return f"{last.strip()} {first.strip()}"
    return " ".join(part for part in (first.strip(), last.strip(), suffix) if part)


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


def _of_semicolon_part(part: str) -> list[str]:
    """Return the people of a part between semicolons: one person, or a group with a comma in its
    name.
    """
    pieces = _attached(_parts(part, ","))
    if len(pieces) > 2 and all(" " in piece for piece in pieces):
        return pieces  # "Ann Lee, Bo Chen; Carl Gauß": both signs separate
    if len(pieces) == 2 and not _GROUP.search(part):
        return [first_last(", ".join(pieces))]
    return [_turned(", ".join(pieces))] if pieces else []


def _attached(parts: list[str]) -> list[str]:
    """Return parts without titles, degrees and marks; a suffix is joined to its name."""
    kept: list[str] = []
    for part in parts:
        if not part or _ONLY_MARKS.match(part):
            continue
        if _DEGREES.match(part) and not (kept and _may_be_initials(part, kept[-1])):
            continue
        part = _bare(part)
        if not part:
            continue
        if _SUFFIX.match(part) and kept:
            kept[-1] = f"{kept[-1]} {part}" if not _INITIALS.match(kept[-1]) else kept[-1]
            if len(kept) > 1 and _INITIALS.match(kept[-1]):
                kept[-2] = f"{kept[-2]} {part}"
            continue
        kept.append(part)
    return kept


def _may_be_initials(part: str, before: str) -> bool:
    """Return whether "B.A." or "M.D." are somebody's initials: they are, after a single last
    name.
    """
    is_last_name = " " not in before or bool(_LOWER_FIRST.match(before))
    return is_last_name and bool(_INITIALS.match(part)) and not _INITIALS.match(before)


def _bare(part: str) -> str:
    """Return a name without its titles, degrees and footnote marks."""
    part = _MARKS.sub("", _TITLES.sub("", part)).strip(" ,")
    words = part.split(" ")
    while len(words) > 2 and _DEGREES.match(words[-1]) and "." not in words[-1].rstrip("."):
        words.pop()
    return " ".join(words)


def _people(parts: list[str]) -> list[str]:
    """Return the people of parts between commas: decide which are a last name followed by a given
    name.
    """
    if len(parts) < 2 or any(_CJK.search(part) for part in parts):
        return [_turned(part) for part in parts]
    followed = [_INITIALS.match(part) is not None for part in parts]
    if any(followed[1:]) and not followed[0]:
        return _with_initials(parts, followed)
    if len(parts) == 2 and _is_pair(*parts):
        return [first_last(", ".join(parts))]
    if len(parts) >= 4 and len(parts) % 2 == 0 and not any(" " in part for part in parts):
        return [f"{first} {last}" for last, first in zip(parts[::2], parts[1::2], strict=True)]
    return [_turned(part) for part in parts]


def _with_initials(parts: list[str], are_initials: list[bool]) -> list[str]:
    found: list[str] = []
    for place, part in enumerate(parts):
        if are_initials[place] and place and not are_initials[place - 1]:
            found[-1] = f"{part} {parts[place - 1]}"
        else:
            found.append(part)
    return found


def _is_pair(last: str, first: str) -> bool:
    if _GROUP.search(last) or _GROUP.search(first) or _VANCOUVER.match(last):
        return False
    return " " not in last or " " not in first or bool(_LOWER_FIRST.match(last))


def _turned(name: str) -> str:
    """Return "JA Doe" for "Doe JA"; every other name is unchanged."""
    found = _VANCOUVER.match(name)
    if not found or _GROUP.search(name) or not re.search("[a-zß-ÿ]", found["last"]):
        return name
    is_long = len(re.findall(r"\w", found["initials"])) > 3
    if is_long or "." in found["last"]:
        return name  # "Stanislav K. KORB"
    if (
        found["initials"].endswith(".")
        and " " in found["last"]
        and not _LOWER_FIRST.match(found["last"])
    ):
        return name  # "Carl Friedrich G."
    return f"{found['initials']} {found['last']}"
