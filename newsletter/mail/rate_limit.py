"""How fast letters leave: a token bucket for each relay and for each receiving domain, on one
clock.

The configured rate is the achieved one. Who says "too fast" is slowed alone: half its rate, then
one more a second each second that it is content.
"""

import time
from collections.abc import Callable

#: Time that was lost is made up for, but never by a burst of more than this many seconds' worth.
BURST_S = 1.0
#: No receiver is slowed below this many letters a second.
LEAST = 0.2


class Bucket:
    """One limit. `rate` is letters a second; infinite = none."""

    def __init__(self, rate: float = 0.0) -> None:
        self.ceiling = self.rate = rate if rate > 0 else float("inf")
        self.next = float("-inf")  #: the moment at which the next letter may leave
        self._second, self._number, self._before = -1, 0, 0
        self._changed = float("-inf")

    def take(self, now: float) -> float:
        """Use one token; returns the moment from which it is good."""
        at = max(self.next, now - BURST_S) if self.next != float("-inf") else now
        self.next = at + 1 / self.rate
        if int(now) != self._second:
            self._before = self._number if int(now) == self._second + 1 else 0
            self._second, self._number = int(now), 0
        self._number += 1
        return at

    def slow(self, now: float) -> None:
        """Halve the rate, at most once a second: connections that were refused together count as
        one.
        """
        if now < self._changed + 1:
            return
        had = self.rate if self.rate != float("inf") else max(self._number, self._before, 1)
        self.rate, self._changed = max(had / 2, LEAST), now
        self.next = max(self.next, now) + 1 / self.rate

    def content(self, now: float) -> None:
        """A letter was taken: one a second more, each second, up to the configured rate."""
        if self.rate < self.ceiling and now >= self._changed + 1:
            self.rate, self._changed = min(self.rate + 1, self.ceiling), now


class Pace:
    """What each receiving domain takes. Times are seconds of `clock`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._seen: dict[str, Bucket] = {}

    def of(self, name: str) -> Bucket:
        """The bucket of a receiving domain."""
        return self._seen.setdefault(name, Bucket())

    def is_ready(self, name: str) -> bool:
        """Whether a receiver may get a letter now; the letter is counted when it may."""
        now, bucket = self.clock(), self.of(name)
        if bucket.next > now and bucket.rate != float("inf"):
            return False
        bucket.take(now)
        return True

    def wait_s(self, name: str) -> float:
        """Seconds until a receiver may get a letter."""
        return max(0.0, self.of(name).next - self.clock())

    def note(self, name: str, code: int) -> None:
        """Learn from an answer: 421 and 454 slow the one that gave it."""
        if code in (421, 454):
            self.of(name).slow(self.clock())
        elif code // 100 == 2:
            self.of(name).content(self.clock())
