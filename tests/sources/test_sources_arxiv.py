"""arXiv day by day: real lists replayed, silence explained, outages caught up."""

import asyncio
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from mirror import Mirror, Reply, Request

from newsletter.config import Arxiv
from newsletter.models import Ask, Harvest, SourceState
from newsletter.sources.arxiv import ArxivSource
from newsletter.sources.arxiv_catchup import oai_set
from newsletter.sources.arxiv_records import from_oai, is_withdrawn
from newsletter.sources.arxiv_schedule import deadline, is_holiday, is_list_day, judge, latest_list_day
from newsletter.sources.http import FetchError, Http
from newsletter.sources.outcome import marks

CATEGORIES = ("cs.AI", "cs.CL", "cs.CV", "cs.LG", "cs.RO")
FRESH, QUIET, STALLED, FAILED = SourceState.FRESH, SourceState.QUIET, SourceState.STALLED, SourceState.FAILED


def at(day: str, hour: int = 9) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def source(http: Http, mirror: Mirror, *categories: str, form: str = "rss", interval_s: float = 0) -> ArxivSource:
    config = Arxiv(
        categories=categories or ("cs.AI",),
        url=f"{mirror.url}/{form}",
        api_url=f"{mirror.url}/api",
        oai_url=f"{mirror.url}/oai",
        interval_s=interval_s,
    )
    return ArxivSource(config, http)


def feed(day: date | str, *papers: tuple[str, str, str]) -> Reply:
    """A list in arXiv's form; papers are (id with version, announce type, title)."""
    midnight = datetime.fromisoformat(f"{day}").strftime("%a, %d %b %Y 00:00:00 -0400")
    items = "".join(
        f"<item><title>{title}</title><link>https://arxiv.org/abs/{name.split('v')[0]}</link><description>arXiv:{name} "
        f"Announce Type: {kind} \nAbstract: About {title}.</description><guid isPermaLink='false'>oai:arXiv.org:{name}"
        f"</guid><category>cs.AI</category><category>68T50</category><pubDate>{midnight}</pubDate>"
        f"<arxiv:announce_type>{kind}</arxiv:announce_type><dc:creator>Ann Lee (Inria, France), Bo Chen</dc:creator>"
        "</item>"
        for name, kind, title in papers
    )
    spaces = "xmlns:arxiv='http://arxiv.org/schemas/atom' xmlns:dc='http://purl.org/dc/elements/1.1/'"
    head = f"<title>cs.AI updates on arXiv.org</title><pubDate>{midnight}</pubDate>"
    return Reply(f"<rss {spaces} version='2.0'><channel>{head}{items}</channel></rss>".encode())


async def test_an_item_of_the_list_becomes_a_sighting(http: Http, mirror: Mirror) -> None:
    mirror.routes["/rss/cs.AI"] = feed("2026-05-04", ("2605.00001v1", "new", "On $\\alpha$-nets"))
    harvest = await source(http, mirror).fetch(Ask(at("2026-05-04")))
    (paper,) = harvest.sightings
    assert harvest.state is FRESH
    assert (paper.source_id, paper.version, paper.announce) == ("2605.00001", 1, "new")
    assert (paper.title, paper.abstract) == ("On α-nets", "About α-nets.".replace("About", "About On"))
    assert (paper.authors, paper.affiliations) == (("Ann Lee", "Bo Chen"), ("Inria, France",))
    assert (paper.fields, paper.identifiers) == (("cs.AI",), ("arxiv:2605.00001",))
    assert paper.links == {"abs": "https://arxiv.org/abs/2605.00001", "pdf": "https://arxiv.org/pdf/2605.00001"}
    assert paper.published == datetime(2026, 5, 4, 4, tzinfo=UTC)


