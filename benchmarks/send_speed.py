"""How fast letters leave: the real path from a frozen issue to the relay's reply to the last final
dot.

    python -m benchmarks.send_speed --relay 127.0.0.1:PORT --readers 20000 --connections 8
    [--processes 2] [--dkim KEY]

Claim, personal letter, phases, fence and record, on an SQLite database with synchronous=FULL that
is thrown away. Each reader gets another `--papers` (8) of the bundled sample's papers. `--canned
BYTES` is a second figure: the same bytes to everybody, so that claim, fence, record and SMTP are
left. Beside it belongs, into the same `smtp-sink -c PORT 1000`,

    smtp-source -s 8 -l BYTES -m N -d -f a@localhost -t b@localhost 127.0.0.1:PORT
"""

import argparse
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, select

from newsletter import event_loop
from newsletter.app import App
from newsletter.cli.demo_world import sample_papers
from newsletter.config_loading import load_config
from newsletter.delivery.message_builder import MessageBuilder
from newsletter.delivery.sender import Sender
from newsletter.delivery.suppression import Suppression
from newsletter.errors import NewsletterError
from newsletter.models import (
    Claim,
    Envelope,
    Fact,
    Heat,
    Merge,
    Paper,
    Pick,
    Reason,
    Sighting,
    Topic,
)
from newsletter.steps.compose import show
from newsletter.store import ledger_plan, ledger_read, papers, tables, topics
from newsletter.store.db import migrate, open_engine, reading, writing

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
DAY = date(2026, 11, 23)
TOPICS = ("Language models", "Graph learning", "Statistics")
CONFIG = """
[site]
name = "Trending Papers"
base_url = "https://papers.example.org"
from = "digest@papers.example.org"
postal_address = "1 Example Street, Example Town"
[smtp]
host = "{host}"
port = {port}
security = "none"
connections = {connections}
"""
DKIM = '[dkim]\ndomain = "papers.example.org"\nselector = "speed"\nkey_file = "{key}"\n'


class Counting(MessageBuilder):
    """The product's composer, counting what it made."""

    canned = b""
    letters = size = 0

    def __call__(
        self, claims: Sequence[Claim]
    ) -> Iterator[tuple[Envelope, bytes] | NewsletterError]:
        made = map(self._same, claims) if self.canned else super().__call__(claims)
        return map(self._counted, made)

    def _counted(self, parcel: tuple[Envelope, bytes] | NewsletterError) -> tuple[Envelope, bytes]:
        if isinstance(parcel, NewsletterError):
            raise parcel
        self.letters += 1
        self.size += len(parcel[1])
        return parcel

    def _same(self, claim: Claim) -> tuple[Envelope, bytes]:
        message_id = f"{claim.id}@localhost"
        return Envelope(
            claim.id, "a@localhost", f"reader{claim.id}@example.org", message_id, NOW
        ), self.canned


def fill(engine: Engine, readers: int, chance: random.Random, each: int = 8) -> None:
    """Readers, papers and a frozen issue with a row of `each` picks for each reader."""
    with writing(engine) as connection:
        known = [
            topics.add(connection, Topic(0, name.split()[0].lower(), name, name.lower())).id
            for name in TOPICS
        ]
        people = [
            {
                "email": (email := f"reader{n}@mail{n % 50}.example.org"),
                "canonical": email,
                "state": "active",
                "created_at": NOW,
                "confirmed_at": NOW,
            }
            for n in range(readers)
        ]
        connection.execute(insert(tables.subscribers), people)
        ids = connection.scalars(
            select(tables.subscribers.c.id).order_by(tables.subscribers.c.id)
        ).all()
        rows = [
            {"subscriber": id, "topic": topic, "position": at}
            for id in ids
            for at, topic in enumerate(known)
        ]
        connection.execute(insert(tables.subscriber_topics), rows)
        kept = papers.remember(connection, list(_merges()), NOW)
    facts = {}
    for at, paper in enumerate(kept):
        heat = Heat(0.9, 1 + at % 4, paper.fields[0], facts=(Fact("upvotes", 10 + at, 1),))
        facts[paper.key] = show(paper, heat)
    frozen = (
        ledger_plan.FrozenRow(
            id, "digest", tuple(_picks(kept, known, chance, each)), NOW, NOW + timedelta(hours=18)
        )
        for id in ids
    )
    ledger_plan.freeze(engine, DAY, frozen, candidates=1204, papers=facts, now=NOW)


