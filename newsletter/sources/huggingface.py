"""Hugging Face daily papers: the list of each day with upvotes, stars and comments.

The list of a day grows during the day and votes come for a week, so the days before are read again
each time. The format has changed over the years (strings instead of objects, wrappers, missing
keys); one bad item never ends the list.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from newsletter.config import HuggingFace
from newsletter.list_days import is_weekday
from newsletter.models import (
    Ask,
    DayList,
    Harvest,
    ListState,
    Sighting,
    Signal,
    SourceState,
    Unit,
)
from newsletter.source_rows import ONE_LIST
from newsletter.sources.http import Answer, FetchError, Http
from newsletter.sources.json_access import listing, load, moment, number, record
from newsletter.sources.source_state import (
    has_new,
    in_time,
    marks,
    overall,
    working_days_between,
)
from newsletter.text.descriptions import without_heading
from newsletter.text.identifiers import arxiv_id
from newsletter.text.markup import (
    MACHINE,
    STRIPPED,
    TITLE_CHARS,
    clean,
    clean_affiliations,
    clean_link,
    clean_names,
)

#: Items of a page from which a further page is requested.
PAGE = 30
MOST_PAGES = 100

Listed = tuple[Sighting, dict[str, float]]


class HuggingFaceSource:
    """Memory: `ids`, the papers of the last fetch; `news`, the day that last brought a paper."""

    name = "huggingface"

    def __init__(self, config: HuggingFace, http: Http) -> None:
        self._config = config
        self._http = http

    async def fetch(self, ask: Ask) -> Harvest:
        """Read the list of today and of the days before, and missed ones. Each day is a unit."""
        today = ask.now.astimezone(UTC).date()
        units: list[Unit] = []
        lists: list[DayList] = []
        papers: dict[str, Sighting] = {}
        signals: dict[tuple[str, str], Signal] = {}
        retry_after_s = None
        for day in _days(today, self._config.days, ask):
            try:
                async with in_time(ask):
                    found = await self._list(day, ask.now)
            except FetchError as e:
                units.append(Unit(f"{day}", SourceState.FAILED, error=e.message))
                was = ListState.MISSING if day < today else ListState.DUE
                lists.append(DayList(ONE_LIST, day, was, reason=e.message))
                retry_after_s = e.retry_after_s or retry_after_s
                continue
            lists.append(_day_list(day, len(found), today, self._config.days))
            is_news = has_new((paper.source_id for paper, _ in found), ask.memory.get("ids", ""))
            units.append(
                Unit(f"{day}", SourceState.FRESH if is_news else SourceState.QUIET, len(found))
            )
            for paper, counts in found:
                papers.setdefault(paper.source_id, paper)
                for kind, value in counts.items():
                    about = paper.identifiers[0]
                    signals.setdefault(
                        (about, kind), Signal(about, kind, self.name, value, ask.now)
                    )
        state, error = overall(units)
        memory = dict(ask.memory) | ({"ids": marks(papers)} if papers else {})
        if state is SourceState.FRESH:
            memory["news"] = f"{today}"
        elif state is SourceState.QUIET and _is_late(memory.get("news"), today):
            state, error = SourceState.STALLED, f"no new paper on any list since {memory['news']}"
        return Harvest(
            self.name,
            state,
            tuple(papers.values()),
            tuple(signals.values()),
            tuple(units),
            error,
            memory,
            retry_after_s,
            tuple(lists),
        )

    async def _list(self, day: date, now: datetime) -> list[Listed]:
        """Return a day's list, page by page until one has nothing new."""
        separator = "&" if "?" in self._config.url else "?"
        found: dict[str, Listed] = {}
        for page in range(MOST_PAGES):
            further = f"&p={page}" if page else ""
            answer = await self._http.get(
                f"{self._config.url}{separator}date={day}{further}", accept="application/json"
            )
            items = await asyncio.to_thread(_read, answer, now)
            before = len(found)
            for item in items:
                found.setdefault(item[0].source_id, item)
            if len(items) < PAGE or len(found) == before:
                break
        return list(found.values())


