"""Text, names and identifiers from sources: harmless, readable, canonical."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.text.authors import first_last, split_affiliation, split_names
from newsletter.text.identifiers import arxiv_id, doi, identifiers
from newsletter.text.markup import clean, clean_link, clean_names, is_garbled

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("$\\{}<>&%#_^~\r\n\x00\x1b\u2028\u202e\u200b\ud800"),
    ),
    max_size=400,
)


@given(HOSTILE, st.integers(10, 500))
@example("Subject\r\nBcc: everybody@example.org", 300)
@example("\\frac{\\frac{\\frac{", 300)
def test_C24_cleaned_text_is_one_short_visible_line(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert cleaned == cleaned.strip()
    assert len(cleaned.splitlines()) <= 1
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in cleaned)
    assert not any(
        unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI")
        for c in cleaned
    )
    cleaned.encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("A title\r\nBcc: you@example.org", "A title Bcc: you@example.org"),
        ("NUL\x00 ESC\x1b[31m BEL\x07", "NUL ESC[31m BEL"),
        ("evil \u202etxt.exe", "evil txt.exe"),
        ("zero\u200bwidth\ufeff joiner\u2060", "zerowidth joiner"),
        ("lone \ud83d surrogate", "lone surrogate"),
        ("line\u2028separator", "line separator"),
    ],
)
def test_C24_control_and_direction_characters_go(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


def test_C24_a_hundred_thousand_characters_are_cut_at_a_word() -> None:
    cut = clean("word " * 20_000, 300)
    assert len(cut) <= 300
    assert cut.endswith("word…")
    assert len(clean("x" * 100_000, 300)) == 300


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("<script>alert(1)</script>Deep nets", "Deep nets"),
        ("Deep <img src=x onerror=alert(1)> nets", "Deep nets"),
        ("<svg onload=alert(1)><title>x</title></svg>Nets", "Nets"),
        ("<p style='background:url(//evil)'>One</p><p>Two</p>", "One Two"),
        ("H<sub>2</sub>O and <i>E. coli</i>", "H2O and E. coli"),
        ("<jats:p>Text <mml:math><mml:mi>x</mml:mi></mml:math></jats:p>", "Text x"),
        ("AT&amp;T &eacute;t&#233;", "AT&T été"),
        ("if a<b and c>d then", "if a<b and c>d then"),
        ("<![CDATA[Plain]]>", "Plain"),
    ],
)
def test_C23_markup_is_taken_out_and_comparisons_stay(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//example.org/x",
        "/relative",
        "http://",
        "https://user:pw@example.org/",
        "mailto:a@example.org",
        "java\nscript:alert(1)",
        "",
        None,
        7,
    ],
)
def test_C23_links_that_are_not_web_links_go(link: object) -> None:
    assert clean_link(link) == ""


def test_C23_odd_characters_in_links_are_quoted() -> None:
    assert (
        clean_link(' https://example.org/a b"><é?x=1#y ')
        == "https://example.org/a%20b%22%3E%3C%C3%A9?x=1#y"
    )
    assert clean_link("https://example.org/\r\nSet-Cookie:x") == "https://example.org/Set-Cookie:x"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (r"$\alpha<\beta$ decays", "α<β decays"),
        (
            r"Excited $\Omega_c^0$ in $\Omega_b^- \to \Xi_c^+ K^-\pi^-$",
            "Excited Ω_c⁰ in Ω_b⁻ → Ξ_c⁺ K⁻π⁻",
        ),
        (r"G\"odel, Erd\H{o}s and S\~ao Paulo", "Gödel, Erdős and São Paulo"),
        (r"\emph{Fast} and {\it small}", "Fast and small"),
        (r"5$\times$ faster, 10% better", "5× faster, 10% better"),
        (r"$O(n^{-3})$ and $\mathbb{R}^d$", "O(n⁻³) and ℝ^d"),
        ("$5 and $10 a day & more", "$5 and $10 a day & more"),
        ("R&D at 5% of $1M", "R&D at 5% of $1M"),
        (r"from \$50,000 to \$500, 5\% of it", "from $50,000 to $500, 5% of it"),
        (r"\emph{Only} \$5 a day for $n$ days", "Only $5 a day for n days"),
        (r"\emph{Fast} \textbf{and} -- \textit{small}", "Fast and – small"),
        (r"R\&D\_lab \#1: 10\% off", "R&D_lab #1: 10% off"),
        (r"C:\new\temp", r"C:\new\temp"),
        (r"Our \method{} wins", r"Our \method wins"),
        ("{{7*7}} {% if x %} %s %(name)s ${jndi:x}", "{{7*7}} {% if x %} %s %(name)s ${jndi:x}"),
        (r"\frac{", r"\frac{"),
    ],
)
def test_C25_latex_becomes_unicode_and_everything_else_is_literal(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


def test_C18_text_that_was_lost_in_decoding_is_noticed() -> None:
    assert is_garbled("\ufffd" * 3 + "x" * 100)
    assert not is_garbled("\ufffd" + "x" * 200)
    assert not is_garbled("")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("oai:arXiv.org:2603.11698v2", ("2603.11698", 2)),
        ("http://arxiv.org/abs/hep-ex/0307015v1", ("hep-ex/0307015", 1)),
        ("https://arxiv.org/pdf/0704.0001", ("0704.0001", 1)),
        ("math.GT/0309136", ("math.GT/0309136", 1)),
        ("https://huggingface.co/papers/2512.22525", ("2512.22525", 1)),
        ("10.48550/arXiv.2512.22525", ("2512.22525", 1)),
        ("2613.12345", None),
        ("1.2345 in a text", None),
        ("see 2512.22525 there", None),
    ],
)
def test_arxiv_ids_are_read_in_all_their_forms(text: str, found: tuple[str, int] | None) -> None:
    assert arxiv_id(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://doi.org/10.1002/TAX.12603", "10.1002/tax.12603"),
        ("https://onlinelibrary.wiley.com/doi/abs/10.1002/tax.12603?af=R", "10.1002/tax.12603"),
        (
            "https://www.tandfonline.com/doi/full/10.1080/01650521.2020.1783478?af=R",
            "10.1080/01650521.2020.1783478",
        ),
        ("https://www.frontiersin.org/articles/10.3389/fnins.2021.1/full", "10.3389/fnins.2021.1"),
        (
            "https://www.biorxiv.org/content/10.1101/2021.11.20.469368v1?rss=1",
            "10.1101/2021.11.20.469368",
        ),
        (
            "https://www.biorxiv.org/content/10.1101/2021.11.20.469368v2.full.pdf",
            "10.1101/2021.11.20.469368",
        ),
        (
            "https://www.medrxiv.org/content/10.64898/2026.07.31.741992v1.abstract",
            "10.64898/2026.07.31.741992",
        ),
        ("doi:10.3897/zookeys.1073.1%2F2", "10.3897/zookeys.1073.1/2"),
        ("(10.1371/journal.pone.0260247).", "10.1371/journal.pone.0260247"),
        ("NA", ""),
        (None, ""),
        (
            "10.1175/1520-0469(1992)049<0608:ASOTSR>2.0.CO;2",
            "10.1175/1520-0469(1992)049<0608:asotsr>2.0.co;2",
        ),
        (
            "https://doi.org/10.1175/1520-0469(1992)049%3C1256:LSLDRF%3E2.0.CO;2",
            "10.1175/1520-0469(1992)049<1256:lsldrf>2.0.co;2",
        ),
        ("<b>10.1000/abc</b>2020", "10.1000/abc"),
    ],
)
def test_dois_are_cut_back_to_the_work(text: object, found: str) -> None:
    assert doi(text) == found


def test_identifiers_of_a_paper_are_canonical_and_in_a_fixed_order() -> None:
    places = [
        "pubmed:34902460",
        "https://openreview.net/forum?id=AbC-12_x",
        "doi:10.1016/J.X.1",
        None,
        3,
        "https://arxiv.org/abs/2512.22525v3",
        "10.48550/arXiv.2512.22525",
    ]
    assert identifiers(places) == (
        "arxiv:2512.22525",
        "doi:10.1016/j.x.1",
        "openreview:AbC-12_x",
        "pmid:34902460",
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ann Lee, Bo Chen and Carl Gauß", ["Ann Lee", "Bo Chen", "Carl Gauß"]),
        ("Ann Lee (Inria, France), Bo Chen (MIT)", ["Ann Lee (Inria, France)", "Bo Chen (MIT)"]),
        ("Loconsole, M.; Garcia-Pelegrin, E. F.", ["M. Loconsole", "E. F. Garcia-Pelegrin"]),
        ("Inoda, Toshio", ["Toshio Inoda"]),
        ("van der Berg, A. B.", ["A. B. van der Berg"]),
        ("Ann Lee, Bo Chen", ["Ann Lee", "Bo Chen"]),
        ("The ATLAS Collaboration", ["The ATLAS Collaboration"]),
        ("", []),
    ],
)
def test_names_in_one_string_are_taken_apart(text: str, names: list[str]) -> None:
    assert split_names(text) == names


def test_names_are_turned_round_and_affiliations_split_off() -> None:
    assert first_last("Gu, Albert") == "Albert Gu"
    assert first_last("Plato") == "Plato"
    assert split_affiliation("Ann Lee (Inria, France)") == ("Ann Lee", "Inria, France")
    assert split_affiliation("Ann Lee") == ("Ann Lee", "")


def test_marks_alone_are_no_names() -> None:
    assert clean_names(["Team GLM", ":", "Aohan Zeng", "-", "..."]) == ("Team GLM", "Aohan Zeng")


def test_three_thousand_authors_are_kept_and_more_are_cut() -> None:
    assert len(clean_names(f"Author {n}" for n in range(5_000))) == 3_000
    assert clean_names(["Wei Wang", "", None, "Wei Wang", " B ,"]) == (
        "Wei Wang",
        "Wei Wang",
        "B",
    )  # two people
