"""Feeds of every dialect through the product's own client: publishers' real ones, broken ones,
hostile ones.
"""

import itertools
import json
import tarfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from newsletter.config import Feed
from newsletter.models import Ask, Harvest, SourceState
from newsletter.sources import feed_sandbox
from newsletter.sources.feed import FeedSource
from newsletter.sources.http import Http
from tests.sources.mirror import Mirror, Reply

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)


def rss(*items: str, head: str = "") -> bytes:
    channel = f"<channel><title>J</title>{head}{''.join(items)}</channel>"
    return f'<?xml version="1.0"?><rss version="2.0">{channel}</rss>'.encode()


def item(title: str = "A paper", link: str = "https://example.org/1", more: str = "") -> str:
    return f"<item><title>{title}</title><link>{link}</link><guid>{link}</guid>{more}</item>"


async def look(
    http: Http, mirror: Mirror, body: bytes, last: Harvest | None = None, **headers: str
) -> Harvest:
    mirror.routes["/feed"] = Reply(
        body, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    source = FeedSource(Feed(name="journal", url=f"{mirror.url}/feed", field="q-bio.PE"), http)
    return await source.fetch(Ask(now=NOW, memory=last.memory if last else {}))


async def test_C01_an_unchanged_feed_is_quiet_and_keeps_its_validators(
    http: Http, mirror: Mirror
) -> None:
    first = await look(http, mirror, rss(item()), ETag='"v1"')
    assert first.state is SourceState.FRESH
    mirror.routes["/feed"] = Reply(status=304)
    source = FeedSource(Feed(name="journal", url=f"{mirror.url}/feed"), http)
    second = await source.fetch(Ask(now=NOW, memory=first.memory))
    assert (second.state, second.memory) == (SourceState.QUIET, first.memory)
    assert mirror.log[-1].headers["if-none-match"] == '"v1"'


async def test_a_feed_that_says_the_same_again_is_quiet(http: Http, mirror: Mirror) -> None:
    first = await look(http, mirror, rss(item()))
    again = await look(http, mirror, rss(item()), first)
    more = await look(http, mirror, rss(item(), item("Another", "https://example.org/2")), again)
    assert [h.state for h in (first, again, more)] == [
        SourceState.FRESH,
        SourceState.QUIET,
        SourceState.FRESH,
    ]


async def test_C05_a_feed_that_had_entries_and_is_empty_has_stalled(
    http: Http, mirror: Mirror
) -> None:
    first = await look(http, mirror, rss(item()), ETag='"v1"')
    empty = await look(http, mirror, rss(), first, ETag='"v2"')
    assert (empty.state, empty.memory) == (SourceState.STALLED, first.memory)
    assert "had 1 entries before" in empty.error
    never = await look(http, mirror, rss())
    assert never.state is SourceState.QUIET


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><head><title>503</title></head><body>Sorry</body></html>",
        b"\n <html><body><p>Login</body></html>",
        b"",
        b"Service unavailable",
        b"/etc/passwd",
        b"http://127.0.0.1:1/",
        b"\x00\x01\x02\x03",
        b"{}",
        b'{"items": []}',
        b"{" * 10_000,
        b"<?xml version='1.0'?><unknown><a/></unknown>",
    ],
)
async def test_C04_what_is_not_a_feed_has_failed_and_is_not_an_empty_one(
    http: Http, mirror: Mirror, body: bytes
) -> None:
    harvest = await look(http, mirror, body)
    assert harvest.state is SourceState.FAILED
    assert harvest.sightings == ()
    assert "/feed" in harvest.error


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9, 0.99])
async def test_C06_a_cut_off_document_is_rejected_whole(
    http: Http, mirror: Mirror, cut: float
) -> None:
    whole = rss(*(item(f"Paper {n}", f"https://example.org/{n}") for n in range(20)))
    harvest = await look(http, mirror, whole[: int(len(whole) * cut)])
    assert (harvest.state, harvest.sightings) == (SourceState.FAILED, ())
    assert "damaged" in harvest.error


async def test_a_sloppy_but_complete_feed_is_read(http: Http, mirror: Mirror) -> None:
    harvest = await look(http, mirror, rss(item("Cats & dogs&nbsp;at home")))
    assert [s.title for s in harvest.sightings] == ["Cats & dogs at home"]


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in itertools.pairwise("abcdefghij")
    )
    + ']><rss version="2.0"><channel><title>&j;</title>'
    "<item><title>&j;</title></item></channel></rss>"
)
QUADRATIC = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "'
    + "x" * 50_000
    + '">]><rss version="2.0"><channel><item><title>'
    + "&a;" * 20_000
    + "</title></item></channel></rss>"
)


