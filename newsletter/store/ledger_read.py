"""Read the ledger: counts and their check, outcomes of letters, papers that readers had."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from newsletter.errors import InputError, NotFound
from newsletter.mail_kinds import ADDRESS_NEW, CONFIRM, MailKind
from newsletter.models import DeliveryState
from newsletter.store.db import chunks
from newsletter.store.tables import (
    UNSETTLED,
    UNSETTLED_ANSWER,
    deliveries,
    issue_papers,
    issues,
    papers,
    removed_letters,
    subscribers,
)

#: States as shown. A claimed row, or one whose dot has no reply yet, counts as pending.
STATES = ("sent", "refused", "deferred", "held", "suppressed", "expired", "pending")
#: Frequent checks read this many issues; letters of older ones no longer change.
RECENT = 7
_INNER = {"claimed": "pending", "dot": "pending"}
#: How far back a reader's papers are looked up. Papers are eligible for seven days, so this is
#: enough to send none twice.
LOOK_BACK = timedelta(days=15)
_NOT_SENT = ("refused", "expired", "suppressed", "quiet")
#: Every page needs this query, so it is built once.
_MAILS = select(func.count()).where(
    deliveries.c.subscriber == bindparam("reader"),
    deliveries.c.kind == bindparam("name"),
    deliveries.c.due_at > bindparam("since"),
    deliveries.c.state != "expired",
)
_MOVE = (
    select(deliveries.c.id, deliveries.c.context, deliveries.c.due_at)
    .where(deliveries.c.subscriber == bindparam("reader"), deliveries.c.kind == ADDRESS_NEW.name)
    .order_by(deliveries.c.id.desc())
    .limit(1)
)


def counts(
    connection: Connection, issue: int | None = None, subscriber: int | None = None
) -> dict[str, int]:
    """Return state -> letters, of an issue, a reader or all.

    `planned` is the sum of the states; `quiet` is not part of it.
    """
    found = dict.fromkeys((*STATES, "quiet"), 0)
    query = select(deliveries.c.state, func.count().label("number")).group_by(deliveries.c.state)
    if issue is not None:
        query = query.where(deliveries.c.issue == issue)
    if subscriber is not None:
        query = query.where(deliveries.c.subscriber == subscriber)
    for row in connection.execute(query):
        found[_INNER.get(row.state, row.state)] += row.number
    if subscriber is None:
        removed = select(removed_letters)
        if issue is not None:
            removed = removed.where(removed_letters.c.issue == issue)
        for row in connection.execute(removed):
            found[row.state] += row.number
    return {"planned": sum(found[state] for state in STATES), **found}


def issue_counts(
    connection: Connection, ids: Iterable[int] | None = None, limit: int = 30
) -> list[dict[str, Any]]:
    """List issues with their counts, newest first: those in `ids`, else the latest."""
    query = select(issues).order_by(issues.c.date.desc()).limit(limit)
    if ids is not None:
        query = select(issues).where(issues.c.id.in_(list(ids))).order_by(issues.c.date.desc())
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
    """Return how many papers an issue was picked from."""
    return connection.scalar(select(issues.c.candidates).where(issues.c.id == issue)) or 0


def issue_days(connection: Connection, until: date | None, limit: int) -> list[tuple[int, date]]:
    """List issues before a day, newest first: (id, date)."""
    query = select(issues.c.id, issues.c.date).order_by(issues.c.date.desc()).limit(limit)
    if until is not None:
        query = query.where(issues.c.date < until)
    return [(row.id, row.date) for row in connection.execute(query)]


def find_issue(connection: Connection, name: str) -> int:
    """Find an issue by date (2026-11-23), by number, or "latest".

    Raises: NotFound.
    """
    query = select(issues.c.id).order_by(issues.c.date.desc()).limit(1)
    if name != "latest":
        try:
            query = query.where(issues.c.date == date.fromisoformat(name))
        except ValueError:
            query = query.where(
                issues.c.id == (int(name) if name.isdecimal() and len(name) < 10 else -1)
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
    """List an issue's letters: {email, state, code, reply, relay, settled_at, …}."""
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
        "pick_limit",
        "due_at",
        "next_at",
    )
    query = select(*(deliveries.c[name] for name in names), subscribers.c.email).join(
        subscribers, subscribers.c.id == deliveries.c.subscriber
    )
    query = query.where(deliveries.c.issue == issue).order_by(deliveries.c.id).limit(limit)
    if subscriber is not None:
        query = query.where(deliveries.c.subscriber == subscriber)
    if states:
        query = query.where(deliveries.c.state.in_(states))
    return [dict(row._mapping) for row in connection.execute(query)]


