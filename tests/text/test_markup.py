"""Notations are removed, and text that only looks like one stays."""

import time

import pytest

from newsletter.sources.xml_mending import mended
from newsletter.text.markup import (
    MACHINE,
    PLAIN,
    PREPRINT,
    STRIPPED,
    clean,
    dialects_in,
    direction,
    lines,
)

FIGURE = (
    'O_FIG O_LINKSMALLFIG WIDTH=200 HEIGHT=90 SRC="FIGDIR/small/1v1_ufig1.gif" ALT="Figure 1"> '
    "View larger version (20K): org.highwire.dtl.DTLVardef@abc1org.highwire.dtl.DTLVardef@1de"
    "_HPS_FORMAT_FIGEXP M_FIG C_FIG"
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("AO_SCPLOWBSTRACTC_SCPLOWMemory is stable.", "ABSTRACT: Memory is stable."),
        (f"They fire together. {FIGURE}", "They fire together."),
        (f"Before.{FIGURE}After.", "Before. After."),
        ("O_FIG M_FIG O_FLOATNOFigure 1C_FLOATNO A caption. C_FIG Then.", "Then."),
        ("O_ST_ABSBackgroundC_ST_ABSWe test.", "Background: We test."),
        ("O_LIFirst oneC_LIO_LISecond oneC_LI", "First one Second one"),
        ("mO_SCPLOWTORC_SCPLOWC1 in O_SCPLOWDC_SCPLOW-glucose", "mTORC1 in D-glucose"),
        ("O_NEWMARKTextC_NEWMARK follows", "Text follows"),
        ("{beta}-catenin at 37{degrees}C, {+/-} 2", "β-catenin at 37°C, ± 2"),
        ("{Delta}F is [&ge;] 5 and [~]10", "ΔF is ≥ 5 and ~10"),
        ("a set {a, b} and {other}", "a set {a, b} and {other}"),
        ("C_LI and O_LA are ions", "C_LI and O_LA are ions"),
    ],
)
def test_01_marks_of_highwire_are_taken_off(raw: str, shown: str) -> None:
    assert clean(raw, 5_000, PREPRINT) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("&lt;i&gt;E. coli&lt;/i&gt; growth", "E. coli growth"),
        ("&amp;lt;i&amp;gt;E. coli&amp;lt;/i&amp;gt; growth", "E. coli growth"),
        ("A &amp;amp; B", "A & B"),
        ("p &amp;lt; 0.05 &amp;plusmn; 1", "p < 0.05 ± 1"),
        ("H&lt;sub&gt;2&lt;/sub&gt;O", "H2O"),
        ("AT&T, Q&A, R&D &notin; a&b", "AT&T, Q&A, R&D ∉ a&b"),
    ],
)
def test_09_text_escaped_twice_is_read_to_its_end(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("<msup><mi>e</mi><mrow><mi>k</mi><mi>t</mi></mrow></msup>", "e^kt"),
        ("<msup><mi>x</mi><mn>2</mn></msup><mo>&lt;</mo><mn>1</mn>", "x²<1"),
        ("<mfrac><mn>1</mn><mi>&alpha;</mi></mfrac>", "1/α"),
        ("<msqrt><mi>n</mi></msqrt><msub><mi>a</mi><mn>10</mn></msub>", "√na₁₀"),
        ("<mover><mi>x</mi><mo>¯</mo></mover>", "x̄"),
        (
            "<semantics><mi>y</mi><annotation encoding='TeX'>y_hidden</annotation></semantics>",
            "y",
        ),
        (
            "<mmultiscripts><mi>F</mi><mprescripts/><none/><mn>18</mn></mmultiscripts>",
            "¹⁸F",
        ),
    ],
)
@pytest.mark.parametrize("prefix", ["", "mml:"])
def test_09_mathml_is_one_line_of_text(raw: str, shown: str, prefix: str) -> None:
    body = raw.replace("</", "\0").replace("<", f"<{prefix}").replace("\0", f"</{prefix}")
    name = f"{prefix}math"
    assert clean(f'<{name} xmlns="x:y">{body}</{name}> growth', 300) == f"{shown} growth"


