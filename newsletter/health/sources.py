"""What the silence of a source means: what is wrong and since when, which sources are asked again,
what readers are told.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Engine

from newsletter.config import Config
from newsletter.models import DayList, SourceState
from newsletter.moments import iso
from newsletter.source_rows import titles
from newsletter.sources.registry import list_plans, paper_sources, source_names
from newsletter.steps.due import zone
from newsletter.steps.fetch import retry_at
from newsletter.store import runs, source_lists
from newsletter.store.db import reading, writing
from newsletter.store.runs import TROUBLES
from newsletter.text.secrets import without_secrets

#: Readers are told of a source whose news have been missing for longer than this …
STALE_AFTER = timedelta(hours=24)
#: … and only of lists of the last days: older papers are not new any more.
STALE_DAYS = timedelta(days=7)
#: Days after which the operator is told that a feed has moved for good; a mistake of its server is
#: over by then.
MOVED_DAYS = 2

Rows = Mapping[str, Mapping[str, Any]]  #: what `runs.source_states` returns


@dataclass(frozen=True)
class Trouble:
    """One problem of a source, or of one part of it."""

    source: str
    unit: str  #: empty: the whole source
    state: str
    since: datetime
    reason: str

    def __str__(self) -> str:
        name = f"{self.source} {self.unit}".rstrip()
        return (
            f"{name}: {self.state} since {self.since:%Y-%m-%d %H:%M} UTC: {self.reason}; nothing "
            f"to do while the fault is theirs; ask it now: newsletter fetch --source {self.source}"
        )


def troubles(rows: Rows) -> Iterator[Trouble]:
    """Yield everything that is stalled or failed, part by part if a source has parts."""
    for name, row in rows.items():
        units = [unit for unit in row["units"] if unit["state"] in TROUBLES]
        for unit in units:
            since = datetime.fromisoformat(unit["since"]) if unit.get("since") else row["at"]
            yield Trouble(name, unit["name"], unit["state"], since, unit["error"])
        if row["state"] in TROUBLES and not units:
            yield Trouble(name, "", row["state"], row["troubled_since"] or row["at"], row["error"])


def notes(rows: Rows) -> Iterator[str]:
    """Yield notes about sources that work: too many entries, a feed that has moved for good."""
    for name, row in rows.items():
        if (
            row["error"]
            and row["state"] not in TROUBLES
            and not any(u["state"] in TROUBLES for u in row["units"])
        ):
            yield f"{name}: {row['error']}; if it stays, change its url in config.toml"
    yield from moves(rows)


def moves(rows: Rows) -> Iterator[str]:
    """Yield feeds that have said for days that they have moved (C10). The configuration is not
    changed.
    """
    for name, row in rows.items():
        if (
            row["moved_to"]
            and (row["at"].date() - date.fromisoformat(row["moved_since"])).days >= MOVED_DAYS
        ):
            place = without_secrets(row["moved_to"])
            yield f"{name}: has moved to {place} for good, it says; change its url in config.toml"


def stale(rows: Rows, plans: source_lists.Plans, now: datetime) -> list[str]:
    """Return the sources without lists by day whose news have been missing for a day (C03)."""
    return [
        name
        for name, row in rows.items()
        if name not in plans and row["troubled_since"] and now - row["troubled_since"] > STALE_AFTER
    ]


def no_lists(
    late: Mapping[str, Sequence[DayList]], plans: source_lists.Plans, now: datetime
) -> list[tuple[str, list[str]]]:
    """Return the lists of the last days that readers miss, as (what readers know them as, days).

    `late`: for each source the lists that should be there, oldest first.
    """
    found: dict[str, list[str]] = {}
    for source, lists in late.items():
        recent = [one for one in lists if one.day >= now.date() - STALE_DAYS]
        for day, of_day in groupby(recent, key=lambda one: one.day):
            units = [one.unit for one in of_day]
            for title in titles(source, units, is_whole=set(units) == set(plans[source][1])):
                found.setdefault(title, []).append(f"{day}")
    return list(found.items())


def next_try(row: Mapping[str, Any]) -> datetime | None:
    """Return when a source is asked again before its turn. A failed part counts like the whole."""
    states = {row["state"], *(unit["state"] for unit in row["units"])}
    state = next(
        (state for state in (SourceState.FAILED, SourceState.STALLED) if state in states),
        row["state"],
    )
    return retry_at(state, row["troubles"], row["at"], row["not_before"])


def retries(rows: Rows, now: datetime) -> list[str]:
    """Return the sources in trouble that are to be asked again now."""
    return [
        n
        for n, row in rows.items()
        if row["troubles"] and (at := next_try(row)) is not None and at <= now
    ]


def waiting(rows: Rows, now: datetime) -> set[str]:
    """Return the sources that must not be asked yet, not even in their turn."""
    return {name for name, row in rows.items() if (at := next_try(row)) is not None and at > now}


def is_blackout(rows: Rows, config: Config) -> bool:
    """Return whether no source of papers gave a usable answer the last time (C27)."""
    asked = [rows[name] for name in paper_sources(config) if name in rows]
    return bool(asked) and all(row["state"] == SourceState.FAILED for row in asked)


def as_json(rows: Rows) -> dict[str, list[Any]]:
    """Return troubles, times of the next tries, and notes for the operator, for `status --json`."""
    return {
        "troubles": [
            {
                "source": t.source,
                "unit": t.unit,
                "state": t.state,
                "since": iso(t.since),
                "reason": t.reason,
            }
            for t in troubles(rows)
        ],
        "retries": [
            {"source": name, "at": iso(at)}
            for name, row in rows.items()
            if row["troubles"] and (at := next_try(row)) is not None
        ],
        "hints": list(moves(rows)),
    }


def in_public(rows: Rows) -> list[dict[str, str]]:
    """Return the troubles for everybody to read: without the query part of addresses, which may
    hold a key.
    """
    return [
        {**trouble, "reason": re.sub(r"\?[^\s;]+", "?…", trouble["reason"])}
        for trouble in as_json(rows)["troubles"]
    ]


# -- in the database -------------------------------------------------------------------------------


def now_and_later(engine: Engine, config: Config, now: datetime) -> tuple[list[str], list[str]]:
    """Return the sources in trouble that are to be asked again now, and all that may be asked in
    their turn.
    """
    with reading(engine) as connection:
        rows = runs.source_states(connection)
    again, not_yet = set(retries(rows, now)), waiting(rows, now)
    names = source_names(config)
    return [name for name in names if name in again], [
        name for name in names if name not in not_yet
    ]


def has_blackout(engine: Engine, config: Config) -> bool:
    with reading(engine) as connection:
        return is_blackout(runs.source_states(connection), config)


def settle(engine: Engine, config: Config, days: Iterable[date], now: datetime) -> bool:
    """Decide once which missing sources the letters of these days mention. Returns whether all days
    are decided.
    """
    with writing(engine) as connection:
        rows = runs.source_states(connection)
        plans = list_plans(config)
        late = source_lists.missing(connection, plans, now)
        told = {"sources": stale(rows, plans, now), "lists": no_lists(late, plans, now)}
        for day in days:
            runs.note_first(connection, f"stale {day}", told)
    return is_blackout(rows, config)


def note_no_content(engine: Engine, config: Config, readers: int, now: datetime) -> None:
    """Store that readers were due on a day when no source answered: they get no letter, and it is
    no quiet day.
    """
    if readers:
        day = now.astimezone(zone(config.site.timezone)).date()
        with writing(engine) as connection:
            runs.note_fact(
                connection, "no_content", {"date": f"{day}", "at": iso(now), "readers": readers}
            )
