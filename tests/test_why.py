"""`newsletter why`: sent when, or the one rule that kept it out, as it was decided then."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from benchmarks import why_quality
from benchmarks.month import Listings, Wish, enrol, play
from newsletter.models import Paper, Sighting, Signal, Subscriber, SubscriberState
from newsletter.store import papers, subscribers, tables, topics
from newsletter.store.db import reading, writing
from newsletter.why import Answer, Explainer
from tests.databases import make_sqlite

FIRST = date(2026, 5, 4)  # a Monday
NOW = datetime(2026, 5, 5, 9, tzinfo=UTC)
WORDS = ("graph", "proof", "robot", "sampling", "qubit", "galaxy", "enzyme", "parser")


def listed(id: str, title: str, abstract: str = "", *authors: str) -> Sighting:
    names = authors or (f"Ann {title.split()[-1].title()}",)
    return Sighting("arxiv", id, title, abstract, names, ("cs.LG",), (f"arxiv:{id}",))


def made_up(days: int, a_day: int) -> Listings:
    """Lists of papers whose titles hold a few words that topics ask for."""
    chance = random.Random(7)
    filler = [f"{a}{b}on" for a in "bdfgklmn" for b in ("ar", "el", "im", "ot", "un")]
    lists: Listings = {}
    for n in range(days):
        lists[FIRST + timedelta(days=n)] = [
            listed(
                f"26{n + 1:02}.{m:05}",
                " ".join(chance.sample(filler, 3) + chance.sample(WORDS, 2)),
                " ".join(chance.choices(filler, k=40) + chance.choices(WORDS, k=3)),
                f"Ann {chance.choice(filler)}",
            )
            for m in range(a_day)
        ]
    return lists


def test_answers_agree_with_what_was_sent_in_a_month(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes = (
        Wish("one", (), ("graph",)),
        Wish("two", (), ("proof", "robot sampling"), more=(("muted", ("enzyme",)),)),
        Wish("three", (), ("qubit OR galaxy", "parser", "sampling"), more=(("size", 5),)),
        Wish("four", (), ("proof",), more=(("follows", ("Ann baron",)),)),
        Wish("five", (), ("graph", "galaxy"), more=(("rhythm", "hot"),)),
        Wish("six", (), ("robot", "enzyme"), more=(("rhythm", "weekly"), ("mix", "trend"))),
    )
    monkeypatch.setattr(why_quality, "WISHES", wishes)
    lists = made_up(12, 25)
    chance = random.Random(3)
    talk = {
        day: [
            Signal(
                f"arxiv:{chance.choice(lists[day]).source_id}",
                "upvotes",
                "huggingface",
                chance.randrange(1, 90),
                datetime(day.year, day.month, day.day, 6, tzinfo=UTC),
            )
            for _ in range(8)
        ]
        for day in lists
    }
    told = why_quality.measure(engine, lists, talk, 600, days=14)
    assert told["agree"] == told["pairs"] == 600, told["wrong"]
    assert {"sent", "no_topic", "size"} <= told["rules"].keys()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Engine]:
    engine = make_sqlite(tmp_path / "site.db")
    yield engine
    engine.dispose()


class Site:
    """Two days of a site with one reader."""

    def __init__(self, engine: Engine, *seen: Sighting, **settings: object) -> None:
        wish = Wish("ada", (), ("robots",), more=tuple(settings.items()))
        self.engine = engine
        (self.reader,) = enrol(engine, [wish], datetime(2026, 5, 4, tzinfo=UTC))
        play(engine, {FIRST: list(seen)}, {}, [FIRST, FIRST + timedelta(days=1)])

    def why(self, id: str, now: datetime = NOW) -> Answer:
        with reading(self.engine) as connection:
            reader, paper = subscribers.get(connection, self.reader), papers.get(connection, id)
        return Explainer(self.engine).why(reader, paper, now)

    def set_state(self, state: str) -> None:
        with writing(self.engine) as connection:
            connection.execute(update(tables.deliveries).values(state=state))


def test_what_was_sent_is_named_with_its_day_and_its_reasons(world: Engine) -> None:
    answer = Site(world, listed("2605.00001", "Soft robots that swim")).why("2605.00001")
    assert (answer.rule, answer.day) == ("sent", FIRST)
    assert answer.pick is not None and ("title", "robots") in answer.pick.reasons


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        ("held", "sent"),
        ("pending", "waiting"),
        ("deferred", "waiting"),
        ("refused", "not_delivered"),
        ("expired", "not_delivered"),
    ],
)
def test_a_letter_that_did_not_arrive_is_not_called_sent(
    world: Engine, state: str, rule: str
) -> None:
    site = Site(world, listed("2605.00001", "Soft robots that swim"))
    site.set_state(state)
    assert site.why("2605.00001").rule == rule


def test_the_rule_that_kept_a_paper_out_is_named(world: Engine) -> None:
    names = ["swim", "dance", "jump", "sort", "cook", "knit", "sing", "fold"]
    seen = [listed(f"2605.0001{n}", f"Robots that {name}") for n, name in enumerate(names[:8])]
    seen += [
        listed("2605.00001", "Markets and their makers"),
        listed("2605.00002", "Robots and laundry"),
        listed("2605.00003", "Markets, of old", "Robots, far away."),
    ]
    site = Site(world, *seen, muted=("laundry",), size=5)
    assert site.why("2605.00001").rule == "no_topic"
    assert site.why("2605.00002").rule == "muted"
    kept_out = {site.why(one.source_id).rule for one in seen[:8]}
    assert kept_out <= {"sent", "size"} and "sent" in kept_out


def test_a_paper_that_comes_later_is_told_from_one_that_never_could(world: Engine) -> None:
    site = Site(world, listed("2605.00001", "Soft robots that swim"))
    with writing(world) as connection:
        late = Paper(
            "2605.00009",
            "Robots at night",
            identifiers=("arxiv:2605.00009",),
            first_seen=NOW - timedelta(hours=1),
        )
        values = {n: getattr(late, n) for n in ("id", "title", "first_seen")}
        connection.execute(tables.papers.insert().values(values))
    assert site.why("2605.00009").rule == "next"
    assert site.why("2605.00009", NOW + timedelta(days=30)).rule == "no_letter"
    with writing(world) as connection:
        connection.execute(update(tables.papers).values(is_hidden=1))
    assert site.why("2605.00009").rule == "hidden"


def test_a_reader_without_letters_is_told_so(world: Engine) -> None:
    site = Site(world, listed("2605.00001", "Soft robots that swim"))
    with writing(world) as connection:
        topic = topics.find_or_add(connection, "robots")
        other = Subscriber(0, "lin@example.org", SubscriberState.PAUSED, topics=(topic.id,))
        site.reader = subscribers.add(connection, other, "lin@example.org", NOW).id
    assert site.why("2605.00001").rule == "no_letter"
