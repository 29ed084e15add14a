"""The topics that come with the site: all are canonical, cover arXiv and the life sciences, and
find real papers.
"""

import json
import re
from pathlib import Path

import pytest

from newsletter.matching.curated import load_curated
from newsletter.matching.index import Index
from newsletter.matching.query import parse
from newsletter.matching.query_tree import All, AnyOf, Category, Node
from newsletter.models import Match, Paper
from tests.needs import missing

TOPICS = load_curated()
#: Every archive of arXiv's taxonomy.
ARCHIVES = (
    "astro-ph",
    "cond-mat",
    "cs",
    "econ",
    "eess",
    "gr-qc",
    "hep-ex",
    "hep-lat",
    "hep-ph",
    "hep-th",
    "math",
    "math-ph",
    "nlin",
    "nucl-ex",
    "nucl-th",
    "physics",
    "q-bio",
    "q-fin",
    "quant-ph",
    "stat",
)
LIFE = (
    "biorxiv.biochemistry",
    "biorxiv.bioinformatics",
    "biorxiv.cell-biology",
    "biorxiv.ecology",
    "biorxiv.genomics",
    "biorxiv.immunology",
    "biorxiv.microbiology",
    "biorxiv.neuroscience",
    "biorxiv.plant-biology",
    "medrxiv.epidemiology",
)
CATEGORY = re.compile(r"(?P<archive>[a-z]+(-[a-z]+)?)(\.(\*|[A-Z]{2}|[a-z]+(-[a-z]+)*))?")


def categories(node: Node) -> set[str]:
    """The categories that a query asks for, not those it excludes."""
    if isinstance(node, All | AnyOf):
        return {pattern for part in node.parts for pattern in categories(part)}
    return {node.pattern} if isinstance(node, Category) else set()


def test_there_are_enough_and_none_twice() -> None:
    assert len(TOPICS) >= 60
    for told in ("slug", "name", "query", "description"):
        values = [getattr(topic, told) for topic in TOPICS]
        assert len(set(values)) == len(values), told


def test_slugs_are_fit_for_addresses() -> None:
    assert [
        topic.slug for topic in TOPICS if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", topic.slug)
    ] == []


def test_every_query_is_canonical() -> None:
    for topic in TOPICS:
        assert str(parse(topic.query)) == topic.query


def test_every_description_is_one_good_line() -> None:
    for topic in TOPICS:
        assert 15 <= len(topic.description) <= 90, topic.slug
        assert topic.description[0].isupper() or topic.description[0].isdigit(), topic.slug
        assert topic.description.endswith("."), topic.slug
        assert "\n" not in topic.description, topic.slug


def test_the_topics_of_a_heading_stand_together() -> None:
    groups = [topic.group for topic in TOPICS]
    changes = [
        group for before, group in zip(["", *groups], groups, strict=False) if group != before
    ]
    assert len(changes) == len(set(groups)) >= 3
    assert all(groups)


def test_every_archive_and_the_life_sciences_are_covered() -> None:
    asked = {pattern for topic in TOPICS for pattern in categories(parse(topic.query).root)}
    archives = {pattern.partition(".")[0] for pattern in asked}
    assert [archive for archive in ARCHIVES if archive not in archives] == []
    assert [field for field in LIFE if field not in asked] == []
    for pattern in asked:
        spelled = CATEGORY.fullmatch(pattern)
        assert spelled and spelled["archive"] in (*ARCHIVES, "biorxiv", "medrxiv"), pattern


@pytest.fixture(scope="module")
def month(data_dir: Path) -> list[Paper]:
    """The papers of one month of listings."""
    files = sorted((data_dir / "arxiv_daily").glob("2025-10-*.jsonl"))
    if not files:
        missing(f"no listings at {data_dir / 'arxiv_daily'}")
    rows = {
        row["id"]: row
        for file in files
        for row in map(json.loads, file.read_text("utf-8").splitlines())
    }
    return [
        Paper(
            id, row["title"], key, row["summary"], tuple(row["authors"]), tuple(row["categories"])
        )
        for key, (id, row) in enumerate(rows.items(), 1)
    ]


@pytest.fixture(scope="module")
def found(month: list[Paper]) -> dict[int, list[Match]]:
    return Index().match({number: topic.query for number, topic in enumerate(TOPICS)}, month)


def test_every_topic_brings_something_of_a_month_where_its_field_is_listed(
    month: list[Paper], found: dict[int, list[Match]]
) -> None:
    listed = {field for paper in month for field in paper.fields}
    archives = {field.partition(".")[0] for field in listed}
    silent = []
    for number, topic in enumerate(TOPICS):
        asked = categories(parse(topic.query).root)
        is_listed = (
            not asked
            or asked & listed
            or {pattern.removesuffix(".*") for pattern in asked} & archives
        )
        if is_listed and not found[number]:
            silent.append(topic.slug)
    assert silent == []


def test_no_topic_takes_most_of_a_month(month: list[Paper], found: dict[int, list[Match]]) -> None:
    shares = {TOPICS[number].slug: len(matches) / len(month) for number, matches in found.items()}
    assert {slug: share for slug, share in shares.items() if share > 0.5} == {}
