"""Half a year against a server that plays arXiv, bioRxiv and Hugging Face, day by day: every paper
arrives exactly once, or the list that it was on is named as missing.

    python -m tests.sources.half_year --years 2025 2026 2027 2028 --shifts 7 --big 3000
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch
from urllib.parse import parse_qs

from sqlalchemy import Engine, select

from newsletter import pipeline
from newsletter.config import Config
from newsletter.list_days import NEW_YORK, deadline, is_holiday
from newsletter.sources import feed_sandbox, parsing
from newsletter.sources.registry import build_sources, list_plans, open_http
from newsletter.store import source_lists, tables
from newsletter.store.db import migrate, open_engine, reading
from tests.sources.mirror import Mirror, Reply, Request

CATEGORIES = ("cs.AA", "cs.BB", "q-bio.ZZ")
SERVERS = ("biorxiv", "medrxiv")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Shown:
    """A paper on a list."""

    id: str
    source: str
    unit: str
    day: date
    submitted: datetime

    @property
    def title(self) -> str:
        chance = random.Random(self.id)
        return " ".join(
            "".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(4))
            for _ in range(6)
        ).capitalize()


@dataclass
class Plan:
    """When the site is off, and when which host is."""

    site: set[date] = field(default_factory=set)
    hosts: dict[date, set[str]] = field(default_factory=lambda: defaultdict(set))


class Servers:
    """Answers as of `now`; every page has a length of its own."""

    def __init__(self, mirror: Mirror, first: date, days: int, big: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = datetime.combine(first, datetime.min.time(), UTC)
        self.down: set[str] = set()
        self.ids: Counter[str] = Counter()
        self.lists: dict[tuple[str, str, date], list[Shown]] = {}
        #: days on which arXiv, for a reason of its own, announced nothing
        self.silent = {first + timedelta(days=self.chance.randrange(days)) for _ in range(3)}
        last = first - DAY
        for day in (first + timedelta(days=n) for n in range(days)):
            self._fill(day, last, big)
            if self.has_list(day):
                last = day
        mirror.routes |= {f"/rss/{category}": self.rss for category in CATEGORIES}
        mirror.routes |= {"/api": self.api, "/oai": Reply(b"", 404), "/papers": self.daily}
        mirror.answer = self.details

    def has_list(self, day: date) -> bool:
        before = day - DAY
        return day.weekday() < 5 and not is_holiday(before) and before not in self.silent

    def _fill(self, day: date, last: date, big: int) -> None:
        noon = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
        if self.has_list(day):
            until = deadline(day, with_holidays=False)
            span = int((until - deadline(last, with_holidays=False)).total_seconds()) - 60
            for category in CATEGORIES:
                moments = [
                    until - timedelta(seconds=self.chance.randrange(max(span, 60)))
                    for _ in range(self._size(big))
                ]
                self._add("arxiv", category, day, [(self._arxiv_id(day), at) for at in moments])
        for place, server in enumerate(SERVERS):
            stem = f"10.1101/{day:%Y.%m.%d}.{place}"
            names = [(f"{stem}{n:05}", noon) for n in range(self._size(big))]
            self._add("biorxiv", server, day, names)
        if day.weekday() < 5:
            size = min(self._size(big), 25)
            names = [(self._arxiv_id(day), noon) for _ in range(size)]
            self._add("huggingface", "daily", day, names)

    def _size(self, big: int) -> int:
        kind = self.chance.random()
        return 0 if kind < 0.2 else big if kind > 0.98 else self.chance.randrange(1, 16)

    def _arxiv_id(self, day: date) -> str:
        self.ids[f"{day:%y%m}"] += 1
        return f"{day:%y%m}.{self.ids[f'{day:%y%m}']:05}"

    def _add(self, source: str, unit: str, day: date, papers: list[tuple[str, datetime]]) -> None:
        self.lists[source, unit, day] = [Shown(name, source, unit, day, at) for name, at in papers]

    # -- what is answered --------------------------------------------------------------------------

    @property
    def today(self) -> date:
        return self.now.astimezone(NEW_YORK).date()

    def rss(self, request: Request) -> Reply:
        if "rss" in self.down:
            return Reply(b"", 404)
        category = request.path.rpartition("/")[2]
        midnight = self.today.strftime("%a, %d %b %Y 00:00:00 -0500")
        items = "".join(
            f"<item><title>{p.title}</title><link>https://arxiv.org/abs/{p.id}</link>"
            f"<description>arXiv:{p.id}v1 Announce Type: new \nAbstract: {p.title}.</description>"
            f"<guid>oai:arXiv.org:{p.id}v1</guid><category>{category}</category>"
            f"<pubDate>{midnight}</pubDate></item>"
            for p in self.lists.get(("arxiv", category, self.today), ())[:2_000]
        )
        head = f"<title>{category} updates on arXiv.org</title><pubDate>{midnight}</pubDate>"
        return Reply(f"<rss version='2.0'><channel>{head}{items}</channel></rss>".encode())

    def api(self, request: Request) -> Reply:
        if "api" in self.down:
            return Reply(b"", 404)
        asked = parse_qs(request.query)
        query, start = asked["search_query"][0], int(asked["start"][0])
        since, until = query.split("submittedDate:[")[1].rstrip("]").split(" TO ")
        found = sorted(
            (p.submitted, p.id, p)
            for (source, unit, day), papers in self.lists.items()
            if source == "arxiv" and day <= self.today and f"cat:{unit}" in query
            for p in papers
            if since <= f"{p.submitted:%Y%m%d%H%M}" <= until
        )
        size = self.chance.randrange(5, int(asked["max_results"][0]) + 1)
        entries = "".join(
            f"<entry><id>http://arxiv.org/abs/{p.id}v1</id><title>{p.title}</title>"
            f"<summary>{p.title}.</summary><published>{p.submitted:%Y-%m-%dT%H:%M:%SZ}</published>"
            f"<category term='{p.unit}'/><author><name>Ann Lee</name></author></entry>"
            for _, _, p in found[start : start + size]
        )
        spaces = (
            "xmlns='http://www.w3.org/2005/Atom' "
            "xmlns:opensearch='http://a9.com/-/spec/opensearch/1.1/'"
        )
        total = f"<opensearch:totalResults>{len(found)}</opensearch:totalResults>"
        return Reply(f"<feed {spaces}><title>arXiv Query</title>{total}{entries}</feed>".encode())

    def details(self, request: Request) -> Reply:
        """bioRxiv; every paper has a second version on the day after, so that pages come that
        bring no new DOI.
        """
        if "details" in self.down:
            return Reply(b"", 404)
        server, first, last, cursor = request.path.removeprefix("/details/").split("/")
        records = []
        for day in (date.fromisoformat(first) + timedelta(days=n) for n in range(400)):
            if day > date.fromisoformat(last):
                break
            for version, of in (("2", day - DAY), ("1", day)):
                listed = self.lists.get(("biorxiv", server, of), ())
                records += [(p, version, day) for p in listed if self._is_posted(day)]
        part = records[int(cursor) : int(cursor) + self.chance.randrange(10, 101)]
        items = [
            {
                "doi": p.id,
                "title": p.title,
                "authors": "Lee, A.",
                "date": f"{day}",
                "type": "new",
                "version": version,
                "category": "neuroscience",
                "abstract": p.title,
                "published": "NA",
                "server": server,
            }
            for p, version, day in part
        ]
        status = "ok" if items else "no posts found"
        return Reply(json.dumps({"messages": [{"status": status}], "collection": items}).encode())

    def _is_posted(self, day: date) -> bool:
        return datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12) <= self.now

    def daily(self, request: Request) -> Reply:
        if "papers" in self.down:
            return Reply(b"", 404)
        day = date.fromisoformat(parse_qs(request.query)["date"][0])
        listed = self.lists.get(("huggingface", "daily", day), ()) if self._is_posted(day) else ()
        return Reply(
            json.dumps(
                [{"paper": {"id": p.id, "title": p.title, "upvotes": 1}} for p in listed]
            ).encode()
        )


def outages(first: date, days: int, longest: int, shift: int) -> Plan:
    """The site is off for 1, 2, 3 … days, with one to three days on between; later hosts are off
    for a while, first one, then several.
    """
    plan, at = Plan(), first + timedelta(days=3 + shift)
    for length in range(1, longest + 1):
        plan.site |= {at + timedelta(days=n) for n in range(length)}
        at += timedelta(days=length + 1 + length % 3)
    hosts = ("rss", "api", "details", "papers")
    for number in range(60):
        for n in range(number % 4 + 1):
            plan.hosts[at + timedelta(days=n)] |= {
                hosts[(number + k) % 4] for k in range(n % 3 + 1)
            }
        at += timedelta(days=number % 4 + 3)
        if at >= first + timedelta(days=days - 8):
            break
    end = first + timedelta(days=days)
    plan.hosts = defaultdict(
        set, {day: of for day, of in plan.hosts.items() if day < end - 5 * DAY}
    )
    return plan


@dataclass(frozen=True)
class Outcome:
    papers: int  #: that stood on lists
    arrived: int
    twice: int  #: counted as new more than once, or two records of one
    named: int  #: not there, but their list is named as missing
    lost: tuple[Shown, ...]  #: not there, and not named
    looks: int
    seconds: float


async def live(engine: Engine, mirror: Mirror, servers: Servers, plan: Plan, days: int) -> Outcome:
    """Look once or twice on every day on which the site is on."""
    config = Config.model_validate(
        {
            "sources": {
                "arxiv": {
                    "categories": CATEGORIES,
                    "interval_s": 0,
                    "url": f"{mirror.url}/rss",
                    "api_url": f"{mirror.url}/api",
                    "oai_url": f"{mirror.url}/oai",
                },
                "biorxiv": {"servers": SERVERS, "url": f"{mirror.url}/details"},
                "huggingface": {"url": f"{mirror.url}/papers"},
            },
            "http": {"allow_private_networks": True},
        }
    )
    first, plans, new, looks = servers.now.date(), list_plans(config), 0, 0
    started = time.perf_counter()
    async with open_http(config) as http:
        sources = build_sources(config, http)
        for day in (first + timedelta(days=n) for n in range(days)):
            if day in plan.site:
                continue
            servers.down = plan.hosts[day]
            for hour in (13, 22) if day.toordinal() % 3 == 0 else (13 + day.day % 8,):
                now = servers.now = datetime.combine(day, datetime.min.time(), UTC) + timedelta(
                    hours=hour
                )
                harvests = await pipeline.gather(engine, sources, now, plans)
                counts = pipeline.learn(engine, harvests, now)
                new += sum(of["new"] for of in counts.values())
                looks += 1
    with reading(engine) as connection:
        known = Counter(connection.scalars(select(tables.papers.c.id)).all())
        figures = source_lists.figures(connection, plans, servers.now)
    named = {
        (source, unit, date.fromisoformat(late["day"]))
        for source, of in figures.items()
        for late in of["not_covered"]
        for unit in late["units"]
    }
    # what stands on today's lists may come tomorrow
    expected = [
        p for (_, _, day), of in servers.lists.items() if day < servers.now.date() for p in of
    ]
    absent = [p for p in expected if p.id not in known]
    lost = tuple(p for p in absent if (p.source, p.unit, p.day) not in named)
    return Outcome(
        len(expected),
        len(expected) - len(absent),
        sum(number - 1 for number in known.values()) + abs(new - len(known)),
        len(absent) - len(lost),
        lost,
        looks,
        time.perf_counter() - started,
    )


def _parsed_here(command: list[str], *, input: bytes, **_: object) -> SimpleNamespace:
    """The sandbox's own parser without its process, which takes a second for each feed."""
    found = feed_sandbox.parse(input, *command[-2:])
    return SimpleNamespace(returncode=0, stdout=json.dumps(found))


