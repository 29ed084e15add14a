"""Merge and split: the operator's decision is kept on later days, and can be undone."""

import gc
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from newsletter import editions, paper_merges, pipeline
from newsletter.cli import main
from newsletter.cli import papers as commands
from newsletter.errors import InputError, NotFound
from newsletter.models import (
    Harvest,
    Pick,
    Sighting,
    Signal,
    SourceState,
    Subscriber,
    SubscriberState,
)
from newsletter.steps.candidates import ELIGIBLE
from newsletter.store import ledger_plan, papers, signals, subscribers, tables, topics
from newsletter.store.db import reading, writing
from tests.databases import make_folder

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
PEOPLE = ("Ann Lee", "Bo Chen", "Carla Diaz")


def seen(source: str, id: str, title: str, *identifiers: str, **more: object) -> Sighting:
    return Sighting(source, id, title, authors=PEOPLE, identifiers=identifiers, **more)


ON_ARXIV = seen(
    "arxiv",
    "2605.00001",
    "Sparse attention for long documents",
    "arxiv:2605.00001",
    fields=("cs.CL",),
)
IN_JOURNAL = seen(
    "journal",
    "j-1",
    "Sparse attention for long documents",
    links={"abs": "https://journal.example/1"},
)
RENAMED = seen(
    "journal", "j-2", "Reading whole books with few heads", "doi:10.1234/books", abstract="Long."
)


def learn(engine: Engine, *sightings: Sighting, now: datetime = NOW) -> dict[str, dict[str, int]]:
    by_source: dict[str, list[Sighting]] = {}
    for sighting in sightings:
        by_source.setdefault(sighting.source, []).append(sighting)
    harvests = [Harvest(name, SourceState.FRESH, tuple(seen)) for name, seen in by_source.items()]
    return {name: dict(tally) for name, tally in pipeline.learn(engine, harvests, now).items()}


def shown(engine: Engine) -> dict[str, set[str]]:
    """Id of each paper that is shown -> where it was seen."""
    with reading(engine) as connection:
        return {
            paper.id: {one["source_id"] for one in papers.sightings_of(connection, paper.key)}
            for paper in papers.iterate(connection)
        }


def key_of(engine: Engine, id: str) -> int:
    with reading(engine) as connection:
        return papers.get_itself(connection, id).key


def test_a_merge_makes_one_paper_of_two(any_engine: Engine) -> None:
    learn(any_engine, ON_ARXIV, RENAMED)
    assert len(shown(any_engine)) == 2
    paper = paper_merges.merge(any_engine, "2605.00001", "10.1234/books", NOW)
    assert shown(any_engine) == {"2605.00001": {"2605.00001", "j-2"}}
    assert paper.abstract == "Long." and set(paper.identifiers) == {
        "arxiv:2605.00001",
        "doi:10.1234/books",
    }
    with reading(any_engine) as connection:
        assert papers.get(connection, "10.1234/books").id == "2605.00001", (
            "its old name still finds it"
        )
        assert [p.id for p in papers.recent(connection, NOW - timedelta(days=7), NOW)] == [
            "2605.00001"
        ]


def test_a_merge_survives_the_next_day(any_engine: Engine) -> None:
    learn(any_engine, ON_ARXIV, RENAMED)
    paper_merges.merge(any_engine, "2605.00001", "10.1234/books", NOW)
    copy = seen("huggingface", "hf-9", "Reading whole books with few heads")
    again = learn(any_engine, ON_ARXIV, RENAMED, copy, now=NOW + timedelta(days=1))
    assert sum(tally.get("new", 0) for tally in again.values()) == 0
    assert shown(any_engine) == {"2605.00001": {"2605.00001", "j-2", "hf-9"}}


def test_a_split_undoes_a_merge(any_engine: Engine) -> None:
    learn(any_engine, ON_ARXIV, RENAMED)
    before = shown(any_engine)
    paper_merges.merge(any_engine, "2605.00001", "10.1234/books", NOW)
    done = paper_merges.split(any_engine, "2605.00001", (), NOW)
    assert [paper.id for paper in done.others] == ["10.1234/books"]
    assert shown(any_engine) == before
    assert done.kept.identifiers == ("arxiv:2605.00001",) and done.kept.abstract == ""
    learn(any_engine, ON_ARXIV, RENAMED, now=NOW + timedelta(days=1))
    assert shown(any_engine) == before


