"""Match: topics and papers in, each topic's papers out. Every distinct query is asked once, however many read it."""

from collections.abc import Sequence

from newsletter.models import Match, Paper, Topic
from newsletter.ports import Matcher


def match(topics: Sequence[Topic], papers: Sequence[Paper], matcher: Matcher) -> dict[int, list[Match]]:
    """Find each topic's papers above its cut, best first; keys are topic ids."""
    asked: dict[str, int] = {}
    for topic in topics:
        asked.setdefault(topic.query, topic.id)
    found = matcher.match({id: query for query, id in asked.items()}, papers)
    return {topic.id: found.get(asked[topic.query], []) for topic in topics}
