"""The search index in the database: it misses no paper that matches, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from newsletter.matching.index import Index
from newsletter.matching.query import parse
from newsletter.models import Merge, Paper
from newsletter.store import paper_merges, paper_search, papers
from newsletter.store.db import reading, writing

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
WORDS = (  # noqa: SIM905  (a list would be longer than the words)
    "deep learning graphs auto-regressive autoregressive models of the model protein folding "
    "folds 3D reconstruction non-linear C++ naïve Bayes state-of-the-art attention O'Brien's"
).split()
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
PAPERS = st.lists(
    st.builds(
        Paper,
        id=st.uuids().map(str),
        title=TEXTS,
        abstract=TEXTS,
        authors=st.sampled_from([("Ada Øst",), ("José-María López", "Jo Lee"), ()]),
        fields=st.sampled_from([("cs.CL", "cs.LG"), ("math.AG",), ("biorxiv.cell-biology",)]),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda paper: paper.id,
)
QUERIES = (
    "deep learning",
    '"protein folding"',
    '"auto regressive model"',
    '"state of the art"',
    "graphs -attention",
    'models -"deep learning"',
    "protein OR attention",
    "(deep OR graphs) models -folds",
    "ti:graphs abs:learning",
    "au:lopez",
    'au:"j lee" models',
    "cat:cs.CL learning",
    "cat:math",
    "cat:cs.*",
    "cat:c*",
    "3d reconstruction",
    "naive bayes",
    "c++",
)


def remember(engine: Engine, shown: list[Paper]) -> list[Paper]:
    merges = [Merge(replace(paper, first_seen=NOW), ()) for paper in shown]
    with writing(engine) as connection:
        return papers.remember(connection, merges, NOW)


def found(engine: Engine, query: str) -> set[int]:
    with reading(engine) as connection:
        return set(paper_search.find(connection, parse(query)))


@pytest.mark.parametrize("query", QUERIES)
def test_every_paper_that_matches_is_found(any_engine: Engine, query: str) -> None:
    @given(PAPERS)
    @settings(
        max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def holds(shown: list[Paper]) -> None:
        kept = remember(any_engine, shown)
        matching = {match.paper for match in Index(kept).search(query, 100, is_loose=False)}
        assert matching <= found(any_engine, query)
        with writing(any_engine) as connection:
            connection.execute(text("DELETE FROM papers"))
            connection.execute(text("DELETE FROM paper_search"))

    holds()


def test_a_changed_paper_is_found_by_its_new_words_alone(any_engine: Engine) -> None:
    (old,) = remember(any_engine, [Paper(id="p1", title="Folding of proteins")])
    with writing(any_engine) as connection:
        changed = replace(old, title="Graphs that learn")
        papers.remember(connection, [Merge(changed, ())], NOW)
    assert found(any_engine, "folding") == set()
    assert found(any_engine, "graphs") == {old.key}


def test_hidden_and_merged_papers_are_not_shown(any_engine: Engine) -> None:
    _one, two, three = remember(any_engine, [Paper(id=f"p{n}", title="Graphs") for n in (1, 2, 3)])
    with writing(any_engine) as connection:
        papers.hide(connection, "p1")
        paper_merges.merge(connection, two, three, NOW)
    with reading(any_engine) as connection:
        keys = paper_search.find(connection, parse("graphs"))
        assert [paper.id for paper in papers.shown(connection, keys)] == ["p2"]


def test_a_broad_query_costs_no_more_than_its_newest_hits(
    any_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper_search, "RANKED_WHOLE", 10)
    monkeypatch.setattr(paper_search, "CANDIDATES", 5)
    in_title, *others = remember(
        any_engine,
        [
            Paper(id="title", title="Graphs"),
            *(Paper(id=f"p{n}", title="x", abstract="graphs") for n in range(20)),
        ],
    )
    with reading(any_engine) as connection:
        keys = paper_search.find(connection, parse("graphs"))
    assert keys == [in_title.key, *(paper.key for paper in reversed(others[-5:]))]


def test_a_sentence_that_no_paper_holds_finds_papers_with_some_of_its_words(
    any_engine: Engine,
) -> None:
    kept = remember(
        any_engine,
        [Paper(id="a", title="Protein folding"), Paper(id="b", title="Whale songs", fields=("q",))],
    )
    query = parse("how does the folding of a protein begin in cells that age slowly and alone")
    with reading(any_engine) as connection:
        assert paper_search.find(connection, query) == []
        assert paper_search.find_loosely(connection, query) == [kept[0].key]
        barred = parse("folding whale rivers cat:q -protein")
        assert paper_search.find_loosely(connection, barred) == [kept[1].key]


def test_papers_alike_share_what_tells_a_paper_from_others(any_engine: Engine) -> None:
    kept = remember(
        any_engine,
        [
            Paper(id="a", title="Spindles guide memory in sleep", abstract="rodents sleep"),
            Paper(id="b", title="Memory and sleep spindles", abstract="we record rodents"),
            *(Paper(id=f"x{n}", title="A study", abstract="we record things") for n in range(30)),
        ],
    )
    with reading(any_engine) as connection:
        assert paper_search.find_alike(connection, kept[0])[0] == kept[1].key


def test_papers_of_an_earlier_version_are_indexed_batch_by_batch(
    any_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(papers, "INDEX_BATCH", 2)
    remember(any_engine, [Paper(id=f"p{n}", title="Graphs") for n in range(5)])
    with writing(any_engine) as connection:
        connection.execute(text("DELETE FROM paper_search"))
    assert papers.index_older(any_engine, most=2) == 3
    assert len(found(any_engine, "graphs")) == 2
    assert papers.index_older(any_engine) == 0
    assert len(found(any_engine, "graphs")) == 5
    with writing(any_engine) as connection:
        connection.execute(text("DELETE FROM paper_search"))
    assert papers.index_older(any_engine) == 0
    assert found(any_engine, "graphs") == set(), "what is done is not done again"
    monkeypatch.setattr(paper_search, "TERMS_VERSION", 99)
    papers.index_older(any_engine)
    assert len(found(any_engine, "graphs")) == 5, "other terms are written for all papers"
