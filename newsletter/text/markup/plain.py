"""Make text and links of sources harmless and readable. All sources use it; nothing here knows
their formats.

The result is plain text on one line: no markup, no control or direction characters, formulas in
Unicode if possible. It must still be escaped where it is shown.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from newsletter.text.markup.bare_commands import with_backslashes
from newsletter.text.markup.braced import without_braced_names
from newsletter.text.markup.highwire import without_highwire
from newsletter.text.markup.invisible import declared_direction, with_direction, without_invisible
from newsletter.text.markup.latex import without_latex
from newsletter.text.markup.markdown import without_bold, without_markdown
from newsletter.text.markup.tags import without_tags

TITLE_CHARS = 300
ABSTRACT_CHARS = 5_000
AUTHOR_CHARS = 120
AUTHORS = 3_000
AFFILIATIONS = 50
LINK_CHARS = 2_000


class Dialect(NamedTuple):
    """A notation of text, and how to remove it."""

    name: str
    take_off: Callable[[str], str]


HIGHWIRE = Dialect("highwire", without_highwire)
BRACED = Dialect("braced names", without_braced_names)
TAGS = Dialect("tags", without_tags)
LATEX = Dialect("latex", without_latex)
MARKDOWN = Dialect("markdown", without_markdown)
BOLD = Dialect("bold of markdown", without_bold)
BARE = Dialect("bare commands", with_backslashes)
#: Notations of any text.
PLAIN = (HIGHWIRE, TAGS, LATEX, BOLD)
#: Notations of bioRxiv and medRxiv, of abstracts without TeX's backslashes, of language models.
PREPRINT = (HIGHWIRE, BRACED, TAGS, LATEX, BOLD)
STRIPPED = (TAGS, BARE, LATEX, BOLD)
MACHINE = (TAGS, MARKDOWN, LATEX)

#: Text that has nothing to remove or convert.
_CLEAN = re.compile(r"[\t-\r !-#%'-;=-\[\]_a-z|}~]*")
#: What such text may still have: marks of HighWire, dashes and ties of TeX, bold of Markdown.
_MARKED = re.compile(r"[OC]_[A-Z]|--|~|\*\*")


def clean(text: object, limit: int = ABSTRACT_CHARS, dialects: tuple[Dialect, ...] = PLAIN) -> str:
    """Return a piece of fetched text as one plain line of at most `limit` characters.

    Anything that is not a string becomes "". Cut text ends in an ellipsis.
    """
    if not isinstance(text, str):
        return ""
    text = text[: 4 * limit + 2_000]  # markup and formulas only become shorter
    if dialects is not PLAIN or not _CLEAN.fullmatch(text) or _MARKED.search(text):
        wanted = "" if text.isascii() and "dir=" not in text else declared_direction(text)
        text = without_invisible(text)
        for dialect in dialects:
            text = dialect.take_off(text)
        text = without_invisible(unicodedata.normalize("NFC", text))
        text = with_direction(" ".join(text.split()), wanted)
    return shorten(" ".join(text.split()), limit)


def dialects_in(text: object, dialects: tuple[Dialect, ...] = PLAIN) -> list[str]:
    """Return the names of the dialects that have something to remove, in order."""
    found = []
    if isinstance(text, str):
        for dialect in dialects:
            before, text = text, dialect.take_off(text)
            if text != before:
                found.append(dialect.name)
    return found


def clean_names(names: Iterable[object], limit: int = AUTHORS) -> tuple[str, ...]:
    """Clean a list of names in its order. Two people may have the same name, so repetitions
    stay.
    """
    cleaned = (
        clean(name, AUTHOR_CHARS).strip(" ,;")
        for name, _ in zip(names, range(2 * limit), strict=False)
    )
    return tuple(name for name in cleaned if any(map(str.isalnum, name)))[:limit]


def clean_affiliations(names: Iterable[object]) -> tuple[str, ...]:
    """Clean a list of institutions, each once."""
    return tuple(dict.fromkeys(clean_names(names)))[:AFFILIATIONS]


def clean_link(url: object) -> str:
    """Return a link that may be shown, else "": absolute, http or https, without credentials or odd
    characters.
    """
    if not isinstance(url, str):
        return ""
    url = without_invisible(re.sub(r"[\t\r\n]", "", url)).strip()  # as browsers do
    url = quote(url, safe="%/:=&?~#+!$,;'@()*[]._-|")
    try:
        parts = urlsplit(url)
        is_web = (
            parts.scheme.lower() in ("http", "https")
            and bool(parts.hostname)
            and "@" not in parts.netloc
        )
    except ValueError:
        return ""
    return url if is_web and len(url) <= LINK_CHARS else ""


def is_garbled(text: str) -> bool:
    """Return whether more than one character in a hundred was lost in decoding (C18)."""
    return text.count("\ufffd") * 100 > len(text)


def shorten(text: str, limit: int) -> str:
    """Cut at a word if one is near, and append an ellipsis."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    space = cut.rfind(" ", limit - 60)
    return (cut[:space] if space > 0 else cut).rstrip(" ,;:") + "…"
