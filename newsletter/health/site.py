"""When the operator must look at the site: each check has a limit from `[health]`.

`/healthz` answers 503 when a check fails; `status` and the log say the same with numbers.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from newsletter.config import Health
from newsletter.errors import StoreError
from newsletter.health import sources as source_health
from newsletter.moments import iso
from newsletter.store import ledger_read, runs, waiting
from newsletter.store.db import reading, writing

#: Facts about the site: when the daemon last checked what is due; since when no relay answers.
TICK, RELAY = "tick", "relay_away"


@dataclass(frozen=True)
class Check:
    """One thing that can go wrong, and its state. `said` is empty while all is well."""

    name: str  #: tick | answers | letters | relay | issue | ledger | source NAME
    limit_s: int  #: the limit in seconds; 0 = none allowed
    since: datetime | None = None  #: since when it is wrong; None: all is well, or unknown
    said: str = ""  #: what is wrong, in a sentence for the operator; no reader is named

    @property
    def is_ok(self) -> bool:
        return not self.said

    def in_public(self) -> dict[str, Any]:
        """Return the check without numbers and reasons: everybody may ask."""
        return {
            "name": self.name,
            "ok": self.is_ok,
            "limit_s": self.limit_s,
            "since": iso(self.since),
        }

    def as_json(self) -> dict[str, Any]:
        return {**self.in_public(), "said": self.said}


def checks(connection: Connection, limits: Health, now: datetime) -> list[Check]:
    """Return every check whose limit is not 0."""
    minutes = timedelta(minutes=1)
    found = [
        _tick(connection, limits.tick_minutes * minutes, now),
        _waiting(connection, "answers", limits.answers_minutes * minutes, now),
        _waiting(connection, "letters", limits.letters_minutes * minutes, now),
        _relay(connection, limits.relay_minutes * minutes, now),
        *_sources(connection, timedelta(hours=limits.source_hours), now),
    ]
    return [*(one for one in found if one.limit_s), _paused(connection), _ledger(connection)]


def _tick(connection: Connection, limit: timedelta, now: datetime) -> Check:
    fact = runs.fact(connection, TICK)
    at = datetime.fromisoformat(fact["at"]) if fact else None
    said = ""
    if at and now - at > limit:
        said = f"the daemon last looked at what is due at {iso(at)}; restart it and read its log"
    return Check("tick", _seconds(limit), at, said)


def _waiting(connection: Connection, kind: str, limit: timedelta, now: datetime) -> Check:
    """Check for mails that should have been sent and were not, without a server that put them
    off.
    """
    late = waiting.overdue(connection, now - limit, is_answers=kind == "answers")
    if late.oldest is None:
        return Check(kind, _seconds(limit))
    what = "mails that answer a person" if kind == "answers" else "letters"
    said = f"{late.number} {what} should have left; the oldest was due at {iso(late.oldest)}"
    return Check(kind, _seconds(limit), late.oldest, said)


def _relay(connection: Connection, limit: timedelta, now: datetime) -> Check:
    away = runs.fact(connection, RELAY)
    if not away:
        return Check("relay", _seconds(limit))
    since = datetime.fromisoformat(away["since"])
    is_late = now - since > limit
    return Check("relay", _seconds(limit), since, relay_said(connection, now) if is_late else "")


def _sources(connection: Connection, limit: timedelta, now: datetime) -> Iterator[Check]:
    rows = runs.source_states(connection)
    since: dict[str, datetime] = {}
    for one in source_health.troubles(rows):
        since[one.source] = min(one.since, since.get(one.source, one.since))
    for name in rows:
        began = since.get(name)
        said = ""
        if began and now - began > limit:
            said = f"{name} gives no usable answer since {iso(began)}: newsletter status"
        yield Check(f"source {name}", _seconds(limit), began, said)


def _paused(connection: Connection) -> Check:
    """Check for a paused issue, which waits for a decision."""
    days = [
        issue["date"]
        for issue in ledger_read.issue_counts(connection, limit=3)
        if issue["state"] == "paused"
    ]
    said = f"issue {days[0]} is paused: newsletter issues show {days[0]}" if days else ""
    return Check("issue", 0, None, said)


def _ledger(connection: Connection) -> Check:
    wrong = ledger_read.check(connection, latest=ledger_read.RECENT)
    return Check("ledger", 0, None, "; ".join(wrong))


def _seconds(limit: timedelta) -> int:
    return round(limit.total_seconds())


# -- what the processes note -----------------------------------------------------------------------


def note_tick(engine: Engine, now: datetime) -> None:
    with writing(engine) as connection:
        runs.note_fact(connection, TICK, {"at": now.isoformat()})


def note_relay(engine: Engine, reason: str, now: datetime) -> None:
    """Store since when no relay answers and why; without a reason, that one does. If the database
    is away, the next delivery stores it.
    """
    with suppress(StoreError):
        _change_relay(
            engine, lambda away: reason and {"since": now.isoformat(), **away, "reason": reason}
        )


def note_next_try(engine: Engine, next_try: datetime | None) -> None:
    """Store when a relay that does not answer is tried again."""
    at = next_try.isoformat() if next_try else ""
    _change_relay(engine, lambda away: away and {**away, "next_try": at})


def _change_relay(engine: Engine, change: Callable[[dict[str, Any]], Any]) -> None:
    with reading(engine) as connection:
        away = runs.fact(connection, RELAY) or {}
    changed = change(away) or {}
    if changed != away:
        with writing(engine) as connection:
            runs.note_fact(connection, RELAY, changed)


def relay_said(connection: Connection, now: datetime) -> str:
    """Return "no relay answers since …: 15 letters wait, next try …"; empty while one answers."""
    away = runs.fact(connection, RELAY)
    if not away:
        return ""
    number = waiting.overdue(connection, now).number
    number += waiting.overdue(connection, now, is_answers=True).number
    next_try = f", next try {_minute(away['next_try'])}" if away.get("next_try") else ""
    said = "1 letter waits" if number == 1 else f"{number} letters wait"
    return f"no relay answers since {_minute(away['since'])}: {said}{next_try} ({away['reason']})"


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"
