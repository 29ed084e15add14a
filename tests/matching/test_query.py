"""The topic language: queries that mean the same print the same, and every mistake is shown with
its place.
"""

import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.errors import QueryError
from newsletter.matching.query import MAX_LENGTH, _bare_words, _Parser, parse
from newsletter.matching.query_tokens import MAX_DEPTH, read_tokens

WORDS = st.sampled_from(
    [
        "protein",
        "folding",
        "the",
        "auto-regressive",
        "LLM",
        "café",
        "2d",
        "c++",
        '"of mice and men"',
        '"deep-learning"',
        "ti:graph",
        "abs:wave",
        'au:"marie curie"',
        "au:or",
        "cat:cs.CL",
        "cat:q-bio.*",
        "cat:math",
    ]
)


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
        ("x y OR z", "(x y) OR z"),  # OR binds weakest
        ("x or (y or z) OR x", "x OR y OR z"),
        ("x (y (z -w))", "x y z -w"),
        ("x -(v OR u)", "x -u -v"),
        ("x -(v u)", "x -(v u)"),
        ('x -"a  b" -cat:cs.cv -au:Smith', 'x -"a b" -au:smith -cat:cs.CV'),
        ("ti:(graph OR net)", "ti:graph OR ti:net"),
        ("abs:(small wave)", "abs:small abs:wave"),
        ("TI:Graph", "ti:graph"),
        ('au:"Marie  Curie" radium', 'radium au:"marie curie"'),
        ("au:the", "au:the"),  # a name, not a common word
        ('cat:"cs.CL"', "cat:cs.CL"),
        ("cat:(math OR cs.lg)", "cat:cs.LG OR cat:math"),
        ("cat:cond-mat.MTRL-SCI", "cat:cond-mat.mtrl-sci"),
        ('cat:"biorxiv.Evolutionary Biology"', "cat:biorxiv.evolutionary-biology"),
        ("graph the the", "graph the"),
        ("graphs that do not split", "graphs that do not split"),
        ('"the who"', '"the who"'),
        ('x "OR" y', 'x "or" y'),
        ("C++, graphs; e.g. trees!", 'c++ graphs "e g" trees'),
        ("C# or F#", "c# OR f#"),
        ("LLMs", "llm"),
        ("LLMs, agents;RAG", "llm agents rag"),  # a comma is a space
        ("1,000 genomes", '"1 000" genomes'),
        ("graph|net", "graph OR net"),
        ("graph net || tree", "(graph net) OR tree"),
        ("graph |", "graph"),
        ("agents that plan or act", "agents that plan act"),  # a sentence's "or"
        ("graph and trees", "graph trees"),
        ("(agents that plan) or act", "act OR (agents that plan)"),
        ("graph or", "graph"),
        (
            "Fantastic Biases and How to Find (and Remove) Them",
            "fantastic biases how to find remove them",
        ),
        ("My Answer Is NOT 'Fair' in Models", "answer fair models"),
        (
            "ECMNet:Lightweight Segmentation with CNN-Mamba Nets",
            "ecmnet lightweight segmentation cnn-mamba nets",
        ),
        ("OR! graph", '"or" graph'),  # operators stand alone: this is a word
        ("graph AND🙂 tree", 'graph "and" tree'),
        ("Review: a study", "review a study"),  # a colon and a space are a sentence's
        ("IFN (+) cells", "ifn cells"),
        ("well–known auto‑regressive", '"well known" auto-regressive'),
        ("graph\tneural\nnet", "graph neural net"),
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
        ("graph NOT survey", 7, "minus sign"),
        ("graph ti:", 7, "nothing follows"),
        ("cat:???", 5, "not a category"),
        ("graph\x00net", 6, "U+0000"),
        ("graph \u202enet", 7, "U+202E"),
        ("x" * 10_000, MAX_LENGTH + 1, "10,000 characters"),
        ("(" * 30 + "a" + ")" * 30, MAX_DEPTH + 1, "inside each other"),
        ('graph net"', 10, "never closed"),
        ("((graph) net", 1, "never closed"),
        (")graph", 1, "never opened"),
        ("graph catt:cs.CL", 7, "did you mean 'cat:'"),
        ("graph abstract:net", 7, "did you mean 'abs:'"),
        ("graph https://example.org", 7, "there is no field"),
        ("-graph -net", 1, "only excludes"),
        ("graph (-net)", 8, "only excludes"),
        ("graph -the", 8, "excludes every paper"),
        ("the of which", 1, "matches every paper"),
        ("graph OR the", 10, "matches every paper"),
        ("ti:the", 1, "matches every paper"),
        ("   ", 1, "nothing to search for"),
        ("*", 1, "nothing to search for"),
        ("()", 1, "nothing to search for"),
        ("graph OR ()", 10, "nothing to search for"),
        ('graph "…"', 7, "no letter or digit"),
        ("OR graph", 1, "both sides"),
        ("graph OR OR net", 7, "both sides"),
        ("(graph OR) net", 8, "both sides"),
        ("graph AND", 7, "both sides"),
        ("graph ti: net", 7, "nothing follows"),
        ("graph ti:-net", 7, "nothing follows"),
        ("ti:(graph abs:net)", 11, "a field inside ti:"),
        ("graph cat:cs.CL.", 11, "not a category"),
        ("graph cat:*", 11, "not a category"),
        ("graph\x1b[31m", 6, "U+001B"),
        ("graph\u200bnet", 6, "U+200B"),
        ("word " * 2_000, MAX_LENGTH + 1, "10,000 characters"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, position: int, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.position == position
    assert says in str(caught.value)


def test_a_query_of_the_longest_length_is_read() -> None:
    assert parse("x" * MAX_LENGTH)


def test_every_mistake_says_what_to_do_or_where_it_began() -> None:
    for text in (
        "",
        "the",
        "-graph",
        "graph OR",
        "graph ti:",
        "cat:???",
        "zzzz:curie",
        "x" * (MAX_LENGTH + 1),
        '"a',
    ):
        with pytest.raises(QueryError) as caught:
            parse(text)
        assert caught.value.hint, text
        assert caught.value.exit_code == 2


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_alternatives_and_of_exclusions_does_not_matter(
    parts: list[str], chance: Random
) -> None:
    parts = [part for part in parts if part != "the"] or ["graph"]
    shuffled = chance.sample(parts, len(parts))
    assert parse(" OR ".join(parts)) == parse(" OR ".join(shuffled))
    excluded, mixed = (" ".join(f"-{part}" for part in order) for order in (parts, shuffled))
    assert parse(f"quantum {excluded}") == parse(f"quantum {mixed}")


DOCUMENTED = (Path(__file__).parents[2] / "docs" / "topics.md").read_text("utf-8")


def test_what_the_page_about_the_language_shows_can_be_written() -> None:
    shown = re.findall(r"^\| `([^`]+)` \|", DOCUMENTED, re.MULTILINE)
    assert len(shown) >= 10
    for text in shown:
        parse(text)


MISTAKES = re.findall(r"\| `([^`]+)` \| (\d+) \|$", DOCUMENTED, re.MULTILINE)


@pytest.mark.parametrize(("text", "place"), MISTAKES)
def test_mistakes_are_where_the_page_says(text: str, place: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.position == int(place)


@given(
    st.lists(
        st.sampled_from(["protein", "folding", "the", "of", "2d", "or", "and", "x", "a"]),
        min_size=1,
        max_size=5,
    )
)
def test_bare_words_are_read_as_the_grammar_reads_them(words: list[str]) -> None:
    text = " ".join(words)
    if (node := _bare_words(text)) is not None:
        assert node == _Parser(read_tokens(text)).query()
