"""Summaries from an endpoint: stored, labelled, limited; letters are sent whatever the endpoint
does.
"""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from newsletter import pipeline, summaries
from newsletter.app import App
from newsletter.config import Config
from newsletter.config_loading import load_config, masked
from newsletter.errors import ConfigError
from newsletter.fetching import import_papers
from newsletter.models import Choice, Paper, Reader, Sighting, Subscriber, SubscriberState
from newsletter.steps.choose import choose
from newsletter.store import ledger_read, papers, subscribers, topics
from newsletter.store.db import reading, writing
from newsletter.tokens import Tokens
from tests.databases import make_sqlite
from tests.mailbox import Mailbox

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
TEXT = "Bees find their way home by the sun. The team shows how, with tiny radios."
Answer = tuple[int, bytes]


def chat(content: object, finish: str = "stop") -> Answer:
    return 200, json.dumps(
        {"choices": [{"message": {"content": content}, "finish_reason": finish}]}
    ).encode()


class Endpoint:
    """Speaks the chat protocol. `answer` makes an answer of a question; questions and their headers
    are kept.
    """

    def __init__(self) -> None:
        self.answer: Callable[[dict[str, Any]], Answer] = lambda _: chat(TEXT)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.asked.append(question | {"path": self.path})
                endpoint.keys.append(self.headers["Authorization"])
                status, body = endpoint.answer(question)
                try:
                    self.send_response(status)
                    self.send_header("Location", "/elsewhere")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # the client did not wait

            def log_message(self, *_: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def titles(self) -> list[str]:
        return [question["messages"][1]["content"].partition("\n")[0] for question in self.asked]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.server.shutdown()
    endpoint.server.server_close()


@pytest.fixture
def site(tmp_path: Path, endpoint: Endpoint) -> Iterator[App]:
    """A site with a daily reader of bees, four papers about them, one of which has a summary, and
    one about trees.
    """
    url = f"sqlite:///{tmp_path / 'site.db'}"
    engine = make_sqlite(tmp_path / "site.db")
    config = Config.model_validate(
        {
            "site": {"from": "digest@papers.example.org"},
            "database": {"url": url},
            "smtp": {"host": "127.0.0.1", "port": 1, "security": "none", "timeout_s": 5},
            "summaries": {"url": endpoint.url, "model": "small", "key": "k3y", "timeout_s": 5},
        }
    )
    app = App(config, engine, Tokens([b"k" * 64]))
    add_reader(app, "ada@example.org", "bees")
    import_papers(app.engine, [bees(number) for number in range(1, 4)], NOW)
    import_papers(
        app.engine, [replace(bees(4), summary="What the source itself says of bees.")], NOW
    )
    import_papers(app.engine, [replace(bees(5), title="Trees", abstract="On trees.")], NOW)
    yield app
    app.close()


KINDS = ("Honey", "Bumble", "Carpenter", "Mason", "None")


def bees(number: int) -> Sighting:
    kind = KINDS[number - 1]
    words = " ".join(f"{kind}{n}" for n in range(30))
    return Sighting(
        "import",
        f"b{number}",
        f"{kind} bees",
        f"Bees and {words}. Radios of {words}.",
        (f"A Author{number}",),
        ("q-bio.PE",),
        published=NOW - timedelta(days=1),
    )


def add_reader(app: App, email: str, query: str) -> None:
    with writing(app.engine) as connection:
        topic = topics.find_or_add(connection, query)
        reader = Subscriber(0, email, SubscriberState.ACTIVE, topics=(topic.id,), rhythm="daily")
        subscribers.add(connection, reader, email, NOW)


def set_section(app: App, **changes: object) -> None:
    assert app.config.summaries
    section = app.config.summaries.model_copy(update=changes)
    app.config = app.config.model_copy(update={"summaries": section})


async def letter(app: App, now: datetime = NOW) -> str:
    """Run once; give the plain text of the letter to Ada."""
    async with Mailbox() as mailbox:
        smtp = app.config.smtp.model_copy(update={"port": mailbox.port})
        app.config = app.config.model_copy(update={"smtp": smtp})
        report = await app.run(now, is_fetching=False)
    assert report.problems == []
    body = mailbox.letters["ada@example.org"].get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


async def run_an_hour_later(app: App) -> None:
    async with Mailbox() as mailbox:
        smtp = app.config.smtp.model_copy(update={"port": mailbox.port})
        app.config = app.config.model_copy(update={"smtp": smtp})
        await app.run(NOW + timedelta(hours=1), is_fetching=False)
    assert "lin@example.org" in mailbox.letters


def stored(app: App) -> dict[str, str]:
    with reading(app.engine) as connection:
        return {paper.title: paper.summary for paper in papers.iterate(connection)}


async def test_papers_that_a_run_picked_get_a_summary_that_is_kept_and_labelled(
    site: App, endpoint: Endpoint
) -> None:
    text = await letter(site)
    # The titles are short, so that the preheader goes on with the best paper's summary.
    assert text.count("Bees find their way home by the sun.") == 4
    assert "What the source itself says of bees." in text
    assert "machine-written" in text.lower()
    assert sorted(endpoint.titles()) == [
        "Bumble bees",
        "Carpenter bees",
        "Honey bees",
    ]  # neither Mason nor Trees
    assert stored(site)["Honey bees"] == TEXT
    assert stored(site)["Trees"] == ""


async def test_the_question_holds_the_paper_and_the_key_and_nothing_of_readers(
    site: App, endpoint: Endpoint
) -> None:
    await letter(site)
    question = endpoint.asked[0]
    assert question["path"] == "/v1/chat/completions" and question["model"] == "small"
    assert [message["role"] for message in question["messages"]] == ["system", "user"]
    assert "Radios of" in question["messages"][1]["content"]
    assert set(endpoint.keys) == {"Bearer k3y"}
    assert "ada" not in json.dumps(endpoint.asked)


async def test_a_summary_is_asked_for_once(site: App, endpoint: Endpoint) -> None:
    await letter(site)
    add_reader(site, "lin@example.org", "bees")
    await run_an_hour_later(site)
    assert len(endpoint.asked) == 3


async def test_without_the_section_nobody_is_asked(site: App, endpoint: Endpoint) -> None:
    site.config = site.config.model_copy(update={"summaries": None})
    assert "Bees and Honey0" in await letter(site)
    assert endpoint.asked == []


async def test_at_most_so_many_are_asked_about_on_a_day_and_the_most_picked_first(
    site: App, endpoint: Endpoint
) -> None:
    set_section(site, per_day=1)
    add_reader(site, "lin@example.org", "ti:carpenter")
    await letter(site)
    assert endpoint.titles() == ["Carpenter bees"]
    assert site.config.summaries is not None
    with reading(site.engine) as connection:
        known = {paper.key: paper for paper in papers.iterate(connection)}
    picked = dict.fromkeys(known, 1)
    later = NOW.replace(hour=23)
    assert await summaries.write(site.engine, site.config.summaries, known, picked, later) == {}
    tomorrow = await summaries.write(
        site.engine, site.config.summaries, known, picked, NOW + timedelta(days=1)
    )
    assert len(tomorrow) == 1 and len(endpoint.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}"),
        (401, b"{}"),
        (307, b"{}"),  # never followed: the key would go along
        (200, b""),
        (200, b"not json"),
        (200, b"[]"),
        (200, b'{"choices": []}'),
        (200, b"[" * 50_000),
        (200, b" " * 200_000 + chat(TEXT)[1]),
        chat(None),
        chat(["a", "list"]),
        chat(""),
        chat("Too short."),
        chat("Very long. " * 100),
        chat(TEXT, finish="length"),
        chat(f"{TEXT} See https://example.com/now"),
        chat(f"{TEXT} Write to me@example.com."),
    ],
    ids=lambda answer: f"{answer[0]}-{answer[1][:40]!r}",
)
async def test_whatever_the_endpoint_says_the_letter_leaves_with_the_abstract(
    site: App, endpoint: Endpoint, answer: Answer
) -> None:
    endpoint.answer = lambda _: answer
    text = await letter(site)
    assert "Bees and Honey0" in text and TEXT[:30] not in text
    assert {question["path"] for question in endpoint.asked} == {"/v1/chat/completions"}
    assert stored(site)["Honey bees"] == ""


