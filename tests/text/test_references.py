"""Pasted lists of papers: every line is understood or named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.models import Paper
from newsletter.text import citation
from newsletter.text.references import NO_PAPER, Reference, read_references

ONE_LINE = [
    ("2512.22525", ("arxiv:2512.22525",), ""),
    ("2512.22525v3", ("arxiv:2512.22525",), ""),
    ("arXiv:2512.22525 [cs.CL]", ("arxiv:2512.22525",), ""),
    ("arXiv: 2512.22525", ("arxiv:2512.22525",), ""),
    ("hep-ex/0307015", ("arxiv:hep-ex/0307015",), ""),
    ("https://arxiv.org/abs/2512.22525v2", ("arxiv:2512.22525",), ""),
    ("http://arxiv.org/pdf/2512.22525.pdf", ("arxiv:2512.22525",), ""),
    ("<https://huggingface.co/papers/2512.22525>", ("arxiv:2512.22525",), ""),
    ("- https://www.alphaxiv.org/abs/2512.22525", ("arxiv:2512.22525",), ""),
    ("* 2512.22525.", ("arxiv:2512.22525",), ""),
    ("10.1101/2025.01.02.345678", ("doi:10.1101/2025.01.02.345678",), ""),
    ("doi:10.1038/s41586-021-03819-2.", ("doi:10.1038/s41586-021-03819-2",), ""),
    ("https://doi.org/10.1038/s41586-021-03819-2", ("doi:10.1038/s41586-021-03819-2",), ""),
    ("DOI: 10.1038/s41586-021-03819-2", ("doi:10.1038/s41586-021-03819-2",), ""),
    ("https://www.nature.com/articles/s41586-021-03819-2", ("doi:10.1038/s41586-021-03819-2",), ""),
    (
        "https://www.biorxiv.org/content/10.1101/2025.01.02.345678v2.full.pdf",
        ("doi:10.1101/2025.01.02.345678",),
        "",
    ),
    ("https://openreview.net/forum?id=AbC123xyz", ("openreview:AbC123xyz",), ""),
    ("https://pubmed.ncbi.nlm.nih.gov/34265844/", ("pmid:34265844",), ""),
    ("PMID: 34265844", ("pmid:34265844",), ""),
    (
        "Slow waves in sleeping networks of neurons",
        (),
        "Slow waves in sleeping networks of neurons",
    ),
    ('3. "Slow waves in sleeping networks"', (), "Slow waves in sleeping networks"),
    (
        "Lovelace, A. & Hopper, G. (2021). Slow waves in sleeping networks. J. Examples 4, 1-9.",
        (),
        "Slow waves in sleeping networks",
    ),
    (
        "[12] A. Lovelace, “Slow waves in sleeping networks,” in Proc. Examples, 2021.",
        (),
        "Slow waves in sleeping networks",
    ),
    (
        "Lovelace, A. (2021). Slow waves in sleeping networks. https://doi.org/10.1234/abc.5",
        ("doi:10.1234/abc.5",),
        "Slow waves in sleeping networks",
    ),
    ("Slow waves, arXiv preprint arXiv:2512.22525, 2025", ("arxiv:2512.22525",), ""),
]


@pytest.mark.parametrize(("text", "identifiers", "title"), ONE_LINE)
def test_a_line_is_read_as_people_write_it(text, identifiers, title):
    found, unread = read_references(text)
    assert found == (Reference(1, identifiers, title),)
    assert unread == ()


def test_identifiers_of_one_line_are_papers_of_their_own():
    found, unread = read_references("2512.22525, 2512.22526; 10.1234/a.b,10.1234/c.d 2512.22527")
    assert [one.identifiers[0] for one in found] == [
        "arxiv:2512.22525",
        "arxiv:2512.22526",
        "doi:10.1234/a.b",
        "doi:10.1234/c.d",
        "arxiv:2512.22527",
    ]
    assert unread == ()


@pytest.mark.parametrize(
    "line",
    ["hello", "https://example.org/some/page", "42", "References", "see below", "x" * 500, "10.1"],
)
def test_a_line_that_names_no_paper_is_named(line):
    found, unread = read_references(f"2512.22525\n{line}\n2512.22526")
    assert [one.line for one in found] == [1, 3]
    assert [(one.line, one.why) for one in unread] == [(2, NO_PAPER)]
    assert unread[0].text.startswith(line[:40])


def test_blank_lines_and_rules_say_nothing():
    assert read_references("\n  \n-----\n% a comment\n\n") == ((), ())


BIBTEX = r"""
@string{nips = "Proceedings of Examples"}
@article{one,
  title = {{SLOW}: Waves in \emph{Sleeping} Networks of N{\"o}rth},
  author = {Lovelace, Ada and Hopper, Grace},
  journal = {arXiv preprint arXiv:2512.22525},
  year = 2025
}
@misc{two, title="Quick waves " # "in {waking} networks", eprint={2512.22526v2},
  archivePrefix={arXiv}, primaryClass={cs.CL}, url={https://example.org/x}}
@inproceedings{DBLP:journals/corr/abs-2512-22527,
  author    = {Ada Lovelace},
  title     = {Waves of waves in deep example networks},
  journal   = {CoRR},
  volume    = {abs/2512.22527}
}
@article{four, title = {A study of waves without identifier}, abstract = {We {study} a@b.org = x},
  doi = {https://doi.org/10.1234/abc.5}, pmid = 34265844}
@book{five, author = {Nobody}}
2512.22528
"""


def test_bibtex_as_arxiv_dblp_and_zotero_write_it():
    found, unread = read_references(BIBTEX)
    assert [(one.line, one.identifiers, one.title) for one in found] == [
        (3, ("arxiv:2512.22525",), "SLOW: Waves in Sleeping Networks of Nörth"),
        (9, ("arxiv:2512.22526",), "Quick waves in waking networks"),
        (11, ("arxiv:2512.22527",), "Waves of waves in deep example networks"),
        (17, ("doi:10.1234/abc.5", "pmid:34265844"), "A study of waves without identifier"),
        (20, ("arxiv:2512.22528",), ""),
    ]
    assert [(one.line, one.why) for one in unread] == [(19, NO_PAPER)]


def test_an_entry_that_never_closes_costs_itself_only():
    found, unread = read_references(
        "@article{a, title={Slow waves in sleeping {networks},\n year=2025\n"
        "@article{b, doi={10.1234/abc.5}}\n@article{c,\n"
    )
    assert ("doi:10.1234/abc.5",) in [one.identifiers for one in found]
    assert [(one.line, one.why) for one in unread] == [(4, "broken")]


RIS = """TY  - JOUR
TI  - Slow waves in sleeping
      networks
AU  - Lovelace, Ada
DO  - 10.1234/abc.5
UR  - https://example.org/a
ER  -

TY  - UNPB
T1  - Quick waves in waking networks
UR  - http://arxiv.org/abs/2512.22526
N1  - arXiv:2512.22526 [cs]
ER  -
TY  - GEN
AU  - Nobody
ER  -
"""


def test_ris():
    found, unread = read_references(RIS.replace("\n", "\r\n"))
    assert found == (
        Reference(1, ("doi:10.1234/abc.5",), "Slow waves in sleeping networks"),
        Reference(9, ("arxiv:2512.22526",), "Quick waves in waking networks"),
    )
    assert [(one.line, one.why) for one in unread] == [(14, NO_PAPER)]


CSV = (
    "\ufeff"
    + """"Key","Item Type","Author","Title","DOI","Url","Abstract Note","Extra"
"A1","preprint","Lovelace, Ada","Slow waves in sleeping networks","",\
"http://arxiv.org/abs/2512.22525","We study, at length,
waves; see 10.9999/other","arXiv:2512.22525 [cs]"
"A2","journalArticle","Hopper","Quick waves","10.1234/abc.5","","",""
"A3","journalArticle","Hopper","Waves of waves in deep networks","","","","PMID: 34265844"
"A4","note","","","","","",""
"A5","webpage","","","","https://example.org","",""
"""
)


def test_csv_of_zotero():
    found, unread = read_references(CSV)
    assert [(one.line, one.identifiers) for one in found] == [
        (2, ("arxiv:2512.22525",)),
        (4, ("doi:10.1234/abc.5",)),
        (5, ("pmid:34265844",)),
    ]
    assert [(one.line, one.why) for one in unread] == [(7, NO_PAPER)]


def test_a_table_of_a_spreadsheet():
    found, _ = read_references(
        "title;year;doi\nSlow waves in sleeping networks;2024;10.1234/abc.5\n"
    )
    assert found == (Reference(2, ("doi:10.1234/abc.5",), "Slow waves in sleeping networks"),)


RDF = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:z="http://www.zotero.org/namespaces/export#" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:dcterms="http://purl.org/dc/terms/" xmlns:bib="http://purl.org/net/biblio#">
    <bib:Article rdf:about="https://example.org/1">
        <z:itemType>journalArticle</z:itemType>
        <dcterms:isPartOf rdf:resource="urn:issn:1234-5678"/>
        <dc:title>Slow waves in sleeping networks</dc:title>
    </bib:Article>
    <bib:Journal rdf:about="urn:issn:1234-5678">
        <dc:title>Journal of Examples</dc:title>
        <dc:identifier>DOI 10.1234/abc.5</dc:identifier>
    </bib:Journal>
    <bib:Article rdf:about="http://arxiv.org/abs/2512.22526">
        <z:itemType>preprint</z:itemType>
        <dc:title>Quick waves in waking networks</dc:title>
        <dc:identifier>
          <dcterms:URI><rdf:value>http://arxiv.org/abs/2512.22526</rdf:value></dcterms:URI>
        </dc:identifier>
        <dc:description>arXiv:2512.22526 [cs]</dc:description>
    </bib:Article>
    <z:Attachment rdf:about="#item_3"><z:itemType>attachment</z:itemType></z:Attachment>
    <bib:Document rdf:about="#item_4"><z:itemType>webpage</z:itemType></bib:Document>
</rdf:RDF>"""


def test_rdf_of_zotero():
    found, unread = read_references(RDF)
    assert found == (
        Reference(5, ("doi:10.1234/abc.5",), "Slow waves in sleeping networks"),
        Reference(14, ("arxiv:2512.22526",), "Quick waves in waking networks"),
    )
    assert [(one.line, one.why) for one in unread] == [(23, NO_PAPER)]


def test_rdf_that_is_damaged_or_a_bomb_is_named():
    for text in (RDF[:700], RDF.replace("<rdf:RDF", '<!DOCTYPE x [<!ENTITY a "b">]><rdf:RDF', 1)):
        found, unread = read_references(text)
        assert not found
        assert [one.why for one in unread] == ["broken"]


def test_a_paper_that_stands_twice_counts_once():
    found, _ = read_references("2512.22525\nhttps://arxiv.org/abs/2512.22525v4\n2512.22525")
    assert len(found) == 1


@given(st.text(max_size=400) | st.from_regex(r"(@article\{[a, ={}\"#\n]*){1,3}", fullmatch=True))
def test_any_text_is_read_without_an_error(text):
    found, unread = read_references(text)
    assert all(one.identifiers or one.title for one in found)
    assert all(one.line >= 1 for one in (*found, *unread))


def test_what_our_own_pages_export_is_read_back():
    paper = Paper(
        "2512.22525",
        "Waves & {braces}: 100 % of networks, $x^2$ and more",
        authors=("Ada Lovelace",),
        identifiers=("arxiv:2512.22525", "doi:10.1234/a_b.5"),
    )
    for write in (citation.bibtex, citation.ris):
        (found,), unread = read_references(write(paper, "https://example.org/papers/2512.22525"))
        assert set(found.identifiers) == set(paper.identifiers)
        assert found.title.startswith("Waves & braces: 100 % of networks") or write is citation.ris
        assert unread == ()
