"""Every table. Rows never leave `store/`: its functions take and return the nouns of `models`.

Rules kept by tests: names of constraints come from one convention; times are UTC through
`UtcDateTime`; closed vocabularies are strings; what is new and NOT NULL has a server default. The
tables equal `migrations/` on SQLite and PostgreSQL alike.
"""

import datetime as dt
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from newsletter.store.columns import (
    BigKey,
    flag_column,
    json_column,
    key_column,
    moment_column,
    number_column,
    reference,
    text_column,
)

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata

# -- papers ----------------------------------------------------------------------------------------


class PaperRow(SQLModel, table=True):
    __tablename__ = "papers"
    key: int | None = key_column()
    id: str = Field(sa_column=Column(String(512), nullable=False, unique=True))
    title: str = text_column()
    abstract: str = text_column()
    authors: list[str] = json_column("[]")
    fields: list[str] = json_column("[]")
    identifiers: list[str] = json_column("[]")
    version: int = number_column(1)
    published: datetime | None = moment_column()
    first_seen: datetime = moment_column(nullable=False, index=True)
    summary: str = text_column()
    affiliations: list[str] = json_column("[]")
    links: dict[str, str] = json_column("{}")
    comment: str = text_column()
    is_withdrawn: int = flag_column()
    is_hidden: int = flag_column()


class PaperKeyRow(SQLModel, table=True):
    """What a paper can be recognised by: identifiers ("arxiv:…", "doi:…") and the blocking keys of
    its title.
    """

    __tablename__ = "paper_keys"
    __table_args__ = (Index("ix_paper_keys_paper", "paper"), {"sqlite_with_rowid": False})
    name: str = Field(sa_column=Column(String(512), primary_key=True))
    paper: int = reference("papers.key", primary=True)


class MergedPaperRow(SQLModel, table=True):
    """The operator's word that two papers are one: `paper` stays as it is and is shown as
    `into`.
    """

    __tablename__ = "merged_papers"
    paper: int = reference("papers.key", primary=True)
    into: int = reference("papers.key", index=True)
    at: datetime = moment_column(nullable=False)


class PaperEventRow(SQLModel, table=True):
    """What became of a paper after it was shown: withdrawn, retracted, corrected, published."""

    __tablename__ = "paper_events"
    __table_args__ = (UniqueConstraint("paper", "kind", "reference"),)
    id: int | None = key_column()
    paper: int = reference("papers.key")
    kind: str = Field(sa_column=Column(String(16), nullable=False))
    reference: str = text_column()
    title: str = text_column()
    url: str = text_column()
    source: str = text_column()
    at: datetime = moment_column(nullable=False, index=True)


class SightingRow(SQLModel, table=True):
    """Provenance: which source showed a paper, when first and when last."""

    __tablename__ = "sightings"
    __table_args__ = (UniqueConstraint("source", "source_id"),)
    id: int | None = key_column()
    paper: int = reference("papers.key", index=True)
    source: str = Field(sa_column=Column(String(128), nullable=False))
    source_id: str = Field(sa_column=Column(String(512), nullable=False))
    why: str = text_column()
    first_at: datetime = moment_column(nullable=False)
    last_at: datetime = moment_column(nullable=False)
    version: int = number_column(1)
    record: dict[str, Any] = json_column(
        "{}"
    )  #: the sighting as it was, so that a wrong merge can be split


class SignalRow(SQLModel, table=True):
    """A snapshot of one counter. Written only when the value differs from the last one."""

    __tablename__ = "signals"
    __table_args__ = (
        Index("ix_signals_paper_at", "paper", "at"),
        UniqueConstraint("paper", "source", "kind", "at"),
    )
    id: int | None = key_column()
    paper: int = reference("papers.key")
    source: str = Field(sa_column=Column(String(128), nullable=False))
    kind: str = Field(sa_column=Column(String(32), nullable=False))
    value: float = Field(sa_column=Column(Float, nullable=False))
    at: datetime = moment_column(nullable=False)


class HeatRow(SQLModel, table=True):
    """The heat of the last run, for pages and commands; what an issue said is frozen in
    `issue_papers`.
    """

    __tablename__ = "heats"
    paper: int = reference("papers.key", primary=True)
    value: float = Field(sa_column=Column(Float, nullable=False, index=True))
    level: int = number_column(1)
    field: str = text_column()
    facts: list[Any] = json_column("[]")
    components: dict[str, float] = json_column("{}")
    at: datetime = moment_column(nullable=False)


