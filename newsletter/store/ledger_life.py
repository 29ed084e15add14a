"""The ledger: one row per letter, and every step of its life as one UPDATE that says what state it
expects.

pending -> claimed -> dot -> sent | refused | deferred | held; claimed past its lease -> pending;
deferred -> pending; dot without a reply -> held (digests) or pending (mails that answer a person).
A row changes state only here. Leases are measured with the database's clock, so a worker's clock
can be wrong.
"""

import json
import secrets
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from newsletter import mail_kinds
from newsletter.mail_kinds import MailKind
from newsletter.models import DeliveryState, Pick, Reason, Receipt
from newsletter.store.db import as_json, chunks, database_seconds, insert_into, reading, writing
from newsletter.store.ledger_sql import LedgerSql
from newsletter.store.tables import UNSETTLED, DeliveryRow, IssuePaperRow, IssueRow, SubscriberRow

D: Any = DeliveryRow.__table__  # type: ignore[attr-defined]
I: Any = IssueRow.__table__  # type: ignore[attr-defined]  # noqa: E741
W: Any = IssuePaperRow.__table__  # type: ignore[attr-defined]
U: Any = SubscriberRow.__table__  # type: ignore[attr-defined]

LEASE_S = 120
#: A row whose workers died twice is suspect: it is claimed last and alone, and cleared once its
#: letter was made. A row that killed three workers while it was alone is poison.
SUSPECT_CLAIMS, MAX_CLAIMS = 2, 5
#: The last reply of a letter that is tried again with half as many papers (RFC 1870).
TOO_LARGE = 552
POISON = "ended the process that made it, three times"
UNKNOWN_KIND = "this version knows no mail of this kind"
#: Longer than the 600 s that a relay may take to answer the final dot (RFC 5321 section 4.5.3.2.6).
DOT_LIMIT_S = 660
#: Papers a reader was sent are looked up this far back; eligibility is seven days, so this is for
#: ever.
LOOK_BACK = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class FrozenRow:
    """One reader's part of an issue. No picks = quiet: a row that says so, and no letter."""

    subscriber: int
    kind: str  #: `mail_kinds.DIGEST` or `QUIET`, by name
    picks: Sequence[Pick]
    due_at: datetime
    expires_at: datetime
    address_version: int = 1


