"""Text into terms: without LaTeX and accents, as English stems. Papers and queries use the same
function.

A hyphenated word is one token and gives a term for each of its parts. Chinese, Japanese and Korean
write words without spaces: a run of their characters gives a term for each two neighbours, so that
any word within the run is found. A plural of capitals ("LLMs") becomes the singular.
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
#: Words without meaning for a search. A query may have them, but they are not required.
STOPWORDS = frozenset(_COMMON.split())

#: "c++" and "c#", else letters and digits that hyphens may join.
_WORD = re.compile(r"[a-z](?:\+\+|#)(?![^\W\d_])|[^\W_]+(?:-[^\W_]+)*")
_PLURAL = re.compile(r"(?<=[A-Z][A-Z0-9])s(?![A-Za-z0-9])")
#: The same plural in lower case: "llms", "gpus", "mrnas", but not "css" or "gps".
_SMALL_PLURAL = re.compile(r"(?=.{4})[b-df-hj-np-tv-xz0-9]{2,}[au]?(?<!s)s")
_CJK = "\u3005-\u3007\u3040-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_CJK += "\uf900-\ufaff\U00020000-\U0003134f"
#: Thai and Lao, which write no spaces either.
_CJK += "\u0e01-\u0e2e\u0e30\u0e32\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0ec0-\u0ec6"
_IS_CJK = re.compile(f"[{_CJK}]")
_RUNS = re.compile(f"[{_CJK}]+|[^{_CJK}]+")
_ACCENT = re.compile(r"\\(?:[`'^\"~=.]|[uvHckrbd](?![A-Za-z]))\s*\{?(?:\\(?=[ij]\b))?([A-Za-z])\}?")
#: Accents; points and vowel signs of Hebrew and Arabic, which most texts leave out; joiners.
_COMBINING = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u200c\u200d]"
)
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
    """Split a text into lower-case words. Hyphenated ones stay whole; LaTeX, possessives and the
    plural of capitals are removed.
    """
    text = _PLURAL.sub("", text)
    if not text.isascii():
        text = _COMBINING.sub("", unicodedata.normalize("NFKC", text).translate(_HYPHENS).lower())
    if "\\" in text or "$" in text:
        text = _MARKUP.sub("", _COMMAND.sub(" ", _ACCENT.sub(r"\1", text)))
    return _WORD.findall(_POSSESSIVE.sub("", text.lower()))


@lru_cache(maxsize=200_000)
def stems(token: str) -> tuple[str, ...]:
    """Give the terms of one token, one a part.

    >>> stems("auto-regressive")
    ('auto', 'regress')
    """
    return tuple(stem for part in token.split("-") for stem in _terms(part))


@lru_cache(maxsize=200_000)
def joined(parts: tuple[str, ...]) -> str:
    """Give the term of parts written as one word; empty where that is more than one term.

    >>> joined(("auto", "regressive"))
    'autoregress'
    """
    terms = _terms("".join(parts))
    return terms[0] if len(terms) == 1 else ""


def is_cjk(text: str) -> bool:
    """Return whether a text has Chinese, Japanese or Korean characters."""
    return bool(_IS_CJK.search(text))


def _terms(part: str) -> tuple[str, ...]:
    if part.isascii():
        return (_stem(part),)
    found: list[str] = []
    for run in _RUNS.findall(part):
        if not is_cjk(run):
            found.append(_stem(run))
        elif len(run) == 1:
            found.append(run)
        else:
            found += [run[at : at + 2] for at in range(len(run) - 1)]
    return tuple(found)


def _stem(part: str) -> str:
    if part[-1:] in "+#":
        return part
    if _SMALL_PLURAL.fullmatch(part):
        return part[:-1]
    return next(iter(_ANALYZER.analyze(part)), part)


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
    """Return whether a word has no meaning for a search; also a text without letters and digits."""
    return all(token in STOPWORDS for token in tokens(text))
