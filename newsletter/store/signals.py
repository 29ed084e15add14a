"""Readings of attention counters, and the heats of the last run. `steps.trend` interprets them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select

from newsletter.models import Fact, Heat, Signal
from newsletter.store import merged
from newsletter.store.db import chunks, insert_into
from newsletter.store.tables import heats, paper_keys, signals


def record(connection: Connection, readings: Iterable[Signal]) -> int:
    """Write readings of known papers; return how many were new.

    A counter that did not change is not written again. Readings of one source at one moment for
    several identifiers of a paper are added up.
    """
    readings = list(readings)
    papers: dict[str, int] = {}
    shown = merged.shown_as(connection)
    for part in chunks(sorted({reading.about for reading in readings})):
        found = connection.execute(
            select(paper_keys.c.name, paper_keys.c.paper).where(paper_keys.c.name.in_(part))
        )
        # A merged paper keeps its own readings, so that a split takes them with it.
        rows_of = sorted(found.all(), key=lambda row: row.paper in shown)
        papers.update((row.name, row.paper) for row in rows_of)
    counters: dict[tuple[int, str, str, datetime], dict[str, float]] = defaultdict(dict)
    for reading in readings:
        if (paper := papers.get(reading.about)) is not None:
            of_names = counters[paper, reading.source, reading.kind, reading.at]
            of_names[reading.about] = reading.value
    last = _last(connection, set(papers.values()))
    rows = []
    for key in sorted(counters, key=lambda key: key[3]):
        paper, source, kind, at = key
        value = sum(counters[key].values())
        if last.get((paper, source, kind)) != value:
            last[paper, source, kind] = value
            rows.append({"paper": paper, "source": source, "kind": kind, "value": value, "at": at})
    if rows:
        connection.execute(insert_into(connection, signals).on_conflict_do_nothing(), rows)
    return len(rows)


def _last(connection: Connection, papers: set[int]) -> dict[tuple[int, str, str], float]:
    values: dict[tuple[int, str, str], float] = {}
    for part in chunks(sorted(papers)):
        latest = (
            select(
                signals.c.paper,
                signals.c.source,
                signals.c.kind,
                func.max(signals.c.at).label("at"),
            )
            .where(signals.c.paper.in_(part))
            .group_by(signals.c.paper, signals.c.source, signals.c.kind)
            .subquery()
        )
        same = and_(
            *(signals.c[name] == latest.c[name] for name in ("paper", "source", "kind", "at"))
        )
        for row in connection.execute(select(signals).join(latest, same)):
            values[row.paper, row.source, row.kind] = row.value
    return values


def of_papers(
    connection: Connection, keys: Iterable[int], until: datetime
) -> dict[int, list[Signal]]:
    """Return the readings of these papers up to a moment, oldest first.

    A paper also has the readings of papers merged into it. What one source counted under several
    names is added up; the stars of a repository are the same under every name.
    """
    wanted = set(keys)
    lending = {paper: root for paper, root in merged.shown_as(connection).items() if root in wanted}
    found = _readings(connection, wanted | lending.keys(), until)
    for other, paper in lending.items():
        theirs = found.get(other, []) if other in wanted else found.pop(other, [])
        found[paper] = _added_up(found.get(paper, []), theirs)
    return found


def _added_up(own: list[Signal], theirs: list[Signal]) -> list[Signal]:
    """The readings of two names of one paper: at each moment the sum of the latest of both."""
    if not theirs:
        return own
    latest: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    summed: dict[tuple[str, str, datetime], Signal] = {}
    both = [(reading, name) for name, readings in enumerate((own, theirs)) for reading in readings]
    for reading, name in sorted(both, key=lambda one: one[0].at):
        values = latest[reading.source, reading.kind]
        values[name] = reading.value
        value = max(values.values()) if reading.kind == "stars" else sum(values.values())
        summed[reading.source, reading.kind, reading.at] = replace(reading, value=value)
    return list(summed.values())


def _readings(connection: Connection, keys: set[int], until: datetime) -> dict[int, list[Signal]]:
    found: dict[int, list[Signal]] = defaultdict(list)
    for part in chunks(sorted(keys)):
        rows = connection.execute(
            select(signals)
            .where(signals.c.paper.in_(part), signals.c.at <= until)
            .order_by(signals.c.at, signals.c.id)
        )
        for row in rows:
            found[row.paper].append(Signal("", row.kind, row.source, row.value, row.at))
    return dict(found)


def write_heats(connection: Connection, measured: Mapping[int, Heat], now: datetime) -> None:
    """Replace the heats of the last run."""
    connection.execute(delete(heats))
    rows = [
        {
            "paper": paper,
            "value": heat.value,
            "level": heat.level,
            "field": heat.field,
            "at": now,
            "facts": [[fact.kind, fact.count, fact.days] for fact in heat.facts],
            "components": dict(heat.components),
        }
        for paper, heat in measured.items()
    ]
    if rows:
        connection.execute(insert(heats), rows)


def heats_of(connection: Connection, keys: Iterable[int]) -> dict[int, Heat]:
    found: dict[int, Heat] = {}
    for part in chunks(sorted(set(keys))):
        found.update(
            (row.paper, _heat(row))
            for row in connection.execute(select(heats).where(heats.c.paper.in_(part)))
        )
    return found


def hottest(connection: Connection, limit: int) -> list[tuple[int, Heat]]:
    """List the hottest papers of the last run, hottest first."""
    rows = connection.execute(
        select(heats).order_by(heats.c.value.desc(), heats.c.paper).limit(limit)
    )
    return [(row.paper, _heat(row)) for row in rows]


def _heat(row: Any) -> Heat:
    return Heat(
        row.value, row.level, row.field, tuple(Fact(*fact) for fact in row.facts), row.components
    )
