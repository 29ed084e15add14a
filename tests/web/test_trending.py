"""Lists of trending papers, topics and papers as pages, and the same for programs."""

import json
import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import httpx2
import pytest

from newsletter.app import App
from newsletter.models import Fact, Heat, Merge, Paper, Sighting, Signal
from newsletter.store import papers, signals, trends
from newsletter.store.db import reading, writing
from newsletter.web.api import REQUESTS
from tests.web.conftest import NOW

HOSTILE = '</script><script>alert(1)</script> & "quotes" {brace} <img src=x onerror=alert(1)>'


def listed(app: App, number: int = 3, field: str = "cs.CL", **more: object) -> list[Paper]:
    """Papers of one field, the first the hottest, with upvotes over three days."""
    new = [
        Paper(
            f"2611.{n:05}",
            f"Reasoning with robots {n}",
            abstract="We show what robots reason.",
            authors=("Mara Okafor", "Jonas Lindqvist"),
            fields=(field,),
            identifiers=(f"arxiv:2611.{n:05}",),
            published=NOW - timedelta(days=3),
            first_seen=NOW - timedelta(days=3),
            links={"abs": f"https://arxiv.org/abs/2611.{n:05}"}
            | ({"code": "https://github.com/x/y"} if n % 2 else {}),
            **more,
        )
        for n in range(number)
    ]
    with writing(app.engine) as connection:
        merges = [
            Merge(one, (Sighting("arxiv", one.id, one.title),), keys=one.identifiers) for one in new
        ]
        kept = papers.remember(connection, merges, NOW)
        for days in (2, 1, 0):
            at = NOW - timedelta(days=days)
            heats = {
                one.key: Heat(1 - n / number, 2, field, (Fact("upvotes", 90 - n, 3 - days),))
                for n, one in enumerate(kept)
            }
            trends.write(connection, kept, heats, at)
            signals.record(
                connection,
                [
                    Signal(one.identifiers[0], "upvotes", "huggingface", 30 * (3 - days), at)
                    for one in kept
                ],
            )
        signals.write_heats(connection, heats, NOW)
    return kept


def titles(page: str) -> list[str]:
    return re.findall(r"Reasoning with robots \d+(?=</a></h[23]>)", page)


# -- lists -----------------------------------------------------------------------------------------


def test_the_list_goes_by_heat_with_places_and_a_small_chart(app: App, web: httpx2.Client) -> None:
    listed(app)
    page = web.get("/trending").text
    assert titles(page) == [f"Reasoning with robots {n}" for n in range(3)]
    assert re.findall(r"<b>(\d+)</b>", page) == ["1", "2", "3"]
    assert page.count('<svg class="spark"') == 3
    assert titles(web.get("/").text) == titles(page)


def test_a_paper_that_rises_says_by_how_many_places(app: App, web: httpx2.Client) -> None:
    kept = listed(app)
    with writing(app.engine) as connection:
        turned = {
            one.key: Heat(0.1 + n / 9, 2, "cs.CL", (Fact("upvotes", 9, 1),))
            for n, one in enumerate(kept)
        }
        trends.write(connection, kept, turned, NOW)
    answer = web.get("/api/v1/trending").json()
    assert [one["moved"] for one in answer["papers"]] == [2, 0, -2]
    page = web.get("/trending").text
    assert "up 2 places" in page and "down 2 places" in page


def test_a_paper_that_was_not_in_the_list_is_new(app: App, web: httpx2.Client) -> None:
    kept = listed(app)
    with writing(app.engine) as connection:
        day = (NOW - timedelta(days=1)).date()
        connection.execute(
            trends.trends.delete().where(
                trends.trends.c.paper == kept[0].key, trends.trends.c.day <= day
            )
        )
    assert web.get("/api/v1/trending").json()["papers"][0]["moved"] is None
    assert '<span class="up">new</span>' in web.get("/trending").text


def test_a_field_an_archive_and_code_narrow_the_list(app: App, web: httpx2.Client) -> None:
    listed(app, 4)
    assert len(titles(web.get("/trending/cs.CL").text)) == 4
    assert len(titles(web.get("/trending/cs").text)) == 4
    assert len(titles(web.get("/trending/cs.CL?code=1").text)) == 2
    assert len(titles(web.get("/trending?period=week").text)) == 4


