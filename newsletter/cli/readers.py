"""Find the readers that commands name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from newsletter.app import App
    from newsletter.models import Subscriber


def find_reader(connection: Connection, email: str) -> Subscriber:
    """Find a reader by address. Raises: NotFound, AddressError."""
    from newsletter import addresses
    from newsletter.store import subscribers

    found = subscribers.find(connection, addresses.parse(email).canonical)
    if found is None:
        raise NotFound(f"no subscriber {email}", hint="see them: newsletter subscribers list")
    return found


def find_or_first(app: App, email: str | None) -> Subscriber:
    """Find a reader by address, or the first active one. Raises: NotFound, AddressError."""
    from newsletter.store import subscribers
    from newsletter.store.db import reading

    with reading(app.engine) as connection:
        if email is not None:
            return find_reader(connection, email)
        first = subscribers.search(connection, states=["active"], limit=1)
    if not first:
        hint = "add one: newsletter subscribers add EMAIL"
        raise NotFound("there is no active subscriber", hint=hint)
    return first[0]
