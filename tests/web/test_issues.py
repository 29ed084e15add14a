"""Pages made from issues: the sample, a day, the archive."""

import re

import httpx2
import pytest

from newsletter.app import App
from newsletter.models import Heat
from newsletter.steps.compose import show
from newsletter.store import ledger_plan, papers
from newsletter.store.db import writing
from newsletter.web.issue_view import IssueView
from tests.web.conftest import NOW
from tests.web.test_trending import listed

DAY = NOW.date()


@pytest.fixture
def issued(app: App) -> list[str]:
    """An issue with three papers, the last the hottest; then the day goes on and others are hot."""
    shown = listed(app, 3)
    facts = {
        paper.key: show(paper, Heat(0.2 * (n + 1), 2, "cs.CL"), (), NOW)
        for n, paper in enumerate(shown)
    }
    ledger_plan.freeze(app.engine, DAY, [], candidates=3, papers=facts, now=NOW)
    return [paper.id for paper in shown]


def numbers(page: str) -> list[str]:
    """The papers of a page in their order."""
    return list(dict.fromkeys(re.findall(r"Reasoning with robots (\d+)", page)))


def test_the_sample_is_the_last_issue_hottest_first(
    app: App, web: httpx2.Client, issued: list[str]
) -> None:
    page = web.get("/sample").text
    assert numbers(page) == ["2", "1", "0"]
    assert "Reasoning with robots" in page and "unsubscribe/" not in page


def test_without_an_issue_the_sample_is_made_of_todays_papers(app: App, web: httpx2.Client) -> None:
    listed(app, 3)
    assert numbers(web.get("/sample").text) == ["0", "1", "2"]


def test_the_sample_is_made_once_for_an_issue_and_language(
    app: App, web: httpx2.Client, issued: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    make = IssueView._make_sample

    def counting(self: IssueView, latest: object, language: str) -> str:
        made.append(language)
        return make(self, latest, language)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(IssueView, "_make_sample", counting)
    monkeypatch.setattr("newsletter.web.kept.FRESH_FOR_S", -1.0)  # nothing stays fresh
    for _ in range(3):
        assert web.get("/sample").status_code == 200
        german = web.get("/sample", headers={"Accept-Language": "de"})
        assert german.status_code == 200
    assert made == ["en", "de"]
    ledger_plan.freeze(
        app.engine, DAY.replace(day=DAY.day + 1), [], candidates=1, papers={}, now=NOW
    )
    assert numbers(web.get("/sample").text) == ["0", "1", "2"]  # the new issue has no paper
    assert made == ["en", "de", "en"]


@pytest.mark.parametrize("path", [f"/issues/{DAY}", "/archive", "/sample"])
def test_a_hidden_paper_is_on_no_page_of_an_issue(
    app: App, web: httpx2.Client, issued: list[str], path: str
) -> None:
    with writing(app.engine) as connection:
        papers.hide(connection, issued[2])
    assert numbers(web.get(path).text) == ["1", "0"]
