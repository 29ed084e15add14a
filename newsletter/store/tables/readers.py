"""Topics, readers, votes and suppressed addresses."""

import datetime as dt
from datetime import datetime

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
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
    #: a paper from outside the reader's topics may come
    outside: int = Field(
        default=1, sa_column=Column(SmallInteger, nullable=False, server_default="1")
    )
    muted: list[str] = json_column("[]")
    follows: list[str] = json_column("[]")
    address_version: int = number_column(1)
    epoch: int = number_column(1)
    created_at: datetime = moment_column(nullable=False)
    confirmed_at: datetime | None = moment_column()
    consent: str = text_column()  #: how and when this person agreed
    paused_until: dt.date | None = Field(default=None, sa_column=Column(Date))
    state_reason: str = text_column()
    left_at: datetime | None = moment_column()  #: when they unsubscribed by link or mail


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


class SeedRow(SQLModel, table=True):
    """A paper that a reader gave as an example; `paper` is empty until a source shows it here."""

    __tablename__ = "seeds"
    __table_args__ = (UniqueConstraint("subscriber", "name"),)
    id: int | None = key_column()
    subscriber: int = reference("subscribers.id")
    paper: int | None = Field(
        default=None,
        sa_column=Column(BigKey, ForeignKey("papers.key", ondelete="SET NULL"), index=True),
    )
    name: str = Field(sa_column=Column(String(512), nullable=False, index=True))
    title_key: str = Field(
        sa_column=Column(String(64), nullable=False, server_default="", index=True)
    )
    title: str = text_column()
    at: datetime = moment_column(nullable=False)


class SuppressionRow(SQLModel, table=True):
    """Addresses that are never mailed again, as keyed hashes. Erasing a reader keeps them."""

    __tablename__ = "suppressions"
    address_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    reason: str = text_column()
    at: datetime = moment_column(nullable=False)
