"""Every mail that leaves this site is finished here: as bytes, with the headers that all of them
carry, and signed when the site signs.
"""

from collections.abc import Sequence

from newsletter.config import Config
from newsletter.mail import dkim, mime
from newsletter.models import Envelope, Letter


def finished(
    config: Config, letter: Letter, envelope: Envelope, headers: Sequence[tuple[str, str]]
) -> bytes:
    """The mail as bytes.

    Feedback-ID names nobody, and its last field is this site (Gmail's rule). Exchange sends no
    automatic answer to a mail that asks for none (MS-OXCMAIL).

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
    """What signs this site's mail. Read once.

    Raises: ConfigError when the key cannot be read.
    """
    key = config.dkim
    if not (key.domain and key.key_file):
        return None
    return dkim.signer(key.domain, key.selector, key.key_file)
