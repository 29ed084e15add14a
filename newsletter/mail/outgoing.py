"""Finish every outgoing mail: as bytes, with the headers of all mails, and signed if the site
signs.
"""

from collections.abc import Sequence

from newsletter.config import Config
from newsletter.mail import dkim, mime
from newsletter.models import Envelope, Letter


def finished(
    config: Config, letter: Letter, envelope: Envelope, headers: Sequence[tuple[str, str]]
) -> bytes:
    """Return the mail as bytes.

    Feedback-ID names no person; its last field is this site (Gmail's rule). Exchange sends no
    automatic answer because of a header of MS-OXCMAIL.

    Raises: LetterError as `mime.build`; ConfigError when the key cannot be read.
    """
    site = config.site
    domain = site.from_.rpartition("@")[2]
    name = f"{mime.clean_header(site.name)} " if site.name.isascii() else ""
    common = [
        ("List-Id", f"{name}<digest.{domain}>"),
        (
            "Feedback-ID",
            f"{envelope.date:%Y-%m-%d}:{letter.kind}:site:{domain.replace('.', '-')}",
        ),
        ("X-Auto-Response-Suppress", "All"),
    ]
    sender = mime.mailbox(site.name, site.from_)
    message = mime.build(letter, envelope, sender, [*common, *headers])
    found = signer(config)
    return found.sign(message) if found else message


def signer(config: Config) -> dkim.Signer | None:
    """Return the signer of this site's mail, read once. Raises: ConfigError when the key cannot be
    read.
    """
    key = config.dkim
    if not (key.domain and key.key_file):
        return None
    return dkim.signer(key.domain, key.selector, key.key_file)
