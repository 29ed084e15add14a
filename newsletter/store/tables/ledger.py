"""Issues, letters, and what was said about letters that did not arrive."""

import datetime as dt
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
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


class IssueRow(SQLModel, table=True):
    """The digest of one local date, for readers of all time zones."""

    __tablename__ = "issues"
    id: int | None = key_column()
    date: dt.date = Field(sa_column=Column(Date, nullable=False, unique=True))
    created_at: datetime = moment_column(nullable=False)
    planned: int = number_column(0)  #: recipients frozen so far, without quiet ones
    quiet: int = number_column(0)
    #: open | paused
    state: str = Field(sa_column=Column(String(16), nullable=False, server_default="open"))
    state_reason: str = text_column()
    candidates: int = number_column(0)  #: papers that it was picked from


class PlanningRow(SQLModel, table=True):
    """When letters of an issue were planned. Those letters have ids up to `last`, and above the
    `last` of the planning before.
    """

    __tablename__ = "plannings"
    id: int | None = key_column()
    issue: int = reference("issues.id", index=True)
    at: datetime = moment_column(nullable=False)
    last: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class IssuePaperRow(SQLModel, table=True):
    """What an issue says about a paper, frozen at the first pick; equal for all readers."""

    __tablename__ = "issue_papers"
    __table_args__ = ({"sqlite_with_rowid": False},)
    issue: int = reference("issues.id", primary=True)
    paper: int = reference("papers.key", primary=True)
    readers: int = number_column(0)
    #: Heat value, level, field and facts; summary and links as of then.
    facts: dict[str, Any] = json_column("{}")


#: The states of a letter without a final outcome. A query uses the index over these rows only if it
#: contains exactly this text.
UNSETTLED = text("state IN ('pending', 'deferred', 'claimed', 'dot')")
#: Of these, mails that answer a person.
UNSETTLED_ANSWER = text("state IN ('pending', 'deferred', 'claimed', 'dot') AND issue IS NULL")


class DeliveryRow(SQLModel, table=True):
    """The ledger: one row per letter. `issue` is empty for mails that answer a person."""

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
    due_at: datetime = moment_column(nullable=False)  #: the reader's hour
    expires_at: datetime = moment_column(nullable=False)
    #: compact JSON, see `ledger_plan.pack_picks`
    picks: str | None = Field(default=None, sa_column=Column(Text))
    #: keys of the picked papers, uint32 little-endian
    papers: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    #: what the letter needs besides picks
    context: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    #: ids of the `paper_events` that the letter tells, uint32 little-endian
    events: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    address_version: int = number_column(1)
    # the lease, in database time (seconds since the epoch)
    next_at: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default="0")
    )
    claim_token: str | None = Field(default=None, sa_column=Column(String(32)))
    lease_until: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default="0")
    )
    attempts: int = number_column(0)
    #: Claims without an outcome; `ledger_life.MAX_CLAIMS` of them, and the row is refused.
    claims: int = number_column(0)
    dated_at: datetime | None = moment_column()  #: the Date header: when it was first claimed
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
    pick_limit: int = number_column(0)  #: papers that the next try sends; 0: all picks
    ambiguous: int = number_column(0)  #: how often the dot got no reply


class RemovedLettersRow(SQLModel, table=True):
    """Counts of letters that were deleted by age, by issue and outcome.

    Issue 0 stands for mails that answered a person.
    """

    __tablename__ = "removed_letters"
    issue: int = Field(sa_column=Column(BigKey, primary_key=True, autoincrement=False))
    state: str = Field(sa_column=Column(String(16), primary_key=True))
    number: int = number_column(0)


class EvidenceRow(SQLModel, table=True):
    """A report about a letter that did not arrive; one for each letter and source.

    Rows without a letter are decisions of the operator.
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
    is_doubted: int = flag_column()  #: does not count (mass failure, or by decision)
