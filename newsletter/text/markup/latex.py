"""LaTeX as Unicode: formulas, accents and the macros that papers' titles and abstracts hold."""

import re
from functools import lru_cache

from pylatexenc.latex2text import LatexNodes2Text

from newsletter.text.markup.latex_macros import GRAMMAR, MACROS, NAMED, script, small_script

#: Pandoc's rule for a formula between dollars: no space inside the fences, no digit after the
#: closing one. So "$5 and $10" is money. What begins with a command or holds nothing but signs,
#: commands and single letters is a formula in any case.
_FORMULA = re.compile(
    r"(?<!\\)(?:\$\$(?P<display>[^$]{1,1000})\$\$|"
    r"\$(?=[^\s$])(?P<inline>[^$]{1,1000}?)(?<=[^\s\\])\$(?!\d)|"
    r"\$(?P<command>(?:\\[a-zA-Z]{2,}|[<>=~])[^$]{0,60}?)(?<=[^\s\\])\$|"
    r"\$(?P<short>[^\s$\d][^\s$]{0,12})(?<!\\)\$(?=\d)|"
    r"\$(?P<loose>\s*(?=[^$]{0,300}\\[a-zA-Z]|[<>=~]|[^\s$\d.,][^$\s]{0,20}\s\$)"
    r"(?:\\[a-zA-Z]+\*?|\\[^a-zA-Z]|[^$\\a-zA-Z]|(?<![a-zA-Z])[a-zA-Z]{1,3}(?![a-zA-Z])|"
    r"(?<=\{)[a-zA-Z]+(?=\})){1,300}?)(?<!\\)\$)"
)
_PARENS = re.compile(r"\\\((.{1,1000}?)\\\)|\\\[(.{1,1000}?)\\\]", re.S)
_DISPLAY = re.compile(
    r"\\begin\{(equation|align|gather|multline|eqnarray|displaymath)(\*?)\}(.{1,1000}?)"
    r"\\end\{\1\2\}",
    re.S,
)
_MATRIX = re.compile(
    r"\\begin\{((?:small|[pbvBV])?matrix|array|cases)\}(?:\{[^{}]*\})?(.{1,1000}?)\\end\{\1\}", re.S
)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[a-zA-Z]+\*?\}(?:\[[^\[\]]*\])?")
_QUOTED = re.compile(r"``(?=\S)([^`'\"]{1,300}?)(?:''|\"|”)")
_QUOTED_ONCE = re.compile(r"(?<![\w`\\])`(?=[^\s`])((?:[^`'\n]|(?<=\w)'(?=\w)){1,200}?)'(?![\w'])")
_DASHES = re.compile(r"(?<!-)(-{2,3})(?![->])")
#: A tie between words; "z~5" and "~4x" say "about".
_TIE = re.compile(
    r"(?<=\d)~(?=[^\W\d_]|\\)|(?<=[A-Za-z]\.)~(?=[\w\[(\\$])|(?<=[^\W\d_]{2})~(?=[A-Z(\[\\$])|"
    r"(?<=[\w.$)])~(?=\s)|(?<=\s)~(?=[^\W\d_])|(?<=\$)~(?=[^\W\d_])|(?<=\w)~(?=[^\w\s~.,/<>])"
)
_TIE_TO_NUMBER = re.compile(r"(\b(?:[A-Z][a-z]{2,}|\d+[A-Z])|(?<=[A-Z])[A-Z](?=~\d{3}))~(?=\d)")
_SPACES = re.compile(r"\s+")
_MACRO = re.compile(r"\\[a-zA-Z]+|\\[^a-zA-Z\s]")
_MACRO_SPACE = re.compile(r"(\\[a-zA-Z]+) (?=\\)")
_CONTROL_SPACE = re.compile(r"(?<=[.,)\]])\\ (?=\S)")
_THIN_SPACE = re.compile(r"\\[,;:!] ?(?=[.,;:)!])|\\! ?")
#: Letters that swallow the space behind them: "Bj\o rn".
_LETTER = re.compile(r"(?<!\d)(?<!\d\s)\\(o|O|l|L|ae|AE|oe|OE|aa|AA|ss|i|j) +(?=[a-z])")
#: What points to a place in the paper, and notes; but a note's link is the paper's code.
_POINTER = re.compile(
    r"[ ~]?\\(?:[cC]ite\w{0,12}|(?:eq|page|auto|[cC])?ref|label|footnote(?:mark|text)?|thanks|"
    r"todo)\*?(?:\[[^\[\]]{0,80}\]){0,2}\{(?![^{}]{0,300}https?:)[^{}]{0,300}\}"
)
#: Styles, sizes and kerning, which say nothing.
_SWITCH = re.compile(
    r"\\(?:it|bf|em|rm|sc|sf|sl|tt|cal|(?:bf|md)series|(?:it|sl|sc|up)shape|(?:tt|sf|rm)family|"
    r"normalfont|tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge|"
    r"(?:display|text|script)style|(?:no)?limits|centering|noindent|newline|linebreak|par)"
    r"(?![a-zA-Z])\s*|\\(?:m?kern|m?hskip)\s*-?[\d.]+\s*(?:mu|em|ex|pt)\s*"
)
_SWITCHED = re.compile(r"(\\[a-zA-Z]+\*?)?\{((?:\\[a-zA-Z]+\s*)?\$[^$]{1,300}\$)\}")
#: Groups inside each other. pylatexenc tries twice as long for each that is not closed.
_MOST_DEEP = 8
_BRACKET = re.compile(r"(?<!\\)[{}\[\]]")
_SPECIAL = re.compile(r"(?<!\\)([%&#$])")
_LITERAL = re.compile(r"(?<!\\)(?:(~)|(-)(?=-)|([!?])(?=`))")
_ESCAPE = re.compile(r"\\([%&#$_])")
_TEX = re.compile(r"[\\{}~`]|--|''")
#: A run of prose. pylatexenc looks at every character ten times, so what means nothing to it is
#: kept out of its way, a private character in its place.
_RUN = re.compile(r"(?:[A-Za-z0-9,.;:()/ ]|(?<!-)-(?!-)){24,}")
_FIRST_MARK, _MARKS = 0xF0000, re.compile("[\U000f0000-\U000ffffd]")
_SCRIPT = re.compile(r"([_^])\s*\{")
_SHORT_SCRIPT = re.compile(r"([_^])(-\d+|[0-9+\-])")
_WORDS_OF_SCRIPT = re.compile(r"\\(?:text|math|oper)[a-z]*\*?\s*\{[^{}]*\}")
_STYLED = re.compile(r"\\(?:text|math)[a-z]*\{([^{}]*)\}")
_STYLED_SCRIPT = re.compile(r"([_^])\s*(\\(?:text|math)[a-z]*\{[^{}]*\})")
_OPERATION = re.compile(
    r"[-+=/<>^]|\\(?:times|cdot|pm|mp|le|ge|leq|geq|in|to|sim|approx|rightarrow|otimes|oplus)\b"
)
_FACTOR = re.compile(r"[+-]|\d+(?:\.\d+)?\s*[a-zA-Z\\]")
_ONE = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\w|\\[a-zA-Z]+)")
#: Powers outside formulas: "C^2DLM", "10^-3 m", "^{13}C".
_BARE_POWER = re.compile(
    r"(?<=[\w)\]])\^(-?\d{1,4}(?!\d|\.\d)|[+-](?!\w))|\^\{([0-9+\-=()n]{1,8})\}|"
    r"(?<=[\w)\]])\^\{([^{}\s]{1,20})\}"
)
_BARE_INDEX = re.compile(r"(?<=[\w)\]])_\{([^{}\s]{1,20})\}")
#: Braces that only keep capitals or an accent, as BibTeX wants them.
_PROTECTED = re.compile(
    r"(?<=[^\W\d_])\{([^\W_]{1,40})\}|(?<![\^_])\{([^\W_]{1,40})\}(?=[^\W\d_])|"
    r"(?<![\^_])\{([A-Za-z-]{2,}(?: [A-Za-z-]{2,})+)\}|"
    r"(?<![\^_])\{((?=[^{}]*[A-Z][^{}]*[A-Z])[A-Z0-9][\w-]{1,30})\}"
)
#: What stands raised by its nature is no power.
_RAISED_MARK = re.compile(r"(?<=\S)\^ ?([*∗⋆∘°†‡®™©]|[′']+)")
_ORDINAL = re.compile(r"(?<=\d)\^ ?(st|nd|rd|th)\b")
_DEGREES = re.compile(r"\^\s*(?:\\circ(?![a-zA-Z])|\{\\circ\})")
_PRIMES = re.compile(r"(?<=[\w\]})])\^?\{?('{1,3})\}?")
#: Fences grow and shrink with what is between them; a dot is none.
_FENCE = re.compile(
    r"\\(?:left|right|middle|[bB]ig{1,2}[lrm]?)(?![a-zA-Z])\s*(?:\.|(?=[\\()\[\]|/<>]))"
)
_OPERATOR = re.compile(
    r"(?<=[\w)\]}])\s*"
    r"(?=\\(?:log|ln|exp|sin|cos|tan|max|min|sup|inf|lim|det|dim|ker|gcd|arg|Pr)(?![a-zA-Z]))"
)
_STYLE = re.compile(r"\\(?:emph|text[a-z]+|math[a-z]+|mbox|underline)\s*\{")
_TWO_WAYS = re.compile(r"\\texorpdfstring\s*\{")
_COMMAND = re.compile(r"\\([a-zA-Z]{2,})")
#: A command with an argument that no table knows.
_WITH_ARGUMENT = re.compile(r"\\([a-zA-Z]{2,30})\*?(?:\[[^\[\]]{0,80}\])?(?=\{[^}])")


