"""A real process that delivers what waits, for tests that kill it (`Site.start`). It imports no
other file of the tests: they start it a hundred times.

With `--no-lock` it works as one of several workers: no run lock, so what others lease is theirs
until the lease ends. `--crash-at ID` ends the process while the letter of that subscriber is made.
`--memory KB`: how much more address space it gets once it is open.
"""

import argparse
import asyncio
import json
import os
import resource
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from newsletter import gc_tuning
from newsletter.app import App
from newsletter.config_loading import load_config
from newsletter.delivery.message_builder import MessageBuilder
from newsletter.delivery.sender import Delivered, Sender, moving_clock
from newsletter.delivery.suppression import Suppression
from newsletter.mail.smtp_transport import SmtpTransport
from newsletter.models import Claim
from newsletter.store import ledger_life
from newsletter.store.locks import only_one

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)


class QuickApp(App):
    """An App that does not wait ten minutes for the reply to the final dot."""

    dot_timeout_s = 0.6

    def relays(self, clock: Callable[[], datetime]) -> SmtpTransport:
        relays = super().relays(clock)
        for relay in relays.relays:
            relay.settings = replace(relay.settings, dot_timeout_s=self.dot_timeout_s)
        return relays


class CrashingBuilder(MessageBuilder):
    victim = 0

    def __call__(self, claims: Sequence[Claim]):
        if any(claim.subscriber == self.victim for claim in claims):
            os.abort()
        return super().__call__(claims)


async def work(app: QuickApp, now: datetime, *, is_locking: bool, crash_at: int = 0) -> Delivered:
    if is_locking and not crash_at:
        with only_one(app.engine, "run"):
            return await app.deliver(now)
    if is_locking:
        ledger_life.release_owner(app.engine, now)
    builder = CrashingBuilder(app.engine, app.config, app.renderer, app.tokens)
    builder.victim = crash_at
    clock = moving_clock(now)
    sender = Sender(app.engine, builder, app.policy, Suppression(app.tokens), clock)
    return await sender.deliver(app.relays(clock))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-lock", action="store_true")
    parser.add_argument("--crash-at", type=int, default=0)
    parser.add_argument("--dot-timeout", type=float, default=30)
    parser.add_argument("--memory", type=int)
    given = parser.parse_args()
    app = QuickApp.open(load_config(Path(os.environ["NEWSLETTER_CONFIG"]), {}))
    if given.memory is not None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + given.memory * 1024
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    app.dot_timeout_s = given.dot_timeout
    done = asyncio.run(work(app, NOW, is_locking=not given.no_lock, crash_at=given.crash_at))
    print(json.dumps({**done.counts, "problems": done.problems}))
    gc_tuning.end()
