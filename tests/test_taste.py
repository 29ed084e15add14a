"""The site's taste, from a list of picks to the order of a letter."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from newsletter import editions, pipeline, taste
from newsletter.matching.index import Index
from newsletter.models import Harvest, Sighting, SourceState, Subscriber, SubscriberState
from newsletter.store import retention, subscribers, tastes, topics
from newsletter.store.db import reading, writing
from newsletter.text.references import read_references
from tests.databases import make_sqlite

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return make_sqlite(tmp_path / "site.db")


def sighting(number: int, title: str, abstract: str, field: str = "cs.AI") -> Sighting:
    id = f"2605.{number:05}"
    return Sighting("arxiv", id, title, abstract, (f"A B{number}",), (field,), (f"arxiv:{id}",))


def learn(engine: Engine, at: datetime, seen: list[Sighting]) -> None:
    pipeline.learn(engine, [Harvest("arxiv", SourceState.FRESH, tuple(seen))], at)


def past(engine: Engine, field: str = "cs.AI", number: int = 40) -> str:
    """Papers of last month; those about planning are picked."""
    liked = [
        sighting(n, f"Planning of errands, part {n}", "Agents plan with tools.", field)
        for n in range(1, number + 1)
    ]
    rest = [
        sighting(
            500 + n,
            f"Counting of sheep, part {n}",
            "Agents with tools." if n % 2 else "Pictures of sheep.",
            field,
        )
        for n in range(80)
    ]
    learn(engine, NOW - timedelta(days=30), [*liked, *rest])
    return "\n".join(one.source_id for one in liked)


def give(engine: Engine, text: str) -> int:
    with writing(engine) as connection:
        return taste.add_list(connection, read_references(text), NOW)


def test_unnoticed_papers_like_the_picked_ones_come_first_and_say_so(engine: Engine) -> None:
    assert give(engine, past(engine)) == 40
    assert list(taste.learn_all(engine, NOW)) == ["cs"]
    learn(
        engine,
        NOW - timedelta(hours=2),
        [
            sighting(900, "Counting of sheep, part 77, robots", "Pictures of sheep."),
            sighting(901, "Planning of errands, part 7, robots", "Agents plan with tools."),
        ],
    )
    with writing(engine) as connection:
        topic = topics.find_or_add(connection, "robots")
        reader = subscribers.add(
            connection,
            Subscriber(0, "ada@example.org", SubscriberState.ACTIVE, topics=(topic.id,)),
            "ada@example.org",
            NOW,
        )
    edition = editions.prepare(engine, Index(), NOW)
    picks = editions.choose_for(engine, reader, edition).picks
    assert [edition.papers[pick.paper].id for pick in picks] == ["2605.00901", "2605.00900"]
    assert [pick.reasons[-1].kind == "picked" for pick in picks] == [True, False]
    with writing(engine) as connection:
        assert tastes.forget(connection) == 40
    edition = editions.prepare(engine, Index(), NOW)
    kinds = [r.kind for p in editions.choose_for(engine, reader, edition).picks for r in p.reasons]
    assert "picked" not in kinds


def test_a_field_with_too_few_picks_has_no_taste(engine: Engine) -> None:
    give(engine, past(engine, number=10))
    assert taste.learn_all(engine, NOW) == {}
    assert not taste.is_due(engine, NOW)
    with reading(engine) as connection:
        assert taste.likings(connection, [], {}) == {}


def test_picks_that_nobody_knows_are_kept_and_matched_later(engine: Engine) -> None:
    given = give(engine, "2605.00001\nhello\nPlanning of errands, part 2\n2604.09999")
    assert given == 3
    with reading(engine) as connection:
        assert tastes.counts(connection) == (3, 3)
    past(engine)
    with reading(engine) as connection:
        assert tastes.counts(connection) == (3, 1)
        assert len(tastes.picked_papers(connection)) == 2
    retention.sweep(engine, {"papers": 7}, NOW)
    with reading(engine) as connection:
        assert len(tastes.picked_papers(connection)) == 2


def test_it_is_learned_once_a_night(engine: Engine) -> None:
    assert not taste.is_due(engine, NOW)
    give(engine, past(engine))
    assert taste.is_due(engine, NOW)
    taste.learn_all(engine, NOW)
    assert not taste.is_due(engine, NOW + timedelta(hours=1))
    assert taste.is_due(engine, NOW + timedelta(hours=21))
