"""Kill real delivering processes until an issue is done, and count: `python -m tests.faults.soak
--kills 500 --seed 1`.

A recording SMTP server runs in a process of its own. Every worker is forked, delivers in the
product's own way, and is killed (SIGKILL) at a random moment. The last line is JSON; `duplicates`
and `lost` must be 0.
"""

import argparse
import asyncio
import contextlib
import copy
import json
import os
import random
import select
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from newsletter.delivery.message_builder import MessageBuilder
from newsletter.store import ledger_life
from newsletter.store.db import open_engine
from tests.faults.server import Server, late
from tests.faults.site import DOMAIN, NOW, QuickApp, Site, make_site
from tests.faults.worker import work


def serve(journal: Path, ready: int) -> None:
    """Accept mail until killed; every accepted message is in the journal before the reply
    leaves.
    """

    async def run() -> None:
        async with Server(
            {"dot": late(0.004)}, journal=journal
        ) as server:  # a relay that syncs its queue to disk
            os.write(ready, f"{server.port}\n".encode())
            while True:
                await asyncio.sleep(0.5)
                server.accepted.clear()
                server.lines.clear()

    asyncio.run(run())


def fork(work: Any) -> int:
    """Run a function in a child process that never returns here."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def deliver_once(site: Site, started: int) -> None:
    """Run one worker: open the site, report it, deliver what waits."""
    app = copy.copy(site.app)  # templates are compiled already
    app.engine = open_engine(app.config.database.url)
    assert isinstance(app, QuickApp)
    app.dot_timeout_s = 30
    os.write(started, b"x")
    asyncio.run(work(app, NOW, is_locking=True))


def soak(kills: int, seed: int, readers: int, folder: Path, connections: int = 2) -> dict[str, int]:
    """Deliver an issue with so many workers killed on the way; return what became of it."""
    chance = random.Random(seed)
    journal = folder / "accepted.txt"
    ready, said = os.pipe()
    sink = fork(lambda: serve(journal, said))
    try:
        port = int(os.read(ready, 16))
        site = make_site(folder, readers, port, connections=connections, timeout_s=20)
        _warm(site)
        site.app.engine.dispose()
        done, span_s = 0, 0.05
        before = _open_letters(folder)
        while before and done < kills:
            done += _live(site, chance.uniform(0, span_s))
            # As many letters per worker as bring the last kill close to the last letter.
            now = _open_letters(folder)
            sent, before = before - now, now
            wanted = 0.5 * before / max(1, kills - done)
            span_s = min(2.0, max(0.02, span_s * ((wanted + 0.1) / (sent + 0.1)) ** 0.3))
        for _ in range(5):  # the rest without kills
            _live(site, None)
        return _account(site, journal, done, seed)
    finally:
        os.kill(sink, signal.SIGKILL)
        os.waitpid(sink, 0)


def _warm(site: Site) -> None:
    """Compile what a worker would compile, once instead of in every process."""
    claims = ledger_life.claim(site.engine, 1, NOW)
    list(MessageBuilder(site.engine, site.app.config, site.app.renderer, site.app.tokens)(claims))
    ledger_life.release(site.engine, [(claim.id, claim.token) for claim in claims])


def _open_letters(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(folder / "site.db")) as connection:
        states = "('pending', 'deferred', 'claimed')"
        number: int = connection.execute(
            f"SELECT count(*) FROM deliveries WHERE state IN {states}"
        ).fetchone()[0]
        return number


def _live(site: Site, after_s: float | None) -> int:
    """One worker, killed so long after it began; 1 if the kill hit a living process."""
    started, say = os.pipe()
    pid = fork(lambda: deliver_once(site, say))
    os.close(say)
    select.select([started], [], [], 30)
    os.close(started)
    if after_s is not None:
        time.sleep(after_s)
        if os.waitpid(pid, os.WNOHANG) == (0, 0):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return 1
        return 0
    os.waitpid(pid, 0)
    return 0


def _account(site: Site, journal: Path, kills: int, seed: int) -> dict[str, int]:
    times = Counter(line.split("\t")[0] for line in journal.read_text().splitlines())
    states: Counter[str] = Counter()
    lost = 0
    for row in site.rows():
        states[row.state] += 1
        number = times[f"{site.app.tokens.message_id(row.id)}@{DOMAIN}"]
        # Lost: on record as sent and never accepted, or not accounted for in a final state.
        lost += (row.state == "sent" and not number) or row.state not in (
            "sent",
            "refused",
            "held",
            "expired",
        )
    names = ("sent", "refused", "held", "expired")
    return {
        "kills": kills,
        "seed": seed,
        "planned": len(site.readers),
        **{name: states[name] for name in names},
        "duplicates": sum(number - 1 for number in times.values()),
        "lost": lost + len(site.readers) - len(site.rows()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        with contextlib.redirect_stdout(sys.stderr):
            result = soak(given.kills, given.seed, given.readers, Path(folder), given.connections)
            print(f"{time.monotonic() - started:.0f} s")
    print(json.dumps(result))
    sys.exit(bool(result["duplicates"] or result["lost"]))


if __name__ == "__main__":
    main()