async def test_one_request_per_category_and_one_failure_leaves_the_others(http: Http, mirror: Mirror) -> None:
    mirror.routes["/rss/cs.AI"] = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    mirror.routes["/rss/cs.LG"] = Reply(b"", 503)
    mirror.routes["/rss/cs.RO"] = feed("2026-05-04")
    harvest = await source(http, mirror, "cs.AI", "cs.LG", "cs.RO").fetch(Ask(at("2026-05-04")))
    assert [(unit.name, unit.state) for unit in harvest.units] == [
        ("cs.AI", FRESH),
        ("cs.LG", FAILED),
        ("cs.RO", STALLED),
    ]
    assert harvest.state is FRESH
    assert "cs.LG" in harvest.error
    assert "cs.RO" in harvest.error
    assert harvest.retry_after_s == 900
    assert mirror.paths() == ["/rss/cs.AI", "/rss/cs.LG", "/rss/cs.RO"]


async def test_C21_replacements_and_cross_lists_update_and_never_count_as_new(http: Http, mirror: Mirror) -> None:
    mirror.routes["/rss/cs.AI"] = feed(
        "2026-05-04",
        ("2605.00001v1", "cross", "A"),
        ("2401.00001v3", "replace", "B"),
        ("2402.00001v2", "replace-cross", "C"),
    )
    mirror.routes["/rss/cs.LG"] = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    harvest = await source(http, mirror, "cs.AI", "cs.LG").fetch(Ask(at("2026-05-04")))
    assert {s.source_id: s.announce for s in harvest.sightings} == {
        "2605.00001": "new",
        "2401.00001": "replace",
        "2402.00001": "replace-cross",
    }
    replaced = next(s for s in harvest.sightings if s.announce == "replace")
    assert (replaced.version, replaced.published) == (3, None)


async def test_the_same_list_an_hour_later_is_quiet(http: Http, mirror: Mirror) -> None:
    mirror.routes["/rss/cs.AI"] = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    arxiv = source(http, mirror)
    first = await arxiv.fetch(Ask(at("2026-05-04")))
    again = await arxiv.fetch(Ask(at("2026-05-04", 10), at("2026-05-04"), first.memory))
    assert (again.state, again.error) == (QUIET, "")


@pytest.mark.parametrize("day", ["2026-05-03", "2026-05-04"])
async def test_C05_yesterdays_list_again_is_stalled_on_a_list_day_only(http: Http, mirror: Mirror, day: str) -> None:
    mirror.routes["/rss/cs.AI"] = feed("2026-05-01", ("2605.00001v1", "new", "A"))
    arxiv = source(http, mirror)
    friday = await arxiv.fetch(Ask(at("2026-05-01")))
    later = await arxiv.fetch(Ask(at(day), at("2026-05-01"), friday.memory))
    assert later.state is (QUIET if day == "2026-05-03" else STALLED)
    assert later.retry_after_s == (None if day == "2026-05-03" else 600)
    assert ("Friday, 01 May" in later.error) is (day == "2026-05-04")


async def test_C05_the_same_papers_under_a_new_date_are_stalled(http: Http, mirror: Mirror) -> None:
    mirror.routes["/rss/cs.AI"] = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    arxiv = source(http, mirror)
    monday = await arxiv.fetch(Ask(at("2026-05-04")))
    mirror.routes["/rss/cs.AI"] = feed("2026-05-05", ("2605.00001v1", "new", "A"))
    tuesday = await arxiv.fetch(Ask(at("2026-05-05"), at("2026-05-04"), monday.memory))
    assert tuesday.state is STALLED
    assert "repeats the list of Monday, 04 May" in tuesday.error


