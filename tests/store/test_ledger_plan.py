"""Planning: who gets a row, once, on both databases."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select

from newsletter import pipeline
from newsletter.editions import Edition, choose_for
from newsletter.matching.index import Index
from newsletter.models import Heat, Paper, Pick, Reason, Subscriber, SubscriberState, Topic
from newsletter.pipeline import SILENT_DAYS, plan
from newsletter.steps.choose import CandidateSet
from newsletter.steps.due import Due
from newsletter.steps.match import match
from newsletter.store import feedback, ledger_plan, ledger_read, subscribers, tables
from newsletter.store.db import reading, writing

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
DAY = timedelta(days=1)
HOURS = timedelta(hours=18)
TOPICS = [
    Topic(1, "glaciers", "Glaciers", "glacier"),
    Topic(2, "bees", "Bees", "bees"),
    Topic(3, "none", "N", "zzz"),
]
PAPERS = [
    Paper(
        "g1",
        "Glacier melt seen from space",
        key=1,
        authors=("Ada Lovelace",),
        first_seen=NOW - HOURS,
    ),
    Paper("g2", "How a glacier calves", key=2, authors=("Lin Wu",), first_seen=NOW - HOURS),
    Paper("b1", "Bees that count to four", key=3, authors=("Max Frisch",), first_seen=NOW - HOURS),
]


MORE = [
    *PAPERS,
    Paper("o1", "Owls over the fjord", key=4, authors=("Jo Park",), first_seen=NOW),
    Paper("o2", "Rivers under the ice", key=5, authors=("Ida Berg",), first_seen=NOW),
    Paper("o3", "A census of moss", key=6, authors=("Ola Dahl",), first_seen=NOW),
]
#: The same work again, hotter.
AGAIN = Paper("o4", "A census of moss", key=7, authors=("Uma Rao",), first_seen=NOW)


def edition_of(engine: Engine, now: datetime = NOW, papers: Sequence[Paper] = PAPERS) -> Edition:
    heats = {paper.key: Heat(0.1 * paper.key, 1, "") for paper in papers}
    matches, by_id = match(TOPICS, papers, Index()), {topic.id: topic for topic in TOPICS}
    candidates = CandidateSet.prepare(papers, heats, matches, by_id, now)
    return Edition(now, {paper.key: paper for paper in papers}, heats, by_id, matches, candidates)


def fill(engine: Engine, *wishes: tuple[int, ...], timezone: str = "UTC") -> list[int]:
    """Add a reader for each tuple of topics."""
    with writing(engine) as connection:
        if connection.scalar(select(tables.topics.c.id).limit(1)) is None:
            keep = ("key", "id", "title", "first_seen")
            connection.execute(
                insert(tables.papers),
                [{name: getattr(paper, name) for name in keep} for paper in (*MORE, AGAIN)],
            )
            fields = ("id", "slug", "name", "query")
            connection.execute(
                insert(tables.topics),
                [{name: getattr(topic, name) for name in fields} for topic in TOPICS],
            )
        made = []
        for number, wished in enumerate(wishes):
            email = f"reader{number}.{timezone.replace('/', '.')}@example.org".lower()
            reader = Subscriber(0, email, SubscriberState.ACTIVE, topics=wished, timezone=timezone)
            made.append(subscribers.add(connection, reader, email, NOW).id)
        return made


def due(now: datetime = NOW, timezone: str = "UTC", day: date | None = None) -> Due:
    return Due(timezone, 7, "weekdays", day or now.date(), now - timedelta(hours=2))


def planned(engine: Engine) -> list[tuple[int, str, str, list[int]]]:
    deliveries = tables.deliveries
    with reading(engine) as connection:
        rows = connection.execute(
            select(
                deliveries.c.subscriber, deliveries.c.kind, deliveries.c.state, deliveries.c.picks
            ).order_by(deliveries.c.id)
        ).all()
    return [
        (row[0], row[1], row[2], [pick[0] for pick in json.loads(row[3] or "[]")]) for row in rows
    ]


def test_everybody_due_has_one_row_and_planning_twice_changes_nothing(any_engine: Engine) -> None:
    ada, lin, max = fill(any_engine, (1,), (2, 1), (3,))
    [first] = plan(any_engine, edition_of(any_engine), [due()], HOURS)
    rows = planned(any_engine)
    assert (first.planned, first.quiet) == (2, 1)
    assert [(row[0], row[2]) for row in rows] == [
        (ada, "pending"),
        (lin, "pending"),
        (max, "quiet"),
    ]
    assert sorted(rows[0][3]) == [1, 2] and sorted(rows[1][3]) == [1, 2, 3] and rows[2][3] == []
    assert plan(any_engine, edition_of(any_engine), [due()], HOURS) == []
    assert planned(any_engine) == rows


def test_a_frozen_row_says_what_the_store_says_elsewhere(any_engine: Engine) -> None:
    [ada] = fill(any_engine, (1,))
    plan(any_engine, edition_of(any_engine), [due()], HOURS)
    deliveries = tables.deliveries
    with reading(any_engine) as connection:
        row = connection.execute(
            select(deliveries.c.due_at, deliveries.c.expires_at).where(
                deliveries.c.due_at == due().wish
            )
        ).one()
        assert tuple(row) == (due().wish, due().wish + HOURS)
        assert ledger_read.seen_papers(connection, ada, ada, NOW) == {ada: {1, 2}}


def test_the_edge_of_a_batch_loses_nobody(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "BATCH", 3)
    readers = fill(engine, *[(1,), (3,)] * 5)
    [result] = plan(engine, edition_of(engine), [due()], HOURS)
    assert [row[0] for row in planned(engine)] == readers
    assert (result.planned, result.quiet) == (5, 5)


def test_what_was_sent_is_not_sent_again(any_engine: Engine) -> None:
    fill(any_engine, (1,))
    plan(any_engine, edition_of(any_engine), [due()], HOURS)
    [again] = plan(any_engine, edition_of(any_engine, NOW + DAY), [due(NOW + DAY)], HOURS)
    assert (again.planned, again.quiet) == (0, 1)


def test_a_silent_week_ends_in_one_note(any_engine: Engine) -> None:
    fill(any_engine, (3,))
    for days in range(SILENT_DAYS + 1):
        now = NOW + days * DAY
        fresh = [replace(paper, first_seen=now - HOURS) for paper in PAPERS]
        plan(any_engine, edition_of(any_engine, now, fresh), [due(now)], HOURS)
    said = [(kind, state) for _, kind, state, _ in planned(any_engine)]
    silent = [("digest", "quiet")]
    assert said == silent * (SILENT_DAYS - 1) + [("quiet", "pending")] + silent


def quiet_weeks(
    engine: Engine, days: int, papers: Sequence[Paper], **settings: object
) -> list[tuple[str, list[int]]]:
    """Kind and papers of the letters that a reader of a topic without papers gets on `days` days
    in a row, while the same papers stay eligible.
    """
    (reader,) = fill(engine, (3,))
    with writing(engine) as connection:
        subscribers.change(connection, reader, **settings)
    for number in range(days):
        now = NOW + number * DAY
        fresh = [replace(paper, first_seen=now - HOURS) for paper in papers]
        plan(engine, edition_of(engine, now, fresh), [due(now)], HOURS)
    return [(kind, picks) for _, kind, state, picks in planned(engine) if state == "pending"]


def test_K10_no_quiet_note_has_a_paper_of_an_earlier_one(any_engine: Engine) -> None:
    hottest_first = quiet_weeks(any_engine, 3 * SILENT_DAYS, MORE)
    assert hottest_first == [("quiet", [6, 5, 4]), ("quiet", [3, 2, 1]), ("quiet_alone", [])]


def test_K10_no_quiet_note_has_a_paper_that_the_reader_was_sent(any_engine: Engine) -> None:
    (reader,) = fill(any_engine, (1,))
    plan(any_engine, edition_of(any_engine, papers=MORE), [due()], HOURS)
    assert planned(any_engine)[0][3] == [2, 1]
    for number in range(1, SILENT_DAYS + 1):
        now = NOW + number * DAY
        fresh = [replace(paper, first_seen=now - HOURS) for paper in MORE[:4]]
        plan(any_engine, edition_of(any_engine, now, fresh), [due(now)], HOURS)
    assert planned(any_engine)[-1] == (reader, "quiet", "pending", [4, 3])


def test_K10_no_quiet_note_has_a_muted_word(any_engine: Engine) -> None:
    said = quiet_weeks(any_engine, SILENT_DAYS, MORE, muted=("moss", "under the ice"))
    assert said == [("quiet", [4, 3, 2])]


def test_K10_no_quiet_note_has_one_paper_under_two_titles(any_engine: Engine) -> None:
    assert quiet_weeks(any_engine, SILENT_DAYS, [*MORE, AGAIN]) == [("quiet", [7, 5, 4])]


def test_K10_a_quiet_note_brings_nothing_from_outside_to_my_topics(any_engine: Engine) -> None:
    said = quiet_weeks(any_engine, 2 * SILENT_DAYS, MORE, mix="match")
    assert said == [("quiet_alone", [])] * 2


def test_two_local_dates_at_once_are_two_issues(any_engine: Engine) -> None:
    [here], [there] = fill(any_engine, (1,)), fill(any_engine, (1,), timezone="Pacific/Kiritimati")
    groups = [due(timezone="Pacific/Kiritimati", day=NOW.date() + DAY), due()]
    first, second = plan(any_engine, edition_of(any_engine), groups, HOURS)
    assert first.issue != second.issue and first.planned == second.planned == 1
    assert [row[0] for row in planned(any_engine)] == [here, there]


def test_in_a_blackout_nobody_is_called_quiet(any_engine: Engine) -> None:
    ada, _ = fill(any_engine, (1,), (3,))
    edition = replace(edition_of(any_engine), is_blackout=True)
    plan(any_engine, edition, [due()], HOURS)
    assert [row[0] for row in planned(any_engine)] == [ada] and edition.no_content == 1


def test_a_vote_taken_back_leaves_no_trace(any_engine: Engine) -> None:
    [ada] = fill(any_engine, (1, 2))
    edition = edition_of(any_engine)
    with writing(any_engine) as connection:
        reader = subscribers.get(connection, ada)
    before = choose_for(any_engine, reader, edition)
    for value in (1, 0):
        with writing(any_engine) as connection:
            feedback.vote(connection, ada, 3, value, NOW)
        after = choose_for(any_engine, reader, edition)
        assert (after == before) == (value == 0)


def test_picks_are_read_as_they_were_packed_all_of_them_or_the_first() -> None:
    picks = tuple(
        Pick(paper, 1, 0.5, 0.25, 0.75, (Reason("topic", "Graphs"),)) for paper in (1, 2, 3)
    )
    packed = ledger_plan.pack_picks(picks)
    assert ledger_plan.unpack_picks(packed) == ledger_plan.unpack_picks(packed, 0) == picks
    assert ledger_plan.unpack_picks(packed, 2) == picks[:2]
    assert ledger_plan.unpack_picks(None) == ()
