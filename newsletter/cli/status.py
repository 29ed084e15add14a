"""The state of the site (readers, letters, sources), and the report of a run, for people."""

from __future__ import annotations

from typing import Any

from newsletter.cli.options import At
from newsletter.cli.output import as_called, emit, mark, moment, open_app, say, table

SIGNS = {"fresh": "ok", "quiet": "ok", "stalled": "warn", "failed": "fail"}


def status(at: At = None) -> int:
    """Show what happened, what waits, and the state of each source."""
    from newsletter import site_queries

    app = open_app()
    data = site_queries.status(app.engine, app.config, moment(at))
    if emit(data):
        return 0
    say("Readers   " + "   ".join(f"{n} {state}" for state, n in data["readers"].items()))
    say("Letters   " + "   ".join(f"{n} {state}" for state, n in data["ledger"].items()))
    tell_sources(data["sources"])
    for trouble in data["troubles"]:
        name = f"{trouble['source']} {trouble['unit']}".rstrip()
        say(
            f"{mark(SIGNS[trouble['state']])} {name}: {trouble['state']} since "
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
    for check in data["health"]:
        if not check["ok"] and check["name"] in ("tick", "answers", "letters"):
            say(f"{mark('fail')} {check['said']}")
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
    tell_waiting(data["waiting"])
    say(f"Next      {data['next_due'] or 'nobody is waiting'}")
    for sentence in data["out_of_balance"]:
        say(f"{mark('fail')} {sentence}")
    return 1 if data["out_of_balance"] else 0


def tell_waiting(waiting: dict[str, Any]) -> None:
    """Print today's letters that were not sent yet, then what is due next."""
    number = waiting["letters"] + waiting["answers"]
    if waiting["said"]:
        say(f"{mark('fail')} {waiting['said']}")
    elif number:
        say(f"Waiting   {number} letter{'s' * (number != 1)} should leave now: newsletter send")


def tell_sources(sources: dict[str, dict[str, Any]]) -> None:
    rows = []
    for name, source in sources.items():
        counts = f"{source['seen']} seen, {source['new']} new, {source['merged']} merged"
        rows.append(
            (
                f"{mark(SIGNS[source['state']])} {name}",
                source["state"],
                _brief(source["error"]) or counts,
            )
        )
    if rows:
        table(("source", "state", "said"), rows)


def _brief(error: str) -> str:
    """Return the first trouble and the number of others; `fetch --json` has all."""
    first, *more = error.split("; ")
    first = first if len(first) <= 110 else first[:109] + "…"
    return f"{first} (and {len(more)} more)" if more else first


def tell_issues(issues: list[dict[str, Any]]) -> None:
    if not issues:
        say("Nothing was due, nothing was waiting.")
    for issue in issues:
        parts = [
            f"{issue[state]} {state}"
            for state in ("sent", "refused", "deferred", "held", "pending", "expired")
        ]
        said = ", ".join(part for part in parts if not part.startswith("0 "))
        say(f"Issue {issue['date']}: {said or 'no letter'}; quiet day for {issue['quiet']}")
