"""Addresses that are never mailed again, whatever is imported later: keyed hashes, which outlive an
erased reader (`Tokens.address_hash`).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from newsletter.store.db import chunks, insert_into
from newsletter.store.tables import suppressions

#: Why the hash of an erased address is kept: no import revives it, but its owner may come back.
ERASED = "erased"

_SUPPRESSION = select(suppressions.c.reason).where(suppressions.c.address_hash == bindparam("key"))


def suppress(connection: Connection, address_hash: str, reason: str, now: datetime) -> None:
    """Never mail this address again, whatever is imported later. The hash is keyed:
    `Tokens.address_hash`.
    """
    row = {"address_hash": address_hash, "reason": reason, "at": now}
    connection.execute(insert_into(connection, suppressions).values(row).on_conflict_do_nothing())


def forgive_erasure(connection: Connection, address_hash: str) -> None:
    """An erased address was confirmed again by its owner: that is consent. Other reasons stay."""
    connection.execute(
        delete(suppressions).where(
            suppressions.c.address_hash == address_hash, suppressions.c.reason == ERASED
        )
    )


def suppression(connection: Connection, address_hash: str) -> str | None:
    """Why an address is suppressed; None when it is not."""
    return connection.scalar(_SUPPRESSION, {"key": address_hash})


def suppressed(connection: Connection, address_hashes: Sequence[str]) -> set[str]:
    """Those of many addresses that are never mailed again."""
    found: set[str] = set()
    for part in chunks(address_hashes):
        found.update(
            connection.scalars(
                select(suppressions.c.address_hash).where(suppressions.c.address_hash.in_(part))
            )
        )
    return found
