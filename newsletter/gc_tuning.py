"""Create very many long-lived values quickly.

Python's garbage collector searches the whole heap again and again while it grows. That took a third
of the time of planning an issue for a million readers, and none of these values is garbage. Here
the collector searches new values only.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_USUAL = (10_000, 10, 10)
_NEW_ONLY = (10_000, 20, 1_000_000)
_SELDOM = (10_000, 20, 100)


def begin() -> None:
    """Search seldom, in the whole process from now on."""
    gc.set_threshold(*_USUAL)


def end() -> None:
    """Search nothing when the process exits: the system takes its memory back anyway."""
    gc.freeze()


@contextmanager
def growing() -> Iterator[None]:
    """Let the garbage collector search new values only, in all threads, until the block ends."""
    gc.set_threshold(*_NEW_ONLY)
    try:
        yield
    finally:
        gc.set_threshold(*_USUAL)


@contextmanager
def steady() -> Iterator[None]:
    """Leave alone what is there already, and search seldom, while the same work is done over and
    over: what it makes is mostly gone before anybody looks.
    """
    gc.freeze()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*_USUAL)
        gc.unfreeze()
