"""An open site: its configuration, database and key, and the operations on them.

Commands, pages and the daemon open an `App`. The time is a parameter of every operation. What only
fetching and planning need is imported there, and templates are compiled when the first letter is
made: a command that sends, or asks the database, begins in half the time.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Engine

from newsletter.config import Config
from newsletter.delivery.message_builder import MessageBuilder
from newsletter.delivery.sender import Delivered, Sender, moving_clock
from newsletter.delivery.suppression import Suppression
from newsletter.delivery.turns import Turns
from newsletter.health import site as site_health
from newsletter.mail import outgoing
from newsletter.mail.relay import Relay, settings_of
from newsletter.mail.smtp_transport import SmtpTransport
from newsletter.moments import iso
from newsletter.ports import Transport
from newsletter.run_reports import Report, on_record
from newsletter.steps.classify_reply import DeliveryPolicy
from newsletter.steps.compose import Renderer, SiteFacts
from newsletter.stopwatch import Stopwatch
from newsletter.store import ledger_life, ledger_read, retention
from newsletter.store.db import find_assets, open_engine, reading, require_schema
from newsletter.store.site_key import require_key
from newsletter.store.site_lock import require_home
from newsletter.tokens import Tokens


class App:
    """An open site."""

    def __init__(self, config: Config, engine: Engine, tokens: Tokens) -> None:
        self.config = config
        self.engine = engine
        self.tokens = tokens
        self.turns = Turns(engine)

    @classmethod
    def open(cls, config: Config) -> "App":
        """Open a site's database and key.

        Raises: StoreError when the schema is not this version's; ConfigError when the key is
        missing or is not this database's.
        """
        engine = open_engine(config.database.url)
        require_schema(engine)
        tokens = Tokens.from_file(config.site.secret_key_file)
        require_key(engine, tokens)
        return cls(config, engine, tokens)

    def close(self) -> None:
        self.engine.dispose()

    @cached_property
    def renderer(self) -> Renderer:
        """What makes the site's letters."""
        site = self.config.site
        return Renderer(
            find_assets("templates"), SiteFacts(site.name, site.base_url, site.postal_address)
        )

    @property
    def policy(self) -> DeliveryPolicy:
        """Return the delivery rules of this site."""
        delivery = self.config.delivery
        return DeliveryPolicy(delivery.retry, delivery.ambiguous == "retry")

    def relays(self, clock: Callable[[], datetime]) -> SmtpTransport:
        """Return the relays of the site, in the order in which they are tried."""
        return SmtpTransport([Relay(one, clock) for one in settings_of(self.config.smtp)])

    async def fetch(self, now: datetime, only: Sequence[str] = ()) -> Report:
        """Get new papers and signals from every source, or from the named ones."""
        from newsletter.fetching import fetch_sources

        async with self.turns.run():
            return await fetch_sources(self.engine, self.config, now, only, Stopwatch())

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
        """Fetch from all sources (or those in `only`), rank, plan and deliver what is due at `now`.

        Running again at the same moment changes nothing. Troubles older than `patience` are mailed
        to the operator, at most once a day.
        """
        from newsletter import editions, planning, taste
        from newsletter.fetching import fetch_sources
        from newsletter.health.alerts import Operator

        watch, fetched = Stopwatch(), Report({"sources": {}})
        require_home(self.engine)
        async with self.turns.run(), on_record(self.engine, now) as report:
            if is_fetching:
                fetched = await fetch_sources(self.engine, self.config, now, only, watch)
            planned = await planning.plan_due(self.engine, self.config, now, watch)
            if is_fetching and not planned.is_anybody_due:
                with watch.stage("trend"):
                    editions.rank(self.engine, now)
            with watch.stage("deliver"):
                delivered = await self.deliver(now, transport=transport, stop=stop)
            if taste.is_due(self.engine, now):
                await asyncio.to_thread(taste.learn_all, self.engine, now)
            retention.sweep(self.engine, self.config.retention.days, now, most=retention.BATCHES)
            report.data = {
                "at": iso(now),
                "issues": self._counts_of(planned.issues | delivered.issues),
                "no_content": planned.no_content,
                "sources": fetched.data["sources"],
                "seconds": watch.as_json(),
            }
            report.problems = fetched.problems + delivered.problems
            report.problems += planning.withheld(self.engine, self.config, now)
            report.is_unreachable = fetched.is_unreachable or delivered.is_unreachable
            operator = Operator(self.engine, self.config, self.renderer)
            if letter := operator.report(now, patience):
                relays = transport or self.relays(moving_clock(now))
                report.problems += await operator.send(letter, relays, now)
            return report

    async def send(
        self, now: datetime, *, only: Sequence[int] = (), stop: asyncio.Event | None = None
    ) -> Report:
        """Send the stored letters, to all readers or to those in `only`. No source is asked and
        nothing new is planned.
        """
        async with self.turns.run():
            delivered = await self.deliver(now, only=only, stop=stop)
        data = {
            "at": iso(now),
            "issues": self._counts_of(delivered.issues),
            "letters": dict(delivered.counts),
        }
        return Report(data, delivered.problems, delivered.is_unreachable)

    async def deliver(
        self,
        now: datetime,
        *,
        transport: Transport | None = None,
        only: Sequence[int] = (),
        stop: asyncio.Event | None = None,
        is_answers: bool = False,
    ) -> Delivered:
        """Send the stored letters that are due. `is_answers`: only mails that answer a person.

        With SQLite the caller holds the run lock, so a claimed row belongs to a dead process. With
        PostgreSQL it may belong to another worker, until its lease ends. Raises: Busy.
        """
        turn = self.turns.answers() if is_answers else self.turns.sending
        async with turn:
            require_home(self.engine)
            if self.engine.dialect.name == "sqlite":
                is_retrying = self.policy.is_resending_unknown
                ledger_life.release_owner(self.engine, now, is_retrying_digests=is_retrying)
            builder = MessageBuilder(self.engine, self.config, self.renderer, self.tokens)
            outgoing.signer(self.config)  # without the DKIM key no letter is claimed
            clock = moving_clock(now)
            sender = Sender(self.engine, builder, self.policy, Suppression(self.tokens), clock)
            relays = transport or self.relays(clock)
            sender.leases.is_answers_only = is_answers
            delivered = await sender.deliver(relays, only, stop)
            if delivered.is_unreachable or delivered.counts:  # else no relay was asked
                away = delivered.problems[-1] if delivered.is_unreachable else ""
                site_health.note_relay(self.engine, away, clock())
            if isinstance(relays, SmtpTransport) and not delivered.is_unreachable:
                delivered.problems += relays.troubles
            return delivered

    def _counts_of(self, issues: Iterable[int]) -> list[dict[str, Any]]:
        with reading(self.engine) as connection:
            return ledger_read.issue_counts(connection, issues)
