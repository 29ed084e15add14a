"""Whether a domain can take mail at all, asked of DNS before somebody new is written to.

A domain that cannot is not written to; the page gave everybody the same answer long before. If DNS
does not answer in time, the mail is sent: the relay will find out. DNS is asked beside the day: no
digest waits for a name server.
"""

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime

import dns.exception
import dns.resolver
from sqlalchemy import Engine

from newsletter.store import ledger_life, ledger_read
from newsletter.store.db import reading, writing

#: Seconds for one domain, and for all that are asked about together.
TIMEOUT_S = 1.0
#: Most new addresses per check, asked about at once; sign-ups have a limit anyway.
MOST = 200
#: Seconds for which an answer is kept, also that there was none.
KEPT_S = 3600.0
#: Answers that are kept.
KEPT = 10_000

Resolver = Callable[[str], bool | None]


def ask_dns(domain: str, resolver: dns.resolver.Resolver | None = None) -> bool | None:
    """Return whether a domain has a place for mail: MX, else an address (RFC 5321 section 5.1).
    None: DNS did not answer within `TIMEOUT_S`.
    """
    until = time.monotonic() + TIMEOUT_S
    try:
        asked = resolver or dns.resolver.get_default_resolver()
        for kind in ("MX", "A", "AAAA"):
            left = until - time.monotonic()
            if left <= 0:
                return None
            try:
                return bool(asked.resolve(domain, kind, lifetime=left))
            except dns.resolver.NoAnswer:
                continue
    except dns.resolver.NXDOMAIN:
        return False
    except dns.exception.DNSException:
        return None
    return False


class DomainCheck:
    """Asks about the domains of new addresses and keeps the answers."""

    def __init__(self, ask: Resolver = ask_dns) -> None:
        self._ask = ask
        self._answers: dict[str, tuple[bool | None, float]] = {}  #: domain -> answer, until when
        self._guard = threading.Lock()
        self._pool = ThreadPoolExecutor(MOST, "dns")

    def screen(self, engine: Engine, now: datetime) -> list[str]:
        """Refuse confirmations to domains that take no mail, and return those domains. Takes about
        `TIMEOUT_S` at most.
        """
        with reading(engine) as connection:
            domain_of = ledger_read.new_domains(connection, MOST)
        answers = self._answers_of(set(domain_of.values()))
        dead = {id: domain for id, domain in domain_of.items() if answers.get(domain) is False}
        if dead:
            with writing(engine) as connection:
                for id, domain in dead.items():
                    ledger_life.refuse(connection, id, f"{domain} takes no mail", now)
        return sorted(set(dead.values()))

    def _answers_of(self, domains: Collection[str]) -> dict[str, bool | None]:
        """What is known of domains; what is not is asked, all at once."""
        now = time.monotonic()
        with self._guard:
            if len(self._answers) > KEPT:
                self._answers.clear()
            known = {name: kept[0] for name, kept in self._answers.items() if kept[1] > now}
        unknown = sorted(set(domains) - known.keys())
        wait([self._pool.submit(self._learn, domain) for domain in unknown], TIMEOUT_S)
        with self._guard:
            return {name: self._answers[name][0] for name in domains if name in self._answers}

    def _learn(self, domain: str) -> None:
        answer = self._ask(domain)
        with self._guard:
            self._answers[domain] = (answer, time.monotonic() + KEPT_S)