@pytest.mark.parametrize("body", [LAUGHS, QUADRATIC], ids=["billion-laughs", "quadratic"])
async def test_C16_entity_bombs_are_harmless(http: Http, mirror: Mirror, body: str) -> None:
    harvest = await look(http, mirror, body.encode())
    assert sum(len(s.title) + len(s.abstract) for s in harvest.sightings) < 1_000


async def test_C16_external_entities_open_no_file_and_no_connection(
    http: Http, mirror: Mirror, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("CANARY")
    mirror.routes["/dtd"] = Reply(b"<!ENTITY c 'CANARY'>")
    doctype = (
        f'<!DOCTYPE rss SYSTEM "{mirror.url}/dtd" [<!ENTITY f SYSTEM "file://{secret}">'
        f'<!ENTITY h SYSTEM "{mirror.url}/h"><!ENTITY % p SYSTEM "{mirror.url}/p">%p;]>'
    )
    harvest = await look(
        http, mirror, rss(item("T &f; &h; &c;")).replace(b"?>", b"?>" + doctype.encode(), 1)
    )
    assert mirror.paths() == ["/feed"]
    assert not any("CANARY" in s.title for s in harvest.sightings)


@pytest.mark.parametrize(
    "body",
    [
        b"<rss version='2.0'><channel>" + b"<item>" * 20_000,
        b"<rss version='2.0'><channel>"
        + b"<a>" * 100_000
        + b"</a>" * 100_000
        + b"</channel></rss>",
        rss(item("x" * 5_000_000)),
        b"<rss version='2.0' a='"
        + b"x" * 5_000_000
        + b"'><channel>"
        + item().encode()
        + b"</channel></rss>",
    ],
    ids=["open-tags", "nested-tags", "long-title", "long-attribute"],
)
async def test_C17_monsters_end_within_the_limits(mirror: Mirror, http: Http, body: bytes) -> None:
    harvest = await look(http, mirror, body)
    assert harvest.state in (SourceState.FAILED, SourceState.FRESH, SourceState.QUIET)
    assert all(len(s.title) <= 300 for s in harvest.sightings)


@pytest.fixture
def small_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small = Path(feed_sandbox.__file__).read_text().replace("512 * 1024 * 1024", "64 * 1024 * 1024")
    (tmp_path / "feed_sandbox.py").write_text(small)
    monkeypatch.setattr("newsletter.sources.parsing._SANDBOX", tmp_path / "feed_sandbox.py")


@pytest.mark.usefixtures("small_sandbox")
async def test_C17_the_parser_is_stopped_when_it_takes_too_much_memory(
    http: Http, mirror: Mirror
) -> None:
    harvest = await look(http, mirror, rss(item("x" * 9_000_000)))
    assert harvest.state is SourceState.FAILED


async def test_C22_a_flood_of_entries_is_capped_and_told(http: Http, mirror: Mirror) -> None:
    harvest = await look(
        http, mirror, rss(*(item(f"Paper {n}", f"https://example.org/{n}") for n in range(5_000)))
    )
    assert len(harvest.sightings) == 2_000
    assert harvest.error == "only the first 2,000 of 5,000 entries were read"


TITLE = "Größe и 漢字"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (rss(item(TITLE)), {}),
        (b"\xef\xbb\xbf" + rss(item(TITLE)), {}),
        (rss(item(TITLE)).decode().replace("?>", " encoding='utf-16'?>", 1).encode("utf-16"), {}),
        (rss(item(TITLE)).replace(b"?>", b" encoding='iso-8859-1'?>", 1), {}),  # declared wrongly
        (rss(item(TITLE)), {"Content_Type": "text/xml; charset=iso-8859-1"}),  # served wrongly
        (rss(item(TITLE)), {"Content_Type": "text/html"}),
    ],
)
async def test_C18_encodings_are_read_by_the_rule(
    http: Http, mirror: Mirror, body: bytes, headers: dict[str, str]
) -> None:
    harvest = await look(http, mirror, body, **headers)
    assert [s.title for s in harvest.sightings] == [TITLE]


