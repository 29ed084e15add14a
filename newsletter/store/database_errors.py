"""What a fault of the database means for the operator."""

from sqlalchemy.exc import DBAPIError

from newsletter.errors import StoreError


def explain(error: DBAPIError) -> Exception:
    """Turn a fault that the operator can repair into a StoreError; return any other unchanged."""
    said = str(error.orig)
    for mark, hint in (
        (
            "database is locked",
            "another process is writing for a long time; look for it with: newsletter db status",
        ),
        ("disk is full", "free some space, then run the command again; nothing was half done"),
        ("disk I/O error", "the disk reported an error; check it, then: newsletter db status"),
        ("readonly database", "the database file cannot be written by this user"),
        ("malformed", "the database file is damaged; restore a backup: newsletter db restore FILE"),
        ("not a database", "the file is not an SQLite database; check database.url"),
        ("no such table", "the database has no schema yet: newsletter db migrate"),
        ("could not connect", "check that PostgreSQL runs and database.url is right"),
        ("connection failed", "check that PostgreSQL runs and database.url is right"),
    ):
        if mark in said:
            return StoreError(f"database: {said.splitlines()[0]}", hint=hint)
    if error.connection_invalidated:
        return StoreError(
            f"database: the connection ended ({(said.splitlines() or ['no reason given'])[0]})",
            hint="what was not committed was undone and is done again by the next look; if it "
            "stays so, check that PostgreSQL runs",
        )
    return error
