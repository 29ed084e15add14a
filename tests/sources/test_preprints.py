"""Hugging Face, bioRxiv and medRxiv through the product's own client, with every shape their
answers have had.
"""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from newsletter.config import Biorxiv, HuggingFace
from newsletter.models import Ask, DayList, ListState, SourceState
from newsletter.sources.biorxiv import BiorxivSource
from newsletter.sources.http import Http
from newsletter.sources.huggingface import HuggingFaceSource
from newsletter.sources.json_access import moment, number, record
from tests.sources.mirror import Mirror, Reply, Request

NOW = datetime(2026, 5, 6, 9, tzinfo=UTC)  # a Wednesday
FRESH, QUIET, STALLED, FAILED = (
    SourceState.FRESH,
    SourceState.QUIET,
    SourceState.STALLED,
    SourceState.FAILED,
)


def huggingface(http: Http, mirror: Mirror, days: int = 0) -> HuggingFaceSource:
    return HuggingFaceSource(HuggingFace(url=f"{mirror.url}/papers", days=days), http)


def listed(name: str, **paper: Any) -> dict[str, Any]:
    return {
        "paper": {"id": name, "title": f"Paper {name}", "upvotes": 3, **paper},
        "numComments": 2,
    }


def answer(*items: object) -> Reply:
    return Reply(json.dumps(items).encode())


async def test_an_item_becomes_a_sighting_and_its_counters_signals(
    http: Http, mirror: Mirror
) -> None:
    full = listed(
        "2605.00001",
        title="On\n  $\\alpha$-nets",
        summary="Hard\nline breaks.",
        ai_summary="A short one.",
        authors=[{"name": "Ann Lee"}, {"name": "Anne Lee", "hidden": True}, "Bo Chen", None, 3],
        organization={"name": "inria", "fullname": "Inria"},
        githubRepo="https://github.com/ann/nets",
        githubStars=41,
        projectPage="javascript:alert(1)",
        publishedAt="2026-05-05T00:00:00.000Z",
    )
    mirror.routes["/papers"] = answer(full)
    harvest = await huggingface(http, mirror).fetch(Ask(NOW))
    (paper,) = harvest.sightings
    assert (paper.title, paper.abstract, paper.summary) == (
        "On α-nets",
        "Hard line breaks.",
        "A short one.",
    )
    assert (paper.authors, paper.affiliations) == (("Ann Lee", "Bo Chen"), ("Inria",))
    assert paper.identifiers == ("arxiv:2605.00001",)
    assert paper.published == datetime(2026, 5, 5, tzinfo=UTC)
    assert paper.links == {
        "abs": "https://arxiv.org/abs/2605.00001",
        "pdf": "https://arxiv.org/pdf/2605.00001",
        "discuss": "https://huggingface.co/papers/2605.00001",
        "code": "https://github.com/ann/nets",
    }
    assert {(s.about, s.kind, s.value, s.at) for s in harvest.signals} == {
        ("arxiv:2605.00001", "upvotes", 3, NOW),
        ("arxiv:2605.00001", "stars", 41, NOW),
        ("arxiv:2605.00001", "comments", 2, NOW),
    }


async def test_the_day_and_the_days_before_are_asked_and_more_after_an_outage(
    http: Http, mirror: Mirror
) -> None:
    mirror.routes["/papers"] = lambda r: answer(
        listed(f"2605.000{parse_qs(r.query)['date'][0][-2:]}")
    )
    harvest = await huggingface(http, mirror, days=3).fetch(Ask(NOW))
    assert [r.query for r in mirror.log] == [f"date=2026-05-0{day}" for day in (6, 5, 4, 3)]
    assert len(harvest.sightings) == 4
    mirror.log.clear()
    missed = [DayList("daily", date(2026, 4, day), ListState.DUE) for day in (20, 21, 30)]
    again = await huggingface(http, mirror, days=3).fetch(Ask(NOW, lists=tuple(missed)))
    assert [r.query for r in mirror.log][4:] == [f"date=2026-04-{day}" for day in (30, 21, 20)]
    assert {f"{one.day:%m%d}" for one in again.lists if one.state is ListState.READ} == {
        "0420",
        "0421",
        "0430",
        "0503",
        "0504",
        "0505",
    }  # today's list still grows


