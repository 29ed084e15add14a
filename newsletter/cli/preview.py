"""One reader's digest as it would be now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.options import At
from newsletter.cli.output import emit, moment, note, open_app, say
from newsletter.cli.readers import find_or_first
from newsletter.errors import InputError, NewsletterError

if TYPE_CHECKING:
    from newsletter.previews import Preview

#: How many left-out papers `preview --why` names.
NEXT_BEST = 10


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
    shown = previews.preview(app, find_or_first(app, email), moment(at))
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