def without_latex(text: str) -> str:
    """Write formulas, accents and simple macros in Unicode; leave alone what is not LaTeX or cannot
    be read.
    """
    text = _typeset(text)
    if "\\" in text:
        text = _PARENS.sub(lambda f: f"${f[1].strip()}$" if f[1] else f"$${f[2]}$$", text)
        text = _MATRIX.sub(_matrix, _DISPLAY.sub(r"$$\3$$", text))
        text = _unwrapped(_one_way(_ENVIRONMENT.sub(" ", text)))
    if "$" in text:
        text = _SWITCHED.sub(lambda found: found[0] if found[1] else found[2], text)
    done, parts = 0, []
    for formula in _FORMULA.finditer(text) if "$" in text else ():
        parts.append(_prose(text[done : formula.start()]))
        parts.append(_formula(next(found for found in formula.groups() if found).strip()))
        done = formula.end()
    text = "".join((*parts, _prose(text[done:])))
    return _ORDINAL.sub(r"\1", _RAISED_MARK.sub(_mark, text)) if "^" in text else text


def _typeset(text: str) -> str:
    """Quotes, dashes and ties as TeX's users type them."""
    if "`" in text:
        text = _QUOTED_ONCE.sub(r"‘\1’", _QUOTED.sub(r"“\1”", text))
    if "--" in text:
        text = _DASHES.sub(_dash, text)
    return _TIE.sub(" ", _TIE_TO_NUMBER.sub(r"\1 ", text)) if "~" in text else text


