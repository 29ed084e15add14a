"""Issues: list, show, retry, tell, resolve. They answer "Did X get Friday's issue?", with the
server's words.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from newsletter.cli.options import DryRun, Yes
from newsletter.cli.output import as_called, confirm, emit, open_app, say, table
from newsletter.cli.readers import find_reader
from newsletter.errors import InputError

app = typer.Typer(help="Issues: list, show, retry, tell, resolve.", no_args_is_help=True)

Issue = Annotated[str, typer.Argument(help="A date such as 2026-11-20, a number, or latest.")]


@app.command("list")
def list_(limit: Annotated[int, typer.Option(min=1)] = 30) -> int:
    """Show the latest issues and what became of their letters."""
    from newsletter.store import ledger_read
    from newsletter.store.db import reading

    with reading(open_app().engine) as connection:
        found = ledger_read.issue_counts(connection, limit=limit)
    if not emit({"issues": found}):
        names = (
            "date",
            "planned",
            "sent",
            "refused",
            "deferred",
            "held",
            "suppressed",
            "expired",
            "pending",
            "quiet",
        )
        table(
            (*names, "state"),
            [(*(issue[name] for name in names), issue["state"]) for issue in found],
            right=names[1:],
        )
    return 0


@app.command()
def show(
    issue: Issue = "latest",
    email: Annotated[
        str | None, typer.Option("--to", help="Only this subscriber's letter.")
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="Only letters in this state; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1)] = 100,
) -> int:
    """Show an issue's letters, what the server said and when; with --to, each of its papers and
    why.
    """
    from newsletter.cli import pick_tables
    from newsletter.steps.compose.paper_facts import PaperFacts
    from newsletter.store import ledger_plan, ledger_read, topics
    from newsletter.store.db import reading

    for one in state or ():
        ledger_read.require_known_state(one)
    site = open_app()
    with reading(site.engine) as connection:
        id = ledger_read.find_issue(connection, issue)
        counts = ledger_read.issue_counts(connection, [id])[0]
        of = find_reader(connection, email).id if email else None
        letters = ledger_read.letters(
            connection, id, subscriber=of, states=state or (), limit=limit
        )
        shown = {
            key: PaperFacts.from_facts(facts)
            for key, facts in ledger_read.shown_papers(connection, id).items()
        }
        chosen = [
            ledger_plan.unpack_picks(letter["picks"], letter.pop("pick_limit"))
            for letter in letters
        ]
        known = topics.by_ids(connection, {pick.topic for of_one in chosen for pick in of_one})
    told = [
        {**letter, "picks": pick_tables.as_json(of_one, shown, known)}
        for letter, of_one in zip(letters, chosen, strict=True)
    ]
    if emit({**counts, "letters": told}):
        return 0
    say(
        f"Issue {counts['date']} "
        f"({counts['state']}{': ' + counts['state_reason'] if counts['state_reason'] else ''}): "
        + ", ".join(f"{counts[name]} {name}" for name in (*ledger_read.STATES, "quiet"))
    )
    rows = [
        (x["email"], x["state"], x["code"] or None, x["reply"], x["settled_at"], x["attempts"])
        for x in letters
    ]
    table(("email", "state", "code", "the server said", "at", "tries"), rows, right=("tries",))
    if email and letters:
        say("")
        pick_tables.tell(chosen[0], shown, known, site.renderer, date.fromisoformat(counts["date"]))
    return 0


@app.command()
def retry(
    issue: Issue = "latest",
    count_returned: Annotated[
        bool,
        typer.Option(
            "--count-returned", help="The letters that paused it came back for good reason."
        ),
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """Try deferred letters again, and those refused because of the site; open a paused issue.
    `send` then delivers.
    """
    from newsletter.delivery.suppression import Suppression
    from newsletter.store import ledger_life, ledger_read
    from newsletter.store.db import writing

    site, now = open_app(), datetime.now(UTC)
    with writing(site.engine) as connection:
        id = ledger_read.find_issue(connection, issue)
        if count_returned:
            Suppression(site.tokens).believe_issue(connection, id, now)
        number = ledger_life.retry(connection, id, now)
        if dry_run:
            connection.rollback()
    if not emit({"waiting": number, "dry_run": dry_run}):
        wait = "would wait" if dry_run else "wait"
        say(as_called(f"{number} letters {wait} again; deliver them: newsletter send"))
    return 0


@app.command()
def tell(
    issue: Issue,
    email: Annotated[str | None, typer.Option("--to", help="Only this subscriber.")] = None,
    dry_run: DryRun = False,
) -> int:
    """Mail readers of held letters a link to the letter, once; `send` then delivers."""
    from newsletter.store import ledger_life, ledger_read
    from newsletter.store.db import writing

    with writing(open_app().engine) as connection:
        of = find_reader(connection, email).id if email else None
        number = ledger_life.tell(
            connection, ledger_read.find_issue(connection, issue), datetime.now(UTC), of
        )
        if dry_run:
            connection.rollback()
    if not emit({"waiting": number, "dry_run": dry_run}):
        are = "would be" if dry_run else "are"
        say(as_called(f"{number} readers {are} told; deliver the mails: newsletter send"))
    return 0


@app.command()
def resolve(
    issue: Issue,
    assume_sent: Annotated[bool, typer.Option("--assume-sent", help="They arrived.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send them again; some may arrive twice.")
    ] = False,
    email: Annotated[
        str | None, typer.Option("--to", help="Only this subscriber's letter.")
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Decide held letters: their outcome is unknown because the reply was lost."""
    from newsletter.store import ledger_life, ledger_read
    from newsletter.store.db import writing

    if assume_sent == resend:
        raise InputError("say one of --assume-sent and --resend")
    site = open_app()
    if resend and not yes and not dry_run:
        confirm("Some of these letters may have arrived; sending again makes two. Go on?", "--yes")
    with writing(site.engine) as connection:
        of = find_reader(connection, email).id if email else None
        id = ledger_read.find_issue(connection, issue)
        number = ledger_life.resolve(
            connection, id, as_sent=assume_sent, now=datetime.now(UTC), subscriber=of
        )
        if dry_run:
            connection.rollback()
    if not emit({"resolved": number, "dry_run": dry_run}):
        say(
            f"{number} held letters {'counted as sent' if assume_sent else 'wait to be sent again'}"
        )
    return 0
