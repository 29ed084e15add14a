"""Acronyms in the database: ten papers must introduce one, and a paper's own change with it."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Engine

from newsletter import site_queries
from newsletter.matching.query import parse
from newsletter.models import Merge, Paper
from newsletter.store import acronyms, papers
from newsletter.store.db import reading, writing

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)


def remember(engine: Engine, shown: list[Paper]) -> list[Paper]:
    with writing(engine) as connection:
        merges = [Merge(replace(p, first_seen=NOW), (), is_changed=bool(p.key)) for p in shown]
        return papers.remember(connection, merges, NOW)


def introducing(number: int) -> list[Paper]:
    text = "We study large language model{} (LLMs) here."
    return [
        Paper(f"p{n}", f"Paper {n}", abstract=text.format("s" if n % 2 else ""))
        for n in range(number)
    ]


def test_ten_papers_make_an_acronym(any_engine: Engine) -> None:
    remember(any_engine, introducing(9))
    with reading(any_engine) as connection:
        assert not acronyms.every(connection).known
    remember(any_engine, [replace(one, id=f"more{one.id}") for one in introducing(2)])
    with reading(any_engine) as connection:
        assert acronyms.every(connection).known == {"llm": {"large language model": 11}}
        query = parse("LLMs for law")
        assert acronyms.of_query(connection, query).known.keys() == {"llm"}
        query = parse('"large language models" OR graphs')
        assert acronyms.of_query(connection, query).known.keys() == {"llm"}
        assert not acronyms.of_query(connection, parse("graphs")).known


def test_a_changed_paper_introduces_what_it_says_now(any_engine: Engine) -> None:
    kept = remember(any_engine, introducing(10))
    remember(any_engine, [replace(kept[0], abstract="Nothing.")])
    with reading(any_engine) as connection:
        assert not acronyms.every(connection).known


def test_an_ordinary_word_is_no_acronym(any_engine: Engine) -> None:
    text = "mean average precision (MAP) counts"
    many = [Paper(f"m{n}", "Roads", abstract="We draw a map of roads.") for n in range(250)]
    remember(any_engine, [Paper(f"p{n}", "x", abstract=text) for n in range(10)])
    with reading(any_engine) as connection:
        assert acronyms.every(connection).known.keys() == {"map"}
    remember(any_engine, many)
    with reading(any_engine) as connection:
        assert not acronyms.every(connection).known
        assert not acronyms.of_query(connection, parse("map")).known


def test_a_search_finds_both_writings(any_engine: Engine) -> None:
    remember(any_engine, introducing(10))
    remember(any_engine, [Paper("a", "LLMs and law"), Paper("b", "Large-language models and law")])
    for query in ("LLM law", "large language models law", '"large language models" law'):
        assert {p.id for p, _ in site_queries.search(any_engine, query, 2)} == {"a", "b"}, query
