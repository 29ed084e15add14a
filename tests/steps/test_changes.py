"""What happened to a paper that we know, told from records and from notices."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from newsletter.models import EventKind, Paper, RecordKind, Sighting
from newsletter.steps.changes import came_back, changes, event_of, subject_of

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
PAPER = Paper(
    "2605.00001",
    "Neurons of the brain that count to seven",
    key=1,
    authors=("Ann Lee", "Bo Chen"),
    identifiers=("arxiv:2605.00001",),
)
SEEN = Sighting("arxiv", "2605.00001", PAPER.title, identifiers=PAPER.identifiers)


def kinds(before: Paper, after: Paper, *seen: Sighting) -> list[str]:
    return [event.kind.value for event in changes(before, after, seen or (SEEN,), NOW)]


def test_a_withdrawal_and_a_retraction_are_told_apart() -> None:
    gone = replace(PAPER, is_withdrawn=True)
    assert kinds(PAPER, gone) == ["withdrawn"]
    retracted = replace(SEEN, kind=RecordKind.RETRACTED, is_withdrawn=True)
    assert kinds(PAPER, gone, retracted) == ["retracted"]
    assert kinds(gone, gone) == []
    assert came_back(gone, PAPER) and not came_back(PAPER, gone)


def test_a_preprint_that_gets_a_journals_doi_is_published() -> None:
    after = replace(PAPER, identifiers=(*PAPER.identifiers, "doi:10.1000/x.1"))
    event = changes(PAPER, after, (SEEN,), NOW)[0]
    assert (event.kind, event.url, event.reference) == (
        EventKind.PUBLISHED,
        "https://doi.org/10.1000/x.1",
        "10.1000/x.1",
    )
    assert kinds(after, after) == []
    assert kinds(replace(PAPER, identifiers=()), after) == []  # it was no preprint


NOTICE = Sighting(
    "journal",
    "n1",
    PAPER.title,
    authors=("Ann Lee", "Bo Chen"),
    links={"abs": "https://journal.example.org/n1"},
    kind=RecordKind.CORRECTION,
)


def test_a_notice_is_about_the_paper_whose_title_or_identifier_it_names() -> None:
    other = replace(
        PAPER, key=2, id="b", title="Something else entirely here", identifiers=("doi:10.1/b",)
    )
    assert subject_of(NOTICE, [PAPER, other]) == PAPER
    named = replace(NOTICE, title="Doe et al. (2019)", identifiers=("doi:10.1/b",))
    assert subject_of(named, [PAPER, other]) == other
    assert subject_of(replace(NOTICE, authors=("Carl Gauß",)), [PAPER]) is None
    assert subject_of(replace(NOTICE, title="Neurons"), [replace(PAPER, title="Neurons")]) is None
    assert subject_of(NOTICE, [PAPER, replace(PAPER, key=3)]) is None  # it fits two


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (RecordKind.CORRECTION, EventKind.CORRECTED),
        (RecordKind.RETRACTION, EventKind.RETRACTED),
        (RecordKind.CONCERN, EventKind.CONCERN),
    ],
)
def test_a_notice_becomes_an_event_of_its_paper(kind: RecordKind, event: EventKind) -> None:
    made = event_of(replace(NOTICE, kind=kind), PAPER, NOW)
    assert (made.paper, made.kind, made.title) == (1, event, PAPER.title)
    assert made.url == "https://journal.example.org/n1"
