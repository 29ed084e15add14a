"""Mail that came in: take it from a pipe, list what is kept, show it, try it again."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.output import clean, emit, open_app, say, table
from newsletter.errors import Busy, InputError, StoreError

if TYPE_CHECKING:
    from newsletter.store.inbound import Kept

app = typer.Typer(help="Mail that came in: take, list, show, retry, remove.", no_args_is_help=True)

#: Exit code for a mail server's pipe (sysexits.h): no such user.
NO_USER = 67
Ids = Annotated[list[int] | None, typer.Argument(help="Numbers from `inbound list`.")]


def with_command(words: list[str]) -> list[str]:
    """Read `inbound RECIPIENT`, the old form for pipes, as `inbound take`."""
    is_old = words[:1] == ["inbound"] and any("@" in word for word in words[1:2])
    return ["inbound", "take", *words[1:]] if is_old else words


@app.command()
def take(
    recipient: Annotated[
        str, typer.Argument(help="The address it came to, as your mail server knows it.")
    ],
    sender: Annotated[str, typer.Option(help="The envelope sender; empty for reports.")] = "",
) -> int:
    """Take one returned mail or command from standard input."""
    from newsletter.inbound.processor import REFUSED, TOO_MANY, receive

    raw, now = sys.stdin.buffer.read(), datetime.now(UTC)
    try:
        done = receive(open_app(), sender, recipient, raw, now)
    except StoreError as e:  # mail servers read 75 as "try again later"
        raise Busy(e.message, hint="nothing was kept; the mail server tries again") from e
    if done == TOO_MANY:
        raise Busy(done, hint="see: newsletter inbound list")
    say(done)
    return NO_USER if done == REFUSED else 0


@app.command("list")
def list_(
    days: Annotated[int, typer.Option(min=1, help="Count outcomes of so many days.")] = 7,
    limit: Annotated[int, typer.Option(min=1)] = 100,
) -> int:
    """List the mails that are kept and why, and count what became of all others."""
    from newsletter.store import inbound as inbound_store
    from newsletter.store.db import reading

    since = (datetime.now(UTC) - timedelta(days=days - 1)).date()
    with reading(open_app().engine) as connection:
        kept = inbound_store.kept(connection, limit)
        counts = inbound_store.counts(connection, since)
    if emit({"kept": [_json(one) for one in kept], "counts": counts}):
        return 0
    rows = [
        (
            one.id,
            one.at,
            one.mail.channel,
            one.mail.sender,
            one.mail.recipient,
            one.why,
            one.retry_at,
        )
        for one in kept
    ]
    table(("id", "at", "by", "from", "to", "why it is kept", "next try"), rows, right=("id",))
    if counts:
        say("")
        table(("outcome", "mails"), list(counts.items()), right=("mails",))
    return 0


@app.command()
def show(id: Annotated[int, typer.Argument(help="A number from `inbound list`.")]) -> int:
    """Show one kept mail: why, and its first 200 lines."""
    from newsletter.store import inbound as inbound_store
    from newsletter.store.db import reading

    with reading(open_app().engine) as connection:
        one = inbound_store.get(connection, id)
    text = one.mail.raw.decode("utf-8", "replace")
    if emit(_json(one) | {"mail": text}):
        return 0
    say(f"Mail {one.id}, {one.at:%Y-%m-%d %H:%M} UTC by {one.mail.channel}, {one.tries} tries")
    say(f"kept: {one.why}")
    say("")
    for line in text.splitlines()[:200]:
        say(clean(line[:500]))
    return 0


@app.command()
def retry(ids: Ids = None) -> int:
    """Process kept mails again: the given ones, or all; those to the operator stay."""
    from newsletter.inbound import intake
    from newsletter.store import inbound as inbound_store
    from newsletter.store.db import reading

    site, now = open_app(), datetime.now(UTC)
    with reading(site.engine) as connection:
        every = inbound_store.kept(connection, inbound_store.MOST_KEPT)
    chosen = ids or [one.id for one in every if not one.is_personal]
    done = intake.retry(site, chosen, now)
    if not emit({"retried": {str(id): outcome for id, outcome in done.items()}}):
        table(("id", "outcome"), list(done.items()), right=("id",))
    return 0


@app.command()
def remove(ids: Ids = None) -> int:
    """Delete kept mails that need nothing more."""
    from newsletter.store import inbound as inbound_store
    from newsletter.store.db import writing

    if not ids:
        raise InputError("which mails?", hint="see: newsletter inbound list")
    site = open_app()
    with writing(site.engine) as connection:
        for id in ids:
            inbound_store.get(connection, id)
            inbound_store.remove(connection, id)
    say(f"{len(ids)} removed")
    return 0


def _json(one: Kept) -> dict[str, Any]:
    return {
        "id": one.id,
        "at": one.at,
        "by": one.mail.channel,
        "from": one.mail.sender,
        "to": one.mail.recipient,
        "why": one.why,
        "is_personal": one.is_personal,
        "tries": one.tries,
        "retry_at": one.retry_at,
        "bytes": len(one.mail.raw),
    }
