"""A whole day with real input: from feeds over HTTP to letters over SMTP, and nothing twice."""

import http.server
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from newsletter.app import App
from newsletter.config import Config
from newsletter.models import Merge, Paper, Sighting, Subscriber, SubscriberState
from newsletter.previews import preview
from newsletter.site_queries import status
from newsletter.store import ledger_read, papers, subscribers, topics
from newsletter.store.db import reading, writing
from newsletter.tokens import Tokens
from tests.databases import make_sqlite
from tests.mailbox import Mailbox

FRIDAY = datetime(2026, 4, 17, 12, tzinfo=UTC)


class Mirror:
    """Answers as arXiv's RSS and Hugging Face's daily papers, from recorded days. `day` is what
    arXiv shows.
    """

    def __init__(self, data: Path) -> None:
        self.data, self.day, self.is_down = data, "2026-04-17", False
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = mirror.answer(self.path)
                self.send_response(200 if body is not None and not mirror.is_down else 503)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, path: str) -> bytes | None:
        parts = urlsplit(path)
        if parts.path.startswith("/rss/"):
            file = (
                self.data / "arxiv_rss" / f"{self.day}_{parts.path.removeprefix('/rss/')}.rss.xml"
            )
        else:
            day = parse_qs(parts.query).get("date", ["2025-10-01"])[0]
            file = self.data / "hf_daily_papers" / f"{day}.json"
            if not file.exists():
                return b"[]"
        return file.read_bytes() if file.exists() else None

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mirror(data_dir: Path) -> Iterator[Mirror]:
    mirror = Mirror(data_dir)
    yield mirror
    mirror.close()


@pytest.fixture
def site(tmp_path: Path, mirror: Mirror) -> Iterator[App]:
    (tmp_path / "secret.key").write_text("k" * 64)
    url = f"sqlite:///{tmp_path / 'site.db'}"
    engine = make_sqlite(tmp_path / "site.db", with_topics=True)
    config = Config.model_validate(
        {
            "site": {
                "from": "digest@papers.example.org",
                "secret_key_file": tmp_path / "secret.key",
            },
            "database": {"url": url},
            "smtp": {
                "host": "127.0.0.1",
                "port": 1,
                "security": "none",
                "connections": 2,
                "timeout_s": 5,
            },
            "sources": {
                "arxiv": {
                    "categories": ["cs.CL", "cs.LG"],
                    "url": f"{mirror.url}/rss",
                    "interval_s": 0,
                },
                "huggingface": {"url": f"{mirror.url}/api/daily_papers"},
            },
            "http": {"allow_private_networks": True},
        }
    )
    app = App(config, engine, Tokens([b"k" * 64]))
    yield app
    app.close()


def with_port(app: App, port: int) -> App:
    app.config = app.config.model_copy(
        update={"smtp": app.config.smtp.model_copy(update={"port": port})}
    )
    return app


def add_reader(app: App, email: str, *names: str, **more: object) -> Subscriber:
    with writing(app.engine) as connection:
        ids = tuple(topics.get(connection, name).id for name in names)
        reader = replace(Subscriber(0, email, SubscriberState.ACTIVE, topics=ids), **more)
        return subscribers.add(connection, reader, email, FRIDAY)


async def test_a_day_goes_from_feeds_to_mailboxes_and_a_second_run_sends_nothing(site: App) -> None:
    add_reader(site, "ada@example.org", "language-models", "reasoning")
    add_reader(site, "lin@example.org", "combinatorics")
    async with Mailbox() as mailbox:
        with_port(site, mailbox.port)
        report = await site.run(FRIDAY)
        assert report.problems == []
        [issue] = report.data["issues"]
        assert (issue["planned"], issue["sent"], issue["quiet"]) == (1, 1, 1)
        assert report.data["sources"]["arxiv"]["state"] == "fresh"
        again = await site.run(FRIDAY + timedelta(hours=1))
        assert again.data["issues"] == []
    assert [to for to, _ in mailbox.raw] == ["ada@example.org"]
    letter = mailbox.letters["ada@example.org"]
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    html = letter.get_body(("html",))
    text = letter.get_body(("plain",))
    assert html is not None and text is not None
    shown = re.findall(r"https://arxiv\.org/abs/[\d.]+", text.get_content())
    assert 1 <= len(set(shown)) <= 8
    assert set(shown) <= set(re.findall(r"https://arxiv\.org/abs/[\d.]+", html.get_content()))


async def test_nobody_gets_a_paper_twice_over_ten_days(site: App, mirror: Mirror) -> None:
    add_reader(site, "ada@example.org", "language-models", "reasoning", "agents", rhythm="daily")
    async with Mailbox() as mailbox:
        with_port(site, mailbox.port)
        for n in range(10):
            mirror.day = f"{(FRIDAY + timedelta(days=n)).date()}"
            await site.run(FRIDAY + timedelta(days=n))
    seen: list[str] = []
    for _, raw in mailbox.raw:
        text = raw.decode("utf-8", "replace").replace("=\r\n", "")
        plain = text.partition("text/html")[0]
        seen += set(re.findall(r"https://arxiv\.org/abs/([\d.]+)", plain))
    assert len(mailbox.raw) >= 5
    assert len(seen) == len(set(seen))
    with reading(site.engine) as connection:
        assert ledger_read.check(connection) == []


