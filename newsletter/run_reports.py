"""What a command did, for people and for scripts; the report of a run is kept in the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from newsletter.store import runs
from newsletter.store.db import writing


@dataclass
class Report:
    """What a command did: `data` is its JSON; `problems` are sentences."""

    data: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    is_unreachable: bool = False  #: the relay, or every source, did not answer


@asynccontextmanager
async def on_record(engine: Engine, now: datetime) -> AsyncIterator[Report]:
    """Store the report of a run. If the process dies, the stored run has no end."""
    report = Report({})
    with writing(engine) as connection:
        number = runs.start_run(connection, now, datetime.now(UTC))
    outcome = "failed"
    try:
        yield report
        outcome = "partly" if report.problems else "done"
    finally:
        with writing(engine) as connection:
            runs.finish_run(connection, number, datetime.now(UTC), outcome, report.data)
