"""What a hostile or broken place may send: odd values, bodies that never end, titles of brackets.
One entry's oddity costs that entry's field, and the rest is read.
"""

import asyncio
import copy
import json
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from newsletter.config import Biorxiv, Feed, GitHub, HackerNews, HuggingFace
from newsletter.config import Http as HttpConfig
from newsletter.models import Ask, Harvest, SourceState
from newsletter.ports import Source
from newsletter.sources.arxiv_records import from_oai
from newsletter.sources.biorxiv import BiorxivSource
from newsletter.sources.feed import FeedSource
from newsletter.sources.github import GitHubSource
from newsletter.sources.hackernews import HackerNewsSource
from newsletter.sources.http import Http, retry_after_s
from newsletter.sources.huggingface import HuggingFaceSource
from newsletter.text.authors import one_name, split_affiliation, split_names
from newsletter.text.markup import TITLE_CHARS, clean
from newsletter.text.statements import judged
from newsletter.text.titles import title_of
from tests.sources.mirror import Mirror, Reply, failure

NOW = datetime(2026, 5, 6, 9, tzinfo=UTC)  # a Wednesday

# -- odd values ------------------------------------------------------------------------------------

#: Dates as JSON may hold them; none of these is one.
ODD_DATES = (
    '"0001-01-01T00:00:00+05:00"',
    '"9999-12-31T23:59:59-05:00"',
    '"0001-01-01"',
    '"2026-05-04T09:00:00+99:00"',
    '"2026-02-30"',
    f'"{"9" * 30}-1-1"',
    f'"{"9" * 5000}-1-1"',
    '"2026-5-٣"',
    '"yesterday"',
    '""',
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "1777885200",
    "9" * 30,
    "9" * 5000,
    "-" + "9" * 5000,
    "true",
    "null",
    "[]",
    '["2026-05-04"]',
    '{"date": "2026-05-04"}',
)
ODD_VALUES = (*ODD_DATES, '"\\u0000"', '"\\ud800"', '"javascript:alert(1)"', '"http://[::1"', "-1")


def feed_of(date: str) -> bytes:
    """A JSON feed of three entries, whose second has that date, as JSON."""
    entries = [
        f'{{"id": "{n}", "title": "Paper {n}", "url": "https://example.org/{n}", '
        f'"date_published": {date if n == 2 else json.dumps("2026-05-04T09:00:00+02:00")}}}'
        for n in (1, 2, 3)
    ]
    version = "https://jsonfeed.org/version/1.1"
    return f'{{"version": "{version}", "items": [{", ".join(entries)}]}}'.encode()


@pytest.mark.parametrize("date", ODD_DATES, ids=lambda date: date[:30])
async def test_K17_an_odd_date_costs_its_entry_the_date_and_nothing_else(
    http: Http, mirror: Mirror, date: str
) -> None:
    mirror.routes["/feed"] = Reply(feed_of(date))
    found = await FeedSource(Feed(name="journal", url=f"{mirror.url}/feed"), http).fetch(Ask(NOW))
    assert (found.state, found.error) == (SourceState.FRESH, "")
    assert [one.title for one in found.sightings] == ["Paper 1", "Paper 2", "Paper 3"]
    first, odd, last = [one.published for one in found.sightings]
    assert first == last == datetime(2026, 5, 4, 7, tzinfo=UTC)
    assert odd is None


@pytest.mark.parametrize("form", ["rss", "atom"])
async def test_K17_odd_dates_in_xml_cost_their_entries_the_date(
    http: Http, mirror: Mirror, form: str
) -> None:
    dates = [json.loads(date) for date in ODD_DATES if date.startswith('"') and len(date) < 100]
    dates += ["Mon, 01 Jan 0001 00:00:00 +0500", "Fri, 31 Dec 99999 23:59:59 -0500", "0", "99:99"]
    dates += ["Mon, 04 May 2026 09:00:00 +9999999999", "20260504T99", "-0001-13-32"]
    name = "pubDate" if form == "rss" else "published"
    entries = "".join(
        f"<{'item' if form == 'rss' else 'entry'}><title>Paper {n}</title><id>{n}</id>"
        f"<guid>{n}</guid><{name}>{date}</{name}></{'item' if form == 'rss' else 'entry'}>"
        for n, date in enumerate([*dates, "2026-05-04T09:00:00Z"])
    )
    body = (
        f'<?xml version="1.0"?><rss version="2.0"><channel>{entries}</channel></rss>'
        if form == "rss"
        else f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'
    )
    mirror.routes["/feed"] = Reply(body.encode())
    found = await FeedSource(Feed(name="journal", url=f"{mirror.url}/feed"), http).fetch(Ask(NOW))
    assert (found.state, len(found.sightings)) == (SourceState.FRESH, len(dates) + 1)
    assert found.sightings[-1].published == datetime(2026, 5, 4, 9, tzinfo=UTC)
    assert all(one.published is None or one.published <= NOW for one in found.sightings)