def test_a_split_survives_the_next_day(any_engine: Engine) -> None:
    learn(any_engine, ON_ARXIV, IN_JOURNAL)
    assert list(shown(any_engine).values()) == [{"2605.00001", "j-1"}]
    done = paper_merges.split(any_engine, "2605.00001", (), NOW)
    assert done.kept.id == "2605.00001" and "journal.example" not in str(done.kept.links)
    apart = shown(any_engine)
    assert sorted(map(sorted, apart.values())) == [["2605.00001"], ["j-1"]]
    newer = seen(
        "arxiv", "2605.00001", ON_ARXIV.title, "arxiv:2605.00001", version=2, announce="replace"
    )
    again = learn(any_engine, newer, IN_JOURNAL, now=NOW + timedelta(days=1))
    assert sum(tally.get("new", 0) for tally in again.values()) == 0
    assert shown(any_engine) == apart
    paper_merges.merge(any_engine, "2605.00001", done.others[0].id, NOW)
    assert list(shown(any_engine).values()) == [{"2605.00001", "j-1"}]


def test_a_split_takes_out_what_is_named(any_engine: Engine) -> None:
    same = seen("huggingface", "2605.00001", ON_ARXIV.title, "arxiv:2605.00001")
    learn(any_engine, ON_ARXIV, same)
    with pytest.raises(InputError, match="same identifiers"):
        paper_merges.split(any_engine, "2605.00001", (), NOW)
    with pytest.raises(NotFound, match="nowhere"):
        paper_merges.split(any_engine, "2605.00001", ["nowhere"], NOW)
    with pytest.raises(InputError, match="everything"):
        paper_merges.split(any_engine, "2605.00001", ["arxiv", "huggingface:2605.00001"], NOW)
    done = paper_merges.split(any_engine, "2605.00001", ["huggingface"], NOW)
    assert done.others[0].id not in ("", "2605.00001")
    apart = shown(any_engine)
    learn(any_engine, ON_ARXIV, same, now=NOW + timedelta(days=1))
    assert shown(any_engine) == apart and len(apart) == 2


def test_papers_that_are_one_are_not_merged_again(engine: Engine) -> None:
    learn(engine, ON_ARXIV, RENAMED)
    paper_merges.merge(engine, "2605.00001", "10.1234/books", NOW)
    with pytest.raises(InputError, match="one paper already"):
        paper_merges.merge(engine, "2605.00001", "2605.00001", NOW)


def test_merges_in_a_row_end_in_one_paper(any_engine: Engine) -> None:
    learn(any_engine, ON_ARXIV, RENAMED, THIRD)
    paper_merges.merge(any_engine, "10.1234/books", "10.1234/third", NOW)
    paper_merges.merge(any_engine, "2605.00001", "10.1234/books", NOW)
    assert shown(any_engine) == {"2605.00001": {"2605.00001", "j-2", "b-3"}}


THIRD = seen("blog", "b-3", "A third telling of the very same work", "doi:10.1234/third")


def everything(engine: Engine) -> dict[str, list[object]]:
    """All rows about papers, as they are kept."""
    of_papers = (
        tables.papers,
        tables.paper_keys,
        tables.sightings,
        tables.merged_papers,
        tables.signals,
    )
    with reading(engine) as connection:
        return {
            table.name: sorted(map(repr, connection.execute(table.select()))) for table in of_papers
        }


def test_K28_a_split_undoes_the_last_merge_and_nothing_else(any_engine: Engine) -> None:
    learn(any_engine, ON_ARXIV, RENAMED, THIRD)
    states = [everything(any_engine)]
    paper_merges.merge(any_engine, "10.1234/books", "10.1234/third", NOW)
    states.append(everything(any_engine))
    paper_merges.merge(any_engine, "2605.00001", "10.1234/books", NOW)
    assert shown(any_engine) == {"2605.00001": {"2605.00001", "j-2", "b-3"}}
    done = paper_merges.split(any_engine, "2605.00001", (), NOW)
    assert [paper.id for paper in done.others] == ["10.1234/books"]
    assert shown(any_engine) == {"2605.00001": {"2605.00001"}, "10.1234/books": {"j-2", "b-3"}}
    assert everything(any_engine) == states.pop()
    paper_merges.split(any_engine, "10.1234/books", (), NOW)
    assert everything(any_engine) == states.pop()


