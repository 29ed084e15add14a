"""Whether two titles mean the same. Pure; `identity` uses it.

A title becomes plain words: no case, accents, markup, LaTeX or punctuation. Two titles are compared
word by word in their order, so that a number, a "not", a "Part II" or a swapped "text to image" is
always a difference.
"""

import html
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, Levenshtein

#: Titles are cut at this length before they are compared; sources cut at 300 already.
_MAX_CHARS = 600


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Words that do not change the meaning of a title. "without", "not", "against" are not among them.
_SMALL = _set("a an and as at by for from in its of on the to using via with")
#: A title of only these words names a kind of text, not a text: every volume has it.
_GENERIC = _set(
    """
    abstract abstracts acknowledgement acknowledgements acknowledgment acknowledgments address
announcement
    announcements author authors back board book books brief calendar call chair chairs charter
column comment comments
    commentary communication communications conference contents contributors correction corrections
correspondence
    corrigendum cover discussion editor editorial editors errata erratum foreword forthcoming front
guest highlights in
    index influential information interview introduction introductory invited issue journal keynote
letter letters list
    masthead matter meeting message minutes news note notes number obituary opening overview panel
paper papers preface
    president proceedings program programme publisher readers reminiscences reply report reports
research response
    retraction review reviewer reviewers reviews s scope section special spotlight statement
summary supplement
    symposium table this treasurer treasurers untitled volume welcome workshop
    january february march april may june july august september october november december
    """
)
#: Words that make the longer of two titles another text when they are added.
_ADDITIONS = _set(
    """
    addendum appendix book comment comments correction corrigendum demo demonstration discussion
erratum extended
    keynote part poster rejoinder reply response retracted retraction revisited supplement
supplementary supporting
    tutorial update updated volume withdrawn
    """
)
#: Words of texts that answer or correct another one, and negations.
_TELLING = _set(
    """
    addendum against comment comments corrigendum correction errata erratum no non not rejoinder
reply response
    retracted retraction revisited withdrawn without
    """
)
#: Prefixes that change a word into another one, "" included.
_PREFIXES = (
    "",
    *_set(
        """
        ab ad an anti auto bi co de di dis down en ex extra hetero homo hyper hypo im in infra
inter intra iso macro
        meso meta micro mono multi nano non out over para peri poly post pre pseudo re semi sub
super supra sym syn
        trans ultra un under uni up
        """
    ),
)
#: How proceedings mark short forms: "(panel session)", "(demo abstract)". Not all bibliographies
#: have them.
_KINDS = _set("abstract demo demonstration description experience panel paper session tutorial")
_LATEX_STYLE = re.compile(
    r"\\(?:text(?:bf|it|rm|sc|sf|tt|normal|up)?|emph|math(?:bf|bb|cal|frak|"
    r"it|rm|sf|scr|tt)|bm|boldsymbol|ensuremath|hbox|it"
    r"|left|mbox|operatorname|right|rm|sc|small|tt|bf|em|mathop|underline|"
    r"url|href|overline|widehat|widetilde|hat|bar)\b"
)
#: Accents as LaTeX writes them: \'e, \"{o}, \c{c}, \v s.
_LATEX_ACCENT = re.compile(r"""\\(?:['"`^~=.]|[cvuHkrtbd](?=[{\s]))\s*\{?(\w)\}?""")
_LATEX_WORD = re.compile(r"\\([A-Za-z]+)\s*")
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "æ": "ae",
        "œ": "oe",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ı": "i",
        "ħ": "h",
        "&": " and ",
        "α": " alpha ",
        "β": " beta ",
        "γ": " gamma ",
        "δ": " delta ",
        "ε": " epsilon ",
        "ϵ": " epsilon ",
        "ζ": " zeta ",
        "η": " eta ",
        "θ": " theta ",
        "ϑ": " theta ",
        "ι": " iota ",
        "κ": " kappa ",
        "λ": " lambda ",
        "μ": " mu ",
        "ν": " nu ",
        "ξ": " xi ",
        "π": " pi ",
        "ρ": " rho ",
        "σ": " sigma ",
        "ς": " sigma ",
        "τ": " tau ",
        "υ": " upsilon ",
        "φ": " phi ",
        "ϕ": " phi ",
        "χ": " chi ",
        "ψ": " psi ",
        "ω": " omega ",
        "∞": " infty ",
        "ℓ": " ell ",
    }
)
_VARIANTS = {"varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta"}
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,60}>")
_APOSTROPHE = re.compile(r"(?<=\w)['’ʼ`´](?=\w)")
_BOUNDARY = re.compile(r":\s|\s[-–—]+\s|[—–]|[.?!]\s|\(")
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+")