def _merges() -> Iterator[Merge]:
    for row in sample_papers():
        link = f"https://arxiv.org/abs/{row['id']}"
        paper = Paper(
            id=row["id"],
            title=row["title"],
            authors=tuple(row["authors"]),
            fields=tuple(row["fields"]),
            abstract=row["abstract"],
            identifiers=(f"arxiv:{row['id']}",),
            first_seen=NOW,
            published=NOW,
            links={
                "abs": link,
                "pdf": link.replace("abs", "pdf"),
                "code": "https://github.com/example/" + row["id"],
            },
        )
        shown = (Sighting("arxiv", row["id"], paper.title),)
        yield Merge(paper, shown, keys=paper.identifiers, why=("new",))


def _picks(
    kept: Sequence[Paper], known: Sequence[int], chance: random.Random, each: int
) -> Iterator[Pick]:
    """Papers in three sections, each with its reason."""
    for at, paper in enumerate(chance.sample(kept, each)):
        reasons = (
            Reason("topic", TOPICS[at % 3]),
            Reason("keyword", chance.choice(("graph", "proof", "sampling"))),
        )
        yield Pick(paper.key, known[at % 3], 0.9, 0.8, 0.7, reasons)


def work(folder: Path, canned: int) -> dict[str, float]:
    """One process: deliver until nothing waits."""
    app = App.open(load_config(folder / "config.toml", {}))
    composer = Counting(app.engine, app.config, app.renderer, app.tokens)
    composer.canned = (
        (b"Subject: canned\r\n\r\n" + (b"x" * 70 + b"\r\n") * (canned // 72)) if canned else b""
    )
    sender = Sender(app.engine, composer, app.policy, Suppression(app.tokens), lambda: NOW)
    relays = app.relays(lambda: NOW)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    done = event_loop.run(sender.deliver(relays))
    ended, after = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    if done.problems:
        raise SystemExit("\n".join(done.problems[:5]))
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "started": started,
        "ended": ended,
        "cpu_s": cpu_s,
        "letters": composer.letters,
        "size": composer.size,
    }


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    host, _, port = given.relay.rpartition(":")
    text = CONFIG.format(
        host=host, port=port, connections=max(1, given.connections // given.processes)
    )
    (folder / "config.toml").write_text(
        text + (DKIM.format(key=given.dkim.resolve()) if given.dkim else "")
    )
    (folder / "secret.key").write_text("k" * 64)
    (folder / "secret.key").chmod(0o600)
    engine = open_engine(f"sqlite:///{folder / 'newsletter.db'}")
    migrate(engine)
    fill(engine, given.readers, random.Random(1), given.papers)
    tasks = [(folder, given.canned)] * given.processes
    if given.processes == 1:
        parts = [work(*tasks[0])]
    else:
        with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
            parts = pool.starmap(work, tasks)
    with reading(engine) as connection:
        counts = Counter(ledger_read.counts(connection))
    engine.dispose()
    letters = sum(part["letters"] for part in parts)
    seconds = max(part["ended"] for part in parts) - min(part["started"] for part in parts)
    return {
        "readers": given.readers,
        "connections": given.connections,
        "processes": given.processes,
        "mails_per_s": round(counts["sent"] / seconds),
        "cpu_us_per_mail": round(sum(part["cpu_s"] for part in parts) / letters * 1e6),
        "bytes_per_mail": round(sum(part["size"] for part in parts) / letters),
        "held": counts["held"],
        "dkim": bool(given.dkim),
        "canned": bool(given.canned),
        "sent": counts["sent"],
        "seconds": round(seconds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--relay", default="127.0.0.1:2525", help="HOST:PORT on this machine, without TLS"
    )
    parser.add_argument("--readers", type=int, default=20_000)
    parser.add_argument("--papers", type=int, default=8, help="in each letter")
    parser.add_argument("--connections", type=int, default=8, help="over all processes")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--dkim", type=Path, help="a private key (newsletter dkim keygen)")
    parser.add_argument(
        "--canned", type=int, default=0, metavar="BYTES", help="send the same bytes to everybody"
    )
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(parser.parse_args(), Path(folder))))


if __name__ == "__main__":
    main()
