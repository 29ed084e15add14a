"""The topic language: text into a small tree and back into one canonical text. What it finds is
index's business.

    query    = alternative { "OR" alternative }            OR binds weakest
    alternative = item { ["AND"] item }                    all must match
    item     = ["-"] ( [field ":"] ( "(" query ")" | phrase | word ) )
    field    = "ti" | "abs" | "au" | "cat"
    phrase   = '"' any text '"'

Readers share topics by `str(parse(text))`, so two texts that mean the same should print the same:
white space, the case of words, the order of alternatives, filters and exclusions, and repetitions
do not matter. The order of words does, a little: words that stand together in a paper as they do in
the query lift it.

"OR" and "|" are operators everywhere; "or" in small letters is one where it cannot be part of a
sentence. A text that breaks the grammar but reads like a pasted title is read as its words.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from newsletter.errors import QueryError
from newsletter.matching.tokenizer import STOPWORDS, is_stopword, tokens

MAX_LENGTH = 1000
MAX_DEPTH = 20
#: A text of so many words that breaks the grammar may be a title.
TITLE_WORDS = 5
FIELDS = {"ti": "title", "abs": "abstract", "au": "author", "cat": "category"}

_QUOTES = '"“”„'
_SPACE = re.compile(r"\s+")
_FIELD = re.compile(r"([A-Za-z]+):")
#: A comma between digits belongs to the number; any other one is a space.
_WORD = re.compile(rf"(?:[^\s(){_QUOTES},;|]|(?<=\d),(?=\d))+")
_BARS = re.compile(r"\|+")
_BARE = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")
_ASKED_FIELD = re.compile(r"(?<!\w)-?(?:ti|abs|au|cat):\S", re.IGNORECASE)
_OPERATORS = {"or": "OR", "and": "AND"}
_TERM = re.compile(rf"[\w({_QUOTES}]")
_CATEGORY = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*(\.?\*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    text: str  #: lower case; may hold hyphens and the like
    field: str = ""

    def __str__(self) -> str:
        return f"{self.field}:{self.text}" if self.field else self.text


@dataclass(frozen=True, slots=True)
class Phrase:
    text: str  #: lower case, words separated by one space
    field: str = ""

    def __str__(self) -> str:
        return f'{self.field}:"{self.text}"' if self.field else f'"{self.text}"'


@dataclass(frozen=True, slots=True)
class Category:
    pattern: str  #: "cs.CL", "q-bio.*", or an archive: "math"

    def __str__(self) -> str:
        return f"cat:{self.pattern}"


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple["Node", ...]  #: never empty; none of them an All
    without: tuple["Node", ...] = ()

    def __str__(self) -> str:
        excluded = (
            f"-({node})" if isinstance(node, All | AnyOf) else f"-{node}" for node in self.without
        )
        return " ".join(
            [
                *(f"({node})" if isinstance(node, AnyOf) else str(node) for node in self.parts),
                *excluded,
            ]
        )


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Node", ...]  #: at least two, none of them an AnyOf

    def __str__(self) -> str:
        return " OR ".join(
            f"({node})" if isinstance(node, All) else str(node) for node in self.parts
        )


Leaf = Word | Phrase | Category
Node = Leaf | All | AnyOf


@dataclass(frozen=True, slots=True)
class Query:
    root: Node

    def __str__(self) -> str:
        return str(self.root)


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
    if node := _bare_words(text):
        return Query(node)
    for position, character in enumerate("" if text.isprintable() else text, 1):
        if unicodedata.category(character) in ("Cc", "Cf", "Cs") and not character.isspace():
            raise QueryError(
                f"invisible control character U+{ord(character):04X}", position=position
            )
    try:
        scanned = _settle_small_operators(_scan(text))
        _check_parentheses(scanned)
        return Query(_Parser(scanned).query())
    except QueryError:
        if title := _title(text):
            return Query(title)
        raise


def _title(text: str) -> Node | None:
    """Read a pasted title as its words. None for what does not look like one: a title begins with a
    capital letter or is long, and asks for no field.
    """
    words = tokens(text)
    first = next(filter(str.isalnum, text), "")
    is_title = len(words) >= (TITLE_WORDS if first.isupper() else 2 * TITLE_WORDS)
    if not is_title or _ASKED_FIELD.search(text) or not text.isprintable():
        return None
    telling = [Word(word) for word in words if word not in STOPWORDS]
    return _all_of(list(telling), []) if telling else None


def _bare_words(text: str) -> Node | None:
    """Read what most queries are, words and nothing else; None for everything that needs the
    grammar.
    """
    if not _BARE.fullmatch(text):
        return None
    words = dict.fromkeys(text.split(" "))
    if words.keys() <= STOPWORDS or not words.keys().isdisjoint(_OPERATORS):
        return None
    parts = tuple(map(Word, words))
    return All(parts) if len(parts) > 1 else parts[0]


class _Token(NamedTuple):
    kind: str  #: word | phrase | field | ( | ) | - | OR | AND | or | and | "|" | end
    text: str
    position: int


def _scan(text: str) -> list[_Token]:
    """Cut the text into tokens; punctuation between words is dropped."""
    found: list[_Token] = []
    at = 0
    while at < len(text):
        character, position = text[at], at + 1
        if character in "()":
            found.append(_Token(character, character, position))
            at += 1
        elif character in _QUOTES:
            end = next((i for i in range(at + 1, len(text)) if text[i] in _QUOTES), -1)
            if end < 0:
                raise QueryError(
                    "the quote opened here is never closed",
                    position=position,
                    hint='add a second "',
                )
            found.append(_Token("phrase", text[at + 1 : end], position))
            at = end + 1
        elif character == "-" and _TERM.match(text, at + 1):
            found.append(_Token("-", "-", position))
            at += 1
        elif match := _FIELD.match(text, at):
            at = _scan_field(text, match, found)
        elif match := _WORD.match(text, at):
            word = match.group()
            if word in ("NOT", "ANDNOT"):
                raise QueryError(
                    f"{word} is written as a minus sign",
                    position=position,
                    hint="write: graphs -survey",
                )
            if tokens(word) or (found and found[-1].kind == "field"):
                found.append(_Token(_kind(word), word, position))
            at = match.end()
        elif match := _BARS.match(text, at):
            found.append(_Token("|", match.group(), position))
            at = match.end()
        else:
            at += 1
    return [*found, _Token("end", "", len(text) + 1)]


def _kind(word: str) -> str:
    if word in ("OR", "AND"):
        return word
    return word.lower() if word.lower() in _OPERATORS else "word"


def _settle_small_operators(scanned: list[_Token]) -> list[_Token]:
    """Decide what "or", "and" and "|" are: an operator, or a part of a sentence, which is dropped.

    "|" is OR. "or" and "and" in small letters are operators in a query that has other signs of the
    language, or where each alternative is one word or phrase; "agents that plan or act" is a
    sentence. None of the three is an operator with nothing on one side.
    """
    kinds = {token.kind for token in scanned}
    is_language = bool(kinds & {"(", ")", "field", "-", "OR", "AND", "|"})
    items = _longest_alternative(scanned)
    settled: list[_Token] = []
    for at, token in enumerate(scanned):
        if token.kind in ("or", "and", "|"):
            before = settled[-1].kind if settled else "("
            has_sides = before in ("word", "phrase", ")") and _starts_item(scanned, at + 1)
            is_field_value = before == "field"
            if is_field_value:
                settled.append(token._replace(kind="word"))
            elif has_sides and (token.kind == "|" or is_language or items == 1):
                settled.append(token._replace(kind="AND" if token.kind == "and" else "OR"))
        else:
            settled.append(token)
    return settled


def _starts_item(scanned: list[_Token], at: int) -> bool:
    return scanned[at].kind in ("word", "phrase", "field", "(", "-")


def _longest_alternative(scanned: list[_Token]) -> int:
    """Count the words and phrases of the longest part between "or" and "or"."""
    longest = items = 0
    for token in scanned:
        items = 0 if token.kind == "or" else items + (token.kind in ("word", "phrase"))
        longest = max(longest, items)
    return longest


def _scan_field(text: str, match: re.Match[str], found: list[_Token]) -> int:
    """Take "ti:" as a field; "Review: a study" is a word and its punctuation. Gives where to go
    on.
    """
    name = match.group(1).lower()
    if name in FIELDS:
        found.append(_Token("field", name, match.start() + 1))
    elif text[match.end() : match.end() + 1].strip():
        near = difflib.get_close_matches(name, [*FIELDS, *FIELDS.values()], 1, 0.5)
        meant = next((f for f, long in FIELDS.items() if near and near[0] in (f, long)), "")
        raise QueryError(
            f"there is no field {match.group()!r}"
            + (f"; did you mean '{meant}:'?" if meant else ""),
            position=match.start() + 1,
            hint="fields are ti: abs: au: cat:; to search for the colon itself, put the words in "
            "quotes",
        )
    else:
        found.append(_Token("word", match.group(1), match.start() + 1))
    return match.end()


def _check_parentheses(scanned: list[_Token]) -> None:
    opened: list[_Token] = []
    for token in scanned:
        if token.kind == "(":
            opened.append(token)
        elif token.kind == ")" and not opened:
            raise QueryError(
                "the parenthesis closed here was never opened", position=token.position
            )
        elif token.kind == ")":
            opened.pop()
        if len(opened) > MAX_DEPTH:
            raise QueryError(
                f"more than {MAX_DEPTH} parentheses inside each other", position=token.position
            )
    if opened:
        raise QueryError(
            "the parenthesis opened here is never closed",
            position=opened[-1].position,
            hint="close it with )",
        )


class _Parser:
    """Recursive descent over tokens whose parentheses are balanced, one method a rule of the
    grammar.
    """

    def __init__(self, scanned: list[_Token]) -> None:
        self._tokens = scanned
        self._at = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
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
        return _any_of(alternatives)

    def _all(self, field: str) -> Node:
        start = self._next
        if start.kind in ("OR", "AND"):
            raise _dangling(start)
        parts: list[Node] = []
        without: list[Node] = []
        while self._next.kind not in ("OR", ")", "end"):
            if self._next.kind == "AND":  # changes nothing: side by side means the same
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
        return _all_of(parts, without)

    def _item(self, field: str) -> Node | None:
        """Read one item; None for parentheses around nothing, which a sentence may hold: "IFN
        (+)".
        """
        token = self._take()
        if token.kind == "field":
            return self._in_field(token, field)
        if token.kind == "(":
            node = self._any(field) if self._next.kind != ")" else None
            self._take()
            return node
        return _leaf(token, field)

    def _in_field(self, token: _Token, outer: str) -> Node | None:
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


def _check_narrow(start: _Token, parts: list[Node], without: list[Node]) -> None:
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


def _dangling(token: _Token) -> QueryError:
    return QueryError(
        f"{token.text.upper()} needs something on both sides",
        position=token.position,
        hint=f'to search for the word itself, put it in quotes: "{token.text.lower()}"',
    )


def _leaf(token: _Token, field: str) -> Leaf:
    if field == "cat":
        return Category(_category(token))
    words = tokens(token.text)
    if not words:
        raise QueryError("no letter or digit to search for", position=token.position)
    is_quoted = token.kind == "phrase" and words[0] in STOPWORDS
    if (
        len(words) > 1 or is_quoted or (not field and words[0] in _OPERATORS)
    ):  # "or!" is a word, and printed as one
        return Phrase(" ".join(words), field)
    return Word(words[0], field)


def _category(token: _Token) -> str:
    """Spell a category as arXiv does: archive in small letters, subjects of two letters in
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
    """Say whether a node keeps any paper out. What stands in parentheses was asked already."""
    return not isinstance(node, Word) or node.field == "au" or not is_stopword(node.text)


def _all_of(parts: list[Node], without: list[Node]) -> Node:
    """Join what must match: words in their order, then authors and categories sorted, then what is
    excluded, sorted.
    """
    if len(parts) == 1 and not without:
        return parts[0]
    flat: list[Node] = []
    for node in parts:
        if isinstance(node, All):
            flat += node.parts
            without = [*without, *node.without]
        else:
            flat.append(node)
    filters = [
        node for node in flat if isinstance(node, Category) or getattr(node, "field", "") == "au"
    ]
    words = [node for node in flat if node not in filters]
    unwanted = [
        piece for node in without for piece in (node.parts if isinstance(node, AnyOf) else (node,))
    ]
    kept = _once([*words, *sorted(filters, key=str)])
    return All(kept, _once(sorted(unwanted, key=str))) if len(kept) > 1 or unwanted else kept[0]


def _any_of(alternatives: list[Node]) -> Node:
    if len(alternatives) == 1:
        return alternatives[0]
    flat = [
        piece
        for node in alternatives
        for piece in (node.parts if isinstance(node, AnyOf) else (node,))
    ]
    kept = _once(sorted(flat, key=str))
    return AnyOf(kept) if len(kept) > 1 else kept[0]


def _once(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(dict.fromkeys(nodes))
