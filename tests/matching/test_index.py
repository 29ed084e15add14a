"""What queries find, in which order, and where the cut is."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import QueryError
from newsletter.matching.index import Index
from newsletter.models import MATCH_CUT, Match, Paper, Topic
from newsletter.steps.match import match


def paper(
    key: int,
    title: str,
    abstract: str = "",
    fields: tuple[str, ...] = (),
    authors: tuple[str, ...] = (),
) -> Paper:
    return Paper(
        f"p{key}", title, key, abstract, authors, fields, published=datetime(2026, 1, 1, tzinfo=UTC)
    )


PAPERS = [
    paper(
        1,
        "Auto-regressive language models",
        "We study decoding.",
        ("cs.CL",),
        ("José María Núñez",),
    ),
    paper(2, "Autoregressive models of language", "A survey.", ("cs.LG", "cs.CL")),
    paper(3, "Auto regressive language models at scale", "More data.", ("stat.ML",)),
    paper(
        4,
        "Superconductivity in thin films",
        "The critical temperature rises.",
        ("cond-mat.supr-con",),
    ),
    paper(
        5,
        "Protein folding with diffusion",
        "Folding of protein chains, wavelets apart.",
        ("q-bio.BM",),
    ),
    paper(
        6,
        "Graphs of proteins",
        "A note that mentions folding once, in a list of other matters.",
        ("q-bio.MN",),
    ),
]


def found(query: str) -> list[int]:
    return [match.paper for match in Index(PAPERS).search(query)]


@pytest.mark.parametrize(
    "spelling", ["auto-regressive", "autoregressive", '"auto regressive"', '"Auto-Regressive"']
)
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


# -- what finds what -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Proteins were folded", "protein folding"),
        ("Folding a protein", "proteins FOLDED"),
        ("On Hölder and Erdős", "holder erdos"),
        ("On Holder and Erdos", "Hölder Erdős"),
        ("Roads of İstanbul", "istanbul"),
        ("A q\u0303uantum thing", "quantum"),  # an accent that stands alone
        (r"Schr{\"o}dinger and Mart\'{\i}n", "schrödinger martín"),
        (r"The $\mathcal{O}(n \log n)$ bound of \textbf{sorting}", "sorting bound"),
        (r"$L_p$ norms", "l p norms"),
        ("ﬁne tuning", "fine tuning"),
        ("Alzheimer’s disease", "alzheimer disease"),
        ("COVID‑19 and COVID-19", "covid-19"),
        ("Work on the state of the art", '"state of the art"'),
        ("Work on the state-of-the-art", '"state of the art"'),
        ("語言モデル", "語言モデル"),
    ],
)
def test_a_word_is_found_however_it_is_spelled(text: str, query: str) -> None:
    for one in (paper(1, text), paper(1, "Title", text)):
        assert [
            match.paper for match in Index([one, paper(2, "Something else")]).search(query)
        ] == [1]


HYPHENS = [
    paper(1, "Masked auto-regressive image models"),
    paper(2, "Masked autoregressive image models"),
    paper(3, "Masked auto regressive image models"),
    paper(4, "Masked image models: regressive, not auto"),
]


@pytest.mark.parametrize("word", ["auto-regressive", "autoregressive", "auto regressive"])
@pytest.mark.parametrize("around", ["{}", "masked {}", "{} image", "masked {} image models"])
def test_a_hyphen_changes_nothing_within_a_phrase(word: str, around: str) -> None:
    matches = Index(HYPHENS).search(f'"{around.format(word)}"')
    assert {match.paper for match in matches} == {1, 2, 3}


def test_a_phrase_does_not_reach_from_one_part_or_paper_into_the_next() -> None:
    papers = [
        paper(1, "Deep neural", "networks of pipes"),
        paper(2, "neural"),
        paper(3, "networks"),
    ]
    assert Index(papers).search('"neural networks"') == []
    assert {match.paper for match in Index(papers).search("neural networks")} == {1, 2, 3}


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("cat:cs", {1, 2}),
        ("cat:c*", {1, 2, 4}),
        ("cat:cs.C*", {1, 2}),
        ("cat:stat.ml", {3}),
        ("cat:con", set()),  # an archive's name is whole
        ("language -cat:cs.*", {3}),
        ("cat:cs.* OR cat:q-bio.MN", {1, 2, 6}),
        ("ti:auto abs:decoding", {1}),
        ("ti:decoding", set()),
        ('ti:"language models"', {1, 3}),
        ('abs:"language models"', set()),
        ('au:"josé maría núñez"', {1}),
        ("au:jose -cat:cs.CL", set()),
        ("au:n language", {1}),
        ("language -survey -data", {1}),
        ("language -(survey OR data)", {1}),
        ("language -(survey models)", {1, 3}),
        ("(superconductivity OR diffusion) -protein", {4}),
        ("the protein of folding", {5, 6}),
    ],
)
def test_fields_wildcards_and_exclusions(query: str, keys: set[int]) -> None:
    every = {match.paper for match in Index().match({1: query}, PAPERS)[1]}
    assert every <= keys  # the cut may keep some out
    assert {match.paper for match in Index(PAPERS).search(query)} >= keys
    if not keys or "protein" not in query:
        assert {match.paper for match in Index(PAPERS).search(query, limit=len(keys))} == keys


def test_what_is_excluded_stays_out_even_if_only_some_words_are_found() -> None:
    assert found("protein folding markets -diffusion") == [6]
    assert found("language decoding markets cat:cs.LG") == [2]
    assert found("language decoding markets au:nunez") == [1]


# -- order and scores ------------------------------------------------------------------------------


def test_all_words_come_before_much_of_some_words() -> None:
    aside = "Other matters entirely, at length, of no concern. " * 20
    papers = [
        paper(1, "Zebrafish zebrafish zebrafish", "Zebrafish zebrafish embryos " * 10),
        paper(2, "Markets", f"{aside} zebrafish {aside} optics"),
        *(paper(key, "Optics", "optics") for key in range(3, 30)),
    ]
    matches = Index(papers).search("zebrafish optics")
    assert [match.paper for match in matches[:2]] == [2, 1]
    assert [match.score for match in matches] == sorted(
        (match.score for match in matches), reverse=True
    )


def test_words_side_by_side_and_in_the_title_come_first() -> None:
    papers = [
        paper(1, "A study", "Graph of the network"),
        paper(2, "A study", "The graph network here"),
        paper(3, "Graph network", "A study of some."),
        *(paper(key, "Nothing", "to see of this") for key in range(4, 9)),
    ]
    assert [match.paper for match in Index(papers).search("graph network")] == [3, 2, 1]


def test_a_primary_category_comes_before_a_cross_listing() -> None:
    assert found("cat:cs.CL") == [1, 2]


def test_equal_papers_come_in_the_order_of_their_numbers() -> None:
    papers = [paper(key, "Same title") for key in (5, 3, 9, 1)]
    assert [match.paper for match in Index(papers).search("title")] == [1, 3, 5, 9]


def test_the_words_that_were_found_are_told() -> None:
    first, *_ = Index(PAPERS).search("(diffusion OR wavelets OR markets) protein cat:q-bio.*")
    assert first.paper == 5
    assert set(first.words) == {"diffusion", "wavelets", "protein"}


def test_more_than_sixty_alternatives_all_count() -> None:
    words = [f"word{number:03}" for number in range(90)]
    papers = [paper(number + 1, word) for number, word in enumerate(words)]
    query = " OR ".join(words)
    matches = Index().match({1: query}, papers)[1]
    assert {match.paper for match in matches} == {one.key for one in papers}
    assert len({match.score for match in matches}) == 1


def test_a_scarce_match_passes_the_cut_where_a_common_one_does_not() -> None:
    other = "some quite other matter " * 25
    passing = f"folding {other}"
    rest = [paper(key, "Other", other) for key in range(10, 400)]
    scarce = Index().match({1: "folding"}, [paper(1, "Markets", passing), *rest])[1]
    common = [paper(key, "Folding", f"{passing} folding") for key in range(400, 900)]
    broad = Index().match({1: "folding"}, [paper(1, "Markets", passing), *rest, *common])[1]
    assert [match.paper for match in scarce] == [1]
    assert 1 not in {match.paper for match in broad}


# -- laws ------------------------------------------------------------------------------------------

VOCABULARY = [
    "protein",
    "folding",
    "auto-regressive",
    "autoregressive",
    "auto",
    "regressive",
    "un-ionized",
    "union-ized",
    "unionized",
    "the",
    "graph",
    "Núñez",
]
TEXTS = st.lists(st.sampled_from(VOCABULARY), max_size=12).map(" ".join)
SETS = st.lists(
    st.tuples(TEXTS, TEXTS, st.sampled_from([("cs.CL",), ("math.CO", "cs.CL"), ()])),
    min_size=1,
    max_size=12,
)
ASKED = [
    "protein",
    "auto-regressive",
    "autoregressive graph",
    '"auto regressive"',
    "unionized",
    "cat:cs.CL graph",
    "protein folding -graph",
    "ti:graph OR abs:folding",
    "(auto OR un-ionized) protein",
    "au:nunez",
]


@settings(max_examples=60, deadline=None)
@given(SETS, st.randoms(use_true_random=False))
def test_the_order_of_papers_changes_nothing(
    texts: list[tuple[str, str, tuple[str, ...]]], chance: Random
) -> None:
    papers = [
        paper(key, *text, ("Ana Núñez",) if key % 2 else ()) for key, text in enumerate(texts, 1)
    ]
    shuffled = chance.sample(papers, len(papers))
    one, two = Index(papers), Index(shuffled)
    queries = dict(enumerate(ASKED))
    assert one.match(queries, papers) == two.match(queries, shuffled)
    for query in ASKED:
        assert one.search(query) == two.search(query)


@settings(max_examples=60, deadline=None)
@given(SETS)
def test_scores_lie_in_the_unit_interval_and_fall(
    texts: list[tuple[str, str, tuple[str, ...]]],
) -> None:
    papers = [paper(key, *text) for key, text in enumerate(texts, 1)]
    index = Index(papers)
    for query in ASKED:
        scores = [match.score for match in index.search(query, 100)]
        assert all(0 < score <= 1 for score in scores)
        assert scores == sorted(scores, reverse=True)
        matched = index.match({1: query}, papers)[1]
        assert all(MATCH_CUT <= match.score <= 1 for match in matched)
        assert {match.paper for match in matched} <= {
            match.paper for match in index.search(query, 100)
        }


def test_a_query_is_matched_once_however_many_topics_have_it() -> None:
    class Counting(Index):
        asked: ClassVar[list[str]] = []

        def match(
            self, queries: Mapping[int, str], papers: Sequence[Paper]
        ) -> dict[int, list[Match]]:
            self.asked.extend(queries.values())
            return super().match(queries, papers)

    topics = [
        Topic(id, f"t{id}", "T", "protein" if id % 2 else "cat:cs.CL") for id in range(1, 101)
    ]
    matches = match(topics, PAPERS, Counting())
    assert sorted(Counting.asked) == ["cat:cs.CL", "protein"]
    assert set(matches) == set(range(1, 101))
    assert matches[1] == matches[99] != matches[2]


def test_similar_papers_share_what_tells_them_apart() -> None:
    texts = [
        ("Grid cells keep time", "Grid cells of mice fire in time."),
        ("Timing in grid cells", "Cells of mice keep time."),
        ("Robots fold laundry", "A robot arm folds laundry."),
        ("Folding laundry by robot", "Two robot arms fold shirts."),
    ]
    papers = [
        Paper(f"p{key}", title, key, abstract) for key, (title, abstract) in enumerate(texts, 1)
    ]
    index = Index(papers)
    assert [match.paper for match in index.similar(1)] == [2]
    assert [match.paper for match in index.similar(4)] == [3]
    assert index.similar(99) == [] and Index().similar(1) == []
    assert Index([Paper("p", "", 1)]).similar(1) == []


def test_of_a_choice_of_papers_the_shares_of_all_papers_count() -> None:
    """Every candidate holds "spindles": among them it tells nothing, in all papers it is rare."""
    asked = Paper("p1", "Spindles of sleep", 1, "We record spindles while cells rest.")
    near = Paper("p2", "More spindles", 2, "Spindles in the night.")
    far = Paper("p3", "Cells that rest", 3, "We record cells while they rest, and spindles.")
    other = Paper("p4", "Spindles of wool", 4, "Wool and spindles.")
    index = Index([asked, near, far, other])
    shares = {"spindl": 0.001, "record": 0.6, "cell": 0.5, "rest": 0.5, "while": 0.6}
    assert index.similar(1)[0].paper == 3
    assert index.similar(1, shares=shares)[0].paper != 3


def searched(text: str, query: str) -> bool:
    return bool(Index([Paper("p", text, 1), Paper("q", "Tides", 2)]).search(query))


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("LLMs reason", "LLM"),
        ("An LLM reasons", "llms"),
        ("mRNAs and GPUs", "mrna gpu"),
        ("mRNA on a GPU", "mrnas gpus"),
        ("Modern C++ templates", "C++"),
        ("C# and C++20", "c# c++"),
        ("大模型推理综述", "推理"),
        ("大模型推理综述", "大模型"),
        ("肝癌の研究", "癌"),
        ("言語モデルのプロンプト", "モデル"),
        ("대규모 언어모델을 평가한다", "언어모델"),
        ("GPT模型的评测", "模型"),
        ("نموذج لغوي كبير", "لغوي"),
        ("مُعَلِّم اللغة", "معلم"),
        ("معلم اللغة", "مُعَلِّم"),
        ("می\u200cخواهم بدانم", "می\u200cخواهم"),
        ("می\u200cخواهم بدانم", "میخواهم"),
        ("יצירת מודל שפה", "מודל"),
        ("שָׁלוֹם עולם", "שלום"),
        ("भाषा मॉडल का मूल्यांकन", "मॉडल"),
        ("แบบจำลองภาษาขนาดใหญ่", "ภาษา"),
        ("ແບບຈຳລອງພາສາ", "ພາສາ"),
        ("ﾓﾃﾞﾙの評価", "モデル"),
        ("Mô hình ngôn ngữ", "mo hinh"),
    ],
)
def test_a_word_is_found_in_the_forms_that_people_write(text: str, query: str) -> None:
    assert searched(text, query)


@pytest.mark.parametrize(
    ("text", "query"),
    [("Vitamin C", "C++"), ("C++", "C#"), ("Style sheets (CSS)", "cs"), ("大模型推理", "模推")],
)
def test_what_is_another_word_is_not_found(text: str, query: str) -> None:
    assert not searched(text, query)


FAR = "robot " + "and some other matter of no importance here " * 3 + "gripper"


def matched(query: str, *texts: tuple[str, str]) -> list[int]:
    papers = [Paper(f"p{n}", title, n, abstract) for n, (title, abstract) in enumerate(texts, 1)]
    papers += [Paper(f"q{n}", f"Tides {n}", 100 + n, "of shallow lakes " * 9) for n in range(60)]
    return sorted(match.paper for match in Index().match({1: query}, papers)[1])


def test_words_far_apart_in_an_abstract_are_no_match() -> None:
    near, far = ("A note", "a robot with a soft gripper"), ("A note", FAR)
    titled = ("A robot", FAR.removeprefix("robot"))
    assert matched("robot gripper", near, far, titled) == [1, 3]
    assert matched('"soft gripper" OR (robot gripper)', near, far) == [1]
    assert matched("robot (gripper OR claw)", near, far) == [1]


def test_of_three_words_a_common_one_may_be_missing() -> None:
    texts = [
        ("Federated learning with privacy", ""),
        ("Federated privacy", ""),
        ("Learning with privacy", ""),
        ("Federated learning", ""),
        ("Learning by heart", ""),
        ("Learning in school", ""),
    ]
    assert matched("federated learning privacy", *texts) == [1, 2]
    assert matched('"federated learning" privacy', *texts) == [1]


def test_a_paper_is_told_only_the_words_that_it_holds() -> None:
    papers = [
        Paper("p", "Federated privacy", 1),
        *(Paper(f"q{n}", f"Learning {n}", 10 + n) for n in range(50)),
    ]
    (found,) = Index().match({1: "federated learning privacy"}, papers)[1]
    assert found.words == ("federated", "privacy")


def test_search_still_finds_words_far_apart() -> None:
    papers = [Paper("p", "A note", 1, FAR), Paper("q", "Tides", 2)]
    assert [match.paper for match in Index(papers).search("robot gripper")] == [1]