class Likeness(IntEnum):
    """How much two titles agree."""

    DIFFERENT = 0
    PART = 1  #: one has a subtitle that the other lacks
    NEAR = 2  #: typing errors, spelling, small words
    SAME = 3  #: the same letters in the same order


@dataclass(frozen=True, slots=True)
class Title:
    text: str
    words: tuple[str, ...]
    content: tuple[str, ...]  #: the words without small ones
    compact: str  #: all letters, no spaces: "pre-training" and "pretraining" are the same

    @property
    def breaks(self) -> tuple[int, ...]:
        """Return how many words are before each boundary (":", " - ", ". ", "(")."""
        before = (
            len(plain_words(self.text[: boundary.end()]))
            for boundary in _BOUNDARY.finditer(self.text)
        )
        return tuple(n for n in before if 0 < n < len(self.words))

    @property
    def is_generic(self) -> bool:
        """Return whether it names a kind of text ("Guest editorial", "Book reviews"), or
        nothing.
        """
        return all(word in _GENERIC or word.isdigit() for word in self.content)


@lru_cache(maxsize=16384)
def title_of(text: str) -> Title:
    """Read a title. Notation of sources and LaTeX is removed; Greek letters are spelled out."""
    text = text[:_MAX_CHARS]
    words = plain_words(text)
    return Title(text, words, tuple(word for word in words if word not in _SMALL), "".join(words))


