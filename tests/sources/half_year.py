"""Half years against a server that plays arXiv, bioRxiv and Hugging Face: every paper arrives
exactly once, or the list that it was on is named as missing.

    python -m tests.sources.half_year --shifts 7 --big 3000

One shift plays the half years of 2025 to 2028, in which the site is off once for every number of
hours up to 23 and of days up to 45; the seven shifts begin each of these on every weekday.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from sqlalchemy import Engine, select

from newsletter import pipeline, site_queries
from newsletter.config import Config
from newsletter.sources import feed_sandbox, parsing
from newsletter.sources.registry import build_sources, list_plans, open_http
from newsletter.store import tables
from newsletter.store.db import migrate, open_engine, reading
from tests.sources.half_year_servers import CATEGORIES, DAY, SERVERS, Servers, Shown
from tests.sources.mirror import Mirror

HALF_YEAR = 184
HOSTS = ("rss", "api", "details", "papers")
LENGTHS = tuple(timedelta(hours=n) for n in (*range(1, 24), *(24 * days for days in range(1, 46))))
#: Every list that was due so long ago has papers here or is named: Hugging Face's may come late.
SETTLED = timedelta(days=7)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Outage:
    """A time in which the site is off, or some of the hosts that it asks."""

    begin: datetime
    end: datetime
    hosts: frozenset[str] = frozenset()  #: empty: the site itself


@dataclass(frozen=True)
class Plan:
    """When the site looks, and what answers then."""

    first: date
    days: int
    outages: list[Outage] = field(default_factory=list)

    def looks(self) -> Iterator[tuple[datetime, bool]]:
        """The moments at which the site looks, and whether it has just come back."""
        off = [outage for outage in self.outages if not outage.hosts]
        back = {outage.end for outage in off}
        days = (_midnight(self.first) + n * DAY for n in range(self.days))
        usual = {
            day + hour * HOUR
            for day in days
            for hour in ((13, 22) if day.toordinal() % 3 == 0 else (13 + day.day % 8,))
        }
        for now in sorted(usual | back):
            if not any(outage.begin <= now < outage.end for outage in off):
                yield now, now in back

    def down(self, now: datetime) -> set[str]:
        return {
            host
            for outage in self.outages
            if outage.begin <= now < outage.end
            for host in outage.hosts
        }


def plans(
    firsts: Sequence[date], lengths: Sequence[timedelta], shift: int, days: int = HALF_YEAR
) -> list[Plan]:
    """Half years, one after another, in which the site is off once for each of the lengths. The
    weekday on which the n-th length begins is (n + shift) mod 7.
    """
    chance = random.Random(shift)
    waiting = [(length, (n + shift) % 7) for n, length in enumerate(lengths)]
    chance.shuffle(waiting)
    made: list[Plan] = []
    while waiting:
        plan = Plan(firsts[len(made) % len(firsts)], days)
        made.append(plan)
        at, last = _midnight(plan.first) + 2 * DAY, _midnight(plan.first) + (days - 8) * DAY
        while waiting:
            soonest = sorted(waiting, key=lambda one: (one[1] - at.weekday() - 1) % 7 > 2)
            fitting = (one for one in soonest if _begin(at, one[1]) + one[0] + DAY < last)
            if (chosen := next(fitting, None)) is None:
                break
            waiting.remove(chosen)
            length, weekday = chosen
            begin = _begin(at, weekday) + chance.randrange(24) * HOUR
            end = begin + length
            plan.outages.append(Outage(begin, end))
            if chance.random() < 0.3:  # and when it is back, hosts do not answer
                hosts = frozenset(chance.sample(HOSTS, chance.randrange(1, 4)))
                later = min(end + chance.randrange(1, 80) * HOUR, last)
                plan.outages.append(Outage(end - HOUR, later, hosts))
            at = _midnight(end.date())
    return made


def _begin(at: datetime, weekday: int) -> datetime:
    """Midnight of the next such weekday, one day later at least."""
    return at + ((weekday - at.weekday() - 1) % 7 + 1) * DAY


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


@dataclass(frozen=True)
class Outcome:
    papers: int  #: that stood on lists
    once: int
    twice: int  #: counted as new more than once, or two records of one
    named: int  #: not there, or only as a new version, and their list is named as missing
    lost: tuple[Shown, ...]  #: not there, and not named
    looks: int
    seconds: float


async def live(engine: Engine, mirror: Mirror, servers: Servers, plan: Plan) -> Outcome:
    """Look whenever the plan says so; count at the end, and each time that the site is back."""
    config = _config(mirror)
    lists, new, looks = list_plans(config), 0, 0
    unnamed: set[Shown] = set()
    started = time.perf_counter()
    async with open_http(config) as http:
        sources = build_sources(config, http)
        for now, is_back in plan.looks():
            servers.now, servers.down = now, plan.down(now)
            harvests = await pipeline.gather(engine, sources, now, lists)
            counts = pipeline.learn(engine, harvests, now)
            new += sum(of["new"] for of in counts.values())
            looks += 1
            if is_back:
                until = (now - SETTLED).date()
                unnamed |= set(_arrived(engine, config, servers, until).lost)
    state = _arrived(engine, config, servers, servers.now.date())  # of today may come tomorrow
    expected = len(state.there) + len(state.named) + len(state.lost)
    # a second version of a paper whose own list is missing is no news, so it is not counted as new
    versions = state.records.total() - new
    return Outcome(
        expected,
        len(state.there) - max(versions, 0),
        sum(number - 1 for number in state.records.values())
        + max(-versions, versions - len(state.late), 0),
        len(state.named) + max(versions, 0),
        (*state.lost, *(unnamed - set(state.lost))),
        looks,
        time.perf_counter() - started,
    )


@dataclass
class _State:
    """What became of the papers on lists before a day."""

    records: Counter[str]  #: papers of the site by id, of any day
    there: list[Shown] = field(default_factory=list)
    late: list[Shown] = field(default_factory=list)  #: there, but `status` names their list
    named: list[Shown] = field(default_factory=list)  #: not there, and `status` names their list
    lost: list[Shown] = field(default_factory=list)


def _arrived(engine: Engine, config: Config, servers: Servers, until: date) -> _State:
    figures = site_queries.status(engine, config, servers.now)["catch_up"]
    late = {
        (source, unit, date.fromisoformat(of_day["day"]))
        for source, of in figures.items()
        for of_day in of["not_covered"]
        for unit in of_day["units"]
    }
    with reading(engine) as connection:
        state = _State(Counter(connection.scalars(select(tables.papers.c.id)).all()))
    for (_, _, day), papers in servers.lists.items():
        for paper in papers if day < until else ():
            is_late = any((paper.source, paper.unit, of) in late for of in paper.days)
            if paper.id in state.records:
                state.there.append(paper)
                if is_late and paper.source == "biorxiv":
                    state.late.append(paper)
            elif is_late:
                state.named.append(paper)
            else:
                state.lost.append(paper)
    return state


def _config(mirror: Mirror) -> Config:
    return Config.model_validate(
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


@contextmanager
def parsing_here() -> Iterator[None]:
    """Feeds go to the sandbox's own parser without its process, which takes a second for each."""

    def run(command: list[str], *, input: bytes, **_: object) -> SimpleNamespace:
        found = feed_sandbox.parse(input, *command[-2:])
        return SimpleNamespace(returncode=0, stdout=json.dumps(found))

    here = SimpleNamespace(run=run, TimeoutExpired=TimeoutError)
    with patch.object(parsing, "subprocess", here):
        yield


