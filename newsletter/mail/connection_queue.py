"""What the connections to one relay share during a delivery: waiting letters, the fence, and who
gets the replies.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from newsletter.errors import Unreachable
from newsletter.models import Envelope, Reply

Parcel = tuple[Envelope, bytes]


@dataclass
class ConnectionQueue:
    #: Letters for the next free connection; None = no more, and stays for the others.
    ready: "asyncio.Queue[Parcel | None]"
    fence: Callable[[int], Awaitable[bool]]
    answer: Callable[[Reply], Awaitable[None]]
    #: Letters that were taken but not begun; they are sent first.
    back: deque[Parcel] = field(default_factory=deque)
    #: Connections are opened one at a time, so that a relay that is away or refuses the login is
    #: tried once.
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    closed: Unreachable | None = None  #: why no further connection is opened
    fruitless: int = 0  #: connections in a row without a completed transaction

    async def take(self) -> Parcel | None:
        """Return the next letter, waiting for it; None = there are no more."""
        while not self.back:
            parcel = await self.ready.get()
            if parcel is not None:
                return parcel
            self.ready.put_nowait(None)
            if not self.back:
                return None
        return self.back.popleft()

    def take_now(self) -> Parcel | None:
        """Return the next letter if one is waiting."""
        if self.back:
            return self.back.popleft()
        if self.ready.empty():
            return None
        parcel = self.ready.get_nowait()
        if parcel is None:
            self.ready.put_nowait(None)
        return parcel
