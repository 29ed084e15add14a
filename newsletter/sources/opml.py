"""Readers of another reader, taken over: OPML to feeds. Nothing is fetched here."""

import re
from xml.etree import ElementTree

from newsletter.errors import InputError
from newsletter.text.markup import clean, clean_link

MOST_FEEDS = 5_000


def read_opml(body: bytes) -> list[tuple[str, str]]:
    """Find the feeds of an OPML file as (name, URL), each URL once, names unique
    (http://opml.org/spec2.opml).

    Raises:
        InputError: not OPML, or no feed in it.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise InputError("the OPML file declares entities, which are not read")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 (no entities, checked above)
    except ElementTree.ParseError as e:
        raise InputError(f"not an OPML file: {e}", position=e.position[1] + 1) from e
    if root.tag.lower() != "opml":
        raise InputError(f"not an OPML file: it begins with <{clean(root.tag, 40)}>")
    feeds: dict[str, str] = {}
    for outline in root.iter("outline"):
        attributes = {name.lower(): value for name, value in outline.attrib.items()}
        if link := clean_link(attributes.get("xmlurl")):
            feeds.setdefault(
                link, clean(attributes.get("title") or attributes.get("text"), 80) or _host(link)
            )
    if not feeds:
        raise InputError(
            "the OPML file names no feed", hint="feeds are <outline xmlUrl='https://…'/> elements"
        )
    return list(zip(_unique(list(feeds.values())), feeds, strict=True))[:MOST_FEEDS]


def _host(link: str) -> str:
    return re.sub(r"\Ahttps?://(?:www\.)?|/.*\Z", "", link)


def _unique(names: list[str]) -> list[str]:
    """Number the names that occur again: a source's name is its key."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return unique
