"""Search and the pages of papers."""

import re
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import Engine

from newsletter.app import App
from newsletter.config import Config
from newsletter.editions import rank
from newsletter.models import Harvest, Sighting, Signal, SourceState
from newsletter.pipeline import learn
from newsletter.tokens import Tokens
from tests.web.conftest import NOW, Clock, a_reader, link, serving

TITLES = (
    "Folding in crowds",
    "Folding in crowded cells",
    "Crowds and their folding",
    "Rain on a workstation",
)


def _learn(app: App) -> None:
    seen = tuple(
        Sighting(
            "arxiv",
            f"2611.0000{n}",
            title,
            f"Protein folding, {title.lower()}.",
            ("Yara Haddad",),
            ("q-bio.BM",),
            (f"arxiv:2611.0000{n}",),
            published=NOW - timedelta(days=1),
        )
        for n, title in enumerate(TITLES)
    )
    votes = (Signal("arxiv:2611.00001", "upvotes", "huggingface", 300.0, NOW),)
    learn(app.engine, [Harvest("arxiv", SourceState.FRESH, seen, votes)], NOW)
    rank(app.engine, NOW)


def test_similar_papers_are_shown_with_their_own_heat(app: App, web: httpx2.Client) -> None:
    _learn(app)
    own = re.search(r'class="why">.*?<b[^>]*>(\w+)</b>', web.get("/papers/2611.00001").text)
    assert own and own[1] == "Surging"
    page = web.get("/papers/2611.00000").text
    beside = page[
        page.index("Folding in crowded cells") - 900 : page.index("Folding in crowded cells")
    ]
    assert "Surging" in beside and "300 upvotes" in beside


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_nul_in_what_was_asked_is_no_fault_of_the_database(
    request: pytest.FixtureRequest, app: App, kind: str
) -> None:
    if kind == "postgresql":
        engine: Engine = request.getfixturevalue("postgres")
        app = App(Config(), engine, Tokens([b"k" * 64]))
    _learn(app)
    reader = a_reader(app)
    with serving(app, Clock()) as web:
        for path in ("/papers/%00", "/papers/a%00b", "/issues/%00", "/feeds/%00.atom"):
            assert web.get(path).status_code == 404, path
        assert web.get("/search?q=%00").status_code == 400
        voted = web.post(link(app, reader, "feedback", paper=1, vote=-1), data={"why": "a\0b"})
        assert voted.status_code == 200
        typed = web.post(
            link(app, reader, "preferences"), data={"keywords": "folding\0", "authors": "Ada\0 L"}
        )
        assert typed.status_code == 200
