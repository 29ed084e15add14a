"""Text into terms: LaTeX undone, accents folded, English stems. Papers and queries go the same way.

A hyphenated word is read in all the ways people write it: "auto-regressive" gives the terms of
"auto" and "regressive", and at the place of its last part also the term of "autoregressive". So
each spelling finds the others.
"""

import re
import unicodedata
from functools import lru_cache

from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

_COMMON = """
a about after all also among an and any are as at be because been before being between both but by
can could did do does
during each for from further had has have having he her his how however if in into is it its itself
may might more most
much my no nor not of off on once only or other our over own per same she should since so some such
than that the their
them then there these they this those through thus to too under until up upon us used using very
via was we were what
when where whether which while who whom whose why will with within without would you your
"""
#: Words that tell nothing about a paper. A query may hold them; they are not asked for.
STOPWORDS = frozenset(_COMMON.split())

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_ACCENT = re.compile(r"\\(?:[`'^\"~=.]|[uvHckrbd](?![A-Za-z]))\s*\{?(?:\\(?=[ij]\b))?([A-Za-z])\}?")
_COMBINING = re.compile("[\u0300-\u036f]")
_COMMAND = re.compile(r"\\[A-Za-z]+\*?")
_MARKUP = re.compile(r"[${}\\]")
_POSSESSIVE = re.compile(r"['’]s\b")
_HYPHENS = str.maketrans({"‐": "-", "‑": "-", "−": "-", "­": None, "ı": "i"})
_ANALYZER = (
    TextAnalyzerBuilder(Tokenizer.simple())
    .filter(Filter.lowercase())
    .filter(Filter.ascii_fold())
    .filter(Filter.stemmer("english"))
    .build()
)
_FOLDER = (
    TextAnalyzerBuilder(Tokenizer.simple())
    .filter(Filter.lowercase())
    .filter(Filter.ascii_fold())
    .build()
)


def tokens(text: str) -> list[str]:
    """Split a text into lower-case words; hyphenated ones stay whole, LaTeX and possessives are
    gone.
    """
    if not text.isascii():
        text = _COMBINING.sub("", unicodedata.normalize("NFKC", text).translate(_HYPHENS).lower())
    if "\\" in text or "$" in text:
        text = _MARKUP.sub("", _COMMAND.sub(" ", _ACCENT.sub(r"\1", text)))
    return _WORD.findall(_POSSESSIVE.sub("", text.lower()))


@lru_cache(maxsize=200_000)
def stems(token: str) -> tuple[str, ...]:
    """Give the terms of one token: one a part, and for a hyphenated token last the term of its
    parts joined.

    >>> stems("auto-regressive")
    ('auto', 'regress', 'autoregress')
    """
    parts = token.split("-")
    if len(parts) > 1:
        parts.append("".join(parts))
    return tuple(stem for part in parts for stem in _ANALYZER.analyze(part)[:1])


def fold(text: str) -> list[str]:
    """Split a name into lower-case words without accents, unstemmed: "José-María" is "jose",
    "maria".
    """
    return [
        word
        for token in tokens(text)
        for part in token.split("-")
        for word in _FOLDER.analyze(part)[:1]
    ]


@lru_cache(maxsize=200_000)
def is_stopword(text: str) -> bool:
    """Say whether a word tells nothing; a text without any letter or digit does not either."""
    return all(token in STOPWORDS for token in tokens(text))
