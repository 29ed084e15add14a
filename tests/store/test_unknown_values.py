"""Rows with values that this version does not know: that reader's row is left alone and told, and
everybody else is served.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from newsletter import cli
from newsletter.health import alerts
from newsletter.models import SubscriberState
from newsletter.pipeline import find_due, plan
from newsletter.store import letters_of_papers, paper_events, papers, source_lists, subscribers
from newsletter.store.db import reading, writing
from newsletter.store.unknown_values import stored
from tests.faults.server import Server
from tests.faults.site import NOW, Site, make_site
from tests.store.test_ledger_plan import HOURS, due, edition_of, fill, planned
from tests.store.test_ledger_plan import NOW as MORNING
from tests.web.conftest import serving

#: What an active reader may have that this version does not know, as SQL.
ODD = (
    "mix = 'serendipity'",
    "rhythm = 'fortnightly'",
    "hour = 25",
    "hour = -1",
    "size = 0",
    "muted = 'null'",
    "muted = '{}'",
    "follows = '7'",
)
#: What this version can serve all the same.
BORNE = (
    "language = 'tlh'",
    "format = 'amp'",
    "timezone = 'Mars/Olympus'",
    "muted = '[1, null, {}]'",
    "follows = '[[]]'",
)


def set_reader(engine: Engine, reader: int, odd: str) -> None:
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE subscribers SET {odd} WHERE id = {reader}"))


@pytest.mark.parametrize("odd", ODD)
def test_K22_a_reader_whose_settings_are_unknown_is_told_and_the_others_get_letters(
    any_engine: Engine, odd: str
) -> None:
    ada, lin = fill(any_engine, (1,), (1,))
    set_reader(any_engine, ada, odd)
    groups = find_due(any_engine, MORNING, HOURS)
    assert groups
    plan(any_engine, edition_of(any_engine), groups, HOURS)
    assert [(row[0], row[2]) for row in planned(any_engine)] == [(lin, "pending")]
    plan(any_engine, edition_of(any_engine), [due()], HOURS)
    assert [row[0] for row in planned(any_engine)] == [lin]
    with reading(any_engine) as connection:
        (said,) = alerts.standing(connection, MORNING)
        readers = list(subscribers.stream(connection))
    assert said.startswith("reader0.utc@example.org gets no letters")
    assert odd.partition(" ")[0] in said
    assert [reader.id for reader in readers] == [ada, lin]


@pytest.mark.parametrize("odd", BORNE)
def test_K22_what_can_be_borne_is_borne(any_engine: Engine, odd: str) -> None:
    ada, lin = fill(any_engine, (1,), (1,))
    set_reader(any_engine, ada, odd)
    groups = find_due(any_engine, MORNING, HOURS)
    plan(any_engine, edition_of(any_engine), groups, HOURS)
    assert sorted(row[0] for row in planned(any_engine)) == [ada, lin]
    with reading(any_engine) as connection:
        said = alerts.standing(connection, MORNING)
    assert bool(said) == ("Mars" in odd)


@pytest.mark.parametrize("odd", [*ODD, *BORNE, "state = 'hibernating'"])
def test_K22_no_command_page_or_run_ends_because_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], odd: str
) -> None:
    site = asyncio.run(_delivered(tmp_path, odd))
    config = ["-C", str(tmp_path / "config.toml")]
    for words in (
        ("subscribers", "list"),
        ("subscribers", "show", "reader0@example.org"),
        ("subscribers", "export", str(tmp_path / "out.csv")),
        ("preview", "reader0@example.org"),
        ("status",),
        ("issues", "list"),
        ("run", "--no-fetch"),
    ):
        is_refused = words[0] == "preview" and "mix" in odd  # it cannot be chosen for
        assert cli.main([*config, *words]) == (2 if is_refused else 0), words
    assert "Traceback" not in capsys.readouterr().err
    assert "reader0@example.org" in (tmp_path / "out.csv").read_text()
    assert pages(site) == {200}


async def _delivered(folder: Path, odd: str) -> Site:
    """A site whose first reader has an odd value since their letter was planned."""
    async with Server() as server:
        site = make_site(folder, 3, server.port)
        set_reader(site.engine, site.readers[0], odd)
        report = await site.app.run(NOW, is_fetching=False)
        assert report.data["issues"][0]["sent"] == (2 if "state" in odd else 3)
    return site


def pages(site: Site) -> set[int]:
    """What the first reader's pages and the front page answer."""
    with reading(site.engine) as connection:
        reader = subscribers.get(connection, site.readers[0])
    made = {
        purpose: site.app.tokens.make(purpose, reader.id, reader.epoch, NOW)
        for purpose in ("preferences", "unsubscribe")
    }
    with serving(site.app, lambda: NOW) as client:
        paths = ["/", *(f"/{purpose}/{token}" for purpose, token in made.items())]
        return {client.get(path).status_code for path in paths}


def test_K22_other_records_with_unknown_words_are_read(any_engine: Engine) -> None:
    (reader,) = fill(any_engine, (1,))
    plan(any_engine, edition_of(any_engine), [due()], HOURS)
    with writing(any_engine) as connection:
        for statement in (
            "UPDATE deliveries SET state = 'levitating'",
            "INSERT INTO paper_events (paper, kind, reference, title, url, source, at) "
            "VALUES (1, 'translated', '', 't', '', 's', '2026-05-04 08:00:00')",
            "INSERT INTO source_lists (source, unit, day, state, seen, reason, at) "
            "VALUES ('arxiv', 'cs.CL', '2026-05-04', 'rumoured', 0, '', '2026-05-04 08:00:00')",
        ):
            connection.execute(text(statement))
    with reading(any_engine) as connection:
        (letter,) = letters_of_papers.planned(connection, reader, [1])
        assert letter.state == "levitating"
        assert paper_events.of_paper(connection, 1) == []
        assert paper_events.news(connection, MORNING) == {}
        (one,) = source_lists.of_source(connection, "arxiv", MORNING.date() - timedelta(days=1))
        assert one.state == "rumoured"


def test_K22_a_sighting_of_a_newer_version_keeps_what_is_known_of_it() -> None:
    record = {"source": "s", "source_id": "1", "title": "T", "kind": "hologram", "aura": 7}
    found = papers.sighting_of({"record": record})
    assert (found.title, found.kind) == ("T", "hologram")


def test_K22_an_unknown_word_equals_no_member_and_stays_what_it_is() -> None:
    found = stored(SubscriberState, "hibernating")
    assert f"{found}" == found.value == "hibernating"
    assert found not in list(SubscriberState)
    assert stored(SubscriberState, "active") is SubscriberState.ACTIVE
