"""State of each source, records of runs, and small facts about the site."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from newsletter.models import Ask, Harvest, SourceState
from newsletter.store.db import insert_into
from newsletter.store.tables import runs, site, sources

TROUBLES = (SourceState.STALLED, SourceState.FAILED)


def source_states(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return name -> its state.

    {state, at, fresh_at, answered_at, not_before, troubled_since, troubles, seen, new, updated,
    merged, error, units: [{name, state, seen, error, since}], moved_to, moved_since}.
    """
    found = {}
    for row in connection.execute(select(sources).order_by(sources.c.name)):
        found[row.name] = {k: v for k, v in row._mapping.items() if k not in ("name", "memory")}
        found[row.name] |= {k: row.memory.get(k, "") for k in ("moved_to", "moved_since")}
    return found


def ask(connection: Connection, name: str, now: datetime, repositories: Mapping[str, str]) -> Ask:
    """Build what a source is given: when it last answered, and the state that it stored."""
    row = connection.execute(select(sources).where(sources.c.name == name)).first()
    return (
        Ask(now, row.answered_at, row.memory, repositories)
        if row
        else Ask(now, repositories=repositories)
    )


def resting(connection: Connection, now: datetime) -> dict[str, datetime]:
    """Return source -> moment before which it asked not to be fetched."""
    rows = connection.execute(
        select(sources.c.name, sources.c.not_before).where(sources.c.not_before > now)
    )
    return {row.name: row.not_before for row in rows}


def note_source(
    connection: Connection, harvest: Harvest, counts: Mapping[str, int], now: datetime
) -> None:
    """Store how a source answered.

    After a failure the data of the last good answer stay, and when the trouble began.
    """
    before = connection.execute(select(sources).where(sources.c.name == harvest.source)).first()
    since = {unit["name"]: unit.get("since") for unit in before.units} if before else {}
    units = [
        {"name": u.name, "state": u.state, "seen": u.seen, "error": u.error}
        | (
            {"since": since.get(u.name) or now.isoformat(timespec="seconds")}
            if u.state in TROUBLES
            else {}
        )
        for u in harvest.units
    ]
    is_troubled = harvest.state in TROUBLES
    row: dict[str, Any] = {
        "name": harvest.source,
        "state": harvest.state,
        "at": now,
        "error": harvest.error,
        "not_before": None,
        "units": units,
        "troubled_since": ((before and before.troubled_since) or now) if is_troubled else None,
        "troubles": (before.troubles if before else 0) + 1
        if is_troubled or any("since" in u for u in units)
        else 0,
        **counts,
    }
    if harvest.retry_after_s is not None:
        row["not_before"] = now + timedelta(seconds=harvest.retry_after_s)
    if harvest.state is not SourceState.FAILED:
        row["answered_at"] = now
    if harvest.memory or harvest.state is not SourceState.FAILED:
        row["memory"] = dict(harvest.memory)
    if harvest.state is SourceState.FRESH:
        row["fresh_at"] = now
    upsert = insert_into(connection, sources).values(row)
    connection.execute(upsert.on_conflict_do_update(index_elements=["name"], set_=row))


def start_run(connection: Connection, at: datetime, started: datetime) -> int:
    """Open the record of a run; `at` is the moment it works for, `started` the wall clock."""
    id: int = connection.execute(
        insert(runs).values(at=at, started=started).returning(runs.c.id)
    ).scalar_one()
    return id


def finish_run(
    connection: Connection, id: int, finished: datetime, outcome: str, report: Mapping[str, Any]
) -> None:
    values = {"finished": finished, "outcome": outcome, "report": dict(report)}
    connection.execute(update(runs).where(runs.c.id == id).values(values))


def last_run(connection: Connection) -> dict[str, Any] | None:
    """Return the latest run: {at, started, finished, outcome, report}.

    Without `finished` it died or still runs.
    """
    row = connection.execute(select(runs).order_by(runs.c.id.desc()).limit(1)).first()
    return {k: v for k, v in row._mapping.items() if k != "id"} if row else None


def fact(connection: Connection, name: str) -> dict[str, Any] | None:
    """Return a small fact about the site, if it was stored."""
    value: dict[str, Any] | None = connection.scalar(
        select(site.c.value).where(site.c.name == name)
    )
    return value


def note_first(connection: Connection, name: str, value: Mapping[str, Any]) -> None:
    """Store a fact unless it exists; the first value stays."""
    connection.execute(
        insert_into(connection, site).values(name=name, value=dict(value)).on_conflict_do_nothing()
    )


def note_fact(connection: Connection, name: str, value: Mapping[str, Any]) -> None:
    upsert = insert_into(connection, site).values(name=name, value=dict(value))
    connection.execute(
        upsert.on_conflict_do_update(index_elements=["name"], set_={"value": dict(value)})
    )
