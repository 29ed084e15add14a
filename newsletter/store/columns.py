"""Column types shared by the tables, and the naming convention of constraints."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    SmallInteger,
    Text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata

#: 64-bit on PostgreSQL; on SQLite only plain INTEGER is an automatic key.
BigKey = BigInteger().with_variant(Integer(), "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC; a naive one is a bug and raises."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Rows that are read together share most of their moments."""
        process = super().result_processor(dialect, coltype)
        return lru_cache(maxsize=256)(process) if process is not None else None


def key_column(**more: Any) -> Any:
    return Field(
        default=None, sa_column=Column(BigKey, primary_key=True, autoincrement=True, **more)
    )


def reference(
    target: str, *, primary: bool = False, nullable: bool = False, index: bool = False
) -> Any:
    return Field(
        default=None,
        sa_column=Column(
            BigKey,
            ForeignKey(target, ondelete="CASCADE"),
            primary_key=primary,
            nullable=nullable,
            index=index,
        ),
    )


def text_column(default: str = "", **more: Any) -> Any:
    return Field(
        default=default, sa_column=Column(Text, nullable=False, server_default=default, **more)
    )


def json_column(default: str) -> Any:
    return Field(
        default_factory=dict if default == "{}" else list,
        sa_column=Column(JSON, nullable=False, server_default=default),
    )


def moment_column(nullable: bool = True, **more: Any) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable, **more))


def number_column(default: int = 0, **more: Any) -> Any:
    return Field(
        default=default,
        sa_column=Column(Integer, nullable=False, server_default=str(default), **more),
    )


def flag_column() -> Any:
    return Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0"))
