"""What a digest says, and that it is true: subject, preheader, headline, cards, reasons, sections,
footer.
"""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from newsletter.errors import LetterError
from newsletter.models import FOLLOWED, Heat, Letter, Paper, Pick, Reason
from newsletter.steps.compose import PaperFacts, Renderer, Silence, show
from tests.compose import samples
from tests.compose.samples import (
    DAY,
    LINKS,
    PICKS,
    digest,
    heat,
    html,
    links,
    paper,
    renderer,
    shown,
    text,
)


def one(renderer: Renderer, paper: Paper, warmth: Heat, *reasons: Reason, **changes: Any) -> Letter:
    """A letter with that paper alone."""
    facts = {paper.key: PaperFacts.from_facts(show(paper, warmth))}
    return digest(
        renderer, picks=[Pick(paper.key, 1, 1.0, 1.0, 1.0, reasons)], shown=facts, **changes
    )


def second(
    renderer: Renderer, paper: Paper, warmth: Heat, *reasons: Reason, **changes: Any
) -> Letter:
    """Return a letter in which that paper is the second and last, so that it has the normal
    layout.
    """
    facts = {
        0: PaperFacts.from_facts(show(samples.paper(0, "First", "Al Abe"), heat(1))),
        paper.key: PaperFacts.from_facts(show(paper, warmth)),
    }
    picks = [Pick(0, 1, 1.0, 1.0, 1.0), Pick(paper.key, 1, 1.0, 1.0, 1.0, reasons)]
    return digest(renderer, picks=picks, shown=facts, **changes)


def many(
    count: int, title: str = "A robot that folds its own laundry number {}", **more: Any
) -> dict[str, Any]:
    """Return picks and facts of this many papers."""
    papers = [
        paper(key, title.replace("{}", str(key)), "Ann Aber, Bo Bell", **more)
        for key in range(1, count + 1)
    ]
    facts = {p.key: PaperFacts.from_facts(show(p, heat(2, ("upvotes", 31, 1)))) for p in papers}
    return {"picks": [Pick(p.key, 1 + p.key % 3, 1.0, 1.0, 1.0) for p in papers], "shown": facts}


