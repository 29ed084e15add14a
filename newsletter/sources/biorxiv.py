"""bioRxiv and medRxiv: the preprints of the last days from their details API, page by page, server
by server.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from newsletter.config import Biorxiv
from newsletter.models import Ask, Harvest, Sighting, SourceState, Unit
from newsletter.sources.http import FetchError, Http
from newsletter.sources.json_access import listing, load, moment, number, record
from newsletter.sources.source_state import has_new, marks, overall
from newsletter.text.author_names import split_names
from newsletter.text.identifiers import doi
from newsletter.text.markup import TITLE_CHARS, clean, clean_affiliations, clean_names

MOST_DAYS = 14
MOST_PAGES = 200


class BiorxivSource:
    """Memory: `SERVER.ids`, the preprints of the last look; `SERVER.day`, when it last answered."""

    name = "biorxiv"

    def __init__(self, config: Biorxiv, http: Http) -> None:
        self._config = config
        self._http = http

    async def fetch(self, ask: Ask) -> Harvest:
        """Read the configured days, and more after an outage. Each server is a unit."""
        looks = [await self._look(server, ask) for server in self._config.servers]
        state, error = overall([unit for unit, *_ in looks])
        memory = dict(ask.memory)
        for unit, papers, _ in looks:
            if papers:
                memory[f"{unit.name}.ids"] = marks(papers)
            if unit.state is not SourceState.FAILED:
                memory[f"{unit.name}.day"] = f"{ask.now.astimezone(UTC).date()}"
        sightings = tuple(paper for _, papers, _ in looks for paper in papers.values())
        wait = max((wait for *_, wait in looks if wait), default=None)
        return Harvest(
            self.name, state, sightings, (), tuple(unit for unit, *_ in looks), error, memory, wait
        )

    async def _look(self, server: str, ask: Ask) -> tuple[Unit, dict[str, Sighting], float | None]:
        until = ask.now.astimezone(UTC).date()
        last = ask.memory.get(f"{server}.day") or (
            f"{ask.since.astimezone(UTC).date()}" if ask.since else f"{until}"
        )
        missed = (until - date.fromisoformat(last)).days
        since = until - timedelta(days=min(max(self._config.days, missed + 1), MOST_DAYS))
        try:
            papers = await self._pages(server, since, until, ask.now)
        except FetchError as e:
            return Unit(server, SourceState.FAILED, error=e.message), {}, e.retry_after_s
        known = ask.memory.get(f"{server}.ids", "")
        if papers:
            state = SourceState.FRESH if has_new(papers, known) else SourceState.QUIET
            return Unit(server, state, len(papers)), papers, None
        if known:
            return Unit(server, SourceState.STALLED, error=f"no preprint since {since}"), {}, None
        return Unit(server, SourceState.QUIET), {}, None

    async def _pages(
        self, server: str, since: date, until: date, now: datetime
    ) -> dict[str, Sighting]:
        """Advance by what was returned until a page is empty: page sizes change and totals are
        wrong.

        Raises:
            FetchError: a page could not be had; half a list would look like a whole one.
        """
        papers: dict[str, Sighting] = {}
        cursor = 0
        for _ in range(MOST_PAGES):
            address = f"{self._config.url.rstrip('/')}/{server}/{since}/{until}/{cursor}"
            content = await asyncio.to_thread(
                load, await self._http.get(address, accept="application/json")
            )
            message = record(next(iter(listing(content, "messages")), None))
            items = listing(content, "collection")
            if not items and "no posts found" not in str(message.get("status", "")):
                raise FetchError(
                    f"{address} answers "
                    f"{clean(str(message.get('status', 'without a status')), 200)}",
                    "status",
                )
            before = len(papers)
            for item in items:
                if paper := _paper(record(item), server, now):
                    known = papers.get(paper.source_id)
                    if known is None or paper.version >= known.version:
                        papers[paper.source_id] = paper
            if not items or len(papers) == before:  # the end, or a server that ignores the cursor
                break
            cursor += len(items)
        return papers


def _paper(item: Mapping[str, Any], server: str, now: datetime) -> Sighting | None:
    name = doi(item.get("doi"))
    title = clean(item.get("title"), TITLE_CHARS)
    if not name or not title:
        return None
    version = int(number(item.get("version")) or 1)
    category = re.sub(r"[^a-z0-9]+", "-", clean(item.get("category"), 60).lower()).strip("-")
    published = doi(item.get("published"))  # "NA" until a journal has it
    page = f"https://www.{server}.org/content/{name}v{version}"
    kind = clean(item.get("type"), 60).lower()
    return Sighting(
        source="biorxiv",
        source_id=name,
        title=title,
        abstract=clean(item.get("abstract")),
        authors=clean_names(split_names(clean(item.get("authors"), 200_000))),
        fields=(f"{server}.{category}",) if category else (),
        identifiers=(f"doi:{name}", f"doi:{published}") if published else (f"doi:{name}",),
        version=version,
        announce="new" if version == 1 else "replace",
        published=moment(item.get("date"), now) if version == 1 else None,
        affiliations=clean_affiliations([item.get("author_corresponding_institution")]),
        links={"abs": page, "pdf": f"{page}.full.pdf"},
        is_withdrawn="withdraw" in kind,
    )
