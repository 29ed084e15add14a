"""Characters by their names, as exports of bioRxiv and medRxiv write them: "{beta}-catenin",
"{+/-} 2", "[&ge;] 5".
"""

import re
import unicodedata

_SYMBOLS = {
    "+/-": "±",
    "-/+": "∓",
    "angstrom": "Å",
    "approx": "≈",
    "approximately": "≈",
    "bullet": "•",
    "cong": "≅",
    "dagger": "†",
    "deg": "°",
    "degree": "°",
    "degrees": "°",
    "divided by": "÷",
    "ell": "ℓ",
    "equiv": "≡",
    "ge": "≥",
    "infinity": "∞",
    "infty": "∞",
    "le": "≤",
    "micro": "µ",
    "middle dot": "·",
    "ne": "≠",
    "per thousand": "‰",
    "permil": "‰",
    "prime": "′",
    "proportional": "∝",
    "surd": "√",
    "times": "×",
}
_NAMED = re.compile(r"(\\[A-Za-z]{1,30}\*?|[_^])?\{([A-Za-z+/\- ]{2,16})\}")
_BOXED = re.compile(r"\[(&\w+;|[~≥≤≈±→←↔×·°µ≠]|->|<-|-&gt;|&lt;-|>=|<=)\]")
_ARROWS = {"->": "→", "<-": "←", "-&gt;": "→", "&lt;-": "←", ">=": "≥", "<=": "≤"}


def without_braced_names(text: str) -> str:
    """Write named characters as themselves; braces that hold something else stay."""
    if "{" in text:
        text = _NAMED.sub(_character, text)
    return _BOXED.sub(lambda box: _ARROWS.get(box[1], box[1]), text) if "[" in text else text


def _character(found: re.Match[str]) -> str:
    name = found[2]
    if found[1]:  # the argument of a command
        return found[0]
    if name.lower() in _SYMBOLS:
        return _SYMBOLS[name.lower()]
    size = "CAPITAL" if name[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")
    except KeyError:
        return found[0]
