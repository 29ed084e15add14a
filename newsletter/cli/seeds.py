"""Papers that a reader gave as examples: list, add, remove."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.options import DryRun
from newsletter.cli.output import emit, note, open_app, say, table
from newsletter.cli.readers import find_reader
from newsletter.errors import InputError

if TYPE_CHECKING:
    from newsletter.reader_seeds import Given

app = typer.Typer(
    help="Papers that a reader gave as examples: list, add, remove.", no_args_is_help=True
)
#: Most bytes of a file.
MOST_BYTES = 20_000_000


@app.command("list")
def list_(email: str) -> int:
    """Show the examples of a reader, newest first."""
    from newsletter import reader_seeds
    from newsletter.store.db import reading

    with reading(open_app().engine) as connection:
        reader = find_reader(connection, email)
        found = reader_seeds.listed(connection, reader.id)
    rows = [
        {"id": one.id, "name": one.name, "title": one.title, "known": one.paper is not None}
        for one in found
    ]
    if not emit({"email": reader.email, "examples": rows}):
        columns = ("name", "known", "title")
        table(columns, [(r["name"], "yes" if r["known"] else "not yet", r["title"]) for r in rows])
    return 0


@app.command()
def add(
    email: str,
    file: Annotated[
        Path,
        typer.Argument(
            help="arXiv ids, DOIs, links, titles, BibTeX, RIS, or an export of Zotero (CSV, RDF); "
            "- reads stdin."
        ),
    ],
    dry_run: DryRun = False,
) -> int:
    """Give papers as examples. Lines that name no paper are reported, the others are used."""
    from newsletter import reader_seeds
    from newsletter.store.db import writing
    from newsletter.text.references import read_references

    pasted = read_references(read_text(file))
    with writing(open_app().engine) as connection:
        reader = find_reader(connection, email)
        given = reader_seeds.give(connection, reader.id, pasted, datetime.now(UTC))
        if dry_run:
            connection.rollback()
    return _tell(given, is_dry_run=dry_run)


def read_text(file: Path) -> str:
    """Read a list of papers; - is standard input. Raises: InputError."""
    try:
        data = sys.stdin.buffer.read(MOST_BYTES + 1) if str(file) == "-" else file.read_bytes()
    except OSError as e:
        raise InputError(f"{file}: {e.strerror}", hint="nothing was kept") from e
    if len(data) > MOST_BYTES:
        raise InputError(f"{file} is larger than {MOST_BYTES:,} bytes", hint="nothing was kept")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _tell(given: Given, *, is_dry_run: bool) -> int:
    """Report the result for a list; return the exit code."""
    unread = [{"line": one.line, "text": one.text, "why": one.why} for one in given.unread]
    data = {
        "known": len(given.known),
        "waiting": [one.name for one in given.waiting],
        "had": given.had,
        "refused": [one.name for one in given.refused],
        "unread": unread,
        "dry_run": is_dry_run,
    }
    for line in given.unread:
        note(f"line {line.line} names no paper and is left out: {line.text}")
    for seed in given.refused:
        note(f"left out, as a reader has at most 200 examples: {seed.title or seed.name}")
    if not emit(data):
        kept = f"{len(given.known)} known here, {len(given.waiting)} waiting until they are"
        say(f"{kept}, {given.had} given before{' (nothing was kept)' if is_dry_run else ''}")
    taken = given.known or given.waiting or given.had
    if given.unread or given.refused:
        return 4 if taken else 1
    return 0


@app.command()
def remove(
    email: str,
    papers: Annotated[list[str], typer.Argument(help="Identifiers or titles.")],
    dry_run: DryRun = False,
) -> int:
    """Take examples back; new papers near them count no longer."""
    from newsletter import reader_seeds
    from newsletter.store.db import writing

    with writing(open_app().engine) as connection:
        reader = find_reader(connection, email)
        missing = reader_seeds.take_back(connection, reader.id, papers)
        if dry_run:
            connection.rollback()
    for one in missing:
        note(f"{reader.email} did not give {one!r}")
    removed = len(papers) - len(missing)
    if not emit({"removed": removed, "missing": missing, "dry_run": dry_run}):
        say(f"{removed} removed{' (nothing was changed)' if dry_run else ''}")
    return (4 if removed else 1) if missing else 0
