"""Titles that are written from right to left keep their place in a line of another direction."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from newsletter.models import EventKind, PaperEvent
from newsletter.steps.compose.locale import load_languages
from newsletter.steps.compose.paper_facts import PaperFacts
from newsletter.steps.compose.renderer import Renderer
from newsletter.text.markup import isolated
from tests.compose.samples import ROOT, digest, html, shown, text

FSI, PDI = "\u2068", "\u2069"
HEBREW = "למידה עמוקה לחיזוי מזג אוויר"
ARABIC = "نموذج لغوي للعربية"
MIXED = "GPT-4 للعربية"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("Deep nets", "Deep nets"),
        ("大模型推理综述", "大模型推理综述"),
        ("", ""),
        (HEBREW, f"{FSI}{HEBREW}{PDI}"),
        (MIXED, f"{FSI}{MIXED}{PDI}"),
        (f"{FSI}{HEBREW}{PDI}", f"{FSI}{HEBREW}{PDI}"),
    ],
)
def test_15_only_text_from_right_to_left_is_isolated(given: str, wanted: str) -> None:
    assert isolated(given) == wanted


@pytest.mark.parametrize("code", ["en", "de"])
def test_15_what_is_put_into_a_sentence_is_isolated(code: str) -> None:
    words = load_languages(ROOT / "templates" / "words")[code]
    for key in ("news.withdrawn", "news.published"):
        said = words.say(key, title=HEBREW)
        assert f"{FSI}{HEBREW}{PDI}" in said
        assert FSI not in words.say(key, title="Deep nets")
    assert words.join(("Bees", ARABIC, HEBREW)).count(FSI) == 2
    assert FSI not in words.join(("Bees", "Trees"))


def _with_titles(*titles: str) -> dict[int, PaperFacts]:
    facts = shown()
    for key, title in zip(sorted(facts), titles, strict=False):
        facts[key] = replace(facts[key], title=title)
    return facts


@pytest.mark.parametrize("language", ["en", "de"])
def test_15_subject_and_first_words_isolate_titles_and_other_lines_stay(
    renderer: Renderer, language: str
) -> None:
    plain = digest(renderer, language)
    assert FSI not in plain.subject + plain.preheader + text(plain) + html(plain)
    facts = _with_titles(*[f"{HEBREW} {n}" for n in range(len(shown()))])
    letter = digest(renderer, language, shown=facts)
    for line in (letter.subject, letter.preheader):
        assert HEBREW[:12] in line
        assert line.count(FSI) == line.count(PDI) >= 1
        assert line.index(FSI) < line.index(HEBREW[:12])
    # A title that is a line of its own needs nothing: programs look at its first letter.
    alone = [line for line in text(letter).splitlines() if line.strip().startswith(HEBREW[:12])]
    assert alone and not any(FSI in line for line in alone)


def test_15_a_sentence_about_an_event_isolates_its_title(renderer: Renderer) -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    event = PaperEvent(1, EventKind.WITHDRAWN, HEBREW, at, "https://example.org/1", "arxiv")
    letter = digest(renderer, events=(event,))
    said = f"Withdrawn since we sent it to you: “{FSI}{HEBREW}{PDI}”."
    assert said in " ".join(text(letter).split())
    assert said in html(letter)
