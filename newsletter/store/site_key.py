"""Which secret a database belongs to.

Links, bounce tags and Message-IDs are signed with the secrets of `site.secret_key_file`, and
suppressed addresses are kept as hashes made with the oldest of them. With another key every link of
every letter would be dead, and nobody who was erased or suppressed would be recognised. So the
database knows the id of the secret that hashes addresses, and is opened with that one only.
"""

from sqlalchemy import Connection, Engine, func, select

from newsletter.errors import ConfigError
from newsletter.models import SubscriberState
from newsletter.store import runs, suppressions
from newsletter.store.db import reading, writing
from newsletter.store.tables import subscribers
from newsletter.store.tables import suppressions as suppression_rows
from newsletter.tokens import Tokens

#: The fact: {"id": of the secret that hashes addresses,
#: "lost": how many hashes were made with secrets that are lost}
FACT = "key"


def require_key(engine: Engine, tokens: Tokens) -> None:
    """Refuse a key that is not this database's; a database without one takes it.

    Raises: ConfigError, which says what the operator can do.
    """
    with reading(engine) as connection:
        known = runs.fact(connection, FACT)
    if known is None:
        with writing(engine) as connection:
            runs.note_first(connection, FACT, {"id": tokens.key_ids[-1], "lost": 0})
        return
    if known["id"] == tokens.key_ids[-1]:
        return
    if known["id"] in tokens.key_ids:
        raise ConfigError(
            [
                f"site.secret_key_file: the secret {known['id']} must be the last line: addresses "
                "are hashed with it"
            ],
            hint="put new secrets above it, not below",
        )
    raise ConfigError(
        [
            f"site.secret_key_file: this database belongs to the key {known['id']}, and the file "
            f"has {', '.join(tokens.key_ids)}; nothing was started"
        ],
        hint="put the key of the old site back (it is in its backup); if it is lost for ever: "
        "newsletter db adopt-key",
    )


def adopt(connection: Connection, tokens: Tokens) -> int:
    """Make the key of `tokens` the database's, because the one before is lost.

    Readers who are suppressed stay so: their addresses are hashed anew. Addresses of erased readers
    are known by their hash alone, which nobody can make again. Returns how many hashes are lost.
    """
    known = runs.fact(connection, FACT) or {"id": "", "lost": 0}
    if known["id"] == tokens.key_ids[-1]:
        return lost(connection)
    had_lost: int = known["lost"]
    rows = connection.execute(
        select(subscribers.c.canonical, subscribers.c.state_reason, subscribers.c.created_at).where(
            subscribers.c.state == SubscriberState.SUPPRESSED
        )
    ).all()
    number = connection.scalar(select(func.count()).select_from(suppression_rows)) or 0
    for row in rows:
        reason = "complaint" if "complaint" in row.state_reason else "bounce"
        hashed = tokens.address_hash(row.canonical)
        suppressions.suppress(connection, hashed, reason, row.created_at)
    unread = max(number - len(rows), had_lost)
    runs.note_fact(connection, FACT, {"id": tokens.key_ids[-1], "lost": unread})
    return unread


def lost(connection: Connection) -> int:
    """Return how many addresses were erased or suppressed and cannot be recognised any more."""
    number: int = (runs.fact(connection, FACT) or {"lost": 0})["lost"]
    return number
