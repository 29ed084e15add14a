"""Generations of a database: which one numbered a letter.

After a restore, numbers of letters are used again. So the envelope sender and the Message-ID of a
letter name its generation too: a new random id whenever numbers may be used twice. A database
begins with generation 0. So a report about a letter that this database lost changes no other
letter.
"""

import secrets
from bisect import bisect_right
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from newsletter.store import runs
from newsletter.store.tables import deliveries

FACT = "generations"  #: the fact: {"begun": [[first letter, id], …]}, oldest first
#: The outcome of a report about a letter that is not in this database.
LOST = "dropped: a letter that this database does not have"


@dataclass(frozen=True, slots=True)
class Generations:
    """`begun`: (first letter, id) of each generation after 0, by first letter."""

    begun: tuple[tuple[int, int], ...] = ()

    def of(self, delivery: int) -> int:
        """Return the generation that numbered a letter."""
        at = bisect_right(self.begun, delivery, key=lambda one: one[0])
        return self.begun[at - 1][1] if at else 0


def load(connection: Connection) -> Generations:
    known = runs.fact(connection, FACT) or {"begun": []}
    return Generations(tuple((first, id) for first, id in known["begun"]))


def newest(connection: Connection) -> int:
    """Return the highest number of a letter."""
    return connection.scalar(select(func.max(deliveries.c.id))) or 0


def begin(connection: Connection) -> None:
    """Begin a new generation with the next letter."""
    first = newest(connection) + 1
    kept = [one for one in load(connection).begun if one[0] < first]
    new = (first, secrets.randbelow(2**32 - 1) + 1)
    runs.note_fact(connection, FACT, {"begun": [*kept, new]})


def note_erased(connection: Connection, newest_before: int) -> None:
    """Begin a new generation if the newest letters were erased: SQLite uses their numbers again."""
    if connection.dialect.name == "sqlite" and newest(connection) < newest_before:
        begin(connection)


def first_epoch() -> int:
    """Return a random epoch for a new reader.

    After an erasure or a restore, their number may have been somebody else's, whose links must not
    work.
    """
    return secrets.randbelow(2**30) + 1
