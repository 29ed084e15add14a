"""Invisible characters: some belong to a word or an emoji, the others are removed.

Joiners (U+200C, U+200D) are part of the spelling in Persian, in the scripts of India and in emoji;
variation selectors in Mongolian and Japanese; tags in three flags. Elsewhere they only hide things
(C24).
"""

import re
import unicodedata

#: C0 and C1 controls, soft hyphen, fillers, zero-width space, marks, embeddings, overrides and
#: isolates of direction, annotation marks, surrogates, numbers that are no characters.
_NEVER = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\ufdd0-\ufdef\ufffe\uffff]"
)
#: Characters that may belong to their neighbours: joiners, Mongolian and ideographic selectors,
#: tags.
_SOMETIMES = re.compile("[\u180b-\u180f\u200c\u200d\U000e0000-\U000e0fff]+")
_FLAG = re.compile("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f\\Z")
_SELECTORS = range(0xE0100, 0xE01F0)
#: Scripts whose letters change their form beside others, by the first word of a letter's name.
_JOINING = frozenset(
    """ARABIC SYRIAC MANDAIC NKO MONGOLIAN MANICHAEAN ADLAM HANIFI DEVANAGARI BENGALI GURMUKHI
    GUJARATI ORIYA TAMIL TELUGU KANNADA MALAYALAM SINHALA KHMER MYANMAR TIBETAN BALINESE
    JAVANESE SUNDANESE BATAK BRAHMI CHAKMA GRANTHA TIRHUTA NEWA MODI SIDDHAM KHAROSHTHI LIMBU
    THAI LAO""".split()  # noqa: SIM905  (a list would be longer than the words)
)
#: Characters that set the base direction although the first letter may be of the other one.
_OPENS = {
    **dict.fromkeys("\u200f\u061c\u202b\u2067", "rtl"),
    **dict.fromkeys("\u200e\u202a\u2066", "ltr"),
}
_MARK = {"rtl": "\u200f", "ltr": "\u200e"}
FIRST_STRONG, END_OF_ISOLATE = "\u2068", "\u2069"
_ISOLATES = re.compile("\u2068[^\u2068\u2069]*\u2069")
_HEAD = re.compile("[\\s\u200b-\u200f\u061c\u202a-\u202e\u2066-\u2069]*")
_DIR = re.compile(r"\A\s*<[a-z]\w{0,20}\s[^<>]{0,200}?\bdir\s*=\s*[\"']?(rtl|ltr)\b", re.I)


def without_invisible(text: str) -> str:
    """Remove invisible characters except those that their neighbours need."""
    text = _NEVER.sub("", text)
    return _SOMETIMES.sub(_kept, text)


def _kept(found: re.Match[str]) -> str:
    """Return what stays of a run of such characters: one joiner, one selector, or a flag's tags."""
    text, run = found.string, found[0]
    before = text[found.start() - 1 : found.start()]
    after = text[found.end() : found.end() + 1]
    if not before or before.isascii():
        return ""
    if before == "\U0001f3f4":
        return run if _FLAG.match(run) else ""
    first = run[0]
    if ord(first) in _SELECTORS:
        return first if _script(before) == "CJK" else ""
    if first in "\u180b\u180c\u180d\u180e\u180f":
        return first if _script(before) == "MONGOLIAN" else ""
    if first == "\u200d" and _is_pictograph(before) and _is_pictograph(after):
        return first
    if first not in "\u200c\u200d" or _script(before) not in _JOINING:
        return ""
    is_within = bool(after) and _script(after) in _JOINING
    return first if is_within or unicodedata.category(before)[0] == "M" else ""


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]


def _is_pictograph(character: str) -> bool:
    """Return whether a character may be beside a joiner in an emoji: a picture, a selector, a skin
    tone.
    """
    return bool(character) and (
        character == "\ufe0f" or unicodedata.category(character) in ("So", "Sk", "Cn")
    )


def declared_direction(text: str) -> str:
    """Return the base direction that raw text sets with a mark or HTML: "rtl", "ltr" or ""."""
    if named := _DIR.match(text):
        return named[1].lower()
    head = _HEAD.match(text)
    return next((_OPENS[c] for c in (head[0] if head else "") if c in _OPENS), "")


def direction(text: str) -> str:
    """Return the base direction of text by its first strong character (UAX #9, P2): "rtl", "ltr" or
    "".
    """
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return ""


def isolated(text: str) -> str:
    """Return text for the inside of a line of another direction: what has letters from right to
    left stands between U+2068 and U+2069, so that it moves nothing around it (UAX #9, X5c).
    """
    if text.isascii() or not any(map(_is_rtl, _ISOLATES.sub("", text))):
        return text
    return f"{FIRST_STRONG}{text}{END_OF_ISOLATE}"


def _is_rtl(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("R", "AL")


def with_direction(text: str, wanted: str) -> str:
    """Return text that is shown in a base direction: with one mark in front if its first letter has
    the other one.
    """
    if not wanted or direction(text) in ("", wanted):
        return text
    return _MARK[wanted] + text
