"""Papers that people picked, and what was learned from them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, String
from sqlmodel import Field, SQLModel

from newsletter.store.columns import (
    BigKey,
    json_column,
    moment_column,
    number_column,
    text_column,
)


class PickRow(SQLModel, table=True):
    """A paper of a list of picks; `paper` is empty until a source shows it here."""

    __tablename__ = "picks"
    name: str = Field(sa_column=Column(String(512), primary_key=True))
    title_key: str = Field(
        sa_column=Column(String(64), nullable=False, server_default="", index=True)
    )
    title: str = text_column()
    paper: int | None = Field(
        default=None,
        sa_column=Column(BigKey, ForeignKey("papers.key", ondelete="SET NULL"), index=True),
    )
    at: datetime = moment_column(nullable=False)


class TasteRow(SQLModel, table=True):
    """What was learned from the picks of one archive of fields ("cs"; "" = papers without one)."""

    __tablename__ = "tastes"
    field: str = Field(sa_column=Column(String(64), primary_key=True))
    picks: int = number_column(0)
    model: dict[str, Any] = json_column("{}")
    at: datetime = moment_column(nullable=False)
