"""Plan letters.

An issue is frozen in one transaction. A mail that answers a person is planned in the transaction
that causes it.
"""

import json
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, func, insert, select, update

from newsletter.mail_kinds import QUIET_ALONE, MailKind
from newsletter.models import DeliveryState, Pick, Reason
from newsletter.store.db import as_json, insert_into, writing
from newsletter.store.ledger_sql import statements
from newsletter.store.tables import deliveries, issue_papers, issues, plannings, subscribers

#: Stands between two picks of a row.
_BETWEEN = ",\n"


@dataclass(frozen=True, slots=True)
class FrozenRow:
    """One reader's part of an issue. Without picks it is a quiet row, which sends no letter."""

    subscriber: int
    kind: str  #: name of `mail_kinds.DIGEST`, `QUIET` or `QUIET_ALONE`
    picks: Sequence[Pick]
    due_at: datetime
    expires_at: datetime
    address_version: int = 1
    events: Sequence[int] = ()  #: ids of the paper events that it tells


@dataclass(frozen=True, slots=True)
class FreezeResult:
    issue: int
    planned: int  #: added rows that send a letter
    quiet: int


def freeze(
    engine: Engine,
    day: date,
    rows: Iterable[FrozenRow],
    *,
    candidates: int,
    papers: Mapping[int, Mapping[str, Any]],
    now: datetime,
) -> FreezeResult:
    """Plan an issue in one transaction; return the counts of added rows.

    A reader who already has a row for that date keeps it. `papers` holds what the issue says about
    each paper, and is read after `rows` is exhausted; what was stored first stays.
    """
    with writing(engine) as connection:
        values = {"date": day, "created_at": now, "candidates": candidates}
        connection.execute(
            insert_into(connection, issues)
            .values(values)
            .on_conflict_do_nothing(index_elements=["date"])
        )
        issue: int = connection.execute(
            select(issues.c.id).where(issues.c.date == day)
        ).scalar_one()
        before = _totals(connection, issue)
        sql = statements(connection.dialect)
        batch: list[tuple[Any, ...]] = []
        packed: dict[int, tuple[Pick, str]] = {}
        for row in rows:
            batch.append(_frozen(issue, row, packed, sql.moment))
            if len(batch) == 5000:
                sql.add(connection, batch)
                batch.clear()
        if batch:
            sql.add(connection, batch)
        _freeze_papers(connection, issue, papers)
        if connection.dialect.name == "postgresql":
            # Without new statistics it plans the claims for the table as it was before.
            connection.exec_driver_sql("ANALYZE deliveries")
        last = connection.scalar(select(func.max(deliveries.c.id))) or 0
        connection.execute(insert(plannings).values(issue=issue, at=now, last=last))
        after = _totals(connection, issue)
        planned, quiet = after[0] - before[0], after[1] - before[1]
        counted = {"planned": issues.c.planned + planned, "quiet": issues.c.quiet + quiet}
        if planned:
            counted["candidates"] = candidates
        connection.execute(update(issues).where(issues.c.id == issue).values(counted))
    return FreezeResult(issue, planned, quiet)


def _totals(connection: Connection, issue: int) -> tuple[int, int]:
    quiet = func.count().filter(deliveries.c.state == DeliveryState.QUIET)
    row = connection.execute(select(func.count(), quiet).where(deliveries.c.issue == issue)).one()
    return row[0] - row[1], row[1]


def _frozen(
    issue: int,
    row: FrozenRow,
    packed: dict[int, tuple[Pick, str]],
    moment: Callable[[datetime], Any],
) -> tuple[Any, ...]:
    """Return the values of `ledger_sql.FROZEN`. `packed` caches picks: readers share most."""
    parts, keys = [], array("I")
    for pick in row.picks:
        known = packed.get(id(pick))
        if known is None:
            # The cache holds the pick itself, so that no other object gets its id.
            known = packed[id(pick)] = (pick, _pack(pick))
        parts.append(known[1])
        keys.append(pick.paper)
    has_letter = bool(parts) or row.kind == QUIET_ALONE.name
    state, picks, papers = (
        ("pending", _list_of(parts), keys.tobytes()) if has_letter else ("quiet", None, None)
    )
    due, expires = moment(row.due_at), moment(row.expires_at)
    events = array("I", row.events).tobytes() if row.events and parts else None
    head = (issue, row.subscriber, row.kind, state, due, expires)
    return *head, picks, papers, events, row.address_version


def _freeze_papers(
    connection: Connection, issue: int, papers: Mapping[int, Mapping[str, Any]]
) -> None:
    rows = [
        {"issue": issue, "paper": paper, "facts": dict(facts)} for paper, facts in papers.items()
    ]
    if rows:
        connection.execute(insert_into(connection, issue_papers).on_conflict_do_nothing(), rows)


def pack_picks(picks: Sequence[Pick]) -> str:
    """Encode picks as JSON: a list of [paper, topic, score, match, heat, [[kind, detail], …]]."""
    return _list_of(list(map(_pack, picks)))


def _list_of(packed: Sequence[str]) -> str:
    """A JSON list with each element on a line of its own; no string in it has a line end."""
    return f"[{_BETWEEN.join(packed)}]"


def _pack(p: Pick) -> str:
    score, match, heat = (round(float(number), 4) for number in (p.score, p.match, p.heat))
    return f"[{p.paper},{p.topic},{score},{match},{heat},{_packed_reasons(p.reasons)}]"


@lru_cache(maxsize=1 << 15)
def _packed_reasons(reasons: tuple[Reason, ...]) -> str:
    return as_json(reasons)


def unpack_picks(packed: str | None, limit: int = 0) -> tuple[Pick, ...]:
    """Decode the picks of a row; `limit` is its `pick_limit` (0: all picks)."""
    picks = tuple(chain.from_iterable(map(_unpacked, (packed or "[]")[1:-1].split(_BETWEEN))))
    return picks[:limit] if limit else picks


@lru_cache(maxsize=1 << 14)
def _unpacked(line: str) -> tuple[Pick, ...]:
    """The pick of a line, the same object for all rows that have it; rows of earlier versions have
    all picks in one line.
    """
    return tuple(
        Pick(paper, topic, score, match, heat, tuple(Reason(*reason) for reason in reasons))
        for paper, topic, score, match, heat, reasons in json.loads(f"[{line}]")
    )


def enqueue(
    connection: Connection,
    subscriber: int,
    kind: MailKind,
    context: Mapping[str, Any],
    now: datetime,
) -> int:
    """Plan a mail that answers a person, in the caller's transaction."""
    values = {
        "subscriber": subscriber,
        "kind": kind.name,
        "context": dict(context),
        "due_at": now,
        "expires_at": now + kind.lifetime,
        "key": subscriber,
    }
    id: int = connection.execute(_ENQUEUE, values).scalar_one()
    return id


def enqueue_many(
    connection: Connection, readers: Sequence[int], kind: MailKind, now: datetime
) -> None:
    """Plan the same mail for many new readers; `kind` needs no values of its own."""
    rows = [
        {
            "subscriber": reader,
            "kind": kind.name,
            "context": {},
            "due_at": now,
            "expires_at": now + kind.lifetime,
            "address_version": 1,
        }
        for reader in readers
    ]
    if rows:
        connection.execute(insert(deliveries), rows)


_VERSION = (
    select(subscribers.c.address_version)
    .where(subscribers.c.id == bindparam("key"))
    .scalar_subquery()
)


_ENQUEUE = insert(deliveries).values(address_version=_VERSION).returning(deliveries.c.id)
