"""The roads on which mail comes in, and what is kept of it: LMTP, a folder, another try."""

import asyncio
import mailbox
from collections.abc import Callable, Iterable
from datetime import datetime
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

#: Mails that are taken out of a folder at one look.
AT_ONCE = 500
_REPLIES = {
    REFUSED: "550 5.1.1 no such mailbox here",
    TOO_MANY: "452 4.3.1 too many mails wait for the operator, try again later",
}


async def take(
    app: App, sender: str, recipient: str, raw: bytes, clock: Callable[[], datetime]
) -> str:
    """One mail over LMTP: the reply. 250 only when what it asks for is kept."""
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
    """Empty the folder. One that cannot be read stops nothing else: it is noted, and looked at
    again next time.
    """
    try:
        empty_maildir(app, folder, now)
        reason = ""
    except OSError as e:
        reason = f"{e.filename or folder}: {e.strerror or e}"
    note_road(app, reason, now)


def note_road(app: App, reason: str, now: datetime) -> None:
    """Keep and log whether mail can be fetched; no reason: it can."""
    if alerts.note_inbound(app.engine, reason, now):
        log.warning("inbound.unreadable" if reason else "inbound.readable", text=reason)


def empty_maildir(app: App, folder: Path, now: datetime) -> int:
    """Take what the mail server dropped into a folder. A mail leaves the folder only when what
    follows from it is kept; what cannot be kept is moved to its subfolder `bad`.
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
    """Try kept mails again: id -> outcome. What is understood now is not kept any longer.

    Raises: NotFound.
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
    """Try again what is due, and drop what is too old."""
    with writing(app.engine) as connection:
        inbound_store.forget(connection, now)
        caps.forget(connection, now)
        ids = inbound_store.waiting(connection, now)
    for id, outcome in retry(app, ids, now).items():
        log.info("inbound.retried", id=id, done=outcome)
