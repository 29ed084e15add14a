"""bioRxiv and medRxiv: preprints of the last days from their details API, page by page, one server
after the other.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from newsletter.config import Biorxiv
from newsletter.models import (
    Ask,
    DayList,
    Harvest,
    ListState,
    RecordKind,
    Sighting,
    SourceState,
    Unit,
)
from newsletter.sources.http import FetchError, Http
from newsletter.sources.json_access import listing, load, moment, number, record
from newsletter.sources.source_state import has_new, in_time, marks, overall
from newsletter.text.authors import split_names
from newsletter.text.descriptions import without_ends, without_heading
from newsletter.text.identifiers import doi
from newsletter.text.markup import PREPRINT, TITLE_CHARS, clean, clean_affiliations, clean_names
from newsletter.text.statements import judged

ONE_DAY = timedelta(days=1)
#: Most days of one request when many were missed: newest first, so that the oldest remain.
SPAN_DAYS = 7
#: Most pages of several days, after which each day is requested alone; and most pages of one day.
SPAN_PAGES, DAY_PAGES = 200, 3_000


@dataclass
class _Look:
    """The result of one server, as far as it was read."""

    papers: dict[str, Sighting] = field(default_factory=dict)
    lists: list[DayList] = field(default_factory=list)
    problem: FetchError | None = None


class BiorxivSource:
    """Memory: `SERVER.ids`, the preprints of the last fetch."""

    name = "biorxiv"

    def __init__(self, config: Biorxiv, http: Http) -> None:
        self._config = config
        self._http = http

    async def fetch(self, ask: Ask) -> Harvest:
        """Read the configured days, and those that were missed. Each server is a unit."""
        units, memory = [], dict(ask.memory)
        papers: list[Sighting] = []
        lists: list[DayList] = []
        waits: list[float] = []
        for server in self._config.servers:
            look = await self._look(server, ask)
            units.append(_unit(server, look, ask.memory.get(f"{server}.ids", "")))
            if look.papers:
                memory[f"{server}.ids"] = marks(look.papers)
            papers += look.papers.values()
            lists += look.lists
            if look.problem and look.problem.retry_after_s:
                waits.append(look.problem.retry_after_s)
        state, error = overall(units)
        return Harvest(
            self.name,
            state,
            tuple(papers),
            units=tuple(units),
            error=error,
            memory=memory,
            retry_after_s=max(waits, default=None),
            lists=tuple(lists),
        )

    async def _look(self, server: str, ask: Ask) -> _Look:
        """Request spans of days, newest first. What was read before a failure is kept."""
        look, today = _Look(), ask.now.astimezone(UTC).date()
        missed = {one.day for one in ask.lists if one.unit == server and not one.is_covered}
        spans = _spans(today, today - timedelta(days=self._config.days), missed - {today})
        while spans:
            since, until = spans.pop(0)
            most = DAY_PAGES if since == until else SPAN_PAGES
            try:
                async with in_time(ask):
                    found = await self._pages(server, (since, until), ask.now, look.papers, most)
            except FetchError as e:
                if e.reason == "too-long" and since < until:
                    middle = since + (until - since) // 2
                    spans[:0] = [(middle + ONE_DAY, until), (since, middle)]
                    continue
                look.problem = e
                late = sorted(d for d in missed | {today} if d <= until)
                look.lists += [
                    DayList(
                        server,
                        day,
                        ListState.MISSING if day < today else ListState.DUE,
                        reason=e.message,
                    )
                    for day in late
                ]
                break
            look.lists += _read_lists(server, since, until, found, today)
        return look

    async def _pages(
        self,
        server: str,
        span: tuple[date, date],
        now: datetime,
        papers: dict[str, Sighting],
        most: int,
    ) -> Counter[date]:
        """Put the preprints of some days into `papers`; return the number of records per day.

        The cursor advances by the returned records until a page is empty: page sizes change and
        totals are wrong. A page may have only known records; a repeated page means that the server
        ignores the cursor.

        Raises: FetchError: a page could not be fetched, or there are too many.
        """
        days: Counter[date] = Counter()
        before: list[tuple[object, object]] = []
        cursor = 0
        for _ in range(most):
            address = f"{self._config.url.rstrip('/')}/{server}/{span[0]}/{span[1]}/{cursor}"
            content = await asyncio.to_thread(
                load, await self._http.get(address, accept="application/json")
            )
            message = record(next(iter(listing(content, "messages")), None))
            items = [record(item) for item in listing(content, "collection")]
            if not items and "no posts found" not in str(message.get("status", "")):
                raise FetchError(
                    f"{address} answers "
                    f"{clean(str(message.get('status', 'without a status')), 200)}",
                    "status",
                )
            shown = [(item.get("doi"), item.get("version")) for item in items]
            if not items or shown == before:
                return days
            before = shown
            for item in items:
                if paper := _paper(item, server, now):
                    known = papers.get(paper.source_id)
                    papers[paper.source_id] = _latest(known, paper) if known else paper
                if at := moment(item.get("date"), now):
                    days[at.date()] += 1
            cursor += len(items)
        raise FetchError(f"{server} has more than {most:,} pages for {span[0]}", "too-long")


def _latest(one: Sighting, other: Sighting) -> Sighting:
    """Return the newer of two versions. It counts as new if the first version is among them."""
    newer = other if other.version >= one.version else one
    first = next((paper for paper in (one, other) if paper.announce == "new"), newer)
    published = newer.published or first.published
    return replace(newer, announce=first.announce, published=published)


def _unit(server: str, look: _Look, known: str) -> Unit:
    if look.problem and not any(one.is_covered for one in look.lists):
        return Unit(server, SourceState.FAILED, len(look.papers), look.problem.message)
    error = f"older days are still missing: {look.problem.message}" if look.problem else ""
    if look.papers:
        state = SourceState.FRESH if has_new(look.papers, known) else SourceState.QUIET
        return Unit(server, SourceState.STALLED if error else state, len(look.papers), error)
    if known:
        return Unit(server, SourceState.STALLED, error="no preprint in the last days")
    return Unit(server, SourceState.QUIET)


def _spans(today: date, first: date, missed: Collection[date]) -> list[tuple[date, date]]:
    """Return the days to request, in spans, newest first; the newest begins with `first`, or
    earlier.
    """
    oldest = min([*missed, first])
    spans, until = [], today
    while until >= oldest:
        since = max(min(until - SPAN_DAYS * ONE_DAY, first), oldest)
        if until == today or any(since <= day <= until for day in missed):
            spans.append((since, until))
        until = since - ONE_DAY
    return spans


def _read_lists(
    server: str, since: date, until: date, found: Mapping[date, int], today: date
) -> Iterator[DayList]:
    """Yield the lists that an answer covers. Today's list grows until the day is over."""
    for day in (since + timedelta(days=n) for n in range((until - since).days + 1)):
        read = ListState.READ if found.get(day) else ListState.EMPTY
        yield DayList(server, day, ListState.DUE if day == today else read, found.get(day, 0))


