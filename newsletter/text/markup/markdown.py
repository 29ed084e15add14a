"""Markdown, in which language models write summaries: emphasis, code, links, headings, lists."""

import re

_FENCE = re.compile(r"^\s*(?:```|~~~)\w*\s*$", re.M)
_HEAD = re.compile(r"^\s{0,3}#{1,6}\s+", re.M)
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,2}[.)])\s+(?=\S)", re.M)
_QUOTE = re.compile(r"^\s{0,3}>\s?", re.M)
_RULE = re.compile(r"^\s*(?:-{3,}|\*{3,}|_{3,})\s*$", re.M)
_IMAGE = re.compile(r"!\[([^\]\n]{0,300})\]\([^()\s]{0,500}(?:\s+[\"'][^\"'\n]*[\"'])?\)")
_LINK = re.compile(
    r"\[([^\[\]\n]{1,300})\]"
    r"(?:\(\s*<?[^()\s]{0,500}(?:\([^()\s]*\)[^()\s]*)?>?(?:\s+[\"'][^\"'\n]*[\"'])?\s*\)"
    r"|\[[^\[\]\n]{0,50}\])"
)
_AUTOLINK = re.compile(r"<(?:https?://|mailto:)[^<>\s]{1,500}>")
_CODE = re.compile(r"(?<!`)(`{1,3})(?!`)(.{1,500}?)(?<!`)\1(?!`)", re.S)
_STRONG = re.compile(r"(?<![\w\\])(\*\*\*|\*\*|___|__|~~)(?=\S)(.{1,500}?)(?<=\S)\1(?!\w)", re.S)
_GLUED = re.compile(r"\*\*(?=\S)([^*\n]{1,300}?)(?<=\S)\*\*")
_BOLD = re.compile(
    r"(?<![\w*])\*\*(?=[^\s*])([^*\n]{1,100}?)(?<=[^\s*])\*\*(?!\*)|"
    r"(?<=\w)\*\*(?=[A-Z])([A-Za-z]{1,20})\*\*(?=[a-z])"
)
_EMPHASIS = re.compile(r"(?<![\w\\*_])([*_])(?=[^\s*_])([^*_\n]{1,300}?)(?<=\S)\1(?![\w*])")
_ESCAPE = re.compile(r"\\([*_`#\[\]()>~!+.-])")


def without_markdown(text: str) -> str:
    """Remove the marks and keep the words; "A* search" and "snake_case" have none."""
    for mark in (_FENCE, _RULE, _HEAD, _QUOTE, _ITEM):
        text = mark.sub("", text)
    text = _AUTOLINK.sub("", _LINK.sub(r"\1", _IMAGE.sub(r"\1", text)))
    text = _CODE.sub(r"\2", text)
    for _ in range(2):  # bold within italic
        text = _STRONG.sub(r"\2", text)
    text = _EMPHASIS.sub(r"\2", _GLUED.sub(r"\1", text))
    return _ESCAPE.sub(r"\1", text)


def without_bold(text: str) -> str:
    """Take the marks of bold text off, which authors write everywhere; "x**2" holds none."""
    return _BOLD.sub(lambda found: found[1] or found[2], text) if "**" in text else text
