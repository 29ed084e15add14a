"""Rate limits: a token bucket for each relay and for each receiving domain, on one clock.

The achieved rate is the configured one. A server that replies "too fast" is slowed alone: to half
its rate, then by one more letter per second in each second without such a reply.
"""

import time
from collections.abc import Callable

#: Lost time is made up for, but a burst is at most this many seconds' worth.
BURST_S = 1.0
#: Least letters a second for a receiver.
LEAST = 0.2


class Bucket:
    """One limit. `rate` is letters a second; infinite = none."""

    def __init__(self, rate: float = 0.0) -> None:
        self.ceiling = self.rate = rate if rate > 0 else float("inf")
        self.next = float("-inf")  #: time at which the next letter may be sent
        self._second, self._number, self._before = -1, 0, 0
        self._changed = float("-inf")

    def take(self, now: float) -> float:
        """Use one token; return the time from which it is valid."""
        at = max(self.next, now - BURST_S) if self.next != float("-inf") else now
        self.next = at + 1 / self.rate
        if int(now) != self._second:
            self._before = self._number if int(now) == self._second + 1 else 0
            self._second, self._number = int(now), 0
        self._number += 1
        return at

    def slow(self, now: float) -> None:
        """Halve the rate, at most once a second: simultaneous refusals count as one."""
        if now < self._changed + 1:
            return
        had = self.rate if self.rate != float("inf") else max(self._number, self._before, 1)
        self.rate, self._changed = max(had / 2, LEAST), now
        self.next = max(self.next, now) + 1 / self.rate

    def content(self, now: float) -> None:
        """Note that a letter was accepted: one letter a second more, each second, up to the
        configured rate.
        """
        if self.rate < self.ceiling and now >= self._changed + 1:
            self.rate, self._changed = min(self.rate + 1, self.ceiling), now


class Pace:
    """The rate of each receiving domain. Times are seconds of `clock`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._seen: dict[str, Bucket] = {}

    def of(self, name: str) -> Bucket:
        """Return the bucket of a receiving domain."""
        return self._seen.setdefault(name, Bucket())

    def is_ready(self, name: str) -> bool:
        """Return whether a receiver may get a letter now; if so, the letter is counted."""
        now, bucket = self.clock(), self.of(name)
        if bucket.next > now and bucket.rate != float("inf"):
            return False
        bucket.take(now)
        return True

    def wait_s(self, name: str) -> float:
        """Return the seconds until a receiver may get a letter."""
        return max(0.0, self.of(name).next - self.clock())

    def note(self, name: str, code: int) -> None:
        """Learn from a reply: 421 and 454 slow the receiver that gave it."""
        if code in (421, 454):
            self.of(name).slow(self.clock())
        elif code // 100 == 2:
            self.of(name).content(self.clock())