def test_K28_of_two_merges_into_a_paper_the_later_one_is_undone_first(any_engine: Engine) -> None:
    learn(any_engine, ON_ARXIV, RENAMED, THIRD)
    paper_merges.merge(any_engine, "2605.00001", "10.1234/third", NOW)
    between = everything(any_engine)
    paper_merges.merge(any_engine, "2605.00001", "10.1234/books", NOW)
    assert [p.id for p in paper_merges.split(any_engine, "2605.00001", (), NOW).others] == [
        "10.1234/books"
    ]
    assert everything(any_engine) == between
    assert [p.id for p in paper_merges.split(any_engine, "2605.00001", (), NOW).others] == [
        "10.1234/third"
    ]


def test_K28_what_was_not_the_merges_doing_stays(any_engine: Engine) -> None:
    learn(any_engine, ON_ARXIV, RENAMED)
    with writing(any_engine) as connection:
        key = papers.get(connection, "2605.00001").key
        papers.note_summaries(connection, {key: "Written by a machine."})
    paper_merges.merge(any_engine, "2605.00001", "10.1234/books", NOW)
    later = NOW + timedelta(days=1)
    newer = seen(
        "arxiv", "2605.00001", ON_ARXIV.title, "arxiv:2605.00001", version=2, announce="replace"
    )
    again = seen("blog", "b-9", RENAMED.title, "doi:10.1234/books")
    learn(any_engine, newer, now=later)
    learn(any_engine, again, now=later)
    about = [Signal("doi:10.1234/books", "points", "hackernews", 40, later)]
    with writing(any_engine) as connection:
        signals.record(connection, about)
    done = paper_merges.split(any_engine, "2605.00001", (), later)
    assert (done.kept.version, done.kept.summary) == (2, "Written by a machine.")
    assert done.kept.identifiers == ("arxiv:2605.00001",) and done.kept.abstract == ""
    assert shown(any_engine) == {"2605.00001": {"2605.00001"}, "10.1234/books": {"j-2", "b-9"}}
    own, other = key_of(any_engine, "2605.00001"), key_of(any_engine, "10.1234/books")
    with reading(any_engine) as connection:
        readings = signals.of_papers(connection, [own, other], later)
        names = select(tables.paper_keys.c.name).where(tables.paper_keys.c.paper == own)
        assert "doi:10.1234/books" not in set(connection.scalars(names))
    assert readings.get(own, []) == [] and [one.value for one in readings[other]] == [40]


@pytest.mark.parametrize("is_older_merged", [False, True])
def test_K28_readings_of_a_shared_name_leave_with_the_merged_paper(
    any_engine: Engine, is_older_merged: bool
) -> None:
    """Two papers have one DOI, since the operator split them; then one is merged into the other."""
    shared = "doi:10.1234/books"
    arxiv = seen("arxiv", "2605.00001", ON_ARXIV.title, "arxiv:2605.00001", shared)
    learn(any_engine, arxiv, RENAMED)
    split = paper_merges.split(any_engine, "2605.00001", ("journal",), NOW)
    kept, merged = split.kept, split.others[0]
    if is_older_merged:
        kept, merged = merged, kept
    paper_merges.merge(any_engine, kept.id, merged.id, NOW)
    with writing(any_engine) as connection:
        names = select(tables.paper_keys.c.paper).where(tables.paper_keys.c.name == shared)
        assert set(connection.scalars(names)) == {kept.key, merged.key}
        reading_of = Signal(shared, "points", "hackernews", 40, NOW)
        assert signals.record(connection, [reading_of]) == 1
        written = connection.scalars(select(tables.signals.c.paper))
        assert list(written) == [merged.key]
        found = signals.of_papers(connection, [kept.key], NOW)
    assert [one.value for one in found[kept.key]] == [40]  # while it is merged, the other shows it
    paper_merges.split(any_engine, kept.id, (), NOW)
    with reading(any_engine) as connection:
        found = signals.of_papers(connection, [kept.key, merged.key], NOW)
    assert [one.value for one in found[merged.key]] == [40] and not found.get(kept.key)


def test_K28_what_was_merged_already_is_merged_with_all_of_it(any_engine: Engine) -> None:
    learn(any_engine, ON_ARXIV, RENAMED, THIRD)
    paper_merges.merge(any_engine, "10.1234/books", "10.1234/third", NOW)
    paper_merges.merge(any_engine, "2605.00001", "10.1234/third", NOW)
    assert shown(any_engine) == {"2605.00001": {"2605.00001", "j-2", "b-3"}}
    with pytest.raises(InputError, match="one paper already"):
        paper_merges.merge(any_engine, "10.1234/third", "10.1234/books", NOW)


