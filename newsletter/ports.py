"""The three interfaces that plug-ins implement: sources of papers, matching of queries, transport
of letters.

A fourth needs a decision record. Storage has no interface: tests use a real database.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from newsletter.models import Ask, Envelope, Harvest, Match, Paper, Reply


class Source(Protocol):
    """A place that shows papers or mentions them."""

    name: str

    async def fetch(self, ask: Ask) -> Harvest:
        """Ask the place once. Failures of the place are not raised: they are `Harvest.state` and
        `Harvest.error`.
        """
        ...


class Matcher(Protocol):
    """A query language over one set of papers."""

    def match(
        self, queries: Mapping[int, str], papers: Sequence[Paper]
    ) -> Mapping[int, Sequence[Match]]:
        """Find the papers of every query, best first, above that query's cut. The keys are the
        caller's (topic ids).
        """
        ...


class Transport(Protocol):
    """Sends finished messages, in phases."""

    async def deliver(
        self,
        parcels: AsyncIterator[tuple[Envelope, bytes]],
        fence: Callable[[int], Awaitable[bool]],
        answer: Callable[[Reply], Awaitable[None]],
    ) -> None:
        """Hand each message over at most once. No line of a message begins with a dot, and it ends
        with a line end.

        `fence(delivery)` is awaited after the body and before the final dot; if it returns False,
        the connection is closed without the dot. `answer` is awaited with the server's reply, once
        for each message that was begun, before anything else is done.
        """
        ...