@pytest.mark.parametrize(
    "said",
    [
        f"{TEXT} Log in at evil.com/login for more.",
        f"{TEXT} Reply with your password.",
        f"{TEXT} Call +1 555 010 0100.",
        f"{TEXT} [Read on](evil).",
        "Gold rises every day now. Stocks of tin fall at night.",
    ],
)
async def test_K46_an_answer_that_is_not_believed_is_remembered_and_is_no_failure(
    site: App, endpoint: Endpoint, said: str
) -> None:
    endpoint.answer = lambda _: chat(said)
    text = await letter(site)
    assert "Bees and Honey0" in text
    assert not any(word in text for word in ("evil", "password", "555", "Gold rises"))
    assert len(endpoint.asked) == 3
    endpoint.answer = lambda _: chat(TEXT)
    add_reader(site, "lin@example.org", "bees")
    await run_an_hour_later(site)
    assert len(endpoint.asked) == 3  # not asked about again


async def test_K46_a_refused_paper_is_asked_about_again_when_its_abstract_or_the_model_changes(
    site: App, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda _: chat("Reply with your password.")
    await letter(site)
    asked = len(endpoint.asked)
    hour = iter(range(1, 9))

    async def again() -> int:
        """How many more questions another reader's letter makes."""
        number = next(hour)
        add_reader(site, f"lin{number}@example.org", "bees")
        before = len(endpoint.asked)
        async with Mailbox() as mailbox:
            smtp = site.config.smtp.model_copy(update={"port": mailbox.port})
            site.config = site.config.model_copy(update={"smtp": smtp})
            await site.run(NOW + timedelta(hours=number), is_fetching=False)
        return len(endpoint.asked) - before

    assert asked == 3 and await again() == 0
    changed = replace(bees(1), abstract=f"{bees(1).abstract} A correction.")
    import_papers(site.engine, [changed], NOW)
    assert await again() == 1 and await again() == 0
    set_section(site, model="large")
    assert await again() == 3 and await again() == 0


@pytest.mark.parametrize("dead", ["closed", "silent", "busy"])
async def test_questions_that_nobody_answers_do_not_eat_the_days_allowance(
    site: App, endpoint: Endpoint, dead: str
) -> None:
    """Nobody listens; somebody listens and says nothing; a gateway says that nobody is there."""
    if dead == "silent":
        endpoint.answer = lambda _: (time.sleep(2), chat(TEXT))[1]
    if dead == "busy":
        endpoint.answer = lambda _: (503, b"{}")
    url = "http://127.0.0.1:1/v1" if dead == "closed" else endpoint.url
    set_section(site, per_day=2, url=url, timeout_s=0.5)
    await letter(site)
    endpoint.asked.clear()
    endpoint.answer = lambda _: chat(TEXT)
    set_section(site, per_day=2, url=endpoint.url, timeout_s=5)
    add_reader(site, "lin@example.org", "bees")
    await run_an_hour_later(site)
    assert len(endpoint.asked) == 2


async def test_K46_refused_answers_are_no_failure_of_the_endpoint(
    site: App, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten refusals in a row, then a good answer: the endpoint is asked to the end."""
    import_papers(site.engine, [numbered(number) for number in range(12)], NOW)
    endpoint.answer = lambda q: chat(
        TEXT if "number 11" in q["messages"][1]["content"] else "Reply with your password."
    )
    with reading(site.engine) as connection:
        known = {paper.key: paper for paper in papers.iterate(connection)}
    assert site.config.summaries
    wanted = {key: 1 for key, paper in known.items() if "number" in paper.title}
    written = await summaries.write(site.engine, site.config.summaries, known, wanted, NOW)
    assert len(endpoint.asked) == 12 and list(written.values()) == [TEXT]
    assert "not written" not in caplog.text


def numbered(number: int) -> Sighting:
    title = f"Bees number {number} of {number * 7919}"
    return replace(bees(5), source_id=f"n{number}", title=title, authors=(f"N Name{number}",))


async def test_an_endpoint_that_hangs_or_is_gone_costs_one_timeout(
    site: App, endpoint: Endpoint
) -> None:
    def hang(_: object) -> Answer:
        time.sleep(2)
        return chat(TEXT)

    endpoint.answer = hang
    set_section(site, timeout_s=0.3)
    start = time.monotonic()
    assert "Bees and Honey0" in await letter(site)
    assert time.monotonic() - start < 1.9
    set_section(site, url="http://127.0.0.1:1/v1")
    add_reader(site, "lin@example.org", "bees")
    await run_an_hour_later(site)


async def test_after_some_failures_the_rest_is_not_asked_nor_counted(
    site: App, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda _: (503, b"{}")
    assert site.config.summaries is not None
    many = {key: Paper(f"p{key}", f"Paper {key}", key, "An abstract.") for key in range(1, 40)}
    assert (
        await summaries.write(site.engine, site.config.summaries, many, dict.fromkeys(many, 1), NOW)
        == {}
    )
    asked = len(endpoint.asked)
    assert asked < summaries.FAILURES + summaries.CONNECTIONS
    endpoint.answer = lambda _: chat(TEXT)
    written = await summaries.write(
        site.engine, site.config.summaries, many, dict.fromkeys(many, 1), NOW
    )
    assert len(written) == 39


async def test_one_failure_leaves_the_others_their_summary(site: App, endpoint: Endpoint) -> None:
    endpoint.answer = lambda q: (
        (400, b"{}") if "Honey" in q["messages"][1]["content"] else chat(TEXT)
    )
    text = await letter(site)
    assert text.count("Bees find their way home by the sun.") == 2 and "Bees and Honey0" in text


async def test_nobody_is_chosen_for_twice_because_of_summaries(
    site: App, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        add_reader(site, f"reader{number}@example.org", "bees")
    chosen: list[int] = []

    def counting(reader: Reader, *more: Any, **options: Any) -> Choice:
        chosen.append(reader.id)
        return choose(reader, *more, **options)

    monkeypatch.setattr(pipeline, "choose", counting)
    assert TEXT.partition(".")[0] in await letter(site)
    assert sorted(chosen) == [1, 2, 3, 4]
    with reading(site.engine) as connection:
        assert ledger_read.counts(connection)["sent"] == 4


async def test_a_reader_who_is_erased_while_summaries_are_written_stops_nobody(
    site: App, endpoint: Endpoint
) -> None:
    add_reader(site, "gone@example.org", "bees")
    with reading(site.engine) as connection:
        gone = {one.email: one.id for one in subscribers.stream(connection)}["gone@example.org"]

    def answer(_: dict[str, Any]) -> Answer:
        with writing(site.engine) as connection:
            subscribers.erase(connection, gone)
        return chat(TEXT)

    endpoint.answer = answer
    assert TEXT.partition(".")[0] in await letter(site)
    with reading(site.engine) as connection:
        assert ledger_read.counts(connection)["sent"] == 1


async def test_markup_and_thoughts_and_controls_do_not_reach_a_letter(
    site: App, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda _: chat(f'<think>Hm.\nWell.</think>\n"<b>{TEXT}</b>\u202e\x1b"\n')
    assert "Hm." not in await letter(site)
    assert stored(site)["Honey bees"] == TEXT


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"The user wants one sentence. I count the words.</think>{TEXT}", TEXT),
        (f"**Summary:** The *team* says: {TEXT}", f"The team says: {TEXT}"),
        (f"TL;DR: {TEXT}", TEXT),
        (f"<think>Nobody ends this thought. {TEXT}", ""),
        (" ".join(["word"] * 100), ""),
    ],
)
async def test_what_models_put_around_a_summary_is_taken_off(
    site: App, endpoint: Endpoint, said: str, kept: str
) -> None:
    endpoint.answer = lambda _: chat(said)
    await letter(site)
    assert stored(site)["Honey bees"] == kept


async def test_no_mishap_on_the_way_ends_a_run_or_tells_the_key(
    site: App, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    section = site.config.summaries
    assert section is not None
    secret = SecretStr(
        "first line\nsecond line"
    )  # the configuration refuses it; whatever else it lets through
    site.config = site.config.model_copy(
        update={"summaries": section.model_copy(update={"key": secret})}
    )
    assert "Bees and Honey0" in await letter(site)
    assert "not written" in caplog.text and "second line" not in caplog.text


async def test_a_summary_of_the_source_takes_the_place_of_ours_and_an_echo_does_not(
    site: App,
) -> None:
    await letter(site)
    import_papers(site.engine, [bees(1)], NOW)
    assert stored(site)["Honey bees"] == TEXT
    import_papers(
        site.engine, [replace(bees(1), summary="What the source says at last about bees.")], NOW
    )
    assert stored(site)["Honey bees"] == "What the source says at last about bees."
    with writing(site.engine) as connection:
        papers.note_summaries(connection, {papers.get(connection, "b1").key: "Late."})
    assert stored(site)["Honey bees"] == "What the source says at last about bees."


def test_the_key_is_a_secret_from_a_file_or_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[summaries]\nurl = "https://api.example.org/v1"\nmodel = "m"\nkey_file = "key"\n'
    )
    (tmp_path / "key").write_text("from-file\n")
    config = load_config(path, {})
    assert config.summaries and config.summaries.key.get_secret_value() == "from-file"
    assert "from-file" not in json.dumps(masked(config))
    config = load_config(path, {"NEWSLETTER_SUMMARIES__KEY": "from-environment"})
    assert config.summaries and config.summaries.key.get_secret_value() == "from-environment"


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ('model = "m"', "summaries.url: is missing"),
        ('url = "https://x.org/v1"', "summaries.model: is missing"),
        ('url = "ftp://x.org"\nmodel = "m"', "summaries.url: is not an http(s) address"),
        (
            'url = "http://x.org/v1"\nmodel = "m"\nkey = "k"',
            "summaries.url: a key must not go in clear",
        ),
        ('url = "https://x.org/v1"\nmodel = "m"\nper_dya = 3', "did you mean summaries.per_day?"),
        ('url = "https://x.org/v1"\nmodel = "m"\nper_day = 0', "summaries.per_day"),
        (
            'url = "https://x.org/v1"\nmodel = "m"\nkey_file = "none"',
            "summaries.key_file: cannot read",
        ),
        (
            'url = "https://x.org/v1"\nmodel = "m"\nkey_file = "two.key"',
            "must be one line of printable ASCII",
        ),
        (
            'url = "https://x.org/v1"\nmodel = "m"\nkey = "schlüssel"',
            "summaries.key: must be one line of printable",
        ),
        (
            'url = "http://127.0.0.1:99999/v1"\nmodel = "m"',
            "summaries.url: is not an http(s) address",
        ),
        ('url = "http://exaß..mple/v1"\nmodel = "m"', "summaries.url: is not an http(s) address"),
        ('url = "https://x.org/v1?a=b"\nmodel = "m"', "summaries.url: must end before any ?"),
    ],
)
def test_mistakes_in_the_section_are_named(tmp_path: Path, section: str, says: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"[summaries]\n{section}\n", "utf-8")
    (tmp_path / "two.key").write_text("abc\ndef\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert says in "\n".join(caught.value.mistakes)
    assert not any(secret in str(caught.value) for secret in ("schlüssel", "abc"))