def test_K17_odd_dates_in_oai_cost_their_records_the_date() -> None:
    dates = [json.loads(date) for date in ODD_DATES if date.startswith('"') and len(date) < 100]
    records = "".join(
        '<record><metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/">'
        f"<id>2605.{n:05}</id><created>{date}</created><title>Paper {n}</title>"
        "</arXiv></metadata></record>"
        for n, date in enumerate([*dates, "2026-05-04"])
    )
    body = f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{records}</OAI-PMH>'
    found, _ = from_oai(body.encode(), NOW)
    assert len(found) == len(dates) + 1
    assert found[-1].published == datetime(2026, 5, 4, tzinfo=UTC)
    assert [one.published for one in found[:-1]] == [None] * len(dates)


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else ()
    for key, one in list(enumerate(value)) if isinstance(value, list) else inner:
        yield (*way, key)
        yield from _places(one, (*way, key))


def _with(item: Any, way: tuple[Any, ...], odd: str) -> str:
    """An item as JSON, with another value at one place."""
    changed, mark = copy.deepcopy(item), "@@odd@@"
    inside = changed
    for key in way[:-1]:
        inside = inside[key]
    inside[way[-1]] = mark
    return json.dumps(changed).replace(f'"{mark}"', odd)


LISTED = {
    "paper": {
        "id": "2605.00009",
        "title": "A listed paper",
        "summary": "What it says.",
        "upvotes": 3,
        "githubStars": 4,
        "githubRepo": "https://github.com/ann/nets",
        "publishedAt": "2026-05-05T00:00:00.000Z",
        "authors": [{"name": "Ann Lee", "hidden": False}],
        "organization": {"name": "inria", "fullname": "Inria"},
        "ai_summary": "Short.",
    },
    "numComments": 2,
}
PREPRINT = {
    "doi": "10.1101/2026.05.01.000009",
    "title": "A preprint",
    "authors": "Lee, A. B.; Chen, B.",
    "author_corresponding_institution": "Inria",
    "date": "2026-05-05",
    "version": "1",
    "category": "neuroscience",
    "abstract": "What it says.",
    "published": "NA",
}
STORY = {
    "objectID": "9",
    "url": "https://arxiv.org/abs/2605.00009",
    "points": 10,
    "num_comments": 2,
}
ENTRY = {
    "id": "9",
    "title": "An entry",
    "url": "https://example.org/9",
    "content_html": "<p>What it says.</p>",
    "authors": [{"name": "Ann Lee"}],
    "date_published": "2026-05-05T00:00:00Z",
}


def _listed(mirror: Mirror, http: Http, items: list[str]) -> Source:
    mirror.answer = Reply(f"[{', '.join(items)}]".encode())
    return HuggingFaceSource(HuggingFace(url=f"{mirror.url}/papers", days=0), http)


def _preprints(mirror: Mirror, http: Http, items: list[str]) -> Source:
    body = f'{{"messages": [{{"status": "ok"}}], "collection": [{", ".join(items)}]}}'
    mirror.answer = Reply(body.encode())
    return BiorxivSource(Biorxiv(url=f"{mirror.url}/d", servers=("biorxiv",), days=0), http)


def _stories(mirror: Mirror, http: Http, items: list[str]) -> Source:
    mirror.answer = Reply(f'{{"hits": [{", ".join(items)}]}}'.encode())
    return HackerNewsSource(HackerNews(url=f"{mirror.url}/hn"), http)


def _entries(mirror: Mirror, http: Http, items: list[str]) -> Source:
    version = "https://jsonfeed.org/version/1.1"
    mirror.answer = Reply(f'{{"version": "{version}", "items": [{", ".join(items)}]}}'.encode())
    return FeedSource(Feed(name="journal", url=f"{mirror.url}/feed"), http)


