"""Shorten text: titles, abstracts, author lists; wrap lines of 72 cells. Pure, for all
languages.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, chop_cells

from newsletter.text.markup import latex

#: Cells of a line of plain text. A wide character (Chinese, Japanese, Korean, most emoji) takes
#: two.
COLUMNS = 72
#: A summary has two sentences; a longer one is cut at a word.
SUMMARY_WORDS = 60
#: After these words, and after an initial, a full stop does not end the sentence.
_ABBREVIATION = re.compile(
    r"""(?: e\.g | i\.e | etc | al | cf | vs | approx | ca | figs? | eqs? | sec | refs? | no
    | vol | resp | dr | prof | st | mrs? | ms | ph\.d | u\.s | viz | incl | max | min | avg | spp?
    | subsp | var | z\.b | bzw | d\.h
    | [^\W\d_] )""",
    re.IGNORECASE | re.VERBOSE,
)
_TURNING = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)
_END = re.compile(r"[.!?][\"'”’)\]]*\s+(?=[\"'“‘(\[]*[^\Wa-z_])")
#: Characters that a subject can also write in ASCII.
_ASCII = str.maketrans(
    {
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("‘’‚", "'"),
        **dict.fromkeys("‐‑‒–—−", "-"),
        "…": "...",
        "\xa0": " ",
        "·": "-",
    }
)
#: Characters of one cell each: ASCII, Latin, Greek, Cyrillic, and their punctuation.
_NARROW = re.compile(
    "[ -~\xa0-\xac\xae-\u02af\u0386-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e]*"
)
_LABEL = re.compile(r"^abstract\s*[:.—–-]\s*", re.IGNORECASE)


def one_line(text: str, allowed: str = "") -> str:
    """Return text without line breaks, control characters, lone surrogates and characters that
    change the writing direction, but for the `allowed` ones.
    """
    if not text.isprintable():
        kept = (
            c
            if (c in allowed or c not in _TURNING)
            and unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp")
            else " "
            for c in text
        )
        text = "".join(kept)
    return " ".join(text.split())


def without_latex(text: str) -> str:
    """Return text with LaTeX written as plain text, or removed if it has no meaning in text. Dollar
    signs of amounts stay.
    """
    text = latex.without_latex(text)
    if "\\" in text or "{" in text:
        text = text.replace("{", "").replace("}", "").replace("\\", "")
    return one_line(text.replace("~", " ") if " ~" not in text else text)


def in_ascii(text: str) -> str:
    """Return text with plain quotation marks, dashes and dots if that makes it ASCII, else
    unchanged.
    """
    plain = text.translate(_ASCII)
    return plain if plain.isascii() else text


def sentences(text: str) -> list[str]:
    """Split text into sentences; abbreviations, initials and decimals do not end one."""
    found, start = [], 0
    for end in _END.finditer(text):
        before = text[start : end.start()].split()
        is_stop = text[end.start()] == "."
        if is_stop and before and _ABBREVIATION.fullmatch(before[-1].lstrip("([“\"'")):
            continue
        found.append(text[start : end.end()].strip())
        start = end.end()
    rest = text[start:].strip()
    return [*found, rest] if rest else found


def without_label(text: str) -> str:
    """Return an abstract without LaTeX and without a leading "Abstract"."""
    return _LABEL.sub("", without_latex(text))


def shorten(text: str, count: int = 2, words: int = SUMMARY_WORDS) -> str:
    """Return the first `count` sentences, fewer if they are long; a first sentence that is too long
    is cut at a word.
    """
    text = without_label(text)
    kept: list[str] = []
    for sentence in sentences(text)[:count]:
        if kept and len(" ".join([*kept, sentence]).split()) > words:
            break
        kept.append(sentence)
    text = " ".join(kept)
    limited = " ".join(text.split()[:words])
    return cut(limited if limited == text else limited.rstrip(" ,;:.") + "…", 8 * words)


def cut(text: str, limit: int) -> str:
    """Return text of at most `limit` characters, cut between words and marked with an ellipsis."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    if not text[limit - 1].isspace() and " " in head[limit // 3 :]:
        head = head.rsplit(None, 1)[0]
    return head.rstrip(" ,;:.-–—") + "…"


def head(title: str, limit: int) -> str:
    """Return the part of a title before its colon if it is long enough, else as many words as
    fit.
    """
    before, colon, _ = title.partition(": ")
    if colon and len(before) <= limit and (len(before) >= 12 or " " in before):
        return before
    return cut(title, limit)


def names(authors: Sequence[str]) -> str:
    """Return one or two authors in full; of more, the first and the last."""
    shown = authors if len(authors) <= 2 else (authors[0], authors[-1])
    clipped = [cut(one_line(author), 60) for author in shown]
    return (", " if len(authors) <= 2 else " … ").join(clipped)


def fill(text: str, indent: int = 0) -> str:
    """Wrap text into lines of at most 72 cells. Only an address may be longer; a longer word is
    broken.

    The caller writes the first line's indent (a number or a bullet). No-break spaces hold words
    together and become spaces.
    """
    lines = _narrow_lines(text, COLUMNS - indent) or _lines(text, COLUMNS - indent)
    return ("\n" + " " * indent).join(lines).replace("\xa0", " ")


def _narrow_lines(text: str, room: int) -> list[str]:
    """The same lines for most text, whose characters have one cell each; nothing for other text.
    It looks at lines, not at words, and takes a seventh of the time.
    """
    if not _NARROW.fullmatch(text) or "  " in text or text.strip(" ") != text:
        return []
    lines, start = [], 0
    while len(text) - start > room:
        end = text.rfind(" ", start, start + room + 1)
        if end < 0:
            return []
        lines.append(text[start:end])
        start = end + 1
    return [*lines, text[start:]]


def _lines(text: str, room: int) -> list[str]:
    lines, line = [], ""
    for word in _breakable(text.split(" "), room):
        if line and cell_len(line) + 1 + cell_len(word) > room:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _breakable(words: Sequence[str], room: int) -> Iterator[str]:
    """Yield words; a word that is longer than a line and no address is yielded in parts."""
    for word in words:
        if 2 * len(word) <= room or cell_len(word) <= room or "://" in word:
            yield word
        else:
            yield from chop_cells(word, room)
