"""Papers, what shows them and talks about them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    Float,
    Index,
    String,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from newsletter.store.columns import (
    flag_column,
    json_column,
    key_column,
    moment_column,
    number_column,
    reference,
    text_column,
)


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
    #: what a model was asked when its summary was refused, as a digest; empty: none was
    summary_refused: str = text_column()


class PaperKeyRow(SQLModel, table=True):
    """Lookup keys of papers: identifiers ("arxiv:…", "doi:…") and blocking keys of the title."""

    __tablename__ = "paper_keys"
    __table_args__ = (Index("ix_paper_keys_paper", "paper"), {"sqlite_with_rowid": False})
    name: str = Field(sa_column=Column(String(512), primary_key=True))
    paper: int = reference("papers.key", primary=True)


class MergedPaperRow(SQLModel, table=True):
    """Two papers that the operator merged: `paper` keeps its row and is shown as `into`, or as what
    that one is merged into.
    """

    __tablename__ = "merged_papers"
    paper: int = reference("papers.key", primary=True)
    into: int = reference("papers.key", index=True)
    at: datetime = moment_column(nullable=False)  #: later than every merge before it
    before: dict[str, Any] = json_column("{}")  #: the record of `into` until then


class PaperEventRow(SQLModel, table=True):
    """An event of a paper after it was shown: withdrawn, retracted, corrected, published."""

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
    #: The sighting as it was, so that a wrong merge can be split.
    record: dict[str, Any] = json_column("{}")


class SignalRow(SQLModel, table=True):
    """A reading of one counter. Written only when the value differs from the last one."""

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
    """The heat of the last run, for pages and commands. `issue_papers` has what an issue said."""

    __tablename__ = "heats"
    paper: int = reference("papers.key", primary=True)
    value: float = Field(sa_column=Column(Float, nullable=False, index=True))
    level: int = number_column(1)
    field: str = text_column()
    facts: list[Any] = json_column("[]")
    components: dict[str, float] = json_column("{}")
    at: datetime = moment_column(nullable=False)


class TrendRow(SQLModel, table=True):
    """The heat of the noticed papers of one UTC day, as its last run measured it."""

    __tablename__ = "trends"
    day: date = Field(sa_column=Column(Date, primary_key=True))
    paper: int = reference("papers.key", primary=True, index=True)
    #: Heat.level + Heat.value: papers of a hotter word come first, then those of greater heat
    value: float = Field(sa_column=Column(Float, nullable=False))
    #: the paper's first category
    field: str = Field(sa_column=Column(String(128), nullable=False, server_default=""))
