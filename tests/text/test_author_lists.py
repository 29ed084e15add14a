"""The grammar of author lists: who is a person, and what is a suffix, a degree or a mark."""

import pytest

from newsletter.text.authors import one_name, split_names, typed_names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Doe, J., Roe, R., Poe, E. A.", ["J. Doe", "R. Roe", "E. A. Poe"]),
        ("Doe,J.A.,Roe,R.B.", ["J.A. Doe", "R.B. Roe"]),
        ("Doe, J. and Roe, R.", ["J. Doe", "R. Roe"]),
        ("Doe J, Roe RA", ["J Doe", "RA Roe"]),
        ("Doe, J., et al.", ["J. Doe"]),
        ("Doe, J., The ATLAS Collaboration", ["J. Doe", "The ATLAS Collaboration"]),
        ("Serre, J.-P., Weil, A.", ["J.-P. Serre", "A. Weil"]),
        ("de la Cruz, M., von Neumann, J.", ["M. de la Cruz", "J. von Neumann"]),
        ("Cruz, M. de la; Doe, J.", ["M. de la Cruz", "J. Doe"]),
        ("O'Brien, P., D'Angelo, M.", ["P. O'Brien", "M. D'Angelo"]),
        ("LI, W., WANG, X.", ["W. LI", "X. WANG"]),
        ("Doe, Jane, Roe, Richard", ["Jane Doe", "Richard Roe"]),
        ("García Márquez, Gabriel", ["Gabriel García Márquez"]),
        ("Smith, John Paul", ["John Paul Smith"]),
        ("King, M. L., Jr.; Doe, J.", ["M. L. King Jr.", "J. Doe"]),
        ("King, M. L., Jr., Doe, J.", ["M. L. King Jr.", "J. Doe"]),
        ("Martin Luther King, Jr., Jane Doe", ["Martin Luther King Jr.", "Jane Doe"]),
        ("Jane Doe, Ph.D., and Richard Roe, M.D.", ["Jane Doe", "Richard Roe"]),
        ("Jane Doe, MD, PhD, Richard Roe MSc", ["Jane Doe", "Richard Roe"]),
        ("Prof. Dr. Jane Doe, Dr Richard Roe", ["Jane Doe", "Richard Roe"]),
        ("Jane Doe1, Richard Roe2,3", ["Jane Doe", "Richard Roe"]),
        ("Jane Doe 1 , Richard Roe 2,3", ["Jane Doe", "Richard Roe"]),
        ("Jane Doe¹, Richard Roe²,³*", ["Jane Doe", "Richard Roe"]),
        ("Jane Doe*†, Richard Roe‡", ["Jane Doe", "Richard Roe"]),
        ("Jane Doe[1], Richard Roe[1,2]", ["Jane Doe", "Richard Roe"]),
        ("Jane Doe^{1,2}, Richard Roe^3", ["Jane Doe", "Richard Roe"]),
        ("Jane Doe a, Richard Roe b,c", ["Jane Doe", "Richard Roe"]),
        ("Jane Doe (1), Richard Roe (2) ((1) MIT, (2) ETH)", ["Jane Doe", "Richard Roe"]),
        ("王伟，李娜", ["王伟", "李娜"]),
        ("王伟、李娜", ["王伟", "李娜"]),
        ("王伟；李娜", ["王伟", "李娜"]),
        ("山田 太郎, 佐藤 花子", ["山田 太郎", "佐藤 花子"]),
        (
            "Jane Doe, Richard Roe, and the X Consortium",
            ["Jane Doe", "Richard Roe", "the X Consortium"],
        ),
        ("By Jane Doe & Richard Roe", ["Jane Doe", "Richard Roe"]),
        ("Vaswani, A.; Shazeer, N.; et al.", ["A. Vaswani", "N. Shazeer"]),
        ("Müller, Ä., Öz, Ç.", ["Ä. Müller", "Ç. Öz"]),
        ("C K Chim", ["C K Chim"]),
        ("McDonald, B.A., Brunner, P.C.", ["B.A. McDonald", "P.C. Brunner"]),
        ("McDonald, B.A.; Brunner, P.C.", ["B.A. McDonald", "P.C. Brunner"]),
        ("de Souza A, da Silva M.", ["A de Souza", "M. da Silva"]),
        ("Stanislav K. KORB", ["Stanislav K. KORB"]),
    ],
)
def test_11_a_list_is_cut_between_people(text: str, names: list[str]) -> None:
    assert split_names(text) == names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Doe, Jane, Ph.D.", "Jane Doe"),
        ("King, M. L., Jr.", "M. L. King Jr."),
        ("Rose, Jeffrey P.", "Jeffrey P. Rose"),
        ("Jane Doe 1,2", "Jane Doe"),
        ("Dr. Jane Doe", "Jane Doe"),
        ("ATLAS Collaboration", "ATLAS Collaboration"),
        ("Plato", "Plato"),
    ],
)
def test_11_one_name_is_first_last(text: str, name: str) -> None:
    assert one_name(text) == name