async def test_a_day_that_could_not_be_had_is_asked_for_until_it_is_there(
    http: Http, mirror: Mirror
) -> None:
    missing = {"2026-05-02"}
    mirror.routes["/papers"] = lambda r: (
        Reply(b"", 404) if parse_qs(r.query)["date"][0] in missing else answer(listed("2605.00001"))
    )
    source = huggingface(http, mirror, days=1)
    due = tuple(DayList("daily", date(2026, 5, day), ListState.DUE) for day in (2, 6))
    first = await source.fetch(Ask(NOW, lists=due))
    lost = [one for one in first.lists if one.state is ListState.MISSING]
    assert first.state is FRESH and [f"{one.day}" for one in lost] == ["2026-05-02"]
    assert "404" in lost[0].reason
    missing.clear()
    mirror.log.clear()
    second = await source.fetch(Ask(NOW, memory=first.memory, lists=tuple(first.lists)))
    assert [r.query for r in mirror.log] == [
        "date=2026-05-06",
        "date=2026-05-05",
        "date=2026-05-02",
    ]
    assert not any(one.state is ListState.MISSING for one in second.lists)


async def test_one_bad_item_never_ends_the_list(http: Http, mirror: Mirror) -> None:
    bad: list[object] = [
        None,
        7,
        "text",
        [],
        {},
        {"paper": None},
        {"paper": {"id": 5, "title": "x"}},
        {"paper": {"id": "2605.00009"}},
        "{'paper': __import__('os')}",
        "{" * 5000,
    ]
    odd = listed(
        "2605.00002", upvotes="12", authors="nobody", organization=[], githubStars=float("inf")
    )
    mirror.routes["/papers"] = answer(*bad, odd, listed("2605.00003", upvotes=None, authors=None))
    harvest = await huggingface(http, mirror).fetch(Ask(NOW))
    assert [s.source_id for s in harvest.sightings] == ["2605.00002", "2605.00003"]
    assert {(s.about[-1], s.kind, s.value) for s in harvest.signals} == {
        ("2", "upvotes", 12),
        ("2", "comments", 2),
        ("3", "comments", 2),
    }


@pytest.mark.parametrize(
    "body", [b"<html>502</html>", b"", b"{}", b'{"error": "Invalid date"}', b'"x"', b"[1, 2]"]
)
async def test_C04_an_answer_without_a_list_has_failed(
    http: Http, mirror: Mirror, body: bytes
) -> None:
    mirror.routes["/papers"] = Reply(body)
    harvest = await huggingface(http, mirror).fetch(Ask(NOW))
    assert (harvest.state, harvest.sightings) == (FAILED, ())
    assert harvest.error


async def test_one_failed_day_leaves_the_others(http: Http, mirror: Mirror) -> None:
    mirror.routes["/papers"] = lambda r: (
        Reply(b"", 404) if r.query.endswith("05-06") else answer(listed("2605.00001"))
    )
    harvest = await huggingface(http, mirror, days=1).fetch(Ask(NOW))
    assert [unit.state for unit in harvest.units] == [FAILED, FRESH]
    assert (harvest.state, "2026-05-06" in harvest.error) == (FRESH, True)


async def test_C05_lists_that_do_not_move_are_quiet_first_and_stalled_after_a_working_day(
    http: Http, mirror: Mirror
) -> None:
    mirror.routes["/papers"] = answer(listed("2605.00001"))
    source = huggingface(http, mirror)
    harvest = await source.fetch(Ask(datetime(2026, 5, 7, 9, tzinfo=UTC)))  # Thursday
    states = []
    for day in (8, 9, 10, 11, 12):
        harvest = await source.fetch(
            Ask(datetime(2026, 5, day, 9, tzinfo=UTC), memory=harvest.memory)
        )
        states.append(harvest.state)
        assert len(harvest.signals) == 2  # votes are read all the same
    assert states == [QUIET, STALLED, STALLED, STALLED, STALLED]
    mirror.routes["/papers"] = answer()
    assert (await source.fetch(Ask(datetime(2026, 5, 9, 9, tzinfo=UTC)))).state is QUIET


