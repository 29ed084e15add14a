"""Statistics of the site by day: readers, letters, sources, papers, topics.

Opens and clicks of readers are not known: letters have no pixel, and links are not rewritten.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from newsletter.config import Config
from newsletter.models import ListState, SourceState
from newsletter.moments import iso
from newsletter.sources.registry import list_plans
from newsletter.store import ledger_read, source_lists, statistics, subscribers
from newsletter.store.db import reading

#: The states of a source on one day, best first. The best answer of a day counts, except that a
#: missing list is reported.
DAY_STATES = (*SourceState, "missing", "none")
NO_OPENS = (
    "Opens and clicks are not counted: letters carry no pixel, and links lead to the paper itself."
)


#: The steps of "delivery", in words for people.
STEPS = {
    f"within_{seconds}_s": f"within {seconds // 60} min"
    if seconds < 3600
    else f"within {seconds // 3600} h"
    for seconds in statistics.WITHIN_S
} | {"later": "later"}


def statistics_of(engine: Engine, config: Config, now: datetime, days: int) -> dict[str, Any]:
    """Return the statistics of the last `days` UTC days, today included.

    Keys are public. A series has one number per day, oldest first, and their sum in `total`.
    """
    last = now.astimezone(UTC).date()
    span = [last - timedelta(days=n) for n in reversed(range(days))]
    since = datetime.combine(span[0], time(), UTC)
    with reading(engine) as connection:
        return {
            "at": iso(now),
            "days": [f"{day}" for day in span],
            "readers": {
                "now": subscribers.count_states(connection),
                **{
                    name: _series(by_day, span)
                    for name, by_day in statistics.readers_by_day(connection, since).items()
                },
            },
            "letters": _letters(connection, span),
            "delivery": _delivery(connection, span[0]),
            "refusals": [
                {"domain": domain, "letters": letters, "last_reply": reply}
                for domain, letters, reply in statistics.refusals_by_domain(connection, span[0])
            ],
            "sources": _sources(connection, config, span, since),
            "papers": _papers(connection, span, since),
            "topics": [
                {"topic": topic, "readers": readers}
                for topic, readers in statistics.readers_by_topic(connection)
            ],
            "not_counted": NO_OPENS,
        }


def _series(by_day: Mapping[date, int], span: list[date]) -> dict[str, Any]:
    numbers = [by_day.get(day, 0) for day in span]
    return {"total": sum(numbers), "by_day": numbers}


def _letters(connection: Connection, span: list[date]) -> dict[str, Any]:
    """Return state -> letters by the date of their issue."""
    counted: dict[str, dict[date, int]] = {}
    for issue in ledger_read.issue_counts(connection, limit=len(span) + 1):
        day = date.fromisoformat(issue["date"])
        for state in (*ledger_read.STATES, "quiet"):
            counted.setdefault(state, {})[day] = issue[state]
    return {state: _series(by_day, span) for state, by_day in counted.items()}


def _delivery(connection: Connection, since: date) -> dict[str, Any]:
    numbers = statistics.delivery_times(connection, since)
    return {"letters": sum(numbers), **dict(zip(STEPS, numbers, strict=True))}


def _sources(
    connection: Connection, config: Config, span: list[date], since: datetime
) -> dict[str, list[str]]:
    """Return source -> its state on each day, one of `DAY_STATES`."""
    found: dict[str, dict[date, str]] = {}
    for day, sources in statistics.source_answers(connection, since):
        for name, answer in sources.items():
            days = found.setdefault(name, {})
            days[day] = _best((days.get(day, "none"), answer["state"]))
    for name in list_plans(config):
        for one in source_lists.of_source(connection, name, span[0]):
            if one.state == ListState.MISSING:
                found.setdefault(name, {})[one.day] = "missing"
    return {name: [found[name].get(day, "none") for day in span] for name in sorted(found)}


def _best(states: Iterable[str]) -> str:
    return min(states, key=DAY_STATES.index)


def _papers(connection: Connection, span: list[date], since: datetime) -> dict[str, Any]:
    """Return new papers by day, and by archive ("cs", "q-bio"; "other" without a category)."""
    by_archive: dict[str, dict[date, int]] = {}
    for field, by_day in statistics.papers_by_day(connection, since).items():
        days = by_archive.setdefault(field.partition(".")[0] or "other", {})
        for day, number in by_day.items():
            days[day] = days.get(day, 0) + number
    everything: dict[date, int] = {}
    for by_day in by_archive.values():
        for day, number in by_day.items():
            everything[day] = everything.get(day, 0) + number
    fields = {name: _series(by_day, span) for name, by_day in by_archive.items()}
    ordered = sorted(fields.items(), key=lambda one: (-one[1]["total"], one[0]))
    return {**_series(everything, span), "by_field": dict(ordered)}