JANE, RICHARD = "Jane Doe", "Richard Roe"
BOTH = [JANE, RICHARD]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # who is left out
        ("Jane Doe, Richard Roe, and 12 more", BOTH),
        ("Jane Doe, Richard Roe +5 more", BOTH),
        ("Jane Doe, Richard Roe and 3 co-authors", BOTH),
        ("Jane Doe, ..., Richard Roe", BOTH),
        ("Jane Doe, Richard Roe u. a.", BOTH),
        ("Jane Doe, Richard Roe и др.", BOTH),
        ("Jane Doe, Richard Roe y otros", BOTH),
        ("王伟，李娜等", ["王伟", "李娜"]),
        # who speaks
        ("Written by Jane Doe", [JANE]),
        ("Posted by Jane Doe, Richard Roe", BOTH),
        ("Autor: Jane Doe", [JANE]),
        ("Auteurs : Jane Doe, Richard Roe", BOTH),
        # numbers, addresses, roles
        ("Doe, Jane (0000-0001-2345-6789); Roe, Richard (0000-0002-1111-222X)", BOTH),
        ("Jane Doe https://orcid.org/0000-0001-2345-6789, Richard Roe", BOTH),
        ("Jane Doe [ORCID: 0000-0001-2345-6789], Richard Roe", BOTH),
        ("Jane Doe 0000-0001-2345-6789, Richard Roe [ORCID]", BOTH),
        ("Jane Doe <jane@example.org>, Richard Roe <roe@example.org>", BOTH),
        ("Jane Doe (jane@example.org), Richard Roe", BOTH),
        ("noreply@example.org (Jane Doe, Richard Roe)", BOTH),
        ("jane@example.org", []),
        ("Jane Doe (Editor), Richard Roe (corresponding author)", BOTH),
        ("Doe J, Roe R (eds)", ["J Doe", "R Roe"]),
        ("Jane Doe*, Richard Roe* (*equal contribution)", BOTH),
        ("Anonymous", []),
        ("Anonymous Authors", []),
        ("N/A", []),
        ("Team GLM, :, Aohan Zeng", ["Team GLM", "Aohan Zeng"]),
        # places of work
        ("Jane Doe, University of X; Richard Roe, Institute of Y, Berlin", BOTH),
        ("Jane Doe, MIT; Richard Roe, ETH Zürich", BOTH),
        # between names
        ("Jane Doe · Richard Roe", BOTH),
        ("Jane Doe • Richard Roe", BOTH),
        ("Jane Doe | Richard Roe", BOTH),
        ("Jane Doe / Richard Roe", BOTH),
        ("Jane Doe y Richard Roe", BOTH),
        ("Jane Doe e Richard Roe", BOTH),
        ("Jane Doe, Richard Roe y Edgar Poe", [*BOTH, "Edgar Poe"]),
        ("Doe, Jane; and Roe, Richard", BOTH),
        (
            "José Ortega y Gasset, Santiago Ramón y Cajal",
            ["José Ortega y Gasset", "Santiago Ramón y Cajal"],
        ),
        ("محمد علی، زهرا احمدی", ["محمد علی", "زهرا احمدی"]),
        ("محمد علی؛ زهرا احمدی", ["محمد علی", "زهرا احمدی"]),
        ("דוד כהן, רחל לוי", ["דוד כהן", "רחל לוי"]),
        ("山田太郎・佐藤花子", ["山田太郎", "佐藤花子"]),
        ("カール・マルクス", ["カール・マルクス"]),
        ("卡尔·马克思", ["卡尔·马克思"]),
        ("김철수·이영희", ["김철수", "이영희"]),
        ("अमित कुमार, प्रिया शर्मा", ["अमित कुमार", "प्रिया शर्मा"]),
        # last and given
        ("Иванов И. И., Петров П.П.", ["И. И. Иванов", "П.П. Петров"]),
        ("Παπαδόπουλος Γ., Ιωάννου Μ.", ["Γ. Παπαδόπουλος", "Μ. Ιωάννου"]),
        ("Иванов Иван, Петров Пётр", ["Иванов Иван", "Петров Пётр"]),
        ("Žižek Ş, Łukasiewicz J", ["Ş Žižek", "J Łukasiewicz"]),
        ("Smith, John A., Doe, Jane B.", ["John A. Smith", "Jane B. Doe"]),
        ("Souza AC de, Silva M da", ["AC de Souza", "M da Silva"]),
        ("Doe J Jr, Roe R 3rd", ["J Doe Jr", "R Roe 3rd"]),
        ("John Doe Jr., Richard Roe III", ["John Doe Jr.", "Richard Roe III"]),
        ("Doe, Jr., John; Roe, Richard III", ["John Doe Jr.", "Richard Roe III"]),
        # titles, degrees and marks
        ("Dr. med. Jane Doe, Prof. Dr. rer. nat. Richard Roe", BOTH),
        ("Dr.-Ing. Jane Doe, Dipl.-Ing. Richard Roe", BOTH),
        ("Jane Doe, PhD1; Richard Roe, MD2,3", BOTH),
        ("Jane Doe (Dr.), Richard Roe (Prof.)", BOTH),
        ("Jane Doe,1 Richard Roe,2,3 and Edgar Poe1", [*BOTH, "Edgar Poe"]),
        ("Jane Doe,a,* Richard Roe,b", BOTH),
        ("Jane Doe (a), Richard Roe (a,b)", BOTH),
        # groups
        ("Jane Doe on behalf of the X Consortium", [JANE, "the X Consortium"]),
        ("Jane Doe, for the X Study Group", [JANE, "the X Study Group"]),
        ("G. Aad et al. (ATLAS Collaboration)", ["G. Aad", "ATLAS Collaboration"]),
        ("Google DeepMind, Meta AI", ["Google DeepMind", "Meta AI"]),
    ],
)
def test_11_neighbours_of_the_shapes_of_lists(text: str, names: list[str]) -> None:
    assert split_names(text) == names


