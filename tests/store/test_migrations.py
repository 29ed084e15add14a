"""The tables in the code are what the migrations make, on both databases."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from newsletter.errors import StoreError
from newsletter.store.columns import metadata
from newsletter.store.db import _alembic, migrate, require_schema, schema


def _is_modelled(_: object, name: str | None, kind: str, *__: object) -> bool:
    """The search index is each database's own: FTS5's tables and PostgreSQL's tsvector."""
    return not (kind == "table" and (name or "").startswith("paper_search"))


def test_tables_equal_migrations(any_engine: Engine) -> None:
    with any_engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": _is_modelled}
        )
        assert compare_metadata(context, metadata) == []


def test_migrating_twice_changes_nothing(any_engine: Engine) -> None:
    before = schema(any_engine)
    migrate(any_engine)
    assert schema(any_engine) == before
    assert before.is_current


def test_names_of_migrations_begin_with_their_revisions_in_order(any_engine: Engine) -> None:
    scripts = ScriptDirectory.from_config(_alembic(any_engine))
    chain = [script.revision for script in scripts.walk_revisions()][::-1]
    names = sorted(Path(script.path).name[:4] for script in scripts.walk_revisions())
    assert chain == names and schema(any_engine).wanted == chain[-1]


def test_migrations_go_back_to_an_empty_database(any_engine: Engine) -> None:
    command.downgrade(_alembic(any_engine), "base")
    assert schema(any_engine).found == ""
    migrate(any_engine)
    require_schema(any_engine)


def test_B30_a_database_of_a_newer_version_is_refused(any_engine: Engine) -> None:
    with any_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer version"):
        require_schema(any_engine)


def test_B30_an_old_database_names_the_command_that_helps(any_engine: Engine) -> None:
    with any_engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(StoreError) as e:
        require_schema(any_engine)
    assert "newsletter db migrate" in e.value.hint


def test_the_command_for_a_new_column_writes_that_column_and_nothing_else(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent.parent
    for name in ("newsletter", "migrations"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    readers = tmp_path / "newsletter/store/tables/readers.py"
    field = "    consent: str = text_column()"
    assert readers.read_text().count(field) == 1
    text = readers.read_text().replace(field, f"    nickname: str = text_column()\n{field}")
    readers.write_text(text)
    before = {*(tmp_path / "migrations/versions").glob("*.py")}
    subprocess.run(
        [sys.executable, "migrations/new.py", "a nickname"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    [made] = {*(tmp_path / "migrations/versions").glob("*.py")} - before
    written = made.read_text()
    assert ".add_column(" in written and 'sa.Column("nickname"' in written and "# #" not in written
    assert written.count("batch_op.") == 2
    assert "_table(" not in written.replace("batch_alter_table(", "")
