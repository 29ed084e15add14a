"""Poll a folder on an IMAP server (RFC 9051) for returned mail.

Nothing in it is deleted, and no flag that a person set is changed: mails are read with BODY.PEEK.
The database has the UID of the last mail that was taken, with the folder's UIDVALIDITY. Each taken
mail gets the keyword "NewsletterTaken" if the server allows keywords.
"""

import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import unquote, urlsplit

import structlog

from newsletter.app import App
from newsletter.inbound.intake import AT_ONCE, note_channel
from newsletter.inbound.parser import MOST_BYTES
from newsletter.inbound.processor import TOO_MANY, receive
from newsletter.store import runs
from newsletter.store.db import reading, writing

log = structlog.get_logger()

#: Seconds to wait for one reply of the server.
TIMEOUT_S = 30.0
PORT, TLS_PORT = 143, 993
KEYWORD = "NewsletterTaken"
#: Key of the fact about the last mail that was taken: {"validity", "uid"}.
PLACE = "imap"


class ImapError(Exception):
    """The server did not do what was asked; the text is for the operator."""


def look_into(app: App, now: datetime, context: ssl.SSLContext | None = None) -> None:
    """Take new mails from the folder. If the server is away, this is noted, and the next call tries
    again.
    """
    try:
        taken = poll(app, now, context)
        reason = ""
        if taken:
            log.info("inbound.imap", mails=taken)
    except (OSError, imaplib.IMAP4.error, ImapError) as e:
        reason = _in_words(app.config.bounces.imap, e)
    note_channel(app, "imap", reason, now)


def _in_words(imap: str, error: Exception) -> str:
    said = error.args[-1] if error.args else ""  # imaplib gives the server's words as bytes
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
    return f"imap {urlsplit(imap).hostname}: {words[:200] or type(error).__name__}"


def poll(app: App, now: datetime, context: ssl.SSLContext | None = None) -> int:
    """Take at most `AT_ONCE` new mails, oldest first; return their number.

    Raises: OSError, imaplib.IMAP4.error, ImapError when the server does not answer; StoreError.
    """
    with _session(app, context) as session:
        validity = _select(session, unquote(urlsplit(app.config.bounces.imap).path.lstrip("/")))
        with reading(app.engine) as connection:
            place = runs.fact(connection, PLACE) or {}
        last = int(place["uid"]) if place.get("validity") == validity else 0
        uids = [uid for uid in _search(session, last) if uid > last]
        for number, uid in enumerate(uids[:AT_ONCE]):
            raw = _fetch(session, uid)
            if raw is not None and receive(app, "", "", raw, now, "imap") == TOO_MANY:
                return number  # it stays there until fewer mails are stored
            with writing(app.engine) as connection:
                runs.note_fact(connection, PLACE, {"validity": validity, "uid": uid})
            with contextlib.suppress(imaplib.IMAP4.error):
                session.uid("STORE", str(uid), "+FLAGS.SILENT", f"({KEYWORD})")
    return len(uids[:AT_ONCE])


@contextlib.contextmanager
def _session(app: App, context: ssl.SSLContext | None) -> Iterator[imaplib.IMAP4]:
    bounces = app.config.bounces
    parts = urlsplit(bounces.imap)
    host, is_tls = parts.hostname or "", parts.scheme == "imaps"
    session: imaplib.IMAP4
    if is_tls:
        context = context or ssl.create_default_context()
        port = parts.port or TLS_PORT
        session = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=TIMEOUT_S)
    else:
        session = imaplib.IMAP4(host, parts.port or PORT, timeout=TIMEOUT_S)
    try:
        password = bounces.imap_password.get_secret_value()
        session.login(unquote(parts.username or ""), password)
        yield session
    finally:
        try:
            session.logout()
        except (OSError, imaplib.IMAP4.error):
            with contextlib.suppress(OSError):
                session.shutdown()


def _select(session: imaplib.IMAP4, folder: str) -> str:
    """Open the folder; return its UIDVALIDITY."""
    name = (folder or "INBOX").replace("\\", "\\\\").replace('"', '\\"')
    answer, _ = session.select(f'"{name}"')
    if answer != "OK":
        raise ImapError(f"the folder {folder or 'INBOX'} cannot be opened")
    validity = session.response("UIDVALIDITY")[1]
    if not validity or validity[0] is None:
        raise ImapError("the server gives no UIDVALIDITY")
    return bytes(validity[0]).decode("ascii", "replace")[:20]


def _search(session: imaplib.IMAP4, last: int) -> list[int]:
    answer, data = session.uid("SEARCH", f"UID {last + 1}:*")
    if answer != "OK":
        raise ImapError("the folder cannot be searched")
    words = b" ".join(part for part in data if isinstance(part, bytes)).split()
    return sorted(int(word) for word in words if word.isdigit())


def _fetch(session: imaplib.IMAP4, uid: int) -> bytes | None:
    """Return the beginning of one mail; None when it is gone, or was taken before UIDVALIDITY
    changed.
    """
    answer, data = session.uid("FETCH", str(uid), f"(FLAGS BODY.PEEK[]<0.{MOST_BYTES}>)")
    if answer != "OK":
        raise ImapError(f"mail {uid} cannot be read")
    pairs = [part for part in data if isinstance(part, tuple)]
    rest = b" ".join(bytes(part) for part in data if isinstance(part, bytes))
    if not pairs:
        return None
    flags = b" ".join((bytes(pairs[0][0]), rest))
    if re.search(rf"\b{KEYWORD}\b".encode(), flags):
        return None
    return bytes(pairs[0][1])
