"""The local HTTP server, and the product's own client that uses it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from newsletter.config import Http as HttpConfig
from newsletter.sources.http import Http
from tests.sources.mirror import Mirror


@pytest.fixture
async def mirror() -> AsyncIterator[Mirror]:
    mirror = Mirror()
    server = await asyncio.start_server(mirror.serve, "127.0.0.1", 0)
    mirror.port = server.sockets[0].getsockname()[1]
    yield mirror
    server.close()
    await mirror.stop()


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    """The client as an operator with local mirrors has it: private networks allowed, short
    deadline.
    """
    config = HttpConfig(allow_private_networks=True, timeout_s=5.0)
    async with Http(
        config, "newsletter/test (+https://digest.example.org; mailto:ops@example.org)"
    ) as client:
        yield client
