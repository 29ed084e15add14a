"""The progress bar of commands that send, on a terminal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from rich.progress import Progress

from newsletter.app import App
from newsletter.cli.output import progress
from newsletter.store import waiting
from newsletter.store.db import reading

#: Seconds between two queries of the ledger.
LOOK_S = 0.5


@asynccontextmanager
async def letters_bar(app: App, doing: str) -> AsyncIterator[None]:
    """Show on a terminal that work goes on, and how many letters of the open issues are done."""

    def look() -> tuple[int, int]:
        with reading(app.engine) as connection:
            found = waiting.issues_in_progress(connection, datetime.now(UTC))
        planned = sum(issue.planned for issue in found)
        return planned - sum(issue.left for issue in found), planned

    async def follow(bar: Progress) -> None:
        task = bar.add_task(doing, total=None)
        while True:
            done, planned = await asyncio.to_thread(look)
            if planned:
                bar.update(task, description="sending", completed=done, total=planned)
            await asyncio.sleep(LOOK_S)

    with progress(None) as bar:
        following = None if bar.disable else asyncio.create_task(follow(bar))
        try:
            yield
        finally:
            if following is not None:
                following.cancel()
