"""Write queries in the language of the database's full-text search: FTS5 or tsquery."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import Connection

from newsletter.matching.index import is_common
from newsletter.matching.query import All, AnyOf, Category, Leaf, Node, Phrase, Word
from newsletter.matching.tokenizer import fold, is_stopword, stems, tokens

_NOT_PLAIN = re.compile(r"[^\w]|_")


def plain(term: str) -> str:
    """Write a term in letters and digits only, which both databases index as one word."""
    return _NOT_PLAIN.sub(lambda found: f"zz{ord(found[0]):x}zz", term)


class SearchWriter(ABC):
    """Writes a query's tree for one database; an empty text stands for "every paper"."""

    BOTH, EITHER, BUT_NOT = " AND ", " OR ", " NOT "

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
            # The index cannot test phrases; a phrase's single words must not exclude a paper.
            unwanted = [self.node(part) for part in node.without if not isinstance(part, Phrase)]
            unwanted = [piece for piece in unwanted if piece]
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
        words = tokens(leaf.text)
        if isinstance(leaf, Word):
            return self.all_of([self._spelled(leaf.field, word) for word in words])
        telling = [word for word in words if not is_stopword(word)] or words
        return self.all_of([self._within(leaf.field, words, word) for word in telling])

    def _spelled(self, field: str, word: str) -> str:
        """Write all spellings of a word; of a hyphenated one its parts, or the parts joined."""
        *parts, whole = stems(word) or ("",)
        if not whole:
            return ""
        joined = self.term(field, whole)
        if not parts:
            return joined
        return self.any_of([self.all_of([self.term(field, part) for part in parts]), joined])

    def _within(self, field: str, words: Sequence[str], word: str) -> str:
        """Write a word of a phrase; papers may join it with the word next to it."""
        spellings = [self._spelled(field, word)]
        at = words.index(word)
        for pair in (words[at - 1 : at + 1] if at else [], words[at : at + 2]):
            if len(pair) == 2:
                joined = stems("".join(pair).replace("-", ""))
                spellings += [self.term(field, joined[0])] if joined else []
        return self.any_of([spelling for spelling in spellings if spelling])


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


def writer(connection: Connection) -> SearchWriter:
    return _Fts5() if connection.dialect.name == "sqlite" else _Tsquery()
