"""Finish every outgoing mail: as bytes, with the headers of all mails, and signed if the site
signs.
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from newsletter.config import Config
from newsletter.mail import dkim, mime
from newsletter.models import Envelope, Letter


def finished(
    config: Config, letter: Letter, envelope: Envelope, headers: Sequence[tuple[str, str]]
) -> bytes:
    """Return the mail as bytes. Headers have `SLOT` for the letter's token, as its text has.

    Feedback-ID names no person; its last field is this site (Gmail's rule). Exchange sends no
    automatic answer because of a header of MS-OXCMAIL.

    Raises: LetterError as `mime.build`; ConfigError when the key cannot be read.
    """
    site = config.site
    common = _common(site.name, site.from_, letter.kind, envelope.date.date())
    sender = mime.mailbox(site.name, site.from_)
    message = mime.build(letter, envelope, sender, [*common, *headers])
    if found := signer(config):
        return message.joined(found.signature(message.fields, message.relaxed_body()))
    return message.joined()


@lru_cache(maxsize=256)
def _common(name: str, address: str, kind: str, day: date) -> tuple[tuple[str, str], ...]:
    domain = address.rpartition("@")[2]
    shown = f"{mime.clean_header(name)} " if name.isascii() else ""
    return (
        ("List-Id", f"{shown}<digest.{domain}>"),
        ("Feedback-ID", f"{day}:{kind}:site:{domain.replace('.', '-')}"),
        ("X-Auto-Response-Suppress", "All"),
    )


def signer(config: Config) -> dkim.Signer | None:
    """Return the signer of this site's mail, read once. Raises: ConfigError when the key cannot be
    read.
    """
    key = config.dkim
    if not (key.domain and key.key_file):
        return None
    return dkim.signer(key.domain, key.selector, key.key_file)
