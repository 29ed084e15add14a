"""The learned preference of a site: weights of words, from papers that people picked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.options import DryRun, Yes
from newsletter.cli.output import confirm, emit, note, open_app, say, table
from newsletter.cli.seeds import read_text

app = typer.Typer(
    help="What was learned from papers that people picked: learn, show, forget.",
    no_args_is_help=True,
)


@app.command("learn")
def learn_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A list of picks, such as a reading group's past: ids, DOIs, links, titles, "
            "BibTeX, RIS, or an export of Zotero (CSV, RDF); - reads stdin."
        ),
    ],
    dry_run: DryRun = False,
) -> int:
    """Add a list of picked papers and learn from all lists. Lines that name no paper are named."""
    from newsletter import taste
    from newsletter.store import tastes
    from newsletter.store.db import writing
    from newsletter.text.references import read_references

    site, now = open_app(), datetime.now(UTC)
    pasted = read_references(read_text(file))
    with writing(site.engine) as connection:
        new = taste.add_list(connection, pasted, now)
        number, waiting = tastes.counts(connection)
        if dry_run:
            connection.rollback()
    learned = {} if dry_run else taste.learn_all(site.engine, now)
    for line in pasted.unread:
        note(f"line {line.line} names no paper and is left out: {line.text}")
    fields = {name or "(no category)": prior.picks for name, prior in learned.items()}
    data = {
        "new": new,
        "picks": number,
        "waiting": waiting,
        "learned": fields,
        "unread": [{"line": one.line, "text": one.text} for one in pasted.unread],
        "dry_run": dry_run,
    }
    if not emit(data):
        say(f"{new} new of {number} picks; {waiting} of them are not known here yet")
        for name, picks in fields.items():
            say(f"learned for {name} from {picks} papers")
        if not learned and not dry_run:
            note(f"nothing was learned: a field needs {_enough()} picks that this site holds")
        if dry_run:
            say("(nothing was kept)")
    return (4 if pasted.found else 1) if pasted.unread else 0


def _enough() -> int:
    from newsletter.steps.prior import ENOUGH

    return ENOUGH


@app.command()
def show(
    field: Annotated[str, typer.Argument(help="An archive such as cs; all if left out.")] = "",
    top: Annotated[int, typer.Option(min=1, help="Words of each side.")] = 15,
) -> int:
    """Show the words that speak most for a pick and most against, with their weights."""
    from newsletter import taste
    from newsletter.steps.prior import telling
    from newsletter.store import tastes
    from newsletter.store.db import reading

    with reading(open_app().engine) as connection:
        number, waiting = tastes.counts(connection)
        at = tastes.learned_at(connection)
        known = taste.priors(connection)
    shown = {name: prior for name, prior in known.items() if field in ("", name)}
    data = {
        "picks": number,
        "waiting": waiting,
        "learned_at": at.isoformat() if at else None,
        "fields": {
            name: {"picks": prior.picks, "words": dict(telling(prior, top))}
            for name, prior in shown.items()
        },
    }
    if emit(data):
        return 0
    if not shown:
        note("nothing was learned yet; give picks: newsletter taste learn FILE")
    rows = [
        (name or "(no category)", word, f"{weight:+.3f}")
        for name, prior in shown.items()
        for word, weight in telling(prior, top)
    ]
    table(("field", "word", "weight"), rows, right=("weight",))
    return 0


@app.command()
def forget(yes: Yes = False, dry_run: DryRun = False) -> int:
    """Delete all lists of picks and what was learned from them."""
    from newsletter.store import tastes
    from newsletter.store.db import reading, writing

    site = open_app()
    with reading(site.engine) as connection:
        number, _ = tastes.counts(connection)
    if dry_run:
        say(f"{number} picks would be deleted")
        return 0
    if not yes:
        confirm(f"This deletes {number} picks and what was learned from them. Go on?", "--yes")
    with writing(site.engine) as connection:
        tastes.forget(connection)
    say(f"{number} picks deleted")
    return 0
