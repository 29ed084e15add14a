"""Locks: one run of a site at a time, and one delivery at a time within a process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, nullcontext

from sqlalchemy import Engine

from newsletter.store.locks import only_one


class Turns:
    """The run lock of this process. Answers to people may be sent while a run fetches or plans."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sending = asyncio.Lock()  #: held while letters are sent
        self._has_run_lock = False

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Hold the run lock; at the end, wait for answers that are being sent. Raises: Busy."""
        with ExitStack() as stack:
            async with self.sending:
                stack.enter_context(only_one(self.engine, "run"))
                self._has_run_lock = True
            try:
                yield
            finally:
                async with self.sending:
                    self._has_run_lock = False

    @asynccontextmanager
    async def answers(self) -> AsyncIterator[None]:
        """Hold the lock for sending answers: the lock of this process's run, or one of its own.
        Raises: Busy when another process runs.
        """
        async with self.sending:
            with nullcontext() if self._has_run_lock else only_one(self.engine, "run"):
                yield