def test_11_one_name_keeps_nothing_but_the_name() -> None:
    for text in (
        "Doe, Jane (0000-0001-2345-6789)",
        "Dr. med. Jane Doe",
        "Jane Doe <jane@example.org>",
        "jane@example.org (Jane Doe)",
        "Jane Doe, University of X",
        "Jane Doe [ORCID]",
    ):
        assert one_name(text) == JANE
    assert one_name("Roe, Richard III") == "Richard Roe III"
    assert one_name("Anonymous") == ""


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["Hinton, G."], ("G. Hinton",)),
        (["Geoffrey E. Hinton"], ("Geoffrey E. Hinton",)),
        (["  G   Hinton "], ("G Hinton",)),
        (["Hinton G"], ("G Hinton",)),
        (["李飞飞"], ("李飞飞",)),
        (["李飞飞、王伟；张三"], ("李飞飞", "王伟", "张三")),
        (["van den Oord, A."], ("A. van den Oord",)),
        (["Geoffrey Hinton, Fei-Fei Li and Ann Lee"], ("Geoffrey Hinton", "Fei-Fei Li", "Ann Lee")),
        (["Hinton, G.; Li, Fei-Fei"], ("G. Hinton", "Fei-Fei Li")),
        (["Hinton, G., Lee, A."], ("G. Hinton", "A. Lee")),
        (["Ann Lee", "", "Lee, Ann", "Bo Chen"], ("Ann Lee", "Bo Chen")),
        (["ATLAS Collaboration"], ("ATLAS Collaboration",)),
        (["Prof. Ann Lee, Ph.D."], ("Ann Lee",)),
    ],
)
def test_names_that_people_type_go_through_the_grammar_of_lists(
    typed: list[str], meant: tuple[str, ...]
) -> None:
    assert typed_names(typed) == meant
    assert typed_names(meant) == meant
