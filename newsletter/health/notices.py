"""What the operator should know besides the sources: issues that wait for a word, returned mail
that cannot be read.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from newsletter.store import ledger_read, runs
from newsletter.store.db import reading, writing

INBOUND = "inbound_away"  #: since when returned mail cannot be taken in, and why
#: The operator is told by mail of returned mail that cannot be read for so long; `status` says it
#: at once.
PATIENCE = timedelta(hours=1)


def standing(
    connection: Connection, now: datetime, patience: timedelta = timedelta(0)
) -> list[str]:
    """What stands at this moment, in sentences that name the next step."""
    found = [
        f"issue {issue['date']} is paused: {issue['state_reason']}; go on with: newsletter "
        f"issues retry {issue['date']}"
        for issue in ledger_read.issue_counts(connection, limit=3)
        if issue["state"] == "paused"
    ]
    away = runs.fact(connection, INBOUND)
    if away and now - datetime.fromisoformat(away["since"]) >= patience:
        found.append(
            f"returned mail cannot be read since {away['since'][:16]}: {away['reason']}; sending "
            "goes on"
        )
    return found


def note_inbound(engine: Engine, reason: str, now: datetime) -> bool:
    """Keep whether returned mail can be read (no reason: it can); say whether that is new."""
    with reading(engine) as connection:
        away = runs.fact(connection, INBOUND) or {}
    if bool(away) == bool(reason):
        return False
    with writing(engine) as connection:
        runs.note_fact(
            connection, INBOUND, {"since": now.isoformat(), "reason": reason} if reason else {}
        )
    return True
