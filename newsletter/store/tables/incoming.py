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
    """An incoming mail that is stored: it could not be processed yet, or is for the operator.

    `recipient` is empty when none of our addresses was found in it.
    """

    __tablename__ = "inbound"
    id: int | None = key_column()
    at: datetime = moment_column(nullable=False, index=True)
    channel: str = Field(
        sa_column=Column(String(16), nullable=False)
    )  #: lmtp | pipe | maildir | imap
    sender: str = text_column()
    recipient: str = text_column()
    digest: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    why: str = text_column()  #: why it is stored, for the operator
    is_personal: int = flag_column()  #: written to the operator; not tried again
    tries: int = number_column(1)
    retry_at: datetime | None = moment_column()
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class InboundCountRow(SQLModel, table=True):
    """Counts of mails and events, by day (UTC) and outcome."""

    __tablename__ = "inbound_counts"
    day: dt.date = Field(sa_column=Column(Date, primary_key=True))
    outcome: str = Field(sa_column=Column(String(80), primary_key=True))
    number: int = number_column(0)


class SeenEventRow(SQLModel, table=True):
    """Identifiers of providers' events, so that a repeated event changes nothing."""

    __tablename__ = "seen_events"
    id: str = Field(sa_column=Column(String(200), primary_key=True))
    at: datetime = moment_column(nullable=False, index=True)


class CapRow(SQLModel, table=True):
    """The counts of caps: how often something was done in a span of time.

    `key` is a keyed hash where it identifies a person.
    """

    __tablename__ = "caps"
    name: str = Field(sa_column=Column(String(32), primary_key=True))
    key: str = Field(sa_column=Column(String(320), primary_key=True))
    span: int = Field(sa_column=Column(BigInteger, primary_key=True))  #: its end, in s since 1970
    number: int = number_column(0)