async def half_year(folder: Path, plan: Plan, *, big: int, seed: int = 1) -> Outcome:
    mirror = Mirror()
    server = await asyncio.start_server(mirror.serve, "127.0.0.1", 0)
    mirror.port = server.sockets[0].getsockname()[1]
    engine = open_engine(f"sqlite:///{folder}/site.db")
    migrate(engine)
    try:
        servers = Servers(mirror, plan.first, plan.days, big, seed)
        with parsing_here():
            return await live(engine, mirror, servers, plan)
    finally:
        engine.dispose()
        server.close()
        await mirror.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="Half years of lists, and what became of them.")
    parser.add_argument("--years", type=int, nargs="+", default=[2025, 2026, 2027, 2028])
    parser.add_argument("--shifts", type=int, default=1, help="so many of the seven")
    parser.add_argument("--from-shift", type=int, default=0)
    parser.add_argument("--big", type=int, default=3000, help="papers of the longest lists")
    given = parser.parse_args()
    firsts = [date(year, month, 1) for year in given.years for month in (1, 7)]
    total: Counter[str] = Counter()
    for shift in range(given.from_shift, given.from_shift + given.shifts):
        for number, plan in enumerate(plans(firsts, LENGTHS, shift)):
            seed = 1000 * shift + number
            with tempfile.TemporaryDirectory() as folder:
                found = asyncio.run(half_year(Path(folder), plan, big=given.big, seed=seed))
            off = [outage for outage in plan.outages if not outage.hosts]
            figures = {
                "outages": len(off),
                "papers": found.papers,
                "once": found.once - found.twice,
                "missing_and_named": found.named,
                "lost": len(found.lost),
                "twice": found.twice,
                "looks": found.looks,
                "seconds": round(found.seconds, 1),
            }
            print(json.dumps({"from": f"{plan.first}", "shift": shift} | figures), flush=True)
            for paper in found.lost[:5]:
                print(f"  lost: {paper}", flush=True)
            total.update(figures)
    print(json.dumps({"total": dict(total)}))


if __name__ == "__main__":
    main()
