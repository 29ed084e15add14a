"""What the operator is told: the current problems for `status`, and once a day by mail to
`site.contact` those that have lasted.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from newsletter.config import Config
from newsletter.errors import NewsletterError
from newsletter.health import sources as source_health
from newsletter.mail import outgoing
from newsletter.mail_kinds import REPORT
from newsletter.models import Envelope, Reply
from newsletter.ports import Transport
from newsletter.steps.classify_reply import clean_reply
from newsletter.steps.compose import Renderer
from newsletter.steps.compose.prose import cut
from newsletter.steps.due import zone
from newsletter.store import inbound as inbound_store
from newsletter.store import ledger_read, runs, site_lock, unknown_values
from newsletter.store.db import reading, writing

FACT = "operator_mail"  #: day of the last mail, in the site's time zone
#: Where returned mail is fetched: keys of `bounces`. The fact "inbound_away:CHANNEL" has since when
#: it cannot be read there, and why.
CHANNELS = ("maildir", "imap")
#: The operator gets a mail when returned mail could not be read for so long; `status` shows it at
#: once.
PATIENCE = timedelta(hours=1)
#: Most characters of the first problem in the subject.
SUBJECT_CHARS = 50
#: How long letters that were due before a restore are reported; after that they are out of date.
NEWS_FOR = timedelta(hours=24)


def standing(
    connection: Connection, now: datetime, patience: timedelta = timedelta(0)
) -> list[str]:
    """Return the current problems as sentences, each with the next step."""
    found = [
        f"issue {issue['date']} is paused: {issue['state_reason']}; go on with: newsletter "
        f"issues retry {issue['date']}"
        for issue in ledger_read.issue_counts(connection, limit=3)
        if issue["state"] == "paused"
    ]
    restored = site_lock.restored(connection)
    if restored and now - restored.at < NEWS_FOR:
        found.append(str(restored))
    found += [
        f"returned mail cannot be read since {away['since'][:16]}: {away['reason']}; sending "
        f"goes on; check bounces.{channel}, then: newsletter doctor"
        for channel, away in inbound_away(connection).items()
        if now - datetime.fromisoformat(away["since"]) >= patience
    ]
    kept = inbound_store.totals(connection)
    if kept:
        said = ", ".join(f"{number} × {why}" for why, number in sorted(kept.items())[:5])
        found.append(
            f"{sum(kept.values())} mails that came in are kept ({said}): newsletter inbound list"
        )
    return found + unknown_values.told(connection)


def inbound_away(connection: Connection) -> dict[str, dict[str, str]]:
    """Return the channels whose mail cannot be read -> {since, reason}."""
    found = {channel: runs.fact(connection, f"inbound_away:{channel}") for channel in CHANNELS}
    return {channel: away for channel, away in found.items() if away}


def note_inbound(engine: Engine, channel: str, reason: str, now: datetime) -> bool:
    """Store whether a channel's mail can be read (an empty reason: it can), and since when it
    cannot. Returns whether that is new.
    """
    with reading(engine) as connection:
        away = inbound_away(connection).get(channel, {})
    if away.get("reason", "") == reason:
        return False
    since = away.get("since", now.isoformat())
    with writing(engine) as connection:
        told = {"since": since, "reason": reason} if reason else {}
        runs.note_fact(connection, f"inbound_away:{channel}", told)
    return True


class Operator:
    """Writes to the operator. Without `site.contact` there is no mail; `status` shows the same."""

    def __init__(self, engine: Engine, config: Config, renderer: Renderer) -> None:
        self.engine, self.config, self.renderer = engine, config, renderer

    def report(self, now: datetime, patience: timedelta) -> tuple[Envelope, bytes] | None:
        """Return the mail if something has been wrong for `patience` and today's was not sent
        yet.
        """
        site = self.config.site
        day = now.astimezone(zone(site.timezone)).date()
        if not site.contact:
            return None
        with reading(self.engine) as connection:
            last = runs.fact(connection, FACT)
            rows = runs.source_states(connection)
            counts = ledger_read.counts(connection)
            others = standing(connection, now, PATIENCE)
        found = [
            str(trouble)
            for trouble in source_health.troubles(rows)
            if now - trouble.since >= patience
        ]
        found += [*source_health.notes(rows), *others]
        if not found or (last and last["day"] == f"{day}"):
            return None
        if source_health.is_blackout(rows, self.config):
            found.insert(
                0,
                "No source answers: readers get nothing new, and no quiet day is counted; check "
                "the network of this machine, then ask again: newsletter fetch",
            )
        letter = self.renderer.notice(
            REPORT,
            "en",
            day=f"{day}",
            what=cut(found[0], SUBJECT_CHARS),
            counts=counts,
            sources=rows,
            problems=found,
            archive=f"{site.base_url}/archive",
        )
        domain = site.from_.rpartition("@")[2]
        envelope = Envelope(0, site.from_, site.contact, f"report.{day}@{domain}", now)
        headers = [("Auto-Submitted", "auto-generated")]
        return envelope, outgoing.finished(self.config, letter, envelope, headers)

    async def send(
        self, parcel: tuple[Envelope, bytes], transport: Transport, now: datetime
    ) -> list[str]:
        """Hand the mail over; return what went wrong. It counts as sent from the fence on, so that
        it is never sent twice; before the fence the next run tries again.
        """
        problems: list[str] = []

        async def parcels() -> AsyncIterator[tuple[Envelope, bytes]]:
            yield parcel

        async def fence(_: int) -> bool:
            day = now.astimezone(zone(self.config.site.timezone)).date()
            with writing(self.engine) as connection:
                runs.note_fact(connection, FACT, {"day": f"{day}"})
            return True

        async def answer(reply: Reply) -> None:
            if (reply.phase, reply.code // 100) != ("dot", 2):
                problems.append(f"the operator's mail was not taken: {clean_reply(reply.text)}")

        try:
            await transport.deliver(parcels(), fence, answer)
        except NewsletterError as e:
            problems.append(f"the operator's mail could not be sent: {e.message}")
        return problems
