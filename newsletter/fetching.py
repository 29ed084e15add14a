"""Get new papers and signals from the sources of a site, or papers from a file."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from newsletter import pipeline
from newsletter.config import Config
from newsletter.errors import InputError
from newsletter.models import Harvest, Sighting, SourceState
from newsletter.moments import iso
from newsletter.run_reports import Report
from newsletter.source_rows import IMPORT
from newsletter.sources.registry import build_sources, list_plans, open_http
from newsletter.stopwatch import Stopwatch
from newsletter.store import papers, runs
from newsletter.store.db import reading
from newsletter.store.locks import only_one


async def fetch_sources(
    engine: Engine, config: Config, now: datetime, only: Sequence[str], watch: Stopwatch
) -> Report:
    """Ask all sources, or those in `only`, and store what they said. The caller holds the run lock.

    Raises: InputError when a named source is not configured.
    """
    async with open_http(config) as http:
        sources = build_sources(config, http)
        names = [source.name for source in sources]
        for name in only:
            if name not in names:
                known = ", ".join(names) or "none is configured"
                raise InputError(f"no source {name!r}", hint=f"sources of this site: {known}")
        chosen = [source for source in sources if not only or source.name in only]
        with watch.stage("fetch"):
            harvests = await pipeline.gather(engine, chosen, now, list_plans(config))
    with watch.stage("dedupe"):
        pipeline.learn(engine, harvests, now)
    return _report(engine, [source.name for source in chosen], harvests, now)


def _report(
    engine: Engine, names: Sequence[str], harvests: Sequence[Harvest], now: datetime
) -> Report:
    with reading(engine) as connection:
        rows = runs.source_states(connection)
        total = papers.count(connection)
    asked = {harvest.source for harvest in harvests}
    sources = {}
    for name in names:
        row = rows.get(name, {})
        is_asked = name in asked
        resting = f"resting until {iso(row.get('not_before'))}"
        sources[name] = {
            "state": row.get("state", SourceState.QUIET),
            **{
                count: row[count] if is_asked else 0
                for count in ("seen", "new", "updated", "merged")
            },
            "error": row.get("error", "") if is_asked else resting,
        }
    problems = [
        f"{name}: {of['error']}"
        for name, of in sources.items()
        if of["state"] == SourceState.FAILED
    ]
    new = sum(of["new"] for of in sources.values())
    data = {"at": iso(now), "sources": sources, "papers": {"new": new, "total": total}}
    return Report(data, problems, is_unreachable=bool(harvests) and len(problems) == len(names))


def import_papers(engine: Engine, sightings: Sequence[Sighting], now: datetime) -> Counter[str]:
    """Store papers of a file as if a source had shown them. They count as first seen when they were
    published.

    Raises: Busy while a run holds the lock.
    """
    harvest = Harvest(IMPORT, SourceState.FRESH, tuple(sightings))
    with only_one(engine, "run"):
        return pipeline.learn(engine, [harvest], now, is_backdated=True)[IMPORT]
