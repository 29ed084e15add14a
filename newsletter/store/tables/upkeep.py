"""Sources and their lists, runs, and small facts about the site."""

import datetime as dt
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    String,
)
from sqlmodel import Field, SQLModel

from newsletter.store.columns import (
    json_column,
    key_column,
    moment_column,
    number_column,
    text_column,
)


class SourceRow(SQLModel, table=True):
    """The state of each source, and the data that it stored for its next fetch."""

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
    """The list of one day of one part of a source: due, read, empty or missing."""

    __tablename__ = "source_lists"
    source: str = Field(sa_column=Column(String(128), primary_key=True))
    unit: str = Field(sa_column=Column(String(64), primary_key=True))
    day: dt.date = Field(sa_column=Column(Date, primary_key=True))
    state: str = Field(sa_column=Column(String(16), nullable=False))
    seen: int = number_column(0)
    reason: str = text_column()
    at: datetime = moment_column(nullable=False)  #: when the state became known


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