async def test_C05_an_empty_list_on_a_list_day_is_stalled_and_keeps_the_validators(http: Http, mirror: Mirror) -> None:
    full = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    full.headers["ETag"] = '"monday"'
    mirror.routes["/rss/cs.AI"] = full
    arxiv = source(http, mirror)
    monday = await arxiv.fetch(Ask(at("2026-05-04")))
    mirror.routes["/rss/cs.AI"] = feed("2026-05-05")
    tuesday = await arxiv.fetch(Ask(at("2026-05-05"), at("2026-05-04"), monday.memory))
    assert tuesday.state is STALLED
    assert "is empty" in tuesday.error
    assert {k: v for k, v in tuesday.memory.items() if k != "covered"} == {
        k: v for k, v in monday.memory.items() if k != "covered"
    }
    assert mirror.log[-1].headers["if-none-match"] == '"monday"'


async def test_C01_304_is_quiet_the_same_day_and_stalled_the_next(http: Http, mirror: Mirror) -> None:
    full = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    full.headers["ETag"] = '"monday"'
    mirror.routes["/rss/cs.AI"] = [full, Reply(status=304)]
    arxiv = source(http, mirror)
    monday = await arxiv.fetch(Ask(at("2026-05-04")))
    again = await arxiv.fetch(Ask(at("2026-05-04", 20), at("2026-05-04"), monday.memory))
    tuesday = await arxiv.fetch(Ask(at("2026-05-05"), at("2026-05-04"), again.memory))
    assert [again.state, tuesday.state] == [QUIET, STALLED]


async def test_an_error_feed_fails_with_its_reason(http: Http, mirror: Mirror, data_dir: Path) -> None:
    body = (data_dir / "arxiv_rss" / "error_feed.rss.xml").read_bytes()
    for status in (200, 400):
        mirror.routes["/rss/cs.XX"] = Reply(body, status)
        harvest = await source(http, mirror, "cs.XX").fetch(Ask(at("2026-05-04")))
        assert (harvest.state, harvest.error) == (FAILED, "cs.XX: Invalid archive 'cs.XX'")


@pytest.mark.parametrize(
    ("name", "day", "state", "count"),
    [
        ("atom_cs.AI_2025-08-20.xml", "2025-08-20", FRESH, 7),
        ("atom_cs_EMPTY_2025-11-23.xml", "2025-11-23", QUIET, 0),
        ("old_rdf_hep-ex_2021-07-08.xml", "2021-07-09", FRESH, 3),
    ],
)
async def test_lists_as_arxiv_served_them_are_read(
    http: Http, mirror: Mirror, data_dir: Path, name: str, day: str, state: SourceState, count: int
) -> None:
    mirror.routes["/rss/cs"] = Reply((data_dir / "arxiv_rss" / name).read_bytes())
    harvest = await source(http, mirror, "cs").fetch(Ask(at(day)))
    assert (harvest.state, len(harvest.sightings)) == (state, count)
    if name.startswith("old_rdf"):
        first, cross, updated = harvest.sightings
        assert first.title == "Observation of excited Ω_c⁰ baryons in Ω_b⁻ → Ξ_c⁺ K⁻π⁻ decays"
        assert first.authors == ("LHCb collaboration", "R. Aaij")
        assert (cross.announce, cross.fields) == ("cross", ("math.GR",))
        assert (updated.announce, updated.version, len(updated.authors)) == ("replace", 2, 5)


@pytest.mark.parametrize("form", ["rss", "atom"])
async def test_ten_real_days_are_fresh_on_workdays_and_quiet_on_weekends(
    http: Http, mirror: Mirror, data_dir: Path, form: str
) -> None:
    categories = CATEGORIES if form == "rss" else CATEGORIES[-1:]
    arxiv = source(http, mirror, *categories, form=form)
    last = Harvest("arxiv", QUIET)
    since = None
    seen: Counter[str] = Counter()
    for day in range(17, 27):
        for category in categories:
            body = (data_dir / "arxiv_rss" / f"2026-04-{day}_{category}.{form}.xml").read_bytes()
            mirror.routes[f"/{form}/{category}"] = Reply(body)
        now = at(f"2026-04-{day}")
        last = await arxiv.fetch(Ask(now, since, last.memory))
        is_weekend = day in (18, 19, 25, 26)
        assert (last.state, last.error) == (QUIET if is_weekend else FRESH, "")
        assert [unit.name for unit in last.units] == list(categories)
        seen.update(s.announce for s in last.sightings)
        assert len({s.source_id for s in last.sightings}) == len(last.sightings)
        assert all(s.title and s.abstract and s.authors and s.fields for s in last.sightings)
        assert not any("Announce Type" in s.abstract for s in last.sightings)
        since = now
    if form == "rss":
        assert seen == {"new": 743, "replace": 432, "cross": 127, "replace-cross": 98}