@dataclass(frozen=True, slots=True)
class FreezeResult:
    issue: int
    planned: int  #: rows added by this freeze that bring a letter
    quiet: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A leased row, ready to be composed."""

    id: int
    token: str
    issue: int | None
    day: date | None
    subscriber: int
    kind: str
    picks: tuple[Pick, ...]
    context: Mapping[str, Any]
    due_at: datetime
    attempts: int
    claims: int
    candidates: int


# -- freezing --------------------------------------------------------------------------------------


def freeze(
    engine: Engine,
    day: date,
    rows: Iterable[FrozenRow],
    *,
    candidates: int,
    papers: Mapping[int, Mapping[str, Any]],
    now: datetime,
) -> FreezeResult:
    """Plan an issue in one transaction. A reader who has a row for that date keeps it; only what
    was added is counted.

    `papers` is read after `rows` are used up: what the issue says about each paper, first said
    wins.
    """
    with writing(engine) as connection:
        values = {"date": day, "created_at": now, "candidates": candidates}
        connection.execute(
            insert_into(connection, I)
            .values(values)
            .on_conflict_do_nothing(index_elements=["date"])
        )
        issue: int = connection.execute(select(I.c.id).where(I.c.date == day)).scalar_one()
        before = _totals(connection, issue)
        hot = _hot(connection.dialect)
        batch: list[tuple[Any, ...]] = []
        packed: dict[int, tuple[Pick, str]] = {}
        for row in rows:
            batch.append(_frozen(issue, row, packed, hot.moment))
            if len(batch) == 5000:
                hot.add(connection, batch)
                batch.clear()
        if batch:
            hot.add(connection, batch)
        _freeze_papers(connection, issue, papers)
        if (
            connection.dialect.name == "postgresql"
        ):  # else it plans claims for the table as it was before
            connection.exec_driver_sql("ANALYZE deliveries")
        after = _totals(connection, issue)
        planned, quiet = after[0] - before[0], after[1] - before[1]
        counted = {"planned": I.c.planned + planned, "quiet": I.c.quiet + quiet}
        if planned:
            counted["candidates"] = candidates
        connection.execute(update(I).where(I.c.id == issue).values(counted))
    return FreezeResult(issue, planned, quiet)


def _totals(connection: Connection, issue: int) -> tuple[int, int]:
    quiet = func.count().filter(D.c.state == DeliveryState.QUIET)
    row = connection.execute(select(func.count(), quiet).where(D.c.issue == issue)).one()
    return row[0] - row[1], row[1]


def _frozen(
    issue: int,
    row: FrozenRow,
    packed: dict[int, tuple[Pick, str]],
    moment: Callable[[datetime], Any],
) -> tuple[Any, ...]:
    """A row of `hotpath.FROZEN`. `packed` remembers picks as they are written: readers share most
    of them.
    """
    parts, keys = [], array("I")
    for pick in row.picks:
        known = packed.get(id(pick))
        if known is None:
            known = packed[id(pick)] = (
                pick,
                _pack(pick),
            )  # the pick itself, so that its id stays its own
        parts.append(known[1])
        keys.append(pick.paper)
    state, picks, papers = (
        ("pending", f"[{','.join(parts)}]", keys.tobytes()) if parts else ("quiet", None, None)
    )
    due, expires = moment(row.due_at), moment(row.expires_at)
    return issue, row.subscriber, row.kind, state, due, expires, picks, papers, row.address_version


def _freeze_papers(
    connection: Connection, issue: int, papers: Mapping[int, Mapping[str, Any]]
) -> None:
    rows = [
        {"issue": issue, "paper": paper, "facts": dict(facts)} for paper, facts in papers.items()
    ]
    if rows:
        connection.execute(insert_into(connection, W).on_conflict_do_nothing(), rows)


def pack_picks(picks: Sequence[Pick]) -> str:
    """Picks as compact JSON: [paper, topic, score, match, heat, [[kind, detail], …]] each."""
    return f"[{','.join(map(_pack, picks))}]"


def _pack(p: Pick) -> str:
    score, match, heat = (round(float(number), 4) for number in (p.score, p.match, p.heat))
    return f"[{p.paper},{p.topic},{score},{match},{heat},{_packed_reasons(p.reasons)}]"


@lru_cache(maxsize=1 << 15)
def _packed_reasons(reasons: tuple[Reason, ...]) -> str:
    return as_json(reasons)


def unpack_picks(packed: str | None) -> tuple[Pick, ...]:
    return tuple(
        Pick(paper, topic, score, match, heat, tuple(Reason(*reason) for reason in reasons))
        for paper, topic, score, match, heat, reasons in json.loads(packed or "[]")
    )


def enqueue(
    connection: Connection,
    subscriber: int,
    kind: MailKind,
    context: Mapping[str, Any],
    now: datetime,
) -> int:
    """Plan a mail that answers a person. Part of the caller's transaction: no answer without its
    cause.
    """
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


_VERSION = select(U.c.address_version).where(U.c.id == bindparam("key")).scalar_subquery()
_ENQUEUE = insert(D).values(address_version=_VERSION).returning(D.c.id)


# -- the life of a row -----------------------------------------------------------------------------


def _may_be_mailed() -> Any:
    """The reader still wants this kind of mail, at this address. An unknown kind is nobody's."""
    wanted = or_(
        *(
            and_(D.c.kind == kind.name, U.c.state.in_(kind.readers))
            for kind in mail_kinds.KINDS.values()
            if kind.readers
        )
    )
    return exists().where(
        U.c.id == D.c.subscriber, U.c.address_version == D.c.address_version, wanted
    )


def sweep(engine: Engine, now: datetime, *, is_retrying_digests: bool = False) -> int:
    """Put the ledger in order before claiming: leases that ran out, dots without a reply, letters
    out of date, readers who left. Returns how many rows moved.
    """
    with writing(engine) as connection:
        seconds = database_seconds(connection.dialect.name)
        moved = 0
        lost_claim = and_(UNSETTLED, D.c.state == "claimed", D.c.lease_until < seconds)
        poison = and_(lost_claim, D.c.claims >= MAX_CLAIMS)
        moved += _move(
            connection, poison, state="refused", reply=POISON, phase="render", settled_at=now
        )
        moved += _move(connection, lost_claim, state="pending", claim_token=None)
        lost_dot = and_(UNSETTLED, D.c.state == "dot", D.c.dot_at < seconds - DOT_LIMIT_S)
        moved += _ambiguous(
            connection, lost_dot, "no reply after the final dot", now, is_retrying_digests
        )
        waiting = and_(UNSETTLED, D.c.state.in_(("pending", "deferred")))
        moved += _move(
            connection, and_(waiting, D.c.expires_at <= now), state="expired", settled_at=now
        )
        unknown = and_(waiting, D.c.kind.not_in(tuple(mail_kinds.KINDS)))
        moved += _move(
            connection, unknown, state="refused", reply=UNKNOWN_KIND, phase="render", settled_at=now
        )
        moved += _move(
            connection, and_(waiting, ~_may_be_mailed()), state="suppressed", settled_at=now
        )
    return moved