def _good(item: Any, n: int) -> str:
    """The sound item as its n-th sibling, by another number."""
    return json.dumps(item).replace("00009", f"0000{n}").replace('"9"', f'"{n}"')


@pytest.mark.parametrize(
    ("item", "source"),
    [(LISTED, _listed), (PREPRINT, _preprints), (STORY, _stories), (ENTRY, _entries)],
    ids=["huggingface", "biorxiv", "hackernews", "json feed"],
)
async def test_K17_an_odd_value_anywhere_costs_its_own_item_at_most(
    http: Http,
    mirror: Mirror,
    item: Any,
    source: Callable[[Mirror, Http, list[str]], Source],
) -> None:
    odd = [_with(item, way, value) for way in _places(item) for value in ODD_VALUES]
    good = [_good(item, n) for n in (1, 2)]
    whole = await source(mirror, http, good).fetch(Ask(NOW))
    names = _named(whole)
    assert len(names) == 2
    for at in range(0, len(odd), 25):  # fewer than a page, so that no further one is asked for
        items = [good[0], *odd[at : at + 25], good[1]]
        found = await source(mirror, http, items).fetch(Ask(NOW))
        assert (found.state, found.error) == (SourceState.FRESH, "")
        assert names <= _named(found)
        for one in found.sightings:
            assert one.published is None or one.published <= NOW
        for signal in found.signals:
            assert 0 <= signal.value < float("inf")


def _named(harvest: Harvest) -> set[str]:
    papers = {one.title + one.source_id for one in harvest.sightings}
    return papers or {signal.about for signal in harvest.signals}


@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: value[:30])
async def test_K17_an_odd_count_of_stars_is_no_count(
    http: Http, mirror: Mirror, value: str
) -> None:
    mirror.answer = Reply(f'{{"stargazers_count": {value}}}'.encode())
    repositories = {"arxiv:2605.00001": "https://github.com/ann/nets"}
    source = GitHubSource(GitHub(url=mirror.url), http)
    found = await source.fetch(Ask(NOW, repositories=repositories))
    assert found.state in (SourceState.FRESH, SourceState.QUIET)
    assert all(0 <= signal.value < float("inf") for signal in found.signals)


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 99999 00:00:00 GMT",
        f"Mon, 01 Jan {'9' * 30} 00:00:00 GMT",
        f"Mon, 01 Jan {'9' * 5000} 00:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +99999999999999999999",
        "9" * 5000,
        "²",
        "-1",
        "NaN",
    ],
    ids=lambda value: value[:40],
)
def test_K17_an_odd_time_to_wait_is_clamped(value: str) -> None:
    for headers in (
        {"retry-after": value, "date": "Wed, 06 May 2026 09:00:00 GMT"},
        {"retry-after": "Wed, 06 May 2026 10:00:00 GMT", "date": value},
    ):
        assert 900 <= retry_after_s(headers) <= 86_400


# -- text that is made to cost time ----------------------------------------------------------------

SHAPES = (
    *("(", ")", "[", "]", "{", "}", "<", ">", "()", "[(", "{}", "\\{", "\\(", "\\[", "$", "$$"),
    *("^{", "_{", "$\\a", "\\frac{", "\\texorpdfstring{", "\\texorpdfstring{a}{", "\\left("),
    *("\\underset{", "\\sqrt[", "\\href{", "\\begin{a}", "\\binom{a}{", "\\text{", "\\'{", "\\\\"),
    *("<b>", "<b ", "<math>", "<mi>", "<tex-math>", "<!--", "<![CDATA[", "<?", "&lt;b&gt;", "&#"),
    *(
        "[1] ",
        "(1) ",
        "((1)",
        "^{1,",
        "1,2 ",
        "1 ",
        "9",
        "* ",
        "*",
        "a ",
        "a, ",
        "a; ",
        "A ",
        "J. ",
        "x@y.z ",
        "(a@",
        "0000-0000-",
        "(ORCID) ",
        "on behalf of ",
        " y e ",
    ),
    *("A van ", "van ", "de la ", "Jr., ", "Ph.D., ", "Dr ", "Dr. rer.", "et al ", "and ", "A B, "),
    *("Retracted: ", "[Retracted] ", "Correction to ", "Cover ", "C_ST_ABS", "O_LI", "``", "''"),
)


