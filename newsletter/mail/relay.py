"""One relay: its address, how to open it, its rate limit. aiosmtplib connects, starts TLS and logs
in.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import cast

import aiosmtplib

from newsletter.config import LOOPBACK, Smtp
from newsletter.errors import Unreachable
from newsletter.mail.rate_limit import Bucket
from newsletter.mail.smtp_stream import SmtpStream


@dataclass(frozen=True)
class RelaySettings:
    host: str
    port: int
    security: str = "starttls"  #: starttls | tls | none (loopback only)
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    connections: int = 4
    rate_per_second: float = 0.0  #: letters; 0 = as fast as it takes them
    timeout_s: float = 60.0
    #: RFC 5321 section 4.5.3.2.6: the server may take ten minutes to accept a message.
    dot_timeout_s: float = 600.0
    hostname: str | None = None  #: our name in EHLO


def settings_of(smtp: Smtp) -> list[RelaySettings]:
    """Return a site's relays, in the order in which they are tried."""
    return [
        RelaySettings(
            one.host,
            one.port,
            one.security,
            one.username,
            one.password.get_secret_value(),
            one.ca_file,
            one.connections,
            one.rate_per_second,
            one.timeout_s,
        )
        for one in (smtp, *smtp.fallback)
    ]


@dataclass(frozen=True)
class Opened:
    """A connection that is ready for its first letter."""

    transport: asyncio.Transport
    stream: SmtpStream
    offers: Mapping[str, str]  #: extensions of the EHLO reply, in lower case, with their parameters

    @property
    def largest(self) -> int:
        """Return the most bytes of a message (RFC 1870); 0 = the server does not say."""
        size = self.offers.get("size", "")
        return int(size) if size.isdecimal() and len(size) < 19 else 0


class Relay:
    """`bucket` limits its rate; `clock` tells the time of replies."""

    def __init__(
        self, settings: RelaySettings, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock or (lambda: datetime.now(UTC))
        self.name = f"{settings.host}:{settings.port}"
        self.bucket = Bucket(settings.rate_per_second)

    async def connect(self) -> Opened:
        """Open a connection, start TLS and log in. Credentials are never sent in clear. Raises:
        Unreachable.
        """
        s = self.settings
        if s.security == "none" and s.host not in LOOPBACK:
            raise Unreachable(
                "smtp.security = none is for loopback only", hint="set it to starttls or tls"
            )
        try:
            context = (
                _context(str(s.ca_file) if s.ca_file else None) if s.security != "none" else None
            )
        except OSError as e:
            raise Unreachable(
                f"smtp.ca_file: cannot read {s.ca_file} ({e})", hint="newsletter doctor"
            ) from e
        client = aiosmtplib.SMTP(
            hostname=s.host,
            port=s.port,
            timeout=min(s.timeout_s, 30),
            use_tls=s.security == "tls",
            validate_certs=True,
            tls_context=context,
            local_hostname=s.hostname,
            start_tls=s.security == "starttls",
        )
        try:
            await client.connect()
            await client.ehlo()
            if s.username:
                await client.login(s.username, s.password)
        except aiosmtplib.SMTPAuthenticationError as e:
            client.close()
            raise Unreachable(
                f"SMTP server {self.name} refused the login ({e.code} {e.message})",
                hint="check smtp.username and NEWSLETTER_SMTP__PASSWORD, then: newsletter doctor",
            ) from e
        except (aiosmtplib.SMTPException, OSError) as e:
            client.close()
            raise Unreachable(
                f"SMTP server {self.name}: {e}", hint="check it with: newsletter doctor"
            ) from e
        transport = client.transport
        if transport is None:
            raise Unreachable(
                f"SMTP server {self.name} closed the connection at once", hint="newsletter doctor"
            )
        stream = SmtpStream()
        transport.set_protocol(stream)
        # TCP and TLS have no other; uvloop's does not inherit from it.
        writable = cast(asyncio.Transport, transport)
        return Opened(writable, stream, dict(client.esmtp_extensions))


@lru_cache(maxsize=4)
def _context(ca_file: str | None) -> ssl.SSLContext:
    """Return the TLS context. Certificates are read once, not per connection."""
    return ssl.create_default_context(cafile=ca_file)