async def test_C18_latin_1_is_read_as_declared_or_served(http: Http, mirror: Mirror) -> None:
    plain = rss(item("Größe"))
    declared = plain.decode().replace("?>", " encoding='iso-8859-1'?>", 1).encode("latin-1")
    assert (await look(http, mirror, declared)).sightings[0].title == "Größe"
    served = await look(
        http, mirror, plain.decode().encode("latin-1"), Content_Type="text/xml; charset=iso-8859-1"
    )
    assert served.sightings[0].title == "Größe"


async def test_C18_a_document_that_cannot_be_decoded_is_rejected(
    http: Http, mirror: Mirror
) -> None:
    body = (
        rss(item("x" * 50))
        .replace(b"x" * 50, b"\xff\xfe\xfa" * 20)
        .replace(b"?>", b" encoding='utf-8'?>", 1)
    )
    harvest = await look(http, mirror, body)
    assert not any("\ufffd" in s.title for s in harvest.sightings)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 04 May 2026 08:00:00 GMT", NOW - timedelta(hours=1)),
        ("Thu, 01 Jan 2099 00:00:00 GMT", NOW),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("yesterday, or so", None),
        ("", None),
    ],
)
async def test_C19_dates_are_never_in_the_future(
    http: Http, mirror: Mirror, date: str, expected: datetime | None
) -> None:
    harvest = await look(http, mirror, rss(item(more=f"<pubDate>{date}</pubDate>")))
    assert harvest.sightings[0].published == expected


async def test_an_entry_without_a_title_is_known_by_its_first_words(
    http: Http, mirror: Mirror
) -> None:
    harvest = await look(
        http, mirror, rss("<item><description>A short remark.</description></item>", "<item/>")
    )
    assert [s.title for s in harvest.sightings] == ["A short remark."]


async def test_C20_entries_of_different_pages_are_not_one_whatever_their_id(
    http: Http, mirror: Mirror
) -> None:
    items = [
        f"<item><title>{name}</title><link>https://example.org/{name}</link><guid>latest</"
        "guid></item>"
        for name in ("wheat", "neutrinos", "spiders")
    ]
    harvest = await look(http, mirror, rss(*items))
    assert [s.title for s in harvest.sightings] == ["wheat", "neutrinos", "spiders"]
    assert len({s.source_id for s in harvest.sightings}) == 3
    assert (await look(http, mirror, rss(*items), harvest)).state is SourceState.QUIET


