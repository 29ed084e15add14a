"""Text and links from the world, made harmless and readable. All sources share it; nothing here
knows their formats.

What comes out is plain text on one line: no markup, no control or direction characters, formulas in
Unicode where that is possible. It is still to be escaped where it is shown.
"""

import html
import logging
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import nh3
from pylatexenc.latex2text import (
    LatexNodes2Text,
    MacroTextSpec,
    get_default_latex_context_db,
)
from pylatexenc.latexwalker import get_default_latex_context_db as get_grammar

TITLE_CHARS = 300
ABSTRACT_CHARS = 5_000
AUTHOR_CHARS = 120
AUTHORS = 3_000
AFFILIATIONS = 50
LINK_CHARS = 2_000

#: C0 and C1 controls, soft hyphen, zero-width, direction and annotation marks, surrogates, tags
#: (C24).
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_SPACES = re.compile(r"\s+")
#: Text that holds nothing to take out or to turn into something else.
_CLEAN = re.compile(r"[\t-\r !-#%'-;=-\[\]-~]*")

_INLINE = (
    "a|abbr|b|bold|cite|code|em|font|i|inf|inline-formula|italic|mark|"
    "math|named-content|q|s|sc|small|span|strong"
)
_BLOCK = (
    "article|blockquote|br|dd|div|dl|dt|h[1-6]|hr|li|ol|p|pre|sec|section|"
    "table|tbody|td|th|title|tr|ul"
)
_OTHER = (
    "audio|embed|form|iframe|img|input|link|meta|object|script|style|"
    "sub|sup|svg|tt|u|video|xref|[a-z]+:[a-z]+"
)
#: A complete tag that HTML or a publisher's XML knows. "a<b and c>d" and "$x<y$" are not tags.
_KNOWN = rf"/?(?:{_INLINE}|{_BLOCK}|{_OTHER})(?:\s+[\w:\-]+\s*=[^<>]*)?\s*/?>"
_TAG = re.compile(rf"<{_KNOWN}|<!--|<!\[CDATA\[|<\?", re.I)
_BLOCK_TAG = re.compile(rf"<(?=/?(?:{_BLOCK})[\s/>])", re.I)
_STRAY_LESS = re.compile(rf"<(?!{_KNOWN}|!--|\?)", re.I)

#: Pandoc's rule for a formula between dollars: no space inside the fences, no digit after the
#: closing one. So "$5 and $10" is money.
_FORMULA = re.compile(
    r"(?<!\\)(?:\$\$(?P<display>[^$]{1,1000})\$\$|\$(?=[^\s$])(?P<inline>[^$]{1,"
    r"1000}?)(?<=[^\s\\])\$(?!\d))"
)
_MACRO = re.compile(r"\\[a-zA-Z]+|\\[^a-zA-Z\s]")
_MACRO_SPACE = re.compile(r"(\\[a-zA-Z]+) (?=\\)")
_SPECIAL = re.compile(r"(?<!\\)([%&#$])")
_ESCAPE = re.compile(r"\\([%&#$_])")
_TEX = re.compile(r"[\\{}~`]|--|''|<<|>>")
#: A run of prose. pylatexenc looks at every character ten times, so what means nothing to it is
#: kept out of its way, a private character in its place.
_RUN = re.compile(r"(?:[A-Za-z0-9,.;:()/ ]|(?<!-)-(?!-)){24,}")
_FIRST_MARK, _MARKS = 0xF0000, re.compile("[\U000f0000-\U000ffffd]")
_SCRIPTS = re.compile(r"([_^])(?:\{([0-9+\-=()n]{1,8})\}|([0-9+\-]))")
_LOWERED = str.maketrans("0123456789+-=()n", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙ")
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")


def _quick(grammar: Any) -> Callable[..., Any]:
    """A test for "``" and the like that looks at one character first; most are none of these."""
    slow, first = (
        grammar.test_for_specials,
        {spec.specials_chars[0] for spec in grammar.iter_specials_specs()},
    )

    def test(text: str, position: int, parsing_state: Any = None) -> Any:
        return slow(text, position, parsing_state) if text[position] in first else None

    return test


_macros = get_default_latex_context_db()
_macros.add_context_category(
    "papers",
    prepend=True,
    macros=[
        MacroTextSpec("url", simplify_repl="%s"),
        *(
            MacroTextSpec(switch, discard=True)
            for switch in ("it", "bf", "em", "rm", "sc", "sf", "sl", "tt", "cal")
        ),
    ],
)
_macros.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=lambda node: "\\" + node.macroname))
_grammar = get_grammar()
_grammar.test_for_specials = _quick(_grammar)
logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it complains about every odd formula


def clean(text: object, limit: int = ABSTRACT_CHARS) -> str:
    """Turn a piece of fetched text into one plain line of at most `limit` characters.

    Anything that is not a string becomes "". Cut text ends in an ellipsis.
    """
    if not isinstance(text, str):
        return ""
    text = text[: 4 * limit + 2_000]  # markup and formulas only ever shrink
    if not _CLEAN.fullmatch(text):
        text = without_latex(without_markup(_INVISIBLE.sub("", text)))
        text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return shorten(" ".join(text.split()), limit)


