"""Mail to the operator: what is wrong, with the sources above all, at most once a day, to
`site.contact`.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from sqlalchemy import Engine

from newsletter.config import Config
from newsletter.errors import NewsletterError
from newsletter.health import notices
from newsletter.health import sources as source_health
from newsletter.mail import mime
from newsletter.mail_kinds import REPORT
from newsletter.models import DeliveryState, Envelope, Receipt
from newsletter.ports import Transport
from newsletter.steps.compose import Renderer
from newsletter.steps.due import zone
from newsletter.store import ledger_read, runs
from newsletter.store.db import reading, writing

FACT = "operator_mail"  #: the day of the last one, in the site's zone


class Operator:
    """Writes to the person who runs the site. Without `site.contact` nothing is written: `status`
    says it all too.
    """

    def __init__(self, engine: Engine, config: Config, press: Renderer) -> None:
        self.engine, self.config, self.press = engine, config, press

    def report(self, now: datetime, patience: timedelta) -> tuple[Envelope, bytes] | None:
        """The mail, if something has been wrong for `patience` and today's was not sent yet."""
        site = self.config.site
        day = now.astimezone(zone(site.timezone)).date()
        if not site.contact:
            return None
        with reading(self.engine) as connection:
            last = runs.fact(connection, FACT)
            rows = runs.source_states(connection)
            counts = ledger_read.counts(connection)
            standing = notices.standing(connection, now, notices.PATIENCE)
        found = [
            str(trouble)
            for trouble in source_health.troubles(rows)
            if now - trouble.since >= patience
        ]
        found += [*source_health.notes(rows), *standing]
        if not found or (last and last["day"] == f"{day}"):
            return None
        if source_health.is_blackout(rows, self.config):
            found.insert(
                0, "No source answers: readers get nothing new, and no quiet day is counted."
            )
        letter = self.press.notice(
            REPORT,
            "en",
            day=f"{day}",
            counts=counts,
            sources=rows,
            problems=found,
            archive=f"{site.base_url}/archive",
        )
        domain = site.from_.rpartition("@")[2]
        envelope = Envelope(0, site.from_, site.contact, f"report.{day}@{domain}", now)
        headers = [("Auto-Submitted", "auto-generated")]
        return envelope, mime.build(letter, envelope, mime.mailbox(site.name, site.from_), headers)

    async def send(
        self, parcel: tuple[Envelope, bytes], transport: Transport, now: datetime
    ) -> list[str]:
        """Hand it over; return what went wrong.

        It counts as today's from the fence on, so that no doubt sends it twice; before that the
        next run tries again.
        """
        problems: list[str] = []

        async def parcels() -> AsyncIterator[tuple[Envelope, bytes]]:
            yield parcel

        async def fence(_: int) -> bool:
            day = now.astimezone(zone(self.config.site.timezone)).date()
            with writing(self.engine) as connection:
                runs.note_fact(connection, FACT, {"day": f"{day}"})
            return True

        async def settle(receipt: Receipt) -> None:
            if receipt.state != DeliveryState.SENT:
                problems.append(f"the operator's mail was not taken: {receipt.reply}")

        try:
            await transport.deliver(parcels(), fence, settle)
        except NewsletterError as e:
            problems.append(f"the operator's mail could not be sent: {e.message}")
        return problems
