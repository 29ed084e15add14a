"""The topic language: text into a small tree and back into one canonical text. What it finds is
index's business.

    query    = alternative { "OR" alternative }            OR binds weakest
    alternative = item { ["AND"] item }                    all must match
    item     = ["-"] ( [field ":"] ( "(" query ")" | phrase | word ) )
    field    = "ti" | "abs" | "au" | "cat"
    phrase   = '"' any text '"'

Readers share topics by `str(parse(text))`: white space and the case of words do not matter, nor
what `query_tree` puts in order. A text that breaks the grammar but reads like a pasted title is
read as its words.
"""

import re
import unicodedata

from newsletter.errors import QueryError
from newsletter.matching.query_tokens import OPERATORS, Token, read_tokens
from newsletter.matching.query_tree import (
    All,
    Category,
    Leaf,
    Node,
    Phrase,
    Query,
    Word,
    all_of,
    any_of,
)
from newsletter.matching.tokenizer import STOPWORDS, is_stopword, tokens

_JOINERS = re.compile("(?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f])")
MAX_LENGTH = 1000
#: A text of at least this many words that breaks the grammar may be a title.
TITLE_WORDS = 5

_SPACE = re.compile(r"\s+")
_BARE = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")
_ASKED_FIELD = re.compile(r"(?<!\w)-?(?:ti|abs|au|cat):\S", re.IGNORECASE)
_CATEGORY = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*(\.?\*)?", re.IGNORECASE)


def without_joiners(text: str) -> str:
    """Return a query without the joiners of Persian and Indian words: words are found with and
    without them. One beside ASCII only hides things and stays an error.
    """
    return _JOINERS.sub("", text)


def parse(text: str) -> Query:
    """Read a query.

    Raises: QueryError with the position of the mistake, counted in characters from 1.
    """
    if len(text) > MAX_LENGTH:
        raise QueryError(
            f"the query has {len(text):,} characters, {MAX_LENGTH:,} are allowed",
            position=MAX_LENGTH + 1,
            hint="split it into several topics",
        )
    text = without_joiners(text)
    if node := _bare_words(text):
        return Query(node)
    for position, character in enumerate("" if text.isprintable() else text, 1):
        if unicodedata.category(character) in ("Cc", "Cf", "Cs") and not character.isspace():
            raise QueryError(
                f"invisible control character U+{ord(character):04X}", position=position
            )
    try:
        return Query(_Parser(read_tokens(text)).query())
    except QueryError:
        if title := _title(text):
            return Query(title)
        raise


def _title(text: str) -> Node | None:
    """Read a pasted title as its words. None for other texts: a title begins with a capital letter
    or is long, and has no field.
    """
    words = tokens(text)
    first = next(filter(str.isalnum, text), "")
    is_title = len(words) >= (TITLE_WORDS if first.isupper() else 2 * TITLE_WORDS)
    if not is_title or _ASKED_FIELD.search(text) or not text.isprintable():
        return None
    telling = [Word(word) for word in words if word not in STOPWORDS]
    return all_of(list(telling), []) if telling else None


def _bare_words(text: str) -> Node | None:
    """Read a query of words only, as most are; None for everything that needs the grammar."""
    if not _BARE.fullmatch(text):
        return None
    words = dict.fromkeys(text.split(" "))
    if words.keys() <= STOPWORDS or not words.keys().isdisjoint(OPERATORS):
        return None
    parts = tuple(map(Word, words))
    return All(parts) if len(parts) > 1 else parts[0]


