"""The topic language: what is the same prints the same, and every mistake is told with its place."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.errors import QueryError
from newsletter.matching.query import MAX_DEPTH, MAX_LENGTH, parse

WORDS = st.sampled_from(
    ["protein", "folding", "the", "auto-regressive", "LLM", "café", "2d", "c++", '"of mice and men"', '"deep-learning"',
     "ti:graph", "abs:wave", 'au:"marie curie"', "au:or", "cat:cs.CL", "cat:q-bio.*", "cat:math"]
)  # fmt: skip


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(inner, min_size=1, max_size=4)
    return st.one_of(
        some.map(" ".join),
        some.map(lambda parts: f"({' OR '.join(parts)})"),
        some.map(lambda parts: f"({' AND '.join(parts)})"),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]} -{pair[1]}"),
        inner.map(lambda part: f"quantum -({part})"),
        inner.map(lambda part: f"ti:({part})"),
    )


QUERIES = st.recursive(WORDS, _joined, max_leaves=12)


@settings(max_examples=400, deadline=None)
@given(st.one_of(QUERIES, st.text(max_size=60), st.text(alphabet='ab-:()" .*ORtic', max_size=40)))
@example("a-b OR (x -y) -(u OR v) -ti:z")
def test_what_is_printed_reads_as_the_same_and_prints_no_differently(text: str) -> None:
    try:
        query = parse(text)
    except QueryError as e:
        assert e.position is not None
        assert 1 <= e.position <= len(text) + 1
        return
    assert parse(str(query)) == query
    assert str(parse(str(query))) == str(query)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("  Protein   FOLDING ", "protein folding"),
        ("v or u", "u OR v"),
        ("u AND v", "u v"),
        ("cat:CS.cl graph", "graph cat:cs.CL"),
        ("graph cat:Q-BIO.*", "graph cat:q-bio.*"),
        ("x -v -u", "x -u -v"),
        ("“exact phrase”", '"exact phrase"'),
        ("(u v) OR x", "(u v) OR x"),
        ("x (v OR u)", "x (u OR v)"),
    ],
)
def test_what_means_the_same_prints_the_same(text: str, canonical: str) -> None:
    assert str(parse(text)) == str(parse(canonical)) == canonical


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ('graph "neural net', 7, "never closed"),
        ("graph (neural net", 7, "never closed"),
        ("graph neural) net", 13, "never opened"),
        ("graph title:net", 7, "did you mean 'ti:'"),
        ("autor:curie", 1, "did you mean 'au:'"),
        ("zzzz:curie", 1, "there is no field"),
        ("-graph", 1, "only excludes"),
        ("x OR -graph", 6, "only excludes"),
        ("the", 1, "matches every paper"),
        ("", 1, "nothing to search for"),
        ("graph OR", 7, "both sides"),
        ("graph ti:", 7, "nothing follows"),
        ("cat:???", 5, "not a category"),
        ("graph\x00net", 6, "U+0000"),
        ("graph \u202enet", 7, "U+202E"),
        ("x" * 10_000, MAX_LENGTH + 1, "10,000 characters"),
        ("(" * 30 + "a" + ")" * 30, MAX_DEPTH + 1, "inside each other"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, position: int, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.position == position
    assert says in str(caught.value)
