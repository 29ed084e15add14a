"""Reading the ledger: counts that must add up, what became of a letter, and what an operator may
decide about it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, select, update

from newsletter.errors import InputError, NotFound
from newsletter.mail_kinds import ADDRESS_NEW, MISSED, MailKind
from newsletter.models import DeliveryState
from newsletter.store.db import chunks
from newsletter.store.ledger_life import D, I, U, W, enqueue
from newsletter.store.tables import UNSETTLED

#: Outward states. A claimed row, or one whose dot has no reply yet, counts as pending.
STATES = ("sent", "refused", "deferred", "held", "suppressed", "expired", "pending")
#: What is looked at often looks at so many issues: letters of older ones no longer change.
RECENT = 7
_INNER = {"claimed": "pending", "dot": "pending"}
#: What every page asks is made once.
_MAILS = select(func.count()).where(
    D.c.subscriber == bindparam("reader"),
    D.c.kind == bindparam("name"),
    D.c.due_at > bindparam("since"),
)
_MOVE = (
    select(D.c.id, D.c.context, D.c.due_at)
    .where(D.c.subscriber == bindparam("reader"), D.c.kind == ADDRESS_NEW.name)
    .order_by(D.c.id.desc())
    .limit(1)
)


def counts(
    connection: Connection, issue: int | None = None, subscriber: int | None = None
) -> dict[str, int]:
    """State -> letters, of an issue, a reader or of everything; `planned` is their sum, `quiet` is
    counted apart.
    """
    found = dict.fromkeys((*STATES, "quiet"), 0)
    query = select(D.c.state, func.count().label("number")).group_by(D.c.state)
    if issue is not None:
        query = query.where(D.c.issue == issue)
    if subscriber is not None:
        query = query.where(D.c.subscriber == subscriber)
    for row in connection.execute(query):
        found[_INNER.get(row.state, row.state)] += row.number
    return {"planned": sum(found[state] for state in STATES), **found}


def issue_counts(
    connection: Connection, ids: Iterable[int] | None = None, limit: int = 30
) -> list[dict[str, Any]]:
    """Issues with their counts, newest first; those with these ids, else the latest."""
    query = select(I).order_by(I.c.date.desc()).limit(limit)
    if ids is not None:
        query = select(I).where(I.c.id.in_(list(ids))).order_by(I.c.date.desc())
    return [
        {
            "id": row.id,
            "date": row.date.isoformat(),
            **counts(connection, row.id),
            "state": row.state,
            "state_reason": row.state_reason,
            "candidates": row.candidates,
        }
        for row in connection.execute(query)
    ]


def candidates(connection: Connection, issue: int) -> int:
    """How many papers an issue was picked from."""
    return connection.scalar(select(I.c.candidates).where(I.c.id == issue)) or 0


def issue_days(connection: Connection, until: date | None, limit: int) -> list[tuple[int, date]]:
    """Issues before a day, newest first: (id, date)."""
    query = select(I.c.id, I.c.date).order_by(I.c.date.desc()).limit(limit)
    if until is not None:
        query = query.where(I.c.date < until)
    return [(row.id, row.date) for row in connection.execute(query)]


def find_issue(connection: Connection, name: str) -> int:
    """Find an issue by date (2026-11-23), by number, or "latest".

    Raises: NotFound.
    """
    query = select(I.c.id).order_by(I.c.date.desc()).limit(1)
    if name != "latest":
        try:
            query = query.where(I.c.date == date.fromisoformat(name))
        except ValueError:
            query = query.where(
                I.c.id == (int(name) if name.isdecimal() and len(name) < 10 else -1)
            )
    id = connection.scalar(query)
    if id is None:
        raise NotFound(f"no issue {name!r}", hint="see them: newsletter issues list")
    return int(id)


def letters(
    connection: Connection,
    issue: int,
    *,
    subscriber: int | None = None,
    states: Sequence[str] = (),
    limit: int = 100,
) -> list[dict[str, Any]]:
    """What became of an issue's letters, with the server's words: {email, state, code, reply,
    relay, settled_at, …}.
    """
    names = (
        "id",
        "state",
        "kind",
        "code",
        "enhanced",
        "phase",
        "reply",
        "relay",
        "settled_at",
        "attempts",
        "picks",
        "due_at",
        "next_at",
    )
    query = select(*(D.c[name] for name in names), U.c.email).join(U, U.c.id == D.c.subscriber)
    query = query.where(D.c.issue == issue).order_by(D.c.id).limit(limit)
    if subscriber is not None:
        query = query.where(D.c.subscriber == subscriber)
    if states:
        query = query.where(D.c.state.in_(states))
    return [dict(row._mapping) for row in connection.execute(query)]


def history(connection: Connection, subscriber: int, limit: int = 30) -> list[dict[str, Any]]:
    """One reader's letters, newest first: {date, kind, state, code, reply, settled_at}."""
    columns = (I.c.date, D.c.kind, D.c.state, D.c.code, D.c.reply, D.c.settled_at)
    query = select(*columns).outerjoin(I, I.c.id == D.c.issue).where(D.c.subscriber == subscriber)
    return [
        dict(row._mapping) for row in connection.execute(query.order_by(D.c.id.desc()).limit(limit))
    ]


