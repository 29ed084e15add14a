"""Database access of the pages: operations that arrive at the same moment share one transaction,
run by one thread.

More threads would not be faster. They share the interpreter, and switching between them costs as
much as the queries; writers would also wait for each other inside the database, which polls its
lock.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from newsletter.store.db import reading, writing

T = TypeVar("T")
Operation = Callable[[Connection], Any]

#: Most operations in one transaction.
BATCH_SIZE = 100


class DbBatch:
    """`await batch.read(operation)` and `await batch.write(operation)`: the operation gets a
    connection; the caller gets its value or error.
    """

    def __init__(self, engine: Engine, on_written: Callable[[], object] | None = None) -> None:
        """`on_written` is called in the event loop after each commit of a write."""
        self.read = _Queue(engine, reading).do
        self.write = _Queue(engine, writing, on_written).do


class _Queue:
    def __init__(
        self,
        engine: Engine,
        opening: Callable[[Engine], AbstractContextManager[Connection]],
        on_done: Callable[[], object] | None = None,
    ) -> None:
        self.engine, self.opening, self.on_done = engine, opening, on_done
        self._waiting: list[tuple[Operation, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, f"pages-{opening.__name__}")

    async def do(self, operation: Callable[[Connection], T]) -> T:
        """Run an operation in the next transaction; return its value after the commit.

        An operation is run again when another one of its transaction failed: it must do nothing
        outside the database. Raises: what the operation raised.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((operation, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH_SIZE], self._waiting[BATCH_SIZE:]
            operations = [operation for operation, _ in batch]
            results = await loop.run_in_executor(self._thread, self._run, operations)
            if self.on_done is not None:
                self.on_done()
            for (_, done), (value, error) in zip(batch, results, strict=True):
                if done.cancelled():  # the visitor closed the connection; the change stays
                    continue
                if error is None:
                    done.set_result(value)
                else:
                    done.set_exception(error)

    def _run(self, operations: list[Operation]) -> list[tuple[Any, Exception | None]]:
        """Run all in one transaction; when one fails, run each in its own."""
        try:
            with self.opening(self.engine) as connection:
                return [(operation(connection), None) for operation in operations]
        except Exception as e:
            if len(operations) == 1:
                return [(None, e)]
        return [result for operation in operations for result in self._run([operation])]