def _is_late(news: str | None, today: date) -> bool:
    """Return whether a whole working day has passed without a new paper; there are no lists at
    weekends.
    """
    return bool(news) and working_days_between(date.fromisoformat(str(news)), today) > 0


def _days(today: date, count: int, ask: Ask) -> list[date]:
    """Return the days to read, newest first: today in UTC, the configured days before, and missed
    ones.
    """
    days = [today - timedelta(days=n) for n in range(count + 1)]
    missed = sorted({one.day for one in ask.lists if not one.is_covered}, reverse=True)
    return [*days, *(day for day in missed if day < days[-1])]


def _day_list(day: date, seen: int, today: date, days: int) -> DayList:
    """Return what an answer covers. A list grows until its day is over, and an empty one may come
    late.
    """
    is_late = (today - day).days > days or not is_weekday(day)
    if day >= today or not (seen or is_late):
        return DayList(ONE_LIST, day, ListState.DUE, seen)
    return DayList(ONE_LIST, day, ListState.READ if seen else ListState.EMPTY, seen)


def _read(answer: Answer, now: datetime) -> list[Listed]:
    """Return the list's papers with their counters.

    Raises: FetchError: no list, or a list without a readable paper.
    """
    content = load(answer)
    items = listing(content, "data", "papers", "items", "results")
    if (
        not items
        and not isinstance(content, list)
        and not (isinstance(content, dict) and content.get("count") == 0)
    ):
        reason = clean(content.get("error"), 200) if isinstance(content, dict) else ""
        raise FetchError(
            f"{answer.url[:200]} holds no list of papers{': ' * bool(reason)}{reason}", "not-a-feed"
        )
    found = [paper for item in items[:1_000] if (paper := _paper(record(item), now))]
    if items and not found:
        raise FetchError(
            f"{answer.url[:200]} lists {len(items)} papers, but none can be read", "not-a-feed"
        )
    return found


def _paper(item: Mapping[str, Any], now: datetime) -> Listed | None:
    """Read one item. Votes, stars and the summary belong to the paper, comments to the item around
    it.
    """
    paper = record(item.get("paper")) or item
    found = arxiv_id(paper.get("id"))
    title = clean(paper.get("title") or item.get("title"), TITLE_CHARS, STRIPPED)
    if not found or not title:
        return None
    name = found[0]
    organization = record(paper.get("organization")) or record(item.get("organization"))
    links = {
        "abs": f"https://arxiv.org/abs/{name}",
        "pdf": f"https://arxiv.org/pdf/{name}",
        "discuss": f"https://huggingface.co/papers/{name}",
        "code": clean_link(paper.get("githubRepo")),
        "project": clean_link(paper.get("projectPage")),
    }
    sighting = Sighting(
        source="huggingface",
        source_id=name,
        title=title,
        abstract=without_heading(
            clean(paper.get("summary") or item.get("summary"), dialects=STRIPPED)
        ),
        authors=clean_names(_names(paper.get("authors"))),
        identifiers=(f"arxiv:{name}",),
        published=moment(paper.get("publishedAt"), now),
        summary=clean(paper.get("ai_summary"), 600, MACHINE),
        affiliations=clean_affiliations([organization.get("fullname") or organization.get("name")]),
        links={kind: url for kind, url in links.items() if url},
        is_withdrawn=bool(paper.get("withdrawnAt")),
    )
    counts = {
        "upvotes": number(paper.get("upvotes")),
        "stars": number(paper.get("githubStars")),
        "comments": number(item.get("numComments", paper.get("numComments"))),
    }
    return sighting, {kind: value for kind, value in counts.items() if value is not None}


def _names(authors: object) -> list[object]:
    """Return authors, which are objects or strings; hidden ones are variants of spelling that were
    removed from the page.
    """
    people = [author if isinstance(author, str) else record(author) for author in listing(authors)]
    return [
        p if isinstance(p, str) else p.get("name")
        for p in people
        if isinstance(p, str) or not p.get("hidden")
    ]