def _dash(found: re.Match[str]) -> str:
    """A dash between words or between spaces; "--help" and "C--" are none."""
    before, after = found.string[: found.start()][-3:], found.string[found.end() :][:2]
    dash = "–" if len(found[0]) == 2 else "—"
    if not before or not after:
        return found[0]
    if before[-1].isspace() == after[0].isspace():
        return dash
    if after[0].isspace():  # "an LLM-- a survey"
        return f" {dash}" if before.isalpha() else found[0]
    return f"{dash} " if after.istitle() else found[0]


def _matrix(found: re.Match[str]) -> str:
    rows = found[2].split("\\\\")
    return f"({'; '.join(', '.join(map(str.strip, row.split('&'))) for row in rows)})"


def _mark(found: re.Match[str]) -> str:
    mark = found[1].replace("∘", "°").replace("∗", "*")
    return _primes(mark) if mark[0] in "′'" else mark


def _primes(marks: str) -> str:
    return "′″‴"[min(len(marks), 3) - 1]


def _one_way(text: str) -> str:
    """Of what is written both for print and for bookmarks, the second."""
    while found := _TWO_WAYS.search(text):
        first = _closing(text, found.end() - 1)
        second = _closing(text, first + 1) if text[first + 1 : first + 2] == "{" else -1
        if first < 0 or second < 0:
            break
        text = text[: found.start()] + text[first + 2 : second] + text[second + 1 :]
    return text


