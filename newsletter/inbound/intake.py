"""The ways in which mail comes in (LMTP, a folder), and stored mails: what is kept and tried
again.
"""

import asyncio
import mailbox
import os
from collections.abc import Callable, Iterable
from datetime import datetime
from errno import EACCES
from pathlib import Path

import structlog

from newsletter.app import App
from newsletter.errors import StoreError
from newsletter.health import alerts
from newsletter.inbound.parser import MOST_BYTES, UnreadableError
from newsletter.inbound.processor import REFUSED, TOO_MANY, is_settled, plan, receive
from newsletter.store import caps
from newsletter.store import inbound as inbound_store
from newsletter.store.db import reading, writing

log = structlog.get_logger()

#: Most mails that one call takes from a folder.
AT_ONCE = 500
_REPLIES = {
    REFUSED: "550 5.1.1 no such mailbox here",
    TOO_MANY: "452 4.3.1 too many mails wait for the operator, try again later",
}


async def take(
    app: App, sender: str, recipient: str, raw: bytes, clock: Callable[[], datetime]
) -> str:
    """Take one mail over LMTP; return the reply. 250 only after its effect is stored."""
    try:
        done = await asyncio.to_thread(receive, app, sender, recipient, raw, clock(), "lmtp")
    except StoreError as e:
        log.warning("inbound.later", text=e.message)
        return "451 4.3.0 try again later"
    except Exception:
        log.exception("inbound.failed", next="the mail server keeps the mail and tries again")
        return "451 4.3.0 try again later"
    log.info("inbound", done=done)
    return _REPLIES.get(done, "250 2.0.0 taken")


def look_into(app: App, folder: Path, now: datetime) -> None:
    """Take all mails from the folder. If it cannot be read, this is noted, and the next call tries
    again.
    """
    try:
        empty_maildir(app, folder, now)
        reason = ""
    except OSError as e:
        reason = in_words(e, folder)
    note_channel(app, "maildir", reason, now)


def in_words(error: OSError, folder: Path) -> str:
    return f"{error.filename or folder}: {error.strerror or error}"


def check_maildir(folder: Path) -> bool:
    """Return whether the folder exists, which `look_into` makes. Raises: OSError when it cannot be
    made, read or emptied.
    """
    exists = folder.exists()
    for place in [folder / name for name in ("cur", "new", "tmp")] if exists else [folder.parent]:
        os.listdir(place)
        if not os.access(place, os.W_OK | os.X_OK, effective_ids=True):
            raise PermissionError(EACCES, os.strerror(EACCES), str(place))
    return exists


def note_channel(app: App, channel: str, reason: str, now: datetime) -> None:
    """Store and log whether a channel's mail can be fetched; an empty reason means it can."""
    if alerts.note_inbound(app.engine, channel, reason, now):
        event = "inbound.unreadable" if reason else "inbound.readable"
        log.warning(event, channel=channel, text=reason)


def empty_maildir(app: App, folder: Path, now: datetime) -> int:
    """Take the mails that the mail server put into a folder.

    A mail is removed from the folder after its effect is stored; one that cannot be stored is moved
    to the subfolder `bad`.
    """
    box = mailbox.Maildir(folder, create=True)
    count = 0
    for key in list(box.keys())[:AT_ONCE]:
        with box.get_file(key) as file:
            raw = file.read(MOST_BYTES)
        try:
            done = receive(app, "", "", raw, now, "maildir")
        except StoreError:
            raise
        except Exception:
            log.exception("inbound.failed", next=f"the mail is kept in {folder}/bad")
            done = TOO_MANY
        if done == TOO_MANY:
            mailbox.Maildir(folder / "bad", create=True).add(raw)
        box.discard(key)
        count += 1
    return count


# -- what is kept ----------------------------------------------------------------------------------


def retry(app: App, ids: Iterable[int], now: datetime) -> dict[int, str]:
    """Process stored mails again; return id -> outcome. Those that succeed are deleted. Raises:
    NotFound.
    """
    return {id: _retry(app, id, now) for id in ids}


def _retry(app: App, id: int, now: datetime) -> str:
    with reading(app.engine) as connection:
        one = inbound_store.get(connection, id)
    try:
        act = plan(app, one.mail, now)
    except UnreadableError as e:
        with writing(app.engine) as connection:
            inbound_store.put_off(connection, one, str(e), now)
        return f"kept: {e}"
    with writing(app.engine) as connection:
        outcome = act(connection)
        if is_settled(outcome):
            inbound_store.remove(connection, id)
            inbound_store.count(connection, outcome, now)
        else:
            inbound_store.put_off(connection, one, outcome.removeprefix("kept: "), now)
    return outcome


def look_after(app: App, now: datetime) -> None:
    """Process stored mails again that are due, and delete those that are too old."""
    with writing(app.engine) as connection:
        inbound_store.forget(connection, now)
        caps.forget(connection, now)
        ids = inbound_store.waiting(connection, now)
    for id, outcome in retry(app, ids, now).items():
        log.info("inbound.retried", id=id, done=outcome)
