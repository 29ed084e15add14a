"""A topic that is too broad is reported."""

from newsletter.matching.breadth import warning
from newsletter.models import Paper

FIELDS = ("cs.CV", "cs.CL", "math.NA", "hep-th", "q-bio.NC")
PAPERS = [Paper(f"p{n}", "T", n, fields=(FIELDS[n % 5],)) for n in range(500)]


def test_a_word_of_every_field_is_told() -> None:
    assert "5 fields alike" in str(warning(PAPERS, set(range(25))))
    assert "20 % of all papers" in str(warning(PAPERS, set(range(100))))


def test_a_topic_of_one_field_and_a_small_one_are_not() -> None:
    assert warning(PAPERS, set(range(0, 150, 5))) is None
    assert warning(PAPERS, set(range(9))) is None
    assert warning([], set()) is None


def test_a_site_of_one_field_is_not_told_that_its_topics_spread() -> None:
    papers = [Paper(f"p{n}", "T", n, fields=("cs.CV",)) for n in range(500)]
    assert warning(papers, set(range(25))) is None
    assert warning([Paper(f"p{n}", "T", n) for n in range(500)], set(range(25))) is None
