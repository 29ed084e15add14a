"""LaTeX in titles and abstracts: formulas keep their meaning."""

import time

import pytest

from newsletter.text.markup import clean


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (r"$10^{5.6}$ yr and $10^{-3}$", "10^5.6 yr and 10⁻³"),
        (r"$C_\ell = A\nu^{-2\alpha}\ell^{-\beta}$", "C_ℓ = Aν^(-2α)ℓ^-β"),
        (r"$(A^p,B^p)^{1/p}$", "(A^p,B^p)^(1/p)"),
        (r"$2^{2q+1}$ and $\mathbb{R}^{d\times n}$", "2^(2q+1) and ℝ^(d× n)"),
        (r"$\sum_{i=1}^{n} x_{i,j}$", "∑_(i=1)ⁿ x_i,j"),
        (r"$e^{kt}$, $e^{x^2}$, $N_{\mathrm{eff}}$", "e^kt, e^(x²), N_eff"),
        (r"$M_{\rm BH}-M_{*}$ and $t_{\rm QSO}$", "M_BH-M_* and t_QSO"),
        (r"$Q_{\rm stop}^{(e)}$ in $\{0,1\}^n$", "Q_stop^(e) in {0,1}^n"),
        (r"H$_2^{~16}$O and f$^{}_e$", "H₂¹⁶O and f_e"),
        (r"$\frac{a+b}{c}$, $\frac{1}{2}$, $\sqrt{2}$, $\sqrt[3]{x}$", "(a+b)/c, 1/2, √2, ³√x"),
        (r"$1.0^{+1.8}_{-0.6}$", "1.0^+1.8_-0.6"),
        (r"$\begin{pmatrix}a&b\\c&d\end{pmatrix}$", "(a, b; c, d)"),
        (r"$\mathcal{E\mkern-2mu L}$", "ℰℒ"),
        ("r^{-3.9}, x_{ij}, 10^5.6, 10^3 m", "r^-3.9, x_ij, 10^5.6, 10³ m"),
    ],
)
def test_14_powers_indices_and_fractions_keep_their_extent(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (r"Sgr A$^*$, SAM$^{*}$, $\exists^*$", "Sgr A*, SAM*, ∃*"),
        (r"360$^\circ$, $12^{\circ}$C, $360^\circ$", "360°, 12°C, 360°"),
        (r"$Z^\prime$, $3.4^{\prime}$, 0.5$^{\prime\prime}$, $f''$", "Z′, 3.4′, 0.5″, f″"),
        (
            r"23$^{\rm rd}$ and mid-20$^{th}$ century, 1\textsuperscript{st}",
            "23rd and mid-20th century, 1st",
        ),
        (r"X\textsuperscript{\textregistered}, Y$^\dagger$, Z$^{\text{TM}}$", "X®, Y†, Z^TM"),
        (r"H$^{\mathbf{3}}$DP, T$^\text{3}$", "H³DP, T³"),
    ],
)
def test_14_marks_of_the_field_are_written_as_they_are(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (
            r"to $\textit{near} $, $ \textit{far} $ and $\textit{farther}$",
            "to near, far and farther",
        ),
        (r"He I$\lambda$10830 and G358.93$-$0.03, z${\sim}$2", "He Iλ10830 and G358.93-0.03, z∼2"),
        (
            r"at $z\sim$1 of $>40 $ million, the $\Lambda_s $CDM model",
            "at z∼1 of >40 million, the Λ_sCDM model",
        ),
        (r"$-0.12 (-0.10) \le L \le 0.13 $ for", "-0.12 (-0.10) ≤ L ≤ 0.13 for"),
        (
            r"D$_n$4000 and H{$\alpha$} lines, a {\Large $\pi$}-sr survey",
            "D_n4000 and Hα lines, a π-sr survey",
        ),
        ("from $5 to $10, $5 and $x$, US$10", "from $5 to $10, $5 and x, US$10"),
        (r"costs $5, \emph{or} 10\% of \$20", "costs $5, or 10% of $20"),
    ],
)
def test_14_a_formula_is_told_from_money(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (
            "Targets -- a survey of Vision--Language --- and code",
            "Targets – a survey of Vision–Language — and code",
        ),
        ("the --help option, C-- and i--", "the --help option, C-- and i--"),
        ("LLM-- a survey --Technical report", "LLM – a survey – Technical report"),
        (r"the --help option \emph{is} at z~5, ~4x", "the --help option is at z~5, ~4x"),
        (
            "21~cm signal of MACS~J0717, Fig.~2 (et al.~[3]), z~5, ~4x, n ~ 5",
            "21 cm signal of MACS J0717, Fig. 2 (et al. [3]), z~5, ~4x, n ~ 5",
        ),
        ("a `Good' word, `it's so' and ``b-ansatz\"", "a ‘Good’ word, ‘it's so’ and “b-ansatz”"),
        ("`code` isn't 'quoted'", "`code` isn't 'quoted'"),
        (r"Bj\o rn, \AA ngstr\"om, na\"{\i}ve, \v{S}koda, \ss", "Bjørn, Ångström, naïve, Škoda, ß"),
        (
            "Mus{é}e d'Arch{é}ologie, {GSR4B}, D$^3${ETOR}, {B}ayesian",
            "Musée d'Archéologie, GSR4B, D³ETOR, Bayesian",
        ),
        ("{Compared with} others, $\\texttt{$\\textbf{Flora}$}$", "Compared with others, Flora"),
        (r"\textbf{$\alpha$ decay}: \emph{a $\beta$}", "α decay: a β"),
        ("a set {a, b}, {other} and f(x) = {x}", "a set {a, b}, {other} and f(x) = {x}"),
        (
            r"e.g.\ rain, \textless 100, \textless0.1\%, a priori\/ x",
            "e.g. rain, < 100, <0.1%, a priori x",
        ),
        (r"\ie, novel \eg this \etal", "i.e., novel e.g. this et al."),
        (
            r"\color{blue}blue, \textcolor{red}{hot}, \dataset[DOI: x]{here}\footnote{note}",
            "blue, hot, here",
        ),
        (r"\begin{itemize} \item one \item two \end{itemize}", "one two"),
        (r"\begin{equation} E = mc^2 \end{equation} holds", "E = mc² holds"),
        (
            r"see \cite{foo}, Fig.~\ref{f} and \url{https://x.org/a_b}",
            "see, Fig. and https://x.org/a_b",
        ),
        (r"with 5100\,\AA\,, broad", "with 5100 Å, broad"),
        (
            r"Code\footnote{\url{https://x.org/a}} is there\footnote{At some time.}.",
            "Code [https://x.org/a] is there.",
        ),
        ("O(n \\log n) and \\alpha-beta", "O(n log n) and α-beta"),
        (r"\ce{H2O} at \SI{5}{\meter} and \unit{km}", "H2O at 5 m and km"),
    ],
)
def test_14_prose_of_tex_is_prose(raw: str, shown: str) -> None:
    assert clean(raw, 300) == shown


@pytest.mark.parametrize(
    "piece", ["$x", "{a}", "`a", "~b", r"\a{", "^{", "$ \\x y z", "--", "{\\rm"]
)
def test_K15_odd_tex_is_read_in_linear_time(piece: str) -> None:
    began = time.process_time()
    clean(piece * 3_000)
    assert time.process_time() - began < 3
