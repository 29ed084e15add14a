"""How long each stage of a run takes."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

#: The stages of a run, in order.
STAGES = ("fetch", "dedupe", "trend", "match", "choose", "freeze", "deliver")


class Stopwatch:
    """Seconds per stage, for the report of a run. The time of an inner stage does not count for the
    outer one.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._within = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start, outer, self._within = time.perf_counter(), self._within, 0.0
        try:
            yield
        finally:
            took = time.perf_counter() - start
            self.seconds[name] += took - self._within
            self._within = outer + took

    def as_json(self) -> dict[str, float]:
        """Return the seconds of every stage, 0 if it did not run, and their sum as "total"."""
        seconds = {stage: round(self.seconds[stage], 3) for stage in STAGES}
        return seconds | {"total": round(sum(self.seconds.values()), 3)}
