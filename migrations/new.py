"""Write the next migration, from the difference between the tables and the migrations so far.

    python migrations/new.py "what changes"

Read the result: alembic finds changes of columns, tables and indexes, not what must happen to rows.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from newsletter.store.db import _alembic, migrate, open_engine


def main(what: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/empty.db")
        migrate(engine)
        config = _alembic(engine)
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        last = ScriptDirectory.from_config(config).get_current_head() or "0"
        script = command.revision(config, what, autogenerate=True, rev_id=f"{int(last) + 1:04}")
        engine.dispose()
    if script and not isinstance(script, list):
        path = Path(script.path)
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.lstrip().startswith("# ###")))
        formatting = [sys.executable, "-m", "ruff", "format", "-q", path]
        subprocess.run(formatting, check=True)  # noqa: S603  (no shell, and the words are ours)
        sys.stdout.write(f"read it: {path}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('say what changes: python migrations/new.py "what changes"')
    main(sys.argv[1])
