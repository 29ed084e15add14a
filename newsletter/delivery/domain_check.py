"""Ask DNS whether a domain can take mail, before the first mail to a new address.

A domain that cannot gets no mail; the page has answered everybody alike before that. If DNS does
not answer, the mail is sent: the relay will find out.
"""

from collections.abc import Callable
from datetime import datetime

import dns.exception
import dns.resolver
from sqlalchemy import Engine

from newsletter.store import ledger_life, ledger_read
from newsletter.store.db import reading, writing

#: Seconds for one domain, and the most new addresses that are checked before a delivery. The number
#: of sign-ups is limited anyway.
TIMEOUT_S, MOST = 3.0, 200

Resolver = Callable[[str], bool | None]


def ask_dns(domain: str, resolver: dns.resolver.Resolver | None = None) -> bool | None:
    """Return whether a domain has a mail server: MX, else an address (RFC 5321 section 5.1). None:
    DNS did not answer.
    """
    try:
        asked = resolver or dns.resolver.get_default_resolver()
        for kind in ("MX", "A", "AAAA"):
            try:
                return bool(asked.resolve(domain, kind, lifetime=TIMEOUT_S))
            except dns.resolver.NoAnswer:
                continue
    except dns.resolver.NXDOMAIN:
        return False
    except dns.exception.DNSException:
        return None
    return False


def screen(engine: Engine, now: datetime, takes_mail: Resolver) -> list[str]:
    """Refuse confirmation mails to domains that take no mail; return those domains."""
    with reading(engine) as connection:
        domain_of = ledger_read.new_domains(connection, MOST)
    verdicts = {domain: takes_mail(domain) for domain in set(domain_of.values())}
    dead = {id: domain for id, domain in domain_of.items() if verdicts[domain] is False}
    if dead:
        with writing(engine) as connection:
            for id, domain in dead.items():
                ledger_life.refuse(connection, id, f"{domain} takes no mail", now)
    return sorted(set(dead.values()))
