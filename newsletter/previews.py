"""What one reader would get at a moment. Nothing is planned or sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from newsletter import editions, mail_kinds
from newsletter.app import App
from newsletter.delivery.message_builder import MessageBuilder
from newsletter.models import Choice, Claim, Letter, Subscriber, Topic
from newsletter.pipeline import shown_papers
from newsletter.planning import open_edition
from newsletter.steps.compose import PaperFacts
from newsletter.steps.due import zone


@dataclass(frozen=True)
class Preview:
    """What one reader would get at a moment."""

    reader: Subscriber
    choice: Choice
    shown: Mapping[int, PaperFacts]  #: by Paper.key: papers in the letter and papers left out
    topics: Mapping[int, Topic]
    day: date  #: in the reader's time zone
    letter: Letter | None = None  #: None: a quiet day
    message: bytes = b""  #: the mail as it would be sent; empty on a quiet day


def preview(app: App, reader: Subscriber, now: datetime) -> Preview:
    """Choose and build what this reader would get at `now`."""
    edition = open_edition(app.engine, app.config, now)
    choice = editions.choose_for(app.engine, reader, edition)
    day = now.astimezone(zone(reader.timezone)).date()
    matched = [pick.paper for pick in (*choice.picks, *(pick for _, pick in choice.passed))]
    shown = {
        key: PaperFacts.from_facts(facts)
        for key, facts in shown_papers(app.engine, edition, matched).items()
    }
    if not choice.picks:
        return Preview(reader, choice, shown, edition.topics, day)
    claim = Claim(
        id=0,
        issue=None,
        day=day,
        subscriber=reader.id,
        kind=mail_kinds.DIGEST.name,
        picks=choice.picks,
        due_at=now,
        candidates=len(edition.papers),
    )
    builder = MessageBuilder(app.engine, app.config, app.renderer, app.tokens)
    letter = builder.compose(claim, reader, shown, edition.topics, None)
    message = builder.message(claim, reader, letter)[1]
    return Preview(reader, choice, shown, edition.topics, day, letter, message)
