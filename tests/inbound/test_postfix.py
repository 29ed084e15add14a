"""A real Postfix takes our letters, cannot deliver them, and its reports come back over LMTP."""

import asyncio
import smtplib
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from newsletter.inbound import intake, lmtp, processor
from newsletter.store import evidence, subscribers
from newsletter.store import inbound as inbound_store
from newsletter.store.db import reading
from tests.faults.site import DAY, NOW, Site, freeze, make_site
from tests.inbound.postfix import Postfix, free_port

#: Long enough for a machine with other work.
PATIENCE_S = 45
YESTERDAY = NOW - timedelta(days=1)


async def _until(is_so: Callable[[], bool], postfix: Postfix) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, postfix.log()
        await asyncio.sleep(0.05)


def _counts(site: Site) -> dict[str, int]:
    with reading(site.engine) as connection:
        return inbound_store.counts(connection, YESTERDAY.date())


def _told(site: Site, reader: int) -> list[tuple[str, str, str]]:
    """What is known of a reader's address: source, cause, status."""
    with reading(site.engine) as connection:
        return [
            (one["source"], one["cause"], one["status"])
            for one in evidence.of_reader(connection, reader)
        ]


def _state(site: Site, reader: int) -> str:
    with reading(site.engine) as connection:
        return str(subscribers.get(connection, reader).state)


async def test_G12_what_postfix_returns_is_understood_and_two_issues_suppress(
    tmp_path: Path,
) -> None:
    """nobody@ does not exist, full@ has no space left, here@ takes mail, and the server of
    away.example.org does not answer until Postfix gives up.
    """
    port, lmtp_port = free_port(), free_port()
    lines = f'[bounces]\nlmtp = "127.0.0.1:{lmtp_port}"'
    site = make_site(tmp_path, 4, port, smtp=lines, now=YESTERDAY)
    names = ("nobody@example.org", "full@example.org", "here@example.org", "a@away.example.org")
    for id, name in zip(site.readers, names, strict=True):
        site.run_sql(
            f"UPDATE subscribers SET email = '{name}', canonical = '{name}' WHERE id = {id}"
        )
    nobody, full, here, away = site.readers

    async def take(sender: str, recipient: str, raw: bytes) -> str:
        return await intake.take(site.app, sender, recipient, raw, lambda: site.now)

    where = site.app.config.bounces.lmtp
    listener = await lmtp.listen(where, take, partial(processor.is_ours, site.app))
    try:
        with Postfix(port, lmtp_port) as postfix:
            await _first_issue(site, postfix)
            assert _told(site, nobody) == [("bounce", "gone", "5.1.1")]
            assert _told(site, full) == [("bounce", "full", "5.2.2")]
            assert _told(site, away) == [("bounce", "later", "4.4.1")]
            assert _told(site, here) == [] and "On graphs, part 0" in postfix.box("here")
            assert {_state(site, reader) for reader in site.readers} == {"active"}
            await _second_issue(site, postfix)
            assert _state(site, nobody) == "suppressed"
            assert [_state(site, one) for one in (full, here, away)] == ["active"] * 3
            await _unknown_address(postfix)
            assert "panic" not in postfix.log() and "fatal" not in postfix.log()
    finally:
        listener.close()


async def _first_issue(site: Site, postfix: Postfix) -> None:
    await site.deliver()
    assert site.states() == {"sent": 4}
    done = ("hard", "full", "temporary", "dropped: still being tried")
    await _until(lambda: all(_counts(site).get(name) for name in done), postfix)


async def _second_issue(site: Site, postfix: Postfix) -> None:
    site.now = NOW
    freeze(site.engine, site.readers[:3], DAY, NOW)
    await site.deliver()
    await _until(lambda: _counts(site).get("full") == 2, postfix)
    await _until(lambda: bool(_counts(site).get("suppressed: bounce")), postfix)


async def _unknown_address(postfix: Postfix) -> None:
    """A mail to no address of ours is refused at LMTP, and Postfix tells who sent it."""

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            to = ["nosuch@papers.example.org", "bounce@papers.example.org"]
            client.sendmail("here@example.org", to, b"Subject: hello\r\n\r\nhello\r\n")

    await asyncio.to_thread(send)
    said = "550 5.1.1 no such mailbox here"
    await _until(lambda: postfix.box("here").count(f"smtp; {said}") == 2, postfix)