def add_alike(app: App, n: int, now: datetime) -> None:
    """Two new papers of different people, of which subjects can show only the same words."""
    merges: list[Merge] = []
    for part in ("biology", "chemistry"):
        id = f"26{n // 20 + 1:02}.{n:04}{len(merges)}"
        paper = Paper(
            id=id,
            title="Large language models: a survey" if n % 2 else f"Large language models: {part}",
            abstract="We study large language models and what they read.",
            authors=(f"Ann Aber {id}",),
            fields=("cs.CL",),
            identifiers=(f"arxiv:{id}",),
            published=now - timedelta(hours=5),
            first_seen=now - timedelta(hours=2),
            links={"abs": f"https://arxiv.org/abs/{id}"},
        )
        shown = (Sighting("arxiv", id, paper.title),)
        merges.append(Merge(paper, shown, keys=paper.identifiers, why=("new",)))
    with writing(app.engine) as connection:
        papers.remember(connection, merges, now - timedelta(hours=2))


async def test_no_reader_gets_a_subject_twice_in_forty_days(site: App) -> None:
    for language in ("en", "de"):
        for name, size in (("language-models", 1), ("language-models", 5), ("combinatorics", 8)):
            email = f"{language}-{name}-{size}@example.org"
            add_reader(site, email, name, size=size, language=language, rhythm="daily")
    async with Mailbox() as mailbox:
        with_port(site, mailbox.port)
        for n in range(40):
            add_alike(site, n, FRIDAY + timedelta(days=n))
            await site.run(FRIDAY + timedelta(days=n), is_fetching=False)
    of_reader: dict[str, list[str]] = {}
    for to, raw in mailbox.raw:
        subject = message_from_bytes(raw, policy=default)["Subject"]
        of_reader.setdefault(to, []).append(subject)
    assert len(of_reader) == 6
    assert sorted(map(len, of_reader.values()))[-4:] == [40] * 4
    for subjects in of_reader.values():
        assert len(subjects) >= 6 and len(set(subjects)) == len(subjects)


async def test_a_source_that_is_down_is_failed_and_does_not_end_the_day(
    site: App, mirror: Mirror
) -> None:
    add_reader(site, "ada@example.org", "language-models")
    mirror.is_down = True
    async with Mailbox() as mailbox:
        report = await with_port(site, mailbox.port).run(FRIDAY)
    assert report.data["sources"]["arxiv"]["state"] == "failed"
    assert report.data["issues"] == [], "silence says nothing about what is new: no quiet day"
    assert report.data["no_content"] == 1
    assert any("arxiv" in problem for problem in report.problems)


async def test_a_relay_that_is_away_loses_nothing(site: App) -> None:
    add_reader(site, "ada@example.org", "language-models")
    report = await site.run(FRIDAY)
    assert report.is_unreachable
    assert status(site.engine, site.config, FRIDAY)["ledger"]["pending"] == 1
    async with Mailbox() as mailbox:
        report = await with_port(site, mailbox.port).run(
            FRIDAY + timedelta(hours=12, minutes=30), is_fetching=False
        )
        assert report.data["issues"][0]["sent"] == 1
    assert len(mailbox.raw) == 1
    # It leaves on Saturday, and its subject still names the day that it was planned for.
    assert mailbox.letters["ada@example.org"]["Subject"].endswith(" (17 Apr 2026)")


async def test_A13_an_address_that_two_issues_could_not_reach_is_given_up(
    site: App, mirror: Mirror
) -> None:
    reader = add_reader(site, "gone@example.org", "language-models")
    async with Mailbox(refuse={"gone@example.org": "550 5.1.1 no such user"}) as mailbox:
        site = with_port(site, mailbox.port)
        for day, state in ((0, SubscriberState.ACTIVE), (3, SubscriberState.SUPPRESSED)):
            mirror.day = f"{(FRIDAY + timedelta(days=day)).date()}"
            report = await site.run(FRIDAY + timedelta(days=day))
            assert report.data["issues"][0]["refused"] == 1
            with reading(site.engine) as connection:
                assert subscribers.get(connection, reader.id).state is state
        mirror.day = "2026-04-21"
        report = await site.run(FRIDAY + timedelta(days=4))
        assert report.data["issues"] == [], "never tried again"


async def test_a_letter_out_of_date_is_not_sent_and_the_next_one_tells(
    site: App, mirror: Mirror
) -> None:
    add_reader(site, "ada@example.org", "language-models")
    await site.run(FRIDAY)  # the relay is away all day
    mirror.day = "2026-04-20"
    async with Mailbox() as mailbox:
        report = await with_port(site, mailbox.port).run(FRIDAY + timedelta(days=3))
    assert [issue["date"] for issue in report.data["issues"]] == ["2026-04-20"]
    assert status(site.engine, site.config, FRIDAY)["ledger"]["expired"] == 1
    text = mailbox.letters["ada@example.org"].get_body(("plain",))
    assert text is not None and "/issues/2026-04-17" in text.get_content()


async def test_a_preview_is_what_would_be_sent(site: App) -> None:
    reader = add_reader(site, "ada@example.org", "language-models")
    await site.fetch(FRIDAY)
    shown = preview(site, reader, FRIDAY)
    async with Mailbox() as mailbox:
        await with_port(site, mailbox.port).run(FRIDAY, is_fetching=False)
    assert shown.letter is not None
    assert mailbox.letters["ada@example.org"]["Subject"] == shown.letter.subject
