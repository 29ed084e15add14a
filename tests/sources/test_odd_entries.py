"""One odd entry of a feed costs itself at most: the entries before and after it are read whole, in
RSS, Atom and JSON Feed.
"""

import json
from datetime import UTC, datetime

import pytest

from newsletter.config import Feed
from newsletter.models import Ask, Sighting, SourceState
from newsletter.sources.feed import FeedSource
from newsletter.sources.http import Http
from newsletter.text.markup import TITLE_CHARS
from tests.sources.mirror import Mirror, Reply

NOW = datetime(2026, 5, 6, 9, tzinfo=UTC)
AT = datetime(2026, 5, 4, 7, tzinfo=UTC)
PLACE = "https://example.org"
GOOD = (1, 3, 4)  #: numbers of the entries around the odd one, which is 2
TITLE, ID = b"<title>Paper 2</title>", f"<guid>{PLACE}/2</guid>".encode()
BOTH = TITLE + ID


def rss(odd: bytes) -> bytes:
    """A feed of four entries; `odd` is what stands in the second."""
    good = {
        n: f"<item><title>Paper {n}</title><link>{PLACE}/{n}</link><guid>{PLACE}/{n}</guid>"
        f"<description><![CDATA[Words <i>on</i> {n} &amp; more.]]></description>"
        "<dc:creator>Ann Lee</dc:creator><pubDate>Mon, 04 May 2026 07:00:00 GMT</pubDate></item>"
        for n in GOOD
    }
    before = '<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    before += f"<channel><title>J</title>{good[1]}<item>"
    return before.encode() + odd + f"</item>{good[3]}{good[4]}</channel></rss>".encode()


def atom(odd: bytes) -> bytes:
    """The same in Atom."""
    good = {
        n: f'<entry><title>Paper {n}</title><link href="{PLACE}/{n}"/><id>{PLACE}/{n}</id>'
        f'<summary type="html"><![CDATA[Words <i>on</i> {n} &amp; more.]]></summary>'
        "<author><name>Ann Lee</name></author><published>2026-05-04T07:00:00Z</published></entry>"
        for n in GOOD
    }
    for rss_name, name in ((b"guid>", b"id>"), (b"description>", b"summary>")):
        odd = odd.replace(rss_name, name)
    odd = odd.replace(b"pubDate>", b"published>")
    before = '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>J</title>'
    before += f"{good[1]}<entry>"
    return before.encode() + odd + f"</entry>{good[3]}{good[4]}</feed>".encode()


def text(content: bytes) -> bytes:
    return BOTH + b"<description>" + content + b"</description>"


#: The second entry, in the elements of RSS, and the titles that it may be read with.
ODD_XML = {
    "empty": (b"", ()),
    "no title": (ID, ()),
    "no link": (TITLE, ("Paper 2",)),
    "no date": (BOTH + b"<pubDate></pubDate>", ("Paper 2",)),
    "negative date": (BOTH + b"<pubDate>-1</pubDate>", ("Paper 2",)),
    "impossible date": (BOTH + b"<pubDate>Mon, 99 May 2026 99:99:99</pubDate>", ("Paper 2",)),
    "link that is none": (TITLE + b"<link>http://[::1</link>" + ID, ("Paper 2",)),
    "title of 200 kB": (b"<title>" + b"word " * 40_000 + b"</title>" + ID, ("word",)),
    "title of one word of 200 kB": (b"<title>" + b"w" * 200_000 + b"</title>" + ID, ("w",)),
    "text of 1 MB": (text(b"word " * 200_000), ("Paper 2",)),
    "two titles": (BOTH + b"<title>Paper 2</title>", ("Paper 2",)),
    "title with markup": (b"<title>Paper <i>2</i></title>" + ID, ("Paper 2",)),
    "markup": (text(b"<p>One <b>bold</b><br/></p>"), ("Paper 2",)),
    "crossed markup": (text(b"<p>One <b>bold <i>x</b></i> <br> y"), ("Paper 2",)),
    "deep markup": (text(b"<b>" * 5_000 + b"x" + b"</b>" * 5_000), ("Paper 2",)),
    "end without a beginning": (BOTH + b"</description>", ("Paper 2",)),
    "text that does not end": (BOTH + b"<description>Words", ("Paper 2",)),
    "title that does not end": (ID + b"<title>Paper 2", ()),
    "comment that does not end": (BOTH + b"<!-- Words", ("Paper 2",)),
    "comment with hyphens": (BOTH + b"<!-- a -- b -->", ("Paper 2",)),
    "signs": (text(b"p < 0.05, a<b && c &foo; &; &# d"), ("Paper 2",)),
    "end of CDATA": (text(b"<![CDATA[a ]]> b ]]>"), ("Paper 2",)),
    "control characters": (text(b"a\x00b\x0bc\x1f"), ("Paper 2",)),
    "bytes that are not UTF-8": (text(b"caf\xe9 au lait"), ("Paper 2",)),
    "half a pair": (text(b"caf\xed\xa0\x80"), ("Paper 2",)),
    "no characters": (text(b"a\xef\xbf\xbe\xef\xbf\xbfb"), ("Paper 2",)),
    "number of half a pair": (text(b"a &#xD800; &#57343; b"), ("Paper 2",)),
    "number of no character": (text(b"a &#0; &#x1F; &#xFFFE; &#1114112; b"), ("Paper 2",)),
    "negative number": (text(b"a &#-5; &#x-5; b"), ("Paper 2",)),
    "negative length": (
        BOTH + b'<enclosure url="https://example.org/2.pdf" length="-5" type="application/pdf"/>',
        ("Paper 2",),
    ),
    "unknown prefix": (BOTH + b"<foo:bar>x</foo:bar>", ("Paper 2",)),
    "attribute without quotes": (BOTH + b"<enclosure url=x length=-5>", ("Paper 2",)),
    "id of another": (
        TITLE + f"<guid>{PLACE}/3</guid><link>{PLACE}/2</link>".encode(),
        ("Paper 2",),
    ),
}


