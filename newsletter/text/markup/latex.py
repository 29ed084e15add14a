"""LaTeX as Unicode: formulas, accents and the macros that papers' titles and abstracts hold."""

import logging
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pylatexenc.latex2text import (
    LatexNodes2Text,
    MacroTextSpec,
    get_default_latex_context_db,
)
from pylatexenc.latexwalker import get_default_latex_context_db as get_grammar
from pylatexenc.macrospec import std_macro

#: Pandoc's rule for a formula between dollars: no space inside the fences, no digit after the
#: closing one. So "$5 and $10" is money. What begins with a command is a formula in any case.
_FORMULA = re.compile(
    r"(?<!\\)(?:\$\$(?P<display>[^$]{1,1000})\$\$|"
    r"\$(?=[^\s$])(?P<inline>[^$]{1,1000}?)(?<=[^\s\\])\$(?!\d)|"
    r"\$(?P<command>(?:\\[a-zA-Z]{2,}|[<>=~])[^$]{0,60}?)(?<=[^\s\\])\$)"
)
_PARENS = re.compile(r"\\\((.{1,1000}?)\\\)|\\\[(.{1,1000}?)\\\]", re.S)
_QUOTED = re.compile(r"``(?=\S)([^`']{1,300}?)''")
_SPACES = re.compile(r"\s+")
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
#: Powers outside formulas: "C^2DLM", "10^-3 m", "^{13}C".
_BARE_POWER = re.compile(r"(?<=[\w)\]])\^(-?\d{1,4}|[+-](?!\w))|\^\{([0-9+\-=()n]{1,8})\}")
_BARE_INDEX = re.compile(r"(?<=[\w)\]])_\{([0-9+\-=()n]{1,8})\}")
_LOWERED = str.maketrans("0123456789+-=()n", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙ")
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
#: Fences grow and shrink with what is between them; a dot is none.
_FENCE = re.compile(
    r"\\(?:left|right|middle|[bB]ig{1,2}[lrm]?)(?![a-zA-Z])\s*(?:\.|(?=[\\()\[\]|/<>]))"
)
_OPERATOR = re.compile(
    r"(?<=[\w)\]}])\s*"
    r"(?=\\(?:log|ln|exp|sin|cos|tan|max|min|sup|inf|lim|det|dim|ker|gcd|arg|Pr)(?![a-zA-Z]))"
)
_TWO_WAYS = re.compile(r"\\texorpdfstring\s*\{")
_COMMAND = re.compile(r"\\([a-zA-Z]{2,})")
#: A command with an argument that no table knows.
_WITH_ARGUMENT = re.compile(r"\\([a-zA-Z]{2,30})\*?(?=\{[^}])")

#: Macros that only change how their argument looks.
_SHOWN = frozenset(
    """bm boldsymbol ensuremath emph fbox hbox mathbf mathbin mathit mathop mathord mathrel mathrm
    mathsf mathtt mbox nolinkurl num overbrace overline pmb text textbf textit textmd textnormal
    textrm textsc textsf textsl texttt textup uline underbrace underline url widehat
    widetilde""".split()  # noqa: SIM905  (a list would be longer than the words)
)
#: Macros whose argument is not part of what is said.
_DROPPED = (
    "footnotemark",
    "thanks",
    "label",
    "ref",
    "eqref",
    "hphantom",
    "phantom",
    "vphantom",
    "hspace",
    "vspace",
)
#: Macros with two arguments, and how they are written.
_PAIRS = {
    "underset": "%(2)s_%(1)s",
    "overset": "%(2)s^%(1)s",
    "stackrel": "%(2)s^%(1)s",
    "binom": "(%(1)s choose %(2)s)",
    "tbinom": "(%(1)s choose %(2)s)",
    "dfrac": "%(1)s/%(2)s",
    "tfrac": "%(1)s/%(2)s",
    "nicefrac": "%(1)s/%(2)s",
    "href": "%(2)s",
    "SI": "%(1)s %(2)s",
    "qty": "%(1)s %(2)s",
}
_WRITTEN = {
    "lvert": "|",
    "rvert": "|",
    "lVert": "‖",
    "rVert": "‖",
    "|": "‖",
    "xspace": "",
    "ell": "ℓ",
}
_WRITTEN |= {"xrightarrow": "→", "xleftarrow": "←"}
_UNITS = {"meter": "m", "second": "s", "kelvin": "K", "hertz": "Hz", "percent": "%"}
_UNITS |= {"deg": "°", "degree": "°", "celsius": "°C"}


def _quick(grammar: Any) -> Callable[..., Any]:
    """A test for "``" and the like that looks at one character first; most are none of these."""
    slow, first = (
        grammar.test_for_specials,
        {spec.specials_chars[0] for spec in grammar.iter_specials_specs()},
    )

    def test(text: str, position: int, parsing_state: Any = None) -> Any:
        return slow(text, position, parsing_state) if text[position] in first else None

    return test


def script(mark: str, text: str) -> str:
    """A power ("^") or an index ("_") in small characters where there are some, else behind its
    mark.
    """
    if text and not text.strip("0123456789+-=()n−"):
        return text.replace("−", "-").translate(_RAISED if mark == "^" else _LOWERED)
    return f"{mark}{text}" if text else ""


def _raised(node: Any, l2tobj: Any) -> str:
    return script("^", l2tobj.nodelist_to_text(node.nodeargd.argnlist))


def _lowered(node: Any, l2tobj: Any) -> str:
    return script("_", l2tobj.nodelist_to_text(node.nodeargd.argnlist))


_macros = get_default_latex_context_db()
_macros.add_context_category(
    "papers",
    prepend=True,
    macros=[
        *(MacroTextSpec(name, simplify_repl="%s") for name in _SHOWN),
        *(MacroTextSpec(name, simplify_repl="") for name in _DROPPED),
        *(MacroTextSpec(name, simplify_repl=pattern) for name, pattern in _PAIRS.items()),
        *(MacroTextSpec(name, simplify_repl=text) for name, text in (_WRITTEN | _UNITS).items()),
        MacroTextSpec("textsuperscript", simplify_repl=_raised),
        MacroTextSpec("textsubscript", simplify_repl=_lowered),
        MacroTextSpec("operatorname", simplify_repl="%(2)s"),
        MacroTextSpec("mathds", simplify_repl="%s"),
        MacroTextSpec("pmod", simplify_repl=" (mod %s)"),
        *(
            MacroTextSpec(switch, discard=True)
            for switch in ("it", "bf", "em", "rm", "sc", "sf", "sl", "tt", "cal")
        ),
    ],
)
_UNKNOWN = MacroTextSpec("", simplify_repl=lambda node: "\\" + node.macroname)
_macros.set_unknown_macro_spec(_UNKNOWN)
_grammar = get_grammar()
_grammar.add_context_category(
    "papers",
    prepend=True,
    macros=[
        *(std_macro(name, "{") for name in _SHOWN),
        *(std_macro(name, "{") for name in _DROPPED if name != "footnotemark"),
        *(std_macro(name, "{") for name in ("textsuperscript", "textsubscript", "mathds", "pmod")),
        std_macro("operatorname", "*{"),
        *(std_macro(name, "{{") for name in _PAIRS),
    ],
)
_grammar.test_for_specials = _quick(_grammar)
_NAMED = frozenset(spec.macroname for spec in _macros.iter_macro_specs()) | frozenset(
    spec.macroname for spec in _grammar.iter_macro_specs()
)
logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it complains about every odd formula


def without_latex(text: str) -> str:
    """Write formulas, accents and simple macros in Unicode; leave alone what is not LaTeX or cannot
    be read.
    """
    if "``" in text:
        text = _QUOTED.sub("“\\1”", text)
    if "\\" in text:
        text = _PARENS.sub(lambda f: f"${f[1].strip()}$" if f[1] else f"$${f[2]}$$", text)
        text = _one_way(text)
    if "$" in text or "\\" in text:
        done, parts = 0, []
        for formula in _FORMULA.finditer(text):
            parts.append(_plain(text[done : formula.start()]))
            parts.append(_formula(formula["display"] or formula["inline"] or formula["command"]))
            done = formula.end()
        parts.append(_plain(text[done:]))
        text = "".join(parts)
    if "^" in text:
        text = _BARE_POWER.sub(lambda found: script("^", found[1] or found[2]), text)
    return _BARE_INDEX.sub(lambda found: script("_", found[1]), text) if "_{" in text else text


def _one_way(text: str) -> str:
    """Of what is written both for print and for bookmarks, the second."""
    while found := _TWO_WAYS.search(text):
        first = _closing(text, found.end() - 1)
        second = _closing(text, first + 1) if text[first + 1 : first + 2] == "{" else -1
        if first < 0 or second < 0:
            break
        text = text[: found.start()] + text[first + 2 : second] + text[second + 1 :]
    return text


def _closing(text: str, opening: int) -> int:
    """The place of the brace that closes the one at `opening`, or -1."""
    depth = 0
    for place in range(opening, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return place
    return -1


@lru_cache(maxsize=4096)  # an abstract says "$n$" and "$\\times$" again and again
def _formula(source: str) -> str:
    def small(match: re.Match[str]) -> str:
        return (match[2] or match[3]).translate(_RAISED if match[1] == "^" else _LOWERED)

    source = _OPERATOR.sub(r"\\ ", _FENCE.sub("", source))
    # A command that no table knows is shown by its name.
    return _COMMAND.sub(r"\1", _convert(_SCRIPTS.sub(small, source)))


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
    escaped = _WITH_ARGUMENT.sub(lambda found: found[0] if found[1] in _NAMED else "", escaped)
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
