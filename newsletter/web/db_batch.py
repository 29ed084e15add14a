"""The database as the pages use it: what is asked at the same moment shares one transaction, of one
thread.

More threads would not be faster: they take turns in the interpreter, which costs as much again as
the questions do, and those that write would wait for each other inside the database, which wakes
them by chance.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from newsletter.store.db import reading, writing

T = TypeVar("T")
Act = Callable[[Connection], Any]

#: Acts in one transaction.
AT_ONCE = 100


class DbBatch:
    """`await desk.read(act)` and `await desk.write(act)`: an act gets a connection; its value or
    error comes back.
    """

    def __init__(self, engine: Engine) -> None:
        self.read = _Window(engine, reading).do
        self.write = _Window(engine, writing).do


class _Window:
    def __init__(
        self, engine: Engine, opening: Callable[[Engine], AbstractContextManager[Connection]]
    ) -> None:
        self.engine, self.opening = engine, opening
        self._waiting: list[tuple[Act, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, f"desk-{opening.__name__}")

    async def do(self, act: Callable[[Connection], T]) -> T:
        """Run an act in the next transaction and hand back its value, or raise what it raised, once
        that is kept.

        An act may be run again, when another one of its transaction failed: it must do nothing
        outside the database.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((act, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            results = await loop.run_in_executor(self._thread, self._run, [act for act, _ in batch])
            for (_, done), (value, error) in zip(batch, results, strict=True):
                if done.cancelled():  # whoever asked is gone; what they did is kept
                    continue
                if error is None:
                    done.set_result(value)
                else:
                    done.set_exception(error)

    def _run(self, acts: list[Act]) -> list[tuple[Any, Exception | None]]:
        """All in one transaction; when one of them fails, each in its own."""
        try:
            with self.opening(self.engine) as connection:
                return [(act(connection), None) for act in acts]
        except Exception as e:
            if len(acts) == 1:
                return [(None, e)]
        return [result for act in acts for result in self._run([act])]