async def test_every_real_day_is_read_whole(http: Http, mirror: Mirror, data_dir: Path) -> None:
    """Seventy days from 2024 to 2025: objects, strings that Python wrote, a wrapper."""
    for path in sorted((data_dir / "hf_daily_papers").glob("*.json")):
        content = json.loads(path.read_text())
        items = content["data"] if isinstance(content, dict) else content
        mirror.routes["/papers"] = Reply(path.read_bytes())
        harvest = await huggingface(http, mirror).fetch(Ask(NOW))
        assert harvest.state is (FRESH if items else QUIET), path.name
        assert len(harvest.sightings) == len({record(item)["paper"]["id"] for item in items}), (
            path.name
        )
        assert all("\n" not in s.title and s.abstract and s.identifiers for s in harvest.sightings)
        assert sum(s.kind == "upvotes" for s in harvest.signals) == len(harvest.sightings)


# -- bioRxiv ---------------------------------------------------------------------------------------


def preprint(number: int, **more: Any) -> dict[str, Any]:
    return {
        "doi": f"10.1101/2026.05.01.{number:06}",
        "title": f"Preprint {number}",
        "authors": "Lee, A. B.; Chen, B.",
        "date": "2026-5-5",
        "version": "1",
        "category": "neuroscience",
        "abstract": "Text.",
        "published": "NA",
        "author_corresponding_institution": "Inria",
        "type": "new results",
        **more,
    }


def pages(collection: list[dict[str, Any]], size: int) -> Any:
    """A server with pages of a size that it does not tell, and a total that is wrong."""

    def serve(request: Request) -> Reply:
        cursor = int(request.path.rsplit("/", 1)[1])
        part = collection[cursor : cursor + size]
        status = (
            {"status": "ok", "total": "9999", "count": len(part)}
            if part
            else {"status": "no posts found"}
        )
        return Reply(json.dumps({"messages": [status], "collection": part}).encode())

    return serve


def biorxiv(http: Http, mirror: Mirror, *servers: str) -> BiorxivSource:
    return BiorxivSource(
        Biorxiv(url=f"{mirror.url}/details", servers=servers or ("biorxiv",), days=2), http
    )


def serve_all(mirror: Mirror, server: str, route: Any, since: str = "2026-05-04") -> None:
    for cursor in range(500):
        mirror.routes[f"/details/{server}/{since}/2026-05-06/{cursor}"] = route


async def test_all_pages_are_read_by_what_was_returned(http: Http, mirror: Mirror) -> None:
    serve_all(mirror, "biorxiv", pages([preprint(n) for n in range(70)], 30))
    serve_all(mirror, "medrxiv", pages([preprint(n, version="2") for n in range(100, 110)], 100))
    harvest = await biorxiv(http, mirror, "biorxiv", "medrxiv").fetch(Ask(NOW))
    assert [(unit.name, unit.state, unit.seen) for unit in harvest.units] == [
        ("biorxiv", FRESH, 70),
        ("medrxiv", FRESH, 10),
    ]
    cursors = [request.path.rsplit("/", 1)[1] for request in mirror.log]
    assert cursors == ["0", "30", "60", "70", "0", "10"]
    first, last = harvest.sightings[0], harvest.sightings[-1]
    assert first.authors == ("A. B. Lee", "B. Chen")
    assert (first.fields, last.fields) == (("biorxiv.neuroscience",), ("medrxiv.neuroscience",))
    assert first.identifiers == ("doi:10.1101/2026.05.01.000000",)
    assert first.published == datetime(2026, 5, 5, tzinfo=UTC)
    assert (last.version, last.announce, last.published) == (2, "replace", None)


async def test_versions_of_a_preprint_are_one_and_its_journal_doi_is_kept(
    http: Http, mirror: Mirror
) -> None:
    versions = [
        preprint(1),
        preprint(1, version="2", published="10.1091/MBC.E25"),
        {"title": "no doi"},
    ]
    serve_all(mirror, "biorxiv", pages(versions, 100))
    (paper,) = (await biorxiv(http, mirror).fetch(Ask(NOW))).sightings
    assert (paper.version, paper.identifiers) == (
        2,
        ("doi:10.1101/2026.05.01.000001", "doi:10.1091/mbc.e25"),
    )
    assert paper.links["abs"] == "https://www.biorxiv.org/content/10.1101/2026.05.01.000001v2"


