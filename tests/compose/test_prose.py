"""Shortening text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from newsletter.steps.compose.prose import (
    cut,
    fill,
    head,
    in_ascii,
    names,
    one_line,
    sentences,
    shorten,
    without_latex,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        (
            "We use trees, e.g. Oaks, i.e. Quercus. They grow.",
            ["We use trees, e.g. Oaks, i.e. Quercus.", "They grow."],
        ),
        ("Berg et al. (2024) agree. Nobody else.", ["Berg et al. (2024) agree.", "Nobody else."]),
        (
            "See Fig. 2 and Eq. 3. It rises by 3.5 points. Done.",
            ["See Fig. 2 and Eq. 3.", "It rises by 3.5 points.", "Done."],
        ),
        ("J. R. Doe vs. R. Roe. A case.", ["J. R. Doe vs. R. Roe.", "A case."]),
        (
            "It works (see below). “It does.” Really.",
            ["It works (see below).", "“It does.”", "Really."],
        ),
        ("Growth is 5 % p.a. in some places.", ["Growth is 5 % p.a. in some places."]),
        ("Ärzte helfen. Über alles.", ["Ärzte helfen.", "Über alles."]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_sees_it(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(st.sampled_from("ab .!?“”A1")))
def test_sentences_lose_nothing(text: str) -> None:
    assert "".join(" ".join(sentences(text)).split()) == "".join(text.split())


def test_summary_is_two_sentences() -> None:
    assert (
        shorten("Abstract: One is here. Two is there. Three is gone.")
        == "One is here. Two is there."
    )


def test_second_sentence_that_makes_it_too_long_is_left_out() -> None:
    assert shorten("First and short. " + "Second " + "and long " * 40 + ".") == "First and short."


def test_first_sentence_that_is_too_long_is_cut_at_a_word() -> None:
    found = shorten("word, " * 100)
    assert len(found.split()) == 60 and found.endswith("word…")
    assert len(shorten("Donaudampfschiff" * 100)) == 480


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"An $O(n^2)$ bound for $k$-means", "An O(n²) bound for k-means"),
        (r"\textbf{Bold} and \emph{soft} claims", "Bold and soft claims"),
        (r"The $\alpha$-{BERT} of 50\% noise", "The α-BERT of 50% noise"),
        ("Grants of $5 to $10 a day", "Grants of $5 to $10 a day"),
        ("Smith~et~al. on H$_2$O", "Smith et al. on H₂O"),
        ("About ~5 of them", "About ~5 of them"),
        ("A set {x, y} of two", "A set x, y of two"),
        ("C^2DLM: causal models", "C²DLM: causal models"),
        (r"Sorting in \log n steps", "Sorting in log n steps"),
    ],
)
def test_what_is_left_of_latex_does_not_look_like_it(text: str, expected: str) -> None:
    assert without_latex(text) == expected


@given(st.text())
def test_one_line_is_one_line_that_can_be_encoded(text: str) -> None:
    line = one_line(text)
    assert line.encode("utf-8") is not None and not re.search(
        "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", line
    )
    assert one_line(line) == line


def test_one_line_keeps_what_joins_letters_and_emoji() -> None:
    assert one_line("नमस्\u200dते 👩\u200d🔬") == "नमस्\u200dते 👩\u200d🔬"


@given(st.text(), st.integers(2, 200))
def test_cut_text_is_no_longer_than_asked(text: str, limit: int) -> None:
    assert len(cut(text, limit)) <= limit


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Small and short", "Small and short"),
        ("Two words: and what they mean for us all", "Two words"),
        (
            "BERT: a bidirectional thing that reads both ways and more",
            "BERT: a bidirectional thing that reads both…",
        ),
        (
            "Ratio 2:1 in all of the many mixtures we have tried",
            "Ratio 2:1 in all of the many mixtures we have…",
        ),
    ],
)
def test_title_is_cut_at_a_telling_colon_or_a_word(title: str, expected: str) -> None:
    assert head(title, 48) == expected


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        ([], ""),
        (["A"], "A"),
        (["A", "B"], "A, B"),
        (["A", "B", "C"], "A … C"),
        (["x" * 99], "x" * 59 + "…"),
    ],
)
def test_authors_are_two_names_at_most(authors: list[str], expected: str) -> None:
    assert names(authors) == expected


@given(
    st.lists(st.text(st.sampled_from("abc-/"), min_size=1, max_size=80), max_size=40),
    st.integers(0, 8),
)
def test_filled_text_keeps_its_words_and_its_width(words: list[str], indent: int) -> None:
    text = " " * indent + fill(" ".join(words), indent)
    assert "".join(text.split()) == "".join(words)
    assert all(len(line) <= 72 for line in text.split("\n"))
    assert [word for word in words if len(word) <= 64 and word not in text.split()] == []


def test_no_break_space_holds_two_words_on_one_line() -> None:
    assert fill("x" * 68 + " 10\xa0km") == "x" * 68 + "\n10 km"


@given(st.text(st.sampled_from("漢字かな한글 ab👩")))
def test_wide_characters_count_as_two(text: str) -> None:
    filled = fill(" ".join(text.split()), 4)
    assert all(cell_len(line) <= 72 for line in (" " * 4 + filled).split("\n"))
    assert "".join(filled.split()) == "".join(text.split())


def test_an_address_is_never_broken() -> None:
    address = "https://example.org/" + "a" * 90
    assert fill(f"See {address} for more").split("\n") == ["See", address, "for more"]


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("A “quick” look – and…", 'A "quick" look - and...'),
        ("Ünïcode “stays”…", "Ünïcode “stays”…"),
        ("plain", "plain"),
    ],
)
def test_a_subject_is_ascii_where_it_can_be(subject: str, shown: str) -> None:
    assert in_ascii(subject) == shown
