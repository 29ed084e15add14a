"""Documents of sources: feeds of all dialects, JSON lists, OAI-PMH, lists of feeds."""

import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx2

from newsletter.config import Feed
from newsletter.errors import InputError
from newsletter.sources import feed_sandbox, parsing
from newsletter.sources.arxiv_records import explanation, from_entry, from_oai
from newsletter.sources.biorxiv import _paper as read_biorxiv
from newsletter.sources.feed import FeedSource
from newsletter.sources.http import Answer, FetchError
from newsletter.sources.huggingface import _read as read_huggingface
from newsletter.sources.json_access import listing, load, record
from newsletter.sources.opml import read_opml
from tests.fuzz.kinds import Kind, files

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
MOST = 150_000
_WRITTEN = (
    b'<rss version="2.0"><channel><title>J</title><item><title>A &amp; B</title>'
    b"<guid>1</guid><link>https://j.example/</link><pubDate>Mon, 23 Nov 2026 07:00 GMT</pubDate>"
    b"<description>&lt;p&gt;Abstract. doi:10.1000/x&lt;/p&gt;</description></item></channel></rss>",
    b'<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title><entry><id>x</id><title>T</title>'
    b"<author><name>Ada, B. and C. D.</name></author><updated>2026-11-23T07:00:00Z</updated>"
    b'<link rel="alternate" href="https://j.example/2"/><summary>S</summary></entry></feed>',
    b'{"version":"https://jsonfeed.org/version/1.1","title":"J","items":[{"id":"1","title":"T",'
    b'"url":"https://j.example/3","content_text":"x","date_published":"2026-11-23T07:00:00Z",'
    b'"authors":[{"name":"Ada"}]}]}',
    b'<opml version="2.0"><body><outline text="J" xmlUrl="https://j.example/feed"/></body></opml>',
    b'[{"paper":{"id":"2511.00001","title":"T","summary":"S","upvotes":3,"publishedAt":"2026",'
    b'"authors":[{"name":"Ada"}]},"numComments":1}]',
    b'{"messages":[{"status":"ok"}],"collection":[{"doi":"10.1101/2026.11.01.1","title":"T",'
    b'"authors":"Ada, B.","date":"2026-11-20","version":"1","abstract":"A","category":"x"}]}',
)
_FEED = Feed(name="j", url="https://j.example/feed")
_SOURCE = FeedSource(_FEED, None)  # type: ignore[arg-type]  # no fetch


def kind(data: Path | None) -> Kind:
    """Real documents where they are there, and ours."""
    real: tuple[bytes, ...] = ()
    if data:
        for folder in ("arxiv_rss", "arxiv_api", "journal_rss", "hf_daily_papers", "biorxiv_api"):
            real += files(data / folder, ("*.xml", "*.json", "*.rss", "*/*.xml"), MOST)[:60]
        real += _malformed(data / "feeds_malformed.tar.gz")
    return Kind((*_WRITTEN, *real), _SHAPES, feed, MOST, slow_s=5.0)


def _malformed(path: Path) -> tuple[bytes, ...]:
    if not path.is_file():
        return ()
    with tarfile.open(path) as archive:
        members = [one for one in archive if one.isfile()][::10]
        return tuple(file.read(MOST) for one in members if (file := archive.extractfile(one)))


def feed(raw: bytes) -> None:
    """Read one document as every source would. A `FetchError` or `InputError` is a designed end."""
    answer = Answer(200, httpx2.Headers({"content-type": "text/xml"}), raw, "https://j.example/x")
    for read in (_as_feed, _as_list, _as_preprints):
        try:
            read(answer)
        except FetchError:
            continue
    for parse in (lambda: from_oai(raw, NOW), lambda: read_opml(raw)):
        try:
            parse()
        except (FetchError, InputError):
            continue


def _as_feed(answer: Answer) -> None:
    """Parse here and not in the child process, whose start takes longer than its work. What
    feedparser raises there is the document's failure.
    """
    if answer.body[:100].lstrip().startswith(b"{"):
        document = parsing.parse(answer)
    else:
        body = parsing.mended(answer.body)
        try:
            found = feed_sandbox.parse(body, answer.url, "")
        except Exception:
            return
        document = parsing.Document("x", found["feed"], tuple(found["entries"]), found["total"])
        parsing._refuse_garbled(answer, document)
    explanation(document)
    for entry in document.entries:
        _SOURCE._sighting(entry, NOW)
        from_entry(entry, NOW)


def _as_list(answer: Answer) -> None:
    read_huggingface(answer, NOW)


def _as_preprints(answer: Answer) -> None:
    for item in listing(load(answer), "collection"):
        read_biorxiv(record(item), "biorxiv", NOW)


# -- shapes ----------------------------------------------------------------------------------------


def _markup(random: Random) -> bytes:
    pieces = (
        "<p>",
        "</p>",
        "<!--",
        "-->",
        "$",
        "\\frac{",
        "}",
        "&lt;",
        "&amp;amp;",
        "<sub>",
        "et al.",
    )
    pieces += (
        " and ",
        ", ",
        "Jr.",
        "10.1000/a",
        "arXiv:2511.00001v2",
        "https://x.example/",
        "…",
        "(",
    )
    text = "".join(random.choices(pieces, k=random.choice((5, 200, 8_000))))
    return (
        _WRITTEN[0]
        .replace(b"Abstract", _escaped(text))
        .replace(b"A &amp; B", _escaped(text[:2_000]))
    )


def _escaped(text: str) -> bytes:
    return text.replace("&", "&amp;").replace("<", "&lt;").encode()


def _deep(random: Random) -> bytes:
    n = random.choice((10, 1_000, 20_000))
    return random.choice((b"<a>" * n, b'{"a":' * n, b"[" * n, b"<rss><channel>" + b"<item>" * n))


def _entities(random: Random) -> bytes:
    names = b"".join(b'<!ENTITY e%d "&e%d;&e%d;">' % (n + 1, n, n) for n in range(20))
    return (
        b"<!DOCTYPE rss [<!ENTITY e0 'x'>%s]><rss><channel><title>&e20;</title></channel></rss>"
        % names
    )


def _people(random: Random) -> bytes:
    names = random.choices(
        ("Ada", "B.", "Müller,", "and", "&amp;", ";", "van der", "(1)", "MD", "et al."),
        k=random.choice((3, 100, 5_000)),
    )
    return _WRITTEN[1].replace(b"Ada, B. and C. D.", " ".join(names).encode())


_SHAPES: tuple[Callable[[Random], bytes], ...] = (_markup, _deep, _entities, _people)
