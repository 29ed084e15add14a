"""The heat of each day, ranked over days."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine

from newsletter.models import Fact, Heat, Merge, Paper
from newsletter.store import paper_merges, papers, trends
from newsletter.store.db import reading, writing

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = NOW.date()


def stored(engine: Engine, *fields: str) -> list[Paper]:
    new = [
        Paper(f"2611.{n:05}", f"Paper {n}", fields=(field,), first_seen=NOW)
        for n, field in enumerate(fields)
    ]
    with writing(engine) as connection:
        return papers.remember(connection, [Merge(paper, ()) for paper in new], NOW)


def measure(engine: Engine, kept: list[Paper], *heats: float, days_ago: int = 0) -> None:
    measured = {
        paper.key: Heat(heat, 1, "", (Fact("upvotes", 9, 1),) if heat else ())
        for paper, heat in zip(kept, heats, strict=True)
    }
    with writing(engine) as connection:
        trends.write(connection, kept, measured, NOW - timedelta(days=days_ago))


def ranked(engine: Engine, days: int = 1, field: str = "", last: date = DAY) -> list[int]:
    with reading(engine) as connection:
        return [one.paper for one in trends.ranking(connection, last, days, 100, field)]


def test_a_day_is_ranked_by_heat_and_the_last_run_of_it_counts(any_engine: Engine) -> None:
    one, two, _silent = kept = stored(any_engine, "cs.CL", "cs.LG", "cs.LG")
    measure(any_engine, kept, 0.9, 0.2, 0)
    measure(any_engine, kept, 0.3, 0.8, 0)
    assert ranked(any_engine) == [two.key, one.key]
    with reading(any_engine) as connection:
        assert trends.last_day(connection) == DAY
        assert trends.fields(connection, DAY, 1) == {"cs.CL": 1, "cs.LG": 1}


def test_a_hotter_word_comes_before_more_heat(any_engine: Engine) -> None:
    one, two = kept = stored(any_engine, "math.AG", "cs.LG")
    with writing(any_engine) as connection:
        facts = (Fact("upvotes", 9, 1),)
        heats = {one.key: Heat(0.99, 1, "", facts), two.key: Heat(0.96, 3, "", facts)}
        trends.write(connection, kept, heats, NOW)
    assert ranked(any_engine) == [two.key, one.key]


def test_a_week_is_ranked_by_the_sum_of_its_days(any_engine: Engine) -> None:
    one, two = kept = stored(any_engine, "cs.CL", "cs.LG")
    measure(any_engine, kept, 0.9, 0.5)
    measure(any_engine, kept, 0, 0.5, days_ago=6)
    measure(any_engine, kept, 0.9, 0, days_ago=7)
    assert ranked(any_engine, 7) == [two.key, one.key]
    assert ranked(any_engine, 8) == [one.key, two.key]
    assert ranked(any_engine, 1, last=DAY - timedelta(days=7)) == [one.key]


def test_a_field_is_one_category_and_an_archive_all_of_its_categories(any_engine: Engine) -> None:
    one, two, three = kept = stored(any_engine, "cs.CL", "cs.CLX", "cs")
    measure(any_engine, kept, 0.9, 0.5, 0.2)
    assert ranked(any_engine, field="cs.CL") == [one.key]
    assert ranked(any_engine, field="cs") == [one.key, two.key, three.key]
    assert ranked(any_engine, field="c_") == ranked(any_engine, field="%") == []


def test_hidden_and_merged_papers_leave_the_list(any_engine: Engine) -> None:
    one, two, three = kept = stored(any_engine, "cs.CL", "cs.LG", "cs.LG")
    measure(any_engine, kept, 0.9, 0.8, 0.7)
    with writing(any_engine) as connection:
        papers.hide(connection, one.id)
        paper_merges.merge(connection, three, two, NOW)
    assert ranked(any_engine) == [three.key]


def test_days_beyond_two_months_are_deleted(any_engine: Engine) -> None:
    kept = stored(any_engine, "cs.CL")
    measure(any_engine, kept, 0.9, days_ago=70)
    measure(any_engine, kept, 0.9, days_ago=60)
    measure(any_engine, kept, 0.9)
    assert ranked(any_engine, last=DAY - timedelta(days=70)) == []
    assert len(ranked(any_engine, last=DAY - timedelta(days=60))) == 1
