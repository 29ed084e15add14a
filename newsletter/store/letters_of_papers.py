"""Which letters of a reader a paper was in, or could have been in."""

from array import array
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, select

from newsletter.models import DeliveryState, Pick
from newsletter.store.ledger_plan import unpack_picks
from newsletter.store.tables import deliveries, issues, plannings
from newsletter.store.unknown_values import stored


@dataclass(frozen=True, slots=True)
class PlannedLetter:
    """A reader's row in an issue, and the moment when it was planned."""

    delivery: int
    day: date
    state: DeliveryState
    papers: tuple[int, ...]  #: those that it brings
    left: tuple[int, ...]  #: chosen, and left out because the letter was refused as too long
    picks: tuple[Pick, ...]
    at: datetime


#: A letter was planned by the first planning of its issue that goes so far. Letters of earlier
#: versions have none: they were planned at the reader's hour, as far as anybody knows.
_AT = (
    select(plannings.c.at)
    .where(plannings.c.issue == deliveries.c.issue, plannings.c.last >= deliveries.c.id)
    .order_by(plannings.c.last)
    .limit(1)
    .correlate(deliveries)
    .scalar_subquery()
)
_LETTERS = (
    select(
        deliveries.c.id,
        issues.c.date,
        deliveries.c.state,
        deliveries.c.papers,
        deliveries.c.picks,
        deliveries.c.pick_limit,
        deliveries.c.due_at,
        _AT.label("at"),
    )
    .join(issues, issues.c.id == deliveries.c.issue)
    .where(deliveries.c.subscriber == bindparam("reader"))
    .order_by(deliveries.c.id.desc())
)


def planned(connection: Connection, reader: int, papers: Collection[int]) -> list[PlannedLetter]:
    """List a reader's letters and quiet days, newest first; picks are those of `papers` only."""
    found = []
    for row in connection.execute(_LETTERS, {"reader": reader}):
        keys = tuple(array("I", row.papers or b""))
        limit = row.pick_limit or len(keys)
        picks = unpack_picks(row.picks) if not set(papers).isdisjoint(keys) else ()
        found.append(
            PlannedLetter(
                row.id,
                row.date,
                stored(DeliveryState, row.state),
                keys[:limit],
                keys[limit:],
                tuple(pick for pick in picks if pick.paper in papers),
                row.at or row.due_at,
            )
        )
    return found
