"""Split a feed's description: remove what publishers put before and after the abstract.

Most descriptions are the abstract. Some are a form with labels ("DOI: …", "Authors: …"), some begin
with title, names and the place in the volume, some end in "Read more". Each publisher's form has a
row in `description_forms`.
"""

import re
from dataclasses import dataclass

from newsletter.text.description_forms import (
    ABSTRACT_THINGS,
    ASIDE,
    BARE_HEADING,
    CITATIONS,
    HEADING,
    INNER_LABEL,
    LABEL,
    NOTHING,
    ONLY_HEADING,
    PREAMBLES,
    SECTION,
    TAILS,
)
from newsletter.text.feed_titles import read_title
from newsletter.text.markup import PLAIN, Dialect, clean, lines
from newsletter.text.titles import plain_words

_WORD = re.compile(r"\w")
_NAME = (
    r"(?:[^\W\d_a-zß-ÿ][\w.'’‐-]*|(?:de|del|della|di|da|dos|du|van|von|der|den|la|le|al|el|bin|"
    r"y)\b)"
)
_NAMES = re.compile(
    rf"{_NAME}(?:\s+{_NAME}){{1,5}}(?:(?:,| and|,? &)\s+{_NAME}(?:\s+{_NAME}){{1,5}})*"
)
_LAST_FIRST = re.compile(rf"{_NAME}(?:\s+{_NAME}){{0,3}}, {_NAME}(?:\s+{_NAME}){{0,3}}")


@dataclass(frozen=True, slots=True)
class Description:
    """The content of a description of a paper."""

    abstract: str
    authors: str = ""
    doi: str = ""


def read_description(
    raw: object, dialects: tuple[Dialect, ...] = PLAIN, title: str = ""
) -> Description:
    """Split a description: the abstract alone, and the labelled values beside it.

    `title` is that of its entry; a description that begins with it says it once more.
    """
    if not isinstance(raw, str):
        return Description("")
    found: dict[str, str] = {}
    kept: list[str] = []
    aside: list[str] = []
    is_abstract = True
    for line in _without_head(_lines(raw, dialects), title, found):
        label = LABEL.match(line)
        name = _label_name(label["name"]) if label else ""
        rest = line[label.end() :] if label else line
        if name in ("abstract", "summary") or ONLY_HEADING.match(line):
            is_said = bool(label and rest) and not NOTHING.match(rest)
            kept, is_abstract = [rest] if is_said else [], True
        elif name in ("author", "doi"):
            found.setdefault(name, rest)
        elif ASIDE.match(line):
            is_abstract = False
        elif SECTION.match(line):
            kept.append(f"{line.rstrip(' :.')}:")
            is_abstract = True
        elif not name:
            line = _without_tail(line)
            (kept if is_abstract else aside).extend(
                [line] if _WORD.search(line) and not NOTHING.match(line) else []
            )
    text = without_heading(without_ends(" ".join(kept or aside)))
    return Description(text, found.get("author", ""), found.get("doi", ""))


def without_heading(text: str) -> str:
    """Return an abstract without the word "Abstract" before it."""
    if ABSTRACT_THINGS.match(text):
        return text
    return BARE_HEADING.sub("", HEADING.sub("", text))


def without_ends(text: str) -> str:
    """Return an abstract without what publishers and servers write after it."""
    return _without_tail(text)


def _label_name(label: str) -> str:
    name = label.lower()
    return name if name == "summary" else name.removesuffix("(s)").removesuffix("s")


def _lines(raw: str, dialects: tuple[Dialect, ...]) -> list[str]:
    found: list[str] = []
    for line in lines(raw[:40_000]):
        text = clean(line, dialects=dialects)
        found += INNER_LABEL.split(text) if LABEL.match(text) else [text]
    return [stripped for text in found if (stripped := text.strip())]


def _without_head(given: list[str], title: str, found: dict[str, str]) -> list[str]:
    """Return the lines from the abstract on, without title, names and the place of print."""
    rest = [*given]
    has_head = False
    while rest:
        line = rest[0]
        is_last = len(rest) == 1
        if not is_last and title and plain_words(read_title(line)) == plain_words(title):
            rest.pop(0)
            has_head = True
            continue
        if NOTHING.match(line) and not is_last:
            rest.pop(0)
            continue
        if not is_last and _are_names(line, has_head):
            found.setdefault("author", rest.pop(0))
            continue
        before, named = _without_preamble(line, is_last)
        label = LABEL.match(line)
        if label and _label_name(label["name"]) == "doi" and not is_last:
            before, named = "", line[label.end() :]
        if before == line:
            break
        found.setdefault("doi", named) if named else None
        has_head = True
        rest[:1] = [before] if _WORD.search(before) else []
    return rest


def _are_names(line: str, has_head: bool) -> bool:
    """Whether a line before an abstract is a list of people: "Chuan CHEN;Long JIN;", or, behind
    title or place, "Jane Doe, Richard Roe".
    """
    if line.endswith(";") or (has_head and ";" in line):
        parts = [part.strip() for part in line.rstrip("; ").split(";")]
        return all(_LAST_FIRST.fullmatch(p) or _NAMES.fullmatch(p) or _is_cjk(p) for p in parts)
    return has_head and bool(_LAST_FIRST.fullmatch(line) or _NAMES.fullmatch(line))


def _is_cjk(name: str) -> bool:
    return bool(re.fullmatch("[\u3400-\u9fff\uac00-\ud7af·]{2,8}", name))


def _without_preamble(line: str, is_last: bool) -> tuple[str, str]:
    """Return the text after the place of print, and the DOI in it."""
    for form in PREAMBLES if is_last else (*PREAMBLES, *CITATIONS):
        if found := form.match(line):
            named = found.groupdict().get("doi") or ""
            return line[found.end() :].lstrip(" .:"), named.rstrip(".;,")
    return line, ""


def _without_tail(line: str) -> str:
    before = ""
    while before != line:
        before = line
        for form in TAILS:
            line = form.sub("", line)
    return line.rstrip()