def check(sightings: tuple[Sighting, ...], titles: tuple[str, ...]) -> None:
    """The three good entries are there and whole, and the odd one at most once."""
    good = {one.title: one for one in sightings if one.links.get("abs") != f"{PLACE}/2"}
    for n in GOOD:
        one = good[f"Paper {n}"]
        assert one.abstract == f"Words on {n} & more."
        assert (one.authors, one.published) == (("Ann Lee",), AT)
        assert one.links["abs"] == f"{PLACE}/{n}"
    odd = [one for one in sightings if one.title not in {f"Paper {n}" for n in GOOD}]
    assert len(odd) == len(titles)
    for one, title in zip(odd, titles, strict=True):
        assert one.title.startswith(title) and len(one.title) <= TITLE_CHARS
        assert one.published is None or one.published <= NOW
        said = one.title + one.abstract
        assert said.encode() and not set(said) & set("\0\x0b\x1f\ufffe\uffff")


@pytest.mark.parametrize("form", [rss, atom])
@pytest.mark.parametrize("name", ODD_XML)
async def test_an_odd_entry_in_xml_costs_itself_at_most(
    http: Http, mirror: Mirror, form: object, name: str
) -> None:
    content, titles = ODD_XML[name]
    mirror.routes["/feed"] = Reply((rss if form is rss else atom)(content))
    found = await FeedSource(Feed(name="journal", url=f"{mirror.url}/feed"), http).fetch(Ask(NOW))
    assert (found.state, found.error) == (SourceState.FRESH, "")
    check(found.sightings, titles)


ODD_JSON = {
    "nothing": ("null", ()),
    "a number": ("-1", ()),
    "a list": ("[[]]", ()),
    "empty": ("{}", ()),
    "no title": ('{"id": 2}', ()),
    "no link": ('{"id": "2", "title": "Paper 2"}', ("Paper 2",)),
    "no id": ('{"title": "Paper 2"}', ("Paper 2",)),
    "negative id": ('{"id": -2, "title": "Paper 2"}', ("Paper 2",)),
    "negative date": ('{"id": 2, "title": "Paper 2", "date_published": -1}', ("Paper 2",)),
    "title of 200 kB": (json.dumps({"id": "2", "title": "word " * 40_000}), ("word",)),
    "title that is a number": ('{"id": "2", "title": -2}', ()),
    "text that is a list": ('{"id": "2", "title": "Paper 2", "content_text": [1]}', ("Paper 2",)),
    "authors that are a name": ('{"id": "2", "title": "Paper 2", "authors": "A"}', ("Paper 2",)),
    "half a pair": ('{"id": "2", "title": "Paper 2 \\ud800"}', ("Paper 2",)),
    "control characters": ('{"id": "2", "title": "Paper 2\\u0000\\u001f"}', ("Paper 2",)),
    "crossed markup": (
        '{"id": "2", "title": "Paper 2", "content_html": "<p>One <b>bold <i>x</b></i>"}',
        ("Paper 2",),
    ),
    "id of another": (
        json.dumps({"id": f"{PLACE}/3", "title": "Paper 2", "url": f"{PLACE}/2"}),
        ("Paper 2",),
    ),
}


@pytest.mark.parametrize("name", ODD_JSON)
async def test_an_odd_entry_in_json_costs_itself_at_most(
    http: Http, mirror: Mirror, name: str
) -> None:
    good = {
        n: json.dumps(
            {
                "id": f"{PLACE}/{n}",
                "url": f"{PLACE}/{n}",
                "title": f"Paper {n}",
                "content_html": f"Words <i>on</i> {n} &amp; more.",
                "authors": [{"name": "Ann Lee"}],
                "date_published": "2026-05-04T07:00:00Z",
            }
        )
        for n in GOOD
    }
    content, titles = ODD_JSON[name]
    items = ", ".join((good[1], content, good[3], good[4]))
    body = f'{{"version": "https://jsonfeed.org/version/1.1", "items": [{items}]}}'
    mirror.routes["/feed"] = Reply(body.encode())
    found = await FeedSource(Feed(name="journal", url=f"{mirror.url}/feed"), http).fetch(Ask(NOW))
    assert (found.state, found.error) == (SourceState.FRESH, "")
    check(found.sightings, titles)


async def test_entries_with_one_id_and_no_page_are_told_apart_by_their_titles(
    http: Http, mirror: Mirror
) -> None:
    entries = "".join(
        f'<item><title>{title}</title><guid isPermaLink="false">0</guid></item>'
        for title in ("Bees", "Wasps", "Bees")
    )
    body = f'<rss version="2.0"><channel><title>J</title>{entries}</channel></rss>'
    mirror.routes["/feed"] = Reply(body.encode())
    found = await FeedSource(Feed(name="journal", url=f"{mirror.url}/feed"), http).fetch(Ask(NOW))
    assert sorted(one.title for one in found.sightings) == ["Bees", "Wasps"]