def retry(connection: Connection, issue: int, now: datetime) -> int:
    """Try again now what is deferred or was refused for a reason that is not the reader's; open a
    paused issue.
    """
    connection.execute(update(I).where(I.c.id == issue).values(state="open", state_reason=""))
    ours = and_(D.c.state == "refused", D.c.phase.not_in(("rcpt",)))
    again = and_(D.c.issue == issue, (D.c.state == "deferred") | ours, D.c.expires_at > now)
    fresh = {"state": "pending", "next_at": 0, "claims": 0, "claim_token": None}
    return connection.execute(update(D).where(again).values(fresh)).rowcount


def resolve(
    connection: Connection,
    issue: int,
    *,
    as_sent: bool,
    now: datetime,
    subscriber: int | None = None,
) -> int:
    """Decide held letters: they arrived, or they are to be sent again (which may bring some readers
    a second one).
    """
    held = and_(D.c.issue == issue, D.c.state == "held")
    if subscriber is not None:
        held = and_(held, D.c.subscriber == subscriber)
    if as_sent:
        decided: dict[str, Any] = {"state": "sent", "settled_at": now}
    else:
        decided = {
            "state": "pending",
            "next_at": 0,
            "claim_token": None,
            "expires_at": now + timedelta(hours=18),
        }
    return connection.execute(update(D).where(held).values(decided)).rowcount


def tell(connection: Connection, issue: int, now: datetime, subscriber: int | None = None) -> int:
    """Plan a mail to every reader of a held letter, with a link to it; once, however often this is
    asked.
    """
    held = select(D.c.subscriber, D.c.due_at, I.c.date).join(I, I.c.id == D.c.issue)
    held = held.where(D.c.issue == issue, D.c.state == "held")
    if subscriber is not None:
        held = held.where(D.c.subscriber == subscriber)
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
    """Stop sending an issue; nothing of it is claimed until somebody says `issues retry`."""
    connection.execute(update(I).where(I.c.id == issue).values(state="paused", state_reason=reason))


def check(connection: Connection, latest: int | None = None) -> list[str]:
    """Sentences about issues, or the latest of them, whose rows do not add up to what was planned.
    Empty = all do.
    """
    wrong = []
    for row in connection.execute(select(I).order_by(I.c.date.desc()).limit(latest)).all():
        found = counts(connection, row.id)
        for name, planned in (("planned", row.planned), ("quiet", row.quiet)):
            if found[name] != planned:
                wrong.append(
                    f"issue {row.date}: {planned} {name} on record, {found[name]} in the ledger"
                )
    return wrong


def missed(connection: Connection, ids: Iterable[int], before: date) -> dict[int, tuple[date, int]]:
    """Reader -> (date, delivery) of the letter before this one, if it was held or went out of
    date.
    """
    found: dict[int, tuple[date, int]] = {}
    latest: dict[int, date] = {}
    for part in chunks(sorted(set(ids))):
        rows = connection.execute(
            select(D.c.subscriber, D.c.id, D.c.state, I.c.date)
            .join(I, I.c.id == D.c.issue)
            .where(
                D.c.subscriber.in_(part), I.c.date < before, I.c.date >= before - timedelta(days=7)
            )
            .order_by(D.c.subscriber, I.c.date.desc())
        )
        for row in rows:
            if row.subscriber in latest:
                continue
            latest[row.subscriber] = row.date
            if row.state in (DeliveryState.HELD, DeliveryState.EXPIRED):
                found[row.subscriber] = (row.date, row.id)
    return found


