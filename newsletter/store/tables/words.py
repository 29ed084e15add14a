"""How the papers of the site write words."""

from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel


class WordSplitRow(SQLModel, table=True):
    """A word that some paper writes with a hyphen: what it is as one word, and its terms apart."""

    __tablename__ = "word_splits"
    __table_args__ = ({"sqlite_with_rowid": False},)
    whole: str = Field(sa_column=Column(String(512), primary_key=True))
    parts: str = Field(sa_column=Column(String(512), primary_key=True))
