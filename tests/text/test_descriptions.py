"""The abstract alone, whatever the publisher puts before and behind it."""

import pytest

from newsletter.text.descriptions import read_description, without_heading


@pytest.mark.parametrize(
    ("raw", "abstract"),
    [
        (
            "<p>Nature, Published online: 27 November 2026; "
            '<a href="https://www.nature.com/articles/s41586-026-00001-1">'
            "doi:10.1038/s41586-026-00001-1</a></p>We show that cells count.",
            "We show that cells count.",
        ),
        (
            "Nature Communications, Published online: 2 May 2026; "
            "doi:10.1038/s41467-026-1-x We show it.",
            "We show it.",
        ),
        ("<p>We show A B.</p><p><a href='https://x.org'>Read more</a></p>", "We show A B."),
        ("We show A B. Read the full article →", "We show A B."),
        ("We show A B. Continue reading…", "We show A B."),
        (
            '<p>We show it.</p><p>The post <a href="#">T</a> appeared first on <a>Blog</a>.</p>',
            "We show it.",
        ),
        ("We show it. The post Title first appeared on Blog.", "We show it."),
        ("<p>We show it. [&#8230;]</p>", "We show it."),
        ("Journal of Neurons, Volume 12, Issue 3, Page 1-10, March 2026.", ""),
        ("TAXON, EarlyView.", ""),
        ("Volume 12, Issue 3, March 2026, Page 1-10<br/>. ", ""),
        (
            "Science, Volume 386, Issue 6717, Page 12-15, November 2024. <br/>We show it.",
            "We show it.",
        ),
        (
            "<div><p>J Virol. 2021 Dec 10:114425. doi: 10.1016/j.x.2021.1. Online ahead of "
            "print.</p>"
            "<p><b>ABSTRACT</b></p><p>We show it.</p><p>PMID:<a>34902460</a> | "
            "DOI:<a>10.1016/j.x.2021.1</a></p></div>",
            "We show it.",
        ),
        (
            "Author(s): A. Doe and B. Roe<br /><p>We show it.</p><br />[Phys. Rev. D 104, 112005] "
            "Published Mon Nov 29, 2021",
            "We show it.",
        ),
        ("<h2>Abstract</h2><p>We show it.</p>", "We show it."),
        ("Abstract: We show it.", "We show it."),
        (
            "Abstract Meaning Representation is a graph.",
            "Abstract Meaning Representation is a graph.",
        ),
        ("Abstract interpretation finds bugs.", "Abstract interpretation finds bugs."),
        ("We read more papers. They read more.", "We read more papers. They read more."),
        ("We show it. This article is protected by copyright. All rights reserved.", "We show it."),
        ("We show it. © 2026 The Society. All rights reserved.", "We show it."),
        (None, ""),
    ],
)
def test_20_only_the_abstract_is_left(raw: object, abstract: str) -> None:
    assert read_description(raw).abstract == abstract


def test_20_labels_name_authors_and_doi() -> None:
    told = read_description(
        "<p>ZooKeys 1072: 185-204</p><p>DOI: 10.3897/zookeys.1072.71307</p>"
        "<p>Authors: Ann Lee, Bo Chen</p><p>Abstract: A genus is restored.</p><p>HTML</p><p>XML</p>"
    )
    assert (told.abstract, told.authors, told.doi) == (
        "A genus is restored.",
        "Ann Lee, Bo Chen",
        "10.3897/zookeys.1072.71307",
    )
    elsevier = read_description(
        "<p>Publication date: February 2026</p><p><b>Source:</b> Brain, Volume "
        "1</p><p>Author(s): Ann Lee</p>"
    )
    assert (elsevier.abstract, elsevier.authors) == ("", "Ann Lee")
    flat = read_description("DOI: 10.1/x Authors: Ann Lee Abstract: A genus.")
    assert (flat.abstract, flat.authors) == ("A genus.", "Ann Lee")


def test_headings_go_and_sentences_stay() -> None:
    assert without_heading("ABSTRACT: Memory is stable.") == "Memory is stable."
    assert without_heading("Summary: One.") == "One."
    assert without_heading("Summary statistics leak.") == "Summary statistics leak."
