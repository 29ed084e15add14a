"""The only place that joins configuration, plug-ins and store. Commands, pages and the daemon talk
to `App`.

Times are parameters: the caller says what moment it is.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from newsletter import editions, mail_kinds, pipeline, site_queries, summaries
from newsletter.config import Config
from newsletter.delivery.message_builder import MessageBuilder
from newsletter.delivery.sender import Delivered, Sender, moving_clock
from newsletter.delivery.suppression import Suppression
from newsletter.delivery.turns import Turns
from newsletter.errors import InputError
from newsletter.health import alerts
from newsletter.health import sources as source_health
from newsletter.health.alerts import Operator
from newsletter.mail.relay import Relay, settings_of
from newsletter.mail.smtp_transport import SmtpTransport
from newsletter.matching import breadth, embeddings
from newsletter.matching.index import Index
from newsletter.matching.query import parse
from newsletter.models import (
    MATCH_CUT,
    Choice,
    Claim,
    Harvest,
    Letter,
    Paper,
    Sighting,
    SourceState,
    Subscriber,
    Topic,
)
from newsletter.ports import Matcher, Transport
from newsletter.source_rows import IMPORT
from newsletter.sources.registry import build_sources, list_plans, open_http
from newsletter.steps.classify_reply import DeliveryPolicy
from newsletter.steps.compose import PaperFacts, Renderer, SiteFacts, show
from newsletter.steps.due import Due, next_due, zone
from newsletter.store import (
    due_readers,
    ledger_life,
    ledger_read,
    papers,
    retention,
    runs,
    source_lists,
    subscribers,
)
from newsletter.store.db import find_assets, only_one, open_engine, reading, require_schema, writing
from newsletter.store.site_lock import require_home
from newsletter.tokens import Tokens


def iso(moment: datetime | None) -> str | None:
    """A moment as scripts read it: 2026-11-23T07:00:00Z."""
    return (
        moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if moment
        else None
    )


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
    shown: Mapping[int, PaperFacts]  #: by Paper.key: what is in it and what matched but is not
    topics: Mapping[int, Topic]
    day: date
    letter: Letter | None  #: None: a quiet day
    message: bytes  #: the mail as it would leave; empty on a quiet day


class App:
    """A site that is open for work."""

    def __init__(self, config: Config, engine: Engine, tokens: Tokens) -> None:
        self.config = config
        self.engine = engine
        self.tokens = tokens
        site = config.site
        self.renderer = Renderer(
            find_assets("templates"), SiteFacts(site.name, site.base_url, site.postal_address)
        )
        self.turns = Turns(engine)
        #: A digest that is later than this is not sent any more.
        self.window = timedelta(hours=config.delivery.expire_after_h)

    @classmethod
    def open(cls, config: Config) -> "App":
        """Open a site's database and key.

        Raises: StoreError when the schema is not this version's; ConfigError when the key is
        missing.
        """
        engine = open_engine(config.database.url)
        require_schema(engine)
        return cls(config, engine, Tokens.from_file(config.site.secret_key_file))

    def close(self) -> None:
        self.engine.dispose()

    # -- the day -----------------------------------------------------------------------------------

    async def fetch(self, now: datetime, only: Sequence[str] = ()) -> Report:
        """Get new papers and signals from every source, or from the named ones."""
        async with self.turns.run():
            return await self._fetch(now, only, editions.Stopwatch())

    async def run(
        self,
        now: datetime,
        *,
        is_fetching: bool = True,
        only: Sequence[str] = (),
        transport: Transport | None = None,
        stop: asyncio.Event | None = None,
        patience: timedelta = timedelta(0),
    ) -> Report:
        """Fetch (from all sources, or those in `only`), rank, freeze and deliver whatever is due at
        `now`.

        Repeating it changes nothing. Troubles older than `patience` are mailed to the operator,
        once a day.
        """
        watch = editions.Stopwatch()
        require_home(self.engine)
        async with self.turns.run(), self._on_record(now) as report:
            fetched = (
                await self._fetch(now, only, watch) if is_fetching else Report({"sources": {}})
            )
            groups = pipeline.find_due(self.engine, now, self.window)
            frozen, no_content = [], 0
            if groups:
                edition = editions.prepare(self.engine, self._matcher(), now, watch)
                edition.is_blackout = source_health.settle(
                    self.engine, self.config, {group.day for group in groups}, now
                )
                await self._summarise(edition, groups)
                frozen = pipeline.plan(self.engine, edition, groups, self.window)
                no_content = edition.no_content
                source_health.note_no_content(self.engine, self.config, no_content, now)
            elif is_fetching:
                with watch.stage("trend"):
                    editions.rank(self.engine, now)
            with watch.stage("deliver"):
                delivered = await self.deliver(now, transport=transport, stop=stop)
            retention.sweep(self.engine, self.config.retention.days, now, most=retention.BATCHES)
            touched = {
                result.issue for result in frozen if result.planned or result.quiet
            } | delivered.issues
            stages = ("fetch", "dedupe", "trend", "match", "choose", "freeze", "deliver")
            seconds = {stage: round(watch.seconds[stage], 3) for stage in stages}
            report.data = {
                "at": iso(now),
                "issues": self.issues(touched),
                "no_content": no_content,
                "sources": fetched.data["sources"],
                "seconds": seconds | {"total": round(sum(watch.seconds.values()), 3)},
            }
            report.problems = fetched.problems + delivered.problems
            report.is_unreachable = fetched.is_unreachable or delivered.is_unreachable
            operator = Operator(self.engine, self.config, self.renderer)
            if letter := operator.report(now, patience):
                report.problems += await operator.send(
                    letter, transport or self.relays(moving_clock(now)), now
                )
            return report

    async def _summarise(self, edition: editions.Edition, groups: Sequence[Due]) -> None:
        """Have summaries written for the papers about to be frozen, if an endpoint is
        configured.
        """
        if section := self.config.summaries:
            picked = pipeline.picked(self.engine, edition, groups, self.window)
            written = await summaries.write(
                self.engine, section, edition.papers, picked, edition.now
            )
            edition.papers |= {
                key: replace(edition.papers[key], summary=text) for key, text in written.items()
            }

    async def deliver(
        self,
        now: datetime,
        *,
        transport: Transport | None = None,
        only: Sequence[int] = (),
        stop: asyncio.Event | None = None,
        is_answers: bool = False,
    ) -> Delivered:
        """Send what is frozen and waits; `is_answers`: only mails that answer a person.

        With SQLite the caller holds the run lock, so what is claimed is a dead process's; with
        PostgreSQL it may be another worker's, and its lease says until when. Raises: Busy.
        """
        turn = self.turns.answers() if is_answers else self.turns.sending
        async with turn:
            require_home(self.engine)
            policy = self.policy
            if self.engine.dialect.name == "sqlite":
                ledger_life.release_owner(
                    self.engine, now, is_retrying_digests=policy.is_resending_unknown
                )
            builder = MessageBuilder(self.engine, self.config, self.renderer, self.tokens)
            builder.signer()  # without its key no letter can be made: none is taken
            clock = moving_clock(now)
            sender = Sender(self.engine, builder, policy, Suppression(self.tokens), clock)
            relays = transport or self.relays(clock)
            sender.leases.is_answers_only = is_answers
            delivered = await sender.deliver(relays, only, stop)
            if isinstance(relays, SmtpTransport) and not delivered.is_unreachable:
                delivered.problems += relays.troubles
            return delivered

    async def send(
        self, now: datetime, *, only: Sequence[int] = (), stop: asyncio.Event | None = None
    ) -> Report:
        """Send what is frozen, without asking sources or planning anybody new."""
        async with self.turns.run():
            delivered = await self.deliver(now, only=only, stop=stop)
        data = {
            "at": iso(now),
            "issues": self.issues(delivered.issues),
            "letters": dict(delivered.counts),
        }
        return Report(data, delivered.problems, delivered.is_unreachable)

    @property
    def policy(self) -> DeliveryPolicy:
        """How this site delivers."""
        delivery = self.config.delivery
        return DeliveryPolicy(delivery.retry, delivery.ambiguous == "retry")

    def relays(self, clock: Callable[[], datetime]) -> SmtpTransport:
        """The site's relays, in the order in which they are tried."""
        return SmtpTransport([Relay(one, clock) for one in settings_of(self.config.smtp)])

    def _edition(self, now: datetime) -> editions.Edition:
        return editions.prepare(self.engine, self._matcher(), now)

    def _matcher(self) -> Matcher:
        """Raises: ConfigError when a model is configured and cannot be opened."""
        folder = self.config.matching.model_folder
        return embeddings.load(folder) if folder else Index()

    def preview(self, reader: Subscriber, now: datetime) -> Preview:
        """What this reader would get at `now`. Nothing is planned or sent."""
        edition = self._edition(now)
        choice = editions.choose_for(self.engine, reader, edition)
        return self._previewed(reader, choice, edition)

    def _previewed(self, reader: Subscriber, choice: Choice, edition: editions.Edition) -> Preview:
        composer = MessageBuilder(self.engine, self.config, self.renderer, self.tokens)
        letter, message, day = None, b"", edition.now.astimezone(zone(reader.timezone)).date()
        matched = [pick.paper for pick in (*choice.picks, *(pick for _, pick in choice.passed))]
        shown = {
            key: PaperFacts.from_facts(show(edition.papers[key], edition.heats[key]))
            for key in matched
        }
        if choice.picks:
            claim = Claim(
                id=0,
                issue=None,
                day=day,
                subscriber=reader.id,
                kind=mail_kinds.DIGEST.name,
                picks=choice.picks,
                due_at=edition.now,
                candidates=len(edition.papers),
            )
            letter = composer.compose(claim, reader, shown, edition.topics, None)
            message = composer.message(claim, reader, letter)[1]
        return Preview(reader, choice, shown, edition.topics, day, letter, message)

    def plan_only(self, now: datetime) -> dict[str, Any]:
        """What `run` would send at `now` from what is known: {"date", "due", "would_send",
        "quiet"}.
        """
        edition, due_now, quiet = self._edition(now), 0, 0
        for group in pipeline.find_due(self.engine, now, self.window):
            for row in pipeline.rows(self.engine, edition, group, self.window, {}):
                due_now += 1
                quiet += not row.picks
        return {"at": iso(now), "due": due_now, "would_send": due_now - quiet, "quiet": quiet}

    # -- looking -----------------------------------------------------------------------------------

    def issues(self, ids: Iterable[int] | None = None) -> list[dict[str, Any]]:
        """Issues with their counts, newest first."""
        with reading(self.engine) as connection:
            return ledger_read.issue_counts(connection, ids)

    def status(self, now: datetime) -> dict[str, Any]:
        """How the site is doing: readers, ledger, sources, the last run and the next one."""
        with reading(self.engine) as connection:
            last, rows = runs.last_run(connection), runs.source_states(connection)
            return {
                "at": iso(now),
                "readers": subscribers.count_states(connection),
                "ledger": ledger_read.counts(connection),
                "sources": {
                    name: {k: iso(v) if isinstance(v, datetime) else v for k, v in row.items()}
                    for name, row in rows.items()
                },
                **source_health.as_json(rows),
                "hints": [*source_health.moves(rows), *alerts.standing(connection, now)],
                "catch_up": source_lists.figures(connection, list_plans(self.config), now),
                "no_content": runs.fact(connection, "no_content"),
                "last_run": last
                and {k: iso(v) if isinstance(v, datetime) else v for k, v in last.items()},
                "next_due": iso(next_due(due_readers.rhythms(connection), now)),
                "out_of_balance": ledger_read.check(connection, latest=ledger_read.RECENT),
            }

    def has_due(self, now: datetime) -> bool:
        """Whether somebody is due who has nothing planned yet."""
        groups = pipeline.find_due(self.engine, now, self.window)
        with reading(self.engine) as connection:
            for group in groups:
                rhythm = (group.timezone, group.hour, group.rhythm)
                if due_readers.due_batch(
                    connection, rhythm, group.day, group.wish, after=0, limit=1
                ):
                    return True
        return False

    def has_waiting(self, now: datetime, *, is_answers: bool = False) -> bool:
        """Whether a letter could be sent now; `is_answers`: a mail that answers a person."""
        with reading(self.engine) as connection:
            return ledger_read.has_waiting(connection, now, is_answers=is_answers)

    def search(self, query: str, limit: int = 20) -> list[tuple[Paper, float]]:
        """Find stored papers, best first. Raises: QueryError with the position."""
        return site_queries.search(self.engine, query, limit)

    def similar(self, paper: Paper, limit: int = 5) -> list[Paper]:
        """Find the stored papers most like one of them, best first."""
        return site_queries.similar(self.engine, paper, limit)

    def topic_test(
        self, query: str, now: datetime, days: int
    ) -> tuple[str, list[tuple[Paper, float]], str]:
        """The canonical query, the papers of the last days that it brings, best first, the cut
        ignored, and why it is too broad, if it is.

        Raises: QueryError with the position.
        """
        asked = parse(query)
        with reading(self.engine) as connection:
            recent = papers.recent(connection, now - timedelta(days=days), now)
        by_key = {paper.key: paper for paper in recent}
        found = Index(recent).weigh(asked)
        above = {match.paper for match in found if match.score >= MATCH_CUT}
        weighed = [(by_key[match.paper], match.score) for match in found]
        return str(asked), weighed, breadth.warning(recent, above)

    def import_papers(self, sightings: Sequence[Sighting], now: datetime) -> Counter[str]:
        """Take papers in from a file, the same way as from a source; they count as seen when they
        were published.
        """
        harvest = Harvest(IMPORT, SourceState.FRESH, tuple(sightings))
        with only_one(self.engine, "run"):
            return pipeline.learn(self.engine, [harvest], now, is_backdated=True)[IMPORT]

    # -- the insides -------------------------------------------------------------------------------

    async def _fetch(self, now: datetime, only: Sequence[str], watch: editions.Stopwatch) -> Report:
        """Raises: InputError when a named source is not configured."""
        async with open_http(self.config) as http:
            sources = build_sources(self.config, http)
            names = [source.name for source in sources]
            for name in only:
                if name not in names:
                    known = ", ".join(names) or "none is configured"
                    raise InputError(f"no source {name!r}", hint=f"sources of this site: {known}")
            chosen = [source for source in sources if not only or source.name in only]
            with watch.stage("fetch"):
                harvests = await pipeline.gather(self.engine, chosen, now, list_plans(self.config))
        with watch.stage("dedupe"):
            pipeline.learn(self.engine, harvests, now)
        return self._fetched([source.name for source in chosen], harvests, now)

    def _fetched(self, names: Sequence[str], harvests: Sequence[Harvest], now: datetime) -> Report:
        with reading(self.engine) as connection:
            rows = runs.source_states(connection)
            total = papers.count(connection)
        asked = {harvest.source for harvest in harvests}
        sources = {}
        for name in names:
            row = rows.get(name, {})
            is_asked = name in asked
            sources[name] = {
                "state": row.get("state", SourceState.QUIET),
                **{
                    count: row[count] if is_asked else 0
                    for count in ("seen", "new", "updated", "merged")
                },
                "error": row.get("error", "")
                if is_asked
                else f"resting until {iso(row.get('not_before'))}",
            }
        problems = [
            f"{name}: {of['error']}"
            for name, of in sources.items()
            if of["state"] == SourceState.FAILED
        ]
        new = sum(of["new"] for of in sources.values())
        data = {"at": iso(now), "sources": sources, "papers": {"new": new, "total": total}}
        return Report(data, problems, is_unreachable=bool(harvests) and len(problems) == len(names))

    @asynccontextmanager
    async def _on_record(self, now: datetime) -> AsyncIterator[Report]:
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
