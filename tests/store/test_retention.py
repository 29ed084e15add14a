"""Old records are deleted in batches; counts and needed records stay."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, insert, select

from newsletter.app import App
from newsletter.config import Config, Retention
from newsletter.matching.query import parse
from newsletter.models import Merge, Paper, Sighting, Signal, Subscriber
from newsletter.store import (
    feedback,
    ledger_read,
    paper_search,
    papers,
    retention,
    signals,
    subscribers,
)
from newsletter.store import tables as at
from newsletter.store.db import reading, writing
from newsletter.tokens import Tokens

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
OLD = NOW - timedelta(days=500)
DAYS = {"letters": 400, "signals": 90, "papers": 730, "runs": 90}


def reader(engine: Engine) -> int:
    with writing(engine) as connection:
        ada = Subscriber(0, "ada@example.org")
        return subscribers.add(connection, ada, "ada@example.org", NOW).id


def letter(engine: Engine, subscriber: int, day: datetime, state: str) -> None:
    with writing(engine) as connection:
        issue = connection.execute(
            insert(at.issues).values(date=day.date(), created_at=day, planned=1)
        ).inserted_primary_key[0]
        connection.execute(
            insert(at.deliveries).values(
                issue=issue,
                subscriber=subscriber,
                kind="digest",
                state=state,
                due_at=day,
                expires_at=day,
            )
        )


def number_of(engine: Engine, table: object) -> int:
    with reading(engine) as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_old_letters_leave_their_counts(any_engine: Engine) -> None:
    ada = reader(any_engine)
    for number, state in enumerate(("sent", "refused", "quiet")):
        letter(any_engine, ada, OLD + timedelta(days=number), state)
    letter(any_engine, ada, NOW - timedelta(days=3), "sent")
    with reading(any_engine) as connection:
        before = ledger_read.counts(connection)
        issues = ledger_read.issue_counts(connection)
    assert retention.sweep(any_engine, DAYS, NOW)["letters"] == 3
    assert number_of(any_engine, at.deliveries) == 1
    with reading(any_engine) as connection:
        assert ledger_read.counts(connection) == before
        assert ledger_read.issue_counts(connection) == issues
    assert retention.sweep(any_engine, DAYS, NOW)["letters"] == 0


@pytest.mark.parametrize("state", ["pending", "claimed", "dot", "deferred", "held"])
def test_a_letter_without_an_outcome_is_kept(any_engine: Engine, state: str) -> None:
    letter(any_engine, reader(any_engine), OLD, state)
    retention.sweep(any_engine, DAYS, NOW)
    assert number_of(any_engine, at.deliveries) == 1


def test_the_latest_reading_of_a_counter_is_kept(any_engine: Engine) -> None:
    hours = [OLD + timedelta(hours=n) for n in range(3)]
    paper = Paper(id="p1", title="Graphs", identifiers=("arxiv:2601.00001",), first_seen=OLD)
    with writing(any_engine) as connection:
        papers.remember(connection, [Merge(paper, (), keys=paper.identifiers)], OLD)
        signals.record(
            connection,
            [
                Signal("arxiv:2601.00001", "upvotes", "huggingface", value, hour)
                for hour, value in zip(hours, (1, 5, 9), strict=True)
            ],
        )
    assert retention.sweep(any_engine, DAYS, NOW)["signals"] == 2
    with reading(any_engine) as connection:
        assert connection.scalars(select(at.signals.c.value)).all() == [9]


def test_papers_that_nobody_needs_are_deleted_with_all_that_is_theirs(any_engine: Engine) -> None:
    long_ago = NOW - timedelta(days=800)
    names = ("forgotten", "voted", "sent", "still shown")
    stored = [
        Merge(
            Paper(id=name, title=f"Graphs {name}", first_seen=long_ago),
            (Sighting("arxiv", name, f"Graphs {name}"),),
        )
        for name in names
    ]
    ada = reader(any_engine)
    with writing(any_engine) as connection:
        _, voted, sent, shown = papers.remember(connection, stored, long_ago)
        feedback.vote(connection, ada, voted.key, 1, NOW)
        issue = connection.execute(
            insert(at.issues).values(date=NOW.date(), created_at=NOW)
        ).inserted_primary_key[0]
        connection.execute(insert(at.issue_papers).values(issue=issue, paper=sent.key))
        papers.remember(connection, [Merge(shown, (stored[3].sightings))], NOW)
    assert retention.sweep(any_engine, DAYS, NOW)["papers"] == 1
    assert number_of(any_engine, at.papers) == 3
    assert number_of(any_engine, at.sightings) == 3
    with reading(any_engine) as connection:
        found = paper_search.find(connection, parse("graphs"))
        assert sorted(found) == sorted([voted.key, sent.key, shown.key])


def test_zero_days_keep_everything_and_a_call_does_no_more_than_it_may(
    any_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = reader(any_engine)
    for number in range(5):
        letter(any_engine, ada, OLD + timedelta(days=number), "sent")
    assert retention.sweep(any_engine, dict.fromkeys(DAYS, 0), NOW) == dict.fromkeys(DAYS, 0)
    monkeypatch.setattr(retention, "BATCH", 2)
    assert retention.sweep(any_engine, DAYS, NOW, most=1)["letters"] == 2
    assert number_of(any_engine, at.deliveries) == 3


async def test_a_run_deletes_what_is_older_than_the_configured_days(engine: Engine) -> None:
    config = Config(retention=Retention(letters_days=100))
    letter(engine, reader(engine), NOW - timedelta(days=120), "sent")
    app = App(config, engine, Tokens([b"k" * 64]))
    await app.run(NOW, is_fetching=False)
    assert number_of(engine, at.deliveries) == 0


def test_a_week_is_too_short_for_letters() -> None:
    with pytest.raises(ValueError, match="at least 30"):
        Retention(letters_days=7)
