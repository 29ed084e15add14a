"""Hacker News, GitHub, OPML, the list of configured sources, and the step that asks them all."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from newsletter.config import (
    Arxiv,
    Biorxiv,
    Config,
    Feed,
    GitHub,
    HackerNews,
    HuggingFace,
    Signals,
    Site,
    Sources,
)
from newsletter.errors import InputError
from newsletter.models import Ask, Harvest, SourceState
from newsletter.sources.github import GitHubSource
from newsletter.sources.hackernews import HackerNewsSource
from newsletter.sources.http import Http
from newsletter.sources.opml import read_opml
from newsletter.sources.registry import build_sources, open_http
from newsletter.steps.fetch import fetch
from tests.sources.mirror import Mirror, Reply

NOW = datetime(2026, 5, 6, 9, tzinfo=UTC)
FRESH, QUIET, FAILED = SourceState.FRESH, SourceState.QUIET, SourceState.FAILED


def hit(id: int, url: object, points: object = 10, comments: object = 2) -> dict[str, Any]:
    return {"objectID": str(id), "url": url, "points": points, "num_comments": comments}


async def test_stories_about_a_paper_add_up_and_other_links_are_left_out(
    http: Http, mirror: Mirror
) -> None:
    stories = [
        hit(1, "https://arxiv.org/abs/2605.00001v2"),
        hit(2, "https://www.arxiv.org/pdf/2605.00001", 5, None),
        hit(3, "https://www.biorxiv.org/content/10.1101/2026.05.01.000001v1.full", 7, 0),
        hit(4, "https://arxiv.org.evil.example/abs/2605.00002"),
        hit(5, "https://example.org/?u=arxiv.org/abs/2605.00003"),
        hit(6, None),
        hit(7, "https://arxiv.org/list/cs.AI/new"),
        hit(8, "https://arxiv.org/abs/2605.00004", None),
        "junk",
    ]
    mirror.routes["/hn"] = Reply(json.dumps({"hits": stories}).encode())
    harvest = await HackerNewsSource(HackerNews(url=f"{mirror.url}/hn"), http).fetch(Ask(NOW))
    assert {(s.about, s.kind): s.value for s in harvest.signals} == {
        ("arxiv:2605.00001", "points"): 13,  # without each author's own
        ("arxiv:2605.00001", "comments"): 2,
        ("doi:10.1101/2026.05.01.000001", "points"): 6,
        ("doi:10.1101/2026.05.01.000001", "comments"): 0,
    }
    assert harvest.state is FRESH
    assert len(mirror.log) == 4  # one search per site


async def test_hacker_news_without_an_answer_has_failed(http: Http, mirror: Mirror) -> None:
    mirror.routes["/hn"] = Reply(b"<html>", 200)
    assert (
        await HackerNewsSource(HackerNews(url=f"{mirror.url}/hn"), http).fetch(Ask(NOW))
    ).state is FAILED
    mirror.routes["/hn"] = Reply(b'{"hits": []}')
    assert (
        await HackerNewsSource(HackerNews(url=f"{mirror.url}/hn"), http).fetch(Ask(NOW))
    ).state is QUIET


REPOSITORIES = {
    "arxiv:2605.00001": "https://github.com/ann/nets",
    "arxiv:2605.00002": "https://github.com/bo/gone.git",
    "arxiv:2605.00003": "https://gitlab.com/x/y",
    "arxiv:2605.00004": "http://www.github.com/carl/code/tree/main?tab=readme",
}


async def test_stars_of_known_repositories_are_read_with_the_token(
    http: Http, mirror: Mirror
) -> None:
    mirror.routes["/repos/ann/nets"] = Reply(
        b'{"stargazers_count": 41}', headers={"X-RateLimit-Remaining": "50"}
    )
    mirror.routes["/repos/carl/code"] = Reply(b'{"stargazers_count": 7}')
    source = GitHubSource(GitHub(url=mirror.url, token=SecretStr("secret")), http)
    harvest = await source.fetch(Ask(NOW, repositories=REPOSITORIES))
    assert {s.about: s.value for s in harvest.signals} == {
        "arxiv:2605.00001": 41,
        "arxiv:2605.00004": 7,
    }
    assert (harvest.state, harvest.error, dict(harvest.memory)) == (FRESH, "", {})
    assert all(request.headers["authorization"] == "Bearer secret" for request in mirror.log)
    assert "/repos/bo/gone" in mirror.paths()


async def test_the_hourly_limit_is_respected_and_the_rest_comes_next_time(
    http: Http, mirror: Mirror
) -> None:
    many = {f"arxiv:2605.{n:05}": f"https://github.com/a/r{n}" for n in range(70)}
    for n in range(70):
        mirror.routes[f"/repos/a/r{n}"] = Reply(b'{"stargazers_count": 1}')
    source = GitHubSource(GitHub(url=mirror.url), http)
    first = await source.fetch(Ask(NOW, repositories=many))
    assert (len(first.signals), first.memory["next"]) == (50, "arxiv:2605.00050")
    assert "authorization" not in mirror.log[0].headers
    second = await source.fetch(Ask(NOW, memory=first.memory, repositories=many))
    assert second.signals[0].about == "arxiv:2605.00050"
    mirror.routes["/repos/a/r2"] = Reply(
        b'{"stargazers_count": 1}', headers={"X-RateLimit-Remaining": "3"}
    )
    assert len((await source.fetch(Ask(NOW, repositories=many))).signals) == 3
    mirror.routes["/repos/a/r0"] = Reply(b"{}", 403, {"X-RateLimit-Remaining": "0"})
    spent = await source.fetch(Ask(NOW, repositories=many))
    assert (spent.state, spent.retry_after_s) == (FAILED, 3600)


OPML = b"""<?xml version="1.0"?><opml version="2.0"><body>
<outline text="Journals"><outline text="Nature" xmlUrl="https://www.nature.com/nature.rss"/>
<outline title="Nature" xmlURL="https://www.nature.com/other.rss"/></outline>
<outline text="" xmlUrl="https://www.example.org/feed"/>
<outline text="again" xmlUrl="https://www.nature.com/nature.rss"/>
<outline text="bad" xmlUrl="javascript:alert(1)"/></body></opml>"""


def test_opml_is_read_nested_each_feed_once_with_unique_names() -> None:
    assert read_opml(OPML).feeds == [
        ("Nature", "https://www.nature.com/nature.rss"),
        ("Nature 2", "https://www.nature.com/other.rss"),
        ("example.org", "https://www.example.org/feed"),
    ]


@pytest.mark.parametrize(
    "body",
    [b"", b"<html/>", b"<opml>", b"<opml/>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><opml/>", b"\x00"],
)
def test_what_is_not_opml_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        read_opml(body)


async def test_every_configured_source_is_built_and_the_client_says_who_asks() -> None:
    config = Config(
        site=Site(base_url="https://digest.example.org", contact="ops@example.org"),
        sources=Sources(
            arxiv=Arxiv(),
            huggingface=HuggingFace(),
            biorxiv=Biorxiv(),
            feeds=(Feed(name="j", url="http://j.example/"),),
        ),
        signals=Signals(hackernews=HackerNews(), github=GitHub()),
    )
    async with open_http(config) as http:
        names = [source.name for source in build_sources(config, http)]
        assert http.user_agent.startswith("newsletter/")
        assert http.user_agent.endswith("(+https://digest.example.org; ops@example.org)")
    assert names == ["arxiv", "huggingface", "biorxiv", "j", "hackernews", "github"]
    async with open_http(Config()) as http:
        assert build_sources(Config(), http) == []


class Told:
    """A source that does what it was told."""

    def __init__(self, name: str, harvest: Harvest | Exception | float) -> None:
        self.name = name
        self._harvest = harvest

    async def fetch(self, ask: Ask) -> Harvest:
        if isinstance(self._harvest, Exception):
            raise self._harvest
        if isinstance(self._harvest, float):
            await asyncio.sleep(self._harvest)
            return Harvest(self.name, FRESH)
        return self._harvest


async def test_a_failed_source_is_a_value_and_the_others_go_on() -> None:
    memory = {"ids": "1"}
    sources = [
        Told("good", Harvest("good", FRESH)),
        Told("broken", KeyError("x")),
        Told("slow", 60.0),
        Told("not asked", 0.0),
    ]
    asks = {name: Ask(NOW, memory=memory) for name in ("good", "broken", "slow")}
    good, broken, slow = await fetch(sources, asks, deadline_s=0.2)
    assert good.state is FRESH
    assert (broken.state, broken.error, broken.memory["ids"]) == (
        FAILED,
        "broken broke: KeyError: 'x'",
        "1",
    )
    assert (slow.state, slow.error, slow.memory["ids"]) == (
        FAILED,
        "slow was not done after 0.2 s",
        "1",
    )


async def test_sources_are_asked_at_once() -> None:
    sources = [Told(f"{n}", 0.2) for n in range(20)]
    started = asyncio.get_running_loop().time()
    harvests = await fetch(sources, {f"{n}": Ask(NOW) for n in range(20)})
    assert [harvest.source for harvest in harvests] == [f"{n}" for n in range(20)]
    assert asyncio.get_running_loop().time() - started < 1


async def test_C03_the_wait_doubles_with_each_failure_in_a_row_up_to_a_day() -> None:
    down = Told("down", Harvest("down", FAILED, error="503", retry_after_s=900))
    memory: Any = {}
    waits = []
    for _ in range(9):
        (harvest,) = await fetch([down], {"down": Ask(NOW, memory=memory)})
        memory = harvest.memory
        waits.append(harvest.retry_after_s)
    assert waits == [900, 1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400, 86_400]
    (well,) = await fetch(
        [Told("down", Harvest("down", QUIET, memory=memory))], {"down": Ask(NOW, memory=memory)}
    )
    assert (dict(well.memory), well.retry_after_s) == ({}, None)


async def test_C27_all_sources_down_is_a_day_of_failures_not_an_exception() -> None:
    harvests = await fetch(
        [Told("a", OSError("net")), Told("b", OSError("net"))], {"a": Ask(NOW), "b": Ask(NOW)}
    )
    assert [harvest.state for harvest in harvests] == [FAILED, FAILED]
