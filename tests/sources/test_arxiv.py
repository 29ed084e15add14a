"""arXiv day by day: real lists replayed through the product's own client, with the meaning of
silence.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.config import Arxiv
from newsletter.models import Ask, Harvest, SourceState
from newsletter.sources.arxiv_records import is_withdrawn
from newsletter.sources.http import Http
from tests.sources.arxiv_mirror import at, feed, source
from tests.sources.mirror import Mirror, Reply

CATEGORIES = ("cs.AI", "cs.CL", "cs.CV", "cs.LG", "cs.RO")
FRESH, QUIET, STALLED, FAILED = (
    SourceState.FRESH,
    SourceState.QUIET,
    SourceState.STALLED,
    SourceState.FAILED,
)


async def test_an_item_of_the_list_becomes_a_sighting(http: Http, mirror: Mirror) -> None:
    mirror.routes["/rss/cs.AI"] = feed("2026-05-04", ("2605.00001v1", "new", "On $\\alpha$-nets"))
    harvest = await source(http, mirror).fetch(Ask(at("2026-05-04")))
    (paper,) = harvest.sightings
    assert harvest.state is FRESH
    assert (paper.source_id, paper.version, paper.announce) == ("2605.00001", 1, "new")
    assert (paper.title, paper.abstract) == (
        "On α-nets",
        "About α-nets.".replace("About", "About On"),
    )
    assert (paper.authors, paper.affiliations) == (("Ann Lee", "Bo Chen"), ("Inria, France",))
    assert (paper.fields, paper.identifiers) == (("cs.AI",), ("arxiv:2605.00001",))
    assert paper.links == {
        "abs": "https://arxiv.org/abs/2605.00001",
        "pdf": "https://arxiv.org/pdf/2605.00001",
    }
    assert paper.published == datetime(2026, 5, 4, 4, tzinfo=UTC)


async def test_one_request_per_category_and_one_failure_leaves_the_others(
    http: Http, mirror: Mirror
) -> None:
    mirror.routes["/rss/cs.AI"] = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    mirror.routes["/rss/cs.LG"] = Reply(b"", 503)
    mirror.routes["/rss/cs.RO"] = feed("2026-05-04")
    harvest = await source(http, mirror, "cs.AI", "cs.LG", "cs.RO").fetch(Ask(at("2026-05-04")))
    assert [(unit.name, unit.state) for unit in harvest.units] == [
        ("cs.AI", FRESH),
        ("cs.LG", FAILED),
        ("cs.RO", QUIET),  # nobody wrote a paper: the other list came
    ]
    assert harvest.state is FRESH
    assert "cs.LG" in harvest.error and "cs.RO" not in harvest.error
    assert {one.unit: str(one.state) for one in harvest.lists} == {
        "cs.AI": "read",
        "cs.LG": "due",
        "cs.RO": "empty",
    }
    assert harvest.retry_after_s == 900
    assert mirror.paths() == ["/rss/cs.AI", "/rss/cs.LG", "/rss/cs.RO"]


async def test_C21_replacements_and_cross_lists_update_and_never_count_as_new(
    http: Http, mirror: Mirror
) -> None:
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
async def test_C05_yesterdays_list_again_is_stalled_on_a_list_day_only(
    http: Http, mirror: Mirror, day: str
) -> None:
    mirror.routes["/rss/cs.AI"] = feed("2026-05-01", ("2605.00001v1", "new", "A"))
    arxiv = source(http, mirror)
    friday = await arxiv.fetch(Ask(at("2026-05-01")))
    later = await arxiv.fetch(Ask(at(day), at("2026-05-01"), friday.memory))
    assert later.state is (QUIET if day == "2026-05-03" else STALLED)
    assert later.retry_after_s is None  # it may be asked again at once
    assert ("Friday, 01 May" in later.error) is (day == "2026-05-04")


async def test_C05_the_same_papers_under_a_new_date_are_stalled(http: Http, mirror: Mirror) -> None:
    mirror.routes["/rss/cs.AI"] = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    arxiv = source(http, mirror)
    monday = await arxiv.fetch(Ask(at("2026-05-04")))
    mirror.routes["/rss/cs.AI"] = feed("2026-05-05", ("2605.00001v1", "new", "A"))
    tuesday = await arxiv.fetch(Ask(at("2026-05-05"), at("2026-05-04"), monday.memory))
    assert tuesday.state is STALLED
    assert "repeats the list of Monday, 04 May" in tuesday.error


async def test_C05_an_empty_list_on_a_list_day_is_stalled_and_keeps_the_validators(
    http: Http, mirror: Mirror
) -> None:
    full = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    full.headers["ETag"] = '"monday"'
    mirror.routes["/rss/cs.AI"] = full
    arxiv = source(http, mirror)
    monday = await arxiv.fetch(Ask(at("2026-05-04")))
    mirror.routes["/rss/cs.AI"] = feed("2026-05-05")
    tuesday = await arxiv.fetch(Ask(at("2026-05-05"), at("2026-05-04"), monday.memory))
    assert tuesday.state is STALLED
    assert "is empty" in tuesday.error
    assert tuesday.memory == monday.memory
    assert mirror.log[-1].headers["if-none-match"] == '"monday"'


async def test_C01_304_is_quiet_the_same_day_and_stalled_the_next(
    http: Http, mirror: Mirror
) -> None:
    full = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    full.headers["ETag"] = '"monday"'
    mirror.routes["/rss/cs.AI"] = [full, Reply(status=304)]
    arxiv = source(http, mirror)
    monday = await arxiv.fetch(Ask(at("2026-05-04")))
    again = await arxiv.fetch(Ask(at("2026-05-04", 20), at("2026-05-04"), monday.memory))
    tuesday = await arxiv.fetch(Ask(at("2026-05-05"), at("2026-05-04"), again.memory))
    assert [again.state, tuesday.state] == [QUIET, STALLED]


async def test_an_error_feed_fails_with_its_reason(
    http: Http, mirror: Mirror, data_dir: Path
) -> None:
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


def test_withdrawn_papers_are_recognised() -> None:
    assert is_withdrawn("This paper has been withdrawn by the authors.", "")
    assert is_withdrawn(
        "An abstract.", "This submission has been withdrawn by arXiv administrators"
    )
    assert is_withdrawn("This paper is temporarily withdrawn due to an error in Lemma 3.", "")
    assert is_withdrawn("An abstract.", "Paper withdrawn")
    assert not is_withdrawn("We study troops that were withdrawn from the front.", "12 pages")
    assert not is_withdrawn(
        "This paper studies why approved drugs are withdrawn from the market.", ""
    )
    assert not is_withdrawn(
        "An abstract.", "This submission replaces the withdrawn arXiv:2401.00001"
    )


async def test_a_source_that_says_wait_is_asked_for_nothing_else(
    http: Http, mirror: Mirror
) -> None:
    mirror.routes["/rss/cs.AI"] = feed("2026-05-04", ("2605.00001v1", "new", "A"))
    first = await source(http, mirror, "cs.AI", "cs.LG", "cs.RO").fetch(Ask(at("2026-05-04")))
    mirror.routes["/rss/cs.AI"] = Reply(b"", 429, headers={"Retry-After": "3600"})
    mirror.log.clear()
    late = Ask(at("2026-05-08"), at("2026-05-04"), first.memory)  # days were missed: they wait too
    harvest = await source(http, mirror, "cs.AI", "cs.LG", "cs.RO").fetch(late)
    assert mirror.paths() == ["/rss/cs.AI"]
    assert harvest.retry_after_s == 3600 and {unit.state for unit in harvest.units} == {FAILED}
    assert not any(one.is_covered for one in harvest.lists)


async def test_cancelling_the_source_ends_at_once(http: Http, mirror: Mirror) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    mirror.routes["/rss/cs.AI"] = hang
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await source(http, mirror).fetch(Ask(at("2026-05-04")))
