"""Hacker News as a signal: points and comments of posts that link to a paper."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from newsletter.config import HackerNews
from newsletter.models import Ask, Harvest, Signal, SourceState, Unit
from newsletter.sources.http import FetchError, Http
from newsletter.sources.json_access import listing, load, number, record
from newsletter.sources.source_state import overall
from newsletter.text.identifiers import identifiers

SITES = ("arxiv.org", "biorxiv.org", "medrxiv.org", "doi.org")
PAGE = 100
MOST_PAGES = 10


class HackerNewsSource:
    name = "hackernews"

    def __init__(self, config: HackerNews, http: Http) -> None:
        self._config = config
        self._http = http

    async def fetch(self, ask: Ask) -> Harvest:
        """Read the posts of the last days about each site of papers. Counters of posts about one
        paper are added up.
        """
        units: list[Unit] = []
        stories: dict[str, tuple[str, float, float]] = {}
        retry_after_s = None
        for site in SITES:
            try:
                found = await self._stories(site, ask)
            except FetchError as e:
                units.append(Unit(site, SourceState.FAILED, error=e.message))
                retry_after_s = e.retry_after_s or retry_after_s
                continue
            units.append(Unit(site, SourceState.FRESH if found else SourceState.QUIET, len(found)))
            stories |= found
        totals: dict[tuple[str, str], float] = {}
        for about, points, comments in stories.values():
            totals[about, "points"] = totals.get((about, "points"), 0) + points
            totals[about, "comments"] = totals.get((about, "comments"), 0) + comments
        signals = tuple(
            Signal(about, kind, self.name, value, ask.now)
            for (about, kind), value in totals.items()
        )
        state, error = overall(units)
        return Harvest(
            self.name, state, (), signals, tuple(units), error, retry_after_s=retry_after_s
        )

    async def _stories(self, site: str, ask: Ask) -> dict[str, tuple[str, float, float]]:
        """Return posts by id: (paper, points, comments). The search tolerates typing errors, so
        every link is checked (https://hn.algolia.com/api).
        """
        oldest = int((ask.now - timedelta(days=self._config.days)).timestamp())
        found: dict[str, tuple[str, float, float]] = {}
        for page in range(MOST_PAGES):
            options = {
                "query": site,
                "restrictSearchableAttributes": "url",
                "tags": "story",
                "numericFilters": f"created_at_i>{oldest},created_at_i<={int(ask.now.timestamp())}",
                "hitsPerPage": PAGE,
                "page": page,
            }
            answer = await self._http.get(
                f"{self._config.url}?{urlencode(options)}", accept="application/json"
            )
            content = await asyncio.to_thread(load, answer)
            if not isinstance(content, dict) or not isinstance(content.get("hits"), list):
                raise FetchError(
                    f"{self._config.url} answered without a list of stories", "not-a-feed"
                )
            hits = [record(hit) for hit in listing(content, "hits")]
            found |= {f"{hit.get('objectID')}": story for hit in hits if (story := _story(hit))}
            if len(hits) < PAGE:
                break
        return found


def _story(hit: dict[str, Any]) -> tuple[str, float, float] | None:
    link = hit.get("url")
    try:
        host = (urlsplit(link).hostname or "") if isinstance(link, str) else ""
    except ValueError:
        return None
    names = (
        identifiers([link])
        if any(host == site or host.endswith(f".{site}") for site in SITES)
        else ()
    )
    points = number(hit.get("points"))
    if not names or points is None:
        return None
    # A post starts with its author's own point, which is nobody's vote.
    return names[0], max(0.0, points - 1), number(hit.get("num_comments")) or 0.0