def history(connection: Connection, subscriber: int, limit: int = 30) -> list[dict[str, Any]]:
    """List a reader's letters, newest first: {date, kind, state, code, reply, settled_at, …}."""
    columns = (
        issues.c.date,
        deliveries.c.kind,
        deliveries.c.state,
        deliveries.c.code,
        deliveries.c.reply,
        deliveries.c.settled_at,
        deliveries.c.due_at,
    )
    query = (
        select(*columns)
        .outerjoin(issues, issues.c.id == deliveries.c.issue)
        .where(deliveries.c.subscriber == subscriber)
    )
    return [
        dict(row._mapping)
        for row in connection.execute(query.order_by(deliveries.c.id.desc()).limit(limit))
    ]


def check(connection: Connection, latest: int | None = None) -> list[str]:
    """Report issues whose rows do not add up to what was planned, as sentences; empty: all do.

    `latest`: check only so many of the newest issues.
    """
    wrong = []
    for row in connection.execute(
        select(issues).order_by(issues.c.date.desc()).limit(latest)
    ).all():
        found = counts(connection, row.id)
        for name, planned in (("planned", row.planned), ("quiet", row.quiet)):
            if found[name] != planned:
                wrong.append(
                    f"issue {row.date}: {planned} {name} on record, {found[name]} in the ledger"
                )
    return wrong


def missed(connection: Connection, ids: Iterable[int], before: date) -> dict[int, tuple[date, int]]:
    """Return reader -> (date, delivery) of the previous letter, if it was held or expired."""
    found: dict[int, tuple[date, int]] = {}
    latest: dict[int, date] = {}
    for part in chunks(sorted(set(ids))):
        rows = connection.execute(
            select(deliveries.c.subscriber, deliveries.c.id, deliveries.c.state, issues.c.date)
            .join(issues, issues.c.id == deliveries.c.issue)
            .where(
                deliveries.c.subscriber.in_(part),
                issues.c.date < before,
                issues.c.date >= before - timedelta(days=7),
            )
            .order_by(deliveries.c.subscriber, issues.c.date.desc())
        )
        for row in rows:
            if row.subscriber in latest:
                continue
            latest[row.subscriber] = row.date
            if row.state in (DeliveryState.HELD, DeliveryState.EXPIRED):
                found[row.subscriber] = (row.date, row.id)
    return found


def shown_papers(connection: Connection, issue: int) -> dict[int, Mapping[str, Any]]:
    """Return paper key -> what the issue says about it."""
    return {
        row.paper: row.facts
        for row in connection.execute(
            select(issue_papers.c.paper, issue_papers.c.facts).where(issue_papers.c.issue == issue)
        )
    }


def public_papers(connection: Connection, issue: int) -> list[Mapping[str, Any]]:
    """Return what the issue says about its papers, for pages: without hidden papers."""
    return list(connection.scalars(_public(issue_papers.c.facts, issue)))


def count_public_papers(connection: Connection, issue: int) -> int:
    return connection.scalar(_public(func.count(), issue)) or 0


def _public(column: Any, issue: int) -> Any:
    rows = select(column).join_from(issue_papers, papers, papers.c.key == issue_papers.c.paper)
    return rows.where(issue_papers.c.issue == issue, papers.c.is_hidden == 0)


def addresses(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[int, str]]:
    """Return delivery -> (subscriber, canonical address)."""
    found = {}
    for part in chunks(sorted(set(ids))):
        query = select(
            deliveries.c.id, subscribers.c.id.label("reader"), subscribers.c.canonical
        ).join(subscribers, subscribers.c.id == deliveries.c.subscriber)
        for row in connection.execute(query.where(deliveries.c.id.in_(part))):
            found[row.id] = (row.reader, row.canonical)
    return found


def has_waiting(connection: Connection, now: datetime, *, is_answers: bool = False) -> bool:
    """Tell whether some letter could be sent now; `is_answers`: a mail that answers a person."""
    kind = UNSETTLED_ANSWER if is_answers else UNSETTLED
    waiting = select(deliveries.c.id).where(kind, deliveries.c.next_at <= int(now.timestamp()))
    return connection.scalar(waiting.limit(1)) is not None


def enqueued_since(connection: Connection, subscriber: int, kind: MailKind, since: datetime) -> int:
    """Count the mails of a kind that were planned for a reader since a moment, without those that
    went out of date before they could be sent.
    """
    asked = {"reader": subscriber, "name": kind.name, "since": since}
    return connection.scalar(_MAILS, asked) or 0


