"""The state of daily lists: for each part of a source and each day: due, read, empty or missing.

A day is covered only when its own list was read.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from newsletter.list_days import Calendar
from newsletter.models import COVERED, DayList, ListState
from newsletter.store.db import chunks, insert_into
from newsletter.store.tables import source_lists
from newsletter.store.unknown_values import stored

#: Lists older than this are no longer fetched: they stay missing and are reported.
HORIZON = timedelta(days=30)
#: A list that could not be fetched is missing when this time has passed since it was due.
LATE = timedelta(hours=24)

Plans = Mapping[str, tuple[Calendar, Sequence[str]]]  #: source -> its calendar and its units


def open_due(
    connection: Connection,
    source: str,
    plan: tuple[Calendar, Sequence[str]],
    now: datetime,
    since: datetime | None,
) -> tuple[DayList, ...]:
    """Add every list that is due by `now`; return the lists within `HORIZON`, oldest first.

    A part without lists starts with the day of `since`, the source's last good answer, or today.
    """
    calendar, units = plan
    today = calendar.today(now)
    last = _last_days(connection, source)
    rows = []
    for unit in units:
        first = last[unit] + timedelta(days=1) if unit in last else calendar.today(since or now)
        for day in calendar.days(first, today):
            is_late = day < today - HORIZON
            state = ListState.MISSING if is_late else ListState.DUE
            reason = f"not looked at for {HORIZON.days} days" if is_late else ""
            rows.append(DayList(unit, day, state, reason=reason))
    _write(connection, source, rows, now)
    return tuple(
        one
        for one in of_source(connection, source, today - HORIZON)
        if one.unit in units and one.day <= today
    )


def note(connection: Connection, source: str, lists: Iterable[DayList], now: datetime) -> None:
    """Store the states that a fetch found. A list that was read stays read."""
    _write(connection, source, lists, now)


def of_source(connection: Connection, source: str, since: date) -> list[DayList]:
    """List the lists of a source from a day on, oldest first."""
    query = select(source_lists).where(source_lists.c.source == source, source_lists.c.day >= since)
    rows = connection.execute(query.order_by(source_lists.c.day, source_lists.c.unit))
    return [
        DayList(row.unit, row.day, stored(ListState, row.state), row.seen, row.reason)
        for row in rows
    ]


def missing(connection: Connection, plans: Plans, now: datetime) -> dict[str, list[DayList]]:
    """Return source -> lists that are missing, oldest first, whatever their age."""
    found: dict[str, list[DayList]] = {}
    for source, (calendar, units) in plans.items():
        rows = of_source(connection, source, date.min)
        late = [
            one
            for one in rows
            if one.unit in units
            and not one.is_covered
            and calendar.due_at(one.day) + (LATE if one.reason else calendar.patience) < now
            and (calendar.must_have_list(one.day) or one.reason)
        ]
        if late:
            found[source] = late
    return found


def figures(connection: Connection, plans: Plans, now: datetime) -> dict[str, Any]:
    """Return source -> counts of lists due, read, empty and missing, and uncovered days.

    Days and counts include lists of any age.
    """
    shown: dict[str, Any] = {}
    late = missing(connection, plans, now)
    for source, (_, units) in plans.items():
        counted = dict.fromkeys(ListState, 0)
        query = select(source_lists.c.state, func.count().label("number")).where(
            source_lists.c.source == source, source_lists.c.unit.in_(units)
        )
        for row in connection.execute(query.group_by(source_lists.c.state)):
            counted[stored(ListState, row.state)] = row.number
        days = [
            {
                "day": f"{day}",
                "units": [one.unit for one in of_day],
                "reason": next((one.reason for one in of_day if one.reason), "not read yet"),
            }
            for day, group in groupby(late.get(source, ()), key=lambda one: one.day)
            for of_day in [list(group)]
        ]
        shown[source] = {str(state): number for state, number in counted.items()}
        shown[source]["not_covered"] = days
    return shown


def _last_days(connection: Connection, source: str) -> dict[str, date]:
    query = select(source_lists.c.unit, func.max(source_lists.c.day).label("day"))
    rows = connection.execute(
        query.where(source_lists.c.source == source).group_by(source_lists.c.unit)
    )
    return {row.unit: row.day for row in rows}


def _write(connection: Connection, source: str, lists: Iterable[DayList], now: datetime) -> None:
    rows = {
        (one.unit, one.day): {
            "source": source,
            "unit": one.unit,
            "day": one.day,
            "state": str(one.state),
            "seen": one.seen,
            "reason": one.reason[:500],
            "at": now,
        }
        for one in lists
    }
    for part in chunks(list(rows.values()), 100):
        adding = insert_into(connection, source_lists).values(part)
        new = adding.excluded
        is_open = source_lists.c.state.not_in(COVERED)
        is_read = new.state.in_(COVERED)
        connection.execute(
            adding.on_conflict_do_update(
                index_elements=["source", "unit", "day"],
                set_={name: new[name] for name in ("state", "seen", "reason", "at")},
                where=or_(is_open, and_(is_read, new.seen >= source_lists.c.seen)),
            )
        )