async def test_a_server_that_ignores_the_cursor_does_not_keep_us(
    http: Http, mirror: Mirror
) -> None:
    same = Reply(json.dumps({"messages": [{"status": "ok"}], "collection": [preprint(1)]}).encode())
    serve_all(mirror, "biorxiv", same)
    assert len((await biorxiv(http, mirror).fetch(Ask(NOW))).sightings) == 1
    assert len(mirror.log) == 2


async def test_a_page_that_fails_fails_the_server_and_leaves_the_other(
    http: Http, mirror: Mirror
) -> None:
    whole = pages([preprint(n) for n in range(50)], 30)
    serve_all(
        mirror, "biorxiv", lambda r: Reply(b"oops", 404) if r.path.endswith("/30") else whole(r)
    )
    serve_all(mirror, "medrxiv", whole)
    harvest = await biorxiv(http, mirror, "biorxiv", "medrxiv").fetch(Ask(NOW))
    assert [unit.state for unit in harvest.units] == [FAILED, FRESH]
    assert len(harvest.sightings) == 80  # the page that was read is kept, its days stay open
    covered = {one.unit for one in harvest.lists if one.is_covered}
    assert covered == {"medrxiv"}


async def test_a_server_that_was_away_for_days_is_asked_about_all_of_them(
    http: Http, mirror: Mirror
) -> None:
    serve_all(mirror, "biorxiv", pages([preprint(1)], 30))
    serve_all(mirror, "medrxiv", pages([preprint(2)], 30), since="2026-05-01")
    due = tuple(DayList("medrxiv", date(2026, 5, day), ListState.DUE) for day in range(1, 7))
    harvest = await biorxiv(http, mirror, "biorxiv", "medrxiv").fetch(Ask(NOW, lists=due))
    assert [unit.state for unit in harvest.units] == [FRESH, FRESH]
    found = {(one.unit, one.day.day): str(one.state) for one in harvest.lists}
    assert found["medrxiv", 5] == "read" and found["medrxiv", 1] == "empty"
    assert found["biorxiv", 6] == found["medrxiv", 6] == "due"  # today is not over


async def test_silence_is_quiet_at_first_and_stalled_when_there_was_something(
    http: Http, mirror: Mirror
) -> None:
    serve_all(mirror, "biorxiv", pages([], 30))
    source = biorxiv(http, mirror)
    assert (await source.fetch(Ask(NOW))).state is QUIET
    assert (await source.fetch(Ask(NOW, memory={"biorxiv.ids": "12345678"}))).state is STALLED
    serve_all(
        mirror,
        "biorxiv",
        Reply(b'{"messages": [{"status": "error: bad interval"}], "collection": []}'),
    )
    harvest = await source.fetch(Ask(NOW))
    assert (harvest.state, "error: bad interval" in harvest.error) == (FAILED, True)


async def test_real_records_of_the_api_are_read(http: Http, mirror: Mirror, data_dir: Path) -> None:
    serve_all(
        mirror, "biorxiv", Reply((data_dir / "biorxiv_api" / "details_trimmed.json").read_bytes())
    )
    (paper,) = (await biorxiv(http, mirror).fetch(Ask(NOW))).sightings
    assert paper.source_id == "10.64898/2026.07.31.741992"
    assert paper.authors == ("M. Loconsole", "C. Xue", "E. Garcia-Pelegrin")
    assert paper.fields == ("biorxiv.animal-behavior-and-cognition",)
    assert paper.published == NOW  # a date in the future is clamped (C19)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-5-4", datetime(2026, 5, 4, tzinfo=UTC)),
        ("2026-05-04T10:00:00+02:00", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("2026-05-04T08:00:00.000Z", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("2099-01-01", NOW),
        ("1970-01-01", None),
        ("2026-02-31", None),
        ("0-0-0", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_C19_dates_in_json_are_parsed_never_compared_as_text(
    text: object, expected: datetime | None
) -> None:
    assert moment(text, NOW) == expected


def test_counts_are_finite_numbers() -> None:
    assert [number(v) for v in (3, 2.5, "12", 0)] == [3, 2.5, 12, 0]
    assert [number(v) for v in (-1, True, None, "x", float("nan"), float("inf"), 10**400, [])] == [
        None
    ] * 8