def _unwrapped(text: str) -> str:
    """Take styles off whose argument holds formulas: "\\textbf{$\\alpha$ decay}"."""
    place = 0
    while "$" in text and (found := _STYLE.search(text, place)):
        end, place = _closing(text, found.end() - 1), found.start() + 1
        if "$" in (inner := text[found.end() : end]):
            text = text[: found.start()] + inner + text[end + 1 :]
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
    source = _SWITCH.sub("", _FENCE.sub("", _DEGREES.sub("°", source)))
    source = _STYLED_SCRIPT.sub(r"\1{\2}", source)
    source = _PRIMES.sub(lambda found: _primes(found[1]), source)
    source = _OPERATOR.sub(r"\\ ", _THIN_SPACE.sub("", source))
    source = _SHORT_SCRIPT.sub(lambda found: small_script(found[1], found[2]), _extents(source))
    # A command that no table knows is shown by its name.
    return _COMMAND.sub(r"\1", _convert(source)).strip()


def _extents(source: str) -> str:
    """Write powers and indices small, or in parentheses where their end would be in doubt."""
    parts, done = [], 0
    while found := _SCRIPT.search(source, done):
        end = _closing(source, found.end() - 1)
        if end < 0:
            break
        inner = re.sub(r"\A(?:[\s~]|\\[,;:! ])+|[\s~]+\Z", "", source[found.end() : end])
        parts.append(source[done : found.start()] + _script(found[1], _extents(inner)))
        done = end + 1
    return "".join(parts) + source[done:]


def _script(mark: str, inner: str) -> str:
    if not inner:
        return ""
    if small := small_script(mark, inner):
        return small
    if inner.startswith("*") and (small := small_script(mark, inner[1:])):
        return f"*{small}"
    if (styled := _STYLED.fullmatch(inner)) and (small := small_script(mark, styled[1])):
        return small
    said = _WORDS_OF_SCRIPT.sub("x", inner)
    is_alone = _ONE.fullmatch(said) or said.startswith("(")
    is_open = _OPERATION.search(said, 1) or (mark == "^" and _FACTOR.match(said))
    is_open = is_open or (mark == "^" and re.search("[⁰¹²³⁴-⁹ⁿ]", said))
    return f"{mark}{{({inner})}}" if is_open and not is_alone else f"{mark}{{{inner}}}"


def _prose(source: str) -> str:
    if _MACRO.search(source) or "\\ " in source:
        source = _CONTROL_SPACE.sub(" ", _POINTER.sub("", source))
        unescaped = _ESCAPE.sub(r"\1", source)  # most macros in prose are "\%"
        if not _TEX.search(unescaped):
            source = unescaped
        else:
            source = _THIN_SPACE.sub("", _LETTER.sub(r"\\\1{}", _SWITCH.sub("", source)))
            source = _convert(_LITERAL.sub(_as_it_is, source))
    elif "{" in source:
        source = _PROTECTED.sub(lambda found: found[found.lastindex or 0], source)
    if "^" in source:
        source = _BARE_POWER.sub(
            lambda found: script("^", found[1] or found[2] or found[3]), source
        )
    return (
        _BARE_INDEX.sub(lambda found: script("_", found[1]), source) if "_{" in source else source
    )


def _as_it_is(found: re.Match[str]) -> str:
    """What TeX would read as a tie, a dash or a mark, and prose does not."""
    return r"\textasciitilde{}" if found[1] else f"{found[0]}{{}}"


def _is_deep(source: str) -> bool:
    depth = 0
    for bracket in _BRACKET.findall(source):
        depth = depth + 1 if bracket in "{[" else max(0, depth - 1)
        if depth > _MOST_DEEP:
            return True
    return False


def _convert(source: str) -> str:
    if _is_deep(source):
        return source
    # A bare % would start a comment and swallow the rest, a bare & would become a column, a bare $
    # a formula.
    escaped = _SPECIAL.sub(r"\\\1", _SPACES.sub(" ", source))
    # TeX swallows the space between two macros: "a \to \Xi" would become "a →Ξ".
    escaped = _MACRO_SPACE.sub(r"\1\\ ", escaped)
    escaped = _WITH_ARGUMENT.sub(lambda found: found[0] if found[1] in NAMED else "", escaped)
    runs: list[str] = []
    if not _MARKS.search(escaped):
        escaped = _RUN.sub(lambda run: _kept_apart(run[0], runs), escaped)
    # One converter a call: it keeps state, and sources clean in threads.
    converter = LatexNodes2Text(
        latex_context=MACROS,
        math_mode="text",
        keep_comments=True,
        strict_latex_spaces={"between-latex-constructs": True},
    )
    try:
        text = str(converter.latex_to_text(escaped, latex_context=GRAMMAR))
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
