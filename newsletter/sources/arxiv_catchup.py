"""Lists of arXiv that were missed: from the query API, or from OAI-PMH if the API is down."""

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from newsletter.config import Arxiv
from newsletter.list_days import deadline
from newsletter.models import Sighting
from newsletter.sources.arxiv_records import explanation, from_entry, from_oai, one_each
from newsletter.sources.http import FetchError, Http, Throttle
from newsletter.sources.json_access import number
from newsletter.sources.parsing import Document, parse

SLICE = 1_000  #: results per request; the API allows 2,000
MOST = 30_000  #: most results of one list; beyond this the API answers 400
EMPTY_PAGES = 3  #: the API sometimes answers with a valid, empty page: tries before it is believed

#: Archives that are in the OAI-PMH set "physics"; every other archive is its own set.
_PHYSICS = re.compile(
    "astro-ph|cond-mat|gr-qc|hep-(?:ex|lat|ph|th)|math-ph|nlin|nucl-(?:ex|th)|physics|quant-ph"
)


@dataclass(frozen=True, slots=True)
class Missed:
    """The list of one day that some categories miss."""

    day: date
    categories: tuple[str, ...]
    since: datetime  #: submitted after this; an earlier time does no harm
    #: A list is known to exist for that day: an answer without results is not believed alone.
    is_certain: bool

    @property
    def until(self) -> datetime:
        return deadline(self.day, with_holidays=False)


class CatchUp:
    """Fetches the papers of missed lists."""

    def __init__(self, config: Arxiv, http: Http, throttle: Throttle) -> None:
        self._config = config
        self._http = http
        self._throttle = throttle

    async def papers(self, missed: Missed, now: datetime) -> tuple[Sighting, ...]:
        """Return the papers of one list, oldest first. None: there was none.

        Raises: FetchError: neither the query API nor OAI-PMH gave a complete answer.
        """
        try:
            return await self._query(missed, now)
        except FetchError as api:
            try:
                return await self._harvest(missed, now)
            except FetchError as oai:
                raise FetchError(
                    f"{api.message}; {oai.message}", api.reason, retry_after_s=api.retry_after_s
                ) from oai

    async def _query(self, missed: Missed, now: datetime) -> tuple[Sighting, ...]:
        """Page through the API (user-manual.md section 3.1.1); pages may overlap, so papers are
        counted, not rows.
        """
        categories = " OR ".join(f"cat:{category}" for category in missed.categories)
        period = f"submittedDate:[{missed.since:%Y%m%d%H%M} TO {missed.until:%Y%m%d%H%M}]"
        found: list[Sighting] = []
        start, total, empty = 0, 1, 0
        while start < min(total, MOST) or not found:
            page = await self._page(f"({categories}) AND {period}", start)
            said = number(page.head.get("opensearch_totalresults"))
            total = int(said or 0) or total * bool(found)
            found += [sighting for entry in page.entries if (sighting := from_entry(entry, now))]
            start += len(page.entries)
            empty = 0 if page.entries else empty + 1
            if empty == EMPTY_PAGES and not (total or missed.is_certain):
                return ()
            if empty == EMPTY_PAGES:
                raise FetchError(
                    f"arXiv's query API stopped at {start:,} of {total:,} results", "truncated"
                )
        return one_each(found)

    async def _page(self, query: str, start: int) -> Document:
        options = {"search_query": query, "start": start, "max_results": SLICE}
        order = {"sortBy": "submittedDate", "sortOrder": "ascending"}
        address = f"{self._config.api_url}?{urlencode({**options, **order})}"
        page = await asyncio.to_thread(
            parse, await self._http.get(address, throttle=self._throttle)
        )
        if reason := explanation(page):
            raise FetchError(f"arXiv's query API answers: {reason}", "status")
        return page

    async def _harvest(self, missed: Missed, now: datetime) -> tuple[Sighting, ...]:
        """Harvest by date of change. A record that was submitted before the period is a change of a
        paper, not a new one.
        """
        found: list[Sighting] = []
        for category in missed.categories:
            options = {
                "metadataPrefix": "arXiv",
                "from": f"{missed.since:%Y-%m-%d}",
                "until": f"{missed.day}",
                "set": oai_set(category),
            }
            while options:
                address = f"{self._config.oai_url}?{urlencode({'verb': 'ListRecords', **options})}"
                answer = await self._http.get(address, throttle=self._throttle)
                records, token = await asyncio.to_thread(from_oai, answer.body, now)
                found += records
                options = {"resumptionToken": token} if token and len(found) < MOST else {}
        oldest = datetime.combine(missed.since.date(), datetime.min.time(), UTC)
        return one_each(
            replace(
                paper,
                announce="new" if paper.published and paper.published >= oldest else "replace",
            )
            for paper in found
        )


def oai_set(category: str) -> str:
    """Return the OAI-PMH set of a category: "cs:cs:AI", "physics:hep-ex", "physics:astro-ph:GA"."""
    archive, _, subject = category.partition(".")
    group = "physics" if _PHYSICS.fullmatch(archive) else archive
    return ":".join(part for part in (group, archive, subject) if part)