def shown_papers(connection: Connection, issue: int) -> dict[int, Mapping[str, Any]]:
    """Paper key -> what the issue says about it."""
    return {
        row.paper: row.facts
        for row in connection.execute(select(W.c.paper, W.c.facts).where(W.c.issue == issue))
    }


def addresses(connection: Connection, deliveries: Iterable[int]) -> dict[int, tuple[int, str]]:
    """Delivery -> (subscriber, canonical address)."""
    found = {}
    for part in chunks(sorted(set(deliveries))):
        query = select(D.c.id, U.c.id.label("reader"), U.c.canonical).join(
            U, U.c.id == D.c.subscriber
        )
        for row in connection.execute(query.where(D.c.id.in_(part))):
            found[row.id] = (row.reader, row.canonical)
    return found


def has_waiting(connection: Connection, now: datetime) -> bool:
    """Whether some letter could be sent now."""
    waiting = select(D.c.id).where(UNSETTLED, D.c.next_at <= int(now.timestamp()))
    return connection.scalar(waiting.limit(1)) is not None


def enqueued_since(connection: Connection, subscriber: int, kind: MailKind, since: datetime) -> int:
    """How many mails of a kind a reader was promised since a moment."""
    asked = {"reader": subscriber, "name": kind.name, "since": since}
    return connection.scalar(_MAILS, asked) or 0


def letter(connection: Connection, subscriber: int, issue: int) -> dict[str, Any]:
    """One reader's row of one issue, for the page behind "view in browser".

    Raises: NotFound.
    """
    query = select(D, I.c.date, I.c.candidates).join(I, I.c.id == D.c.issue)
    row = connection.execute(
        query.where(D.c.subscriber == subscriber, D.c.issue == issue)
    ).one_or_none()
    if row is None:
        raise NotFound("no such letter")
    return dict(row._mapping)


def recent_picks(
    connection: Connection, subscriber: int, limit: int = 10
) -> list[tuple[int, date, str]]:
    """One reader's latest letters, newest first: (issue, date, packed picks)."""
    query = select(D.c.issue, I.c.date, D.c.picks).join(I, I.c.id == D.c.issue)
    query = (
        query.where(D.c.subscriber == subscriber, D.c.picks.is_not(None))
        .order_by(I.c.date.desc())
        .limit(limit)
    )
    return [(row.issue, row.date, row.picks) for row in connection.execute(query)]


def find_move(
    connection: Connection, subscriber: int
) -> tuple[int, Mapping[str, Any], datetime] | None:
    """The latest change of address a reader asked for, until it is made or dropped: (row, context,
    asked at).
    """
    row = connection.execute(_MOVE, {"reader": subscriber}).first()
    return (row.id, row.context, row.due_at) if row is not None and row.context else None


def end_moves(connection: Connection, subscriber: int, now: datetime) -> None:
    """Forget every address a reader asked for; letters to it that still wait are out of date."""
    mine = and_(D.c.subscriber == subscriber, D.c.kind == ADDRESS_NEW.name)
    waiting = and_(mine, D.c.state.in_(("pending", "deferred")))
    connection.execute(update(D).where(waiting).values(state="expired", settled_at=now))
    connection.execute(update(D).where(mine).values(context={}))


def require_known_state(state: str) -> None:
    if state not in (*STATES, "quiet"):
        raise InputError(f"no state {state!r}", hint=f"states: {', '.join((*STATES, 'quiet'))}")


def hold_open(connection: Connection, now: datetime) -> int:
    """After a restore: what was on its way may have left since the backup; hold it rather than send
    it twice.
    """
    on_its_way = and_(
        D.c.state.in_(("pending", "deferred", "claimed", "dot")), D.c.issue.is_not(None)
    )
    held = {
        "state": "held",
        "settled_at": now,
        "phase": "dot",
        "reply": "restored from a backup",
        "claim_token": None,
    }
    return connection.execute(update(D).where(on_its_way).values(held)).rowcount
