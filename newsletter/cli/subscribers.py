"""Readers: list, show, add, import, export, pause, resume, remove."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli import seeds, suppressions
from newsletter.cli.options import DryRun, Yes, bundled
from newsletter.cli.output import confirm, emit, note, open_app, say, table
from newsletter.cli.readers import find_reader
from newsletter.errors import InputError

if TYPE_CHECKING:
    from newsletter.models import Subscriber

app = typer.Typer(
    help="Readers: list, show, add, import, export, pause, resume, remove.", no_args_is_help=True
)


@app.command("list")
def list_(
    status: Annotated[str, typer.Option(help="States, separated by commas.")] = "",
    topic: Annotated[str | None, typer.Option(help="Only readers of this topic.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many; 0 = all.")] = 30,
) -> int:
    """Show the subscribers and their settings."""
    from newsletter.models import SubscriberState
    from newsletter.store import subscribers, topics
    from newsletter.store.db import reading

    states = [state.strip() for state in status.split(",") if state.strip()]
    for state in states:
        if state not in list(SubscriberState):
            raise InputError(f"no state {state!r}", hint=f"states: {', '.join(SubscriberState)}")
    with reading(open_app().engine) as connection:
        of = topics.get(connection, topic).id if topic else None
        found = subscribers.search(connection, states=states, topic=of, limit=limit or None)
    if not emit({"subscribers": [_brief(reader) for reader in found]}):
        rows = [
            (r.email, r.state, len(r.topics), r.rhythm, f"{r.hour:02}:00", r.timezone)
            for r in found
        ]
        table(("email", "state", "topics", "rhythm", "hour", "timezone"), rows, right=("topics",))
    return 0


def _brief(reader: Subscriber) -> dict[str, Any]:
    return {
        "id": reader.id,
        "email": reader.email,
        "name": reader.name,
        "state": reader.state,
        "topics": len(reader.topics),
        "rhythm": reader.rhythm,
        "hour": reader.hour,
        "timezone": reader.timezone,
    }


@app.command()
def show(email: str) -> int:
    """Show one reader: choices, state, and what became of each letter."""
    from newsletter.store import ledger_read, topics
    from newsletter.store.db import reading

    with reading(open_app().engine) as connection:
        reader = find_reader(connection, email)
        names = [topic.name for topic in topics.by_ids(connection, reader.topics).values()]
        letters = ledger_read.history(connection, reader.id)
        history = suppressions.history(connection, reader)
    data = _brief(reader) | {
        "topics": names,
        "muted": list(reader.muted),
        "follows": list(reader.follows),
        "size": reader.size,
        "format": reader.format,
        "mix": reader.mix,
        "outside": reader.outside,
        "language": reader.language,
        "letters": letters,
        "history": history,
    }
    if emit(data):
        return 0
    for name, value in data.items():
        if name not in ("letters", "history"):
            say(f"{name:10} {', '.join(value) if isinstance(value, list) else value}")
    suppressions.tell(history)
    return 0


app.command()(suppressions.unsuppress)
app.add_typer(seeds.app, name="seeds")


@dataclass(frozen=True)
class NewReader:
    """What `add` may be told about a reader."""

    topics: Annotated[str, typer.Option(help="Topics by slug or name, separated by ; or ,")] = ""
    name: Annotated[str, typer.Option()] = ""
    timezone: Annotated[
        str | None, typer.Option(help="Such as Europe/Berlin; the site's own if left out.")
    ] = None
    hour: Annotated[int, typer.Option(min=0, max=23, help="Local hour of the digest.")] = 7
    rhythm: Annotated[str, typer.Option(help="weekdays, daily, weekly or hot.")] = "weekdays"
    outside: Annotated[
        bool, typer.Option(help="A paper from outside the topics may come, twice a week at most.")
    ] = True
    no_confirm: Annotated[
        bool, typer.Option("--no-confirm", help="Active at once; needs --reason.")
    ] = False
    reason: Annotated[str, typer.Option(help="How and when this person agreed.")] = ""


@app.command()
@bundled
def add(email: str, given: NewReader) -> int:
    """Add a reader. A confirmation mail asks them first, unless they agreed already."""
    from newsletter.cli.reader_lists.importing import add_reader

    if given.no_confirm and not given.reason:
        raise InputError("--no-confirm needs --reason: how and when did this person agree?")
    cells = {
        "email": email,
        "name": given.name,
        "topics": given.topics.replace(",", ";"),
        "hour": str(given.hour),
        "rhythm": given.rhythm,
        "timezone": given.timezone or "",
        "outside": "yes" if given.outside else "no",
    }
    reader = add_reader(open_app(), cells, is_confirmed=given.no_confirm, consent=given.reason)
    if not emit(_brief(reader)):
        waits = "active" if given.no_confirm else "a confirmation mail goes out with the next run"
        say(f"{reader.email}: {waits}")
        if not reader.topics:
            note(
                "no topics yet: nothing will match until some are chosen (--topics, or the "
                "preferences page)"
            )
    return 0


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A list as Mailchimp, Ghost, Excel and others write it; - reads stdin. Our own "
            "columns: email, name, topics, timezone, hour, rhythm, status."
        ),
    ],
    consent: Annotated[
        str, typer.Option(help="How and when these people agreed; needed for active ones.")
    ] = "",
    encoding: Annotated[str, typer.Option(help="Such as iso-8859-2; found out if left out.")] = "",
    raw: Annotated[
        bool, typer.Option("--raw", help="The file was written by `export --raw`.")
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """Add readers from a list, in a stream. Lines that cannot be read are named, the others are
    imported.
    """
    from newsletter.cli.reader_lists.importing import ImportOptions, import_readers

    return import_readers(open_app(), file, ImportOptions(consent, encoding, dry_run, raw))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Write here; - is stdout.")] = Path("-"),
    raw: Annotated[
        bool, typer.Option("--raw", help="Do not protect cells that a spreadsheet would run.")
    ] = False,
) -> int:
    """Write all readers as CSV; `import` makes the same readers from it."""
    from newsletter.cli.reader_lists.exporting import export_readers

    export_readers(open_app(), file, is_raw=raw)
    return 0


@app.command()
def pause(
    email: str, until: Annotated[str, typer.Option(help="A date; two weeks if left out.")] = ""
) -> int:
    """Send nothing until a date."""
    from newsletter.models import SubscriberState
    from newsletter.store import evidence, subscribers
    from newsletter.store.db import writing

    try:
        day = date.fromisoformat(until) if until else datetime.now(UTC).date() + timedelta(days=14)
    except ValueError as e:
        raise InputError(f"--until {until!r} is not a date", hint="write it like 2026-12-24") from e
    if day <= datetime.now(UTC).date():
        raise InputError(f"--until {day} is over already", hint="give a day to come")
    with writing(open_app().engine) as connection:
        reader = find_reader(connection, email)
        if reader.state not in (SubscriberState.ACTIVE, SubscriberState.PAUSED):
            raise InputError(f"{reader.email} is {reader.state}; only an active reader can pause")
        subscribers.change(connection, reader.id, state=SubscriberState.PAUSED, paused_until=day)
        words = f"until {day}, by the operator"
        evidence.note_step(connection, reader.id, "paused", datetime.now(UTC), words)
    say(f"{reader.email}: paused until {day}")
    return 0


@app.command()
def resume(email: str) -> int:
    """End a pause now."""
    from newsletter.models import SubscriberState
    from newsletter.store import evidence, subscribers
    from newsletter.store.db import writing

    with writing(open_app().engine) as connection:
        reader = find_reader(connection, email)
        if reader.state is not SubscriberState.PAUSED:
            raise InputError(f"{reader.email} is {reader.state}, not paused")
        subscribers.change(connection, reader.id, state=SubscriberState.ACTIVE, paused_until=None)
        words = "by the operator"
        evidence.note_step(connection, reader.id, "resumed", datetime.now(UTC), words)
    say(f"{reader.email}: active")
    return 0


@app.command()
def remove(
    email: str,
    erase: Annotated[
        bool, typer.Option("--erase", help="Delete the address and everything about it.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """End a subscription; with --erase delete the reader too."""
    from newsletter import membership
    from newsletter.models import SubscriberState
    from newsletter.store import evidence, subscribers
    from newsletter.store.db import reading, writing

    site = open_app()
    with reading(site.engine) as connection:
        reader = find_reader(connection, email)
    what = (
        "deletes the address, its records and its votes; it cannot be undone"
        if erase
        else "ends the subscription"
    )
    if dry_run:
        say(f"{reader.email}: this {what}")
        return 0
    if not yes:
        confirm(f"This {what} of {reader.email}. Go on?", "--yes")
    if erase:
        with writing(site.engine) as connection:
            membership.erase(site, connection, reader, datetime.now(UTC))
    else:
        with writing(site.engine) as connection:
            words = "by the operator"
            subscribers.set_state(connection, reader.id, SubscriberState.UNSUBSCRIBED, words)
            evidence.note_step(connection, reader.id, "left", datetime.now(UTC), words)
    say(f"{reader.email}: {'erased' if erase else 'unsubscribed'}")
    return 0
