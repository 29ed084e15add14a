"""The text of a query cut into tokens: words, phrases, fields, operators and parentheses.

"OR" and "|" are operators everywhere; "or" in small letters is one where it cannot be part of a
sentence.
"""

import difflib
import re
from typing import NamedTuple

from newsletter.errors import QueryError
from newsletter.matching.tokenizer import tokens

MAX_DEPTH = 20
FIELDS = {"ti": "title", "abs": "abstract", "au": "author", "cat": "category"}
#: Words that are operators.
OPERATORS = ("or", "and")

_QUOTES = '"“”„'
_FIELD = re.compile(r"([A-Za-z]+):")
#: A comma between digits belongs to the number; any other one is a space.
_WORD = re.compile(rf"(?:[^\s(){_QUOTES},;|]|(?<=\d),(?=\d))+")
_BARS = re.compile(r"\|+")
_TERM = re.compile(rf"[\w({_QUOTES}]")


class Token(NamedTuple):
    kind: str  #: word | phrase | field | ( | ) | - | OR | AND | or | and | "|" | end
    text: str
    position: int


def read_tokens(text: str) -> list[Token]:
    """Cut a query into tokens; "end" is the last one, and the parentheses are balanced.

    Raises: QueryError.
    """
    found = _settle_small_operators(_scan(text))
    _check_parentheses(found)
    return found


def _scan(text: str) -> list[Token]:
    """Cut the text into tokens; punctuation between words is dropped."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        character, position = text[at], at + 1
        if character in "()":
            found.append(Token(character, character, position))
            at += 1
        elif character in _QUOTES:
            end = next((i for i in range(at + 1, len(text)) if text[i] in _QUOTES), -1)
            if end < 0:
                raise QueryError(
                    "the quote opened here is never closed",
                    position=position,
                    hint='add a second "',
                )
            found.append(Token("phrase", text[at + 1 : end], position))
            at = end + 1
        elif character == "-" and _TERM.match(text, at + 1):
            found.append(Token("-", "-", position))
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
                found.append(Token(_kind(word), word, position))
            at = match.end()
        elif match := _BARS.match(text, at):
            found.append(Token("|", match.group(), position))
            at = match.end()
        else:
            at += 1
    return [*found, Token("end", "", len(text) + 1)]


def _kind(word: str) -> str:
    if word in ("OR", "AND"):
        return word
    return word.lower() if word.lower() in OPERATORS else "word"


def _settle_small_operators(scanned: list[Token]) -> list[Token]:
    """Decide whether "or", "and" and "|" are operators or parts of a sentence, which are dropped.

    "|" is OR. Lower-case "or" and "and" are operators in a query with other signs of the language,
    or where each alternative is one word or phrase; "agents that plan or act" is a sentence. None
    of the three is an operator if one side of it is empty.
    """
    kinds = {token.kind for token in scanned}
    is_language = bool(kinds & {"(", ")", "field", "-", "OR", "AND", "|"})
    items = _longest_alternative(scanned)
    settled: list[Token] = []
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


def _starts_item(scanned: list[Token], at: int) -> bool:
    return scanned[at].kind in ("word", "phrase", "field", "(", "-")


def _longest_alternative(scanned: list[Token]) -> int:
    """Count the words and phrases of the longest part between "or" and "or"."""
    longest = items = 0
    for token in scanned:
        items = 0 if token.kind == "or" else items + (token.kind in ("word", "phrase"))
        longest = max(longest, items)
    return longest


def _scan_field(text: str, match: re.Match[str], found: list[Token]) -> int:
    """Take "ti:" as a field; "Review: a study" is a word and its punctuation. Returns where to go
    on.
    """
    name = match.group(1).lower()
    if name in FIELDS:
        found.append(Token("field", name, match.start() + 1))
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
        found.append(Token("word", match.group(1), match.start() + 1))
    return match.end()


def _check_parentheses(scanned: list[Token]) -> None:
    opened: list[Token] = []
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
