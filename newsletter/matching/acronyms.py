"""Acronyms and their long forms, as abstracts introduce them: "large language models (LLMs)". Pure.

The long form is found as in Schwartz and Hearst, "A simple algorithm for identifying abbreviation
definitions in biomedical text" (2003): the shortest run of words before the parenthesis that has
the acronym's letters in their order, the first one at the beginning of a word.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from newsletter.matching.query_tree import All, AnyOf, Node, Phrase, Query, Word
from newsletter.matching.tokenizer import STOPWORDS, stems, tokens

#: Least papers that introduce an acronym in the same way before queries use it.
SEEN = 10
#: A long form counts for an acronym if at least this share of the papers that introduce the acronym
#: use it; the acronym counts for the long form only if most of them do.
SHARE, MOST = 0.1, 0.6
#: Most other readings of one query.
READINGS = 6

_INTRODUCED = re.compile(r"\(([A-Za-z][A-Za-z0-9-]{1,9})\)")
_SENTENCE = re.compile(r"[.;:!?()](?:\s|$)")


class Acronym(NamedTuple):
    """An acronym as one paper introduces it."""

    short: str  #: lower case, without the plural: "llm"
    long: str  #: lower case, one space between words: "large language models"

    @property
    def terms(self) -> str:
        """Return the terms of the long form, which all its spellings share."""
        return terms_of(self.long)


def introduced(text: str) -> Iterator[Acronym]:
    """Find the acronyms of three letters or more that a text introduces.

    >>> list(introduced("We train large language models (LLMs) on text."))
    [Acronym(short='llm', long='large language models')]
    """
    for match in _INTRODUCED.finditer(text):
        short = match[1][:-1] if match[1].endswith("s") else match[1]
        letters = [one.lower() for one in short if one.isalnum()]
        if len(letters) < 3 or sum(one.isupper() for one in short) < 2:
            continue
        before = _SENTENCE.split(text[max(0, match.start() - 200) : match.start()])[-1].split()
        most = min(len(letters) + 5, 2 * len(letters))
        (word,) = tokens(short)[:1]
        if word not in STOPWORDS and (long := _long_form(letters, " ".join(before[-most:]))):
            yield Acronym(word, long)


def _long_form(letters: Sequence[str], before: str) -> str:
    text, at = before.lower(), len(before)
    for number in range(len(letters) - 1, -1, -1):
        at -= 1
        while at >= 0 and (
            text[at] != letters[number] or (number == 0 and at > 0 and text[at - 1].isalnum())
        ):
            at -= 1
        if at < 0:
            return ""
    at = before.rfind(" ", 0, at) + 1  # "self-supervised" is one word
    words = [part for token in tokens(before[at:]) for part in token.split("-")]
    is_long = 2 <= len(words) <= 2 * len(letters) and "".join(letters) not in words
    return " ".join(words) if is_long and words[0] not in STOPWORDS else ""


def terms_of(words: str) -> str:
    return " ".join(term for token in tokens(words) for term in stems(token))


@dataclass(frozen=True)
class Acronyms:
    """What acronyms mean in the papers of a site. `known`: short -> {long form: papers}."""

    known: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def longs(self, word: str) -> list[str]:
        """Return the long forms of a word, the most frequent first; none if it is no acronym."""
        of = self.known.get(word) or self.known.get(terms_of(word), {})
        total = sum(of.values())
        usual = [long for long, papers in of.items() if papers >= max(SEEN, SHARE * total)]
        return sorted(usual, key=lambda long: (-of[long], long))

    def short(self, words: str) -> str:
        """Return the acronym of some words if nearly all its uses mean them; else ""."""
        return self._shorts.get(terms_of(words), "")

    @cached_property
    def _shorts(self) -> dict[str, str]:
        """Terms of a long form -> its most frequent acronym."""
        found: dict[str, tuple[int, str]] = {}
        for short, of in sorted(self.known.items()):
            for long, papers in of.items():
                if papers >= max(SEEN, MOST * sum(of.values())):
                    found[terms_of(long)] = max(found.get(terms_of(long), (0, "")), (papers, short))
        return {terms: short for terms, (_, short) in found.items()}

    def expand(self, query: Query) -> Query:
        """Return a query that also finds long forms for acronyms and acronyms for long forms.

        The original words stay one of the alternatives, so nothing is lost.
        """
        return Query(self._node(query.root)) if self.known else query

    def _node(self, node: Node) -> Node:
        if isinstance(node, AnyOf):
            return _either([self._node(part) for part in node.parts])
        if isinstance(node, All):
            return _either([node, *self._others(node)])
        if isinstance(node, Word | Phrase) and node.field != "au":
            return _either([node, *self._readings(node)])
        return node

    def _readings(self, leaf: Word | Phrase) -> list[Node]:
        if short := self.short(leaf.text):
            return [Word(short, leaf.field)]
        return [Phrase(long, leaf.field) for long in self.longs(leaf.text)]

    def _others(self, node: All) -> list[Node]:
        """Return what else an `All` may mean: each with one of its parts, or some neighbours,
        replaced.
        """
        others: list[Node] = []
        bare = [isinstance(part, Word) and not part.field for part in node.parts]
        for at, part in enumerate(node.parts):
            read = self._node(part) if isinstance(part, AnyOf) else part
            if read != part:
                others.append(_replaced(node, at, at + 1, read))
            elif isinstance(part, Word | Phrase) and part.field != "au":
                others += [_replaced(node, at, at + 1, one) for one in self._readings(part)]
            for until in range(at + 2, len(node.parts) + 1):
                if not all(bare[at:until]):
                    break
                if short := self.short(" ".join(map(str, node.parts[at:until]))):
                    others.append(_replaced(node, at, until, Word(short)))
        return others[:READINGS]


NO_ACRONYMS = Acronyms()


def _replaced(node: All, at: int, until: int, by: Node) -> Node:
    parts = (*node.parts[:at], by, *node.parts[until:])
    return replace(node, parts=parts) if len(parts) > 1 or node.without else by


def _either(nodes: Sequence[Node]) -> Node:
    flat = [one for node in nodes for one in (node.parts if isinstance(node, AnyOf) else (node,))]
    kept = tuple(dict.fromkeys(flat))
    return AnyOf(kept) if len(kept) > 1 else kept[0]