def test_09_a_formula_that_is_given_twice_is_shown_once() -> None:
    tex = r"<tex-math>\documentclass{minimal}\begin{document}$$x^2$$\end{document}</tex-math>"
    mathml = "<mml:math><mml:msup><mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math>"
    for given in (tex, mathml, f"<alternatives>{tex}{mathml}</alternatives>"):
        assert "x²" in clean(f"of <inline-formula>{given}</inline-formula> we")
        assert "document" not in clean(f"of <inline-formula>{given}</inline-formula> we")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("10<sup>3</sup> and 5 × 10<sup>−3</sup> m s<sup>-1</sup>", "10³ and 5 × 10⁻³ m s⁻¹"),
        (
            "<sup>18</sup>F, Ca<sup>2+</sup>, K<sup>+</sup>, Cl<sup>&#8722;</sup>",
            "¹⁸F, Ca²⁺, K⁺, Cl⁻",
        ),
        ('g l<span class="jp-sup">−1</span>, 10<jats:sup>6</jats:sup>', "g l⁻¹, 10⁶"),
        ("10<sup><i>3</i></sup>, x<sup>n</sup>, 21<sup>st</sup>", "10³, xn, 21st"),
        ("H<sub>2</sub>O, CO<sub>2</sub>, LD4<span class='jp-sup'>T</span>", "H2O, CO2, LD4T"),
        ("&lt;sup&gt;13&lt;/sup&gt;C", "¹³C"),
    ],
)
def test_09_a_power_stays_a_power(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


def test_09_a_formula_that_was_cut_off_loses_its_tags_all_the_same() -> None:
    assert clean("growth <mml:math><mml:mi>x</mml:mi><mml:mo>") == "growth x"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Why <video> tokens beat <img> tokens", "Why <video> tokens beat <img> tokens"),
        ("The <s> token and <table> cells", "The <s> token and <table> cells"),
        ("What </s> ends", "What </s> ends"),
        ("<think> and </think> in models", "<think> and </think> in models"),
        ("A <b>bold</b> claim on <i>Escherichia", "A bold claim on Escherichia"),
        ("one<br>two <p>three", "one two three"),
        ("an <img src=x> image, a <a href='#'>link", "an image, a link"),
        ("Cr<scp>ISPR</scp> and 10<sup>3</sup>", "CrISPR and 10³"),
        ("if a<b and c>d", "if a<b and c>d"),
    ],
)
def test_09_a_lone_tag_is_a_word_and_a_pair_is_markup(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (r"$\texttt{foo}$: a package", "foo: a package"),
        (r"\texttt{foo\_bar} and $\textsf{Baz}$", "foo_bar and Baz"),
        (r"$\mathsf{P} \neq \mathsf{NP}$", "P ≠ NP"),
        (r"$\operatorname{argmax}$ and $\operatorname*{argmin}_x$", "argmax and argmin_x"),
        (r"$\mbox{some text}$, $\ensuremath{x}$, $\mathds{1}$", "some text, x, 1"),
        (r"$\left(\frac{1}{2}\right)$ of $\bm{x}$", "(1/2) of x"),
        (r"\texorpdfstring{$\mathcal{N}=4$}{N=4} theory", "N=4 theory"),
        (r"\href{https://example.org}{Code} in \textbf{Rust}", "Code in Rust"),
        (r"$\unknowncommand{text}$ and $\method$", "text and method"),
        (r"\unknowncommand{text} in prose", "text in prose"),
        (r"\(x^2\) and \textsuperscript{13}C", "x² and ¹³C"),
        (r"$\sim$5 and $<$50%, from $5 to $10", "∼5 and <50%, from $5 to $10"),
        ("C^2DLM, 10^-3 m, ^{13}C, x_{12}", "C²DLM, 10⁻³ m, ¹³C, x₁₂"),
        ("a ^ b, snake_case, Q^(T)", "a ^ b, snake_case, Q^(T)"),
        ("``quoted'' text", "“quoted” text"),
        (r"using $\text{Softmax}$ to $\times$ it", "using Softmax to × it"),
        (r"$O(n\log n)$", "O(n log n)"),
    ],
)
def test_14_text_in_formulas_stays_and_commands_go(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم: a study",
        "क्\u200dष in Hindi",
        "ന്\u200d ends a word",
        "👩\u200d🔬 and 👨\u200d👩\u200d👧, 👩🏽\u200d🚀, ❤\ufe0f\u200d🔥",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "葛\U000e0100城",
        "ᠮᠣᠩᠭᠣᠯ\u180eᠠ",
    ],
)
def test_15_joiners_that_belong_to_a_word_or_an_emoji_stay(text: str) -> None:
    assert clean(text, 300) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("zero\u200cwidth jo\u200diner", "zerowidth joiner"),
        ("e\u0301\u200cte", "éte"),
        ("می\u200c\u200c\u200c\u200cخواهم", "می\u200cخواهم"),
        ("می\u200c x", "می x"),
        ("a\U000e0041\U000e0042 tag", "a tag"),
        ("日\u200d本", "日本"),
    ],
)
def test_15_joiners_that_only_hide_go(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("\u200fABC שלום", "rtl"),
        ('<p dir="rtl">GPT-4 للعربية</p>', "rtl"),
        ("\u2067BERT\u2069 בעברית", "rtl"),
        ("\u200eשלום in Hebrew", "ltr"),
        ("שלום", "rtl"),
        ("Plain", "ltr"),
    ],
)
def test_15_the_base_direction_is_kept(raw: str, wanted: str) -> None:
    assert direction(clean(raw, 300)) == wanted


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("**Bold** and `code` and [x](https://y.example.org)", "Bold and code and x"),
        ("# A head\n\n- one\n- two\n1. three", "A head one two three"),
        ("*one* __two__ ***three*** ~~four~~", "one two three four"),
        (
            "A* search, B** trees, snake_case_name, 2*3*4",
            "A* search, B** trees, snake_case_name, 2*3*4",
        ),
        ("![figure](a.png) [ref][1] <https://example.org/>", "figure ref"),
        ("```python\ncode\n```\nand ``x``", "code and x"),
        (r"a \*star\* and $x^2$", "a *star* and x²"),
        ("**GPT-4**'s re**mark**able", "GPT-4's remarkable"),
    ],
)
def test_21_markdown_of_machines_is_taken_off(raw: str, shown: str) -> None:
    assert clean(raw, 300, MACHINE) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (
            "on a single 8timesA800, 15timessim50times and 2times faster",
            "on a single 8×A800, 15×∼50× and 2× faster",
        ),
        (
            "create sim543K pairs in 1sim4 steps, sim2real",
            "create ∼543K pairs in 1∼4 steps, sim2real",
        ),
        ("FoV (360^circtimes180^circ)", "FoV (360°×180°)"),
        (
            "at a rate of mathcal{O}(T^{-1/3}) and mathbb{R}^d, three textit{O}bstacles",
            "at a rate of 𝒪(T^(-1/3)) and ℝ^d, three Obstacles",
        ),
        (
            "as little as leq 0.02%, (diameter leq 3^L), O(N cdot T)",
            "as little as ≤ 0.02%, (diameter ≤ 3^L), O(N · T)",
        ),
        ("at https://x.org/a{https://x.org/a}.", "at https://x.org/a."),
        ("at https://x.org/a/{Webpage}.", "at https://x.org/a/ (Webpage)."),
        (
            "we propose **CAPO** (**C**urriculum **A**dvantage)",
            "we propose CAPO (Curriculum Advantage)",
        ),
        ("many times, 3 times, sometimes and cdots", "many times, 3 times, sometimes and cdots"),
    ],
)
def test_21_commands_without_their_backslash_are_read(raw: str, shown: str) -> None:
    assert clean(raw, 300, STRIPPED) == shown


