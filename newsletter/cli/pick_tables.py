"""Picks as JSON and as a table: each with its scores, its heat and the reasons."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from newsletter.cli.output import table
from newsletter.models import FOLLOWED, HEAT_WORDS, NEAR_GIVEN, OUTSIDE, Pick, Reason, Topic
from newsletter.steps.compose.paper_facts import PaperFacts
from newsletter.steps.compose.renderer import Renderer

NO_TOPICS = {FOLLOWED: "(followed)", NEAR_GIVEN: "(near examples)", OUTSIDE: "(outside)"}
SCORES = ("score", "match", "trend")


def as_json(
    picks: Iterable[Pick], shown: Mapping[int, PaperFacts], topics: Mapping[int, Topic]
) -> list[dict[str, Any]]:
    return [
        {
            "id": shown[pick.paper].id,
            "title": shown[pick.paper].title,
            "topic": topic_name(pick.topic, topics),
            "score": round(pick.score, 3),
            "match": round(pick.match, 3),
            "heat": round(pick.heat, 3),
            "heat_word": HEAT_WORDS[shown[pick.paper].level],
            "heat_facts": list(map(asdict, shown[pick.paper].facts)),
            "heat_field": shown[pick.paper].field,
            "heat_place": shown[pick.paper].place,
            "reasons": [{"kind": reason.kind, "detail": reason.detail} for reason in pick.reasons],
        }
        for pick in picks
    ]


def tell(
    picks: Iterable[Pick],
    shown: Mapping[int, PaperFacts],
    topics: Mapping[int, Topic],
    renderer: Renderer,
    day: date,
    *,
    is_scored: bool = True,
) -> None:
    """Print a line for each pick of the letter of `day`; without scores and reasons if not
    `is_scored`.
    """
    rows: list[tuple[Any, ...]] = []
    for number, pick in enumerate(picks, 1):
        what = (topic_name(pick.topic, topics), shown[pick.paper].title)
        if is_scored:
            why = "; ".join(reason_in_words(reason, renderer) for reason in pick.reasons)
            rows.append(
                (
                    number,
                    pick.score,
                    pick.match,
                    pick.heat,
                    _heat(shown[pick.paper], renderer, day),
                    *what,
                    why,
                )
            )
        else:
            rows.append((number, HEAT_WORDS[shown[pick.paper].level], *what))
    columns = (
        ("#", *SCORES, "heat", "topic", "title", "why")
        if is_scored
        else ("#", "heat", "topic", "title")
    )
    table(columns, rows, right=("#", *SCORES))


def tell_passed(
    passed: Iterable[tuple[str, Pick]],
    shown: Mapping[int, PaperFacts],
    topics: Mapping[int, Topic],
    renderer: Renderer,
    day: date,
) -> None:
    """Print a line for each match that is not in the letter of `day`, with the rule that kept it
    out.
    """
    rows = [
        (
            rule.replace("_", " "),
            pick.score,
            pick.match,
            pick.heat,
            _heat(shown[pick.paper], renderer, day),
            topic_name(pick.topic, topics),
            shown[pick.paper].title,
        )
        for rule, pick in passed
    ]
    table(("rule", *SCORES, "heat", "topic", "title"), rows, right=SCORES)


def topic_name(topic: int, topics: Mapping[int, Topic]) -> str:
    if topic in NO_TOPICS:
        return NO_TOPICS[topic]
    return topics[topic].name if topic in topics else "(removed)"


def reason_in_words(reason: Reason, renderer: Renderer) -> str:
    """Return one reason in the words of letters. Reasons that letters only show as headings are
    returned as stored.
    """
    if reason.kind in ("topic", "outside"):
        return f"{reason.kind} {reason.detail}".strip()
    return renderer.reason(reason)


def _heat(paper: PaperFacts, renderer: Renderer, day: date) -> str:
    """Return the word, the fact, and the place among the papers of the field."""
    said = [HEAT_WORDS[paper.level], renderer.signal(paper, day)]
    if paper.place:
        said.append(f"number {paper.place[0]} of {paper.place[1]} in {paper.field or 'all fields'}")
    return ", ".join(filter(None, said))
