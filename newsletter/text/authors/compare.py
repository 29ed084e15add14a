"""Whether two author lists are the same people. Pure; `identity` uses it.

Lists may be "First Last", "F. Last", "Last, First" or "Last F", cut short or in another order;
names may lack accents or have typing errors. A group ("ATLAS Collaboration") is no person: it
neither agrees nor disagrees.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from rapidfuzz.distance import OSA

from newsletter.text.titles import plain_words

#: Longer lists are compared by this many first names: large experiments have three thousand
#: authors.
_MAX_PEOPLE = 200
#: Groups, and words that citation parsers take for a name: publishers, institutions, web addresses.
_NOBODY = re.compile(
    r"\b(?:collaborations?|consortium|team|group|investigators|network|"
    r"initiative|committee|working party|university"
    r"|institute|department|laboratory|technology|society|association|press|editors?|editorial|"
    r"corporation|inc|edition|anthology"
    r"|proceedings|record|journal|anonymous|unknown)\b|\w\.(?:com|org|net|edu|gov|de)\b|^\d+$",
    re.I,
)
_ET_AL = re.compile(r"(?:\bet\s+al\b\.?|\band others\b|…|\.\.\.|â(?=\W|$)).*", re.I)
_VOWEL = re.compile("[aeiouy]")
_SUFFIX = frozenset(("jr", "sr", "ii", "iii", "iv", "phd", "md"))


class Company(IntEnum):
    """How much two author lists agree."""

    DIFFERENT = 0
    UNKNOWN = 1  #: one of them has no person
    ONE = 2  #: at least one person is in both, but fewer than half of the shorter list
    SOME = 3  #: at least half of the shorter list is in the other
    SAME = 4  #: nearly all of both


@dataclass(frozen=True, slots=True)
class Person:
    last: str
    given: tuple[str, ...]  #: words or initials
    compact: str  #: all letters of the name, in alphabetical order of its words


def compare(a: tuple[str, ...], b: tuple[str, ...]) -> Company:
    """Return how much two author lists agree; neither their order nor the order of the two
    matters.
    """
    left, right = people(a), people(b)
    if not left or not right:
        return Company.UNKNOWN
    found = _matched(left, right)
    if found >= 0.75 * max(len(left), len(right)):
        return Company.SAME
    if found >= 0.5 * min(len(left), len(right)):
        return Company.SOME
    return Company.ONE if found else Company.DIFFERENT


@lru_cache(maxsize=8192)
def people(names: tuple[str, ...]) -> tuple[Person, ...]:
    """Return the persons of an author list, without groups and "et al."."""
    persons = (
        _person(_ET_AL.sub("", name)) for name in names[:_MAX_PEOPLE] if not _NOBODY.search(name)
    )
    return tuple(person for person in persons if person)


def _person(name: str) -> Person | None:
    last, comma, first = name.partition(",")
    words = plain_words(f"{first} {last}" if comma and first.strip() else name)
    words = tuple(word for word in words if word not in _SUFFIX and not word.isdigit()) or words
    if not words:
        return None
    tail = len(plain_words(last)) if comma and first.strip() else 1
    if (
        len(words) > 1
        and tail == 1
        and len(words[-1]) <= 2 < max(map(len, words[:-1]))
        and _is_last_first(name)
    ):
        words = (words[-1], *words[:-1])  # "Smith JA"
    return Person(words[-1], words[:-tail] or words[:-1], "".join(sorted("".join(words))))


def _is_last_first(name: str) -> bool:
    end = name.split()[-1].replace(".", "")
    return end.isupper() and len(end) <= 2


def _matched(a: tuple[Person, ...], b: tuple[Person, ...]) -> int:
    """Return the number of people in both lists, each counted once."""
    places: dict[str, list[int]] = defaultdict(list)
    for number, person in enumerate(b):
        for handle in _handles(person):
            places[handle].append(number)
    taken: set[int] = set()
    rest = []
    for person in a:
        near = dict.fromkeys(
            n for handle in _handles(person) for n in places[handle] if n not in taken
        )
        found = next((n for n in near if _is_one_person(person, b[n])), None)
        if found is None:
            rest.append(person)
        else:
            taken.add(found)
    free = [person for number, person in enumerate(b) if number not in taken]
    for person in rest[:20]:
        found = next(
            (n for n, other in enumerate(free[:20]) if _is_miswritten(person, other)), None
        )
        if found is not None:
            free.pop(found)
            taken.add(-len(taken) - 1)
    return len(taken)


def _handles(person: Person) -> tuple[str, str]:
    return person.last, person.compact


def _is_one_person(a: Person, b: Person) -> bool:
    if a.compact == b.compact:
        return True
    return a.last == b.last and _go_together(a.given, b.given)


def _is_swapped(a: Person, b: Person) -> bool:
    """Return whether family and given name changed places: "H. Jiawei" and "Jiawei Han" or "J.
    Han".
    """
    if not a.given or not b.given or min(len(a.given[0]), len(b.given[0])) > 2:
        return False
    return a.given[0][0] == b.last[0] and b.given[0][0] == a.last[0] and a.last != b.last


def _go_together(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """Return whether given names may be one person's: "Wei" and "W" may, "Wei" and "Wen" may
    not.
    """
    if not a or not b:
        return True
    short, long = sorted((a[0], b[0]), key=len)
    is_initials = len(long) >= 3 and not _VOWEL.search(long)
    if is_initials:  # joined, perhaps with those of other authors: "shtwg"
        return short[0] in long
    if len(short) <= 2:
        return short[0] == long[0] or any(word[0] == short[0] for word in (*a[1:], *b[1:]))
    return long.startswith(short[:3]) and (long.startswith(short) or OSA.distance(short, long) <= 1)


def _is_miswritten(a: Person, b: Person) -> bool:
    """Return whether two names differ by one or two letters that were mistyped or misread, or by
    their order.
    """
    if _is_swapped(a, b):
        return True
    size = min(len(a.last), len(b.last))
    if size >= 5 and OSA.distance(a.last, b.last) <= (1 if size < 8 else 2):
        return _go_together(a.given, b.given)
    return min(len(a.compact), len(b.compact)) >= 8 and OSA.distance(a.compact, b.compact) <= 1
