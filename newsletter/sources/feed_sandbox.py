"""The child process that parses one feed: feedparser with limits of time and memory. It imports no
module of ours.

  feed_sandbox.py URL CHARSET < document > result.json

The parent starts it by its path, so that it starts in 0.07 s and loads nothing unnecessary. Hostile
input can only end this process (faults.md R9, C16, C17).
"""

import io
import json
import re
import resource
import sys
from itertools import pairwise
from typing import Any

import feedparser

CPU_S = 10
MEMORY_BYTES = 512 * 1024 * 1024  #: of address space; about half of it becomes resident
ITEMS = 2_000
STRING_CHARS = 40_000

#: feedparser's time grows with the square of their number before the root element.
_BLANKS = re.compile(rb"(?<![ \t\r\n])[ \t\r\n]{100,}")
_ITEM = re.compile(rb"<(?:\w+:)?(?:item|entry)(?=[\s>])")
#: Where one entry ends and the next begins.
_BETWEEN = re.compile(rb"</(?:\w+:)?(?:item|entry)\s*>\s*(?=<(?:\w+:)?(?:item|entry)[\s>])")
_ROOT = re.compile(rb"<(?:\w+:)?(?:rss|feed|rdf)(?:\s[^<>]*)?>", re.I)
_DECLARED = re.compile(rb"\A\s*<\?xml[^>]*?encoding\s*=")
_ROOT_END = re.compile(
    rb"(?P<tags>(?:</channel>\s*)?</(?:\w+:)?(?:rss|feed|rdf)\s*>)(?:\s|<!--.*?-->)*\Z", re.I | re.S
)


def parse(body: bytes, url: str, charset: str) -> dict[str, Any]:
    """Parse one document. The result is feedparser's, as plain values, with `error` instead of its
    exception.

    A document that is not well-formed is accepted only if its root element was closed: the loose
    parser reads sloppy feeds well, but takes a cut-off item for an entry (C06). If it loses entries
    behind one that does not end, each entry is parsed alone.
    """
    body, total = _first_items(_BLANKS.sub(b"\n", body))
    headers = {"content-location": url, "content-type": "application/xml"}
    if charset := _charset(body, charset):
        headers["content-type"] += f"; charset={charset}"
    found = _parsed(body, headers)
    entries, error = found.entries, ""
    if isinstance(found.get("bozo_exception"), Exception) and found.bozo:
        harmless = (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType)
        end = _root_end(body)
        if not isinstance(found.bozo_exception, harmless) and not end:
            error = f"{type(found.bozo_exception).__name__}: {found.bozo_exception}"
        elif end and len(entries) < total:
            entries = max(entries, _one_by_one(body, end, headers), key=len)
    return {
        "version": found.get("version", ""),
        "error": error[:300],
        "total": max(total, len(entries)),
        "feed": _plain(found.feed),
        "entries": [_plain(entry) for entry in entries[:ITEMS]],
    }


def _parsed(body: bytes, headers: dict[str, str]) -> Any:
    # A stream: feedparser opens a plain string or bytes as a file name.
    return feedparser.parse(
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )


def _root_end(body: bytes) -> re.Match[bytes] | None:
    return _ROOT_END.search(body, max(0, len(body) - 2_000))


def _one_by_one(body: bytes, end: re.Match[bytes], headers: dict[str, str]) -> list[Any]:
    """Parse each entry as a document of its own, with the start and the end of the root."""
    root = _ROOT.search(body, 0, 10_000)
    first = root and _ITEM.search(body, root.end(), end.start())
    if not root or not first:
        return []
    before = body[: root.end()] + (b"<channel>" if b"</channel>" in end["tags"].lower() else b"")
    places = [between.end() for between in _BETWEEN.finditer(body, first.start(), end.start())]
    found: list[Any] = []
    for start, stop in pairwise((first.start(), *places, end.start())):
        found += _parsed(before + body[start:stop] + end["tags"], headers).entries
    return found


def _first_items(body: bytes) -> tuple[bytes, int]:
    """Cut a document with too many items down to those that are read, so that a reset feed costs no
    more than others (C22).

    The end of the root is checked before and kept, so that a cut-off document stays one. Also
    returns the number of all items; 0 if they cannot be counted (UTF-16).
    """
    starts = [item.start() for item in _ITEM.finditer(body)]
    end = _root_end(body)
    if len(starts) <= ITEMS or not end:
        return body, len(starts)
    return body[: starts[ITEMS]] + end["tags"], len(starts)


def _charset(body: bytes, http_charset: str) -> str:
    """Return the encoding to use, or "" to use the document's own.

    Text that decodes as UTF-8 and is not ASCII is UTF-8, whatever was declared: text of another
    encoding is hardly ever valid UTF-8.
    """
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) or b"\x00" in body[:100]:
        return ""
    if not body.isascii():
        try:
            body.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            return "utf-8"
    return "" if _DECLARED.match(body[:500]) else http_charset


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value[:STRING_CHARS]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value[:5_000]]
    return value if isinstance(value, (int, float, bool)) else None


def main() -> None:
    """Parse stdin. Errors of feedparser on hostile input are failures of the document and are
    reported as such.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    url, charset = sys.argv[1:3]
    try:
        result = parse(sys.stdin.buffer.read(), url, charset)
    except Exception as e:
        result = {"crash": f"{type(e).__name__}: {e}"[:300]}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
