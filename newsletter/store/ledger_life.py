"""The states of a letter. Each change is one UPDATE that names the state it expects.

pending -> claimed -> dot -> sent | refused | deferred | held; claimed past its lease -> pending;
deferred -> pending; dot without a reply -> held (digests) or pending (mails that answer a person).
A row changes state only in this module. Leases use the database's clock, so a worker's clock may be
wrong.
"""

import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Engine, and_, case, exists, func, literal, select, update

from newsletter import mail_kinds
from newsletter.mail_kinds import ADDRESS_NEW, MISSED
from newsletter.models import Claim, Receipt
from newsletter.store import paper_events
from newsletter.store.db import database_seconds, writing
from newsletter.store.driver import writing_by_driver
from newsletter.store.ledger_plan import enqueue, unpack_picks
from newsletter.store.ledger_read import enqueued_since
from newsletter.store.ledger_sql import may_be_mailed, statements
from newsletter.store.tables import (
    UNSETTLED,
    UNSETTLED_ANSWER,
    deliveries,
    evidence,
    issues,
    subscribers,
)

LEASE_S = 120
#: A row whose workers died twice is suspect: it is claimed last and alone. It is cleared when its
#: letter was built. A row whose workers also died three times while it was alone is refused.
SUSPECT_CLAIMS, MAX_CLAIMS = 2, 5
ENDED_ITS_PROCESS = "ended the process that made it, three times"
UNKNOWN_KIND = "this version knows no mail of this kind"
#: Longer than the 600 s that a relay may take to answer the final dot (RFC 5321 section 4.5.3.2.6).
DOT_LIMIT_S = 660


#: What a claim says of its row.
_CLAIMED = (
    *(deliveries.c[name] for name in ("id", "issue", "subscriber", "kind", "due_at", "expires_at")),
    *(deliveries.c[name] for name in ("picks", "pick_limit", "context", "events")),
    *(deliveries.c[name] for name in ("attempts", "claims", "dated_at")),
)


def sweep(engine: Engine, now: datetime, *, is_retrying_digests: bool = False) -> Counter[str]:
    """Settle rows before claiming: ended leases, dots without reply, expired letters, readers gone.

    Returns how many rows came to each state.
    """
    moved: Counter[str] = Counter()
    with writing(engine) as connection:
        seconds = database_seconds(connection.dialect.name)
        lost_claim = and_(
            UNSETTLED, deliveries.c.state == "claimed", deliveries.c.lease_until < seconds
        )
        ends_its_process = and_(lost_claim, deliveries.c.claims >= MAX_CLAIMS)
        refused = {"state": "refused", "phase": "render", "settled_at": now}
        moved["refused"] += _move(connection, ends_its_process, reply=ENDED_ITS_PROCESS, **refused)
        moved["pending"] += _move(connection, lost_claim, state="pending", claim_token=None)
        lost_dot = and_(
            UNSETTLED, deliveries.c.state == "dot", deliveries.c.dot_at < seconds - DOT_LIMIT_S
        )
        moved["held"] += _ambiguous(
            connection, lost_dot, "no reply after the final dot", now, is_retrying_digests
        )
        waiting = and_(UNSETTLED, deliveries.c.state.in_(("pending", "deferred")))
        late = and_(waiting, deliveries.c.expires_at <= now)
        moved["expired"] += _move(connection, late, state="expired", settled_at=now)
        unknown = and_(waiting, deliveries.c.kind.not_in(tuple(mail_kinds.KINDS)))
        moved["refused"] += _move(connection, unknown, reply=UNKNOWN_KIND, **refused)
        unwanted = and_(waiting, ~may_be_mailed())
        moved["suppressed"] += _move(connection, unwanted, state="suppressed", settled_at=now)
    return moved


