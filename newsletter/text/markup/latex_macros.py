"""Tables of TeX's commands in plain text, used by `latex`."""

import logging
import re
from collections.abc import Callable
from typing import Any

from pylatexenc.latex2text import MacroTextSpec, get_default_latex_context_db
from pylatexenc.latexwalker import get_default_latex_context_db as get_grammar
from pylatexenc.macrospec import std_macro

#: Macros that only change how their argument looks.
_SHOWN = frozenset(
    """bm boldsymbol cancel ce chem emph ensuremath fbox hbox hl lowercase mathbbm mathbf mathbin
    mathit mathop mathord mathrel mathrm mathsf mathtt mbox nolinkurl num overbrace overline pmb si
    sout st text textbf textit textmd textnormal textrm textsc textsf textsl texttt textup uline
    underbrace underline unit uppercase url widehat
    widetilde""".split()  # noqa: SIM905  (a list would be longer than the words)
)
#: Macros whose argument is not part of the text.
_DROPPED = tuple(
    """cite citep citet color eqref footnotemark hphantom hspace label phantom ref thanks
    todo vphantom vspace""".split()  # noqa: SIM905  (as above)
)
#: Macros with two arguments, and how they are written.
_PAIRS = {
    "underset": "%(2)s_%(1)s",
    "overset": "%(2)s^%(1)s",
    "stackrel": "%(2)s^%(1)s",
    "binom": "(%(1)s choose %(2)s)",
    "tbinom": "(%(1)s choose %(2)s)",
    "href": "%(2)s",
    "SI": "%(1)s %(2)s",
    "qty": "%(1)s %(2)s",
}
_FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac")
_WRITTEN = {
    "lvert": "|",
    "rvert": "|",
    "lVert": "‖",
    "rVert": "‖",
    "|": "‖",
    "/": "",
    "xspace": "",
    "ell": "ℓ",
    "xrightarrow": "→",
    "xleftarrow": "←",
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "textunderscore": "_",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "iff": "⟺",
    "implies": "⟹",
    "ddagger": "‡",
    "copyright": "©",
    "pounds": "£",
    "euro": "€",
    "argmax": "argmax",
    "argmin": "argmin",
    "Re": "Re",
    "Im": "Im",
    "ie": "i.e.",
    "eg": "e.g.",
    "etal": "et al.",
    "item": " ",
}
#: Units of siunitx and of astronomers.
_UNITS = {
    "meter": "m",
    "metre": "m",
    "second": "s",
    "kelvin": "K",
    "hertz": "Hz",
    "percent": "%",
    "deg": "°",
    "degree": "°",
    "celsius": "°C",
    "micro": "µ",
    "milli": "m",
    "kilo": "k",
    "giga": "G",
    "volt": "V",
    "watt": "W",
    "gram": "g",
    "arcsec": "″",
    "arcmin": "′",
}
_SIGN = re.compile(r"[-+=/<>≤≥×·±∓→∈∼≈⊗⊕]|\s\S")
_SMALL = re.compile(r"[0-9+\-=()n−]+")
_ONE = re.compile(r"[+\-−]?(?:\d+(?:\.\d+)?|\w)")
_LOWERED = str.maketrans("0123456789+-=()n", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙ")
_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")


def script(mark: str, text: str) -> str:
    """Return a power ("^") or an index ("_") in small characters if possible; else after its mark,
    in parentheses if its end would be unclear.
    """
    if not text:
        return ""
    if small := small_script(mark, text):
        return small
    has_end = bool(_ONE.fullmatch(text)) or not _SIGN.search(text) or text.startswith("(")
    return f"{mark}{text}" if has_end else f"{mark}({text})"


def small_script(mark: str, text: str) -> str:
    """Return small characters, or "" if Unicode does not have all of them."""
    if not _SMALL.fullmatch(text):
        return ""
    return text.replace("−", "-").translate(_RAISED if mark == "^" else _LOWERED)


def _arguments(node: Any) -> list[Any]:
    """Return the arguments that are present; a text that was cut off lacks some."""
    return [part for part in (node.nodeargd.argnlist if node.nodeargd else ()) if part]


def _raised(node: Any, l2tobj: Any) -> str:
    return script("^", l2tobj.nodelist_to_text(_arguments(node)))


def _lowered(node: Any, l2tobj: Any) -> str:
    return script("_", l2tobj.nodelist_to_text(_arguments(node)))


def _fraction(node: Any, l2tobj: Any) -> str:
    parts = [l2tobj.nodelist_to_text([part]).strip() for part in _arguments(node)]
    if len(parts) < 2:
        raise ValueError("a fraction without its parts")
    return "/".join(f"({part})" if _SIGN.search(part) else part for part in parts)


def _root(node: Any, l2tobj: Any) -> str:
    *degree, body = _arguments(node)  # ValueError if the text was cut off before it
    of = l2tobj.nodelist_to_text([body]).strip()
    power = script("^", l2tobj.nodelist_to_text(degree).strip(" []")) if degree else ""
    return f"{power}√{of if of.isalnum() else f'({of})'}"


def _note(node: Any, l2tobj: Any) -> str:
    said = l2tobj.nodelist_to_text(_arguments(node)).strip()
    return f" [{said}]" if "://" in said else ""


def _quick(grammar: Any) -> Callable[..., Any]:
    """A test for "``" and the like that looks at one character first; most are none of these."""
    slow, first = (
        grammar.test_for_specials,
        {spec.specials_chars[0] for spec in grammar.iter_specials_specs()},
    )

    def test(text: str, position: int, parsing_state: Any = None) -> Any:
        return slow(text, position, parsing_state) if text[position] in first else None

    return test


MACROS = get_default_latex_context_db()
MACROS.add_context_category(
    "papers",
    prepend=True,
    macros=[
        *(MacroTextSpec(name, simplify_repl="%s") for name in _SHOWN),
        *(MacroTextSpec(name, simplify_repl="") for name in _DROPPED),
        *(MacroTextSpec(name, simplify_repl=pattern) for name, pattern in _PAIRS.items()),
        *(MacroTextSpec(name, simplify_repl=text) for name, text in (_WRITTEN | _UNITS).items()),
        *(MacroTextSpec(name, simplify_repl=_fraction) for name in _FRACTIONS),
        MacroTextSpec("sqrt", simplify_repl=_root),
        MacroTextSpec("textsuperscript", simplify_repl=_raised),
        MacroTextSpec("textsubscript", simplify_repl=_lowered),
        MacroTextSpec("operatorname", simplify_repl="%(2)s"),
        MacroTextSpec("footnote", simplify_repl=_note),
        MacroTextSpec("textcolor", simplify_repl="%(2)s"),
        MacroTextSpec("mathds", simplify_repl="%s"),
        MacroTextSpec("pmod", simplify_repl=" (mod %s)"),
    ],
)
_UNKNOWN = MacroTextSpec("", simplify_repl=lambda node: "\\" + node.macroname)
MACROS.set_unknown_macro_spec(_UNKNOWN)
GRAMMAR = get_grammar()
GRAMMAR.add_context_category(
    "papers",
    prepend=True,
    macros=[
        *(std_macro(name, "{") for name in _SHOWN),
        *(std_macro(name, "{") for name in _DROPPED if name != "footnotemark"),
        *(std_macro(name, "{") for name in ("textsuperscript", "textsubscript", "mathds", "pmod")),
        std_macro("operatorname", "*{"),
        *(std_macro(name, "{{") for name in (*_PAIRS, *_FRACTIONS, "textcolor")),
    ],
)
GRAMMAR.test_for_specials = _quick(GRAMMAR)
NAMED = frozenset(spec.macroname for spec in MACROS.iter_macro_specs()) | frozenset(
    spec.macroname for spec in GRAMMAR.iter_macro_specs()
)
logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it logs every unusual formula
