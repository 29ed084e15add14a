"""The only place that joins configuration, plug-ins and store. Commands, pages and the daemon talk to `App`.

Times are parameters: the caller says what moment it is.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from newsletter import pipeline
from newsletter.config import Config
from newsletter.dispatch import deliver_waiting
from newsletter.errors import InputError
from newsletter.mail.smtp import Relay
from newsletter.matching.index import Index
from newsletter.matching.query import parse
from newsletter.models import Choice, Harvest, Heat, Letter, Match, Paper, Signal, Sighting, SourceState, Subscriber, Topic
from newsletter.ports import Transport
from newsletter.sources import build_sources
from newsletter.sources.http import Http
from newsletter.steps.compose import Press, SiteFacts
from newsletter.steps.due import next_due
from newsletter.store import ledger, papers, runs, signals, subscribers, topics
from newsletter.store.db import find_assets, only_one, open_engine, reading, require_schema, writing
from newsletter.tokens import Tokens


def iso(moment: datetime | None) -> str | None:
    """A moment as scripts read it: 2026-11-23T07:00:00Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


@dataclass
class Report:
    """What a command did: `data` is its JSON; `problems` are sentences."""

    data: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    is_unreachable: bool = False  #: the relay, or every source, did not answer


@dataclass(frozen=True)
class Preview:
    """What one reader would get at a moment."""

    reader: Subscriber
    choice: Choice
    papers: Mapping[int, Paper]
    heats: Mapping[int, Heat]
    topics: Mapping[int, Topic]
    letter: Letter | None  #: None: a quiet day
    message: bytes  #: the mail as it would leave; empty on a quiet day


class App:
    """A site that is open for work."""

    def __init__(self, config: Config, engine: Engine, tokens: Tokens) -> None:
        self.config = config
        self.engine = engine
        self.tokens = tokens
        site = config.site
        self.press = Press(find_assets("templates"), SiteFacts(site.name, site.base_url, site.postal_address))
        #: A digest that is later than this is not sent any more.
        self.window = timedelta(hours=config.delivery.expire_after_h)

    @classmethod
    def open(cls, config: Config) -> "App":
        """Open a site's database and key.

        Raises: StoreError when the schema is not this version's; ConfigError when the key is missing.
        """
        engine = open_engine(config.database.url)
        require_schema(engine)
        return cls(config, engine, Tokens.from_file(config.site.secret_key_file))

    def close(self) -> None:
        self.engine.dispose()

    # -- the day -----------------------------------------------------------------------------------------------------

    async def fetch(self, now: datetime, only: Sequence[str] = ()) -> Report:
        """Get new papers and signals from every source, or from the named ones."""
        with only_one(self.engine, "run"):
            return await self._fetch(now, only, pipeline.Stopwatch())

    async def run(
        self,
        now: datetime,
        *,
        is_fetching: bool = True,
        transport: Transport | None = None,
        stop: asyncio.Event | None = None,
    ) -> Report:
        """Fetch, rank, freeze and deliver whatever is due at `now`. Repeating it changes nothing."""
        watch = pipeline.Stopwatch()
        with only_one(self.engine, "run"), self._on_record(now) as report:
            fetched = await self._fetch(now, (), watch) if is_fetching else Report({"sources": {}})
            groups = pipeline.find_due(self.engine, now, self.window)
            frozen = []
            if groups:
                edition = pipeline.prepare(self.engine, Index(), now, watch)
                frozen = pipeline.plan(self.engine, edition, groups, self.window)
            elif is_fetching:
                with watch.stage("trend"):
                    pipeline.rank(self.engine, now)
            with watch.stage("deliver"):
                delivered = await self.deliver(now, transport=transport, stop=stop)
            touched = {result.issue for result in frozen if result.planned or result.quiet} | set(delivered.issues)
            stages = ("fetch", "dedupe", "trend", "match", "choose", "freeze", "deliver")
            seconds = {stage: round(watch.seconds[stage], 3) for stage in stages}
            report.data = {
                "at": iso(now),
                "issues": self.issues(touched),
                "sources": fetched.data["sources"],
                "seconds": seconds | {"total": round(sum(watch.seconds.values()), 3)},
            }
            report.problems = fetched.problems + delivered.problems
            report.is_unreachable = delivered.is_unreachable
            return report

    async def deliver(
        self, now: datetime, *, transport: Transport | None = None, stop: asyncio.Event | None = None
    ) -> Any:
        """Send what is frozen and not sent yet."""
        raise NotImplementedError

    async def _fetch(self, now: datetime, only: Sequence[str], watch: pipeline.Stopwatch) -> Report:
        """Raises: InputError when a named source is not configured."""
        async with Http(self.config.http, user_agent=self.user_agent) as http:
            sources = build_sources(self.config, http)
            names = [source.name for source in sources]
            for name in only:
                if name not in names:
                    known = ", ".join(names) or "none is configured"
                    raise InputError(f"no source {name!r}", hint=f"sources of this site: {known}")
            chosen = [source for source in sources if not only or source.name in only]
            with watch.stage("fetch"):
                harvests = await pipeline.gather(self.engine, chosen, now)
        with watch.stage("dedupe"):
            pipeline.learn(self.engine, harvests, now)
        return self._fetched([source.name for source in chosen], harvests, now)

    def _fetched(self, names: Sequence[str], harvests: Sequence[Harvest], now: datetime) -> Report:
        with reading(self.engine) as connection:
            rows = runs.sources(connection)
            total = papers.count(connection)
        asked = {harvest.source for harvest in harvests}
        sources = {}
        for name in names:
            row = rows.get(name, {})
            is_asked = name in asked
            sources[name] = {
                "state": row.get("state", SourceState.QUIET),
                **{count: row[count] if is_asked else 0 for count in ("seen", "new", "updated", "merged")},
                "error": row.get("error", "") if is_asked else f"resting until {iso(row.get('not_before'))}",
            }
        problems = [f"{name}: {of['error']}" for name, of in sources.items() if of["state"] == SourceState.FAILED]
        new = sum(of["new"] for of in sources.values())
        data = {"at": iso(now), "sources": sources, "papers": {"new": new, "total": total}}
        return Report(data, problems, is_unreachable=bool(harvests) and len(problems) == len(names))

    @contextmanager
    def _on_record(self, now: datetime) -> Iterator[Report]:
        """Keep a run's report; a run that dies leaves one without an end."""
        report = Report({})
        with writing(self.engine) as connection:
            number = runs.start_run(connection, now, datetime.now(UTC))
        outcome = "failed"
        try:
            yield report
            outcome = "partly" if report.problems else "done"
        finally:
            with writing(self.engine) as connection:
                runs.finish_run(connection, number, datetime.now(UTC), outcome, report.data)
