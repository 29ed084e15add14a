"""Making a great many values that last. All of them are shared or kept, so nothing among them is
worth searching for.

Python's collector looks through everything there is, again and again, as a heap grows: a third of
the time in which an issue is planned for a million readers. Here it goes on looking through what is
new, and leaves what has lasted alone.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_USUAL = gc.get_threshold()
_NEW_ONLY = (10_000, 20, 1_000_000)


@contextmanager
def growing() -> Iterator[None]:
    """Search only what is new for garbage while this lasts; in every thread, for there is one
    heap.
    """
    gc.set_threshold(*_NEW_ONLY)
    try:
        yield
    finally:
        gc.set_threshold(*_USUAL)