def release_owner(engine: Engine, now: datetime, *, is_retrying_digests: bool = False) -> int:
    """Settle the rows of a process that died. The caller must hold the run lock."""
    with writing(engine) as connection:
        claimed, dot = (
            and_(UNSETTLED, deliveries.c.state == "claimed"),
            and_(UNSETTLED, deliveries.c.state == "dot"),
        )
        ends_its_process = and_(claimed, deliveries.c.claims >= MAX_CLAIMS)
        moved = _move(
            connection,
            ends_its_process,
            state="refused",
            reply=ENDED_ITS_PROCESS,
            phase="render",
            settled_at=now,
        )
        moved += _move(connection, claimed, state="pending", claim_token=None)
        gone = "the process ended after the final dot"
        return moved + _ambiguous(connection, dot, gone, now, is_retrying_digests)


def _ambiguous(
    connection: Connection, where: Any, reply: str, now: datetime, is_retrying_digests: bool
) -> int:
    once = [kind.name for kind in mail_kinds.KINDS.values() if kind.is_at_most_once]
    is_held = deliveries.c.kind.in_(() if is_retrying_digests else once)
    again = {"ambiguous": deliveries.c.ambiguous + 1, "reply": reply, "phase": "dot"}
    held = _move(connection, and_(where, is_held), state="held", settled_at=now, **again)
    return held + _move(connection, where, state="pending", claim_token=None, **again)


def _move(connection: Connection, where: Any, **values: Any) -> int:
    return connection.execute(update(deliveries).where(where).values(values)).rowcount


def refuse(connection: Connection, id: int, reply: str, now: datetime) -> None:
    """Refuse a mail before any try, when it is known that it cannot be delivered."""
    waiting = and_(deliveries.c.id == id, deliveries.c.state == "pending")
    _move(connection, waiting, state="refused", phase="connect", reply=reply, settled_at=now)


def claim(
    engine: Engine,
    limit: int,
    now: datetime,
    *,
    only: Sequence[int] = (),
    suspects: int = 1,
    is_answers: bool = False,
) -> list[Claim]:
    """Lease waiting rows, oldest first; when there are none, up to `suspects` suspect rows.

    Two workers never get the same row. `is_answers`: only mails that answer a person.
    """
    token = secrets.token_hex(16)
    with writing(engine) as connection:
        seconds = database_seconds(connection.dialect.name)
        is_paused = func.coalesce(deliveries.c.issue, 0).in_(
            select(issues.c.id).where(issues.c.state != "open")
        )
        ready = and_(
            UNSETTLED,
            deliveries.c.state.in_(("pending", "deferred")),
            deliveries.c.next_at <= int(now.timestamp()),
            deliveries.c.expires_at > now,
            ~is_paused,
        )
        if only:
            ready = and_(ready, deliveries.c.subscriber.in_(only))
        if is_answers:
            ready = and_(UNSETTLED_ANSWER, ready)
        leased = {
            "state": "claimed",
            "claim_token": token,
            "lease_until": seconds + LEASE_S,
            "claims": deliveries.c.claims + 1,
            "dated_at": func.coalesce(
                deliveries.c.dated_at, literal(now, deliveries.c.dated_at.type)
            ),
        }
        for where, number in (
            (deliveries.c.claims < SUSPECT_CLAIMS, limit),
            (deliveries.c.claims >= SUSPECT_CLAIMS, suspects),
        ):
            chosen = (
                select(deliveries.c.id)
                .where(ready, where)
                .order_by(deliveries.c.next_at, deliveries.c.id)
                .limit(number)
            )
            if connection.dialect.name == "postgresql":
                chosen = chosen.with_for_update(skip_locked=True)
            leasing = update(deliveries).where(deliveries.c.id.in_(chosen)).values(leased)
            rows = connection.execute(leasing.returning(*_CLAIMED)).all()
            if rows:
                return _claims(connection, rows, token)
        return []


def clear_suspects(engine: Engine, claims: Sequence[Claim]) -> None:
    """Clear suspect rows whose letter could be built: building it did not kill the workers."""
    cleared = [claim.id for claim in claims if claim.claims > SUSPECT_CLAIMS]
    if cleared:
        with writing(engine) as connection:
            _move(
                connection,
                and_(deliveries.c.id.in_(cleared), deliveries.c.state == "claimed"),
                claims=0,
            )