async def half_year(
    folder: Path, first: date, days: int, plan: Plan, *, big: int, seed: int = 1
) -> Outcome:
    mirror = Mirror()
    server = await asyncio.start_server(mirror.serve, "127.0.0.1", 0)
    mirror.port = server.sockets[0].getsockname()[1]
    engine = open_engine(f"sqlite:///{folder}/site.db")
    migrate(engine)
    here = SimpleNamespace(run=_parsed_here, TimeoutExpired=TimeoutError)
    try:
        servers = Servers(mirror, first, days, big, seed)
        with patch.object(parsing, "subprocess", here):
            return await live(engine, mirror, servers, plan, days)
    finally:
        engine.dispose()
        server.close()
        await mirror.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="Half years of lists, and what became of them.")
    parser.add_argument("--years", type=int, nargs="+", default=[2026])
    parser.add_argument("--shifts", type=int, default=1)
    parser.add_argument("--days", type=int, default=184)
    parser.add_argument("--longest", type=int, default=14)
    parser.add_argument("--big", type=int, default=200)
    given = parser.parse_args()
    for number, year in enumerate(given.years):
        for shift in range(given.shifts):
            first = date(year, 1 if (number + shift) % 2 else 7, 1)
            plan = outages(first, given.days, given.longest, shift)
            with tempfile.TemporaryDirectory() as folder:
                found = asyncio.run(
                    half_year(
                        Path(folder), first, given.days, plan, big=given.big, seed=10 * year + shift
                    )
                )
            print(
                json.dumps(
                    {
                        "from": f"{first}",
                        "shift": shift,
                        "papers": found.papers,
                        "once": found.arrived - found.twice,
                        "missing_and_named": found.named,
                        "lost": len(found.lost),
                        "twice": found.twice,
                        "looks": found.looks,
                        "seconds": round(found.seconds, 1),
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
