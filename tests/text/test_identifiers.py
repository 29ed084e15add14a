"""Identifiers in links of publishers: each line of links.tsv has a link and its paper."""

from pathlib import Path

import pytest

from newsletter.text.identifiers import identifiers

LINKS = [
    line.split("\t") for line in (Path(__file__).parent / "links.tsv").read_text().splitlines()
]


@pytest.mark.parametrize(("link", "name"), LINKS, ids=[link[:60] for link, _ in LINKS])
def test_12_a_link_names_its_paper(link: str, name: str) -> None:
    assert " ".join(identifiers([link])).lower() == name.lower()


def test_12_the_table_has_a_hundred_shapes_of_links() -> None:
    assert len({link for link, _ in LINKS}) >= 100
