"""Readers: list, show, add, import, export, pause, resume, remove."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO
from zoneinfo import available_timezones

import typer

from newsletter.cli import suppressions
from newsletter.cli.output import confirm, emit, note, open_app, progress, say, table
from newsletter.errors import InputError, NewsletterError, NotFound

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from newsletter.app import App
    from newsletter.models import Subscriber

app = typer.Typer(
    help="Readers: list, show, add, import, export, pause, resume, remove.", no_args_is_help=True
)

COLUMNS = ("email", "name", "topics", "timezone", "hour", "rhythm", "status")
BATCH = 1000

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]


def _find(connection: Connection, email: str) -> Subscriber:
    from newsletter import addresses
    from newsletter.store import subscribers

    found = subscribers.find(connection, addresses.parse(email).canonical)
    if found is None:
        raise NotFound(f"no subscriber {email}", hint="see them: newsletter subscribers list")
    return found


@app.command("list")
def list_(
    status: Annotated[str, typer.Option(help="States, separated by commas.")] = "",
    topic: Annotated[str | None, typer.Option(help="Only readers of this topic.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many; 0 = all.")] = 30,
) -> int:
    """Show who reads what."""
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
        reader = _find(connection, email)
        names = [topic.name for topic in topics.by_ids(connection, reader.topics).values()]
        letters = ledger_read.history(connection, reader.id)
        story = suppressions.story(connection, reader)
    data = _brief(reader) | {
        "topics": names,
        "muted": list(reader.muted),
        "follows": list(reader.follows),
        "size": reader.size,
        "format": reader.format,
        "mix": reader.mix,
        "language": reader.language,
        "letters": letters,
        "story": story,
    }
    if emit(data):
        return 0
    for name, value in data.items():
        if name not in ("letters", "story"):
            say(f"{name:10} {', '.join(value) if isinstance(value, list) else value}")
    suppressions.tell(story)
    return 0


app.command()(suppressions.unsuppress)


@app.command()
def add(
    email: str,
    topic: Annotated[
        str, typer.Option("--topics", help="Topics by slug or name, separated by ; or ,")
    ] = "",
    name: str = "",
    timezone: Annotated[
        str | None, typer.Option(help="Such as Europe/Berlin; the site's own if left out.")
    ] = None,
    hour: Annotated[int, typer.Option(min=0, max=23, help="Local hour of the digest.")] = 7,
    rhythm: Annotated[str, typer.Option(help="weekdays, daily, weekly or hot.")] = "weekdays",
    no_confirm: Annotated[
        bool, typer.Option("--no-confirm", help="Active at once; needs --reason.")
    ] = False,
    reason: Annotated[str, typer.Option(help="How and when this person agreed.")] = "",
) -> int:
    """Add a reader. A confirmation mail asks them first, unless they agreed already."""
    from newsletter.mail_kinds import CONFIRM
    from newsletter.models import SubscriberState
    from newsletter.store import ledger_plan, subscribers
    from newsletter.store.db import writing

    if no_confirm and not reason:
        raise InputError("--no-confirm needs --reason: how and when did this person agree?")
    site = open_app()
    fields = {
        "email": email,
        "name": name,
        "topics": topic.replace(",", ";"),
        "hour": str(hour),
        "rhythm": rhythm,
        "timezone": timezone or site.config.site.timezone,
        "status": "active" if no_confirm else "pending",
    }
    now = datetime.now(UTC)
    with writing(site.engine) as connection:
        reader, canonical = _read_row(connection, site, fields)
        _require_mailable(connection, site, canonical)
        reader = subscribers.add(connection, reader, canonical, now, consent=reason)
        if reader.state is SubscriberState.PENDING:
            ledger_plan.enqueue(connection, reader.id, CONFIRM, {}, now)
    if not emit(_brief(reader)):
        waits = "a confirmation mail goes out with the next run" if not no_confirm else "active"
        say(f"{reader.email}: {waits}")
        if not reader.topics:
            note(
                "no topics yet: nothing will match until some are chosen (--topics, or the "
                "preferences page)"
            )
    return 0


def _require_mailable(connection: Connection, site: App, canonical: str) -> None:
    from newsletter.store import subscribers

    why = subscribers.suppression(connection, site.tokens.address_hash(canonical))
    if why is not None:
        raise InputError(f"this address is suppressed ({why}) and is never mailed again")


def _read_row(connection: Connection, site: App, fields: dict[str, str]) -> tuple[Subscriber, str]:
    """One line of an import, or the options of `add`, as a reader and the canonical key.

    Raises: InputError, AddressError, QueryError, NotFound.
    """
    from newsletter import addresses
    from newsletter.models import RHYTHMS, Subscriber, SubscriberState

    address = addresses.parse(fields.get("email", ""), own=site.config.site.from_)
    timezone = fields.get("timezone") or "UTC"
    if timezone not in available_timezones():
        raise InputError(f"no time zone {timezone!r}")
    hour = fields.get("hour") or "7"
    if not hour.isdecimal() or int(hour) > 23:
        raise InputError(f"hour {hour!r} is not 0 to 23")
    rhythm = fields.get("rhythm") or "weekdays"
    if rhythm not in RHYTHMS:
        raise InputError(f"no rhythm {rhythm!r}; there are {', '.join(RHYTHMS)}")
    state = fields.get("status") or "pending"
    if state not in set(SubscriberState):
        raise InputError(f"no status {state!r}; there are {', '.join(SubscriberState)}")
    wanted = [name.strip() for name in (fields.get("topics") or "").split(";") if name.strip()]
    ids = tuple(_topic(connection, name) for name in wanted)
    name = (fields.get("name") or "").strip()
    if len(name) > 80 or not name.isprintable():
        raise InputError("the name is longer than 80 characters or has control characters")
    return (
        Subscriber(
            0, address.email, SubscriberState(state), name, timezone, int(hour), rhythm, topics=ids
        ),
        address.canonical,
    )


def _topic(connection: Connection, name: str) -> int:
    """A topic by name; a query in the topic language becomes the reader's own topic."""
    from newsletter.matching.query import parse as parse_query
    from newsletter.store import topics

    try:
        return topics.get(connection, name).id
    except NotFound:
        if not any(mark in name for mark in '":') and " " not in name:
            raise
        return topics.find_or_add(connection, str(parse_query(name))).id


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help=f"CSV with the columns {', '.join(COLUMNS)}; - reads stdin.")
    ],
    consent: Annotated[
        str, typer.Option(help="How and when these people agreed; needed for active ones.")
    ] = "",
    dry_run: DryRun = False,
) -> int:
    """Add readers from a CSV file, in a stream. Bad lines are reported by number, and the rest goes
    on.
    """
    from newsletter.store.db import writing

    site = open_app()
    stream: TextIO = sys.stdin if str(file) == "-" else file.open(encoding="utf-8-sig", newline="")
    counts: Counter[str] = Counter()
    with stream, progress(None) as bar:
        task = bar.add_task("importing", total=None)
        for batch in _batches(_lines(stream)):
            with writing(site.engine) as connection:
                for number, fields in batch:
                    counts[_import_line(connection, site, number, fields, consent)] += 1
                if dry_run:
                    connection.rollback()
            bar.advance(task, len(batch))
    names = ("added", "known", "suppressed", "failed")
    if not emit({name: counts[name] for name in names} | {"dry_run": dry_run}):
        say(
            ", ".join(f"{counts[name]} {name}" for name in names)
            + (" (nothing was kept)" if dry_run else "")
        )
    return (
        4
        if counts["failed"] and counts["added"] + counts["known"]
        else 1
        if counts["failed"]
        else 0
    )