# -- topics and readers ----------------------------------------------------------------------------


class TopicRow(SQLModel, table=True):
    __tablename__ = "topics"
    id: int | None = key_column()
    slug: str = Field(sa_column=Column(String(128), nullable=False, unique=True))
    name: str = text_column()
    query: str = Field(sa_column=Column(Text, nullable=False, index=True))
    group: str = Field(
        default="", sa_column=Column("heading", Text, nullable=False, server_default="")
    )
    description: str = text_column()
    is_curated: int = flag_column()


class SubscriberRow(SQLModel, table=True):
    __tablename__ = "subscribers"
    __table_args__ = (Index("ix_subscribers_due", "state", "timezone", "hour", "rhythm"),)
    id: int | None = key_column()
    email: str = Field(sa_column=Column(String(320), nullable=False))
    canonical: str = Field(sa_column=Column(String(320), nullable=False, unique=True))
    state: str = Field(sa_column=Column(String(16), nullable=False, server_default="pending"))
    name: str = text_column()
    timezone: str = Field(sa_column=Column(String(64), nullable=False, server_default="UTC"))
    hour: int = number_column(7)
    rhythm: str = Field(sa_column=Column(String(16), nullable=False, server_default="weekdays"))
    size: int = number_column(8)
    format: str = Field(sa_column=Column(String(8), nullable=False, server_default="html"))
    mix: str = Field(sa_column=Column(String(16), nullable=False, server_default="balanced"))
    language: str = Field(sa_column=Column(String(8), nullable=False, server_default="en"))
    muted: list[str] = json_column("[]")
    follows: list[str] = json_column("[]")
    address_version: int = number_column(1)
    epoch: int = number_column(1)
    created_at: datetime = moment_column(nullable=False)
    confirmed_at: datetime | None = moment_column()
    consent: str = text_column()  #: how and when this person agreed
    paused_until: dt.date | None = Field(default=None, sa_column=Column(Date))
    state_reason: str = text_column()
    left_at: datetime | None = moment_column()  #: when they left by a link or mail of theirs


class SubscriberTopicRow(SQLModel, table=True):
    __tablename__ = "subscriber_topics"
    __table_args__ = (Index("ix_subscriber_topics_topic", "topic"), {"sqlite_with_rowid": False})
    subscriber: int = reference("subscribers.id", primary=True)
    topic: int = Field(
        sa_column=Column(BigKey, ForeignKey("topics.id", ondelete="RESTRICT"), primary_key=True)
    )
    position: int = number_column(0)


class VoteRow(SQLModel, table=True):
    """Feedback: 1 = more like this, -1 = less. The latest vote on a paper counts."""

    __tablename__ = "votes"
    subscriber: int = reference("subscribers.id", primary=True)
    paper: int = reference("papers.key", primary=True)
    value: int = number_column(1)
    reason: str = text_column()
    at: datetime = moment_column(nullable=False)


class SuppressionRow(SQLModel, table=True):
    """Addresses that must never be mailed again, as keyed hashes: erasing a reader keeps this."""

    __tablename__ = "suppressions"
    address_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    reason: str = text_column()
    at: datetime = moment_column(nullable=False)


# -- the ledger ------------------------------------------------------------------------------------


class IssueRow(SQLModel, table=True):
    """The digest of one local date. Readers of all zones whose day it is belong to the same
    issue.
    """

    __tablename__ = "issues"
    id: int | None = key_column()
    date: dt.date = Field(sa_column=Column(Date, nullable=False, unique=True))
    created_at: datetime = moment_column(nullable=False)
    planned: int = number_column(0)  #: recipients frozen so far, without quiet ones
    quiet: int = number_column(0)
    state: str = Field(
        sa_column=Column(String(16), nullable=False, server_default="open")
    )  #: open | paused
    state_reason: str = text_column()
    candidates: int = number_column(0)  #: papers that were looked at: "out of 1,204"


class IssuePaperRow(SQLModel, table=True):
    """What an issue says about a paper: frozen when first picked, the same for every reader and
    every retry.
    """

    __tablename__ = "issue_papers"
    __table_args__ = ({"sqlite_with_rowid": False},)
    issue: int = reference("issues.id", primary=True)
    paper: int = reference("papers.key", primary=True)
    readers: int = number_column(0)
    facts: dict[str, Any] = json_column(
        "{}"
    )  #: heat value, level, field, facts; summary and links as of then


