"""Addresses that are never mailed again, also after an import.

They are stored as keyed hashes (`Tokens.address_hash`), which stay when a reader is erased.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from newsletter.store.db import chunks, insert_into
from newsletter.store.tables import suppressions

#: The reason for erased addresses: no import adds them, but their owner may subscribe again.
ERASED = "erased"

_SUPPRESSION = select(suppressions.c.reason).where(suppressions.c.address_hash == bindparam("key"))


def suppress(connection: Connection, address_hash: str, reason: str, now: datetime) -> None:
    """Suppress an address, given as `Tokens.address_hash`."""
    row = {"address_hash": address_hash, "reason": reason, "at": now}
    connection.execute(insert_into(connection, suppressions).values(row).on_conflict_do_nothing())


def forgive_erasure(connection: Connection, address_hash: str) -> None:
    """Delete the suppression of an erased address that its owner confirmed; others stay."""
    connection.execute(
        delete(suppressions).where(
            suppressions.c.address_hash == address_hash, suppressions.c.reason == ERASED
        )
    )


def suppression(connection: Connection, address_hash: str) -> str | None:
    """Return why an address is suppressed; None when it is not."""
    return connection.scalar(_SUPPRESSION, {"key": address_hash})


def suppressed(connection: Connection, address_hashes: Sequence[str]) -> set[str]:
    """Return those of many addresses that are suppressed."""
    found: set[str] = set()
    for part in chunks(address_hashes):
        found.update(
            connection.scalars(
                select(suppressions.c.address_hash).where(suppressions.c.address_hash.in_(part))
            )
        )
    return found
