"""What happens every day: fetch, run, send, preview, status, and the processes that do it by
themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.output import (
    as_called,
    console,
    emit,
    finish,
    mark,
    moment,
    note,
    open_app,
    read_config,
    say,
    session,
    table,
)
from newsletter.errors import InputError, NewsletterError, NotFound

if TYPE_CHECKING:
    import asyncio

    from newsletter.app import App
    from newsletter.models import Subscriber
    from newsletter.previews import Preview
    from newsletter.run_reports import Report

At = Annotated[
    str | None, typer.Option("--at", help="Work as if it were this moment: 2026-05-04T09:00Z.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]

#: How many papers that are not in a letter `preview --why` names.
NEXT_BEST = 10


def fetch(
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Only this source; may be repeated.")
    ] = None,
    at: At = None,
) -> int:
    """Get new papers and trend signals."""
    import asyncio

    with (
        console(is_error=True).status("asking the sources …") if not session.is_quiet else _silent()
    ):
        report = asyncio.run(open_app().fetch(moment(at), source or ()))
    if not emit(report.data):
        _tell_sources(report.data["sources"])
        say(f"{report.data['papers']['new']} new papers, {report.data['papers']['total']} in all")
    return finish(report)


def run(
    no_fetch: Annotated[bool, typer.Option("--no-fetch", help="Do not ask the sources.")] = False,
    dry_run: DryRun = False,
    at: At = None,
) -> int:
    """Fetch, rank, freeze and deliver whatever is due; safe to repeat."""
    import asyncio

    from newsletter.planning import would_plan

    app, now = open_app(), moment(at)
    if dry_run:
        planned = would_plan(app.engine, app.config, now)
        if not emit(planned):
            say(
                f"{planned['due']} readers are due: {planned['would_send']} letters, "
                f"{planned['quiet']} quiet days"
            )
        return 0
    with (
        console(is_error=True).status("fetching, ranking, sending …")
        if not session.is_quiet
        else _silent()
    ):
        report = asyncio.run(
            _heeding(lambda stop: app.run(now, is_fetching=not no_fetch, stop=stop))
        )
    if not emit(report.data):
        _tell_sources(report.data["sources"])
        _tell_issues(report.data["issues"])
        say(f"took {report.data['seconds']['total']:.1f} s")
    return finish(report)


def send(
    to: Annotated[str | None, typer.Option("--to", help="Only this subscriber.")] = None,
    dry_run: DryRun = False,
    at: At = None,
) -> int:
    """Send the digests that are frozen and wait."""
    import asyncio

    from newsletter.store import ledger_read
    from newsletter.store.db import reading

    app = open_app()
    only = [_reader(app, to).id] if to else []
    if dry_run:
        with reading(app.engine) as connection:
            waiting = ledger_read.counts(connection, subscriber=only[0] if only else None)
        if not emit(waiting):
            say(f"{waiting['pending']} letters wait, {waiting['deferred']} are put off")
        return 0
    report = asyncio.run(_heeding(lambda stop: app.send(moment(at), only=only, stop=stop)))
    if not emit(report.data):
        _tell_issues(report.data["issues"])
    return finish(report)


async def _heeding(work: Callable[[asyncio.Event], Awaitable[Report]]) -> Report:
    """Asked to end (Ctrl-C, SIGTERM), let the letters on their way arrive; asked twice, end at
    once.
    """
    import asyncio
    import signal

    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def ask() -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        note("stopping once the letters on their way have arrived; again: at once")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    return await work(stop)


def preview(
    email: Annotated[
        str | None, typer.Argument(help="A subscriber; the first active one if left out.")
    ] = None,
    is_opening: Annotated[
        bool, typer.Option("--open", help="Open the letter in the browser.")
    ] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Scores, reasons, and what was left out.")
    ] = False,
    form: Annotated[
        str | None, typer.Option("--format", help="Print the letter as html, text or eml.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the letter to this file.")
    ] = None,
    at: At = None,
) -> int:
    """Show one reader's digest as it would be now. Nothing is sent."""
    from newsletter import previews
    from newsletter.cli import pick_tables

    if form not in (None, "html", "text", "eml"):
        raise InputError(f"--format {form!r}", hint="formats: html, text, eml")
    app = open_app()
    shown = previews.preview(app, _reader(app, email), moment(at))
    if form or out or is_opening:
        return _put_out(shown, form or ("html" if is_opening else "text"), out, is_opening)
    if emit(_preview_json(shown)):
        return 0
    said = (shown.shown, shown.topics, app.renderer, shown.day)
    if shown.letter is None:
        say(f"{shown.reader.email}: a quiet day, nothing would be sent")
    else:
        say(f"{shown.letter.subject}    {len(shown.message) / 1000:.0f} KB")
        say(shown.letter.preheader)
        pick_tables.tell(shown.choice.picks, *said, is_scored=why)
    if why and shown.choice.passed:
        say("")
        say(
            f"Not in it, the best {min(NEXT_BEST, len(shown.choice.passed))} of "
            f"{len(shown.choice.passed)}:"
        )
        pick_tables.tell_passed(shown.choice.passed[:NEXT_BEST], *said)
    if shown.choice.left_out:
        kept_out = ", ".join(
            f"{n} {rule.replace('_', ' ')}" for rule, n in shown.choice.left_out.items()
        )
        say(f"Left out: {kept_out}")
    return 0


