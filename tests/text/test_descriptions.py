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


RAW = "We show that cells count in <i>E. coli</i> at 10<sup>3</sup> m."
SHOWN = "We show that cells count in E. coli at 10³ m."


@pytest.mark.parametrize(
    ("raw", "authors"),
    [
        (f"<p>{RAW}</p><p><strong>&nbsp;<br></strong></p>", ""),
        (f"<p>{RAW}<br/><em></p><p></em></p>", ""),
        # CNKI
        (f"Chuan CHEN;Long JIN;Ying JIANG;</br>{RAW}", "Chuan CHEN;Long JIN;Ying JIANG;"),
        (f"王伟;李娜;<br>{RAW}", "王伟;李娜;"),
        # Schweizerbart
        (
            '<a href="x"><img src="y.jpg" /></a>\n<h1><a href="x">Counting\n\tcells</a></h1>\n'
            "<b>Cruz, Mateus da; Lima, Diogo</b><br/>\n<a href='x'>Nova Hedwigia</a>, (2021), "
            f"p. 353 - 359<br/><br/>{RAW}",
            "Cruz, Mateus da; Lima, Diogo",
        ),
        (f"<h1>Counting cells</h1><b>Cruz, Mateus</b><br/>{RAW}", "Cruz, Mateus"),
        # MDPI
        (
            "<p><b>Sensors, Vol. 21, Pages 1234: Counting cells</b></p><p>Sensors "
            '<a href="https://www.mdpi.com/1424-8220/21/4/1234">doi: 10.3390/s21041234</a></p>'
            f"<p>Authors: Jane Doe Richard Roe</p><p>{RAW}</p>",
            "Jane Doe Richard Roe",
        ),
        # RSC
        (
            "<div><i><b>Chem. Sci.</b></i>, 2021, <b>12</b>,1234-1240<br/><b>DOI</b>: "
            "10.1039/D0SC06222A, Edge Article</div><div><img src='oa.png'/> Open Access</div><div>"
            "<img src='cc.png'/> &nbsp This article is licensed under a Creative Commons "
            "Attribution 3.0 Unported Licence.</div>"
            f"<div>Jane Doe, Richard Roe<br/>{RAW}<br/>To cite this article before page "
            "numbers are assigned, use the DOI form of citation above.<br/>The content of this RSS "
            "Feed (c) The Royal Society of Chemistry</div>",
            "Jane Doe, Richard Roe",
        ),
        # IOP, AIP, IEEE, SAGE, Cambridge, ACM
        (f"Jane Doe <i>et al</i> 2021 <i>Phys. Rev.</i> <b>12</b> 123<br/>{RAW}", ""),
        (f"The Journal of Cells, Volume 155, Issue 1, July 2021. <br/>{RAW}", ""),
        (f"Cells, <a href='x'>Volume 12, Issue 3</a>, Page 1-10, March 2026. <br/>{RAW}", ""),
        (f"Cells, Ahead of Print. <br/>{RAW}", ""),
        (f"Cells, Online First. {RAW}", ""),
        (f"Cells, Vol. 12, No. 3 (2026), pp. 1–10<br/>{RAW}", ""),
        (f"Published online 2 May 2026.<br/>{RAW}", ""),
        (f"Abstract<br/>{RAW}", ""),
        (f"<b>ABSTRACT:</b> {RAW}", ""),
        (f"<b>Abstract.</b> {RAW}", ""),
        (f"<h3>Summary</h3>{RAW}", ""),
        (f"Resumen: {RAW}", ""),
        (f"<strong>Zusammenfassung</strong><br/>{RAW}", ""),
        (f"【摘要】{RAW}", ""),
        (f"摘要：{RAW}", ""),
        (f"[Abstract] {RAW}", ""),
        # PLOS
        (f"<p>by Jane Doe, Richard Roe</p>\n{RAW}", ""),
        (f"{RAW}<h3>Author summary</h3><p>For all of us.</p>", ""),
        (f"{RAW} Author Summary Cells count for all of us.", ""),
        # what follows an abstract
        (f"<p>{RAW}</p><h3>Plain Language Summary</h3><p>Cells count.</p>", ""),
        (f"<h3>Key Points</h3><p>Cells</p><h3>Abstract</h3><p>{RAW}</p>", ""),
        (f"<p>{RAW}</p><p>Highlights</p><p>Cells count</p>", ""),
        (f"<p>{RAW}</p><p>Keywords: cells; counting</p>", ""),
        (f"<p>{RAW}</p><p><b>Key words</b>: cells, counting</p>", ""),
        (f"{RAW}<br/>Palabras clave: células", ""),
        (
            f"{RAW} Supplementary information: Supplementary data are available at "
            "<i>Cells</i> online.",
            "",
        ),
        (
            f"{RAW} ### Competing Interest Statement The authors have declared no competing "
            "interest. ### Funding Statement None.",
            "",
        ),
        (f"{RAW} Competing interests: none declared.", ""),
        (f"{RAW} Click here to view the full article.", ""),
        (f"{RAW} doi:10.1234/abc.5", ""),
        (f"{RAW} https://doi.org/10.1234/abc.5", ""),
        (f"{RAW} (PsycInfo Database Record (c) 2026 APA, all rights reserved).", ""),
        (f"{RAW} Copyright © 2026 Elsevier Ltd. All rights reserved.", ""),
        (f"{RAW} © 2026 Wiley Periodicals LLC.", ""),
        (
            f"{RAW} Expected final online publication date for the Annual Review of Cells, "
            "Volume 12 is May 2026.",
            "",
        ),
        (f"{RAW} [Read More]", ""),
        (f"{RAW} … Read more →", ""),
        (f"{RAW} Ler mais", ""),
        (f"{RAW} 阅读全文", ""),
        (f"{RAW} 続きを読む", ""),
        (f"{RAW} Mehr lesen", ""),
        (f"{RAW}<p>The post <a>T</a> first appeared on <a>B</a>.</p>", ""),
    ],
)
def test_20_the_habits_of_publishers_are_taken_off(raw: str, authors: str) -> None:
    told = read_description(raw, title="Counting cells")
    assert told.abstract.rstrip(" …") == SHOWN
    assert told.authors == authors


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (
            "<h4>Background</h4><p>Cells count.</p><h4>Methods</h4><p>We count them.</p>",
            "Background: Cells count. Methods: We count them.",
        ),
        (
            "<b>Objective:</b> Cells count.<br/><b>Results:</b> They do.",
            "Objective: Cells count. Results: They do.",
        ),
        ("We keep the keywords: cells and counting.", "We keep the keywords: cells and counting."),
        (
            "The tokens <s> and </s> end a text.<p>So does <eos>.</p>",
            "The tokens <s> and </s> end a text. So does <eos>.",
        ),
        ("Significance: it matters.", "Significance: it matters."),
        ("Highlights of the year are shown.", "Highlights of the year are shown."),
        ("We propose BERT; GPT; T5; and more.", "We propose BERT; GPT; T5; and more."),
        ("Lions; tigers; bears;<br/>we count them.", "Lions; tigers; bears; we count them."),
        ("Summary of what we know.", "Summary of what we know."),
        ("We use part-of-speech tags and graphs.", "We use part-of-speech tags and graphs."),
        ("We introduce TAG-EQA, a method.", "We introduce TAG-EQA, a method."),
        ("We count. Tags are given to each cell.", "We count. Tags are given to each cell."),
        ("We show it. Tags: cells, counting", "We show it."),
    ],
)
def test_20_what_belongs_to_an_abstract_stays(raw: str, shown: str) -> None:
    assert read_description(raw, title="Counting cells").abstract == shown


def test_headings_go_and_sentences_stay() -> None:
    assert without_heading("ABSTRACT: Memory is stable.") == "Memory is stable."
    assert without_heading("Summary: One.") == "One."
    assert without_heading("Summary statistics leak.") == "Summary statistics leak."
