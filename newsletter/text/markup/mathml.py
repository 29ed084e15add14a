"""MathML as one line of text: "<msup><mi>x</mi><mn>2</mn></msup>" is "x²".

Powers and indices of digits become small digits; others follow "^" and "_", as in LaTeX.
"""

import re
from collections.abc import Callable, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from newsletter.text.markup.latex_macros import script
from newsletter.text.markup.references import escaped_bare, resolved

#: The elements of MathML, which come without a prefix in HTML.
NAMES = (
    "math|mi|mn|mo|ms|mtext|mspace|mrow|mfrac|msqrt|mroot|mstyle|merror|mpadded|mphantom|mfenced|"
    "menclose|msub|msup|msubsup|munder|mover|munderover|mmultiscripts|mprescripts|none|mtable|mtr|"
    "mtd|mlabeledtr|maction|semantics|annotation|annotation-xml"
)
#: From a beginning to the end that follows it; another beginning between them is the one.
_FORMULA = re.compile(
    r"<(?:\w+:)?math\b[^<>]*>[^<]*+(?:<(?!/?(?:\w+:)?math\b)[^<]*+)*+</(?:\w+:)?math\s*>", re.I
)
_PREFIX = re.compile(r"(</?)\w+:(?=[a-z])")
_ATTRIBUTES = re.compile(r"(<[\w:-]+)\s[^<>]*?(/?>)")
_TEX = re.compile(r"<tex-math\b[^<>]*>[^<]*+(?:<(?!/?tex-math\b)[^<]*+)*+</tex-math\s*>", re.I)
_TEX_BODY = re.compile(r"\\begin\{document\}(.*?)\\end\{document\}", re.S)
_ACCENTS = {
    "¯": "\u0304",
    "‾": "\u0304",
    "^": "\u0302",
    "ˆ": "\u0302",
    "~": "\u0303",
    "˜": "\u0303",
}
_ACCENTS |= {
    "→": "\u20d7",
    "⃗": "\u20d7",
    "˙": "\u0307",
    ".": "\u0307",
    "¨": "\u0308",
    "_": "\u0331",
}
_DROPPED = frozenset(("annotation", "annotation-xml", "mphantom", "none", "mprescripts"))


def without_mathml(text: str) -> str:
    """Return text with each formula as text. One that cannot be read is left unchanged; `tags`
    removes it.
    """
    if "tex-math" in text:  # JATS gives a formula twice, as TeX and as MathML
        text = _TEX.sub("" if _FORMULA.search(text) else _tex_formula, text)
    return _FORMULA.sub(_written, text)


def _tex_formula(found: re.Match[str]) -> str:
    body = _TEX_BODY.search(found[0])
    return body[1] if body else found[0]


def _written(found: re.Match[str]) -> str:
    # Prefixes and attributes mean nothing here, and an undeclared prefix would be an error.
    source = _ATTRIBUTES.sub(r"\1\2", _PREFIX.sub(r"\1", found[0]))
    source = re.sub(r"&(?!amp;|lt;|gt;|quot;)[^;\s]+;", lambda named: resolved(named[0]), source)
    try:
        source = escaped_bare(source)
        root = ElementTree.fromstring(source)  # noqa: S314  (no DOCTYPE can stand here)
        written = _text(root)
    except (ElementTree.ParseError, RecursionError, ValueError):
        return found[0]
    return written.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(element: Element) -> str:
    name = element.tag.lower()
    if name in _DROPPED:
        return ""
    rule = _RULES.get(name)
    if rule and len(element) >= rule[0]:
        return rule[1]([_text(child) for child in element])
    if name == "mmultiscripts":
        return _multiscripts(list(element))
    if len(element) == 0:
        text = element.text or ""
        return text if name == "mtext" else " ".join(text.split())
    parts = [_text(child) for child in element]
    if name in ("mtable", "mtr"):
        return ("; " if name == "mtable" else ", ").join(parts)
    return f"({', '.join(parts)})" if name == "mfenced" else "".join(parts)


def _grouped(text: str) -> str:
    return text if len(text) == 1 or text.isalnum() else f"({text})"


def _over(parts: Sequence[str]) -> str:
    accent = _ACCENTS.get(parts[1])
    return f"{parts[0]}{accent}" if accent else parts[0] + script("^", parts[1])


def _multiscripts(children: Sequence[Element]) -> str:
    """Return indices of both sides: a base, pairs of (lower, upper) after it, then pairs
    before it.
    """
    before, after, place = "", "", 0
    is_before = False
    for child in children[1:]:
        if child.tag.lower() == "mprescripts":
            is_before, place = True, 0
            continue
        written = script("_^"[place % 2], _text(child))
        place += 1
        before, after = (before + written, after) if is_before else (before, after + written)
    return before + (_text(children[0]) if children else "") + after


_RULES: dict[str, tuple[int, Callable[[Sequence[str]], str]]] = {
    "msup": (2, lambda p: p[0] + script("^", p[1])),
    "msub": (2, lambda p: p[0] + script("_", p[1])),
    "msubsup": (3, lambda p: p[0] + script("_", p[1]) + script("^", p[2])),
    "munderover": (3, lambda p: p[0] + script("_", p[1]) + script("^", p[2])),
    "munder": (2, lambda p: p[0] + script("_", p[1])),
    "mover": (2, _over),
    "mfrac": (2, lambda p: f"{_grouped(p[0])}/{_grouped(p[1])}"),
    "msqrt": (1, lambda p: f"√{_grouped(''.join(p))}"),
    "mroot": (2, lambda p: f"{script('^', p[1])}√{_grouped(p[0])}"),
}