def clean_names(names: Iterable[object], limit: int = AUTHORS) -> tuple[str, ...]:
    """Clean a list of names in its order. Two people may bear the same name, so repetitions
    stay.
    """
    cleaned = (
        clean(name, AUTHOR_CHARS).strip(" ,;")
        for name, _ in zip(names, range(2 * limit), strict=False)
    )
    return tuple(name for name in cleaned if name)[:limit]


def clean_affiliations(names: Iterable[object]) -> tuple[str, ...]:
    """Clean a list of institutions, each once."""
    return tuple(dict.fromkeys(clean_names(names)))[:AFFILIATIONS]


def clean_link(url: object) -> str:
    """Give back a link that may be shown, else "": absolute, http or https, without credentials or
    odd characters.
    """
    if not isinstance(url, str):
        return ""
    url = _INVISIBLE.sub("", re.sub(r"[\t\r\n]", "", url)).strip()  # as browsers do
    url = quote(url, safe="%/:=&?~#+!$,;'@()*[]._-|")
    try:
        parts = urlsplit(url)
        is_web = (
            parts.scheme.lower() in ("http", "https")
            and bool(parts.hostname)
            and "@" not in parts.netloc
        )
    except ValueError:
        return ""
    return url if is_web and len(url) <= LINK_CHARS else ""


def is_garbled(text: str) -> bool:
    """Whether more than one character in a hundred was lost in decoding (C18)."""
    return text.count("\ufffd") * 100 > len(text)


def shorten(text: str, limit: int) -> str:
    """Cut at a word where one is near, and say so with an ellipsis."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    space = cut.rfind(" ", limit - 60)
    return (cut[:space] if space > 0 else cut).rstrip(" ,;:") + "…"


def without_markup(text: str) -> str:
    """Take tags out and resolve character references; a "<" that opens no known tag stays."""
    if _TAG.search(text):
        text = text.replace("<![CDATA[", "").replace("]]>", "")
        text = _STRAY_LESS.sub("&lt;", _BLOCK_TAG.sub(" <", text))
        text = nh3.clean(text, tags=set(), clean_content_tags={"script", "style", "svg"})
    return html.unescape(text) if "&" in text else text


def without_latex(text: str) -> str:
    """Write formulas, accents and simple macros in Unicode; leave alone what is not LaTeX or cannot
    be read.
    """
    if "$" not in text and "\\" not in text:
        return text
    done, parts = 0, []
    for formula in _FORMULA.finditer(text):
        parts.append(_plain(text[done : formula.start()]))
        parts.append(_formula(formula["display"] or formula["inline"]))
        done = formula.end()
    parts.append(_plain(text[done:]))
    return "".join(parts)


@lru_cache(maxsize=4096)  # an abstract says "$n$" and "$\\times$" again and again
def _formula(source: str) -> str:
    def small(match: re.Match[str]) -> str:
        return (match[2] or match[3]).translate(_RAISED if match[1] == "^" else _LOWERED)

    return _convert(_SCRIPTS.sub(small, source))


def _plain(source: str) -> str:
    if not _MACRO.search(source):
        return source
    unescaped = _ESCAPE.sub(r"\1", source)  # most macros in prose are "\%"
    return _convert(source) if _TEX.search(unescaped) else unescaped


def _convert(source: str) -> str:
    # A bare % would start a comment and swallow the rest, a bare & would become a column, a bare $
    # a formula.
    escaped = _SPECIAL.sub(r"\\\1", _SPACES.sub(" ", source))
    # TeX swallows the space between two macros: "a \to \Xi" would become "a →Ξ".
    escaped = _MACRO_SPACE.sub(r"\1\\ ", escaped)
    runs: list[str] = []
    if not _MARKS.search(escaped):
        escaped = _RUN.sub(lambda run: _kept_apart(run[0], runs), escaped)
    # One converter a call: it keeps state, and sources clean in threads.
    converter = LatexNodes2Text(
        latex_context=_macros,
        math_mode="text",
        keep_comments=True,
        strict_latex_spaces={"between-latex-constructs": True},
    )
    try:
        text = str(converter.latex_to_text(escaped, latex_context=_grammar)).replace("<cit.>", "")
    except (RecursionError, ValueError, IndexError, KeyError):
        return source
    if runs:
        text = _MARKS.sub(lambda mark: runs[ord(mark[0]) - _FIRST_MARK], text)
    # A macro without its arguments comes back as its pattern.
    return source if "%s" in text and "%s" not in source else text


def _kept_apart(run: str, runs: list[str]) -> str:
    """A run of prose with a mark for its inside; its first words may be a macro's name and
    argument, so they stay.
    """
    head, tail = run.find(" ", run.find(" ", 1) + 1), run.rfind(" ")
    if head < 2 or tail - head < 8:
        return run
    runs.append(run[head + 1 : tail])
    return f"{run[: head + 1]}{chr(_FIRST_MARK + len(runs) - 1)}{run[tail:]}"
