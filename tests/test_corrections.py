"""Readers who were sent a paper are told its later events, once, and no other reader is."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import httpx2
import pytest

from newsletter import pipeline
from newsletter.app import App
from newsletter.config import Config, Feed
from newsletter.models import (
    Harvest,
    PaperEvent,
    RecordKind,
    Sighting,
    SourceState,
    Subscriber,
    SubscriberState,
)
from newsletter.planning import open_edition
from newsletter.sources.feed import FeedSource
from newsletter.sources.http import Answer
from newsletter.store import ledger_life, paper_events, papers, subscribers, topics
from newsletter.store.db import migrate, open_engine, reading, writing
from newsletter.tokens import Tokens
from tests.mailbox import Mailbox

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
DAY = timedelta(days=1)
READERS = 8
TOPICS = ("bees", "trees", "seas", "keys")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[App]:
    url = f"sqlite:///{tmp_path / 'site.db'}"
    engine = open_engine(url)
    migrate(engine)
    config = Config.model_validate(
        {
            "site": {"from": "digest@papers.example.org"},
            "database": {"url": url},
            "smtp": {"host": "127.0.0.1", "port": 1, "security": "none", "timeout_s": 5},
        }
    )
    app = App(config, engine, Tokens([b"k" * 64]))
    with writing(engine) as connection:
        for number in range(READERS):
            topic = topics.find_or_add(connection, TOPICS[number % len(TOPICS)])
            email = f"reader{number}@example.org"
            reader = Subscriber(
                0,
                email,
                SubscriberState.ACTIVE,
                topics=(topic.id,),
                rhythm="daily",
                size=12,
                language="de" if number % 2 else "en",
            )
            subscribers.add(connection, reader, email, START)
    yield app
    app.close()


def made(number: int, topic: str, at: datetime) -> Sighting:
    words = " ".join(
        random.Random(f"{topic}{number}").sample([f"{topic}{n}" for n in range(99)], 12)
    )
    return Sighting(
        "arxiv",
        f"2605.{number:05}",
        f"On {topic} and {words}",
        f"We study {topic}. {words}",
        (f"Author{number} Name{number}",),
        ("q-bio.PE",),
        (f"arxiv:2605.{number:05}",),
        published=at,
    )


def learn(app: App, at: datetime, *seen: Sighting) -> None:
    pipeline.learn(app.engine, [Harvest("arxiv", SourceState.FRESH, seen)], at)


def plan(app: App, at: datetime) -> dict[int, tuple[PaperEvent, ...]]:
    """Plan what is due and take it as sent; reader -> the events that the letter tells."""
    window = timedelta(hours=app.config.delivery.expire_after_h)
    groups = pipeline.find_due(app.engine, at, window)
    pipeline.plan(app.engine, open_edition(app.engine, app.config, at), groups, window)
    return {claim.subscriber: claim.events for claim in ledger_life.claim(app.engine, 1000, at)}


def had(app: App, at: datetime) -> dict[int, set[int]]:
    from newsletter.store import ledger_read

    with reading(app.engine) as connection:
        return ledger_read.seen_papers(connection, 0, 10_000, at)


def changed(sighting: Sighting, number: int) -> Sighting:
    """A later word on a paper: withdrawn, retracted, or published in a journal."""
    if number % 3 == 0:
        return replace(sighting, version=2, is_withdrawn=True, kind=RecordKind.WITHDRAWN)
    if number % 3 == 1:
        return replace(sighting, version=2, is_withdrawn=True, kind=RecordKind.RETRACTED)
    names = (*sighting.identifiers, f"doi:10.1000/x.{number}")
    return replace(sighting, version=2, identifiers=names)


def test_200_events_are_told_to_whoever_had_the_paper_once_and_to_nobody_else(site: App) -> None:
    chance = random.Random(7)
    shown: dict[str, Sighting] = {}
    events: set[str] = set()
    told: Counter[tuple[int, int]] = Counter()
    owed: dict[int, set[int]] = {reader: set() for reader in range(1, READERS + 1)}
    number = 0
    for day in range(40):
        at = START + day * DAY
        fresh = []
        for topic in TOPICS:
            for _ in range(6 if day < 32 else 1):
                number += 1
                fresh.append(made(number, topic, at))
        shown |= {one.source_id: one for one in fresh}
        learn(site, at, *fresh)
        before = had(site, at)
        with reading(site.engine) as connection:
            known = {paper.id: paper.key for paper in papers.iterate(connection)}
        sent = sorted(
            id
            for id in shown
            if id not in events and any(known.get(id) in of for of in before.values())
        )
        for id in chance.sample(sent, min(len(sent), 200 - len(events), 6)) if day < 38 else ():
            events.add(id)
            learn(site, at - timedelta(hours=1), changed(shown[id], len(events)))
            with reading(site.engine) as connection:
                noted = paper_events.of_paper(connection, known[id])
            assert len(noted) == 1, (id, noted)
            for reader, of in before.items():
                if known[id] in of:
                    owed[reader].add(noted[0].id)
        for reader, said in plan(site, at).items():
            for event in said:
                told[reader, event.id] += 1
                assert event.id in owed[reader], "told to somebody who never had the paper"
                owed[reader].discard(event.id)
    assert len(events) == 200
    assert sum(len(of) for of in owed.values()) == 0, "somebody was not told"
    assert max(told.values()) == 1, "somebody was told twice"
    assert len({event for _, event in told}) == 200


async def test_the_next_letter_says_it_in_both_languages_and_the_one_after_is_silent(
    site: App,
) -> None:
    first = [made(n, "bees", START) for n in range(1, 4)]
    learn(site, START - timedelta(hours=2), *first, *(made(n, "trees", START) for n in range(4, 7)))

    async def letters(at: datetime) -> dict[str, str]:
        async with Mailbox() as mailbox:
            smtp = site.config.smtp.model_copy(update={"port": mailbox.port})
            site.config = site.config.model_copy(update={"smtp": smtp})
            await site.run(at, is_fetching=False)
        found = {}
        for address, letter in mailbox.letters.items():
            text, html = letter.get_body(("plain",)), letter.get_body(("html",))
            assert text is not None and html is not None
            found[address] = " ".join((text.get_content() + html.get_content()).split())
        return found

    assert "Withdrawn since" not in (await letters(START))["reader0@example.org"]
    gone = replace(first[0], version=2, is_withdrawn=True, kind=RecordKind.WITHDRAWN)
    out = replace(first[1], version=2, identifiers=(*first[1].identifiers, "doi:10.1000/x.1"))
    learn(site, START + timedelta(hours=3), gone, out, *(made(n, "bees", START) for n in (11, 12)))
    learn(site, START + timedelta(hours=3), *(made(n, "trees", START) for n in (13, 14)))
    second = await letters(START + DAY)
    english, german = second["reader0@example.org"], second["reader1@example.org"]
    assert english.count("Withdrawn since we sent it to you") == 2  # text and HTML
    assert english.count("Published in a journal since we sent it to you") == 2
    assert "https://doi.org/10.1000/x.1" in english
    assert "Zurückgezogen" not in german and "Withdrawn" not in german  # about trees
    learn(site, START + timedelta(hours=26), *(made(n, "bees", START) for n in (21, 22)))
    third = await letters(START + 2 * DAY)
    assert "since we sent it to you" not in third["reader0@example.org"]


def test_a_correction_of_a_known_paper_is_noted_on_it_and_is_no_paper(site: App) -> None:
    paper = made(1, "bees", START)
    learn(site, START, paper)
    notice = replace(
        paper,
        source="journal",
        source_id="n1",
        identifiers=(),
        links={"abs": "https://journal.example.org/n1"},
        kind=RecordKind.CORRECTION,
    )
    for _ in range(2):  # seen again, noted once
        learn(
            site,
            START + DAY,
            notice,
            replace(notice, source_id="i", title="Issue Information", kind=RecordKind.FRONT_MATTER),
        )
    with reading(site.engine) as connection:
        assert papers.count(connection) == 1
        stored = papers.get(connection, "2605.00001")
        noted = paper_events.of_paper(connection, stored.key)
    assert [(event.kind.value, event.url) for event in noted] == [
        ("corrected", "https://journal.example.org/n1")
    ]
    learn(site, START + 2 * DAY, replace(notice, source_id="n2", kind=RecordKind.RETRACTION))
    with reading(site.engine) as connection:
        assert papers.get(connection, "2605.00001").is_withdrawn
    learn(site, START + 3 * DAY, paper)  # its source says it again
    with reading(site.engine) as connection:
        assert papers.get(connection, "2605.00001").is_withdrawn


#: How journals' feeds speak of a paper, each with what its readers are told.
NOTICES = (
    ("Retraction: {title}", "", "retracted"),
    ("RETRACTION NOTE: {title}", "", "retracted"),
    ("Correction to: {title}", "", "corrected"),
    ("Publisher Correction: {title}", "", "corrected"),
    ("Author Correction: {title}", "", "corrected"),
    ("Expression of Concern: {title}", "", "concern"),
    ("Correction for Doe et al., {title}", "", "corrected"),
    ("Erratum to “{title}” [Bees 12 (2026) 104]", "", "corrected"),
    (
        "Corrigendum: Doe J (2026) {title}. Bees 1: 1–9. https://doi.org/{doi}",
        "",
        "corrected",
    ),
    ("Correction", "This corrects the article https://doi.org/{doi}.", "corrected"),
    ("Corrections to scaling in bees", "This work is about {title}.", ""),
)


def journal(number: int, at: datetime) -> Sighting:
    """A paper of a journal, as its feed shows it."""
    paper = made(number, TOPICS[number % len(TOPICS)], at)
    return replace(
        paper,
        source="bees",
        source_id=f"b{number}",
        identifiers=(f"doi:10.1234/bees.{number}",),
        authors=(f"Jane Doe{number}",),
    )


def noticed(entries: list[tuple[str, str, str]]) -> tuple[Sighting, ...]:
    """A feed of notices, (id, title, text) each, read as any feed is read."""
    items = "".join(
        f"<item><title>{escape(title)}</title><guid>{name}</guid>"
        f"<link>https://bees.example.org/{name}</link><description>{escape(text)}</description>"
        "<author>The Bees Editors</author></item>"
        for name, title, text in entries
    )
    body = f'<rss version="2.0"><channel><title>Bees</title>{items}</channel></rss>'.encode()
    config = Feed(name="bees", url="https://bees.example.org/feed")
    source = FeedSource(config, None)  # type: ignore[arg-type]  # nothing is fetched here
    answer = Answer(200, httpx2.Headers(), body, "https://bees.example.org/feed")
    return source._read(answer, START + 90 * DAY)[1]


def test_200_notices_of_feeds_are_told_to_whoever_had_the_paper_once_and_to_nobody_else(
    site: App,
) -> None:
    """Papers of a journal are known by DOI or by title; its notices come as entries of its feed."""
    chance = random.Random(11)
    shown: dict[str, tuple[int, Sighting]] = {}
    events: list[str] = []
    told: Counter[tuple[int, int]] = Counter()
    owed: dict[int, set[int]] = {reader: set() for reader in range(1, READERS + 1)}
    kinds: Counter[str] = Counter()
    forms = [one for one in NOTICES if one[2] and one[0] != "Correction"]
    number = 0
    for day in range(40):
        at = START + day * DAY
        for _ in range(24 if day < 32 else 4):
            number += 1
            paper = journal(number, at)
            shown[paper.identifiers[0]] = (number, paper)
            learn(site, at, paper)
        before = had(site, at)
        with reading(site.engine) as connection:
            known = {paper.identifiers[0]: paper.key for paper in papers.iterate(connection)}
        sent = sorted(
            id
            for id in shown
            if id not in events and any(known.get(id) in of for of in before.values())
        )
        batch = []
        for id in chance.sample(sent, min(len(sent), 200 - len(events), 6)) if day < 38 else ():
            title, text, kind = forms[len(events) % len(forms)]
            paper, doi = shown[id][1], id.removeprefix("doi:")
            batch.append(
                (f"n{len(events)}", title.format(title=paper.title, doi=doi), text.format(doi=doi))
            )
            events.append(id)
            kinds[kind] += 1
        if batch:
            seen = noticed(batch)
            for _ in range(2):  # the feed shows it again the next time
                learn(site, at - timedelta(hours=1), *seen)
            with reading(site.engine) as connection:
                for id in events[-len(batch) :]:
                    noted = paper_events.of_paper(connection, known[id])
                    assert len(noted) == 1, (shown[id][1].title, noted)
                    for reader, of in before.items():
                        if known[id] in of:
                            owed[reader].add(noted[0].id)
        for reader, said in plan(site, at).items():
            for event in said:
                told[reader, event.id] += 1
                assert event.id in owed[reader], "told to somebody who never had the paper"
                owed[reader].discard(event.id)
    assert len(events) == 200
    assert sum(len(of) for of in owed.values()) == 0, "somebody was not told"
    assert max(told.values()) == 1, "somebody was told twice"
    assert len({event for _, event in told}) == 200
    assert {"retracted", "corrected", "concern"} == set(kinds)


@pytest.mark.parametrize(
    ("title", "text", "kind"), NOTICES, ids=[title[:30] for title, _, _ in NOTICES]
)
def test_a_notice_of_a_feed_is_noted_on_its_paper_and_shown_nowhere_else(
    site: App, title: str, text: str, kind: str
) -> None:
    paper = journal(1, START)
    other = journal(2, START)
    learn(site, START, paper, other)
    doi = paper.identifiers[0].removeprefix("doi:")
    values = {"title": paper.title, "doi": doi}
    learn(site, START + DAY, *noticed([("n", title.format(**values), text.format(**values))]))
    with reading(site.engine) as connection:
        stored = {one.identifiers[0]: one.key for one in papers.iterate(connection)}
        found = [
            event.kind.value for event in paper_events.of_paper(connection, stored[f"doi:{doi}"])
        ]
        others = paper_events.of_paper(connection, stored[other.identifiers[0]])
        assert found == ([kind] if kind else [])
        assert not others
