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
