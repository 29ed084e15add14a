"""A cache of values that pages share."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
#: Most age of public pages in seconds, so that a busy site rarely asks its database.
FRESH_FOR_S = 10.0
#: Most values in the cache; when it is full, it is emptied.
MOST = 1000


class Kept:
    """Values by name. While one is computed, only requests for the same one wait."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, Any]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def fresh(self, name: str) -> Any:
        """Return the value if it is at most `FRESH_FOR_S` old; else None."""
        kept = self._values.get(name)
        return kept[1] if kept and kept[0] >= time.monotonic() - FRESH_FOR_S else None

    def get(self, name: str, make: Callable[[], T]) -> T:
        """Return the value of `make`, at most `FRESH_FOR_S` old. Raises what `make` raises."""
        value: T | None = self.fresh(name)
        if value is not None:
            return value
        with self._lock:
            if len(self._values) > MOST:
                self._values.clear()
                self._locks.clear()
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            value = self.fresh(name)
            if value is None:
                value = make()
                self._values[name] = time.monotonic(), value
        return value
