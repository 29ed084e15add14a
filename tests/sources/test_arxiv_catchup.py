"""Missed days of arXiv: by the query API, by OAI-PMH, and reported when neither answers."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from newsletter.models import Ask, DayList, Harvest, ListState, SourceState
from newsletter.sources.arxiv_catchup import oai_set
from newsletter.sources.arxiv_records import from_oai
from newsletter.sources.http import FetchError, Http
from tests.sources.arxiv_mirror import api_page, at, feed, source
from tests.sources.mirror import Mirror, Reply, Request

FRESH = SourceState.FRESH
#: Monday's list was read, those of Tuesday to Thursday are due.
LISTS = (
    DayList("cs.AI", date(2026, 5, 4), ListState.READ, 1),
    *(DayList("cs.AI", date(2026, 5, day), ListState.DUE) for day in (5, 6, 7)),
)


async def outage(http: Http, mirror: Mirror) -> Harvest:
    """Monday was good, Tuesday and Wednesday were missed, now it is Thursday."""
    arxiv = source(http, mirror)
    mirror.routes["/rss/cs.AI"] = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    monday = await arxiv.fetch(Ask(at("2026-05-04")))
    mirror.routes["/rss/cs.AI"] = feed("2026-05-07", ("2605.09999v1", "new", "Z"))
    mirror.log.clear()
    return await arxiv.fetch(Ask(at("2026-05-07"), memory=monday.memory, lists=LISTS))


def states(harvest: Harvest) -> dict[str, str]:
    """Day -> what became of its list."""
    return {f"{one.day:%d}": str(one.state) for one in harvest.lists}


async def test_missed_days_are_caught_up_through_overlapping_pages(
    http: Http, mirror: Mirror
) -> None:
    def page(request: Request) -> Reply:
        if "202605051800]" not in parse_qs(request.query)["search_query"][0]:
            return api_page([99], 0, 1)  # Tuesday's list, the older one
        start = int(parse_qs(request.query)["start"][0])
        first = max(start - 1, 0)  # each page repeats the last paper of the one before
        return api_page(list(range(first + 100, min(first + 4, 10) + 100)), start, 10)

    mirror.routes["/api"] = page
    harvest = await outage(http, mirror)
    asked = [parse_qs(r.query)["search_query"][0] for r in mirror.log if r.path == "/api"]
    assert list(dict.fromkeys(asked)) == [  # newest first
        "(cat:cs.AI) AND submittedDate:[202605041800 TO 202605051800]",
        "(cat:cs.AI) AND submittedDate:[202605011800 TO 202605041800]",
    ]
    assert [(unit.name, unit.state) for unit in harvest.units] == [
        ("cs.AI", FRESH),
        ("catch-up", FRESH),
    ]
    assert len(harvest.sightings) == 12
    assert all(s.announce == "new" for s in harvest.sightings)
    assert states(harvest) == {"05": "read", "06": "read", "07": "read"}


async def test_the_list_of_a_category_that_failed_is_asked_for_the_next_day(
    http: Http, mirror: Mirror
) -> None:
    arxiv, memory = source(http, mirror, "cs.AI", "cs.LG"), {}
    mirror.routes["/api"] = lambda _: api_page([7], 0, 1)
    lists = {
        (unit, day): DayList(unit, date(2026, 5, day), ListState.DUE)
        for unit in ("cs.AI", "cs.LG")
        for day in (4, 5, 6)
    }
    for day, is_down in ((4, False), (5, True), (6, False)):
        today = f"2026-05-{day:02}"
        for n, category in enumerate(("cs.AI", "cs.LG")):
            papers = (f"2605.{day:02}00{n}v1", "new", today)
            mirror.routes[f"/rss/{category}"] = feed(today, papers)
        if is_down:
            mirror.routes["/rss/cs.LG"] = Reply(b"", 500)
        mirror.log.clear()
        known = tuple(one for (_, of), one in lists.items() if of <= day)
        harvest = await arxiv.fetch(Ask(at(today), at("2026-05-04"), memory, lists=known))
        memory = harvest.memory
        lists |= {(one.unit, one.day.day): one for one in harvest.lists}
        assert lists["cs.AI", day].is_covered
        assert lists["cs.LG", day].is_covered is not is_down
    (asked,) = [parse_qs(request.query) for request in mirror.log if request.path == "/api"]
    assert asked["search_query"] == [  # Tuesday's list, of the category that failed alone
        "(cat:cs.LG) AND submittedDate:[202605011800 TO 202605041800]"
    ]
    assert lists["cs.LG", 5].is_covered


async def test_C05_an_api_that_finds_nothing_on_list_days_is_not_believed(
    http: Http, mirror: Mirror
) -> None:
    mirror.routes["/api"] = lambda _: api_page([], 0, 0)
    mirror.routes["/oai"] = Reply(b"", 503)
    harvest = await outage(http, mirror)
    assert [request.path for request in mirror.log].count("/api") == 6  # three for each list
    assert harvest.units[-1].state is SourceState.STALLED and "still missing" in harvest.error
    assert states(harvest) == {"05": "missing", "06": "missing", "07": "read"}


@pytest.mark.parametrize("total", ["many", "", "-1", "1e400"])
async def test_C05_a_number_of_results_that_is_none_is_no_error(
    http: Http, mirror: Mirror, total: str
) -> None:
    page = api_page([1, 2], 0, 2)
    said = page.body.replace(b">2</opensearch:total", f">{total}</opensearch:total".encode())
    mirror.routes["/api"] = lambda _: replace(page, body=said)
    harvest = await outage(http, mirror)
    assert harvest.sightings and states(harvest)["07"] == "read"


async def test_an_outage_of_the_api_too_falls_back_to_oai(
    http: Http, mirror: Mirror, data_dir: Path
) -> None:
    first = (data_dir / "arxiv_api" / "arxiv_oai_with_resumption.xml").read_bytes()
    second = (data_dir / "arxiv_api" / "arxiv_oai_sample_response.xml").read_bytes()
    mirror.routes["/api"] = Reply(b"", 503)
    mirror.routes["/oai"] = lambda request: Reply(
        second if "resumptionToken" in request.query else first
    )
    harvest = await outage(http, mirror)
    asked = [request.query for request in mirror.log if request.path == "/oai"]
    assert "set=cs%3Acs%3AAI" in asked[0]
    assert "from=2026-05-04" in asked[0]
    assert asked[1] == "verb=ListRecords&resumptionToken=token123abc"
    assert {
        s.source_id: s.announce for s in harvest.sightings if s.source_id.startswith("2501")
    } == {
        "2501.08827": "replace",  # submitted long before the period: a change, not news
        "2501.08817": "replace",
    }


async def test_a_failed_catch_up_is_told_and_tried_again(http: Http, mirror: Mirror) -> None:
    harvest = await outage(http, mirror)
    assert harvest.state is FRESH
    assert "the lists of 2026-05-05 to 2026-05-06 are still missing" in harvest.error
    assert states(harvest) == {"05": "missing", "06": "missing", "07": "read"}
    mirror.routes["/api"] = api_page([123], 0, 1)
    lists = (LISTS[0], *harvest.lists)
    later = await source(http, mirror).fetch(
        Ask(at("2026-05-07", 12), memory=harvest.memory, lists=lists)
    )
    assert later.state is FRESH and set(states(later).values()) == {"read"}
    assert {s.source_id for s in later.sightings} == {"2605.09999", "2605.00123"}


async def test_an_api_that_answers_empty_pages_is_asked_again_and_not_believed(
    http: Http, mirror: Mirror
) -> None:
    mirror.routes["/api"] = [
        api_page([1, 2], 0, 4),
        api_page([], 2, 4),
        api_page([3, 4], 2, 4),
        api_page([5], 0, 1),
    ]
    assert len((await outage(http, mirror)).sightings) == 6
    mirror.routes["/api"] = [api_page([1, 2], 0, 4), api_page([], 2, 4)]
    assert "stopped at 2 of 4 results" in (await outage(http, mirror)).error


async def test_recorded_answers_of_the_query_api_are_read(
    http: Http, mirror: Mirror, data_dir: Path
) -> None:
    """Real answers, among them an unknown id (silently absent) and an id that is no id (400 with a
    reason).
    """
    outcomes = {}
    for path in sorted((data_dir / "arxiv_api").glob("*.json")):
        recorded = json.loads(path.read_text())
        mirror.routes["/api"] = Reply(recorded["body"].encode(), recorded["status_code"])
        if "totalResults>214" in recorded["body"]:
            continue  # one page of a large result; paging is tested above
        harvest = await outage(http, mirror)
        outcomes[path.name.split("_s0_")[0]] = [
            s for s in harvest.sightings if s.source_id != "2605.09999"
        ]
        assert all(
            s.title and s.authors and s.fields and s.abstract
            for s in outcomes[path.name.split("_s0_")[0]]
        )
    assert outcomes["id_0000.0000"] == []
    assert [s.source_id for s in outcomes["id_0808.05394_1707.08567"]] == ["1707.08567"]
    assert [s.source_id for s in outcomes["id_quant-ph_0201082v1"]] == ["quant-ph/0201082"]


async def test_a_whole_real_day_of_the_api_is_read(
    http: Http, mirror: Mirror, data_dir: Path
) -> None:
    mirror.routes["/api"] = Reply(
        (data_dir / "arxiv_api" / "day_cs_2025-12-17.atom.xml").read_bytes()
    )
    harvest = await outage(http, mirror)
    papers = [s for s in harvest.sightings if s.source_id.startswith("2512")]
    assert len(papers) == 405
    assert max(len(s.authors) for s in papers) == 99
    assert not any("\\times" in s.abstract for s in papers)
    assert sum(len(s.fields) > 1 for s in papers) >= 206


_ENCODINGS = [
    b"<?xml version='1.0' encoding='%s'?><OAI-PMH/>" % name for name in (b"UTF-99", b"shift_jis")
]


def test_oai_answers_are_read_or_refused(data_dir: Path) -> None:
    folder, now = data_dir / "arxiv_api", at("2026-05-04")
    assert from_oai((folder / "arxiv_oai_empty_response.xml").read_bytes(), now) == ([], "")
    (mamba,), token = from_oai((folder / "oai_getrecord.xml").read_bytes(), now)
    assert (mamba.source_id, mamba.authors, mamba.announce, token) == (
        "2312.00752",
        ("Albert Gu", "Tri Dao"),
        "replace",
        "",
    )
    for body in (
        b"<html/>",
        b"",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><OAI-PMH/>",
        b"<OAI-PMH",
        *_ENCODINGS,
    ):
        with pytest.raises(FetchError):
            from_oai(body, now)
    error = (
        b"<OAI-PMH xmlns='http://www.openarchives.org/OAI/2.0/'><error "
        b"code='badArgument'>no</error></OAI-PMH>"
    )
    with pytest.raises(FetchError, match="badArgument: no"):
        from_oai(error, now)


def test_oai_sets_follow_the_archives() -> None:
    assert [oai_set(c) for c in ("cs.AI", "hep-ex", "astro-ph.GA", "stat.ML")] == [
        "cs:cs:AI",
        "physics:hep-ex",
        "physics:astro-ph:GA",
        "stat:stat:ML",
    ]
