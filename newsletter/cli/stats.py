"""Statistics of the site over the last days, for the operator: in the terminal, as JSON, as a
page.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from newsletter.cli.options import At
from newsletter.cli.output import emit, moment, note, open_app, say, table

#: Most columns of a series in a terminal; several days then share a column.
COLUMNS = 45
#: Most rows of a list in the terminal; JSON and the page have all.
ROWS = 10
_SIGNS = {"fresh": "█", "quiet": "·", "stalled": "?", "failed": "✗", "missing": "✗", "none": " "}


def stats(
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days.")] = 90,
    is_opening: Annotated[
        bool, typer.Option("--open", help="Open the numbers as a page in the browser.")
    ] = False,
    at: At = None,
) -> int:
    """Show readers, letters, sources and papers of the last days. Nobody's opens or clicks."""
    from newsletter.statistics import STEPS, statistics_of

    app = open_app()
    data = statistics_of(app.engine, app.config, moment(at), days)
    if is_opening:
        _open_page(app, data)
        return 0
    if emit(data):
        return 0
    say(f"{data['days'][0]} to {data['days'][-1]}, days in UTC, oldest at the left")
    _tell_series("Readers", {k: v for k, v in data["readers"].items() if k != "now"})
    say("  now         " + ", ".join(f"{n} {state}" for state, n in data["readers"]["now"].items()))
    _tell_series("Letters", {k: v for k, v in data["letters"].items() if v["total"]})
    delivery = data["delivery"]
    if delivery["letters"]:
        say("Accepted after the reader's hour")
        for step, words in STEPS.items():
            share = f"{delivery[step] / delivery['letters']:.1%}"
            say(f"  {words:<13}{delivery[step]:>9,}  {share:>6}")
    if data["refusals"]:
        say("Refused, by domain")
        rows = [(r["domain"], r["letters"], r["last_reply"]) for r in data["refusals"]]
        table(("domain", "letters", "last reply"), rows[:ROWS], right=("letters",))
    if data["sources"]:
        say("Sources: █ papers, · nothing new, ? stalled, ✗ failed or a list is missing")
        width = max(map(len, data["sources"]))
        for name, strip in data["sources"].items():
            say(f"  {name:<{width}}  " + "".join(_SIGNS[state] for state in strip[-COLUMNS:]))
    papers = data["papers"]
    _tell_series("Papers", {"all": papers, **dict(list(papers["by_field"].items())[:ROWS])})
    if data["topics"]:
        say("Active readers by topic")
        readers = [(t["topic"] or "(own queries)", t["readers"]) for t in data["topics"]]
        table(("topic", "readers"), readers[:ROWS], right=("readers",))
    say(data["not_counted"])
    return 0


def _tell_series(title: str, series: dict[str, dict[str, Any]]) -> None:
    from newsletter.charts import blocks
    from newsletter.charts.points import folded

    say(title)
    for name, one in series.items():
        drawn = blocks.spark(folded(one["by_day"], COLUMNS))
        say(f"  {name:<12}{one['total']:>10,}  {drawn}")


def _open_page(app: Any, data: dict[str, Any]) -> None:
    import tempfile
    import webbrowser
    from pathlib import Path

    from newsletter.web.statistics_page import statistics_page

    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="newsletter-stats-", suffix=".html", delete=False
    ) as file:
        file.write(statistics_page(app.config.site.name, data))
    note(f"written to {file.name}")
    webbrowser.open(Path(file.name).as_uri())
