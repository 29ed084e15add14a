"""HighWire's typesetting marks, which bioRxiv and medRxiv export: O_NAME opens, C_NAME closes,
M_NAME ends the head of a floating block. Text may follow a mark without a space.
"""

import re

#: Blocks that are removed with their content.
_BLOCKS = (
    "FIG",
    "TBL",
    "TABLE",
    "INLINEFIG",
    "INLINELINKFIG",
    "SUPPLFIG",
    "SUPPLEMENTALFIG",
    "SCHEME",
    "MOVIE",
    "VIDEO",
    "FLOATNO",
    "TABLECAPTION",
    "FIGCAPTION",
    "LINKSMALLFIG",
)
#: Heads of sections: a separate word.
_HEADS = ("ST_ABS", "ST", "HD", "TITLE")
#: Items and paragraphs: a space around them.
_ITEMS = ("LI", "LIST", "P", "QD", "TEXTBOX", "BOX", "BLOCKQUOTE")
#: Styles within a word: only the mark is removed.
_STYLES = ("SCPLOW", "SCPCAP", "SC", "UNDERL", "EM", "IT", "ITALIC", "BOLD", "SUP", "SUB", "MONO")
_NAMED = sorted((*_BLOCKS, *_HEADS, *_ITEMS, *_STYLES), key=len, reverse=True)
_MARK = re.compile(rf"(?P<kind>[OCM])_(?P<name>{'|'.join(_NAMED)})")
_BLOCK = re.compile(
    rf"\s*O_(?P<name>{'|'.join(sorted(_BLOCKS, key=len, reverse=True))})(?![a-z]).*?"
    r"(?:C_(?P=name)(?!CAPTION)|\Z)",
    re.S,
)
#: Text of HighWire's pages in place of a figure.
_LINK = re.compile(
    r"(?:View larger version\s*\([^)]*\):\s*)?\borg\.highwire\.\S+(?:\s*M_FIG)?", re.S
)
_OTHER_END = re.compile(r"C_([A-Z]{2,}(?:_[A-Z]+)*)\b")
_HEADING = re.compile(
    r"(ABSTRACT|SUMMARY|BACKGROUND|INTRODUCTION|OBJECTIVES?|AIMS?|PURPOSE|METHODS?|"
    r"MATERIALS AND METHODS|RESULTS?|FINDINGS|CONCLUSIONS?|DISCUSSION|SIGNIFICANCE|INTERPRETATION|"
    r"IMPORTANCE)(?=[A-Z][a-z]|A\s)"
)


def without_highwire(text: str) -> str:
    """Remove the marks. Text that only looks like one ("C_LI") has no partner and stays."""
    if "O_" not in text or ("C_" not in text and "org.highwire" not in text):
        return text
    text = _LINK.sub(" ", _without_blocks(text))
    for name in {other for other in _OTHER_END.findall(text) if other not in _NAMED}:
        text = text.replace(f"O_{name}", " ").replace(f"C_{name}", " ")
    closed = {mark["name"] for mark in _MARK.finditer(text) if mark["kind"] == "C"}
    opened = {mark["name"] for mark in _MARK.finditer(text) if mark["kind"] == "O"}
    had_small_capitals = "O_SCPLOW" in text
    text = _MARK.sub(lambda mark: _instead(mark, opened & closed), text)
    return _HEADING.sub(r"\1: ", text) if had_small_capitals else text


def _without_blocks(text: str) -> str:
    """Remove blocks, the innermost first."""
    for _ in range(4):
        shorter = _BLOCK.sub(lambda block: _kept(block), text)
        if shorter == text:
            break
        text = shorter
    return text


def _kept(block: re.Match[str]) -> str:
    """Remove a block that was never closed only if it is a figure: figures have HighWire's
    links.
    """
    is_closed = block[0].rstrip().endswith(f"C_{block['name']}")
    return " " if is_closed or "org.highwire" in block[0] else block[0]


def _instead(mark: re.Match[str], paired: set[str]) -> str:
    name, kind = mark["name"], mark["kind"]
    if name not in paired:
        return mark[0]
    if name in _STYLES:
        return ""
    if name in _HEADS:
        return " " if kind == "O" else ": "
    return " "