def _cost(work: Callable[[str], object], text: str) -> float:
    """Seconds of this thread, whatever others do beside it."""
    began = time.thread_time()
    work(text)
    return time.thread_time() - began


#: What may stand behind a run of them, so that a pattern that took the run has to give it back.
ENDS = ("", "x", "-1-1", ")", "; B")


@pytest.mark.parametrize("shape", SHAPES)
def test_K15_names_in_one_string_are_read_in_linear_time(shape: str) -> None:
    for end in ENDS:
        for read in (split_names, one_name, lambda text: split_affiliation(text[:1_000])):
            few, many = (
                _cost(read, "A" + shape * (chars // len(shape)) + end) for chars in (2_000, 8_000)
            )
            assert many < 8 * few + 0.05, (read.__name__, end)


@pytest.mark.parametrize("shape", SHAPES)
def test_K15_a_title_of_brackets_is_read_in_linear_time(shape: str) -> None:
    """Two hundred of them in one feed take less than a minute."""
    for end in ("", "</math>"):
        few, many = (
            _cost(_read_title, shape * (chars // len(shape)) + end) for chars in (800, 3_200)
        )
        assert many < 8 * few + 0.05, end
        assert many < 0.3, end


def _read_title(text: str) -> None:
    title = clean(text, TITLE_CHARS)
    judged(title, title, title)
    title_of(title)


async def test_K15_a_feed_of_hostile_titles_is_read_whole(http: Http, mirror: Mirror) -> None:
    texts = [shape * (3_200 // len(shape)) for shape in SHAPES]
    items = [
        {"id": f"{n}", "title": f"Paper {n} {text}", "authors": [{"name": text}]}
        for n, text in enumerate(texts)
    ]
    body = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items})
    mirror.routes["/feed"] = Reply(body.encode())
    found = await FeedSource(Feed(name="journal", url=f"{mirror.url}/feed"), http).fetch(Ask(NOW))
    assert found.state is SourceState.FRESH
    assert len(found.sightings) == len(SHAPES)


# -- bodies that cost more than they bring ---------------------------------------------------------


def _gzip(text: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(text) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "part"),
    [
        ("gzip", _gzip(b"")),  # members without a byte in them
        ("gzip", b"\x1f\x8b\x08\x08\0\0\0\0\0\0" + b"n" * 60_000 + b"\0\x03\0" + b"\0" * 8),
        ("gzip", _gzip(b"")[:10] + b"\0\0\0\xff\xff" * 10_000),  # stored blocks of no length
        ("deflate", b"\x78\x9c" + b"\0\0\0\xff\xff" * 10_000),
        ("gzip", _gzip(b"x") + b"\0" * 60_000),  # padding behind the end
    ],
    ids=["empty members", "long names", "empty blocks", "empty deflate blocks", "padding"],
)
async def test_K19_what_comes_over_the_wire_is_capped_whatever_it_inflates_to(
    mirror: Mirror, encoding: str, part: bytes
) -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n".encode())
        first = part if encoding == "gzip" else part[:2]
        block = first * max(1, 65_536 // len(first)) if encoding == "gzip" else part
        for n in range(700):  # 45 MB
            writer.write(block if n == 0 or encoding == "gzip" else part[2:])
            await writer.drain()
            sent += len(block)

    mirror.routes["/"] = flood
    limits = HttpConfig(allow_private_networks=True, timeout_s=30.0, max_body_bytes=2_000_000)
    async with Http(limits, "test") as client:
        began = time.process_time()
        error = await failure(client, f"{mirror.url}/")
        assert error.reason in ("too-large", "truncated")
        assert sent < 20_000_000  # three tries, and what the sockets hold
        assert time.process_time() - began < 5


async def test_K19_endless_chunks_of_one_byte_end_with_the_total_time(mirror: Mirror) -> None:
    async def chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1;name=value\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    mirror.routes["/"] = chunks
    async with Http(HttpConfig(allow_private_networks=True, timeout_s=1.0), "test") as client:
        began = time.monotonic()
        assert (await failure(client, f"{mirror.url}/")).reason == "timeout"
        assert time.monotonic() - began < 10