def status(at: At = None) -> int:
    """What happened, what is waiting, how each source is doing."""
    from newsletter import site_queries

    app = open_app()
    data = site_queries.status(app.engine, app.config, moment(at))
    if emit(data):
        return 0
    say("Readers   " + "   ".join(f"{n} {state}" for state, n in data["readers"].items()))
    say("Letters   " + "   ".join(f"{n} {state}" for state, n in data["ledger"].items()))
    _tell_sources(data["sources"])
    for trouble in data["troubles"]:
        name = f"{trouble['source']} {trouble['unit']}".rstrip()
        say(
            f"{mark(_SIGNS[trouble['state']])} {name}: {trouble['state']} since "
            f"{trouble['since']}: {trouble['reason']}"
        )
    for name, lists in data["catch_up"].items():
        for late in lists["not_covered"]:
            parts = ", ".join(late["units"])
            say(
                f"{mark('warn')} {name}: the list of {late['day']} is missing ({parts}): "
                f"{late['reason']}"
            )
    for retry in data["retries"]:
        say(f"{retry['source']} is asked again at {retry['at']}")
    for hint in data["hints"]:
        say(f"{mark('warn')} {as_called(hint)}")
    if data["no_content"]:
        said = data["no_content"]
        say(
            f"{mark('warn')} {said['date']}: no source answered; {said['readers']} readers got "
            "nothing, no quiet day"
        )
    last = data["last_run"]
    say(
        f"Last run  {last['at']}, {last['outcome'] or 'not finished'}"
        if last
        else "Last run  none yet"
    )
    say(f"Next      {data['next_due'] or 'nobody is waiting'}")
    for sentence in data["out_of_balance"]:
        say(f"{mark('fail')} {sentence}")
    return 1 if data["out_of_balance"] else 0


def daemon() -> int:
    """Clock, web and delivery in one process."""
    import asyncio
    from urllib.parse import urlsplit

    from newsletter.cli.logs import start_logging
    from newsletter.config import LOOPBACK
    from newsletter.delivery.domain_check import ask_dns
    from newsletter.runtime.daemon import Daemon

    app = open_app()
    start_logging()
    is_public = (
        urlsplit(app.config.site.base_url).hostname not in LOOPBACK
    )  # else nobody from outside signs up
    daemon = Daemon(app, takes_mail=ask_dns if is_public else None)
    asyncio.run(daemon.serve(app.config.web.host, app.config.web.port))
    return 0


def serve(
    host: Annotated[str | None, typer.Option(help="Listen here instead of web.host.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Listen here instead of web.port.")
    ] = None,
) -> int:
    """Serve the public pages only."""
    from datetime import UTC, datetime

    import uvicorn

    from newsletter.cli.logs import start_logging
    from newsletter.inbound import hooks
    from newsletter.web import create_app

    app = open_app()
    web = app.config.web
    note(f"pages on http://{host or web.host}:{port or web.port}")
    start_logging()
    uvicorn.run(
        create_app(app, more=hooks.routes(app, lambda: datetime.now(UTC))),
        host=host or web.host,
        port=port or web.port,
        log_level="warning",
        log_config=None,
        proxy_headers=False,
    )
    return 0


