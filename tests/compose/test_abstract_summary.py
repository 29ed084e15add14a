"""The two lines under a title: whole sentences of the abstract, what was done and what came out."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.summary_quality import both
from newsletter.steps.compose.abstract_summary import SUMMARY_CHARACTERS, summarize
from newsletter.steps.compose.prose import sentences

ABSTRACT = (
    "We present a buoy that measures the tides of shallow lakes every second. Tides are small. "
    "However, they remain difficult to measure. It floats and is made of cork. "
    "Experiments in three lakes show that our buoy reduces the error by 40 %. "
    "The code is available at https://example.org."
)


def test_a_summary_tells_what_was_done_and_what_came_out() -> None:
    assert summarize(ABSTRACT) == (
        "We present a buoy that measures the tides of shallow lakes every second. "
        "Experiments in three lakes show that our buoy reduces the error by 40 %."
    )


def test_one_sentence_is_enough_where_two_are_too_long() -> None:
    assert summarize(ABSTRACT, 80) in sentences(ABSTRACT)


def test_an_abstract_of_one_endless_sentence_is_cut_at_a_word() -> None:
    found = summarize("word " * 400)
    assert found.endswith("word…") and len(found) <= 480
    assert summarize("") == ""


def test_a_language_without_cues_gets_whole_sentences() -> None:
    text = "Wir messen Gezeiten. Das ist schwer. Es gelang uns im Sommer."
    assert all(sentence in sentences(text) for sentence in sentences(summarize(text)))


@given(st.lists(st.sampled_from([*sentences(ABSTRACT), "Word " * 90 + "end."]), max_size=8))
def test_nothing_is_said_that_the_abstract_does_not_say(parts: list[str]) -> None:
    text = " ".join(parts)
    found = summarize(text)
    if not found.endswith("…"):
        assert len(found) <= SUMMARY_CHARACTERS
        assert all(sentence in sentences(text) for sentence in sentences(found))


def test_a_third_of_abstracts_tell_both(data_dir: Path) -> None:
    path = data_dir / "abstract_highlights.jsonl"
    if not path.exists():
        pytest.skip("no marked abstracts")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    told = [
        both(row, [s for s in sentences(row["abstract"]) if s in summarize(row["abstract"])])
        for row in rows
    ]
    assert sum(told) / len(rows) > 0.3
