"""Statistics by day: what is counted, on which day, and how it is shown."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from newsletter.charts.points import folded
from newsletter.cli import main
from newsletter.config import Config
from newsletter.config_loading import load_config
from newsletter.models import DayList, ListState, Subscriber, Topic
from newsletter.statistics import statistics_of
from newsletter.store import runs, source_lists, subscribers, suppressions, topics
from newsletter.store import tables as at
from newsletter.store.db import open_engine, writing
from newsletter.web.statistics_page import statistics_page
from tests.databases import make_folder

#: Late in the evening in UTC, so that days in other zones would differ.
NOW = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
DAYS = 5


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return load_config(make_folder(tmp_path_factory.mktemp("site")), {})


def numbers(engine: Engine, config: Config, days: int = DAYS) -> dict[str, Any]:
    return statistics_of(engine, config, NOW, days)


def reader(engine: Engine, email: str, days_ago: float = 0, **columns: object) -> int:
    with writing(engine) as connection:
        id = subscribers.add(
            connection, Subscriber(0, email), email, NOW - timedelta(days=days_ago)
        ).id
        if columns:
            connection.execute(
                update(at.subscribers).where(at.subscribers.c.id == id).values(columns)
            )
    return id


def letter(engine: Engine, subscriber: int, day: date, state: str, **columns: object) -> None:
    due = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    with writing(engine) as connection:
        issue = connection.scalar(select(at.issues.c.id).where(at.issues.c.date == day))
        if issue is None:
            issue = connection.execute(
                insert(at.issues).values(date=day, created_at=due)
            ).inserted_primary_key[0]
        connection.execute(
            insert(at.deliveries).values(
                issue=issue,
                subscriber=subscriber,
                kind="digest",
                state=state,
                due_at=due,
                expires_at=due,
                **columns,
            )
        )


def test_readers_are_counted_on_the_utc_day_of_what_they_did(
    any_engine: Engine, config: Config
) -> None:
    reader(any_engine, "a@example.org", 0)
    reader(any_engine, "b@example.org", 1, confirmed_at=NOW - timedelta(hours=23, minutes=29))
    reader(any_engine, "c@example.org", 40, left_at=NOW - timedelta(days=4))
    with writing(any_engine) as connection:
        suppressions.suppress(connection, "1", "hard bounces", NOW - timedelta(days=2))
        suppressions.suppress(connection, "2", suppressions.ERASED, NOW)
    found = numbers(any_engine, config)
    assert found["days"] == [f"2026-11-{day}" for day in range(19, 24)]
    assert found["readers"]["new"] == {"total": 2, "by_day": [0, 0, 0, 1, 1]}
    assert found["readers"]["confirmed"] == {"total": 1, "by_day": [0, 0, 0, 0, 1]}
    assert found["readers"]["left"] == {"total": 1, "by_day": [1, 0, 0, 0, 0]}
    assert found["readers"]["suppressed"] == {"total": 1, "by_day": [0, 0, 1, 0, 0]}


def test_letters_times_and_refusals_are_those_of_the_issues_of_these_days(
    any_engine: Engine, config: Config
) -> None:
    day = NOW.date()
    due = datetime(2026, 11, 23, 6, tzinfo=UTC)
    readers = [reader(any_engine, f"{n}@{'example.org' if n % 2 else 'x.test'}") for n in range(6)]
    for id, seconds in zip(readers, (0, 60, 61, 900, 14_401), strict=False):
        settled = due + timedelta(seconds=seconds)
        letter(any_engine, id, day, "sent", settled_at=settled)
    letter(any_engine, readers[5], day, "refused", reply="550 no such user", settled_at=due)
    letter(any_engine, readers[0], day - timedelta(days=DAYS), "refused", reply="old")
    found = numbers(any_engine, config)
    assert found["letters"]["sent"] == {"total": 5, "by_day": [0, 0, 0, 0, 5]}
    assert found["letters"]["refused"]["total"] == 1
    assert found["delivery"] == {
        "letters": 5,
        "within_60_s": 2,
        "within_300_s": 1,
        "within_900_s": 1,
        "within_3600_s": 0,
        "within_14400_s": 0,
        "later": 1,
    }
    assert found["refusals"] == [
        {"domain": "example.org", "letters": 1, "last_reply": "550 no such user"}
    ]


def test_papers_are_counted_by_archive_and_day(any_engine: Engine, config: Config) -> None:
    fields = (("cs.CL",), ("cs.LG", "math.CO"), ("math.CO",), ())
    with writing(any_engine) as connection:
        for n, these in enumerate(fields):
            connection.execute(
                insert(at.papers).values(
                    id=f"p{n}", title=f"Paper {n}", fields=list(these), first_seen=NOW
                )
            )
    found = numbers(any_engine, config)["papers"]
    assert found["total"] == 4 and found["by_day"] == [0, 0, 0, 0, 4]
    assert {name: one["total"] for name, one in found["by_field"].items()} == {
        "cs": 2,
        "math": 1,
        "other": 1,
    }


def test_a_source_has_the_best_answer_of_its_day_and_a_missing_list_is_told(
    any_engine: Engine, config: Config
) -> None:
    said = (("stalled", 1.2), ("fresh", 1.1), ("failed", 1.0), ("quiet", 0.0))
    with writing(any_engine) as connection:
        for state, days_ago in said:
            moment = NOW - timedelta(days=days_ago)
            run = runs.start_run(connection, moment, moment)
            report = {"sources": {"arxiv": {"state": state}}}
            runs.finish_run(connection, run, moment, "done", report)
        gone = DayList("cs", date(2026, 11, 20), ListState.MISSING, reason="410")
        source_lists.note(connection, "arxiv", [gone], NOW)
    found = numbers(any_engine, config)
    assert found["sources"]["arxiv"] == ["none", "missing", "none", "fresh", "quiet"]


def test_own_queries_are_counted_together_and_never_named(
    any_engine: Engine, config: Config
) -> None:
    ada, otto = reader(any_engine, "ada@example.org"), reader(any_engine, "otto@example.org")
    with writing(any_engine) as connection:
        shown = topics.add(connection, Topic(0, "genomics", "Genomics", "genome", is_curated=True))
        own = [topics.find_or_add(connection, query).id for query in ("my secret", "one secret")]
        for place, topic in enumerate((shown.id, *own)):
            row = {"subscriber": ada, "topic": topic, "position": place}
            connection.execute(insert(at.subscriber_topics).values(row))
        row = {"subscriber": otto, "topic": own[0], "position": 0}
        connection.execute(insert(at.subscriber_topics).values(row))
        connection.execute(update(at.subscribers).values(state="active"))
    found = numbers(any_engine, config)
    assert found["topics"] == [{"topic": "", "readers": 2}, {"topic": "Genomics", "readers": 1}]
    assert "secret" not in json.dumps(found)


def test_the_page_loads_nothing_and_shows_hostile_replies_as_text(
    engine: Engine, config: Config
) -> None:
    id = reader(engine, "a@example.org")
    letter(engine, id, NOW.date(), "refused", reply="550 <script>alert(1)</script>")
    page = statistics_page("Papers & <b>more</b>", numbers(engine, config))
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "Papers &amp; &lt;b&gt;more" in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("numbers", "most", "expected"),
    [
        ((1, 2, 3), 3, (1, 2, 3)),
        ((1, 2, 3), 5, (1, 2, 3)),
        ((1, 2, 3, 4, 5), 3, (1, 5, 9)),
        ((), 3, ()),
    ],
)
def test_a_long_series_is_folded_from_its_end(
    numbers: tuple[int, ...], most: int, expected: tuple[int, ...]
) -> None:
    assert folded(numbers, most) == expected


def test_the_command_prints_numbers_json_and_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = str(make_folder(tmp_path))
    engine = open_engine(load_config(Path(site), {}).database.url)
    letter(engine, reader(engine, "a@example.org"), NOW.date(), "sent", settled_at=NOW)
    engine.dispose()
    at_now = ["-C", site, "stats", "--at", "2026-11-23T23:30Z", "--days", "7"]
    assert main(at_now) == 0
    said = capsys.readouterr().out
    assert "  sent                 1  ······▇\n" in said and "Opens and clicks" in said
    assert main([*at_now, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "at",
        "days",
        "readers",
        "letters",
        "delivery",
        "refusals",
        "sources",
        "papers",
        "topics",
        "not_counted",
    }
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert main([*at_now, "--open"]) == 0
    page = Path(opened[0].removeprefix("file://"))
    assert "<svg" in page.read_text() and page.stat().st_mode & 0o077 == 0
    page.unlink()
