"""What a letter says of lists that could not be read: when and only when one that was due is
missing.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.app import App
from newsletter.config import Config
from newsletter.fetching import import_papers
from newsletter.models import DayList, ListState, Sighting, Subscriber, SubscriberState
from newsletter.store import source_lists, subscribers, topics
from newsletter.store.db import writing
from newsletter.tokens import Tokens
from tests.databases import make_sqlite
from tests.mailbox import Mailbox

NOW = datetime(2026, 5, 13, 9, tzinfo=UTC)  # a Wednesday
DUE, READ, EMPTY, MISSING = ListState
SAYS = {"ada@example.org": "No list yet from", "uwe@example.org": "Noch keine Liste von"}
Rows = list[tuple[str, str, int, ListState, str]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[App]:
    """A site with a reader in each language, asking arXiv, bioRxiv, medRxiv and Hugging Face."""
    engine = make_sqlite(tmp_path / "site.db")
    with writing(engine) as connection:
        topic = topics.find_or_add(connection, "bees").id
        for email, language in zip(SAYS, ("en", "de"), strict=True):
            chosen = {"topics": (topic,), "rhythm": "daily", "language": language}
            reader = Subscriber(0, email, SubscriberState.ACTIVE, **chosen)
            subscribers.add(connection, reader, email, NOW - timedelta(days=9))
    config = Config.model_validate(
        {
            "site": {"from": "digest@papers.example.org"},
            "database": {"url": f"sqlite:///{tmp_path / 'site.db'}"},
            "smtp": {"host": "127.0.0.1", "port": 1, "security": "none", "timeout_s": 5},
            "sources": {
                "arxiv": {"categories": ["cs.AI", "cs.LG"]},
                "biorxiv": {"servers": ["biorxiv", "medrxiv"]},
                "huggingface": {},
            },
        }
    )
    import_papers(engine, [bees(number) for number in range(3)], NOW)
    app = App(config, engine, Tokens([b"k" * 64]))
    yield app
    app.close()


def bees(number: int) -> Sighting:
    return Sighting(
        "import",
        f"b{number}",
        f"Honey bees of {('hills', 'coasts', 'towns')[number]}",
        f"Bees number {number} are counted.",
        (f"A Author{number}",),
        ("q-bio.PE",),
        published=NOW - timedelta(days=1),
    )


async def said(site: App, rows: Rows) -> dict[str, str]:
    """What the two letters say of lists, with the state of lists as given."""
    with writing(site.engine) as connection:
        for source, unit, day, state, reason in rows:
            seen = 5 if state is READ else 0
            one = DayList(unit, date(2026, 5, day), state, seen, reason)
            source_lists.note(connection, source, [one], NOW)
    async with Mailbox() as mailbox:
        smtp = site.config.smtp.model_copy(update={"port": mailbox.port})
        site.config = site.config.model_copy(update={"smtp": smtp})
        await site.run(NOW, is_fetching=False)
    found = {}
    for email, words in SAYS.items():
        lines = []
        for form in ("plain", "html"):
            body = mailbox.letters[email].get_body((form,))
            assert body is not None
            text = " ".join(body.get_content().split())
            assert text.count(words) <= 1
            _, is_said, rest = text.partition(words)
            lines.append(rest.partition(": ")[0].strip() if is_said else "")
        assert lines[0] == lines[1]
        found[email] = lines[0]
    return found


def both(rows: Rows) -> Rows:
    return [(s, u, d, state, why) for s, _, d, state, why in rows for u in ("cs.AI", "cs.LG")]


@pytest.mark.parametrize(
    ("rows", "english", "german"),
    [
        pytest.param(
            both([("arxiv", "", 12, MISSING, "503"), ("arxiv", "", 13, READ, "")]),
            "arXiv (Tue 12 May)",
            "arXiv (Di., 12. Mai)",
            id="Tuesday's list is missing, although Wednesday's came",
        ),
        pytest.param(
            both([("arxiv", "", 11, DUE, ""), ("arxiv", "", 12, MISSING, "503")]),
            "arXiv (Mon 11 May, Tue 12 May)",
            "arXiv (Mo., 11. Mai, Di., 12. Mai)",
            id="two lists are missing",
        ),
        pytest.param(
            [("arxiv", "cs.LG", 12, MISSING, "503"), ("arxiv", "cs.AI", 12, READ, "")],
            "arXiv cs.LG (Tue 12 May)",
            "arXiv cs.LG (Di., 12. Mai)",
            id="one category's list is missing",
        ),
        pytest.param(
            [
                ("biorxiv", "medrxiv", 10, MISSING, "503"),
                ("biorxiv", "biorxiv", 10, EMPTY, ""),
                ("huggingface", "daily", 11, MISSING, "503"),
            ],
            "Hugging Face (Mon 11 May); medRxiv (Sun 10 May)",
            "Hugging Face (Mo., 11. Mai); medRxiv (So., 10. Mai)",
            id="one server's list and Hugging Face's are missing",
        ),
        pytest.param(both([("arxiv", "", 13, DUE, "503")]), "", "", id="due for some hours"),
        pytest.param(both([("arxiv", "", 12, READ, "")]), "", "", id="read"),
        pytest.param(both([("arxiv", "", 12, EMPTY, "")]), "", "", id="read, and empty"),
        pytest.param(both([("arxiv", "", 5, MISSING, "503")]), "", "", id="too old to be news"),
        pytest.param(both([("arxiv", "", 9, DUE, "")]), "", "", id="a Saturday, without a list"),
        pytest.param(
            [("huggingface", "daily", 11, DUE, "")], "", "", id="Hugging Face's may come late"
        ),
        pytest.param(
            [("arxiv", "cs.OLD", 12, MISSING, "503")], "", "", id="a category not asked any more"
        ),
    ],
)
async def test_K43_K44_a_letter_names_the_lists_that_are_missing_and_no_others(
    site: App, rows: Rows, english: str, german: str
) -> None:
    assert await said(site, rows) == {"ada@example.org": english, "uwe@example.org": german}