def _claims(connection: Connection, rows: Sequence[Any], token: str) -> list[Claim]:
    told = paper_events.told(connection, [row.id for row in rows if row.events is not None])
    numbers = {row.issue for row in rows if row.issue is not None}
    known = {
        issue.id: (issue.date, issue.candidates)
        for issue in connection.execute(select(issues).where(issues.c.id.in_(numbers)))
    }
    found = []
    for row in rows:
        day, candidates = known.get(row.issue, (None, 0))
        found.append(
            Claim(
                id=row.id,
                token=token,
                issue=row.issue,
                day=day,
                subscriber=row.subscriber,
                kind=row.kind,
                picks=unpack_picks(row.picks, row.pick_limit),
                context=row.context or {},
                events=told.get(row.id, ()),
                due_at=row.due_at,
                expires_at=row.expires_at,
                attempts=row.attempts,
                claims=row.claims,
                dated_at=row.dated_at,
                candidates=candidates,
            )
        )
    found.sort(key=attrgetter("id"))
    return found


def fence(engine: Engine, rows: Sequence[tuple[int, str]]) -> set[int]:
    """Record durably that the final dot of these rows is about to leave; return those that may.

    A row may when this worker still holds its lease and the reader still wants the mail at that
    address. Rows of many connections share one commit. A row in state `dot` is not sent again until
    `sweep` or an operator has decided about it.
    """
    return write(engine, (), rows)


def settle(engine: Engine, receipts: Sequence[tuple[Receipt, str]]) -> None:
    """Record outcomes. Rows that another worker took over stay unchanged.

    A late reply also settles a held row.
    """
    write(engine, receipts, ())


def write(
    engine: Engine, receipts: Sequence[tuple[Receipt, str]], rows: Sequence[tuple[int, str]]
) -> set[int]:
    """Do `settle` and `fence` in one commit; both are needed at the same time."""
    passed: set[int] = set()
    with writing_by_driver(engine) as cursor:
        sql = statements(engine.dialect)
        if receipts:
            cursor.executemany(
                sql.settle, [sql.outcome(receipt, token) for receipt, token in receipts]
            )
        for token in {token for _, token in rows}:
            ids = [id for id, of in rows if of == token]
            cursor.execute(sql.fence, sql.rows(ids, token))
            passed.update([row[0] for row in cursor.fetchall()])
    return passed


def release(engine: Engine, rows: Sequence[tuple[int, str]], unsent: Collection[int] = ()) -> None:
    """Return claimed rows to `pending` (shutdown, or the relay is away).

    `unsent`: rows that passed the fence although no dot left.
    """
    with writing(engine) as connection:
        for id, token in rows:
            mine = and_(deliveries.c.id == id, deliveries.c.claim_token == token)
            states = ("claimed", "dot") if id in unsent else ("claimed",)
            uncharged = case((deliveries.c.claims > 0, deliveries.c.claims - 1), else_=0)
            # A mail that was never begun has no date yet: it may leave hours later.
            dated = case((deliveries.c.attempts > 0, deliveries.c.dated_at))
            _move(
                connection,
                and_(mine, deliveries.c.state.in_(states)),
                state="pending",
                claim_token=None,
                claims=uncharged,
                dated_at=dated,
            )


# -- decisions of the operator ---------------------------------------------------------------------


def settle_held(connection: Connection, delivery: int, now: datetime) -> bool:
    """Set a held letter to sent: a report about it proves that it was handed over."""
    held = and_(deliveries.c.id == delivery, deliveries.c.state == "held")
    return bool(_move(connection, held, state="sent", settled_at=now))