def release_owner(engine: Engine, now: datetime, *, is_retrying_digests: bool = False) -> int:
    """Settle what a dead process of this database left behind. Only for whoever holds the run
    lock.
    """
    with writing(engine) as connection:
        claimed, dot = and_(UNSETTLED, D.c.state == "claimed"), and_(UNSETTLED, D.c.state == "dot")
        poison = and_(claimed, D.c.claims >= MAX_CLAIMS)
        moved = _move(
            connection, poison, state="refused", reply=POISON, phase="render", settled_at=now
        )
        moved += _move(connection, claimed, state="pending", claim_token=None)
        gone = "the process ended after the final dot"
        return moved + _ambiguous(connection, dot, gone, now, is_retrying_digests)


def _ambiguous(
    connection: Connection, where: Any, reply: str, now: datetime, is_retrying_digests: bool
) -> int:
    once = [kind.name for kind in mail_kinds.KINDS.values() if kind.is_at_most_once]
    is_held = D.c.kind.in_(() if is_retrying_digests else once)
    again = {"ambiguous": D.c.ambiguous + 1, "reply": reply, "phase": "dot"}
    held = _move(connection, and_(where, is_held), state="held", settled_at=now, **again)
    return held + _move(connection, where, state="pending", claim_token=None, **again)


def _move(connection: Connection, where: Any, **values: Any) -> int:
    return connection.execute(update(D).where(where).values(values)).rowcount


def refuse(connection: Connection, id: int, reply: str, now: datetime) -> None:
    """Settle a mail that nobody began: it is known beforehand that it cannot be delivered."""
    waiting = and_(D.c.id == id, D.c.state == "pending")
    _move(connection, waiting, state="refused", phase="connect", reply=reply, settled_at=now)


def claim(
    engine: Engine,
    limit: int,
    now: datetime,
    *,
    lease_s: int = LEASE_S,
    only: Sequence[int] = (),
    suspects: int = 1,
) -> list[Claim]:
    """Lease waiting rows, oldest first; where there is none, so many suspects. Two workers never
    get the same one.
    """
    token = secrets.token_hex(16)
    with writing(engine) as connection:
        seconds = database_seconds(connection.dialect.name)
        is_paused = func.coalesce(D.c.issue, 0).in_(select(I.c.id).where(I.c.state != "open"))
        ready = and_(
            UNSETTLED,
            D.c.state.in_(("pending", "deferred")),
            D.c.next_at <= int(now.timestamp()),
            D.c.expires_at > now,
            ~is_paused,
        )
        if only:
            ready = and_(ready, D.c.subscriber.in_(only))
        leased = {
            "state": "claimed",
            "claim_token": token,
            "lease_until": seconds + lease_s,
            "claims": D.c.claims + 1,
        }
        for where, number in (
            (D.c.claims < SUSPECT_CLAIMS, limit),
            (D.c.claims >= SUSPECT_CLAIMS, suspects),
        ):
            chosen = select(D.c.id).where(ready, where).order_by(D.c.next_at, D.c.id).limit(number)
            if connection.dialect.name == "postgresql":
                chosen = chosen.with_for_update(skip_locked=True)
            ids = connection.scalars(
                update(D).where(D.c.id.in_(chosen)).values(leased).returning(D.c.id)
            ).all()
            if ids:
                return _claims(connection, sorted(ids), token)
        return []


def clear_suspects(engine: Engine, claims: Sequence[Claim]) -> None:
    """Take the suspicion off rows whose letter could be made: whatever killed their workers, it was
    not that.
    """
    cleared = [claim.id for claim in claims if claim.claims > SUSPECT_CLAIMS]
    if cleared:
        with writing(engine) as connection:
            _move(connection, and_(D.c.id.in_(cleared), D.c.state == "claimed"), claims=0)


def planned(engine: Engine, issue: int) -> int:
    """How many letters an issue has so far."""
    with reading(engine) as connection:
        return connection.scalar(select(I.c.planned).where(I.c.id == issue)) or 0


