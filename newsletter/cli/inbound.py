"""Mail by a pipe, for mail servers that do not speak LMTP."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from newsletter.cli.output import open_app, say
from newsletter.errors import Busy, StoreError


def inbound(
    recipient: Annotated[
        str, typer.Argument(help="The address it came to, as your mail server knows it.")
    ],
    sender: Annotated[str, typer.Option(help="The envelope sender; empty for reports.")] = "",
) -> int:
    """Take one returned mail or command from standard input."""
    from newsletter.inbound.processor import receive

    try:
        say(receive(open_app(), sender, recipient, sys.stdin.buffer.read(), datetime.now(UTC)))
    except StoreError as e:  # 75 is what mail servers understand as "try again later"
        raise Busy(e.message, hint="nothing was kept; the mail server tries again") from e
    return 0