def retry(connection: Connection, issue: int, now: datetime) -> int:
    """Retry rows that are deferred or refused for no fault of the reader; open a paused issue."""
    opened = {"state": "open", "state_reason": ""}
    connection.execute(update(issues).where(issues.c.id == issue).values(opened))
    of_mailbox = exists().where(
        evidence.c.delivery == deliveries.c.id,
        evidence.c.cause.in_(("gone", "full", "closed")),
        evidence.c.is_doubted == 0,
    )
    ours = and_(deliveries.c.state == "refused", ~of_mailbox)
    again = and_(
        deliveries.c.issue == issue,
        (deliveries.c.state == "deferred") | ours,
        deliveries.c.expires_at > now,
    )
    return _move(connection, again, state="pending", next_at=0, claims=0, claim_token=None)


def resolve(
    connection: Connection,
    issue: int,
    *,
    as_sent: bool,
    now: datetime,
    subscriber: int | None = None,
) -> int:
    """Settle held letters as sent, or send them again (some readers may then get two)."""
    held = and_(deliveries.c.issue == issue, deliveries.c.state == "held")
    if subscriber is not None:
        held = and_(held, deliveries.c.subscriber == subscriber)
    if as_sent:
        decided: dict[str, Any] = {"state": "sent", "settled_at": now}
    else:
        decided = {
            "state": "pending",
            "next_at": 0,
            "claim_token": None,
            "expires_at": now + timedelta(hours=18),
        }
    return connection.execute(update(deliveries).where(held).values(decided)).rowcount


def tell(connection: Connection, issue: int, now: datetime, subscriber: int | None = None) -> int:
    """Plan a mail with a link to the letter for each reader of a held letter; once per letter."""
    held = select(deliveries.c.subscriber, deliveries.c.due_at, issues.c.date).join(
        issues, issues.c.id == deliveries.c.issue
    )
    held = held.where(deliveries.c.issue == issue, deliveries.c.state == "held")
    if subscriber is not None:
        held = held.where(deliveries.c.subscriber == subscriber)
    untold = [
        row
        for row in connection.execute(held).all()
        if not enqueued_since(connection, row.subscriber, MISSED, row.due_at)
    ]
    for row in untold:
        context = {"issue": issue, "day": row.date.isoformat()}
        enqueue(connection, row.subscriber, MISSED, context, now)
    return len(untold)


def pause(connection: Connection, issue: int, reason: str) -> None:
    """Stop sending an issue: none of its rows is claimed until `issues retry`."""
    connection.execute(
        update(issues).where(issues.c.id == issue).values(state="paused", state_reason=reason)
    )


def follow_address(connection: Connection, subscriber: int) -> None:
    """Redirect a reader's unsent digests to the new address; leases on them end."""
    mine = and_(
        deliveries.c.subscriber == subscriber,
        deliveries.c.issue.is_not(None),
        deliveries.c.state.in_(("pending", "deferred", "claimed")),
    )
    version = select(subscribers.c.address_version).where(subscribers.c.id == subscriber)
    moved = {"address_version": version.scalar_subquery(), "claim_token": None}
    claimed = deliveries.c.state == "claimed"
    state = case((claimed, "pending"), else_=deliveries.c.state)
    _move(connection, mine, state=state, **moved)


def end_moves(connection: Connection, subscriber: int, now: datetime) -> None:
    """Expire the waiting mails of every address change that a reader asked for."""
    mine = and_(deliveries.c.subscriber == subscriber, deliveries.c.kind == ADDRESS_NEW.name)
    waiting = and_(mine, deliveries.c.state.in_(("pending", "deferred")))
    connection.execute(update(deliveries).where(waiting).values(state="expired", settled_at=now))
    connection.execute(update(deliveries).where(mine).values(context={}))


def hold_open(connection: Connection, now: datetime) -> int:
    """Hold open letters after a restore: they may have left since the backup was made.

    Mails that answer a person expire; who got none can ask again. Returns how many are held.
    """
    unknown = {"settled_at": now, "phase": "dot", "reply": "restored from a backup"}
    _move(connection, UNSETTLED_ANSWER, state="expired", claim_token=None, **unknown)
    return _move(connection, UNSETTLED, state="held", claim_token=None, **unknown)