def _claims(connection: Connection, ids: Sequence[int], token: str) -> list[Claim]:
    found = []
    names = "id issue subscriber kind picks context due_at attempts claims code"
    needed = (D.c[name] for name in names.split())
    joined = (
        select(*needed, I.c.date, I.c.candidates).outerjoin(I, I.c.id == D.c.issue).order_by(D.c.id)
    )
    for part in chunks(ids):
        for row in connection.execute(joined.where(D.c.id.in_(part))):
            picks = unpack_picks(row.picks)
            if row.code == TOO_LARGE:
                picks = picks[: max(1, len(picks) >> row.attempts)]
            found.append(
                Claim(
                    row.id,
                    token,
                    row.issue,
                    row.date,
                    row.subscriber,
                    row.kind,
                    picks,
                    row.context or {},
                    row.due_at,
                    row.attempts,
                    row.claims,
                    row.candidates or 0,
                )
            )
    return found


def fence(engine: Engine, rows: Sequence[tuple[int, str]]) -> set[int]:
    """Write down durably that these rows' final dot is about to leave; return those that may.

    A row may when this worker's lease still holds and the reader still wants the mail at that
    address. Rows of many connections share one commit. Once this returns, the row is never handed
    over again without being looked at.
    """
    return write(engine, (), rows)


def settle(engine: Engine, receipts: Sequence[tuple[Receipt, str]]) -> None:
    """Record outcomes. A row that another worker took over is left alone; a late reply resolves a
    held one.
    """
    write(engine, receipts, ())


def write(
    engine: Engine, receipts: Sequence[tuple[Receipt, str]], rows: Sequence[tuple[int, str]]
) -> set[int]:
    """`settle` and `fence` in one commit, for they come together: as one letter ends, others are
    about to leave.
    """
    passed: set[int] = set()
    with writing(engine) as connection:
        hot = _hot(connection.dialect)
        if receipts:
            connection.exec_driver_sql(
                hot.settle, [hot.outcome(receipt, token) for receipt, token in receipts]
            )
        for token in {token for _, token in rows}:
            ids = [id for id, of in rows if of == token]
            fenced = connection.exec_driver_sql(hot.fence, hot.rows(ids, token))
            passed.update(row[0] for row in fenced)
    return passed


@cache
def _hot(dialect: Dialect) -> LedgerSql:
    return LedgerSql(dialect, _may_be_mailed())


def release(engine: Engine, rows: Sequence[tuple[int, str]], unsent: Collection[int] = ()) -> None:
    """Give claimed rows back untouched (a shutdown, a relay that is away); `unsent`: fenced too,
    but no dot left.
    """
    with writing(engine) as connection:
        for id, token in rows:
            mine = and_(D.c.id == id, D.c.claim_token == token)
            states = ("claimed", "dot") if id in unsent else ("claimed",)
            uncharged = case((D.c.claims > 0, D.c.claims - 1), else_=0)
            _move(
                connection,
                and_(mine, D.c.state.in_(states)),
                state="pending",
                claim_token=None,
                claims=uncharged,
            )


# -- what readers were sent ------------------------------------------------------------------------

_NOT_SENT = ("refused", "expired", "suppressed", "quiet")


def seen_papers(connection: Connection, low: int, high: int, now: datetime) -> dict[int, set[int]]:
    """Reader -> papers that were sent to them or are on their way, for readers with low <= id <=
    high.
    """
    found: dict[int, set[int]] = {}
    rows = connection.execute(
        select(D.c.subscriber, D.c.papers).where(
            D.c.subscriber.between(low, high),
            D.c.due_at > now - LOOK_BACK,
            D.c.papers.is_not(None),
            D.c.state.not_in(_NOT_SENT),
        )
    )
    for subscriber, papers in rows:
        found.setdefault(subscriber, set()).update(array("I", papers))
    return found


def quiet_days(connection: Connection, low: int, high: int, now: datetime) -> dict[int, int]:
    """Reader -> number of quiet days in a row up to now (readers without any are absent)."""
    streaks: dict[int, int] = {}
    ended: set[int] = set()
    rows = connection.execute(
        select(D.c.subscriber, D.c.state)
        .where(
            D.c.subscriber.between(low, high), D.c.issue.is_not(None), D.c.due_at > now - LOOK_BACK
        )
        .order_by(D.c.subscriber, D.c.due_at.desc())
    )
    for subscriber, state in rows:
        if subscriber in ended:
            continue
        if state == DeliveryState.QUIET:
            streaks[subscriber] = streaks.get(subscriber, 0) + 1
        else:
            ended.add(subscriber)
    return streaks
