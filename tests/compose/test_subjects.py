"""Subjects of many days: mail programs show letters with the same subject as one conversation."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from newsletter import mail_kinds
from newsletter.models import OUTSIDE, Pick, Reason, Subscriber
from newsletter.steps.compose import IssueFacts, PaperFacts, Renderer, show
from tests.compose.samples import LANGUAGES, READER, SLOTTED, TOKEN, digest, heat, paper

#: Titles of different papers, of which subjects show the same words; one is the best each day.
ALIKE = (
    "Correction",
    "A survey of large language models for scientific discovery in chemistry",
    "A survey of large language models for scientific discovery in biology",
    "A survey of large language models for scientific discovery: part I",
    "A survey of large language models for scientific discovery: part II",
    "Deep nets: how they learn",
    "Deep nets: how they forget",
    "Deep nets",
    "Was Bienen wissen?",
    "深度學習的一篇綜述：第一部分",
)
FIRST = date(2026, 2, 20)  #: the forty days see March, which is not ASCII in German


def _subjects(renderer: Renderer, reader: Subscriber, size: int, kind: str) -> Iterator[str]:
    """Yield the subjects of forty days."""
    for day in range(40):
        title = ALIKE[day // 4 % len(ALIKE)]
        papers = [paper(1000 * day + 1, title, "Ann Aber")]
        papers += [paper(1000 * day + n, f"Another {n}", "Ann Aber") for n in range(2, size + 1)]
        facts = {one.key: PaperFacts.from_facts(show(one, heat(1))) for one in papers}
        picks = [Pick(key, OUTSIDE, 1.0, 0.0, 1.0, (Reason("outside"),)) for key in facts]
        compose = renderer.digest if kind == mail_kinds.DIGEST.name else renderer.quiet
        issue = IssueFacts(FIRST + timedelta(day), 1204, facts)
        chosen = [] if kind == mail_kinds.QUIET_ALONE.name else picks
        yield compose(reader, chosen, issue, SLOTTED, TOKEN).subject


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("kind", "size"),
    [("digest", 1), ("digest", 2), ("digest", 8), ("digest", 12), ("quiet", 3), ("quiet_alone", 0)],
)
def test_no_reader_gets_the_same_subject_twice(
    renderer: Renderer, language: str, kind: str, size: int
) -> None:
    reader = replace(READER, language=language)
    subjects = list(_subjects(renderer, reader, size, kind))
    assert len(subjects) == 40
    for n, subject in enumerate(subjects):
        assert subject not in subjects[max(0, n - 30) : n]
        assert len(subject) <= 80
        assert subject.isascii() or any(c > "\u2e80" for c in subject)


def test_a_year_later_the_same_title_makes_another_subject(renderer: Renderer) -> None:
    days = (date(2026, 11, 20), date(2027, 11, 20))
    assert len({digest(renderer, day=day).subject for day in days}) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_in_a_subject_is_ascii_and_like_no_other(renderer: Renderer, language: str) -> None:
    days = [date(2026, 1, 1) + timedelta(n) for n in range(3 * 365)]
    shown = {renderer.words[language].date(day, "day_subject") for day in days}
    assert len(shown) == len(days) and all(map(str.isascii, shown))
