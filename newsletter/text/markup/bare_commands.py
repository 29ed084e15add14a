"""Commands of TeX without their backslash, as Hugging Face's abstracts hold them: "8timesA800",
"360^circ", "mathcal{O}(n)".

Only what cannot be a word is read: a name between digits, or before a brace.
"""

import re

_DEGREES = re.compile(r"\^\{?circ(?![a-z])\}?|\^\{?circ(?=times)\}?")
_TIMES = re.compile(r"(?<=[\d°])times(?![a-z])|(?<=[\d°])times(?=sim\d)")
_ABOUT = re.compile(r"(?<![A-Za-z])sim(?=\d)(?!\d+[a-z]{2})|(?<=[\d×])sim(?=\d)")
_SIGNS = {"leq": "≤", "geq": "≥", "cdot": "·", "pm": "±"}
_SIGN = re.compile(r"(?<![A-Za-z\\])(leq|geq|pm)(?= ?\d)|(?<= )(cdot)(?= )")
_STYLED = re.compile(r"(?<![A-Za-z\\])(math(?:cal|bb|bf|rm|sf|frak)|text(?:it|bf|tt|sc|sf))(?=\{)")
#: A link and its text, of which "\href" is gone.
_LINK_TWICE = re.compile(r"(https?://[^\s{}]+?)/?\}?\{\1/?\}")
_LINK_AND_WORDS = re.compile(r"(https?://[^\s{}]+)\{([^{}]{1,80})\}\$?")


def with_backslashes(text: str) -> str:
    """Write signs as they are and give the other commands their backslash back."""
    text = _TIMES.sub("×", _DEGREES.sub("°", text))
    text = _SIGN.sub(lambda found: _SIGNS[found[1] or found[2]], _ABOUT.sub("∼", text))
    text = _STYLED.sub(lambda found: f"\\{found[1]}", text)
    # A formula, so that its letters are of the alphabet that is meant.
    text = re.sub(r"\\math\w+\{[^{}]*\}", lambda found: f"${found[0]}$", text)
    return _LINK_AND_WORDS.sub(r"\1 (\2)", _LINK_TWICE.sub(r"\1", text))