async def test_C28_arxiv_gets_one_request_at_a_time_three_seconds_apart_as_configured(
    http: Http, mirror: Mirror
) -> None:
    for category in CATEGORIES[:3]:
        mirror.routes[f"/rss/{category}"] = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    await source(http, mirror, *CATEGORIES[:3], interval_s=0.15).fetch(Ask(at("2026-05-04")))
    starts = [request.at for request in mirror.log]
    assert starts[1] - starts[0] >= 0.15
    assert starts[2] - starts[1] >= 0.15
    assert Arxiv().interval_s == 3.0


# -- catching up -----------------------------------------------------------------------------------------------------


def api_page(papers: list[int], start: int, total: int) -> Reply:
    entries = "".join(
        f"<entry><id>http://arxiv.org/abs/2605.{n:05}v1</id><title>Paper {n}</title><summary>Text {n}.</summary>"
        "<published>2026-05-05T10:00:00Z</published><updated>2026-05-05T10:00:00Z</updated><category term='cs.AI'/>"
        "<author><name>Ann Lee</name></author></entry>"
        for n in papers
    )
    spaces = "xmlns='http://www.w3.org/2005/Atom' xmlns:opensearch='http://a9.com/-/spec/opensearch/1.1/'"
    head = f"<opensearch:totalResults>{total}</opensearch:totalResults>"
    head += f"<opensearch:startIndex>{start}</opensearch:startIndex>"
    return Reply(f"<feed {spaces}><title>arXiv Query</title>{head}{entries}</feed>".encode())


async def outage(http: Http, mirror: Mirror) -> Harvest:
    """Monday was good, Tuesday and Wednesday were missed, now it is Thursday."""
    arxiv = source(http, mirror)
    mirror.routes["/rss/cs.AI"] = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    monday = await arxiv.fetch(Ask(at("2026-05-04")))
    mirror.routes["/rss/cs.AI"] = feed("2026-05-07", ("2605.09999v1", "new", "Z"))
    mirror.log.clear()
    return await arxiv.fetch(Ask(at("2026-05-07"), at("2026-05-04"), monday.memory))


async def test_missed_days_are_caught_up_through_overlapping_pages(http: Http, mirror: Mirror) -> None:
    def page(request: Request) -> Reply:
        start = int(parse_qs(request.query)["start"][0])
        first = max(start - 1, 0)  # each page repeats the last paper of the one before
        return api_page(list(range(first + 100, min(first + 4, 10) + 100)), start, 10)

    mirror.routes["/api"] = page
    harvest = await outage(http, mirror)
    query = parse_qs(next(r.query for r in mirror.log if r.path == "/api"))
    assert query["search_query"] == ["(cat:cs.AI) AND submittedDate:[202605011800 TO 202605051800]"]
    assert [(unit.name, unit.state) for unit in harvest.units] == [("cs.AI", FRESH), ("catch-up", FRESH)]
    assert len(harvest.sightings) == 11
    assert all(s.announce == "new" for s in harvest.sightings)
    assert harvest.memory["covered"] == "2026-05-07"


