"""One writer for all pages: what readers do at the same moment shares one transaction, so the disk is waited for once.

Without it, threads that want to write would wait for each other inside the database, which wakes them by chance.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from starlette.concurrency import run_in_threadpool

from newsletter.store.db import writing

T = TypeVar("T")
Act = Callable[[Connection], Any]

#: Acts in one transaction.
AT_ONCE = 100


class Writer:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._waiting: list[tuple[Act, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None

    async def do(self, act: Callable[[Connection], T]) -> T:
        """Run an act in the next transaction and hand back its value, or raise what it raised, once that is kept.

        An act may be run again, when another one of its transaction failed: it must do nothing outside the database.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((act, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            results = await run_in_threadpool(self._write, [act for act, _ in batch])
            for (_, done), (value, error) in zip(batch, results, strict=True):
                if done.cancelled():  # whoever asked is gone; what they did is kept
                    continue
                if error is None:
                    done.set_result(value)
                else:
                    done.set_exception(error)

    def _write(self, acts: list[Act]) -> list[tuple[Any, Exception | None]]:
        """All in one transaction; when one of them fails, each in its own."""
        try:
            with writing(self.engine) as connection:
                return [(act(connection), None) for act in acts]
        except Exception as e:
            if len(acts) == 1:
                return [(None, e)]
        return [result for act in acts for result in self._write([act])]