def test_a_long_list_has_pages(app: App, web: httpx2.Client) -> None:
    listed(app, 65)
    first, last = web.get("/trending").text, web.get("/trending?page=3").text
    assert len(titles(first)) == 30 and len(titles(last)) == 5
    assert 'rel="next" href="/trending?page=2"' in first and 'rel="prev"' in last
    assert web.get("/trending?page=4").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/trending/no.such",
        "/trending/%25",
        "/trending?period=year",
        "/trending?page=0",
        "/trending?page=-1",
        "/trending?page=²",
        "/trending?page=99999999999999999999",
        "/topics/no-such",
        "/topics/reasoning?period=x",
        "/topics/reasoning?page=7",
        "/search?q=robot&sort=x",
        "/search?q=robot&page=9",
        "/papers/no-such",
        "/papers/no-such.json",
    ],
)
def test_what_does_not_exist_says_so_and_leads_on(app: App, web: httpx2.Client, path: str) -> None:
    listed(app)
    page = web.get(path)
    assert page.status_code == 404
    assert 'href="/trending"' in page.text and 'href="/search"' in page.text


def test_a_site_that_measured_nothing_yet_says_so(web: httpx2.Client) -> None:
    page = web.get("/trending")
    assert page.status_code == 200 and "No paper of this list" in page.text
    assert web.get("/api/v1/trending").json()["papers"] == []


def test_a_paper_that_left_the_week_keeps_its_best_heat(app: App, web: httpx2.Client) -> None:
    listed(app)
    with writing(app.engine) as connection:
        signals.write_heats(connection, {}, NOW)
    [one, *_] = web.get("/api/v1/trending?period=month").json()["papers"]
    assert one["heat"]["word"] == "Rising"
    assert one["heat"]["facts"] == [{"kind": "upvotes", "count": 90, "days": 3}]


# -- topics ----------------------------------------------------------------------------------------


def test_topics_are_listed_with_a_page_each_and_a_form(app: App, web: httpx2.Client) -> None:
    listed(app)
    page = web.get("/topics").text
    assert 'href="/topics/robotics"' in page or 'href="/topics/reasoning"' in page
    one = web.get("/topics/reasoning").text
    assert len(titles(one)) == 3 and 'name="query"' in one
    assert titles(web.get("/topics/reasoning?period=day").text) == []
    assert len(titles(web.get("/topics/reasoning?period=month").text)) == 3


# -- search ----------------------------------------------------------------------------------------


def test_search_counts_sorts_and_filters(app: App, web: httpx2.Client) -> None:
    listed(app, 5)
    page = web.get("/search?q=robots").text
    assert "5 papers" in page and len(titles(page)) == 5
    assert len(titles(web.get("/search?q=robots&code=1").text)) == 2
    assert titles(web.get("/search?q=robots&sort=heat").text)[0] == "Reasoning with robots 0"
    assert titles(web.get("/search?q=robots&field=math").text) == []


def test_search_says_how_it_read_a_query_and_which_topic_asks_the_same(
    app: App, web: httpx2.Client
) -> None:
    page = web.get("/search", params={"q": "Reasoning"}).text
    assert '<a href="/topics/reasoning">Reasoning</a>' in page and "Read as" in page


def test_a_mistake_in_a_query_is_shown_at_its_place(web: httpx2.Client) -> None:
    page = web.get("/search", params={"q": 'robot "open'})
    assert page.status_code == 400 and "<mark>" in page.text
    answer = web.get("/api/v1/search", params={"q": 'robot "open'})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "query" and answer.json()["error"]["position"] > 0


# -- one paper -------------------------------------------------------------------------------------


