"""One grammar for author lists: who is a person, and what is a suffix, a degree or a mark."""

import pytest

from newsletter.text.authors import one_name, split_names


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
