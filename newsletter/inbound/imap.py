"""Poll a folder on an IMAP server (RFC 9051) for returned mail.

Nothing in it is deleted, and no flag that a person set is changed: mails are read with BODY.PEEK.
The database has the UID of the last mail that was taken, with the folder's UIDVALIDITY. Each taken
mail gets the keyword "NewsletterTaken" if the server allows keywords.
"""

import base64
import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import unquote, urlsplit

import structlog

from newsletter.app import App
from newsletter.config import Bounces
from newsletter.errors import NewsletterError, StoreError
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


class ImapError(NewsletterError):
    """The server cannot be reached, or did not do what was asked."""

    def __init__(self, message: str, *, hint: str = "", is_unreachable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.is_unreachable = is_unreachable


def look_into(app: App, now: datetime, context: ssl.SSLContext | None = None) -> None:
    """Take new mails from the folder. If the server is away, this is noted, and the next call tries
    again.
    """
    try:
        taken = poll(app, now, context)
        reason = ""
        if taken:
            log.info("inbound.imap", mails=taken)
    except ImapError as e:
        reason = e.message
    note_channel(app, "imap", reason, now)


def check(bounces: Bounces, context: ssl.SSLContext | None = None) -> str:
    """Log in and open the folder, to read only; return what works. Raises: ImapError."""
    with _session(bounces, context) as session:
        _open(session, bounces, is_read_only=True)
    host = urlsplit(bounces.imap).hostname
    return f"imap {host}: login works, the folder {_folder(bounces)} can be read"


def poll(app: App, now: datetime, context: ssl.SSLContext | None = None) -> int:
    """Take at most `AT_ONCE` new mails, oldest first; return their number. Raises: ImapError,
    StoreError.
    """
    bounces = app.config.bounces
    with _session(bounces, context) as session:
        validity = _open(session, bounces)
        with reading(app.engine) as connection:
            place = runs.fact(connection, PLACE) or {}
        last = int(place["uid"]) if place.get("validity") == validity else 0
        uids = [uid for uid in _search(session, last) if uid > last]
        for number, uid in enumerate(uids[:AT_ONCE]):
            done = _take(app, uid, _fetch(session, uid), now)
            if done == TOO_MANY:
                return number  # it stays there until fewer mails are stored
            with writing(app.engine) as connection:
                runs.note_fact(connection, PLACE, {"validity": validity, "uid": uid})
            if done:
                with contextlib.suppress(imaplib.IMAP4.error):
                    session.uid("STORE", str(uid), "+FLAGS.SILENT", f"({KEYWORD})")
    return len(uids[:AT_ONCE])


def _take(app: App, uid: int, raw: bytes | None, now: datetime) -> str:
    """Process one mail; return what was done. Nothing is done with one that is gone or that makes
    the program fail: it must not keep the next ones waiting.
    """
    if raw is None:
        return ""
    try:
        return receive(app, "", "", raw, now, "imap")
    except StoreError:
        raise
    except Exception:
        log.exception("inbound.failed", uid=uid, next="the mail stays in its folder, not marked")
        return ""


@contextlib.contextmanager
def _session(bounces: Bounces, context: ssl.SSLContext | None) -> Iterator[imaplib.IMAP4]:
    """Open a session that is logged in. Raises: ImapError, also for what fails in it."""
    host = urlsplit(bounces.imap).hostname or ""
    try:
        session = _connected(bounces, context)
        try:
            _log_in(session, bounces)
            yield session
        finally:
            try:
                session.logout()
            except (OSError, imaplib.IMAP4.error):
                with contextlib.suppress(OSError):
                    session.shutdown()
    except ImapError as e:
        raise ImapError(f"imap {host}: {e.message}", hint=e.hint) from e
    except (OSError, imaplib.IMAP4.error) as e:
        raise ImapError(
            f"imap {host}: {_words(e)}",
            hint="check host and port in bounces.imap; returned mail waits in its folder",
            is_unreachable=not isinstance(e, ssl.SSLError),
        ) from e


def _connected(bounces: Bounces, context: ssl.SSLContext | None) -> imaplib.IMAP4:
    parts = urlsplit(bounces.imap)
    host = parts.hostname or ""
    if parts.scheme == "imap":
        return imaplib.IMAP4(host, parts.port or PORT, timeout=TIMEOUT_S)
    context = context or ssl.create_default_context()
    port = parts.port or TLS_PORT
    return imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=TIMEOUT_S)


def _log_in(session: imaplib.IMAP4, bounces: Bounces) -> None:
    """Log in; by PLAIN (RFC 4616) where LOGIN cannot carry the characters of the name or the
    password.
    """
    user = unquote(urlsplit(bounces.imap).username or "")
    password = bounces.imap_password.get_secret_value()
    try:
        if _ATOM.fullmatch(user) and password.isascii():
            session.login(user, password)
        else:
            session.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as e:
        hint = "check the user in bounces.imap and bounces.imap_password_file"
        raise ImapError(f"login refused: {_words(e)}", hint=hint) from e


#: A name that imaplib sends as it is.
_ATOM = re.compile(r"[\w.@+!#$&'/=?^`|~-]+", re.ASCII)


def _words(error: Exception) -> str:
    said = error.args[-1] if error.args else ""  # imaplib gives the server's words as bytes
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
    return words[:200] or type(error).__name__


def _folder(bounces: Bounces) -> str:
    return unquote(urlsplit(bounces.imap).path.lstrip("/")) or "INBOX"


def _open(session: imaplib.IMAP4, bounces: Bounces, *, is_read_only: bool = False) -> str:
    """Open the folder; return its UIDVALIDITY."""
    folder = _folder(bounces)
    name = _utf7(folder).replace("\\", "\\\\").replace('"', '\\"')
    answer, _ = session.select(f'"{name}"', readonly=is_read_only)
    if answer != "OK":
        raise ImapError(
            f"the folder {folder} cannot be opened",
            hint="make the folder, or name another one in bounces.imap",
        )
    validity = session.response("UIDVALIDITY")[1]
    if not validity or validity[0] is None:
        raise ImapError(
            "the server gives no UIDVALIDITY", hint="use a server that does, in bounces.imap"
        )
    return bytes(validity[0]).decode("ascii", "replace")[:20]


def _utf7(folder: str) -> str:
    """Return a folder's name as IMAP writes it (RFC 3501 section 5.1.3)."""

    def encoded(found: re.Match[str]) -> str:
        text = base64.b64encode(found[0].encode("utf-16-be")).decode().rstrip("=")
        return f"&{text.replace('/', ',')}-"

    return re.sub(r"[^\x20-\x7e]+", encoded, folder.replace("&", "&-"))


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
