"""The spellings of a word: with a hyphen, as one word, or as two. The index in memory and the one
in the database use the same ones. Pure.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations

from newsletter.matching.tokenizer import joined, stems

#: The most words in a row that are tried as one hyphenated word: "state of the art".
WIDEST = 4

Terms = tuple[str, ...]
#: "autoregress" -> {("auto", "regress")}, if some paper writes the hyphen
Splits = Mapping[str, Collection[Terms]]
#: Other readings of some parts: first part -> [(part after the last, terms)]
Readings = dict[int, list[tuple[int, Terms]]]


def splits_of(token: str) -> Iterator[tuple[str, Terms]]:
    """Give what a hyphenated word is as one word, and its terms; of each part of it.

    >>> list(splits_of("auto-regressive"))
    [('autoregress', ('auto', 'regress'))]
    """
    parts = tuple(token.split("-"))
    for start, end in combinations(range(min(len(parts), WIDEST) + 1), 2):
        if end - start > 1 and (whole := joined(parts[start:end])):
            yield whole, stems("-".join(parts[start:end]))


def parts_of(words: Sequence[str]) -> list[str]:
    return [part for word in words for part in word.split("-")]


def wholes_of(words: Sequence[str]) -> set[str]:
    """Return every term that is one word for some of these words: the keys of `Splits` to look
    up.
    """
    parts = parts_of(words)
    spans = combinations(range(len(parts) + 1), 2)
    found = {joined(tuple(parts[at:until])) for at, until in spans if until - at <= WIDEST}
    return found - {""}


def other_readings(words: Sequence[str], splits: Splits) -> Readings:
    """Return the other readings of some words in a row, beside each part's own terms.

    A part is read as two where some paper writes it with a hyphen. Neighbours are read as one word
    where some paper joins them by a hyphen, or the words here do.
    """
    parts = parts_of(words)
    others: Readings = {}
    for at, part in enumerate(parts):
        for split in splits.get(joined((part,)), ()):
            others.setdefault(at, []).append((at + 1, split))
    hyphenated = set()
    if len(parts) > len(words):
        end = 0
        for word in words:
            start, end = end, end + word.count("-") + 1
            hyphenated.add((start, end))
    for at in range(len(parts) - 1):
        for until in range(at + 2, min(at + WIDEST, len(parts)) + 1):
            whole = joined(tuple(parts[at:until]))
            if whole in splits or ((at, until) in hyphenated and whole):
                others.setdefault(at, []).append((until, (whole,)))
    return others