def _lines(stream: TextIO) -> Iterator[tuple[int, dict[str, str] | InputError]]:
    """Line number and fields. A line that is no UTF-8 or no CSV is an error with its number."""
    import csv

    reader = csv.reader(stream, strict=True)
    try:
        head = [name.strip().lower() for name in next(reader, [])]
    except (UnicodeDecodeError, csv.Error) as e:
        raise InputError(f"line 1: {e}", hint="save the file as UTF-8 CSV") from e
    unknown = [name for name in head if name not in COLUMNS]
    if "email" not in head or unknown:
        wrong = f"unknown columns: {', '.join(unknown)}" if unknown else "there is no column email"
        raise InputError(f"line 1: {wrong}", hint=f"columns: {', '.join(COLUMNS)}")
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except UnicodeDecodeError as e:
            raise InputError(
                f"line {reader.line_num + 1}: not UTF-8", hint="save the file as UTF-8 CSV"
            ) from e
        except csv.Error as e:
            yield reader.line_num, InputError(str(e))
            continue
        if len(row) > len(head):
            yield reader.line_num, InputError(f"{len(row)} fields, the heading has {len(head)}")
        elif any(row):
            yield reader.line_num, dict(zip(head, row, strict=False))


def _batches(lines: Iterator[Any]) -> Iterator[list[Any]]:
    batch = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _import_line(
    connection: Connection,
    site: App,
    number: int,
    fields: dict[str, str] | InputError,
    consent: str,
) -> str:
    from newsletter.mail_kinds import CONFIRM
    from newsletter.models import SubscriberState
    from newsletter.store import ledger_plan, subscribers

    try:
        if isinstance(fields, InputError):
            raise fields
        reader, canonical = _read_row(connection, site, fields)
        if reader.state in (SubscriberState.ACTIVE, SubscriberState.PAUSED) and not consent:
            raise InputError(
                f"importing as {reader.state} needs --consent: how and when did these people agree?"
            )
        if subscribers.suppression(connection, site.tokens.address_hash(canonical)) is not None:
            return "suppressed"
        if subscribers.find(connection, canonical) is not None:
            return "known"
        now = datetime.now(UTC)
        reader = subscribers.add(connection, reader, canonical, now, consent=consent)
        if reader.state is SubscriberState.SUPPRESSED:
            subscribers.suppress(connection, site.tokens.address_hash(canonical), "import", now)
        if reader.state is SubscriberState.PENDING:
            ledger_plan.enqueue(connection, reader.id, CONFIRM, {}, now)
        return "added"
    except NewsletterError as e:
        note(f"line {number}: {e.message}")
        return "failed"


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Write here; - is stdout.")] = Path("-"),
    raw: Annotated[
        bool, typer.Option("--raw", help="Do not protect cells that a spreadsheet would run.")
    ] = False,
) -> int:
    """Write all readers as CSV, as `import` reads it."""
    import csv

    from newsletter.store import subscribers, topics
    from newsletter.store.db import reading

    site = open_app()
    out: TextIO = sys.stdout if str(file) == "-" else file.open("w", encoding="utf-8", newline="")
    with reading(site.engine) as connection:
        slugs = {
            topic.id: topic.slug if topic.is_curated else topic.query
            for topic in topics.every(connection)
        }
        writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        for r in subscribers.stream(connection):
            cells = (
                r.email,
                r.name,
                ";".join(slugs[t] for t in r.topics),
                r.timezone,
                str(r.hour),
                r.rhythm,
                r.state,
            )
            writer.writerow(cells if raw else [_harmless(cell) for cell in cells])
    if out is not sys.stdout:
        out.close()
    return 0


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (CVE-2021-3188 and its kin)."""
    return (
        f"'{cell}"
        if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
        else cell
    )


@app.command()
def pause(
    email: str, until: Annotated[str, typer.Option(help="A date; two weeks if left out.")] = ""
) -> int:
    """Send nothing until a date."""
    from newsletter.models import SubscriberState
    from newsletter.store import subscribers
    from newsletter.store.db import writing

    try:
        day = date.fromisoformat(until) if until else datetime.now(UTC).date() + timedelta(days=14)
    except ValueError as e:
        raise InputError(f"--until {until!r} is not a date", hint="write it like 2026-12-24") from e
    if day <= datetime.now(UTC).date():
        raise InputError(f"--until {day} is over already", hint="give a day to come")
    with writing(open_app().engine) as connection:
        reader = _find(connection, email)
        if reader.state not in (SubscriberState.ACTIVE, SubscriberState.PAUSED):
            raise InputError(f"{reader.email} is {reader.state}; only an active reader can pause")
        subscribers.change(connection, reader.id, state=SubscriberState.PAUSED, paused_until=day)
    say(f"{reader.email}: paused until {day}")
    return 0


@app.command()
def resume(email: str) -> int:
    """End a pause now."""
    from newsletter.models import SubscriberState
    from newsletter.store import subscribers
    from newsletter.store.db import writing

    with writing(open_app().engine) as connection:
        reader = _find(connection, email)
        if reader.state is not SubscriberState.PAUSED:
            raise InputError(f"{reader.email} is {reader.state}, not paused")
        subscribers.change(connection, reader.id, state=SubscriberState.ACTIVE, paused_until=None)
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
    from newsletter.store import subscribers
    from newsletter.store.db import reading, writing

    site = open_app()
    with reading(site.engine) as connection:
        reader = _find(connection, email)
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
            subscribers.set_state(
                connection, reader.id, SubscriberState.UNSUBSCRIBED, "by the operator"
            )
    say(f"{reader.email}: {'erased' if erase else 'unsubscribed'}")
    return 0