async def test_an_outage_of_the_api_too_falls_back_to_oai(http: Http, mirror: Mirror, data_dir: Path) -> None:
    first = (data_dir / "arxiv_api" / "arxiv_oai_with_resumption.xml").read_bytes()
    second = (data_dir / "arxiv_api" / "arxiv_oai_sample_response.xml").read_bytes()
    mirror.routes["/api"] = Reply(b"", 503)
    mirror.routes["/oai"] = lambda request: Reply(second if "resumptionToken" in request.query else first)
    harvest = await outage(http, mirror)
    asked = [request.query for request in mirror.log if request.path == "/oai"]
    assert "set=cs%3Acs%3AAI" in asked[0]
    assert "from=2026-05-04" in asked[0]
    assert asked[1] == "verb=ListRecords&resumptionToken=token123abc"
    assert {s.source_id: s.announce for s in harvest.sightings if s.source_id.startswith("2501")} == {
        "2501.08827": "replace",  # submitted long before the period: a change, not news
        "2501.08817": "replace",
    }


async def test_a_failed_catch_up_is_told_and_tried_again(http: Http, mirror: Mirror) -> None:
    harvest = await outage(http, mirror)
    assert harvest.state is FRESH
    assert "the lists of 2026-05-05 to 2026-05-06 are still missing" in harvest.error
    assert harvest.memory["covered"] == "2026-05-04"
    mirror.routes["/api"] = api_page([123], 0, 1)
    later = await source(http, mirror).fetch(Ask(at("2026-05-07", 12), at("2026-05-07"), harvest.memory))
    assert (later.state, later.memory["covered"]) == (FRESH, "2026-05-07")
    assert {s.source_id for s in later.sightings} == {"2605.09999", "2605.00123"}


async def test_an_api_that_answers_empty_pages_is_asked_again_and_not_believed(http: Http, mirror: Mirror) -> None:
    mirror.routes["/api"] = [api_page([1, 2], 0, 4), api_page([], 2, 4), api_page([3, 4], 2, 4)]
    assert len((await outage(http, mirror)).sightings) == 5
    mirror.routes["/api"] = [api_page([1, 2], 0, 4), api_page([], 2, 4)]
    assert "stopped at 2 of 4 results" in (await outage(http, mirror)).error


async def test_recorded_answers_of_the_query_api_are_read(http: Http, mirror: Mirror, data_dir: Path) -> None:
    """Real answers, among them an unknown id (silently absent) and an id that is no id (400 with a reason)."""
    outcomes = {}
    for path in sorted((data_dir / "arxiv_api").glob("*.json")):
        recorded = json.loads(path.read_text())
        mirror.routes["/api"] = Reply(recorded["body"].encode(), recorded["status_code"])
        if "totalResults>214" in recorded["body"]:
            continue  # one page of a large result; paging is tested above
        harvest = await outage(http, mirror)
        outcomes[path.name.split("_s0_")[0]] = [s for s in harvest.sightings if s.source_id != "2605.09999"]
        assert all(s.title and s.authors and s.fields and s.abstract for s in outcomes[path.name.split("_s0_")[0]])
    assert outcomes["id_0000.0000"] == []
    assert [s.source_id for s in outcomes["id_0808.05394_1707.08567"]] == ["1707.08567"]
    assert [s.source_id for s in outcomes["id_quant-ph_0201082v1"]] == ["quant-ph/0201082"]


async def test_a_whole_real_day_of_the_api_is_read(http: Http, mirror: Mirror, data_dir: Path) -> None:
    mirror.routes["/api"] = Reply((data_dir / "arxiv_api" / "day_cs_2025-12-17.atom.xml").read_bytes())
    harvest = await outage(http, mirror)
    papers = [s for s in harvest.sightings if s.source_id.startswith("2512")]
    assert len(papers) == 405
    assert max(len(s.authors) for s in papers) == 99
    assert not any("\\times" in s.abstract for s in papers)
    assert sum(len(s.fields) > 1 for s in papers) >= 206


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
    for body in (b"<html/>", b"", b"<!DOCTYPE x [<!ENTITY a 'b'>]><OAI-PMH/>", b"<OAI-PMH"):
        with pytest.raises(FetchError):
            from_oai(body, now)
    error = b"<OAI-PMH xmlns='http://www.openarchives.org/OAI/2.0/'><error code='badArgument'>no</error></OAI-PMH>"
    with pytest.raises(FetchError, match="badArgument: no"):
        from_oai(error, now)


