"""Citations: what a reference manager reads is what the paper says, whatever a feed wrote."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.models import Paper
from newsletter.text.citation import bibtex, ris, sentence

URL = "https://papers.example.org/papers/2611.00001"
PAPER = Paper(
    "2611.00001",
    "Small checkers & large budgets: 30% of $x_1$",
    abstract="One line.\nAnother\r\nTY  - JOUR",
    authors=("Mara B. Okafor", "Jonas Lindqvist"),
    fields=("cs.CL", "cs.LG"),
    identifiers=("arxiv:2611.00001", "doi:10.1101/2026.11.02_3"),
    published=datetime(2026, 11, 2, tzinfo=UTC),
)


def test_bibtex_names_the_eprint_and_escapes_signs_of_tex() -> None:
    assert bibtex(PAPER, URL) == (
        "@misc{okafor2026small,\n"
        "  title = {{Small checkers \\& large budgets: 30\\% of \\$x\\_1\\$}},\n"
        "  author = {Mara B. Okafor and Jonas Lindqvist},\n"
        "  year = {2026},\n"
        "  eprint = {2611.00001},\n"
        "  archiveprefix = {arXiv},\n"
        "  primaryclass = {cs.CL},\n"
        "  doi = {10.1101/2026.11.02\\_3},\n"
        f"  url = {{{URL}}}\n"
        "}\n"
    )


def test_ris_has_one_line_a_field_however_the_abstract_is_broken() -> None:
    lines = ris(PAPER, URL).split("\r\n")
    assert lines[0] == "TY  - UNPB" and lines[-2:] == ["ER  - ", ""]
    assert "AU  - Okafor, Mara B." in lines and "AU  - Lindqvist, Jonas" in lines
    assert "AB  - One line. Another TY - JOUR" in lines
    assert sum(line.startswith("TY") for line in lines) == 1
    assert "AN  - arXiv:2611.00001" in lines and "DA  - 2026/11/02" in lines


def test_a_sentence_names_a_few_authors_and_the_doi() -> None:
    assert sentence(PAPER, URL) == (
        "Mara B. Okafor and Jonas Lindqvist (2026). Small checkers & large budgets: "
        "30% of $x_1$. https://doi.org/10.1101/2026.11.02_3"
    )
    many = Paper("x", "T", authors=tuple(f"A{n} B" for n in range(9)))
    assert sentence(many, URL) == f"A0 B, A1 B, A2 B, A3 B, A4 B, et al.. T. {URL}".replace(
        "..", "."
    )


@pytest.mark.parametrize(
    "name, written",
    [
        ("Research and Practice Group", "{Research and Practice Group}"),
        ("King, Jr., Martin", "{King, Jr., Martin}"),
        ("Anders And", "{Anders And}"),
        ("A{b}", "A\\{b\\}"),
    ],
)
def test_a_name_that_bibtex_would_split_is_kept_whole(name: str, written: str) -> None:
    assert f"author = {{{written}}}" in bibtex(Paper("x", "T", authors=(name,)), URL)


@given(st.text(), st.lists(st.text(), max_size=3))
def test_no_text_of_a_feed_ends_an_entry_or_a_line(title: str, authors: list[str]) -> None:
    paper = Paper("x", title, abstract=title, authors=tuple(authors))
    entry = bibtex(paper, URL)
    depth = 0
    plain = re.sub(r"\\[{}]", "", entry)
    for sign in plain:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0 and plain.count("@misc{") == 1 + plain.count("@misc{", 6)
    for line in ris(paper, URL).split("\r\n")[:-1]:
        assert re.match(r"[A-Z]{2}  - ", line) and line.isprintable()
