"""Match all topics with all candidate papers: each distinct query once. The matcher knows what a
query means.
"""

from collections.abc import Sequence

from newsletter.gc_tuning import growing
from newsletter.models import Match, Paper, Topic
from newsletter.ports import Matcher


def match(
    topics: Sequence[Topic], papers: Sequence[Paper], matcher: Matcher
) -> dict[int, Sequence[Match]]:
    """Return the papers of every topic, best first. Topics with the same query share one result."""
    first_with: dict[str, int] = {}
    for topic in topics:
        first_with.setdefault(topic.query, topic.id)
    with growing():
        found = matcher.match({id: query for query, id in first_with.items()}, papers)
    return {topic.id: found[first_with[topic.query]] for topic in topics}
