"""Papers that readers give as examples, from the pasted text to the letter."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select

from newsletter import editions, pipeline, reader_seeds
from newsletter.matching.index import Index
from newsletter.models import (
    NEAR_GIVEN,
    Harvest,
    Sighting,
    SourceState,
    Subscriber,
    SubscriberState,
)
from newsletter.store import retention, seeds, subscribers, tables
from newsletter.store.db import reading, writing
from newsletter.text.references import read_references
from tests.databases import make_sqlite

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return make_sqlite(tmp_path / "site.db")


def learn(engine: Engine, at: datetime, **titles: str) -> None:
    seen = tuple(
        Sighting(
            "arxiv",
            id.replace("_", "."),
            title,
            f"{title}. We study it.",
            ("Ann Lee",),
            ("cs.AI",),
            (f"arxiv:{id.replace('_', '.')[1:]}",),
        )
        for id, title in titles.items()
    )
    pipeline.learn(engine, [Harvest("arxiv", SourceState.FRESH, seen)], at)


def add_reader(connection: Connection, name: str = "ada") -> Subscriber:
    reader = Subscriber(0, f"{name}@example.org", SubscriberState.ACTIVE)
    return subscribers.add(connection, reader, reader.email, NOW)


def give(connection: Connection, reader: Subscriber, text: str) -> reader_seeds.Given:
    return reader_seeds.give(connection, reader.id, read_references(text), NOW)


def test_each_line_is_understood_or_named(engine: Engine) -> None:
    learn(engine, NOW, _2605_00001="Robot hands that fold laundry at home")
    with writing(engine) as connection:
        reader = add_reader(connection)
        given = give(
            connection, reader, "2605.00001v2\nhello\nGrid cells of mice keep time\n2605.00009"
        )
        assert [seed.name for seed in given.known] == ["arxiv:2605.00001"]
        assert [seed.title or seed.name for seed in given.waiting] == [
            "Grid cells of mice keep time",
            "arxiv:2605.00009",
        ]
        assert [(line.line, line.text) for line in given.unread] == [(2, "hello")]
        again = give(connection, reader, "https://arxiv.org/abs/2605.00001\n2605.00009")
        assert (again.known, again.waiting, again.had) == ((), (), 2)


def test_a_paper_under_another_name_is_the_same_example(engine: Engine) -> None:
    learn(engine, NOW, _2605_00001="Robot hands that fold laundry at home")
    with writing(engine) as connection:
        reader = add_reader(connection)
        give(connection, reader, "2605.00001")
        assert give(connection, reader, "Robot Hands That Fold Laundry at Home").had == 1


def test_an_example_that_nobody_knew_is_matched_when_a_source_shows_it(engine: Engine) -> None:
    with writing(engine) as connection:
        reader = add_reader(connection)
        give(connection, reader, "2605.00001\nGrid cells of mice keep time")
        assert all(seed.paper is None for seed in reader_seeds.listed(connection, reader.id))
    learn(
        engine,
        NOW,
        _2605_00001="Robot hands that fold laundry at home",
        _2605_00002="Grid Cells of Mice Keep Time",
    )
    with reading(engine) as connection:
        found = reader_seeds.listed(connection, reader.id)
    assert all(seed.paper for seed in found)
    assert [seed.title for seed in found] == [
        "Grid Cells of Mice Keep Time",
        "Robot hands that fold laundry at home",
    ]


def test_papers_near_three_examples_are_in_the_letter_and_say_so(engine: Engine) -> None:
    others = {
        f"_2605_1{n:04}": f"{a} {b} in {c}"
        for n, (a, b, c) in enumerate(
            zip(
                ("Tides", "Proofs", "Vaccines", "Orbits", "Markets", "Glaciers") * 5,
                ("rising", "failing", "testing", "decaying", "cooling") * 6,
                [f"region{n}" for n in range(30)],
                strict=True,
            )
        )
    }
    learn(
        engine,
        NOW - timedelta(hours=1),
        _2605_00001="Robot hands fold soft laundry on a table",
        **others,
    )
    with writing(engine) as connection:
        reader = add_reader(connection)
        give(
            connection,
            reader,
            "Robot hands fold towels\nRobot hands that sort laundry\n"
            "Soft robot hands grasp laundry",
        )
    edition = editions.prepare(engine, Index(), NOW)
    (pick,) = editions.choose_for(engine, reader, edition).picks
    assert pick.topic == NEAR_GIVEN
    assert edition.papers[pick.paper].id == "2605.00001"
    assert pick.reasons[0].kind == "given" and "obot hands" in pick.reasons[0].detail
    with writing(engine) as connection:
        for seed in reader_seeds.listed(connection, reader.id)[:1]:
            seeds.remove(connection, reader.id, [seed.id])
    assert editions.choose_for(engine, reader, edition).picks == ()


def test_no_more_than_two_hundred_are_kept(engine: Engine) -> None:
    with writing(engine) as connection:
        reader = add_reader(connection)
        given = give(connection, reader, "\n".join(f"2605.{n:05}" for n in range(1, 206)))
        assert (len(given.waiting), len(given.refused)) == (200, 5)


def test_examples_go_with_the_reader_and_not_with_others(engine: Engine) -> None:
    with writing(engine) as connection:
        ada, bob = add_reader(connection), add_reader(connection, "bob")
        give(connection, ada, "2605.00001\n2605.00002")
        give(connection, bob, "2605.00001")
        assert reader_seeds.take_back(connection, bob.id, ["2605.00002", "2605.00001"]) == [
            "2605.00002"
        ]
        assert len(reader_seeds.listed(connection, ada.id)) == 2
        subscribers.erase(connection, ada.id)
        assert not connection.execute(select(tables.seeds)).all()


def test_retention_keeps_papers_that_are_examples(engine: Engine) -> None:
    learn(
        engine,
        NOW - timedelta(days=400),
        _2605_00001="Robot hands fold laundry",
        _2605_00002="Grid cells of mice keep time",
    )
    with writing(engine) as connection:
        reader = add_reader(connection)
        give(connection, reader, "2605.00001")
    assert retention.sweep(engine, {"papers": 100}, NOW)["papers"] == 1
    with reading(engine) as connection:
        (seed,) = reader_seeds.listed(connection, reader.id)
    assert seed.paper and seed.title == "Robot hands fold laundry"


def test_examples_of_later_do_not_change_what_was_decided_earlier(engine: Engine) -> None:
    with writing(engine) as connection:
        reader = add_reader(connection)
        give(connection, reader, "2605.00001")
        before = NOW - timedelta(minutes=1)
        assert seeds.of_readers(connection, [reader.id], before) == {}
        assert len(seeds.of_readers(connection, [reader.id], NOW)[reader.id]) == 1
