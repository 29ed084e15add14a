"""Write queries in the language of the database's full-text search: FTS5 or tsquery."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import Connection

from newsletter.matching.index import is_common
from newsletter.matching.query_tree import All, AnyOf, Category, Leaf, Node, Phrase
from newsletter.matching.spellings import Splits, Terms, other_readings, parts_of
from newsletter.matching.tokenizer import STOPWORDS, fold, stems, tokens

_NOT_PLAIN = re.compile(r"[^\w]|_")


def plain(term: str) -> str:
    """Write a term in letters and digits only, which both databases index as one word."""
    return _NOT_PLAIN.sub(lambda found: f"zz{ord(found[0]):x}zz", term)


class SearchWriter(ABC):
    """Writes a query's tree for one database; an empty text stands for "every paper"."""

    BOTH, EITHER, BUT_NOT = " AND ", " OR ", " NOT "

    def __init__(self, splits: Splits) -> None:
        self._splits = splits

    @abstractmethod
    def term(self, field: str, term: str, *, is_open: bool = False) -> str:
        """Write one term in a part of the paper; `is_open`: any word that begins with it."""

    @abstractmethod
    def titled(self, asked: str) -> str:
        """Limit a written query to titles."""

    def any_of(self, pieces: Sequence[str]) -> str:
        return self._joined(self.EITHER, pieces) if all(pieces) else ""

    def all_of(self, pieces: Sequence[str]) -> str:
        return self._joined(self.BOTH, [piece for piece in pieces if piece])

    def _joined(self, operator: str, pieces: Sequence[str]) -> str:
        return f"({operator.join(pieces)})" if len(pieces) > 1 else "".join(pieces)

    def node(self, node: Node) -> str:
        if isinstance(node, AnyOf):
            return self.any_of([self.node(part) for part in node.parts])
        if isinstance(node, All):
            found = self.all_of([self.node(part) for part in node.parts if not is_common(part)])
            unwanted = [piece for part in node.without if (piece := self.exactly(part))]
            if not found or not unwanted:
                return found
            return f"({found}{self.BUT_NOT}{self.any_of(unwanted)})"
        return self.leaf(node)

    def leaf(self, leaf: Leaf) -> str:
        if isinstance(leaf, Category):
            wanted = leaf.pattern.lower().rstrip("*").rstrip(".")
            is_open = leaf.pattern.endswith("*") and not leaf.pattern.endswith(".*")
            return self.term("cat", wanted, is_open=is_open)
        if leaf.field == "au":
            return self.all_of(
                [self.term("au", name, is_open=len(name) == 1) for name in fold(leaf.text)]
            )
        return self._words(leaf.field, tokens(leaf.text))

    def _words(self, field: str, words: Sequence[str]) -> str:
        """Ask for each part of some words in a row, in every spelling that covers it.

        The index in memory checks which words are side by side. Words without meaning for a search
        are not in the database.
        """
        covers: list[list[tuple[str, ...]]] = [
            [()] if part in STOPWORDS else [stems(part)] for part in parts_of(words)
        ]
        for at, steps in other_readings(words, self._splits).items():
            for until, terms in steps:
                for place in range(at, until):
                    covers[place].append(_kept(terms))
        pieces = [
            self.any_of(
                [self.all_of([self.term(field, term) for term in terms]) for terms in spellings]
            )
            for spellings in covers
        ]
        return self.all_of(list(dict.fromkeys(pieces)))

    def exactly(self, node: Node) -> str:
        """Write what may be excluded: only what surely matches `node`; empty if nothing does."""
        if isinstance(node, AnyOf):
            return self._joined(self.EITHER, [p for one in node.parts if (p := self.exactly(one))])
        if isinstance(node, All):
            parts = [self.exactly(part) for part in node.parts if not is_common(part)]
            return self.all_of(parts) if all(parts) and not node.without else ""
        if isinstance(node, Category):
            return self.leaf(node)
        words = tokens(node.text)
        if isinstance(node, Phrase) or node.field == "au" or len(words) != 1 or "-" in words[0]:
            return ""
        is_sure = len(stems(words[0])) == 1 and not other_readings(words, self._splits)
        return self._words(node.field, words) if is_sure else ""


def _kept(terms: Terms) -> Terms:
    return tuple(term for term in terms if term not in STOPWORDS)


class _Fts5(SearchWriter):
    """The query language of SQLite's FTS5."""

    _COLUMNS: ClassVar = {
        "": "{title body}",
        "ti": "title",
        "abs": "body",
        "au": "people",
        "cat": "fields",
    }

    def term(self, field: str, term: str, *, is_open: bool = False) -> str:
        return f'{self._COLUMNS[field]} : "{plain(term)}"{" *" if is_open else ""}'

    def titled(self, asked: str) -> str:
        return f"{{title people fields}} : ({asked})"


class _Tsquery(SearchWriter):
    """PostgreSQL's tsquery; the weights say in which part of the paper a term stands."""

    BOTH, EITHER, BUT_NOT = " & ", " | ", " & !"
    _WEIGHTS: ClassVar = {"": "AD", "ti": "A", "abs": "D", "au": "B", "cat": "C"}

    def term(self, field: str, term: str, *, is_open: bool = False) -> str:
        return f"'{plain(term)}':{'*' if is_open else ''}{self._WEIGHTS[field]}"

    def titled(self, asked: str) -> str:
        return asked.replace(":AD", ":A")


def writer(connection: Connection, splits: Splits | None = None) -> SearchWriter:
    """`splits`: what `spellings.known` says of the query's words."""
    kind = _Fts5 if connection.dialect.name == "sqlite" else _Tsquery
    return kind(splits or {})