def test_K27_a_paper_that_was_sent_is_not_news_under_a_newer_record(any_engine: Engine) -> None:
    long_ago = NOW - timedelta(days=20)
    learn(any_engine, RENAMED, now=long_ago)
    learn(any_engine, ON_ARXIV)
    merged = paper_merges.merge(any_engine, "2605.00001", "10.1234/books", NOW)
    assert merged.first_seen == long_ago
    with reading(any_engine) as connection:
        assert papers.recent(connection, NOW - ELIGIBLE, NOW) == []
    split = paper_merges.split(any_engine, "2605.00001", (), NOW)
    assert split.kept.first_seen == NOW
    with reading(any_engine) as connection:
        recent = papers.recent(connection, NOW - ELIGIBLE, NOW)
    assert [paper.id for paper in recent] == ["2605.00001"]


def test_who_had_either_paper_is_not_sent_the_other(any_engine: Engine) -> None:
    learn(any_engine, ON_ARXIV, RENAMED)
    with writing(any_engine) as connection:
        topic = topics.find_or_add(connection, "books")
        reader = Subscriber(0, "ann@example.org", SubscriberState.ACTIVE, topics=(topic.id,))
        reader = subscribers.add(connection, reader, "ann@example.org", NOW)
    had = key_of(any_engine, "10.1234/books")
    row = ledger_plan.FrozenRow(
        reader.id, "digest", (Pick(had, topic.id, 1, 1, 1),), NOW, NOW + timedelta(hours=9), 1
    )
    ledger_plan.freeze(any_engine, NOW.date(), [row], candidates=2, papers={had: {}}, now=NOW)
    paper_merges.merge(any_engine, "2605.00001", "10.1234/books", NOW)
    with reading(any_engine) as connection:
        assert (
            key_of(any_engine, "2605.00001")
            in editions.read_seen(connection, reader.id, reader.id, NOW)[reader.id]
        )


def test_attention_for_a_merged_paper_counts(engine: Engine) -> None:
    learn(engine, ON_ARXIV, RENAMED)
    about = [
        Signal("doi:10.1234/books", "points", "hackernews", 40, NOW),
        Signal("arxiv:2605.00001", "upvotes", "huggingface", 7, NOW),
        Signal("doi:10.1234/books", "upvotes", "huggingface", 2, NOW),
    ]
    with writing(engine) as connection:
        signals.record(connection, about)
    paper_merges.merge(engine, "2605.00001", "10.1234/books", NOW)
    key = key_of(engine, "2605.00001")
    with reading(engine) as connection:
        readings = signals.of_papers(connection, [key], NOW)
    assert {(one.kind, one.value) for one in readings[key]} == {("points", 40), ("upvotes", 9)}


def test_merge_and_split_as_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> dict[str, object]:
        capsys.readouterr()
        assert main(["-C", str(tmp_path / "config.toml"), *words, "--json"]) == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    make_folder(tmp_path)
    lines = [
        {"id": "a-paper", "title": "Sparse attention for long documents", "authors": PEOPLE},
        {"id": "b-paper", "title": "Reading whole books with few heads", "authors": PEOPLE},
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert run("papers", "import", str(tmp_path / "in.jsonl"))["new"] == 2
    assert run("papers", "merge", "a-paper", "b-paper") == {"id": "a-paper", "merged": "b-paper"}
    assert run("papers", "split", "a-paper") == {"id": "a-paper", "others": ["b-paper"]}
    assert main(["-C", str(tmp_path / "config.toml"), "papers", "split", "a-paper"]) == 2


def test_an_import_goes_on_after_bad_lines_and_reads_in_batches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "BATCH", 2)
    make_folder(tmp_path)
    lines = [
        json.dumps({"id": f"2605.0000{n}", "title": f"Sparse attention, chapter {n}"})
        for n in range(1, 6)
    ]
    lines[1:1] = ["{", "", json.dumps({"id": "no title"}), json.dumps([1])]
    (tmp_path / "in.jsonl").write_text("\n".join([*lines, lines[0]]))
    capsys.readouterr()
    assert (
        main(
            [
                "-C",
                str(tmp_path / "config.toml"),
                "papers",
                "import",
                str(tmp_path / "in.jsonl"),
                "--json",
            ]
        )
        == 4
    )
    said = capsys.readouterr()
    assert json.loads(said.out) == {"seen": 6, "new": 5, "updated": 0, "merged": 0, "failed": 3}
    assert [line.split(":")[0] for line in said.err.splitlines() if "line " in line] == [
        "line 2",
        "line 4",
        "line 5",
    ]
    assert gc.isenabled()
