"""Tags of HTML, JATS and MathML, escaped once or twice. Text that only looks like a tag stays.

A "<" that begins no known tag is a character: "a<b and c>d". A known tag without attributes and
without a partner is a word: "Why <video> tokens beat <img> tokens".
"""

import re
from collections import defaultdict

import nh3

from newsletter.text.markup import mathml
from newsletter.text.markup.latex_macros import script
from newsletter.text.markup.references import escaped_bare, resolved

#: Tags that only change how letters look; a single one is often the rest of cut text.
_STYLES = (
    "abbr|b|bold|em|font|i|inf|italic|mark|monospace|named-content|q|roman|s|sans-serif|"
    "sc|scp|small|span|strike|strong|styled-content|sub|sup|tt|u|underline"
)
#: Tags that need no partner in HTML.
_BREAKS = "br|dd|dt|hr|li|p|td|th|tr|wbr"
_BLOCKS = (
    f"article|blockquote|div|dl|h[1-6]|ol|pre|sec|section|table|tbody|thead|title|ul|{_BREAKS}|"
    "abstract|caption|disp-formula|figure|list|list-item|tgroup"
)
_OTHERS = (
    "a|audio|cite|code|embed|ext-link|form|iframe|img|inline-formula|inline-graphic|input|label|"
    "link|meta|object|script|style|svg|tex-math|video|xref|[a-z]+:[a-z][a-z-]*"
)
_NAMES = rf"(?:{_STYLES}|{_BLOCKS}|{_OTHERS}|{mathml.NAMES})"
_ATTRIBUTES = r"(?:\s+[\w:\-]+\s*=[^<>]*)"
#: A complete tag that HTML or a publisher's XML knows.
_KNOWN = rf"/?{_NAMES}{_ATTRIBUTES}?\s*/?>"
_TAG = re.compile(
    rf"<(?P<end>/?)(?P<name>{_NAMES})(?P<attributes>{_ATTRIBUTES})?\s*(?P<closed>/?)>", re.I
)
_OPENING = re.compile(rf"<{_KNOWN}|<!--|<!\[CDATA\[|<\?", re.I)
_BLOCK_TAG = re.compile(rf"<(?=/?(?:\w+:)?(?:{_BLOCKS})[\s/>])", re.I)
_LINE_TAG = re.compile(rf"</?(?:\w+:)?(?:{_BLOCKS})(?:\s[^<>]*)?/?>", re.I)
_STRAY_LESS = re.compile(rf"<(?!{_KNOWN}|!--|\?)", re.I)
_STYLE = re.compile(rf"(?:{_STYLES})\Z", re.I)
_NEVER_A_WORD = re.compile(rf"(?:{_BREAKS}|{mathml.NAMES}|.*[:-].*)\Z", re.I)
#: Raised numbers and signs: "10<sup>-3</sup>", "Ca<sup>2+</sup>". Letters stay as they are: "21st".
_SIGN = r"(?:[-+−–]|&(?:minus|ndash|#8722|#8211|#x2212);)"
_NUMBER = rf"{_SIGN}?\d{{1,4}}{_SIGN}?|{_SIGN}"
_RAISED = re.compile(
    rf"<(?P<name>(?:\w+:)?sup)\b[^<>]*>\s*(?:<[a-z][^<>]*>\s*)?(?P<text>{_NUMBER})"
    r"\s*(?:</[a-z][^<>]*>\s*)?</(?P=name)\s*>|"
    r"<span\b[^<>]*\bclass=[\"'][^\"'<>]*\bsup\b[^<>]*>\s*"
    rf"(?P<spanned>{_NUMBER})\s*</span\s*>",
    re.I,
)
#: Text that was escaped more often than this is left as it is.
_ROUNDS = 3


def without_tags(text: str) -> str:
    """Remove tags and resolve references, again as long as that reveals more of them."""
    for _ in range(_ROUNDS):
        before = text
        text = resolved(_stripped(text))
        if text == before or not ("&" in text or "<" in text):
            break
    return text


def lines(text: str) -> list[str]:
    """Split HTML at the ends of its blocks. Tags are removed, as a pair may be on two lines;
    references stay.
    """
    for _ in range(_ROUNDS):
        if _LINE_TAG.search(text) or "&lt;" not in text:
            break
        text = resolved(text)
    if _LINE_TAG.search(text):
        text = " ".join(text.split("\n"))  # in HTML a line's end is a space
    if "<" in text and _OPENING.search(text):
        text = _LINE_TAG.sub("\n", _prepared(text))
        text = _without_known(text)
    return [line for line in text.split("\n") if line.strip()]


def _stripped(text: str) -> str:
    if "<" not in text or not _OPENING.search(text):
        return text
    return _without_known(_prepared(text))


def _prepared(text: str) -> str:
    """Write formulas and powers as text, and escape the tags that are words."""
    text = text.replace("<![CDATA[", "").replace("]]>", "")
    text = mathml.without_mathml(text)
    return _words_kept(_RAISED.sub(_small, text))


def _small(found: re.Match[str]) -> str:
    text = resolved(found["text"] or found["spanned"])
    return script("^", text.replace("−", "-").replace("–", "-"))


def _without_known(text: str) -> str:
    if not _OPENING.search(text):
        return text
    text = _STRAY_LESS.sub("&lt;", _BLOCK_TAG.sub(" <", escaped_bare(text)))
    return nh3.clean(text, tags=set(), clean_content_tags={"script", "style", "svg"})


def _words_kept(text: str) -> str:
    """Escape the tags that are words."""
    found: dict[str, list[re.Match[str]]] = defaultdict(list)
    for tag in _TAG.finditer(text):
        found[tag["name"].lower()].append(tag)
    words = [
        tag.start()
        for name, tags in found.items()
        # "<s> and </s>" are tokens of models; nobody strikes words through in an abstract.
        if not _NEVER_A_WORD.match(name) and (name == "s" or len({tag["end"] for tag in tags}) == 1)
        for tag in tags
        if not tag["attributes"] and not tag["closed"] and _stands_alone(tag)
    ]
    for start in sorted(words, reverse=True):
        text = f"{text[:start]}&lt;{text[start + 1 :]}"
    return text


def _stands_alone(tag: re.Match[str]) -> bool:
    """Return whether a tag is used as a word. A style without its end needs space on both sides."""
    if not _STYLE.match(tag["name"]) and not tag["end"]:
        return True
    before, after = tag.string[: tag.start()][-1:], tag.string[tag.end() : tag.end() + 1]
    return not before.strip() and not after.strip()
