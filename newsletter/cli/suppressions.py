"""Why an address gets mail or not: its history, and how to undo a suppression."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.options import Yes
from newsletter.cli.output import confirm, emit, open_app, say, table
from newsletter.errors import AddressError, InputError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from newsletter.models import Subscriber

_SOURCES = {
    "reply": "the relay said",
    "bounce": "a letter came back",
    "complaint": "complained",
    "event": "the provider said",
    "operator": "unsuppressed",
}


def unsuppress(
    email: Annotated[str, typer.Argument(help="One address; else --issue or --text.")] = "",
    reason: Annotated[str, typer.Option(help="Why they were given up wrongly; kept.")] = "",
    issue: Annotated[str, typer.Option(help="All who were given up with this issue.")] = "",
    text: Annotated[str, typer.Option(help="All about whom a server said this.")] = "",
    yes: Yes = False,
) -> int:
    """Mail again to readers who were suppressed wrongly. Readers who complained stay suppressed."""
    from newsletter.delivery.suppression import Suppression
    from newsletter.store import evidence, ledger_read
    from newsletter.store.db import reading, writing

    if bool(email) + bool(issue) + bool(text) != 1:
        raise InputError(
            "name one address, or --issue, or --text",
            hint='such as: newsletter subscribers unsuppress --text "blocked using" --reason WHY',
        )
    if not reason:
        raise InputError("--reason is missing", hint="say why they were given up wrongly")
    site, now = open_app(), datetime.now(UTC)
    with reading(site.engine) as connection:
        chosen = (
            [_suppressed(connection, email)]
            if email
            else evidence.suppressed_by(
                connection,
                issue=ledger_read.find_issue(connection, issue) if issue else None,
                text=text,
            )
        )
    if not email and chosen and not yes:
        confirm(f"This mails {len(chosen)} addresses again. Go on?", "--yes")
    suppression = Suppression(site.tokens)
    done = []
    with writing(site.engine) as connection:
        for reader, address in chosen:
            if suppression.unsuppress(connection, reader, address, reason, now):
                done.append(address)
    if email and not done:
        raise InputError(
            f"{email} was not given up for its mailbox",
            hint="only its owner can come back, by subscribing again",
        )
    if not emit({"unsuppressed": done}):
        say(f"{len(done)} mailed again{': ' + ', '.join(done) if 0 < len(done) < 6 else ''}")
    return 0


def _suppressed(connection: Connection, email: str) -> tuple[int, str]:
    from newsletter import addresses
    from newsletter.models import SubscriberState
    from newsletter.store import subscribers

    try:
        canonical = addresses.parse(email).canonical
    except AddressError:
        canonical = email
    reader = subscribers.find(connection, canonical)
    if reader is None or reader.state is not SubscriberState.SUPPRESSED:
        raise InputError(f"{email} is not suppressed", hint="newsletter subscribers show EMAIL")
    return reader.id, canonical


def history(connection: Connection, reader: Subscriber) -> list[dict[str, Any]]:
    """Return all events of an address, oldest first: {at, what, date, said}."""
    from newsletter.store import evidence, feedback, ledger_read, subscribers

    words = subscribers.consent(connection, reader.id)
    steps: list[dict[str, Any]] = [
        {"at": reader.created_at, "what": "added", "date": None, "said": words}
    ]
    found = evidence.of_reader(connection, reader.id)
    known = {one["at"] for one in found if one["cause"] == "confirmed"}
    if reader.confirmed_at and reader.confirmed_at not in known:
        steps.append({"at": reader.confirmed_at, "what": "confirmed", "date": None, "said": ""})
    for value, title, at in feedback.with_titles(connection, reader.id):
        what = f"voted for {'more' if value > 0 else 'less'} like this"
        steps.append({"at": at, "what": what, "date": None, "said": title})
    for letter in ledger_read.history(connection, reader.id, limit=1_000):
        said = f"{letter['code'] or ''} {letter['reply']}".strip()
        what = f"{letter['kind']} {letter['state']}"
        at = letter["settled_at"] or letter["due_at"]
        steps.append({"at": at, "what": what, "date": letter["date"], "said": said})
    for told in found:
        what = told["cause"] if told["source"] == evidence.STEP else _SOURCES[told["source"]]
        if told["source"] not in ("operator", evidence.STEP):
            what += f": {told['cause']}{' (does not count)' if told['is_doubted'] else ''}"
        steps.append({"at": told["at"], "what": what, "date": told["day"], "said": told["reply"]})
    return sorted(steps, key=lambda step: step["at"])


def tell(steps: list[dict[str, Any]]) -> None:
    """Print the events of an address."""
    rows = [(step["at"], step["what"], step["date"], step["said"]) for step in steps]
    table(("at", "what happened", "issue", "words"), rows)
