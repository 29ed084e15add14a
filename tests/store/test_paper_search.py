"""The search index in the database: it misses no paper that matches, on both databases."""

import gzip
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from newsletter import site_queries
from newsletter.errors import QueryError
from newsletter.matching.index import Index
from newsletter.matching.query import parse
from newsletter.matching.tokenizer import tokens
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
    "auto-regressive",
    "autoregressive models",
    "models -auto-regressive",
    "graphs -(deep learning)",
    "graphs -(deep OR autoregressive)",
    "state-of-the-art",
    "stateoftheart",
    '"the non linear model"',
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


def oracle(engine: Engine, shown: list[Paper], queries: Iterable[str]) -> None:
    """What the index of all papers finds is found in the database, and by a search."""
    kept = remember(engine, shown)
    index = Index(kept)
    for query in queries:
        matching = {match.paper for match in index.search(query, len(kept), is_loose=False)}
        with reading(engine) as connection:
            assert matching <= set(paper_search.find(connection, parse(query), len(kept))), query
        answer = {paper.key for paper, _ in site_queries.search(engine, query, len(kept))}
        assert matching <= answer, query


def test_words_are_found_in_every_spelling(any_engine: Engine) -> None:
    """Random words of random parts: with hyphens, joined, apart, in papers and in queries."""
    chance = Random(17)
    parts = ["auto", "regress", "non", "linear", "multi", "modal", "3d", "x", "of", "the", "再生"]

    def words(count: int) -> str:
        some = [
            chance.choice(("-", "", " ")).join(chance.choices(parts, k=chance.randint(1, 5)))
            for _ in range(count)
        ]
        return " ".join(some)

    shown = [Paper(f"p{n}", words(3), abstract=words(6)) for n in range(40)]
    queries = [
        form.format(words(chance.randint(1, 3)), words(1))
        for form in ("{0}", '"{0}"', 'ti:"{0}"', "{0} -({1})", "({0}) OR {1}", "model {0}")
        for _ in range(25)
    ]
    oracle(any_engine, shown, [query for query in queries if _is_query(query)])


def test_words_of_real_titles_are_found_in_every_spelling(
    any_engine: Engine, data_dir: Path
) -> None:
    chance = Random(18)
    path = sorted((data_dir / "arxiv_2025").glob("*.gz"))[0]
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in islice(file, 300)]
    unique = {row["id"]: row for row in rows}.values()
    shown = [Paper(row["id"], row["title"], abstract=row["summary"]) for row in unique]
    hyphenated = sorted({w for p in shown for w in tokens(p.title) if "-" in w})

    def title_words() -> str:
        words = tokens(chance.choice(shown).title)
        at = chance.randrange(len(words))
        return " ".join(words[at : at + chance.randint(1, 4)])

    asked = [chance.choice(hyphenated) for _ in range(40)] + [title_words() for _ in range(40)]
    queries = [
        form.format(words.replace("-", chance.choice(("-", "", " "))))
        for words in asked
        for form in ("{0}", '"{0}"')
    ]
    oracle(any_engine, shown, [query for query in queries if _is_query(query)])


def _is_query(text: str) -> bool:
    try:
        parse(text)
    except QueryError:
        return False
    return True


def test_one_character_of_chinese_is_found_within_a_word(any_engine: Engine) -> None:
    shown = [Paper("a", "再生医療の研究"), Paper("b", "医学"), Paper("c", "Graphs")]
    oracle(any_engine, shown, ["医", "再", "究", "再生", "医療", "生"])


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
        shares = paper_search.shares_of_terms(connection)
        assert paper_search.find_alike(connection, kept[0], shares)[0] == kept[1].key


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
