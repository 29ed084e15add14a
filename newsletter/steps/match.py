"""All topics against all candidate papers: each distinct query once. What a query means is the
matcher's.
"""

from collections.abc import Sequence

from newsletter.gc_tuning import growing
from newsletter.models import Match, Paper, Topic
from newsletter.ports import Matcher


def match(
    topics: Sequence[Topic], papers: Sequence[Paper], matcher: Matcher
) -> dict[int, Sequence[Match]]:
    """Find every topic's papers, best first. Topics with the same query share one."""
    first_with: dict[str, int] = {}
    for topic in topics:
        first_with.setdefault(topic.query, topic.id)
    with growing():
        found = matcher.match({id: query for query, id in first_with.items()}, papers)
    return {topic.id: found[first_with[topic.query]] for topic in topics}
