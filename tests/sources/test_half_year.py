"""No list is lost without a word and no silence is a lie: weeks of lists, and faults one by one."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import Engine, select

from newsletter import pipeline
from newsletter.config import GitHub
from newsletter.list_days import ARXIV, deadline
from newsletter.models import (
    Ask,
    DayList,
    Harvest,
    ListState,
    Merge,
    Paper,
    Sighting,
    Signal,
    SourceState,
)
from newsletter.sources.github import GitHubSource
from newsletter.sources.http import Http
from newsletter.steps.fetch import fetch
from newsletter.store import papers, signals, source_lists, tables
from newsletter.store.db import reading, writing
from tests.sources.arxiv_mirror import api_page, at, feed, source
from tests.sources.half_year import LENGTHS, Outage, Plan, half_year, parsing_here, plans
from tests.sources.mirror import Mirror, Reply, Request
from tests.sources.test_preprints import biorxiv, pages, preprint, serve_all

DUE = ListState.DUE


@pytest.fixture(autouse=True)
def quickly() -> Iterator[None]:
    with parsing_here():
        yield


async def test_K42_K43_every_paper_arrives_once_or_its_list_is_named(tmp_path: Path) -> None:
    """Five weeks of it, over Thanksgiving; the command of `half_year` plays whole half years."""
    lengths = [timedelta(hours=n) for n in (23, 24, 96)]
    [plan] = plans([date(2026, 11, 2)], lengths, shift=2, days=35)
    found = await half_year(tmp_path, plan, big=60)
    assert found.papers > 500 and found.lost == () and found.twice == 0
    assert found.named == 0


async def test_K42_lists_of_before_the_horizon_are_named_by_day(tmp_path: Path) -> None:
    """Off for 36 days from a Wednesday to a Thursday: 30 days of it are fetched."""
    off = Outage(datetime(2027, 6, 9, 6, tzinfo=UTC), datetime(2027, 7, 15, 6, tzinfo=UTC))
    found = await half_year(tmp_path, Plan(date(2027, 6, 8), 39, [off]), big=30)
    assert found.papers > 500 and found.lost == () and found.twice == 0
    assert 0 < found.named < found.papers / 4


def test_the_half_years_begin_every_outage_on_every_weekday() -> None:
    firsts = [date(year, month, 1) for year in range(2025, 2029) for month in (1, 7)]
    begun = Counter(
        (outage.end - outage.begin, outage.begin.weekday())
        for shift in range(7)
        for plan in plans(firsts, LENGTHS, shift)
        for outage in plan.outages
        if not outage.hosts
    )
    assert set(begun) == {(length, day) for length in LENGTHS for day in range(7)}


async def test_K42_back_on_a_day_without_a_list_fetches_the_list_that_was_missed(
    http: Http, mirror: Mirror, engine: Engine
) -> None:
    """Down on Friday, back on Saturday with an empty feed."""
    arxiv, plans = source(http, mirror), {"arxiv": (ARXIV, ("cs.AI",))}

    async def look(day: str) -> Harvest:
        (harvest,) = await pipeline.gather(engine, [arxiv], at(day), plans)
        pipeline.learn(engine, [harvest], at(day))
        return harvest

    mirror.routes["/rss/cs.AI"] = feed("2026-05-07", ("2605.00001v1", "new", "Thursday"))
    await look("2026-05-07")
    mirror.routes["/rss/cs.AI"] = feed("2026-05-09")
    saturday = await look("2026-05-09")
    assert "the lists of 2026-05-08 to 2026-05-08 are still missing" in saturday.error
    with reading(engine) as connection:
        late = source_lists.figures(connection, plans, at("2026-05-10"))["arxiv"]
    assert [one["day"] for one in late["not_covered"]] == ["2026-05-08"] and late["missing"] == 1


@pytest.mark.parametrize(
    ("last", "back", "missed"),
    [
        # Thanksgiving: no announcement on Thursday evening, so Friday has no list
        (date(2026, 11, 24), date(2026, 11, 27), [25, 26]),
        (date(2026, 11, 24), date(2026, 11, 28), [25, 26]),
        # ten days away, back on a Sunday
        (date(2026, 5, 7), date(2026, 5, 17), [8, 11, 12, 13, 14, 15]),
    ],
)
async def test_K42_lists_of_a_holiday_week_and_of_ten_days_are_fetched_on_a_day_without_a_list(
    http: Http, mirror: Mirror, engine: Engine, last: date, back: date, missed: list[int]
) -> None:
    arxiv, plans = source(http, mirror), {"arxiv": (ARXIV, ("cs.AI",))}
    of_day = {f"{deadline(last.replace(day=n)):%Y%m%d%H%M}": n for n in missed}

    def answer(request: Request) -> Reply:
        until = parse_qs(request.query)["search_query"][0][-13:-1]
        return api_page([of_day[until]], 0, 1) if until in of_day else api_page([], 0, 0)

    mirror.routes["/api"], mirror.routes["/oai"] = answer, Reply(b"", 404)
    for day in (last, back):
        papers = [("2605.00099v1", "new", "A")] if day == last else []
        mirror.routes["/rss/cs.AI"] = feed(day, *papers)
        (harvest,) = await pipeline.gather(engine, [arxiv], at(f"{day}"), plans)
        pipeline.learn(engine, [harvest], at(f"{day}"))
    assert {int(paper.source_id[5:]) for paper in harvest.sightings} == set(missed)
    assert harvest.state is SourceState.FRESH and harvest.error == ""
    later = at(f"{back}") + timedelta(days=2)
    with reading(engine) as connection:
        figures = source_lists.figures(connection, plans, later)["arxiv"]
    assert figures["not_covered"] == []


async def test_K44_a_category_without_a_paper_is_quiet_and_a_list_that_never_came_is_stalled(
    http: Http, mirror: Mirror
) -> None:
    mirror.routes["/rss/cs.AI"] = feed("2026-05-05", ("2605.00001v1", "new", "A"))
    mirror.routes["/rss/cs.LG"] = feed("2026-05-05")
    mirror.routes["/api"], mirror.routes["/oai"] = api_page([], 0, 0), Reply(b"", 404)
    lists = tuple(DayList(unit, date(2026, 5, 5), DUE) for unit in ("cs.AI", "cs.LG"))
    arxiv = source(http, mirror, "cs.AI", "cs.LG")
    beside = await arxiv.fetch(Ask(at("2026-05-05"), lists=lists))
    assert {unit.name: unit.state for unit in beside.units} == {
        "cs.AI": SourceState.FRESH,
        "cs.LG": SourceState.QUIET,
    }
    assert {one.unit: str(one.state) for one in beside.lists} == {"cs.AI": "read", "cs.LG": "empty"}
    mirror.routes["/rss/cs.AI"] = feed("2026-05-05")
    alone = await source(http, mirror, "cs.AI").fetch(Ask(at("2026-05-05"), lists=lists[:1]))
    assert alone.state is SourceState.STALLED and "a list was due" in alone.error
    assert not any(one.is_covered for one in alone.lists)


async def test_K42_a_list_that_the_api_does_not_give_does_not_hold_up_the_others(
    http: Http, mirror: Mirror
) -> None:
    """arXiv left Wednesday out for a reason of its own; nothing that is newer tells so yet."""
    mirror.routes["/rss/cs.AI"] = feed("2026-05-09")

    def answer(request: Request) -> Reply:
        is_wednesday = "TO 202605051800]" in parse_qs(request.query)["search_query"][0]
        return api_page([], 0, 0) if is_wednesday else api_page([len(mirror.log)], 0, 1)

    mirror.routes["/api"] = answer
    mirror.routes["/oai"] = Reply(b"", 404)
    lists = tuple(DayList("cs.AI", date(2026, 5, day), DUE) for day in (4, 5, 6, 7, 8))
    harvest = await source(http, mirror).fetch(Ask(at("2026-05-09"), lists=lists))
    states = {one.day.day: str(one.state) for one in harvest.lists}
    assert states == {8: "read", 7: "read", 6: "missing", 5: "read", 4: "read"}
    assert len(harvest.sightings) == 4
    assert "the lists of 2026-05-06 to 2026-05-06 are still missing" in harvest.error


async def test_K43_what_one_look_may_not_read_comes_at_the_next_newest_first(
    http: Http, mirror: Mirror, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two weeks of lists of thirty papers, and a look that stops at a hundred."""
    monkeypatch.setattr("newsletter.sources.arxiv.MOST", 100)
    days = [date(2026, 5, day) for day in (*range(5, 9), *range(11, 16), *range(18, 21))]
    of_day = {deadline(day): day for day in days}

    def answer(request: Request) -> Reply:
        until = parse_qs(request.query)["search_query"][0][-13:-1]
        day = of_day[datetime.strptime(f"{until}+0000", "%Y%m%d%H%M%z")]
        return api_page([100 * day.day + n for n in range(30)], 0, 30)

    mirror.routes["/api"] = answer
    arxiv, plans = source(http, mirror), {"arxiv": (ARXIV, ("cs.AI",))}

    async def look(moment: datetime) -> tuple[Harvest, dict[str, Any]]:
        mirror.routes["/rss/cs.AI"] = feed(f"{moment:%Y-%m-%d}", ("2605.00001v1", "new", "A"))
        (harvest,) = await pipeline.gather(engine, [arxiv], moment, plans)
        pipeline.learn(engine, [harvest], moment)
        with reading(engine) as connection:
            return harvest, source_lists.figures(connection, plans, moment)["arxiv"]

    await look(at("2026-05-04"))
    back = at("2026-05-21")
    there: list[set[int]] = []
    for hour in range(4):
        harvest, figures = await look(back + timedelta(hours=hour))
        there.append({int(paper.source_id[5:]) // 100 for paper in harvest.sightings} - {0})
        left = [day for day in days if not any(day.day in of for of in there)]
        assert [late["day"] for late in figures["not_covered"]] == [f"{day}" for day in left]
        assert figures["missing"] == len(left)
        unit = next((unit for unit in harvest.units if unit.name == "catch-up"), None)
        if left:
            assert unit and unit.state is SourceState.STALLED
            assert f"the lists of {left[0]} to {left[-1]} are still missing" in unit.error
    assert there == [{20, 19, 18, 15}, {14, 13, 12, 11}, {8, 7, 6, 5}, set()]
    with reading(engine) as connection:
        assert papers.count(connection) == 12 * 30 + 1


async def test_K44_what_was_read_before_time_ran_out_is_kept(http: Http, mirror: Mirror) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    mirror.routes["/rss/cs.AI"] = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    mirror.routes["/rss/cs.LG"] = hang
    arxiv = source(http, mirror, "cs.AI", "cs.LG")
    lists = tuple(DayList(unit, date(2026, 5, 4), DUE) for unit in ("cs.AI", "cs.LG"))
    asks = {"arxiv": Ask(at("2026-05-04"), lists=lists)}
    (harvest,) = await fetch([arxiv], asks, deadline_s=1.5)
    assert [paper.source_id for paper in harvest.sightings] == ["2605.00001"]
    assert {one.unit: one.is_covered for one in harvest.lists} == {"cs.AI": True, "cs.LG": False}
    assert "no time left" in harvest.error


async def test_a_page_that_brings_no_new_doi_is_not_the_end(http: Http, mirror: Mirror) -> None:
    first = [preprint(n) for n in range(30)]
    again = [preprint(n, version="2") for n in range(30)]
    serve_all(mirror, "biorxiv", pages([*first, *again, preprint(99)], 30))
    harvest = await biorxiv(http, mirror).fetch(Ask(datetime(2026, 5, 6, 9, tzinfo=UTC)))
    assert len(harvest.sightings) == 31
    assert {paper.announce for paper in harvest.sightings} == {"new"}  # the first version was there


async def test_one_blocked_repository_does_not_end_the_round(http: Http, mirror: Mirror) -> None:
    links = {f"arxiv:2605.{n:05}": f"https://github.com/a/r{n}" for n in range(4)}
    for n in (0, 2, 3):
        mirror.routes[f"/repos/a/r{n}"] = Reply(b'{"stargazers_count": 5}')
    mirror.routes["/repos/a/r1"] = Reply(b'{"message": "Repository access blocked"}', 403)
    github = GitHubSource(GitHub(url=mirror.url), http)
    harvest = await github.fetch(Ask(at("2026-05-04"), repositories=links))
    assert len(harvest.signals) == 3 and harvest.state is SourceState.FRESH


def test_K45_signals_of_one_paper_under_two_names_add_up(engine: Engine) -> None:
    now = at("2026-05-04")
    names = ("arxiv:2605.00001", "doi:10.5555/1")
    paper = Paper("2605.00001", "A paper", identifiers=names, first_seen=now)
    shown = (Sighting("arxiv", "2605.00001", "A paper"),)
    with writing(engine) as connection:
        papers.remember(connection, [Merge(paper, shown, keys=names, why=("new",))], now)
        said = [
            Signal(name, "points", "hackernews", value, now)
            for name, value in zip(names, (300.0, 1.0), strict=True)
        ]
        assert signals.record(connection, said) == 1
        later = [
            Signal(one.about, "points", "hackernews", one.value, now + timedelta(hours=1))
            for one in said
        ]
        assert signals.record(connection, later) == 0
        assert connection.scalars(select(tables.signals.c.value)).all() == [301.0]


def test_a_list_that_was_read_stays_read(engine: Engine) -> None:
    day, now = date(2026, 5, 4), at("2026-05-04")
    with writing(engine) as connection:
        for state, seen in ((DUE, 0), (ListState.READ, 7), (ListState.MISSING, 0), (DUE, 0)):
            source_lists.note(connection, "arxiv", [DayList("cs.AI", day, state, seen)], now)
        (one,) = source_lists.of_source(connection, "arxiv", day)
    assert (one.state, one.seen) == (ListState.READ, 7)
