"""The state of a source from its parts, and what was there last time.

A source never says "0 papers, ok": nothing new is `quiet`; nothing although something was due is
`stalled`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from hashlib import sha256

from newsletter.models import NOTHING, Ask, Harvest, SourceState, Unit
from newsletter.sources.http import FetchError

#: The whole is as good as its best part, but a failure is worse than silence: a source with one
#: fresh and one failed category is fresh and says what failed.
_ORDER = (SourceState.FRESH, SourceState.FAILED, SourceState.STALLED, SourceState.QUIET)


def overall(units: Sequence[Unit]) -> tuple[SourceState, str]:
    """Return the state of a source, and a sentence if something is wrong."""
    states = {unit.state for unit in units}
    state = next((state for state in _ORDER if state in states), SourceState.QUIET)
    return state, "; ".join(f"{unit.name}: {unit.error}" for unit in units if unit.error)


@asynccontextmanager
async def in_time(ask: Ask) -> AsyncIterator[None]:
    """Do one part of a fetch if there is time left.

    Raises: FetchError when there is none; the results of other parts are kept.
    """
    try:
        async with asyncio.timeout_at(ask.until):
            yield
    except TimeoutError as e:
        raise FetchError("there was no time left for it", "deadline") from e


def failed(source: str, error: FetchError, memory: Mapping[str, str] = NOTHING) -> Harvest:
    """Return a harvest that failed as a whole; the memory is kept for the next fetch."""
    return Harvest(
        source,
        SourceState.FAILED,
        error=error.message,
        memory=dict(memory),
        retry_after_s=error.retry_after_s,
    )


def marks(ids: Iterable[str]) -> str:
    """Return ids in short form, to be stored: eight hexadecimal digits each, in their order."""
    return " ".join(sha256(name.encode()).hexdigest()[:8] for name in ids)


def has_new(ids: Iterable[str], remembered: str) -> bool:
    """Return whether an id is not among the stored marks."""
    return not set(marks(ids).split()) <= set(remembered.split())


def working_days_between(after: date, before: date) -> int:
    """Return the number of days from Monday to Friday, both ends excluded."""
    days = (after + timedelta(days=n) for n in range(1, (before - after).days))
    return sum(day.weekday() < 5 for day in days)
