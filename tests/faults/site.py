"""A site with readers and one frozen issue, delivered by the product itself; and the invariants
that hold after any fault (`check`).
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, select, text, update

from newsletter.app import App
from newsletter.config_loading import load_config
from newsletter.delivery.sender import Delivered
from newsletter.models import Heat, Merge, Paper, Pick, Reason, Sighting, SubscriberState, Topic
from newsletter.steps.compose import show
from newsletter.store import ledger_plan, ledger_read, papers, tables, topics
from newsletter.store.db import reading, writing
from tests.databases import make_sqlite
from tests.faults.server import Server
from tests.faults.worker import NOW, QuickApp

ROOT = Path(__file__).resolve().parent.parent.parent
DAY = date(2026, 11, 23)
DOMAIN = "papers.example.org"
#: What must never be in any output.
PASSWORD = "canary-password-7f3a"
CONFIG = """
[site]
name = "Trending Papers"
base_url = "https://papers.example.org"
from = "digest@papers.example.org"
postal_address = "1 Example Street"
[database]
url = "{url}"
[smtp]
host = "localhost"
port = {port}
security = "{security}"
connections = {connections}
timeout_s = {timeout_s}
{smtp}
[delivery]
ambiguous = "{ambiguous}"
"""


WORKER = """
from newsletter import gc_tuning
gc_tuning.begin()
from tests.faults.worker import main
main()
"""

#: Sites and processes of the running test; closed after it.
OPEN: "list[App | subprocess.Popen[str]]" = []


def close_all() -> None:
    for one in OPEN:
        if isinstance(one, App):
            one.close()
        elif one.poll() is None:
            one.kill()
            one.communicate()
    OPEN.clear()


@dataclass
class Site:
    """A folder with config.toml, key and database; the app on it; what was planned."""

    folder: Path
    app: App
    readers: list[int]
    now: datetime = NOW

    @property
    def engine(self) -> Engine:
        return self.app.engine

    async def deliver(self, after: timedelta = timedelta()) -> Delivered:
        """One delivery, as `send` does it, `after` the moment the issue was frozen."""
        async with asyncio.timeout(30):
            return await self.app.deliver(self.now + after)

    def states(self) -> Counter[str]:
        with reading(self.engine) as connection:
            return Counter(
                connection.scalars(
                    select(tables.deliveries.c.state).where(tables.deliveries.c.issue.is_not(None))
                ).all()
            )

    def rows(self) -> list[Any]:
        with reading(self.engine) as connection:
            return list(
                connection.execute(select(tables.deliveries).order_by(tables.deliveries.c.id)).all()
            )

    def run_sql(self, statement: str) -> None:
        with writing(self.engine) as connection:
            connection.execute(text(statement))

    async def deliver_patiently(self) -> Delivered:
        """Like `deliver`, by another worker: an App of its own in a thread with its own loop,
        because it begins by waiting for the database.
        """
        worker = Site(self.folder, QuickApp.open(self.app.config), self.readers, self.now)
        try:
            return await asyncio.to_thread(lambda: asyncio.run(worker.deliver()))
        finally:
            worker.app.close()

    def start(
        self, *arguments: str, fault: str = "", under: tuple[str, ...] = ()
    ) -> "subprocess.Popen[str]":
        """A worker as a real process on this site; `fault` is a failpoint, `under` a program that
        runs it.
        """
        return self._process(["-c", WORKER, *arguments], fault, under)

    def newsletter(self, *arguments: str, fault: str = "") -> "subprocess.Popen[str]":
        """The command line as a real process on this site."""
        return self._process(["-c", "from newsletter.cli import run; run()", *arguments], fault)

    def _process(
        self, arguments: list[str], fault: str, under: tuple[str, ...] = ()
    ) -> "subprocess.Popen[str]":
        environment = {**os.environ, "NEWSLETTER_CONFIG": str(self.folder / "config.toml")}
        if fault:
            environment["NEWSLETTER_FAILPOINT"] = fault
        process = subprocess.Popen(
            [*under, sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        OPEN.append(process)
        return process


def make_site(
    folder: Path,
    readers: int = 3,
    port: int = 1,
    *,
    url: str = "",
    security: str = "none",
    connections: int = 1,
    timeout_s: float = 2.0,
    smtp: str = "",
    ambiguous: str = "hold",
    domains: tuple[str, ...] = ("example.org",),
    picks: int = 3,
    now: datetime = NOW,
) -> Site:
    """Make a site whose issue of DAY is frozen for so many readers and not delivered."""
    (folder / "secret.key").write_text("k" * 64)
    (folder / "secret.key").chmod(0o600)
    url = url or f"sqlite:///{folder / 'site.db'}"
    config_text = CONFIG.format(
        url=url,
        port=port,
        security=security,
        connections=connections,
        timeout_s=timeout_s,
        smtp=smtp,
        ambiguous=ambiguous,
    )
    (folder / "config.toml").write_text(config_text)
    (folder / "config.toml").chmod(0o600)  # the URL may hold a password
    if url.endswith("site.db"):
        make_sqlite(folder / "site.db").dispose()
    app = QuickApp.open(load_config(folder / "config.toml", {}))
    ids = add_readers(app.engine, readers, domains)
    freeze(app.engine, ids, now.date(), now, picks)
    OPEN.append(app)
    return Site(folder, app, ids, now)


def add_readers(
    engine: Engine, number: int, domains: tuple[str, ...] = ("example.org",)
) -> list[int]:
    with writing(engine) as connection:
        topic = topics.add(connection, Topic(0, "graphs", "Graphs", "graph"))
        people = [
            {
                "email": (email := f"reader{n}@{domains[n % len(domains)]}"),
                "canonical": email,
                "state": "active",
                "created_at": NOW,
            }
            for n in range(number)
        ]
        connection.execute(insert(tables.subscribers), people)
        ids = list(
            connection.scalars(
                select(tables.subscribers.c.id).order_by(tables.subscribers.c.id)
            ).all()
        )
        rows = [{"subscriber": id, "topic": topic.id, "position": 0} for id in ids]
        connection.execute(insert(tables.subscriber_topics), rows)
    return ids


def freeze(
    engine: Engine, readers: list[int], day: date = DAY, now: datetime = NOW, picks: int = 3
) -> int:
    """Freeze an issue for these readers, each with some papers; returns its number."""
    with writing(engine) as connection:
        merges = [_paper(n, day) for n in range(picks)]
        kept = papers.remember(connection, merges, now)
        topic = topics.get(connection, "graphs").id
    heat = Heat(0.9, 3, "cs.LG")
    chosen = tuple(
        Pick(paper.key, topic, 0.9, 0.9, 0.9, (Reason("topic", "Graphs"),)) for paper in kept
    )
    facts = {paper.key: show(paper, heat) for paper in kept}
    rows = (
        ledger_plan.FrozenRow(id, "digest", chosen, now, now + timedelta(hours=18))
        for id in readers
    )
    return ledger_plan.freeze(engine, day, rows, candidates=picks, papers=facts, now=now).issue


def _paper(number: int, day: date) -> Merge:
    id = f"{day:%y%m}.{day.day:02}{number:03}"
    paper = Paper(
        id=id,
        title=f"On graphs, part {number}",
        authors=("Ada Example", "Lin Example"),
        fields=("cs.LG",),
        abstract="We study graphs. They have nodes and edges. " * 8,
        identifiers=(f"arxiv:{id}",),
        first_seen=NOW,
        links={"abs": f"https://arxiv.org/abs/{id}"},
    )
    shown = (Sighting("arxiv", id, paper.title),)
    return Merge(paper, shown, keys=paper.identifiers, why=("new",))


# -- what must hold --------------------------------------------------------------------------------


def check(site: Site, server: Server, *, may_repeat: bool = False) -> None:
    """Check the invariants after any fault: nothing lost, nothing twice, every state true, consent
    kept, database sound.
    """
    times = server.times
    with reading(site.engine) as connection:
        wrong = ledger_read.check(connection)
        rows = connection.execute(
            select(tables.deliveries, tables.subscribers.c.state.label("reader_state")).join(
                tables.subscribers, tables.subscribers.c.id == tables.deliveries.c.subscriber
            )
        ).all()
        counts = ledger_read.counts(connection)
        if site.engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"  # I5
    assert wrong == []  # I1: planned = the sum of all states
    assert sum(counts[state] for state in ledger_read.STATES) + counts["quiet"] == len(
        rows
    )  # I7: what metrics show
    known = set()
    for row in rows:
        name = f"{site.app.tokens.message_id(row.id)}@{DOMAIN}"
        known.add(name)
        number = times[name]
        if may_repeat:
            assert number <= 1 or row.ambiguous >= 1, row  # I2 with retry
        else:
            assert number <= 1, row  # I2
        if row.state == "sent":
            assert number >= 1, row  # I3
        elif row.state not in ("held", "dot") and not row.ambiguous:
            assert number == 0, row  # I3
        if row.state == "suppressed":
            assert number == 0 and row.reader_state != SubscriberState.ACTIVE, row  # I4
        if row.state in ("refused", "held", "deferred"):
            assert row.reply, row  # I8: the server's words, or ours
    assert set(times) <= known
    if server.accepted:
        for message in server.accepted:
            assert PASSWORD.encode() not in message.raw  # I6


def finished(process: "subprocess.Popen[str]", timeout_s: float = 30) -> tuple[int, str, str]:
    """Wait for a process: (exit code, stdout, stderr); a signal is a negative code."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.communicate()
    return process.returncode, out, err


def stopped(process: "subprocess.Popen[str]") -> None:
    """Wait until a process has stopped itself (SIGSTOP)."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), status


def told(out: str) -> dict[str, Any]:
    """Return the last line of a worker's output."""
    answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    return answer


def reset_lease(site: Site, age_s: int = 700) -> None:
    """Let database time pass for leased or fenced rows."""
    with writing(site.engine) as connection:
        connection.execute(
            update(tables.deliveries)
            .where(tables.deliveries.c.state == "claimed")
            .values(lease_until=tables.deliveries.c.lease_until - age_s)
        )
        connection.execute(
            update(tables.deliveries)
            .where(tables.deliveries.c.state == "dot")
            .values(
                dot_at=tables.deliveries.c.dot_at - age_s,
                lease_until=tables.deliveries.c.lease_until - age_s,
            )
        )