def worker() -> int:
    """Deliver on further machines, with PostgreSQL, until it is stopped."""
    import asyncio

    from newsletter.cli.logs import start_logging
    from newsletter.runtime.worker import Worker

    if not read_config().database.url.startswith("postgresql"):
        raise InputError(
            "worker needs PostgreSQL; this site keeps its data in SQLite",
            hint="use: newsletter daemon",
        )
    app = open_app()
    start_logging()
    asyncio.run(Worker(app).serve())
    return 0


# -- telling ---------------------------------------------------------------------------------------


class _silent:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def _reader(app: App, email: str | None) -> Subscriber:
    """Raises: NotFound, AddressError."""
    from newsletter import addresses
    from newsletter.store import subscribers
    from newsletter.store.db import reading

    with reading(app.engine) as connection:
        if email is None:
            first = subscribers.search(connection, states=["active"], limit=1)
            if not first:
                raise NotFound(
                    "there is no active subscriber",
                    hint="add one: newsletter subscribers add EMAIL",
                )
            return first[0]
        found = subscribers.find(connection, addresses.parse(email).canonical)
    if found is None:
        raise NotFound(f"no subscriber {email}", hint="see them: newsletter subscribers list")
    return found


_SIGNS = {"fresh": "ok", "quiet": "ok", "stalled": "warn", "failed": "fail"}


def _tell_sources(sources: dict[str, dict[str, Any]]) -> None:
    rows = []
    for name, source in sources.items():
        counts = f"{source['seen']} seen, {source['new']} new, {source['merged']} merged"
        rows.append(
            (
                f"{mark(_SIGNS[source['state']])} {name}",
                source["state"],
                _brief(source["error"]) or counts,
            )
        )
    if rows:
        table(("source", "state", "said"), rows)


def _brief(error: str) -> str:
    """The first trouble and how many more there are; `fetch --json` has them all."""
    first, *more = error.split("; ")
    first = first if len(first) <= 110 else first[:109] + "…"
    return f"{first} (and {len(more)} more)" if more else first


def _tell_issues(issues: list[dict[str, Any]]) -> None:
    if not issues:
        say("Nothing was due, nothing was waiting.")
    for issue in issues:
        parts = [
            f"{issue[state]} {state}"
            for state in ("sent", "refused", "deferred", "held", "pending", "expired")
        ]
        said = ", ".join(part for part in parts if not part.startswith("0 "))
        say(f"Issue {issue['date']}: {said or 'no letter'}; quiet day for {issue['quiet']}")


def _preview_json(shown: Preview) -> dict[str, Any]:
    from newsletter.cli import pick_tables

    letter = shown.letter
    return {
        "to": shown.reader.email,
        "subject": letter.subject if letter else "",
        "preheader": letter.preheader if letter else "",
        "papers": pick_tables.as_json(shown.choice.picks, shown.shown, shown.topics),
        "left_out": shown.choice.left_out,
        "bytes": len(shown.message),
    }


def _put_out(shown: Preview, form: str, out: Path | None, is_opening: bool) -> int:
    import tempfile
    import webbrowser

    if shown.letter is None:
        note(f"{shown.reader.email}: a quiet day, nothing would be sent")
        return 0
    letter = shown.letter
    if form == "html" and not letter.html:
        raise NewsletterError(
            f"{shown.reader.email} reads plain text only", hint="use --format text"
        )
    content = {
        "eml": shown.message,
        "html": letter.html_page.encode(),
        "text": letter.plain_page.encode(),
    }[form]
    if is_opening and out is None:
        with tempfile.NamedTemporaryFile(
            prefix="newsletter-", suffix=f".{form}", delete=False
        ) as file:
            out = Path(file.name)
    if out is None or str(out) == "-":
        typer.echo(content, nl=False)
        return 0
    out.write_bytes(content)
    note(f"written to {out}")
    if is_opening:
        webbrowser.open(out.resolve().as_uri())
    return 0