class _Parser:
    """Recursive descent over tokens whose parentheses are balanced, one method a rule of the
    grammar.
    """

    def __init__(self, scanned: list[Token]) -> None:
        self._tokens = scanned
        self._at = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def query(self) -> Node:
        if self._next.kind == "end":
            raise _nothing(1)
        return self._any("")

    def _any(self, field: str) -> Node:
        alternatives = [self._all(field)]
        while self._next.kind == "OR":
            operator = self._take()
            if self._next.kind in ("OR", "AND", ")", "end"):
                raise _dangling(operator)
            alternatives.append(self._all(field))
        return any_of(alternatives)

    def _all(self, field: str) -> Node:
        start = self._next
        if start.kind in ("OR", "AND"):
            raise _dangling(start)
        parts: list[Node] = []
        without: list[Node] = []
        while self._next.kind not in ("OR", ")", "end"):
            if self._next.kind == "AND":  # changes nothing: words without it mean the same
                operator = self._take()
                if self._next.kind in ("OR", "AND", ")", "end"):
                    raise _dangling(operator)
            is_excluded = self._next.kind == "-"
            if is_excluded:
                self._take()
            item = self._next
            node = self._item(field)
            if node is None:
                continue
            if is_excluded and not _narrows(node):
                raise QueryError("this excludes every paper", position=item.position)
            (without if is_excluded else parts).append(node)
        _check_narrow(start, parts, without)
        return all_of(parts, without)

    def _item(self, field: str) -> Node | None:
        """Read one item; None for empty parentheses, which a sentence may have: "IFN (+)"."""
        token = self._take()
        if token.kind == "field":
            return self._in_field(token, field)
        if token.kind == "(":
            node = self._any(field) if self._next.kind != ")" else None
            self._take()
            return node
        return _leaf(token, field)

    def _in_field(self, token: Token, outer: str) -> Node | None:
        if outer:
            raise QueryError(
                f"a field inside {outer}:(…)", position=token.position, hint="name one field"
            )
        is_close = self._next.position == token.position + len(token.text) + 1
        if not is_close or self._next.kind in (")", "-", "field", "end"):
            raise QueryError(
                f"nothing follows '{token.text}:'",
                position=token.position,
                hint="put what to find right behind it",
            )
        if self._next.kind in ("OR", "AND"):
            return _leaf(self._take(), token.text)
        return self._item(token.text)


def _check_narrow(start: Token, parts: list[Node], without: list[Node]) -> None:
    if not parts and not without:
        raise _nothing(start.position)
    if not parts:
        raise QueryError(
            "this only excludes",
            position=start.position,
            hint="say first what the papers should be about",
        )
    if not any(_narrows(node) for node in parts):
        raise QueryError(
            "this matches every paper",
            position=start.position,
            hint="add a word that tells papers apart",
        )


def _nothing(position: int) -> QueryError:
    return QueryError(
        "nothing to search for", position=position, hint="give a word, or cat: and a category"
    )


def _dangling(token: Token) -> QueryError:
    return QueryError(
        f"{token.text.upper()} needs something on both sides",
        position=token.position,
        hint=f'to search for the word itself, put it in quotes: "{token.text.lower()}"',
    )


def _leaf(token: Token, field: str) -> Leaf:
    if field == "cat":
        return Category(_category(token))
    words = tokens(token.text)
    if not words:
        raise QueryError("no letter or digit to search for", position=token.position)
    is_quoted = token.kind == "phrase" and words[0] in STOPWORDS
    if (
        len(words) > 1 or is_quoted or (not field and words[0] in OPERATORS)
    ):  # "or!" is a word, and printed as one
        return Phrase(" ".join(words), field)
    return Word(words[0], field)


def _category(token: Token) -> str:
    """Return a category as arXiv writes it: archive in lower case, subjects of two letters in
    capitals.
    """
    text = _SPACE.sub("-", token.text.strip())
    if not _CATEGORY.fullmatch(text):
        raise QueryError(
            f"{token.text!r} is not a category",
            position=token.position,
            hint="write cs.CL, q-bio.* or an archive: math",
        )
    archive, dot, subject = text.lower().partition(".")
    return archive + dot + (subject.upper() if len(subject) == 2 and subject.isalpha() else subject)


def _narrows(node: Node) -> bool:
    """Return whether a node excludes any paper. Parentheses were checked already."""
    return not isinstance(node, Word) or node.field == "au" or not is_stopword(node.text)
