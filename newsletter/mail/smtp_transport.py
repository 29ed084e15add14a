"""The relays as a Transport: letters go to the first that can be reached; when it goes away, the
rest to the next.

Only letters that were not begun move to another relay. One that was begun is settled where it was:
before the final dot it is put off, after it its outcome is that relay's, known or not.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from newsletter.errors import Unreachable
from newsletter.mail.connection_queue import ConnectionQueue, Parcel
from newsletter.mail.relay import Relay
from newsletter.mail.smtp_session import SmtpSession
from newsletter.models import Receipt


class SmtpTransport:
    """One relay, or several in the order in which they are tried. A new delivery begins with the
    first again.
    """

    def __init__(self, relays: Sequence[Relay]) -> None:
        self.relays = tuple(relays)
        self.away: list[
            Unreachable
        ] = []  #: relays of the last delivery that could not be reached, and why

    async def deliver(
        self,
        parcels: AsyncIterator[Parcel],
        fence: Callable[[int], Awaitable[bool]],
        settle: Callable[[Receipt], Awaitable[None]],
    ) -> None:
        """Hand every parcel over at most once, on as many connections as configured.

        Raises: Unreachable when no relay can be reached; parcels in hand were not handed over.
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
        self.away = []
        async with asyncio.TaskGroup() as group:
            feeder = group.create_task(feed())
            for in_use in self.relays:
                crew = ConnectionQueue(ready, fence, settle, back)
                sessions = [SmtpSession(in_use, crew) for _ in range(in_use.settings.connections)]
                await asyncio.wait(
                    [group.create_task(session.run()) for session in sessions],
                    return_when=asyncio.FIRST_EXCEPTION,
                )
                if crew.closed is not None:
                    self.away.append(crew.closed)
                if not back:
                    break
            feeder.cancel()
        if back:
            said = "; ".join(error.message for error in self.away)
            raise Unreachable(said, hint="check it with: newsletter doctor") from self.away[-1]