def test_a_paper_shows_its_attention_and_how_to_cite_it(app: App, web: httpx2.Client) -> None:
    listed(app)
    page = web.get("/papers/2611.00000").text
    assert 'aria-label="Upvotes"' in page and "<td>90</td>" in page
    assert "@misc{okafor2026reasoning" in page
    assert '<link rel="canonical" href="http://localhost:8080/papers/2611.00000">' in page
    ld = json.loads(re.findall(r'ld\+json">(.*?)</script>', page)[0])
    assert ld["@type"] == "ScholarlyArticle" and ld["author"][1]["name"] == "Jonas Lindqvist"


def test_a_long_list_of_authors_is_folded(app: App, web: httpx2.Client) -> None:
    names = tuple(f"Author{n} Name" for n in range(30))
    with writing(app.engine) as connection:
        papers.remember(
            connection, [Merge(Paper("big", "Big", authors=names, first_seen=NOW), ())], NOW
        )
    page = web.get("/papers/big").text
    assert "All 30 authors" in page and "… Author29 Name" in page


def test_a_paper_comes_as_json_bibtex_and_ris(app: App, web: httpx2.Client) -> None:
    listed(app)
    told = web.get("/papers/2611.00000.json").json()
    assert told == web.get("/api/v1/papers/2611.00000").json()
    assert told["series"][0]["days"][-1] == {"day": "2026-11-23", "total": 90}
    bib, ris = web.get("/papers/2611.00000.bib"), web.get("/papers/2611.00000.ris")
    assert bib.text.startswith("@misc{") and "x-bibtex" in bib.headers["content-type"]
    assert ris.text.startswith("TY  - ") and ris.text.rstrip().endswith("ER  -")


def test_hostile_text_is_inert_in_every_form(app: App, web: httpx2.Client) -> None:
    one = Paper(
        "2611.66666",
        HOSTILE,
        abstract=HOSTILE,
        authors=(HOSTILE,),
        fields=("cs.CL",),
        first_seen=NOW,
        published=NOW,
        comment=HOSTILE,
    )
    with writing(app.engine) as connection:
        [kept] = papers.remember(connection, [Merge(one, ())], NOW)
        heat = {kept.key: Heat(0.9, 4, "cs.CL", (Fact("upvotes", 99, 0),))}
        trends.write(connection, [kept], heat, NOW)
        signals.write_heats(connection, heat, NOW)
    for path in ("/papers/2611.66666", "/trending", "/", "/search?q=alert"):
        page = web.get(path).text
        assert "alert(1)" in page
        assert "<script>alert" not in page and "<img src=x" not in page, path
    page = web.get("/papers/2611.66666").text
    assert page.count("</script>") == 1
    ld = json.loads(re.findall(r'ld\+json">(.*?)</script>', page)[0])
    assert ld["headline"] == HOSTILE
    assert web.get("/papers/2611.66666.json").json()["title"] == HOSTILE


# -- programs --------------------------------------------------------------------------------------


def test_every_path_of_the_description_answers_as_it_says(app: App, web: httpx2.Client) -> None:
    listed(app)
    about = web.get("/api/v1/openapi.json").json()
    filled = {"/topics/{slug}": "/topics/reasoning", "/papers/{id}": "/papers/2611.00000"}
    for path, methods in about["paths"].items():
        told = web.get(
            f"/api/v1{filled.get(path, path)}", params={"q": "robots"} if path == "/search" else {}
        )
        schema = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert told.status_code == 200, path
        assert _wrong(told.json(), schema, about) == [], path
        assert path in web.get("/api").text


def _wrong(value: object, schema: dict[str, object], about: dict[str, object]) -> list[str]:
    """Keys of an answer that its description does not name, and named ones that are not there."""
    known = _keys(schema, about)
    assert isinstance(value, dict)
    wrong = [f"{key} is not described" for key in value if key not in known]
    wrong += [f"{key} is missing" for key in known if key not in value]
    for key, inner in known.items():
        if isinstance(value.get(key), list) and value[key] and isinstance(value[key][0], dict):
            wrong += _wrong(value[key][0], inner["items"], about)
        elif isinstance(value.get(key), dict) and "properties" in inner:
            wrong += _wrong(value[key], inner, about)
    return wrong


