"""What is stored, and how it is found again; on SQLite and PostgreSQL alike."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, event, text

from newsletter.errors import Busy, InputError, NotFound, StoreError
from newsletter.models import (
    Fact,
    Harvest,
    Heat,
    Merge,
    Paper,
    Sighting,
    Signal,
    SourceState,
    Subscriber,
    SubscriberState,
    Topic,
)
from newsletter.store import (
    due_readers,
    feedback,
    ledger_life,
    ledger_read,
    papers,
    runs,
    signals,
    subscribers,
    suppressions,
    topics,
)
from newsletter.store.db import open_engine, reading, writing
from newsletter.store.locks import only_one

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)


def a_paper(number: int = 1, **more: object) -> Paper:
    paper = Paper(
        id=f"2611.{number:05}",
        title=f"Paper {number}",
        authors=("Ada Example", "Lin Example"),
        fields=("cs.CL",),
        identifiers=(f"arxiv:2611.{number:05}",),
        first_seen=NOW,
        links={"abs": f"https://arxiv.org/abs/2611.{number:05}"},
    )
    return replace(paper, **more)


def a_merge(paper: Paper, source: str = "arxiv") -> Merge:
    shown = (Sighting(source, paper.id, paper.title),)
    return Merge(paper, shown, keys=paper.identifiers, why=("new",))


def keep(connection: Connection, *merges: Merge) -> list[Paper]:
    return papers.remember(connection, merges, NOW)


def test_a_paper_comes_back_as_it_went_in(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        [stored] = keep(connection, a_merge(a_paper()))
    with reading(any_engine) as connection:
        assert papers.get(connection, "2611.00001") == stored
        assert stored == replace(a_paper(), key=stored.key)
        assert papers.having(connection, ["arxiv:2611.00001", "arxiv:other"]) == [stored]


@pytest.mark.parametrize(
    "name", ["2611.00001", "arXiv:2611.00001", "2611.00001v3", "arxiv:2611.00001V3"]
)
def test_a_paper_is_found_by_any_spelling_of_its_identifier(engine: Engine, name: str) -> None:
    with writing(engine) as connection:
        keep(connection, a_merge(a_paper()))
        assert papers.get(connection, name).id == "2611.00001"


def test_an_unknown_paper_names_the_command_that_searches(engine: Engine) -> None:
    with reading(engine) as connection, pytest.raises(NotFound) as e:
        papers.get(connection, "2611.99999")
    assert "papers search" in e.value.hint


def test_a_paper_seen_again_keeps_one_sighting_per_entry(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        [stored] = keep(connection, a_merge(a_paper()))
        keep(connection, replace(a_merge(replace(stored, version=2)), is_changed=True))
        keep(connection, a_merge(replace(stored, version=2), source="huggingface"))
        assert [s["source"] for s in papers.sightings_of(connection, stored.key)] == [
            "arxiv",
            "huggingface",
        ]
        assert papers.get(connection, stored.id).version == 2


def test_hidden_and_withdrawn_papers_are_never_candidates(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        keep(
            connection,
            a_merge(a_paper(1)),
            a_merge(a_paper(2)),
            a_merge(a_paper(3, is_withdrawn=True)),
        )
        papers.hide(connection, "2611.00002")
        found = papers.recent(connection, NOW - timedelta(days=7), NOW)
    assert [paper.id for paper in found] == ["2611.00001"]


def test_a_counter_that_did_not_move_is_not_written_again(any_engine: Engine) -> None:
    def reading_of(value: float, hours: int) -> Signal:
        return Signal(
            "arxiv:2611.00001", "upvotes", "huggingface", value, NOW + timedelta(hours=hours)
        )

    with writing(any_engine) as connection:
        [paper] = keep(connection, a_merge(a_paper()))
        assert (
            signals.record(connection, [reading_of(5, 0), reading_of(5, 1), reading_of(9, 2)]) == 2
        )
        assert (
            signals.record(
                connection, [reading_of(9, 3), Signal("arxiv:unknown", "upvotes", "hf", 1, NOW)]
            )
            == 0
        )
        found = signals.of_papers(connection, [paper.key], NOW + timedelta(hours=1))
    assert [signal.value for signal in found[paper.key]] == [5]


def test_readings_of_one_batch_are_compared_in_the_order_of_their_moments(
    any_engine: Engine,
) -> None:
    about = ("arxiv:2611.00001", "upvotes", "huggingface")
    hour = timedelta(hours=1)
    batch = [
        Signal(*about, 9, NOW + 2 * hour),
        Signal(*about, 5, NOW + hour),
        Signal(*about, 5, NOW),
    ]
    with writing(any_engine) as connection:
        [paper] = keep(connection, a_merge(a_paper()))
        assert signals.record(connection, batch) == 2
        found = signals.of_papers(connection, [paper.key], NOW + 2 * hour)
    assert [(one.value, one.at) for one in found[paper.key]] == [(5, NOW), (9, NOW + 2 * hour)]


def test_heats_are_replaced_as_a_whole(any_engine: Engine) -> None:
    heat = Heat(0.99, 4, "cs.CL", (Fact("upvotes", 312, 1),), {"upvotes": 0.5})
    with writing(any_engine) as connection:
        one, two = keep(connection, a_merge(a_paper(1)), a_merge(a_paper(2)))
        signals.write_heats(connection, {one.key: heat, two.key: heat}, NOW)
        signals.write_heats(connection, {two.key: heat}, NOW)
        assert signals.heats_of(connection, [one.key, two.key]) == {two.key: heat}
        assert signals.hottest(connection, 5) == [(two.key, heat)]


def a_reader(connection: Connection, email: str = "ada@example.org", **more: object) -> Subscriber:
    reader = Subscriber(0, email, SubscriberState.ACTIVE, timezone="Europe/Berlin")
    return subscribers.add(connection, replace(reader, **more), email, NOW)


def test_a_reader_comes_back_with_topics_in_order(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        one = topics.add(connection, Topic(0, "one", "One", "one"))
        two = topics.add(connection, Topic(0, "two", "Two", "two"))
        reader = a_reader(
            connection, topics=(two.id, one.id), muted=("survey",), follows=("Lin Example",)
        )
        assert subscribers.get(connection, reader.id) == reader
        assert subscribers.find(connection, "ada@example.org") == reader
        with pytest.raises(InputError, match="read by 1"):
            topics.remove(connection, one)
        subscribers.change(connection, reader.id, topics=(one.id,), size=5)
        assert subscribers.get(connection, reader.id).topics == (one.id,)
        topics.remove(connection, two)


def test_E06_one_address_is_one_reader(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        a_reader(connection)
        with pytest.raises(InputError):
            a_reader(connection)


def test_own_queries_are_shared_by_their_canonical_form(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        first = topics.find_or_add(connection, "graph neural")
        assert topics.find_or_add(connection, "graph neural") == first
        assert topics.find_or_add(connection, "graph-neural").slug != first.slug


def test_only_active_readers_of_the_group_are_due(any_engine: Engine) -> None:
    berlin = ("Europe/Berlin", 7, "weekdays")
    with writing(any_engine) as connection:
        here = a_reader(connection)
        a_reader(connection, "b@example.org", timezone="UTC")
        a_reader(connection, "c@example.org", state=SubscriberState.PENDING)
        a_reader(connection, "d@example.org", confirmed_at=NOW + timedelta(hours=1))
        found = due_readers.due_batch(
            connection, berlin, date(2026, 11, 23), NOW, after=0, limit=10
        )
        assert [reader.id for reader in found] == [here.id]
        assert sorted(due_readers.rhythms(connection)) == [berlin, ("UTC", 7, "weekdays")]


def test_leaving_ends_the_life_of_older_links(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        reader = a_reader(connection)
        subscribers.set_state(connection, reader.id, SubscriberState.UNSUBSCRIBED, "one click")
        gone = subscribers.get(connection, reader.id)
    assert (gone.state, gone.epoch) == (SubscriberState.UNSUBSCRIBED, reader.epoch + 1)


def test_a_pause_ends_on_its_day(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        a_reader(connection, state=SubscriberState.PAUSED, paused_until=date(2026, 11, 24))
        assert due_readers.resume_paused(connection, date(2026, 11, 23)) == 0
        assert due_readers.resume_paused(connection, date(2026, 11, 24)) == 1


def test_a_vote_can_be_changed_and_taken_back(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        reader = a_reader(connection)
        [paper] = keep(connection, a_merge(a_paper()))
        for value in (1, -1):
            feedback.vote(connection, reader.id, paper.key, value, NOW)
        assert feedback.votes_of(connection, [reader.id]) == {reader.id: {paper.key: -1}}
        feedback.vote(connection, reader.id, paper.key, 0, NOW)
        assert feedback.votes_of(connection, [reader.id]) == {}


def test_a_suppressed_address_stays_so_when_its_reader_is_erased(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        reader = a_reader(connection)
        suppressions.suppress(connection, "hash", "complaint", NOW)
        subscribers.erase(connection, reader.id)
        assert suppressions.suppression(connection, "hash") == "complaint"
        assert subscribers.find(connection, "ada@example.org") is None


def test_a_failed_source_keeps_what_its_last_good_answer_left(any_engine: Engine) -> None:
    good = Harvest("arxiv", SourceState.FRESH, memory={"etag": '"x"'})
    with writing(any_engine) as connection:
        runs.note_source(connection, good, {"seen": 3}, NOW)
        later = NOW + timedelta(hours=1)
        bad = Harvest("arxiv", SourceState.FAILED, error="503", retry_after_s=900)
        runs.note_source(connection, bad, {"seen": 0}, later)
        asked = runs.ask(connection, "arxiv", later, {})
        assert (asked.since, asked.memory) == (NOW, {"etag": '"x"'})
        assert runs.resting(connection, later) == {"arxiv": later + timedelta(seconds=900)}
        assert runs.resting(connection, later + timedelta(seconds=901)) == {}


def test_a_run_is_on_record_from_its_start(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        number = runs.start_run(connection, NOW, NOW)
        last = runs.last_run(connection)
        assert last is not None and last["finished"] is None
        runs.finish_run(connection, number, NOW, "done", {"papers": 1})
        last = runs.last_run(connection)
        assert last is not None and last["report"] == {"papers": 1}


def test_a_lock_is_held_by_one_and_ends_with_its_holder(any_engine: Engine) -> None:
    with only_one(any_engine, "run"):
        with pytest.raises(Busy, match="another run is active"), only_one(any_engine, "run"):
            pass
        with only_one(any_engine, "daemon"):
            pass
    with only_one(any_engine, "run"):
        pass


def test_B22_a_write_waits_for_its_turn_and_a_locked_database_is_told(engine: Engine) -> None:
    impatient = open_engine(str(engine.url), busy_timeout_s=0.1)
    with writing(engine) as connection:
        connection.execute(text("UPDATE topics SET name = ''"))
        with pytest.raises(StoreError, match="locked"), writing(impatient):
            pass
    impatient.dispose()


def plans_of(engine: Engine, table: str) -> dict[str, str]:
    """Return statement -> how SQLite finds its rows, for each that names a table from now on."""
    plans: dict[str, str] = {}

    def explain(_connection, cursor, statement, parameters, _context, _many) -> None:
        if table in statement:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans[statement] = " / ".join(row[3] for row in cursor.fetchall())

    event.listen(engine, "before_cursor_execute", explain)
    return plans


def test_what_waits_is_found_by_its_index_however_many_letters_there_were(engine: Engine) -> None:
    """Claims, sweeps and polls look at unsettled letters alone: a site keeps all letters it ever
    sent.
    """
    plans = plans_of(engine, "deliveries")
    with reading(engine) as connection:
        ledger_read.has_waiting(connection, NOW)
    ledger_life.sweep(engine, NOW)
    ledger_life.release_owner(engine, NOW)
    ledger_life.claim(engine, 10, NOW)
    assert len(plans) >= 9
    for statement, plan in plans.items():
        assert "USING INDEX ix_deliveries_open" in plan, (statement, plan)
        assert "TEMP B-TREE FOR ORDER BY" not in plan, (statement, plan)


def test_each_batch_of_due_readers_begins_where_the_last_one_ended(engine: Engine) -> None:
    """A batch that reads all readers of its time zone makes planning quadratic."""
    plans = plans_of(engine, "FROM subscribers")
    with reading(engine) as connection:
        rhythm = ("UTC", 8, "daily")
        due_readers.due_batch(connection, rhythm, NOW.date(), NOW, after=9, limit=5)
    (plan,) = plans.values()
    assert "ix_subscribers_due (state=? AND timezone=? AND hour=? AND rhythm=? AND rowid>?)" in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan


def test_an_unknown_kind_of_database_is_refused() -> None:
    with pytest.raises(StoreError, match="mysql"):
        open_engine("mysql://localhost/x")


def test_K21_a_member_who_leaves_is_dated_and_nobody_else(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        member, stranger = a_reader(connection), a_reader(connection, "bo@example.org")
        subscribers.change(connection, stranger.id, state=SubscriberState.PENDING)
        for reader in (member, stranger):
            subscribers.leave(connection, reader.id, reader.epoch, "link", NOW)
        assert subscribers.left(connection, member.id, member.epoch) == NOW
        assert subscribers.left(connection, member.id, member.epoch + 1) is None
        assert subscribers.left(connection, stranger.id, stranger.epoch) is None
