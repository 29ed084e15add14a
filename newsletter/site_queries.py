"""Queries about a site that only read its database."""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from newsletter.config import Config
from newsletter.health import alerts
from newsletter.health import site as site_health
from newsletter.health import sources as source_health
from newsletter.matching import breadth
from newsletter.matching.index import Index
from newsletter.matching.query import parse
from newsletter.models import MATCH_CUT, Paper
from newsletter.moments import iso
from newsletter.sources.registry import list_plans
from newsletter.steps.due import next_due
from newsletter.store import (
    acronyms,
    due_readers,
    ledger_read,
    paper_search,
    papers,
    runs,
    source_lists,
    spellings,
    subscribers,
    waiting,
)
from newsletter.store.db import reading
from newsletter.text.identifiers import identifiers


def status(engine: Engine, config: Config, now: datetime) -> dict[str, Any]:
    """Return the state of a site: readers, ledger, sources, the last run and the next one."""
    with reading(engine) as connection:
        last, rows = runs.last_run(connection), runs.source_states(connection)
        return {
            "at": iso(now),
            "readers": subscribers.count_states(connection),
            "ledger": ledger_read.counts(connection),
            "sources": {name: _in_words(row) for name, row in rows.items()},
            **source_health.as_json(rows),
            "waiting": _waiting(connection, now),
            "health": [one.as_json() for one in site_health.checks(connection, config.health, now)],
            "hints": [*source_health.moves(rows), *alerts.standing(connection, now)],
            "catch_up": source_lists.figures(connection, list_plans(config), now),
            "no_content": runs.fact(connection, "no_content"),
            "last_run": last and _in_words(last),
            "next_due": iso(next_due(due_readers.rhythms(connection), now)),
            "out_of_balance": ledger_read.check(connection, latest=ledger_read.RECENT),
        }


def _waiting(connection: Connection, now: datetime) -> dict[str, Any]:
    """Return the letters that should have left by now, and what is known of the relay."""
    letters = waiting.overdue(connection, now)
    answers = waiting.overdue(connection, now, is_answers=True)
    relay = runs.fact(connection, site_health.RELAY) or {}
    return {
        "letters": letters.number,
        "answers": answers.number,
        "oldest": iso(letters.oldest),
        "relay_away_since": relay.get("since"),
        "next_try": relay.get("next_try") or None,
        "said": site_health.relay_said(connection, now),
    }


def now_at_work(engine: Engine, config: Config, now: datetime) -> dict[str, Any]:
    """Return what the site does at this moment: issues on their way, claims, slow receivers,
    sources, and what is wrong. Times are text; rates are letters a second.
    """
    with reading(engine) as connection:
        sources = runs.source_states(connection)
        last = runs.last_run(connection)
        return {
            "at": iso(now),
            "issues": [
                {**_in_words(asdict(one)), "seconds_left": one.seconds_left}
                for one in waiting.issues_in_progress(connection, now)
            ],
            "waiting": _waiting(connection, now),
            "claims": [_in_words(asdict(one)) for one in waiting.claimed(connection)],
            "put_off": [_in_words(asdict(one)) for one in waiting.put_off(connection)],
            "sources": {
                name: {"state": row["state"], "at": iso(row["at"]), "error": row["error"]}
                for name, row in sources.items()
            },
            "health": [one.as_json() for one in site_health.checks(connection, config.health, now)],
            "run": last and {"started": iso(last["started"]), "finished": iso(last["finished"])},
        }


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its days and times as text."""

    def text(value: Any) -> Any:
        if isinstance(value, datetime):
            return iso(value)
        return value.isoformat() if isinstance(value, date) else value

    return {name: text(value) for name, value in row.items()}


def has_waiting(engine: Engine, now: datetime, *, is_answers: bool = False) -> bool:
    """Return whether a letter could be sent now; `is_answers`: a mail that answers a person."""
    with reading(engine) as connection:
        return ledger_read.has_waiting(connection, now, is_answers=is_answers)


def search(engine: Engine, text: str, limit: int = 20) -> list[tuple[Paper, float]]:
    """Find stored papers, best first, each with its score.

    The database's index gives the candidates, so the cost does not grow with the site. Papers that
    hold all of the query come first; if they are fewer than `limit`, papers with some of its words
    follow. Raises: QueryError with the position.
    """
    query = parse(text)
    with reading(engine) as connection:
        meant = acronyms.of_query(connection, query)
        expanded = meant.expand(query)
        splits = spellings.known(connection, expanded)
        found = papers.shown(connection, paper_search.find(connection, expanded, limit))
        matches = Index(found, splits, meant).search(query, limit, is_loose=False)
        if len(matches) < limit:
            known = {paper.key for paper in found}
            more = [key for key in paper_search.find_loosely(connection, query) if key not in known]
            found += papers.shown(connection, more)
            matches = Index(found, splits, meant).search(query, limit)
    by_key = {paper.key: paper for paper in found}
    return [(by_key[match.paper], match.score) for match in matches]


def find_paper(connection: Connection, text: str) -> Paper:
    """Find a stored paper by an id, a DOI or a link. Raises: NotFound."""
    text = text.strip()
    names = identifiers([text])
    found = papers.having(connection, names) if names else []
    return papers.get(connection, found[0].id if found else text)


def similar(engine: Engine, paper: Paper, limit: int = 5) -> list[Paper]:
    """Find the stored papers that are most like a paper, best first."""
    with reading(engine) as connection:
        shares = paper_search.shares_of_terms(connection)
        found = papers.shown(connection, paper_search.find_alike(connection, paper, shares))
    by_key = {one.key: one for one in found}
    matches = Index([paper, *found]).similar(paper.key, limit, shares=shares)
    return [by_key[match.paper] for match in matches]


class TopicTest(NamedTuple):
    """What a topic would have brought."""

    query: str  #: in canonical form
    read_as: str  #: the query with acronyms and their long forms
    papers: list[tuple[Paper, float]]  #: papers with their scores, best first, also below the cut
    warning: breadth.TooBroad | None


def topic_test(engine: Engine, query: str, now: datetime, days: int) -> TopicTest:
    """Try a query on the papers of the last days. Raises: QueryError with the position."""
    asked = parse(query)
    with reading(engine) as connection:
        recent = papers.recent(connection, now - timedelta(days=days), now)
        meant = acronyms.of_query(connection, asked)
    by_key = {paper.key: paper for paper in recent}
    found = Index(recent, acronyms=meant).weigh(asked)
    above = {match.paper for match in found if match.score >= MATCH_CUT}
    weighed = [(by_key[match.paper], match.score) for match in found]
    return TopicTest(str(asked), str(meant.expand(asked)), weighed, breadth.warning(recent, above))