#: What a letter is in until its outcome is known. A query uses the index over these rows, instead
#: of looking through all letters that ever were, if it says this in these very words.
UNSETTLED = text("state IN ('pending', 'deferred', 'claimed', 'dot')")
#: Of these, mails that answer a person.
UNSETTLED_ANSWER = text("state IN ('pending', 'deferred', 'claimed', 'dot') AND issue IS NULL")


class DeliveryRow(SQLModel, table=True):
    """The ledger: one row per letter. `issue` is empty for mails that answer a person
    (confirmations and the like).
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("issue", "subscriber"),
        Index("ix_deliveries_subscriber", "subscriber", "due_at"),
        Index(
            "ix_deliveries_open",
            "next_at",
            "id",
            sqlite_where=UNSETTLED,
            postgresql_where=UNSETTLED,
        ),
        Index(
            "ix_deliveries_answers",
            "next_at",
            "id",
            sqlite_where=UNSETTLED_ANSWER,
            postgresql_where=UNSETTLED_ANSWER,
        ),
    )
    id: int | None = key_column()
    issue: int | None = reference("issues.id", nullable=True)
    subscriber: int = Field(
        sa_column=Column(BigKey, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False)
    )
    kind: str = Field(sa_column=Column(String(16), nullable=False))
    state: str = Field(sa_column=Column(String(16), nullable=False, server_default="pending"))
    due_at: datetime = moment_column(nullable=False)  #: what the reader wished for; the Date header
    expires_at: datetime = moment_column(nullable=False)
    #: compact JSON, see ledger_plan.pack_picks
    picks: str | None = Field(default=None, sa_column=Column(Text))
    #: keys, uint32 little-endian
    papers: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    #: what the letter needs beyond picks
    context: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    #: ids of the `paper_events` that the letter tells, uint32 little-endian
    events: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    address_version: int = number_column(1)
    # the leased phase, in database time (seconds since the epoch)
    next_at: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default="0")
    )
    claim_token: str | None = Field(default=None, sa_column=Column(String(32)))
    lease_until: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default="0")
    )
    attempts: int = number_column(0)
    claims: int = number_column(
        0
    )  #: claims without outcome; a row that kills its worker three times is refused
    # the outcome
    dot_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    settled_at: datetime | None = moment_column()
    code: int = number_column(0)
    enhanced: str = Field(
        default="", sa_column=Column(String(16), nullable=False, server_default="")
    )
    phase: str = Field(default="", sa_column=Column(String(16), nullable=False, server_default=""))
    reply: str = text_column()
    relay: str = Field(default="", sa_column=Column(String(128), nullable=False, server_default=""))
    pick_limit: int = number_column(0)  #: papers that the next try brings; 0: all that were picked
    ambiguous: int = number_column(0)  #: times the window after the dot was left without a reply


class RemovedLettersRow(SQLModel, table=True):
    """What is left of letters that were deleted by age: how many of an issue had which outcome.

    Issue 0 stands for mails that answered a person.
    """

    __tablename__ = "removed_letters"
    issue: int = Field(sa_column=Column(BigKey, primary_key=True, autoincrement=False))
    state: str = Field(sa_column=Column(String(16), primary_key=True))
    number: int = number_column(0)


class EvidenceRow(SQLModel, table=True):
    """What was said about a letter that did not arrive. One of each source a letter: who says it
    twice is counted once. Rows without a letter are the operator's word.
    """

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("delivery", "source"),)
    id: int | None = key_column()
    subscriber: int = reference("subscribers.id", index=True)
    delivery: int | None = reference("deliveries.id", nullable=True)
    source: str = Field(sa_column=Column(String(16), nullable=False))
    cause: str = Field(sa_column=Column(String(16), nullable=False))
    status: str = Field(default="", sa_column=Column(String(16), nullable=False, server_default=""))
    reply: str = text_column()
    at: datetime = moment_column(nullable=False)
    is_doubted: int = flag_column()  #: counts for nobody: too many said so, or the operator


class InboundRow(SQLModel, table=True):
    """A mail that came in and is kept: nothing could be made of it yet, or it is for the operator.

    `recipient` is empty when none of our addresses was found in it.
    """

    __tablename__ = "inbound"
    id: int | None = key_column()
    at: datetime = moment_column(nullable=False, index=True)
    road: str = Field(sa_column=Column(String(16), nullable=False))  #: lmtp | pipe | maildir | imap
    sender: str = text_column()
    recipient: str = text_column()
    digest: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    why: str = text_column()  #: why it is kept, in the operator's words
    is_personal: int = flag_column()  #: written to the operator; not tried again
    tries: int = number_column(1)
    retry_at: datetime | None = moment_column()
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class InboundCountRow(SQLModel, table=True):
    """How many mails and events of a day had which outcome."""

    __tablename__ = "inbound_counts"
    day: dt.date = Field(sa_column=Column(Date, primary_key=True))
    outcome: str = Field(sa_column=Column(String(80), primary_key=True))
    number: int = number_column(0)


class SeenEventRow(SQLModel, table=True):
    """Identifiers of events that providers sent, so that the same one again changes nothing."""

    __tablename__ = "seen_events"
    id: str = Field(sa_column=Column(String(200), primary_key=True))
    at: datetime = moment_column(nullable=False, index=True)


class CapRow(SQLModel, table=True):
    """How often something was done in a span of time: what caps count, for all processes.

    `key` is a keyed hash where it stands for a person.
    """

    __tablename__ = "caps"
    name: str = Field(sa_column=Column(String(32), primary_key=True))
    key: str = Field(sa_column=Column(String(320), primary_key=True))
    span: int = Field(sa_column=Column(BigInteger, primary_key=True))  #: its end, in s since 1970
    number: int = number_column(0)


# -- housekeeping ----------------------------------------------------------------------------------


class SourceRow(SQLModel, table=True):
    """How each source is doing, and what it asked to be told next time."""

    __tablename__ = "sources"
    name: str = Field(sa_column=Column(String(128), primary_key=True))
    state: str = Field(sa_column=Column(String(16), nullable=False))
    at: datetime = moment_column(nullable=False)
    fresh_at: datetime | None = moment_column()
    answered_at: datetime | None = moment_column()
    not_before: datetime | None = moment_column()
    troubled_since: datetime | None = moment_column()  #: since when it is stalled or failed
    troubles: int = number_column(0)  #: unusable answers in a row
    seen: int = number_column(0)
    new: int = number_column(0)
    updated: int = number_column(0)
    merged: int = number_column(0)
    error: str = text_column()
    units: list[Any] = json_column("[]")
    memory: dict[str, str] = json_column("{}")


class SourceListRow(SQLModel, table=True):
    """The list of one day, of one part of a source: due, read, empty or missing."""

    __tablename__ = "source_lists"
    source: str = Field(sa_column=Column(String(128), primary_key=True))
    unit: str = Field(sa_column=Column(String(64), primary_key=True))
    day: dt.date = Field(sa_column=Column(Date, primary_key=True))
    state: str = Field(sa_column=Column(String(16), nullable=False))
    seen: int = number_column(0)
    reason: str = text_column()
    at: datetime = moment_column(nullable=False)  #: when that became known


class RunRow(SQLModel, table=True):
    __tablename__ = "runs"
    id: int | None = key_column()
    at: datetime = moment_column(nullable=False)  #: the moment it worked for
    started: datetime = moment_column(nullable=False)
    finished: datetime | None = moment_column()
    outcome: str = Field(
        default="", sa_column=Column(String(16), nullable=False, server_default="")
    )
    report: dict[str, Any] = json_column("{}")


class SiteRow(SQLModel, table=True):
    """Small facts about the site: which machine last sent, what was alerted."""

    __tablename__ = "site"
    name: str = Field(sa_column=Column(String(64), primary_key=True))
    value: dict[str, Any] = json_column("{}")


# -- the tables themselves, as statements name them -----------------------------------------------


def _table(row: type[SQLModel]) -> Any:
    return row.__table__  # type: ignore[attr-defined]


papers = _table(PaperRow)
paper_keys = _table(PaperKeyRow)
merged_papers = _table(MergedPaperRow)
sightings = _table(SightingRow)
paper_events = _table(PaperEventRow)
signals = _table(SignalRow)
heats = _table(HeatRow)
topics = _table(TopicRow)
subscribers = _table(SubscriberRow)
subscriber_topics = _table(SubscriberTopicRow)
votes = _table(VoteRow)
suppressions = _table(SuppressionRow)
issues = _table(IssueRow)
issue_papers = _table(IssuePaperRow)
deliveries = _table(DeliveryRow)
removed_letters = _table(RemovedLettersRow)
evidence = _table(EvidenceRow)
inbound = _table(InboundRow)
inbound_counts = _table(InboundCountRow)
seen_events = _table(SeenEventRow)
caps = _table(CapRow)
sources = _table(SourceRow)
source_lists = _table(SourceListRow)
runs = _table(RunRow)
site = _table(SiteRow)