def letter(connection: Connection, subscriber: int, issue: int) -> dict[str, Any]:
    """Load one reader's row of one issue, for the page "view in browser".

    Raises: NotFound.
    """
    query = select(deliveries, issues.c.date, issues.c.candidates).join(
        issues, issues.c.id == deliveries.c.issue
    )
    row = connection.execute(
        query.where(deliveries.c.subscriber == subscriber, deliveries.c.issue == issue)
    ).one_or_none()
    if row is None:
        raise NotFound("no such letter")
    return dict(row._mapping)


def recent_picks(
    connection: Connection, subscriber: int, limit: int = 10
) -> list[tuple[int, date, str]]:
    """List a reader's latest letters, newest first: (issue, date, packed picks)."""
    query = select(deliveries.c.issue, issues.c.date, deliveries.c.picks).join(
        issues, issues.c.id == deliveries.c.issue
    )
    query = (
        query.where(deliveries.c.subscriber == subscriber, deliveries.c.picks.is_not(None))
        .order_by(issues.c.date.desc())
        .limit(limit)
    )
    return [(row.issue, row.date, row.picks) for row in connection.execute(query)]


def find_move(
    connection: Connection, subscriber: int
) -> tuple[int, Mapping[str, Any], datetime] | None:
    """Find the open change of address that a reader asked for last: (row, context, asked at)."""
    row = connection.execute(_MOVE, {"reader": subscriber}).first()
    return (row.id, row.context, row.due_at) if row is not None and row.context else None


def require_known_state(state: str) -> None:
    if state not in (*STATES, "quiet"):
        raise InputError(f"no state {state!r}", hint=f"states: {', '.join((*STATES, 'quiet'))}")


def new_domains(connection: Connection, limit: int) -> dict[int, str]:
    """Return delivery -> domain, of confirmations that were never tried."""
    query = (
        select(deliveries.c.id, subscribers.c.email)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber)
        .where(
            deliveries.c.kind == CONFIRM.name,
            deliveries.c.state == "pending",
            deliveries.c.attempts == 0,
        )
        .limit(limit)
    )
    return {row.id: row.email.rpartition("@")[2].lower() for row in connection.execute(query)}


def planned(connection: Connection, issue: int) -> int:
    """Count the letters that an issue has so far."""
    return connection.scalar(select(issues.c.planned).where(issues.c.id == issue)) or 0


def seen_papers(
    connection: Connection, low: int, high: int, now: datetime, before: int | None = None
) -> dict[int, set[int]]:
    """Return reader -> papers sent to them or on their way, for low <= reader id <= high.

    `before`: only what was planned before that letter.
    """
    found: dict[int, set[int]] = {}
    query = select(deliveries.c.subscriber, deliveries.c.papers, deliveries.c.pick_limit).where(
        deliveries.c.subscriber.between(low, high),
        deliveries.c.due_at > now - LOOK_BACK,
        deliveries.c.papers.is_not(None),
        deliveries.c.state.not_in(_NOT_SENT),
    )
    if before is not None:
        query = query.where(deliveries.c.id < before)
    for row in connection.execute(query):
        papers = array("I", row.papers)
        sent = papers[: row.pick_limit] if row.pick_limit else papers
        found.setdefault(row.subscriber, set()).update(sent)
    return found


def readers_of(connection: Connection, day: date, readers: Sequence[int]) -> set[int]:
    """Return those of `readers` (sorted) that have a row in the issue of a date."""
    mine = deliveries.c.subscriber.between(readers[0], readers[-1])
    of_day = select(issues.c.id).where(issues.c.date == day)
    rows = select(deliveries.c.subscriber).where(mine, deliveries.c.issue.in_(of_day))
    return set(connection.scalars(rows))


def quiet_days(connection: Connection, low: int, high: int, now: datetime) -> dict[int, int]:
    """Return reader -> quiet days in a row up to now; readers without any are absent."""
    streaks: dict[int, int] = {}
    ended: set[int] = set()
    rows = connection.execute(
        select(deliveries.c.subscriber, deliveries.c.state)
        .where(
            deliveries.c.subscriber.between(low, high),
            deliveries.c.issue.is_not(None),
            deliveries.c.due_at > now - LOOK_BACK,
        )
        .order_by(deliveries.c.subscriber, deliveries.c.due_at.desc())
    )
    for subscriber, state in rows:
        if subscriber in ended:
            continue
        if state == DeliveryState.QUIET:
            streaks[subscriber] = streaks.get(subscriber, 0) + 1
        else:
            ended.add(subscriber)
    return streaks
