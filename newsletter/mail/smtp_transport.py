"""The relays as a Transport: letters go to the first one that can be reached; when it goes away,
the rest goes to the next.

Only letters that were not begun move to another relay. One that was begun is settled at its relay:
before the final dot it is put off; after it, its outcome is that relay's, known or unknown.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from newsletter.errors import Unreachable
from newsletter.mail.connection_queue import ConnectionQueue, Parcel
from newsletter.mail.relay import Relay
from newsletter.mail.smtp_session import SmtpSession
from newsletter.models import Reply


class SmtpTransport:
    """One relay, or several in the order in which they are tried. Each delivery starts with the
    first.
    """

    def __init__(self, relays: Sequence[Relay]) -> None:
        self.relays = tuple(relays)
        #: For the operator: which relays were away in the last delivery, and why.
        self.troubles: list[str] = []

    async def deliver(
        self,
        parcels: AsyncIterator[Parcel],
        fence: Callable[[int], Awaitable[bool]],
        answer: Callable[[Reply], Awaitable[None]],
    ) -> None:
        """Hand every parcel over at most once, on the configured number of connections.

        Raises: Unreachable when no relay can be reached; the remaining parcels were not handed
        over.
        """
        most = max(relay.settings.connections for relay in self.relays)
        ready: asyncio.Queue[Parcel | None] = asyncio.Queue(most * 2)
        in_use = self.relays[0]

        async def feed() -> None:
            async for parcel in parcels:
                if (wait_s := in_use.bucket.take(now := time.monotonic()) - now) > 0:
                    await asyncio.sleep(wait_s)
                await ready.put(parcel)
            await ready.put(None)

        back: deque[Parcel] = deque()
        self.troubles, away = [], []
        async with asyncio.TaskGroup() as group:
            feeder = group.create_task(feed())
            for number, in_use in enumerate(self.relays, 1):
                queue = ConnectionQueue(ready, fence, answer, back)
                sessions = [SmtpSession(in_use, queue) for _ in range(in_use.settings.connections)]
                await asyncio.wait(
                    [group.create_task(session.run()) for session in sessions],
                    return_when=asyncio.FIRST_EXCEPTION,
                )
                if queue.closed is not None:
                    away.append(queue.closed)
                if not back:
                    if queue.closed is not None:
                        self.troubles.append(
                            f"{queue.closed.message}; its other connections took the letters"
                        )
                    break
                if number < len(self.relays):
                    self.troubles.append(f"{away[-1].message}; letters went on by the next relay")
            feeder.cancel()
        if back:
            said = "; ".join(error.message for error in away)
            raise Unreachable(said, hint="check it with: newsletter doctor") from away[-1]
