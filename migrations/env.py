"""Runs the migrations on the engine it is handed: the same scripts on SQLite (batch mode) and
PostgreSQL.
"""

from typing import Any

from alembic import context
from sqlalchemy import text
from sqlmodel.sql.sqltypes import AutoString

from newsletter.failpoint import failpoint
from newsletter.store import tables  # noqa: F401  (it registers every table)
from newsletter.store.columns import UtcDateTime, metadata

#: Any number; it keeps two processes from migrating one PostgreSQL database at once.
LOCK = 727_001


def render_item(kind: str, item: Any, autogen: Any) -> str | bool:
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String({item.length or ''})"
    return False


def is_ours(_: Any, name: str | None, kind: str, *__: Any) -> bool:
    """The search index is each database's own (FTS5, tsvector): no table of the code describes
    it.
    """
    return not (kind == "table" and (name or "").startswith("paper_search"))


def run() -> None:
    engine = context.config.attributes["engine"]
    with engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            render_item=render_item,
            include_object=is_ours,
            compare_type=True,
            transactional_ddl=True,
            on_version_apply=lambda **_: failpoint("migrated"),
        )
        context.run_migrations()


run()