def _paper(item: Mapping[str, Any], server: str, now: datetime) -> Sighting | None:
    name = doi(item.get("doi"))
    title = clean(item.get("title"), TITLE_CHARS, PREPRINT)
    if not name or not title:
        return None
    version = int(number(item.get("version")) or 1)
    category = re.sub(r"[^a-z0-9]+", "-", clean(item.get("category"), 60).lower()).strip("-")
    published = doi(item.get("published"))  # "NA" until a journal has it
    page = f"https://www.{server}.org/content/{name}v{version}"
    abstract = without_heading(without_ends(clean(item.get("abstract"), dialects=PREPRINT)))
    said = judged(title, abstract)
    is_withdrawn = "withdraw" in clean(item.get("type"), 60).lower() or said.kind in (
        RecordKind.WITHDRAWN,
        RecordKind.RETRACTED,
    )
    return Sighting(
        source="biorxiv",
        source_id=name,
        title=said.title,
        abstract=abstract,
        authors=clean_names(split_names(clean(item.get("authors"), 200_000))),
        fields=(f"{server}.{category}",) if category else (),
        identifiers=(f"doi:{name}", f"doi:{published}") if published else (f"doi:{name}",),
        version=version,
        announce="new" if version == 1 else "replace",
        published=moment(item.get("date"), now) if version == 1 else None,
        affiliations=clean_affiliations([item.get("author_corresponding_institution")]),
        links={"abs": page, "pdf": f"{page}.full.pdf"},
        is_withdrawn=is_withdrawn,
        kind=RecordKind.WITHDRAWN if is_withdrawn and said.kind.is_paper else said.kind,
    )
