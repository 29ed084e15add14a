"""Read the feeds of another feed reader from OPML. Nothing is fetched here."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from newsletter.errors import InputError
from newsletter.text.markup import clean, clean_link

MOST_FEEDS = 5_000
#: An ampersand that begins no reference.
_BARE_AMPERSAND = re.compile(r"&(?!#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)")
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_XML_NAMES = frozenset(("amp", "lt", "gt", "quot", "apos"))
#: Characters that XML 1.0 section 2.2 does not allow, literally or as a reference.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ENCODING = re.compile(rb"""\A\s*<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
#: A document type without declarations.
_PLAIN_DOCTYPE = re.compile(r"<!DOCTYPE[^\[<>]*>")
#: The beginning of one outline. A quoted value may hold a `>`, but never a `<` in valid XML.
_OUTLINE = re.compile(r"""<outline\b((?:[^<>"']|"[^"<]*"|'[^'<]*')*)/?>""", re.IGNORECASE)
_ANY_OUTLINE = re.compile(r"<outline\b", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([A-Za-z_:][\w:.-]*)\s*=\s*("[^"]*"|'[^']*'|[^\s"'<>]+)""")


@dataclass(frozen=True, slots=True)
class FeedList:
    """The feeds of an OPML file as (name, URL), each URL once, names unique."""

    feeds: list[tuple[str, str]]
    refused: tuple[str, ...] = ()  #: addresses that are not http(s), as they were written
    lost: tuple[int, ...] = ()  #: lines of outlines that cannot be read, from 1


def read_opml(body: bytes) -> FeedList:
    """Read the feeds of an OPML file (http://opml.org/spec2.opml).

    A defect costs only its outline: bare ampersands and HTML's character names are read as meant,
    and a file that is still no XML is read outline by outline.

    Raises: InputError: not OPML, or no feed in it.
    """
    text = _decoded(body)
    if "<!ENTITY" in text:
        raise InputError("the OPML file declares entities, which are not read")
    text = _mended(_PLAIN_DOCTYPE.sub("", text, count=1))
    if "<!DOCTYPE" in text:
        raise InputError("the OPML file declares entities, which are not read")
    lost: tuple[int, ...] = ()
    try:
        root = ElementTree.fromstring(_without_declaration(text))  # noqa: S314  (no entities)
        found = list(_outlines(root))
    except ElementTree.ParseError as e:
        if not re.search(r"<opml\b", text, re.IGNORECASE):
            raise InputError(f"not an OPML file: {e}", position=e.position[1] + 1) from e
        found, lost = _one_by_one(text)
    feeds: dict[str, str] = {}
    refused: dict[str, None] = {}
    for attributes in found:
        written = _address(attributes)
        if written and not clean_link(written):
            refused.setdefault(clean(written, 80))
        if link := clean_link(written):
            name = clean(attributes.get("title") or attributes.get("text"), 80)
            feeds.setdefault(link, name or _host(link))
    if not feeds:
        raise InputError(
            "the OPML file names no feed", hint="feeds are <outline xmlUrl='https://…'/> elements"
        )
    named = zip(_unique(list(feeds.values())), feeds, strict=True)
    return FeedList(list(named)[:MOST_FEEDS], tuple(refused), lost)


def _address(attributes: Mapping[str, str]) -> str:
    """The address of an outline's feed. "feed:" before it is a wish of browsers of 2005."""
    address = attributes.get("xmlurl", "")
    if not address and attributes.get("type", "").lower() in ("rss", "atom", "rdf", "feed"):
        address = attributes.get("url", "")
    address = re.sub(r"\A\s*feed:(?=https?:)", "", address, flags=re.I)
    return re.sub(r"\A\s*feed://", "http://", address, flags=re.I).strip()


def _decoded(body: bytes) -> str:
    """Return the text of the file: by its byte order mark, its declaration, or UTF-8; else
    Windows-1252.
    """
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    said = _ENCODING.match(body)
    # Text that reads as UTF-8 is UTF-8, whatever was declared; escapes are those of ISO-2022.
    named = [said[1].decode()] if said else []
    for encoding in ("utf-8-sig", *named) if b"\x1b" not in body else (*named, "utf-8-sig"):
        try:
            return body.decode(encoding).removeprefix("\ufeff")
        except (UnicodeDecodeError, LookupError):
            continue
    return body.decode("cp1252", "replace")


def _mended(text: str) -> str:
    """Return text with references that XML knows; the rest is unchanged."""

    def character(match: re.Match[str]) -> str:
        if match[1] in _XML_NAMES:
            return match[0]
        meant = html.unescape(match[0])
        return f"&amp;{match[1]};" if meant == match[0] else html.escape(meant)

    return _NAMED.sub(character, _BARE_AMPERSAND.sub("&amp;", _CONTROL.sub("", text)))


def _without_declaration(text: str) -> str:
    """Remove the encoding from XML that is a string already."""
    return re.sub(r"\A\s*<\?xml[^>]*\?>", "", text).lstrip()


def _outlines(root: ElementTree.Element) -> Iterator[dict[str, str]]:
    """Raises: InputError for a document of another kind."""
    if root.tag.lower() != "opml":
        raise InputError(f"not an OPML file: it begins with <{clean(root.tag, 40)}>")
    for element in root.iter():
        if str(element.tag).lower() == "outline":
            yield {name.lower(): value for name, value in element.attrib.items()}


def _one_by_one(text: str) -> tuple[list[dict[str, str]], tuple[int, ...]]:
    """Return the outlines of a file that is no XML, and the lines of those that cannot be read."""
    found, lost = [], []
    line, counted = 1, 0
    for begin in _ANY_OUTLINE.finditer(text):
        line += text.count("\n", counted, begin.start())
        counted = begin.start()
        whole = _OUTLINE.match(text, counted)
        if whole is None:
            lost.append(line)
            continue
        pairs = _ATTRIBUTE.findall(whole[1])
        found.append({name.lower(): html.unescape(value.strip("\"'")) for name, value in pairs})
    return found, tuple(lost)


def _host(link: str) -> str:
    return re.sub(r"\Ahttps?://(?:www\.)?|/.*\Z", "", link)


def _unique(names: list[str]) -> list[str]:
    """Number names that occur again: a source's name is its key."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return unique
