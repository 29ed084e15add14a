"""The topics that come with the site: all parse, are canonical, and say in a line what they are about."""

from newsletter.matching.curated import load_curated
from newsletter.matching.query import parse

TOPICS = load_curated()


def test_there_are_enough_and_none_twice() -> None:
    assert len(TOPICS) >= 60
    for told in ("slug", "name", "query", "description"):
        values = [getattr(topic, told) for topic in TOPICS]
        assert len(set(values)) == len(values), told


def test_every_query_is_canonical() -> None:
    for topic in TOPICS:
        assert str(parse(topic.query)) == topic.query


def test_every_description_is_one_good_line() -> None:
    for topic in TOPICS:
        assert 15 <= len(topic.description) <= 90, topic.slug
        assert topic.description[0].isupper() or topic.description[0].isdigit(), topic.slug
        assert topic.description.endswith("."), topic.slug
        assert "\n" not in topic.description, topic.slug


def test_every_archive_is_covered() -> None:
    text = " ".join(topic.query for topic in TOPICS)
    archives = ("astro-ph", "cond-mat", "cs", "econ", "eess", "gr-qc", "hep-", "math", "nlin", "nucl-", "physics",
                "q-bio", "q-fin", "quant-ph", "stat")  # fmt: skip
    assert [archive for archive in archives if f"cat:{archive}" not in text] == []
