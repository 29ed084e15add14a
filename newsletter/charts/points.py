"""Series of a paper's counters by day, from the readings of its sources."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

from newsletter.models import Signal

#: Days of a small chart beside a title.
SPARK_DAYS = 7
#: Steps of height in a small chart; 0 is a day without growth.
STEPS = 7
#: The order in which counters are shown.
KINDS = ("upvotes", "stars", "points", "comments", "mentions")


@dataclass(frozen=True, slots=True)
class Series:
    """One counter by day."""

    kind: str  #: as in Signal.kind
    first: date  #: UTC day of the first total
    totals: tuple[float, ...]  #: the counter at the end of each day, without gaps

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range(len(self.totals))]

    @property
    def has_changed(self) -> bool:
        """Return whether there is a line to draw."""
        return self.totals[0] != self.totals[-1]

    def growth(self, until: date, days: int = SPARK_DAYS) -> tuple[float, ...]:
        """Return the growth on each of the `days` up to and including `until`, oldest first; never
        negative.
        """
        grown = dict(zip(self.days, _gains(self.totals), strict=True))
        return tuple(grown.get(until - timedelta(days=n), 0.0) for n in reversed(range(days)))


def series(readings: Iterable[Signal], now: datetime) -> list[Series]:
    """Return the counters of one paper up to `now`; sources of one kind are added up.

    A day without a reading has the total of the day before. Readings in the future and numbers that
    are not finite are ignored.
    """
    last: dict[str, dict[str, dict[date, float]]] = defaultdict(lambda: defaultdict(dict))
    for one in sorted(readings, key=lambda one: one.at):
        if one.kind in KINDS and one.at <= now and 0 <= one.value < float("inf"):
            last[one.kind][one.source][one.at.date()] = one.value
    found = []
    for kind in KINDS:
        if sources := last.get(kind):
            first = min(min(days) for days in sources.values())
            number = (now.date() - first).days + 1
            each = [_filled(days, first, number) for days in sources.values()]
            found.append(Series(kind, first, tuple(map(sum, zip(*each, strict=True)))))
    return found


def steps(growth: Sequence[float]) -> tuple[int, ...]:
    """Return heights from 0 to STEPS: the largest growth is STEPS, any growth is at least 1."""
    most = max(growth, default=0)
    return tuple(round(1 + (STEPS - 1) * one / most) if one > 0 else 0 for one in growth)


def _filled(days: dict[date, float], first: date, number: int) -> list[float]:
    totals, total = [], 0.0
    for n in range(number):
        total = days.get(first + timedelta(days=n), total)
        totals.append(total)
    return totals


def _gains(totals: Sequence[float]) -> list[float]:
    return [max(0.0, b - a) for a, b in zip((0.0, *totals), totals, strict=False)]


def folded(numbers: Sequence[float], most: int) -> tuple[float, ...]:
    """Sum a series into at most `most` groups of neighbours of equal size; only the first group may
    be smaller.
    """
    size = max(1, ceil(len(numbers) / most))
    ends = range(len(numbers), 0, -size)
    return tuple(sum(numbers[max(0, end - size) : end]) for end in reversed(ends))
