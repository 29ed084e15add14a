"""How the papers of the site write words."""

from sqlalchemy import Column, Index, String
from sqlmodel import Field, SQLModel

from newsletter.store.columns import reference


class WordSplitRow(SQLModel, table=True):
    """A word that some paper writes with a hyphen: what it is as one word, and its terms apart."""

    __tablename__ = "word_splits"
    __table_args__ = ({"sqlite_with_rowid": False},)
    whole: str = Field(sa_column=Column(String(512), primary_key=True))
    parts: str = Field(sa_column=Column(String(512), primary_key=True))


class AcronymRow(SQLModel, table=True):
    """An acronym that a paper introduces, with its long form and the terms of that."""

    __tablename__ = "acronyms"
    __table_args__ = (
        Index("ix_acronyms_short_terms", "short", "terms", "long"),
        Index("ix_acronyms_terms", "terms"),
        {"sqlite_with_rowid": False},
    )
    paper: int = reference("papers.key", primary=True)
    short: str = Field(sa_column=Column(String(16), primary_key=True))
    long: str = Field(sa_column=Column(String(256), nullable=False))
    terms: str = Field(sa_column=Column(String(256), nullable=False))
