"""What queries find, in which order, and where the cut lies."""

from datetime import UTC, datetime

import pytest

from newsletter.errors import QueryError
from newsletter.matching.index import Index
from newsletter.models import MATCH_CUT, Paper


def paper(
    key: int, title: str, abstract: str = "", fields: tuple[str, ...] = (), authors: tuple[str, ...] = ()
) -> Paper:
    return Paper(f"p{key}", title, key, abstract, authors, fields, published=datetime(2026, 1, 1, tzinfo=UTC))


PAPERS = [
    paper(1, "Auto-regressive language models", "We study decoding.", ("cs.CL",), ("José María Núñez",)),
    paper(2, "Autoregressive models of language", "A survey.", ("cs.LG", "cs.CL")),
    paper(3, "Auto regressive language models at scale", "More data.", ("stat.ML",)),
    paper(4, "Superconductivity in thin films", "The critical temperature rises.", ("cond-mat.supr-con",)),
    paper(5, "Protein folding with diffusion", "Folding of protein chains, wavelets apart.", ("q-bio.BM",)),
    paper(6, "Graphs of proteins", "A note that mentions folding once, in a list of other matters.", ("q-bio.MN",)),
]


def found(query: str) -> list[int]:
    return [match.paper for match in Index(PAPERS).search(query)]


@pytest.mark.parametrize("spelling", ["auto-regressive", "autoregressive", '"auto regressive"', '"Auto-Regressive"'])
def test_a_hyphen_changes_nothing(spelling: str) -> None:
    assert set(found(spelling)) == {1, 2, 3}


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("cat:cs.CL", {1, 2}),
        ("cat:cs.*", {1, 2}),
        ("cat:q-bio.*", {5, 6}),
        ("cat:cond-mat", {4}),
        ("au:nunez", {1}),
        ('au:"j nunez"', {1}),
        ("ti:folding", {5}),
        ("abs:temperature", {4}),
        ("cat:q-bio.* -diffusion", {6}),
        ("superconductivity OR ti:graphs", {4, 6}),
        ('"folding of protein"', {5}),
        ("nothinglikethis", set()),
    ],
)
def test_each_part_of_the_language_finds_what_it_says(query: str, keys: set[int]) -> None:
    assert set(found(query)) == keys


def test_all_words_come_before_some_words() -> None:
    assert found("protein folding diffusion")[:2] == [5, 6]


def test_a_topic_needs_all_its_words_and_the_cut() -> None:
    index = Index(PAPERS)
    matches = index.match({7: "protein diffusion", 8: "diffusion superconductivity"}, PAPERS)
    assert [match.paper for match in matches[7]] == [5]
    assert matches[8] == []
    assert all(MATCH_CUT <= match.score <= 1 for match in matches[7])


def test_a_mention_in_passing_is_below_the_cut_of_a_broad_topic() -> None:
    many = [paper(key, "Folding", "folding folding") for key in range(1, 60)]
    passing = paper(99, "Markets", "folding " + "some quite other matter " * 40)
    papers = [*many, passing]
    keys = {match.paper for match in Index().match({1: "folding"}, papers)[1]}
    assert 99 not in keys
    assert len(keys) == len(many)


def test_a_topic_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(QueryError):
        Index().match({1: "(graph"}, PAPERS)


def test_no_papers_is_no_matches() -> None:
    assert Index().match({1: "graph"}, []) == {1: []}
    assert Index().search("graph") == []


def test_search_on_one_word_keeps_to_papers_that_hold_it() -> None:
    assert found("superconductivity") == [4]
