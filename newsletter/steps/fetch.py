"""Ask all sources at once. A failed source is a value, and the others go on. The caller stores the
result.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from newsletter.models import Ask, Harvest, SourceState
from newsletter.ports import Source

#: arXiv allows a request every three seconds: every category and a month to catch up take minutes.
DEADLINE_S = 900.0
#: The last part of the deadline is for returning what was read.
RESERVE = 0.1
LONGEST_WAIT_S = 86_400.0
#: A source that failed is asked again after this, then after twice as long, and so on.
FIRST_WAIT = timedelta(minutes=15)
#: A stalled source is asked again after this, this many times (C05); then in its turn.
STALLED_WAIT, STALLED_TRIES = timedelta(minutes=10), 3


async def fetch(
    sources: Iterable[Source], asks: Mapping[str, Ask], deadline_s: float = DEADLINE_S
) -> list[Harvest]:
    """Ask the sources in `asks`, all at once; the harvests are in the order of the sources.

    A source is told when to end, and returns what it has read by then. One that raises, or is not
    done by the deadline, has failed. If a failed source asks to be left alone, the wait doubles
    with each failure in a row, up to a day (C03); the source's memory has their number.
    """
    named = [source for source in sources if source.name in asks]
    return list(
        await asyncio.gather(*(_fetch(source, asks[source.name], deadline_s) for source in named))
    )


def retry_at(
    state: str, troubles: int, at: datetime, not_before: datetime | None = None
) -> datetime | None:
    """Return when to ask a source again that answered badly `troubles` times in a row, the last
    time `at`. None: in its turn.
    """
    if state == SourceState.FAILED:
        wait = min(
            FIRST_WAIT * (1 << min(max(troubles, 1) - 1, 10)), timedelta(seconds=LONGEST_WAIT_S)
        )
    elif state == SourceState.STALLED and troubles <= STALLED_TRIES:
        wait = STALLED_WAIT
    else:
        return not_before
    return max(at + wait, not_before or at)


async def _fetch(source: Source, ask: Ask, deadline_s: float) -> Harvest:
    until = asyncio.get_running_loop().time() + deadline_s * (1 - RESERVE)
    try:
        async with asyncio.timeout(deadline_s):
            harvest = await source.fetch(replace(ask, until=until))
    except TimeoutError:
        error = f"{source.name} was not done after {deadline_s:g} s"
        harvest = Harvest(source.name, SourceState.FAILED, error=error, memory=ask.memory)
    except Exception as e:  # a bug in one source must not stop the others
        error = f"{source.name} broke: {type(e).__name__}: {e}"
        harvest = Harvest(source.name, SourceState.FAILED, error=error, memory=ask.memory)
    return _back_off(harvest, ask)


def _back_off(harvest: Harvest, ask: Ask) -> Harvest:
    memory = {name: value for name, value in harvest.memory.items() if name != "failures"}
    if harvest.state is not SourceState.FAILED:
        return replace(harvest, memory=memory)
    before = int(ask.memory.get("failures", "0"))
    memory["failures"] = f"{before + 1}"
    if harvest.retry_after_s is None:
        return replace(harvest, memory=memory)
    wait = min(harvest.retry_after_s * 2 ** min(before, 10), LONGEST_WAIT_S)
    return replace(harvest, memory=memory, retry_after_s=wait)
