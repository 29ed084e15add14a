"""Acronyms: found where abstracts introduce them, and read as their long forms, and back."""

import pytest

from newsletter.matching.acronyms import Acronyms, introduced
from newsletter.matching.index import Index
from newsletter.matching.query import parse
from newsletter.models import Paper

KNOWN = Acronyms(
    {
        "llm": {"large language models": 9000, "low level modules": 12},
        "mpc": {"model predictive control": 40, "multi party computation": 30},
        "rlhf": {"reinforcement learning from human feedback": 80},
    }
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("We train large language models (LLMs).", {"llm": "large language models"}),
        ("Self-supervised learning (SSL) helps.", {"ssl": "self supervised learning"}),
        ("with messenger RNA (mRNA) and", {"mrna": "messenger rna"}),
        ("a Monte Carlo tree search (MCTS)", {"mcts": "monte carlo tree search"}),
        ("It ends. The graph (see ABC) is large (GPU).", {}),
        ("two letters (AI) artificial intelligence (AI)", {}),
        ("as we say (NOT) or (etc) or (2024)", {}),
        ("multi-modal LLM models (LLM)", {}),
        ("(LLM) at the beginning", {}),
    ],
)
def test_an_abstract_introduces_acronyms(text: str, found: dict[str, str]) -> None:
    assert {one.short: one.long for one in introduced(text)} == found


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("LLMs", 'llm OR "large language models"'),
        ("llm safety", '(llm safety) OR ("large language models" safety)'),
        ("large language model safety", "(large language model safety) OR (llm safety)"),
        ('"large language model" -survey', '("large language model" -survey) OR (llm -survey)'),
        ("ti:llm", 'ti:llm OR ti:"large language models"'),
        (
            "(llm OR graphs) cat:cs.CL",
            '((graphs OR llm) cat:cs.CL) OR ((graphs OR llm OR "large language models") cat:cs.CL)',
        ),
        ("mpc", 'mpc OR "model predictive control" OR "multi party computation"'),
        ("multi-party computation", "multi-party computation"),  # mpc may mean another thing
        ("au:llm", "au:llm"),
        ("graphs", "graphs"),
    ],
)
def test_a_query_is_read_with_acronyms_and_long_forms(query: str, read: str) -> None:
    assert str(KNOWN.expand(parse(query))) == read


def test_papers_of_both_writings_are_found_and_none_is_lost() -> None:
    papers = [
        Paper("p1", "Safety of LLMs", 1),
        Paper("p2", "Safety of large language models", 2),
        Paper("p3", "Safety of bridges", 3),
        Paper("p4", "RLHF for robots", 4),
    ]
    plain, reading = Index(papers), Index(papers, acronyms=KNOWN)
    assert [m.paper for m in plain.match({1: "LLM safety"}, papers)[1]] == [1]
    assert {m.paper for m in reading.match({1: "LLM safety"}, papers)[1]} == {1, 2}
    assert {m.paper for m in reading.search('"large language models"')} == {1, 2}
    assert {m.paper for m in reading.weigh("reinforcement learning from human feedback")} == {4}
    (first,) = (m for m in reading.weigh("LLM safety") if m.paper == 2)
    assert set(first.words) == {"large language models", "safety"}


def test_an_index_of_other_papers_reads_acronyms_too() -> None:
    papers = [Paper("p1", "Large language models", 1), Paper("p2", "Graphs", 2)]
    assert [m.paper for m in Index(acronyms=KNOWN).match({7: "llm"}, papers)[7]] == [1]
