"""The definition of done that the design guide sets for every letter, in every language."""

import re

import pytest
from rich.cells import cell_len

from newsletter.errors import LetterError
from newsletter.mail_kinds import CONFIRM, KNOWN, find
from newsletter.models import Letter
from newsletter.steps.compose import Renderer
from tests.compose.samples import (
    KINDS,
    LANGUAGES,
    LINKS,
    NOTICE_VALUES,
    digest,
    html,
    letter,
    links,
    text,
)

EVERY = [(kind, language) for kind in KINDS for language in LANGUAGES]


@pytest.fixture(params=EVERY, ids=lambda pair: "-".join(pair))
def every(request: pytest.FixtureRequest, renderer: Renderer) -> Letter:
    """Every letter, in each language."""
    return letter(renderer, *request.param)


def test_it_has_a_subject_and_both_parts(every: Letter) -> None:
    assert every.subject.isprintable() and 10 <= len(every.subject) <= 80
    assert f"<title>{every.subject}</title>" in html(every)
    assert text(every).endswith("\n") and not text(every).endswith("\n\n")


def test_it_is_small_and_its_style_blocks_are_smaller(every: Letter) -> None:
    assert len(html(every).encode()) <= 60_000
    assert all(
        len(block) < 8_000 for block in re.findall(r"<style>.*?</style>", html(every), re.DOTALL)
    )


def test_nothing_that_clients_drop_or_readers_did_not_ask_for(every: Letter) -> None:
    page = html(every)
    assert not re.findall(r"<(img|script|main|nav|form|link|svg|iframe|base|input|button)\b", page)
    assert not re.search(r"\drem\b|rgba\(|@import|url\(|var\(--|<!--(?!\[if mso\]>|\[endif)", page)


def test_every_table_says_that_it_is_layout(every: Letter) -> None:
    tables = re.findall(r"<table\b[^>]*>", html(every))
    assert tables and all('role="presentation"' in table for table in tables)


def test_language_and_direction_stand_on_the_page_and_on_the_first_div(every: Letter) -> None:
    found = re.findall(r'\blang="(\w+)" dir="(ltr|rtl)"', html(every))
    assert len(found) == 2 and len(set(found)) == 1


def test_tags_are_closed_in_order(every: Letter) -> None:
    open_tags: list[str] = []
    for closing, tag in re.findall(
        r"<(/?)([a-z][a-z0-9]*)\b[^>]*>", re.sub(r"<!--.*?-->", "", html(every))
    ):
        if closing:
            assert open_tags.pop() == tag
        elif tag not in ("meta", "br"):
            open_tags.append(tag)
    assert not open_tags


def test_plain_text_keeps_to_72_columns(every: Letter) -> None:
    lines = text(every).splitlines()
    assert [line for line in lines if cell_len(line) > 72 and "://" not in line] == []
    assert "\xa0" not in text(every)
    assert not re.search(r"\n\n\n|[ \t]\n", text(every))


def test_D07_plain_text_leads_where_html_does(every: Letter) -> None:
    found = set(re.findall(r"https?://\S+", text(every))) - {LINKS.archive}
    assert found <= links(html(every))
    if every.kind in NOTICE_VALUES:
        assert found == links(html(every)) - {LINKS.archive}
    else:  # one link per paper; the letter's page has the others
        assert {LINKS.preferences, LINKS.unsubscribe, LINKS.view} <= found
        titles = re.findall(r'<a href="([^"]*)" class="t">', html(every))
        assert set(titles) <= found and bool(titles) == (every.kind != "quiet_alone")


def test_links_are_pages_and_nothing_else(every: Letter) -> None:
    assert links(html(every)) and all(
        url.startswith(("https://", "http://")) for url in links(html(every))
    )


def test_no_blank_and_no_template_is_left(every: Letter) -> None:
    assert "\0" not in html(every) + text(every)
    assert "{" not in re.sub(r"<style>.*?</style>|<pre.*?</pre>", "", html(every), flags=re.DOTALL)


def test_fragments_are_whole_lines(every: Letter) -> None:
    assert all(str(fragment).endswith("\n") for fragment in (*every.html, *every.text))


def test_D01_D02_a_readers_name_is_in_no_letter(renderer: Renderer) -> None:
    name = "Win €500 at www.example.com"
    notices = [
        renderer.notice(find(kind), "en", name=name, **values)
        for kind, values in NOTICE_VALUES.items()
    ]
    letters = [digest(renderer, name=name), *notices]
    assert not [letter.kind for letter in letters if "500" in html(letter) + text(letter)]


def test_D06_a_missing_value_is_an_error_and_not_an_empty_place(renderer: Renderer) -> None:
    with pytest.raises(LetterError, match="'confirm' is undefined"):
        renderer.notice(CONFIRM, "en", email="mira@example.org", days=7)


def test_a_kind_of_mail_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(LetterError, match="no mail of the kind 'condolence'") as error:
        find("condolence")
    assert "confirm, welcome, known" in error.value.hint


def test_an_unknown_language_is_english(renderer: Renderer) -> None:
    assert renderer.notice(KNOWN, "tlh", **NOTICE_VALUES["known"]) == letter(
        renderer, "known", "en"
    )


@pytest.mark.parametrize("kind", NOTICE_VALUES)
def test_values_are_escaped_in_html(renderer: Renderer, kind: str) -> None:
    hostile = dict(NOTICE_VALUES[kind])
    hostile |= {
        name: "<b>&</b>" for name in ("email", "new_email", "problems", "data") if name in hostile
    }
    assert "<b>&</b>" not in html(renderer.notice(find(kind), "en", **hostile))