def test_21_bold_of_markdown_goes_everywhere_and_powers_of_python_stay() -> None:
    assert clean("**Bold** and x**2 + y**2, a ** b ** c") == "Bold and x**2 + y**2, a ** b ** c"


def test_braces_of_commands_are_no_names_of_characters() -> None:
    assert clean(r"\textbf{beta} and {beta}-catenin", 300, PREPRINT) == "beta and β-catenin"


def test_10_a_bare_ampersand_is_a_character() -> None:
    body = b"<t>R&D at AT&T &amp; Q&A; &nbsp;&eacute; x&#38;y</t><![CDATA[R&D &eacute;]]>"
    assert mended(body) == (
        b"<t>R&amp;D at AT&amp;T &amp; Q&A; &#160;&#233; x&#38;y</t><![CDATA[R&D &eacute;]]>"
    )
    declared = b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a; &</x>'
    assert mended(declared) == declared


@pytest.mark.parametrize("mark", [b"<!--", b"<![CDATA[", b"<!--x-->", b"&", b"<![CDATA[]]>", b"<!"])
def test_K15_marks_that_are_never_closed_take_no_longer_than_others(mark: bytes) -> None:
    body = b"<rss>&" + mark * (1_000_000 // len(mark))
    begun = time.process_time()
    assert mended(body).startswith(b"<rss>&amp;")
    assert time.process_time() - begun < 2
    assert mended(b"<t>R&D<!-- a & b --> c & d <!-- e & f") == (
        b"<t>R&amp;D<!-- a & b --> c &amp; d <!-- e & f"
    )


def test_dialects_name_what_they_take_off() -> None:
    assert dialects_in("<i>E. coli</i> at $37^\\circ$C") == ["tags", "latex"]
    assert dialects_in("plain text") == []
    assert dialects_in(f"x {FIGURE}", PREPRINT) == ["highwire"]
    assert PLAIN != PREPRINT


def test_lines_are_cut_at_the_ends_of_blocks() -> None:
    assert lines("<p>One <i>of</i></p><div>Two<br/>Three</div>") == [
        "One of",
        "Two",
        "Three",
    ]
    assert lines("&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;") == ["One", "Two"]
