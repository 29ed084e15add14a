"""Mail and events that came in, and how often something was done."""

import datetime as dt
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    LargeBinary,
    String,
)
from sqlmodel import Field, SQLModel

from newsletter.store.columns import (
    flag_column,
    key_column,
    moment_column,
    number_column,
    text_column,
)


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