async def test_only_links_to_the_paper_itself_name_it(http: Http, mirror: Mirror) -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>J</title>
        <entry><id>urn:1</id><title>Wheat</title><link href="https://doi.org/10.5555/aaa.1"/>
        <link rel="related" href="https://arxiv.org/abs/2401.12345"/>
        <link rel="related" title="doi" href="https://doi.org/10.5555/AAA.1"/></entry></feed>"""
    (sighting,) = (await look(http, mirror, body)).sightings
    assert sighting.identifiers == ("doi:10.5555/aaa.1",)
    item = {
        "id": "1",
        "url": "https://blog.example/1",
        "external_url": "https://arxiv.org/abs/2402.00001",
        "title": "On it",
    }
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": [item]}
    (post,) = (
        await look(http, mirror, json.dumps(feed).encode(), content_type="application/feed+json")
    ).sightings
    assert post.identifiers == ()


async def test_nobody_is_called_none(http: Http, mirror: Mirror) -> None:
    creator = '<dc:creator xmlns:dc="http://purl.org/dc/elements/1.1/"/>'
    (sighting,) = (await look(http, mirror, rss(item("Spiders", more=creator)))).sightings
    assert sighting.authors == ()


async def test_C20_an_id_that_occurs_twice_is_one_entry(http: Http, mirror: Mirror) -> None:
    harvest = await look(http, mirror, rss(item("Old text"), item("New text"), item("No id", "")))
    assert [s.title for s in harvest.sightings] == ["New text", "No id"]


async def test_C23_hostile_markup_and_links_do_not_come_through(http: Http, mirror: Mirror) -> None:
    title = "&lt;script&gt;alert(1)&lt;/script&gt;Nets &lt;img src=x onerror=alert(1)&gt;"
    harvest = await look(
        http,
        mirror,
        rss(item(title, "javascript:alert(1)", "<description>&lt;svg onload=x&gt;</description>")),
    )
    (paper,) = harvest.sightings
    assert (paper.title, paper.abstract, dict(paper.links)) == ("Nets", "", {})


async def test_C26_a_source_that_is_down_keeps_what_was_remembered(
    http: Http, mirror: Mirror
) -> None:
    first = await look(http, mirror, rss(item()), ETag='"v1"')
    mirror.routes["/feed"] = Reply(b"", 503, {"Retry-After": "7200"})
    down = await FeedSource(Feed(name="journal", url=f"{mirror.url}/feed"), http).fetch(
        Ask(NOW, memory=first.memory)
    )
    assert (down.state, down.memory, down.retry_after_s) == (SourceState.FAILED, first.memory, 7200)


async def test_json_feeds_are_read(http: Http, mirror: Mirror) -> None:
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Blog",
        "items": [
            {
                "id": "1",
                "url": "https://arxiv.org/abs/2512.22525v2",
                "title": "On $\\alpha$",
                "content_html": "<p>Text</p>",
                "authors": [{"name": "Ann Lee"}],
                "date_published": "2026-05-03T10:00:00+02:00",
            },
            {"id": 2, "title": None},
            "junk",
            {"id": 3, "title": "Only a title", "date_published": "junk", "authors": "x"},
        ],
    }
    harvest = await look(http, mirror, b"\xef\xbb\xbf" + json.dumps(feed).encode())
    first, last = harvest.sightings
    assert (first.title, first.abstract, first.authors) == ("On α", "Text", ("Ann Lee",))
    assert first.identifiers == ("arxiv:2512.22525",)
    assert first.published == datetime(2026, 5, 3, 8, tzinfo=UTC)
    assert last.title == "Only a title"


@pytest.fixture
def journals(data_dir: Path) -> list[Path]:
    return sorted(
        path for path in (data_dir / "journal_rss" / "cache").glob("20*/*") if path.is_file()
    )


async def test_real_publishers_feeds_are_read_with_identifiers_and_authors(
    http: Http, mirror: Mirror, journals: list[Path]
) -> None:
    states: Counter[str] = Counter()
    papers = []
    for path in journals:
        harvest = await look(http, mirror, path.read_bytes())
        states[harvest.state] += 1
        papers += harvest.sightings
    # An HTML page that asks who we are and two JSON files of another kind; three J-STAGE feeds are
    # empty.
    assert states == {"fresh": len(journals) - 6, "failed": 3, "quiet": 3}
    assert len(papers) > 1_500
    assert sum(bool(p.identifiers) for p in papers) > 0.6 * len(papers)
    assert sum(bool(p.authors) for p in papers) > 0.8 * len(papers)
    assert not any("</" in p.title or "&amp;" in p.title for p in papers)


async def test_a_journal_on_the_next_day_says_little_new(
    http: Http, mirror: Mirror, journals: list[Path]
) -> None:
    by_name: dict[str, list[Path]] = {}
    for path in journals:
        by_name.setdefault(path.name, []).append(path)
    repeated = [paths for paths in by_name.values() if len(paths) > 1]
    assert repeated
    for first, second in (paths[:2] for paths in repeated):
        before = await look(http, mirror, first.read_bytes())
        after = await look(http, mirror, second.read_bytes(), before)
        if first.read_bytes() == second.read_bytes():
            assert after.state is SourceState.QUIET


def test_no_malformed_feed_crashes_the_parser(data_dir: Path) -> None:
    """3,360 test feeds of feedparser, gofeed and rome, without the child process around the
    parser.
    """
    outcomes: Counter[str] = Counter()
    with tarfile.open(data_dir / "feeds_malformed.tar.gz") as archive:
        for n, member in enumerate(archive):
            stream = archive.extractfile(member)
            if (
                stream is None
                or not member.name.endswith((".xml", ".rss", ".atom", ".rdf"))
                or n % 3
            ):
                continue
            try:
                found = feed_sandbox.parse(stream.read(), "http://example.org/feed", "")
            except Exception as e:
                outcomes[f"crash {type(e).__name__} {member.name}"] += 1
                continue
            outcomes["failed" if found["error"] or not found["version"] else "parsed"] += 1
            json.dumps(found)
    assert [name for name in outcomes if name.startswith("crash")] == []
    assert outcomes["parsed"] > 800


async def test_malformed_feeds_end_in_a_state_through_the_whole_client(
    http: Http, mirror: Mirror, data_dir: Path
) -> None:
    states: Counter[str] = Counter()
    with tarfile.open(data_dir / "feeds_malformed.tar.gz") as archive:
        for n, member in enumerate(archive):
            stream = archive.extractfile(member)
            if stream is None or n % 120 or not member.name.endswith(".xml"):
                continue
            states[(await look(http, mirror, stream.read())).state] += 1
    assert set(states) <= {SourceState.FRESH, SourceState.QUIET, SourceState.FAILED}
    assert states[SourceState.FRESH]
