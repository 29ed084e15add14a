"""Whether a domain can take mail at all, asked of DNS before somebody new is written to.

A domain that cannot is not written to; the page has given everybody the same answer long before.
Who gets no answer from DNS is written to: the relay will find out.
"""

from collections.abc import Callable
from datetime import datetime

import dns.exception
import dns.resolver
from sqlalchemy import Engine, and_, select

from newsletter.mail_kinds import CONFIRM
from newsletter.store.db import reading, writing
from newsletter.store.ledger_life import D, U, refuse

#: Seconds for one domain, and the most new addresses looked at before a delivery: a flood of
#: sign-ups is capped anyway.
TIMEOUT_S, MOST = 3.0, 200

Resolver = Callable[[str], bool | None]


def ask_dns(domain: str, resolver: dns.resolver.Resolver | None = None) -> bool | None:
    """Say whether a domain has a place for mail: MX, else an address (RFC 5321 section 5.1); None =
    DNS is silent.
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
    """Refuse confirmations to domains that take no mail; returns those domains."""
    new = and_(D.c.kind == CONFIRM.name, D.c.state == "pending", D.c.attempts == 0)
    with reading(engine) as connection:
        query = select(D.c.id, U.c.email).join(U, U.c.id == D.c.subscriber).where(new).limit(MOST)
        rows = connection.execute(query).all()
    verdicts = {
        domain: takes_mail(domain)
        for domain in {row.email.rpartition("@")[2].lower() for row in rows}
    }
    dead = {
        row.id: domain
        for row in rows
        if verdicts[domain := row.email.rpartition("@")[2].lower()] is False
    }
    if dead:
        with writing(engine) as connection:
            for id, domain in dead.items():
                refuse(connection, id, f"{domain} takes no mail", now)
    return sorted(set(dead.values()))