def _keys(schema: dict, about: dict) -> dict:
    if "$ref" in schema:
        return _keys(about["components"]["schemas"][schema["$ref"].rpartition("/")[2]], about)
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        found |= _keys(part, about)
    return found


def test_errors_of_the_api_have_one_shape(web: httpx2.Client) -> None:
    for path in ("/nothing", "/papers/zz", "/topics/zz", "/trending?period=x", "/search?q="):
        told = web.get(f"/api/v1{path}")
        assert told.status_code in (400, 404), path
        assert set(told.json()["error"]) >= {"code", "message"}, path
        assert told.headers["access-control-allow-origin"] == "*"


def test_a_client_that_asks_too_often_is_told_when_to_come_back(web: httpx2.Client) -> None:
    codes = [web.get("/api/v1/topics").status_code for _ in range(REQUESTS + 1)]
    assert set(codes[:-1]) == {200} and codes[-1] == 429
    told = web.get("/api/v1/topics")
    assert (
        int(told.headers["retry-after"]) > 0 and told.json()["error"]["code"] == "too_many_requests"
    )
    assert web.get("/trending").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/trending",
        "/topics",
        "/archive",
        "/search",
        "/method",
        "/feeds/all.atom",
        "/api/v1/topics",
    ],
)
def test_a_public_page_may_be_kept_and_is_not_sent_again(web: httpx2.Client, path: str) -> None:
    first = web.get(path)
    assert "max-age=" in first.headers["cache-control"]
    again = web.get(path, headers={"If-None-Match": f'W/"x", {first.headers["etag"]}'})
    assert again.status_code == 304 and again.content == b""
    assert web.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_feeds_of_trends_by_field(app: App, web: httpx2.Client) -> None:
    listed(app)
    atom = ET.fromstring(web.get("/feeds/trending.atom").content)
    assert len(atom.findall("{http://www.w3.org/2005/Atom}entry")) == 3
    assert len(web.get("/feeds/trending/cs.CL.json").json()["items"]) == 3
    assert web.get("/feeds/trending/zz.atom").status_code == 404


def test_crawlers_are_told_what_is_public(app: App, web: httpx2.Client) -> None:
    robots = web.get("/robots.txt").text
    assert "Disallow: /preferences/" in robots and "Sitemap: " in robots
    root = ET.fromstring(web.get("/sitemap.xml").content)
    assert any((one.text or "").endswith("/topics/reasoning") for one in root.iter() if one.text)
    assert web.get("/static/icon.svg").status_code == 200


def test_a_page_that_breaks_is_a_page_and_says_that_mails_are_not_affected(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.testclient import TestClient

    from newsletter.web import create_app
    from newsletter.web.public import Public

    def breaks(*_: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(Public, "privacy", breaks)
    client = TestClient(
        create_app(app, lambda: NOW), "http://localhost", raise_server_exceptions=False
    )
    page = client.get("/privacy")
    assert page.status_code == 500 and "mails are not affected" in page.text


def test_one_slow_search_makes_no_other_page_wait(
    app: App, web: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from newsletter import site_queries

    listed(app)
    web.get("/trending")
    begun, go_on = threading.Event(), threading.Event()
    found = site_queries.search

    def slow(*given: object) -> object:
        begun.set()
        assert go_on.wait(20)
        return found(*given)

    monkeypatch.setattr(site_queries, "search", slow)
    searching = threading.Thread(
        target=lambda: httpx2.get(
            f"{str(web.base_url).rstrip('/')}/search?q=robots", trust_env=False, timeout=30
        )
    )
    searching.start()
    assert begun.wait(10)
    for path in ("/papers/2611.00001", "/topics", "/archive"):
        assert web.get(path).status_code == 200
    go_on.set()
    searching.join()


def test_a_visitor_reads_only_what_the_database_holds_now(app: App, web: httpx2.Client) -> None:
    kept = listed(app)
    with writing(app.engine) as connection:
        papers.hide(connection, kept[0].id)
    with reading(app.engine) as connection:
        assert kept[0].key not in [
            one.paper for one in trends.ranking(connection, NOW.date(), 1, 9)
        ]
    assert web.get("/papers/2611.00000").status_code == 404
