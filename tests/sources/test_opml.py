"""One defect in an OPML file costs one feed, not all."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import InputError
from newsletter.sources.opml import read_opml


def opml(*outlines: str, head: str = '<?xml version="1.0"?>\n') -> bytes:
    return f'{head}<opml version="2.0"><body>\n{chr(10).join(outlines)}\n</body></opml>'.encode()


HEAD = '<?xml version="1.0" encoding="{}"?>\n'
GOOD = '<outline text="Good" xmlUrl="https://good.uni-a.org/feed"/>'


def test_10_bare_ampersand_opml() -> None:
    found = read_opml(
        opml(
            '<outline text="Left & right" xmlUrl="https://a.uni-a.org/feed"/>',
            '<outline text="B" xmlUrl="https://b.uni-a.org/f?x=1&y=2" '
            'htmlUrl="https://b/?x=1&copy"/>',
        )
    )
    assert found.feeds == [
        ("Left & right", "https://a.uni-a.org/feed"),
        ("B", "https://b.uni-a.org/f?x=1&y=2"),
    ]
    assert not found.lost


def test_10_opml_html_entity() -> None:
    found = read_opml(
        opml('<outline text="Caf&eacute; &nosuch; &lt;b" xmlUrl="https://a.uni-a.org/"/>')
    )
    assert found.feeds == [("Café &nosuch; <b", "https://a.uni-a.org/")]


@pytest.mark.parametrize(
    "outline",
    [
        '<outline text="5" screens" xmlUrl="https://bad.uni-a.org/"/>',
        '<outline text="open xmlUrl="https://bad.uni-a.org/"/>',
        '<outline text="a < b" xmlUrl="https://bad.uni-a.org/"/>',
        '<outline text=bare xmlUrl="https://bad.uni-a.org/"',
    ],
)
def test_a_broken_outline_costs_itself_and_is_named_by_its_line(outline: str) -> None:
    found = read_opml(opml(GOOD, outline, GOOD.replace("good", "better")))
    urls = [url for _, url in found.feeds]
    assert urls[0] == "https://good.uni-a.org/feed" and urls[-1] == "https://better.uni-a.org/feed"
    assert found.lost == (4,)


@pytest.mark.parametrize(
    "body",
    [
        opml(GOOD).removesuffix(b"</body></opml>"),
        opml("<outline text='Folder'>", GOOD),
        opml("\x0b", GOOD),
        opml(GOOD).replace(b"<outline", b"<OUTLINE"),
        b"\xef\xbb\xbf" + opml(GOOD),
        b"\n\n" + opml(GOOD),
        opml(GOOD).decode().encode("utf-16"),
        opml(GOOD, head="<!DOCTYPE opml>"),
        opml(GOOD, head='<?xml version="1.0" encoding="klingon"?>'),
        opml('<outline text="caf\u00e9"/>', GOOD).decode().encode("cp1252"),
    ],
)
def test_a_defect_of_the_file_costs_no_feed(body: bytes) -> None:
    assert ("Good", "https://good.uni-a.org/feed") in read_opml(body).feeds


@pytest.mark.parametrize(
    ("outline", "url"),
    [
        ('<outline text="a" text="b" xmlUrl="https://x.uni-a.org/"/>', "https://x.uni-a.org/"),
        ("<outline text=Bare xmlUrl=https://x.uni-a.org/f />", "https://x.uni-a.org/f"),
        ('<outline text="F" xmlUrl="feed:https://x.uni-a.org/f"/>', "https://x.uni-a.org/f"),
        ('<outline text="F" xmlUrl="feed://x.uni-a.org/f"/>', "http://x.uni-a.org/f"),
        ('<outline text="F" type="rss" url="https://x.uni-a.org/f"/>', "https://x.uni-a.org/f"),
        ('<outline text="F" xmlUrl=" https://x.uni-a.org/f\n"/>', "https://x.uni-a.org/f"),
        ('<outline text="a&#1;b\x01" xmlUrl="https://x.uni-a.org/f"/>', "https://x.uni-a.org/f"),
        (
            '<outline text="F">\n</outlin>\n<outline xmlUrl="https://x.uni-a.org/f"/>',
            "https://x.uni-a.org/f",
        ),
    ],
)
def test_a_feed_that_is_written_oddly_is_read(outline: str, url: str) -> None:
    found = read_opml(opml(GOOD, outline))
    assert [link for _, link in found.feeds] == ["https://good.uni-a.org/feed", url]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (
            opml(
                '<outline text="Café" xmlUrl="https://x.uni-a.org/"/>',
                head=HEAD.format("iso-8859-1"),
            ),
            "Café",
        ),
        (
            opml('<outline text="Café" xmlUrl="https://x.uni-a.org/"/>', head=HEAD.format("utf-8"))
            .decode()
            .encode("latin-1"),
            "Café",
        ),
        (
            opml(
                '<outline text="Cafe" xmlUrl="https://x.uni-a.org/"/>', head=HEAD.format("utf-16")
            ),
            "Cafe",
        ),
        (
            opml(
                '<outline text="日本" xmlUrl="https://x.uni-a.org/"/>',
                head=HEAD.format("iso-2022-jp"),
            )
            .decode()
            .encode("iso-2022-jp"),
            "日本",
        ),
    ],
)
def test_a_wrong_declaration_of_the_encoding_costs_nothing(body: bytes, name: str) -> None:
    assert read_opml(body).feeds == [(name, "https://x.uni-a.org/")]


def test_two_files_in_one_and_text_before_them_cost_no_feed() -> None:
    more = GOOD.replace("good", "more")
    for body in (opml(GOOD) + opml(more, head=""), b"My list:\n" + opml(GOOD, more)):
        urls = [url for _, url in read_opml(body).feeds]
        assert urls == ["https://good.uni-a.org/feed", "https://more.uni-a.org/feed"]


def test_entities_are_refused_in_every_encoding() -> None:
    hostile = "<!DOCTYPE x [<!ENTITY a 'b'>]>" + opml(GOOD, head="").decode()
    for encoding in ("utf-8", "utf-16"):
        with pytest.raises(InputError, match="entities"):
            read_opml(hostile.encode(encoding))


@given(st.binary(max_size=300))
def test_no_bytes_end_in_anything_but_feeds_and_an_error(content: bytes) -> None:
    try:
        assert read_opml(opml(GOOD) + content).feeds
        read_opml(content)
    except InputError:
        pass


def test_a_long_broken_file_is_read_in_linear_time() -> None:
    began = time.process_time()
    read_opml(opml(*[GOOD, '<outline text="x"y" xmlUrl="'] * 20_000))
    assert time.process_time() - began < 5
