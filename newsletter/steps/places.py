"""Rank the papers of one field by warmth, without the full effect of a jump in one reading. Pure; a
part of `trend`.

Votes can be bought, and the counter does not show which ones. So the growth in the last reading
moves a paper by a few places only, until it is a day old or a later reading has come; it moves a
paper to the first places only with a second source. `benchmarks/heat_price` measures what a place
costs.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

#: Most places that a paper rises with one reading, and number of first places that need two
#: sources.
STEP, TOP = 3, 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A paper with signals: its warmth, and its warmth without its last readings."""

    key: int
    warmth: float
    before: float
    has_two_sources: bool


def ranked(entries: Sequence[Entry]) -> dict[int, float]:
    """Return Paper.key -> the warmth of the paper's place.

    Each place is taken by the warmest paper that may have it; without jumps that is the order by
    warmth.
    """
    warmths = sorted(entry.warmth for entry in entries)
    if not any(entry.before < entry.warmth for entry in entries):
        return {entry.key: entry.warmth for entry in entries}
    before = sorted(entry.before for entry in entries)
    waiting = sorted(
        ((_first_place(entry, before), -entry.warmth, entry.key) for entry in entries),
        reverse=True,
    )
    found: dict[int, float] = {}
    ready: list[tuple[float, int]] = []
    for place, warmth in enumerate(reversed(warmths)):
        while waiting and (waiting[-1][0] <= place or not ready):
            heappush(ready, waiting.pop()[1:])
        found[heappop(ready)[1]] = warmth
    return found


def _first_place(entry: Entry, before: Sequence[float]) -> int:
    """Return the best place, from 0, that a paper may have, by where it was."""
    if entry.before >= entry.warmth:
        return 0
    was = len(before) - bisect_right(before, entry.before)
    least = max(0, was - STEP)
    return max(least, TOP) if was >= TOP and not entry.has_two_sources else least