def test_oai_sets_follow_the_archives() -> None:
    assert [oai_set(c) for c in ("cs.AI", "hep-ex", "astro-ph.GA", "stat.ML")] == [
        "cs:cs:AI",
        "physics:hep-ex",
        "physics:astro-ph:GA",
        "stat:stat:ML",
    ]


# -- schedule --------------------------------------------------------------------------------------------------------


def test_the_holidays_of_2026_have_no_announcement() -> None:
    listed = ((1, 1), (1, 19), (6, 19), (7, 3), (9, 7), (11, 26), (12, 25), (12, 29), (12, 31))
    assert all(is_holiday(date(2026, month, day)) for month, day in listed)


def test_ordinary_days_are_no_holidays() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert sum(is_holiday(day) for day in days) == 9
    assert [is_list_day(date(2026, 5, d)) for d in range(4, 11)] == [True] * 5 + [False] * 2
    assert latest_list_day(date(2026, 5, 10)) == date(2026, 5, 8)
    assert latest_list_day(date(2026, 11, 27)) == date(2026, 11, 25)  # the day after Thanksgiving


def test_submissions_close_at_14_on_the_last_working_day() -> None:
    assert deadline(date(2026, 5, 4)) == datetime(2026, 5, 1, 18, tzinfo=UTC)  # Friday, daylight-saving time
    assert deadline(date(2026, 2, 4)) == datetime(2026, 2, 3, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ids", "list_day", "today", "known", "known_day", "state"),
    [
        (["a"], "2026-05-04", "2026-05-04", "", None, FRESH),
        (["a"], None, "2026-05-04", "", None, FRESH),
        (["a"], "2026-05-05", "2026-05-04", "", None, FRESH),  # a list of tomorrow is still news
        (["a", "b"], "2026-05-04", "2026-05-04", "a", "2026-05-04", FRESH),
        (["a"], "2026-05-04", "2026-05-04", "a", "2026-05-04", QUIET),
        (["a"], "2026-05-01", "2026-05-03", "a", "2026-05-01", QUIET),
        (["a"], "2026-05-01", "2026-05-04", "", None, STALLED),
        (["a"], None, "2026-05-04", "a", "2026-05-01", STALLED),
        ([], None, "2026-05-03", "a", "2026-05-01", QUIET),
        ([], None, "2026-05-04", "", None, STALLED),
        ([], None, "2026-12-25", "", None, QUIET),
        ([], "2026-05-09", "2026-05-08", "", None, QUIET),  # Saturday's list while it is Friday evening in New York
    ],
)
def test_a_list_is_judged_by_its_day_and_by_what_was_known(
    ids: list[str], list_day: str | None, today: str, known: str, known_day: str | None, state: SourceState
) -> None:
    days = [date.fromisoformat(day) if day else None for day in (list_day, known_day)]
    found, error = judge(ids, days[0], date.fromisoformat(today), marks(known), days[1])
    assert found is state
    assert bool(error) is (state is STALLED)


def test_withdrawn_papers_are_recognised() -> None:
    assert is_withdrawn("This paper has been withdrawn by the authors.", "")
    assert is_withdrawn("An abstract.", "This submission has been withdrawn by arXiv administrators")
    assert not is_withdrawn("We study troops that were withdrawn from the front.", "12 pages")


async def test_cancelling_the_source_ends_at_once(http: Http, mirror: Mirror) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    mirror.routes["/rss/cs.AI"] = hang
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await source(http, mirror).fetch(Ask(at("2026-05-04")))