def plain_words(text: str) -> tuple[str, ...]:
    """Return any text as plain lower-case words without accents."""
    if "&" in text:
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub("", text)
    if "\\" in text:
        text = _LATEX_ACCENT.sub(r"\1", _LATEX_STYLE.sub("", text))
        text = _LATEX_WORD.sub(
            lambda m: f" {_VARIANTS.get(m[1], m[1])} " if len(m[1]) > 2 else m[1], text
        )
    if "{" in text or "$" in text:
        text = re.sub(r"[{}$]", "", text)
    text = _APOSTROPHE.sub("", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
        text = "".join(c for c in text if not unicodedata.combining(c)).translate(_LETTERS)
    return tuple(_WORD.findall(text.casefold()))


def compare(a: Title, b: Title) -> Likeness:
    """Return how much two titles agree; the order of the two does not matter."""
    if a.compact == b.compact:
        return Likeness.SAME
    a, b = _sorted(a, b)
    slips = _slips(a.words, b.words)
    if slips is not None and slips <= max(1, len(a.words) // 4):
        return Likeness.NEAR
    longer, shorter = (b, a) if len(b.compact) > len(a.compact) else (a, b)
    return Likeness.PART if _is_part(shorter, longer) else Likeness.DIFFERENT


def _sorted(a: Title, b: Title) -> tuple[Title, Title]:
    """Return two titles in a fixed order, because alignments depend on it."""
    return (a, b) if (len(a.words), a.words) <= (len(b.words), b.words) else (b, a)


def _is_part(shorter: Title, longer: Title) -> bool:
    """Return whether one is the other's main title, and the rest announces no other text."""
    end = next(iter(longer.breaks), 0)
    main, extra = longer.words[:end], longer.words[end:]
    if not main or _slips(shorter.words, main) is None:
        return False
    return not any(word in _ADDITIONS or not word.isalpha() or _is_roman(word) for word in extra)


def _is_roman(word: str) -> bool:
    return set(word) <= set("ivx")


def _slips(a: tuple[str, ...], b: tuple[str, ...]) -> int | None:
    """Return the number of places where two titles differ in spelling only; None when they differ
    in meaning.
    """
    slips = 0
    for left, right in _differences(a, b):
        left, right = (tuple(word for word in side if word not in _SMALL) for side in (left, right))
        if "".join(left) == "".join(right):
            continue
        if len(left) != len(right) or not all(map(_is_misspelling, left, right)):
            return None
        slips += len(left)
    return slips


def _differences(
    a: tuple[str, ...], b: tuple[str, ...]
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the stretches between common words, in order."""
    found: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    was_equal = True
    for step in Levenshtein.opcodes(a, b):
        if step.tag == "equal":
            was_equal = True
            continue
        left, right = a[step.src_start : step.src_end], b[step.dest_start : step.dest_end]
        if was_equal:
            found.append((left, right))
        else:
            found[-1] = (found[-1][0] + left, found[-1][1] + right)
        was_equal = False
    return found


def _is_misspelling(a: str, b: str) -> bool:
    """Return whether two words are one word, spelled or inflected differently.

    They must share their beginning: "macroscopic" and "microscopic", "hypotension" and
    "hypertension" differ by one or two letters of the prefix and mean different things.
    """
    if min(len(a), len(b)) < 5 or a[:4] != b[:4] or not (a + b).isalpha():
        return False
    return OSA.distance(a, b) <= (1 if min(len(a), len(b)) < 9 else 2)


def ratio(a: Title, b: Title) -> float:
    """Return how similar two titles look, 0 to 100, when either may be misread, cut short or mixed
    with a venue.

    An end may be missing anywhere, a beginning only at a boundary ("XTrie: …", "A. Levy. …"):
    "Mining rules" is not "Fast algorithms for mining rules".
    """
    if _contradict(*_sorted(a, b)):
        return 0.0
    return max(_ratio(left, right) for left in _beginnings(a) for right in _beginnings(b))


def _ratio(a: str, b: str) -> float:
    whole = fuzz.ratio(a, b)
    size = min(len(a), len(b))
    cut = fuzz.ratio(a[:size], b[:size]) if size >= 15 else 0.0
    return max(whole, 0.95 * cut)


def _contradict(a: Title, b: Title) -> bool:
    """Return whether two titles differ in something that is no misreading.

    That is a number in a series, an answer to another text, a negation, two different numbers or
    years, words in another order ("text to image"), or a prefix that turns a word into its
    opposite: "supervised" and "unsupervised", "hypotension" and "hypertension".
    """
    telling = [
        sorted(word for word in title.words if word in _TELLING or _is_roman(word))
        for title in (a, b)
    ]
    if telling[0] != telling[1]:
        return True
    said = [[word for word in title.content if word not in _KINDS] for title in (a, b)]
    if said[0] != said[1] and sorted(said[0]) == sorted(said[1]):
        return True
    left, right = (Counter(_NUMBER.findall(" ".join(title.words))) for title in (a, b))
    if left - right and right - left:
        return True
    return any(
        len(before) == len(after) and any(map(_is_opposite, before, after))
        for before, after in _differences(a.words, b.words)
    )


def _is_opposite(a: str, b: str) -> bool:
    """Return whether two words are one stem of at least four letters with different prefixes, or
    one of them without.
    """
    ends = {a[len(prefix) :] for prefix in _PREFIXES if a.startswith(prefix)}
    return a != b and any(
        len(b) >= 4 + len(p) and b.startswith(p) and b[len(p) :] in ends for p in _PREFIXES
    )


def _beginnings(title: Title) -> list[str]:
    """Return the title's letters from its first word on, and from every boundary in it."""
    return [
        "".join(word for word in title.words[start:] if word not in _KINDS)
        for start in (0, *title.breaks)
    ]
