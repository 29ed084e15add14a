"""The daily commands: fetch, run, send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.options import At, DryRun
from newsletter.cli.output import emit, finish, moment, note, open_app, say, working
from newsletter.cli.readers import find_or_first
from newsletter.cli.status import tell_issues, tell_sources

if TYPE_CHECKING:
    import asyncio

    from newsletter.app import App
    from newsletter.run_reports import Report


def fetch(
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Only this source; may be repeated.")
    ] = None,
    at: At = None,
) -> int:
    """Get new papers and trend signals."""
    from newsletter import event_loop

    with working("asking the sources …"):
        report = event_loop.run(open_app().fetch(moment(at), source or ()))
    if not emit(report.data):
        tell_sources(report.data["sources"])
        say(f"{report.data['papers']['new']} new papers, {report.data['papers']['total']} in all")
    return finish(report)


def run(
    no_fetch: Annotated[bool, typer.Option("--no-fetch", help="Do not ask the sources.")] = False,
    dry_run: DryRun = False,
    at: At = None,
) -> int:
    """Fetch, rank, freeze and deliver whatever is due; safe to repeat."""
    from newsletter import event_loop
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
    doing = "ranking" if no_fetch else "fetching, ranking"
    report = event_loop.run(
        _heeding(app, doing, lambda stop: app.run(now, is_fetching=not no_fetch, stop=stop))
    )
    if not emit(report.data):
        tell_sources(report.data["sources"])
        tell_issues(report.data["issues"])
        say(f"took {report.data['seconds']['total']:.1f} s")
    return finish(report)


def send(
    to: Annotated[str | None, typer.Option("--to", help="Only this subscriber.")] = None,
    dry_run: DryRun = False,
    at: At = None,
) -> int:
    """Send the digests that are frozen and wait."""
    from newsletter import event_loop
    from newsletter.store import ledger_read
    from newsletter.store.db import reading

    app = open_app()
    only = [find_or_first(app, to).id] if to else []
    if dry_run:
        with reading(app.engine) as connection:
            waiting = ledger_read.counts(connection, subscriber=only[0] if only else None)
        if not emit(waiting):
            say(f"{waiting['pending']} letters wait, {waiting['deferred']} are put off")
        return 0
    report = event_loop.run(
        _heeding(app, "sending", lambda stop: app.send(moment(at), only=only, stop=stop))
    )
    if not emit(report.data):
        tell_issues(report.data["issues"])
    return finish(report)


async def _heeding(
    app: App, doing: str, work: Callable[[asyncio.Event], Awaitable[Report]]
) -> Report:
    """At the first Ctrl-C or SIGTERM, finish the letters that are being sent; at the second, end at
    once. A terminal shows the progress.
    """
    import asyncio
    import signal

    from newsletter.cli.letters_bar import letters_bar

    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def ask() -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        note("stopping once the letters on their way have arrived; again: at once")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    async with letters_bar(app, doing):
        return await work(stop)
