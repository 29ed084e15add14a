"""The site at work, on one screen: sending, waiting, slow receivers, troubles."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.output import emit, mark, moment, open_app, say
from newsletter.cli.status import SIGNS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Width of an issue's bar, in columns.
BAR = 24
#: Most rows of a list on the screen.
ROWS = 6


def top(
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
) -> int:
    """Show the site at work, live: issues with rate and time left, slow receivers, troubles."""
    from newsletter import site_queries

    app = open_app()

    def look() -> dict[str, Any]:
        return site_queries.now_at_work(app.engine, app.config, moment(None))

    if emit(first := look()):
        return 0
    if once or not sys.stdout.isatty():
        for line in lines(first):
            say(line)
        return 0
    _watch(look, every)
    return 0


def _watch(look: Any, every: float) -> None:
    from rich.live import Live
    from rich.text import Text

    from newsletter.cli.output import clean, console

    def screen() -> Text:
        return Text("\n".join(clean(line) for line in lines(look())))

    with Live(screen(), console=console(), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(every)
            live.update(screen(), refresh=True)


def lines(data: dict[str, Any]) -> Iterator[str]:
    """The screen, line by line."""
    run = data["run"]
    at_work = run and run["started"] and not run["finished"]
    yield f"{data['at']}   {'a run is at work since ' + run['started'] if at_work else 'no run'}"
    yield ""
    for issue in data["issues"]:
        yield _issue_line(issue)
        yield (
            f"    {issue['sent']:,} sent, {issue['left']:,} left, {issue['deferred']:,} put off, "
            f"{issue['refused']:,} refused, {issue['held']:,} held"
        )
    if not data["issues"]:
        yield "No letter of an issue waits."
    if answers := data["waiting"]["answers"]:
        yield f"Mails that answer a person and wait: {answers}"
    claims = data["claims"]
    if claims:
        letters, fenced = (sum(one[name] for one in claims) for name in ("letters", "fenced"))
        yield f"Taken by {len(claims)} claims: {letters:,} letters, {fenced} await an answer"
    if data["put_off"]:
        yield ""
        yield "Put off by their receivers"
        for one in data["put_off"][:ROWS]:
            said = f"{one['letters']:>7,}  {one['next_at']}  {one['reply'][:60]}"
            yield f"  {one['domain']:<24} {said}"
    yield ""
    yield "Sources   " + "   ".join(
        f"{mark(SIGNS[one['state']])} {name} {one['state']}"
        for name, one in data["sources"].items()
    )
    for check in data["health"]:
        if not check["ok"]:
            yield f"{mark('fail')} {check['said']}"


def _issue_line(issue: dict[str, Any]) -> str:
    done = issue["planned"] - issue["left"]
    share = done / issue["planned"] if issue["planned"] else 1.0
    filled = round(BAR * share)
    rest = _duration(issue["seconds_left"])
    state = "" if issue["state"] == "open" else f"  {issue['state']}"
    return (
        f"{issue['day']}  {'█' * filled}{'░' * (BAR - filled)} {share:4.0%} of "
        f"{issue['planned']:,}  {issue['per_second']:.1f}/s  {rest}{state}"
    )


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "nothing moves"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min left" if hours else f"{minutes} min {seconds:02} s left"
