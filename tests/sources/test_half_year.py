"""No list is lost without a word and no silence is a lie: weeks of lists, and faults one by one."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from newsletter import pipeline
from newsletter.config import GitHub
from newsletter.list_days import ARXIV
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
from tests.sources.arxiv_mirror import at, feed, source
from tests.sources.half_year import half_year, outages
from tests.sources.mirror import Mirror, Reply
from tests.sources.test_preprints import biorxiv, pages, preprint, serve_all

DUE = ListState.DUE


@pytest.mark.parametrize("first", [date(2026, 10, 1)])
async def test_K42_K43_every_paper_arrives_once_or_its_list_is_named(
    tmp_path: Path, first: date
) -> None:
    """Six weeks of it, over Thanksgiving; the command of `half_year` plays whole half years."""
    found = await half_year(tmp_path, first, 42, outages(first, 42, 4, 0), big=60)
    assert found.papers > 900 and found.lost == () and found.twice == 0
    assert found.named == 0


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
