"""Domains that take no mail, told by a DNS server on this machine."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from sqlalchemy import select

from newsletter.delivery import domain_check
from newsletter.mail_kinds import CONFIRM
from newsletter.models import Subscriber
from newsletter.runtime.daemon import Daemon
from newsletter.store import ledger_plan, subscribers, tables
from newsletter.store.db import reading, writing
from tests.faults.server import Server
from tests.faults.site import NOW, Site, make_site

#: Name -> what is on record; a name that is missing does not exist, and "silent" is never answered.
RECORDS = {
    "mail.example": {"MX": "10 mx.mail.example."},
    "plain.example": {"A": "192.0.2.1"},
    "six.example": {"AAAA": "2001:db8::1"},
    "empty.example": {"TXT": '"v=spf1 -all"'},
}

#: A resolver that asks a server which never answers, and the names it was asked for.
Silence = tuple[dns.resolver.Resolver, list[str]]


@pytest.fixture
def resolver() -> Iterator[dns.resolver.Resolver]:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve() -> None:
        while data := server.recvfrom(512):
            if data[0] == b"end":
                return
            question = dns.message.from_wire(data[0])
            asked = question.question[0]
            name, kind = str(asked.name).rstrip("."), dns.rdatatype.to_text(asked.rdtype)
            if name == "silent.example":
                continue
            answer = dns.message.make_response(question)
            answer.flags |= dns.flags.RA
            if name not in RECORDS:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif kind in RECORDS[name]:
                answer.answer.append(
                    dns.rrset.from_text(asked.name, 60, "IN", kind, RECORDS[name][kind])
                )
            server.sendto(answer.to_wire(), data[1])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    asking = dns.resolver.Resolver(configure=False)
    asking.nameservers, asking.port = ["127.0.0.1"], server.getsockname()[1]
    yield asking
    server.sendto(b"end", server.getsockname())
    thread.join(5)
    server.close()


@pytest.mark.parametrize(
    ("domain", "verdict"),
    [
        ("mail.example", True),
        ("plain.example", True),
        ("six.example", True),
        ("empty.example", False),
        ("nowhere.example", False),
        ("silent.example", None),
    ],
)
def test_E11_dns_says_whether_a_domain_takes_mail(
    resolver: dns.resolver.Resolver,
    monkeypatch: pytest.MonkeyPatch,
    domain: str,
    verdict: bool | None,
) -> None:
    monkeypatch.setattr(domain_check, "TIMEOUT_S", 0.3)
    assert domain_check.ask_dns(domain, resolver) is verdict


async def test_E11_nobody_is_written_to_at_a_domain_that_takes_no_mail(
    tmp_path: Path, resolver: dns.resolver.Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain_check, "TIMEOUT_S", 0.3)
    async with Server() as server:
        site = make_site(tmp_path, 1, server.port)
        with writing(site.engine) as connection:
            for name in ("mail.example", "empty.example", "nowhere.example", "silent.example"):
                address = f"ada@{name}"
                reader = subscribers.add(connection, Subscriber(0, address), address, NOW)
                ledger_plan.enqueue(connection, reader.id, CONFIRM, {}, NOW)
        daemon = Daemon(
            site.app, lambda: NOW, takes_mail=lambda domain: domain_check.ask_dns(domain, resolver)
        )
        daemon.fetched_at = NOW.replace(year=2036)  # no source is asked
        await daemon.answer()
        assert sorted(m.recipient for m in server.accepted if m.recipient.startswith("ada")) == [
            "ada@mail.example",
            "ada@silent.example",
        ]
    with reading(site.engine) as connection:
        rows = connection.execute(
            select(tables.deliveries.c.state, tables.deliveries.c.reply)
        ).all()
    assert sorted(row.reply for row in rows if row.state == "refused") == [
        "empty.example takes no mail",
        "nowhere.example takes no mail",
    ]
    again = domain_check.DomainCheck(lambda domain: False)
    assert await asyncio.to_thread(again.screen, site.engine, NOW) == []


@pytest.fixture
def silence() -> Iterator[Silence]:
    """A name server over UDP that hears every question and answers none."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    heard: list[str] = []

    def listen() -> None:
        while data := server.recvfrom(512):
            if data[0] == b"end":
                return
            heard.append(str(dns.message.from_wire(data[0]).question[0].name).rstrip("."))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    asking = dns.resolver.Resolver(configure=False)
    asking.nameservers, asking.port = ["127.0.0.1"], server.getsockname()[1]
    yield asking, heard
    server.sendto(b"end", server.getsockname())
    thread.join(5)
    server.close()


def new_readers(site: Site, count: int) -> None:
    with writing(site.engine) as connection:
        for number in range(count):
            address = f"ada@silent{number}.example"
            reader = subscribers.add(connection, Subscriber(0, address), address, NOW)
            ledger_plan.enqueue(connection, reader.id, CONFIRM, {}, NOW)


async def test_K16_no_digest_waits_for_200_silent_name_servers(
    tmp_path: Path, silence: Silence
) -> None:
    resolver, heard = silence
    async with Server() as server:
        site = make_site(tmp_path, 3, server.port)
        new_readers(site, 200)
        asked = lambda domain: domain_check.ask_dns(domain, resolver)  # noqa: E731  (a resolver)
        daemon = Daemon(site.app, lambda: NOW, takes_mail=asked)
        daemon.fetched_at = NOW.replace(year=2036)  # no source is asked
        began = time.monotonic()
        await daemon.tick()
        assert time.monotonic() - began < 20  # one second a domain would be 200
        digests = [m for m in server.accepted if not m.recipient.startswith("ada@silent")]
        assert len(digests) == 3
        assert heard == []  # the day asks no name server


async def test_K16_a_silent_name_server_costs_a_second_and_is_not_asked_again(
    tmp_path: Path, silence: Silence
) -> None:
    resolver, heard = silence
    async with Server() as server:
        site = make_site(tmp_path, 1, server.port)
        new_readers(site, 20)
        check = domain_check.DomainCheck(lambda domain: domain_check.ask_dns(domain, resolver))
        began = time.monotonic()
        assert await asyncio.to_thread(check.screen, site.engine, NOW) == []
        assert time.monotonic() - began < 5  # all at once: 20 domains would be 20 seconds
        await asyncio.sleep(1.5)
        assert len(set(heard)) == 20
        before = len(heard)
        assert await asyncio.to_thread(check.screen, site.engine, NOW) == []
        assert len(heard) == before
