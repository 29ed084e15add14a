"""The three ports that plug-ins fill: where papers come from, how queries find them, how letters
leave.

A fourth needs a decision record. There is no port for storage: tests use a real database.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from newsletter.models import Ask, Envelope, Harvest, Match, Paper, Reply


class Source(Protocol):
    """A place that shows papers or talks about them."""

    name: str

    async def fetch(self, ask: Ask) -> Harvest:
        """Look at the place once. Never raises for what the place did: that is `Harvest.state` and
        `.error`.
        """
        ...


class Matcher(Protocol):
    """A query language over one set of papers."""

    def match(
        self, queries: Mapping[int, str], papers: Sequence[Paper]
    ) -> Mapping[int, Sequence[Match]]:
        """Find every query's papers, best first, above that query's cut. Keys are the caller's
        (topic ids).
        """
        ...


class Transport(Protocol):
    """A way for finished messages to leave, in phases."""

    async def deliver(
        self,
        parcels: AsyncIterator[tuple[Envelope, bytes]],
        fence: Callable[[int], Awaitable[bool]],
        answer: Callable[[Reply], Awaitable[None]],
    ) -> None:
        """Hand each message over at most once. `fence(delivery)` is awaited after the body and
        before the final dot; False means: drop the connection, no dot. `answer` is awaited with
        what the server said, once for each message that was begun, before anything else is done.
        """
        ...