def seen(page: str) -> str:
    """Return what a browser would show, as one line."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            if self.get_starttag_text() not in ("<style>", "<title>"):
                found.append(data)

    Reader().feed(page)
    return " ".join("".join(found).replace("\xa0", " ").split())


# -- the inbox -------------------------------------------------------------------------------------


def test_subject_is_the_best_title_to_its_colon_the_number_of_others_and_the_day(
    renderer: Renderer,
) -> None:
    assert digest(renderer).subject == "Grasping by draping + 7 more papers (20 Nov 2026)"


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("Short proofs", "Short proofs"),
        (
            "Touch: pretraining that transfers across grippers of all kinds",
            "Touch: pretraining that transfers across...",
        ),
        (
            "Learning to walk on ice and on sand and on gravel",
            "Learning to walk on ice and on sand and on...",
        ),
        (
            "Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrik",
            "Donaudampfschifffahrtsgesellschaftskapitänsm…",
        ),
    ],
)
def test_subject_has_at_most_45_characters_of_a_title(
    renderer: Renderer, title: str, subject: str
) -> None:
    letter = one(renderer, paper(1, title, "Ann Aber"), heat(1))
    assert letter.subject == f"{subject} (20 Nov 2026)" and len(subject) <= 45


def test_subject_counts_one_other_paper_in_the_singular(renderer: Renderer) -> None:
    assert (
        digest(renderer, picks=PICKS[:2]).subject
        == "Grasping by draping + 1 more paper (20 Nov 2026)"
    )
    assert (
        digest(renderer, "de", picks=PICKS[:2]).subject
        == "Grasping by draping + 1 weiterer Artikel (20.11.2026)"
    )


def test_preheader_is_the_next_three_titles(
    renderer: Renderer,
) -> None:
    expected = (
        "Pneumatic muscles that count their own strokes. Sea ice thins from below. A melt "
        "pond atlas from hobby drones."
    )
    assert digest(renderer).preheader == expected


def test_preheader_takes_whole_titles_and_then_more_when_cut_ones_are_short(
    renderer: Renderer,
) -> None:
    begun = (
        "A melt pond atlas from hobby drones. We moored twelve sonars under the pack ice, "
        "cf. Fig. 2, and kept them there for eleven…"
    )
    assert digest(renderer, picks=PICKS[2:4]).preheader == begun


@given(
    st.lists(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=200), min_size=1, max_size=12
    )
)
@settings(deadline=None, max_examples=150)
def test_subject_and_preheader_are_one_printable_line_of_the_right_length(
    titles: list[str],
) -> None:
    papers = [paper(key, title, "Ann Aber") for key, title in enumerate(titles)]
    facts = {p.key: PaperFacts.from_facts(show(p, heat(1))) for p in papers}
    letter = digest(PRESS, picks=[Pick(p.key, 1, 1.0, 1.0, 1.0) for p in papers], shown=facts)
    assert len(letter.preheader) <= 130
    # A title that is written from right to left stands between two marks.
    subject, preheader = (
        re.sub("\u2068([^\u2066-\u2069]*)\u2069", r"\1", line)
        for line in (letter.subject, letter.preheader)
    )
    assert len(subject) <= 45 + len(" + 11 more papers (20 Nov 2026)")
    assert not re.search(
        "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", subject + preheader
    )


# -- the head --------------------------------------------------------------------------------------


def test_headline_counts_in_words_and_the_lede_names_what_it_was_picked_for(
    renderer: Renderer,
) -> None:
    page = seen(html(digest(renderer)))
    assert (
        "Eight papers out of 1,204. Picked for Soft robots, Sea ice, proof OR lemma and authors "
        "you follow." in page
    )
    assert "A two-minute read; some summaries are machine-written." in page


def test_short_mail_says_how_short_it_is(renderer: Renderer) -> None:
    assert "Two papers out of 1,204" in seen(html(digest(renderer, picks=PICKS[:2])))
    assert "One paper out of 1,204" in seen(html(digest(renderer, picks=PICKS[:1])))
    assert "Ein Artikel von 1.204" in seen(html(digest(renderer, "de", picks=PICKS[:1])))
    assert "13 papers out of 1,204" in seen(html(digest(renderer, **many(13))))


@pytest.mark.parametrize(
    ("picks", "sentence"),
    [
        ((0, 1), "read; the summaries are machine-written."),
        ((0, 2), "read; some summaries are machine-written."),
        ((2, 5), "A one-minute read."),
    ],
)
def test_lede_says_machine_written_only_where_it_is_so(
    renderer: Renderer, picks: tuple[int, ...], sentence: str
) -> None:
    assert sentence in text(digest(renderer, picks=[PICKS[n] for n in picks])).replace("\n", " ")


def test_lede_names_at_most_four_topics(renderer: Renderer) -> None:
    topics = {n: replace(samples.TOPICS[1], id=n, name=f"Topic {n}") for n in range(1, 7)}
    picks = [pick._replace(topic=n) for n, pick in enumerate(PICKS[:6], 1)]
    letter = digest(renderer, picks=picks, topics=topics)
    assert "Picked for Topic 1, Topic 2, Topic 3 and 3 more topics." in seen(html(letter))


def test_missed_letter_is_named_and_linked(renderer: Renderer) -> None:
    url = "https://papers.example.org/issues/2026-11-18"
    letter = digest(renderer, missed=(date(2026, 11, 18), url))
    assert "Your letter of Wednesday 18 November 2026 may not have reached you." in seen(
        html(letter)
    )
    assert url in links(html(letter)) and url in text(letter)
    assert url not in html(digest(renderer))


# -- cards -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Nothing new has come from bioRxiv, arXiv for more than a day"),
        ("de", "Seit über einem Tag kommt nichts Neues von bioRxiv, arXiv"),
    ],
)
def test_C03_sources_without_news_are_named_once_in_each_part(
    renderer: Renderer, language: str, said: str
) -> None:
    late = samples.digest(renderer, language, silence=Silence(("bioRxiv", "arXiv")))
    assert samples.text(late).replace("\n", " ").count(said) == 1
    assert samples.html(late).count(said) == 1
    for part in (samples.text, samples.html):
        assert said[:20] not in part(samples.digest(renderer, language)).replace("\n", " ")


def test_sections_stand_in_the_order_of_the_picks_with_their_counts(renderer: Renderer) -> None:
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", html(digest(renderer)))
    assert headings == [
        "Soft robots",
        "Sea ice",
        "proof OR lemma",
        "Authors you follow",
        "Outside your topics",
    ]
    assert (
        re.findall(r"^[A-Z ]+ \(\d\)$", text(digest(renderer)), re.MULTILINE)[0]
        == "SOFT ROBOTS (1)"
    )


def test_a_topic_that_is_gone_still_heads_its_papers(renderer: Renderer) -> None:
    assert "A topic you had" in html(digest(renderer, topics={}))


@pytest.mark.parametrize(
    ("facts", "published", "signal"),
    [
        ([("upvotes", 312, 1)], None, "Hot · 312 upvotes in 1 day"),
        ([("upvotes", 19, 0), ("comments", 3, 0)], None, "Hot · 19 upvotes today"),
        ([("stars", 1123, 4)], None, "Hot · 1.1k stars in 4 days"),
        ([("mentions", 1, 2)], None, "Hot · 1 mention in 2 days"),
        ([("points", 12_345, 3)], None, "Hot · 12.3k points in 3 days"),
        ([], datetime(2026, 11, 20, tzinfo=UTC), "Hot · new today"),
        ([], datetime(2026, 11, 19, tzinfo=UTC), "Hot · new yesterday"),
        ([], datetime(2026, 11, 17, tzinfo=UTC), "Hot"),
        ([], None, "Hot"),
    ],
)
def test_signal_is_a_fact_or_nothing(
    renderer: Renderer, facts: list[Any], published: datetime | None, signal: str
) -> None:
    letter = second(renderer, paper(1, "Ice", "Ann Aber", published=published), heat(3, *facts))
    assert f"{signal} Ice" in seen(html(letter))


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        ([Reason("topic", "Soft robots")], ""),
        ([Reason("outside")], ""),
        ([Reason("keyword", "verifier")], " · keyword “verifier”"),
        ([Reason("keyword", "w" * 60)], f" · keyword “{'w' * 39}…”"),
        ([Reason("author", "Ann Aber")], " · you follow Ann Aber"),
        ([Reason("title", "graph proofs")], " · in the title: graph proofs"),
        ([Reason("abstract", "lemma")], " · in the abstract: lemma"),
        ([Reason("title", "proof"), Reason("abstract", "lemma")], " · in the title: proof"),
        ([Reason("near", "Old ice")], " · like “Old ice”"),
        ([Reason("near", "1")], " · near a paper you liked"),
        ([Reason("near", "2")], " · near 2 papers you liked"),
        ([Reason("keyword", "<b>&</b>")], " · keyword “<b>&</b>”"),
        (
            [Reason("author", "Ann Aber"), Reason("near", "2")],
            " · you follow Ann Aber · near 2 papers you liked",
        ),
    ],
)
def test_reason_is_said_where_the_section_does_not(
    renderer: Renderer, reasons: list[Reason], said: str
) -> None:
    letter = second(renderer, paper(1, "Ice", "Ann Aber"), heat(3, ("upvotes", 3, 1)), *reasons)
    assert f"3 upvotes in 1 day{said} Ice" in seen(html(letter))
    assert (
        f"3 upvotes in 1 day{said.replace(' · ', ' ', 1).replace(' · ', '; ')} https"
        in " ".join(text(letter).split())
    )


@pytest.mark.parametrize(
    ("authors", "affiliations", "byline"),
    [
        ("Ann Aber", (), "Ann Aber"),
        ("Ann Aber, Bo Bell", ("Lab",), "Ann Aber, Bo Bell · Lab"),
        ("Ann Aber, Bo Bell, Cy Cole", ("Lab", "Inst", "Univ"), "Ann Aber … Cy Cole · Lab, Inst"),
        ("", ("Lab",), "Lab"),
    ],
)
def test_byline_names_first_and_last_and_two_places(
    renderer: Renderer, authors: str, affiliations: tuple[str, ...], byline: str
) -> None:
    made = replace(
        paper(1, "Ice", authors, affiliations=affiliations),
        authors=tuple(filter(None, authors.split(", "))),
    )
    assert f"Ice {byline} Abstract" in seen(html(second(renderer, made, heat(1))))


def test_a_paper_without_authors_or_summary_has_no_empty_lines_for_them(renderer: Renderer) -> None:
    bare = replace(paper(1, "Ice", ""), authors=())
    page = html(second(renderer, bare, heat(1)))
    assert "Ice Abstract PDF" in seen(page) and not re.search(r"<p[^>]*>\s*</p>", page)


def test_every_summary_says_where_it_comes_from(renderer: Renderer) -> None:
    machine = seen(
        html(second(renderer, paper(1, "Ice", "Ann Aber", "Ice melts. Slowly."), heat(1)))
    )
    abstract = seen(
        html(second(renderer, paper(1, "Ice", "Ann Aber", abstract="One. Two. Three."), heat(1)))
    )
    assert "Ice melts. Slowly. Machine-written Abstract" in machine
    assert "One. Three. From the abstract Abstract" in abstract


def test_links_say_what_has_gathered_there(renderer: Renderer) -> None:
    facts = (("stars", 1140, 1), ("comments", 1, 1))
    letter = one(
        renderer,
        paper(1, "Ice", "Ann Aber", links=samples.code(1) | samples.talk(1)),
        heat(3, *facts),
    )
    assert "Abstract PDF Code ★ +1.1k 1 comment More like this Less" in seen(html(letter))


def test_a_paper_without_an_abstract_page_leads_to_what_there_is(renderer: Renderer) -> None:
    made = replace(
        paper(1, "Ice", "Ann Aber"),
        links={"pdf": "https://x.example/1.pdf", "abs": "javascript:alert(1)"},
    )
    letter = one(renderer, made, heat(1))
    assert '<a href="https://x.example/1.pdf" class="t"' in html(
        letter
    ) and "javascript" not in html(letter)
    assert "https://x.example/1.pdf" in text(letter)


def test_a_paper_without_links_is_still_shown(renderer: Renderer) -> None:
    letter = second(renderer, replace(paper(1, "Ice", "Ann Aber"), links={}), heat(1))
    assert "Ice Ann Aber More like this Less" in seen(html(letter))


def test_votes_lead_to_this_readers_addresses(renderer: Renderer) -> None:
    votes = {f"{LINKS.feedback}/{vote}/{p.paper}" for p in PICKS for vote in ("more", "less")}
    assert votes <= links(html(digest(renderer)))


# -- hostile and large -----------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "{{7*7}} {% include 'x' %}",
    "%s %(more)s %d",
    "\x00more\x00 \x00sections\x00",
    "\u202eevil\u2066",
    '" onmouseover="x',
    "a\r\nBcc: all@example.org",
    "</title><b>",
    "&amp; &lt;",
    "\ud800 lone",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_D01_hostile_words_are_shown_as_words(renderer: Renderer, words: str) -> None:
    made = paper(1, words, words, words, affiliations=(words,))
    topics = {1: replace(samples.TOPICS[1], name=words)}
    letter = one(renderer, made, heat(3), Reason("keyword", words), topics=topics)
    shown = " ".join(re.sub("[\x00\u202e\u2066\ud800]", " ", words).split())
    assert letter.html_page.encode("utf-8")
    assert seen(html(letter)).count(shown) >= 5
    assert not re.search(r"<script|<b>&|onmouseover=\"", html(letter))
    assert letter.subject.isprintable() and letter.subject


@given(st.text(max_size=120), st.text(max_size=200))
@settings(deadline=None, max_examples=150)
def test_any_title_comes_back_from_html_as_it_went_in(title: str, summary: str) -> None:
    made = paper(1, title, "Ann Aber", summary)
    letter = one(PRESS, made, heat(1))
    facts = PaperFacts.from_facts(show(made, heat(1)))
    shown = re.search(r'class="t"[^>]*>(.*?)</a>', html(letter), re.DOTALL)
    assert shown is not None and unescape(shown[1]) == facts.title
    assert all(cell_len(line) <= 72 or "://" in line for line in text(letter).split("\n"))


def test_ten_absurdly_long_papers_stay_within_60_kb(renderer: Renderer) -> None:
    title, place = (
        "An absurdly long title that goes on and on about the number {} " * 8,
        "The Institute of Institutes " * 4,
    )
    long = many(10, title, summary="Very long words. " * 90, affiliations=(place, place))
    letter = digest(renderer, **long)
    assert len(html(letter).encode()) <= 60_000
    assert "did not fit" not in html(letter)


def test_D04_a_letter_that_would_be_clipped_is_trimmed_and_says_so_first(
    renderer: Renderer,
) -> None:
    letter = digest(renderer, **many(90))
    page = html(letter)
    assert 60_000 < len(page.encode()) <= 90_000
    left = re.search(r"(\d+) more papers did not fit into this letter\.", seen(page))
    assert left is not None and page.count("<h3") == 89 - int(left[1])
    assert page.encode().index(LINKS.unsubscribe.encode()) < 20_000
    assert text(letter).index(LINKS.unsubscribe) < 3_000


def test_D04_the_page_in_the_browser_has_all_of_it(renderer: Renderer) -> None:
    page = html(digest(renderer, **many(60), is_hosted=True))
    assert page.count("<h3") == 59 and "did not fit" not in page


def test_D03_a_digest_without_papers_is_refused(renderer: Renderer) -> None:
    with pytest.raises(LetterError, match="without papers"):
        digest(renderer, picks=())


def test_an_issue_without_the_papers_facts_is_an_error(renderer: Renderer) -> None:
    with pytest.raises(LetterError, match="nothing about paper 1"):
        digest(renderer, shown={})


# -- one reader and the next -----------------------------------------------------------------------


def test_cards_are_the_same_objects_in_every_letter(renderer: Renderer) -> None:
    facts = shown()
    first = digest(renderer, shown=facts)
    second = digest(
        renderer,
        shown=facts,
        email="other@example.org",
        token="x" * 60,
    )
    known = set(map(id, first.html))
    same = [block for block in second.html if id(block) in known]
    assert len("".join(same)) > 0.95 * len("".join(second.html))
    assert html(second).count("x" * 60) > 2 * len(PICKS) and samples.TOKEN not in html(second)
    assert "other@example.org" in html(second) and "mira@example.org" not in html(second)


def test_a_letter_made_twice_is_the_same(renderer: Renderer) -> None:
    assert digest(renderer) == digest(samples.renderer())


def test_reader_of_plain_text_gets_plain_text_only(renderer: Renderer) -> None:
    letter = digest(renderer, format="text")
    assert letter.html == () and text(letter) == text(digest(renderer))


def test_page_in_the_browser_does_not_show_the_address(renderer: Renderer) -> None:
    page = html(digest(renderer, is_hosted=True, format="text"))
    assert "mira@example.org" not in page and LINKS.view not in links(page)
    assert (
        LINKS.unsubscribe in links(page) and 'role="main"' in page and 'content="noindex"' in page
    )
    assert "This letter was sent on 20 November 2026." in seen(page)


def test_footer_says_when_the_address_was_confirmed(renderer: Renderer) -> None:
    assert (
        "because mira@example.org was confirmed on 3 November 2026. Unsubscribe or view in browser."
        in seen(html(digest(renderer)))
    )
    assert "because mira@example.org is subscribed." in seen(
        html(digest(renderer, confirmed_at=None))
    )


def test_followed_author_has_a_section_of_its_own(renderer: Renderer) -> None:
    letter = digest(renderer, picks=[PICKS[0]._replace(topic=FOLLOWED)])
    assert "Picked for authors you follow." in " ".join(text(letter).split())
    assert "Authors you follow" in html(letter)


def test_frozen_facts_survive_json(renderer: Renderer) -> None:
    for made, warmth in samples.PAPERS:
        facts = show(made, warmth)
        assert PaperFacts.from_facts(json.loads(json.dumps(facts))) == PaperFacts.from_facts(facts)


def test_issue_day_is_the_letters_day(renderer: Renderer) -> None:
    assert "Fri 20 Nov" in html(digest(renderer)) and "Fr., 20. Nov." in html(
        digest(renderer, "de")
    )
    assert "Friday 20 November 2026" in text(digest(renderer)) and DAY.isoformat() not in text(
        digest(renderer)
    )


PRESS = renderer()
