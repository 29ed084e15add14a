"""arXiv: the list of the day from its feeds, category by category, and the lists that were missed.

One request per category, because a feed over several is cut at 2,000 rows, new papers first to go.
Three seconds and one connection over all of arXiv's hosts (terms of use of the API).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from newsletter.config import Arxiv
from newsletter.list_days import latest_list_day
from newsletter.models import Ask, Harvest, Sighting, SourceState, Unit
from newsletter.sources.arxiv_catchup import CatchUp
from newsletter.sources.arxiv_records import explanation, from_entry, one_each
from newsletter.sources.arxiv_schedule import judge, list_days_between, local_day
from newsletter.sources.http import Answer, FetchError, Http, Lane, conditional, validators
from newsletter.sources.parsing import Document, moment, parse
from newsletter.sources.source_state import marks, overall

ACCEPT = "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5"
MOST_DAYS_BACK = 30


@dataclass(frozen=True, slots=True)
class _Look:
    """What one category's feed gave."""

    unit: Unit
    sightings: tuple[Sighting, ...] = ()
    memory: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None
    is_sent_away: bool = False  #: told to come back later: nothing else is asked before


class ArxivSource:
    """Memory: per category `NAME.day` and `NAME.ids` of the last list and its validators;
    `covered`, the last list day of which every category is known.
    """

    name = "arxiv"

    def __init__(self, config: Arxiv, http: Http) -> None:
        self._config = config
        self._http = http
        self._lane = Lane(config.interval_s)
        self._catch_up = CatchUp(config, http, self._lane)

    async def fetch(self, ask: Ask) -> Harvest:
        """Look at every category's list of the day; catch up when list days were missed since the
        last good look.
        """
        looks: list[_Look] = []
        for category in self._config.categories:
            is_sent_away = any(look.is_sent_away for look in looks)
            looks.append(
                _unasked(category, ask) if is_sent_away else await self._look(category, ask)
            )
        is_complete = all(
            look.unit.state in (SourceState.FRESH, SourceState.QUIET) for look in looks
        )
        due = latest_list_day(local_day(ask.now))
        covered, missed = _missed(ask, due)
        if missed and not any(look.is_sent_away for look in looks):
            recovered = await self._recover(missed, ask.now)
            looks.append(recovered)
            covered = covered if recovered.unit.state is SourceState.STALLED else missed[-1]
        if is_complete and not list_days_between(covered, due):
            covered = max(covered, due)
        units = tuple(look.unit for look in looks)
        state, error = overall(units)
        memory = {name: value for look in looks for name, value in look.memory.items()} | {
            "covered": f"{covered}"
        }
        waits = [look.retry_after_s for look in looks if look.retry_after_s]
        papers = one_each(sighting for look in looks for sighting in look.sightings)
        return Harvest(self.name, state, papers, (), units, error, memory, max(waits, default=None))

    async def _look(self, category: str, ask: Ask) -> _Look:
        mine = {
            name: value for name, value in ask.memory.items() if name.startswith(f"{category}.")
        }
        today, known_day = local_day(ask.now), _day(mine.get(f"{category}.day"))
        try:
            address = f"{self._config.url.rstrip('/')}/{category}"
            answer = await self._http.get(
                address, headers=conditional(mine, category), accept=ACCEPT, lane=self._lane
            )
            if answer.is_unchanged:
                # The list is the one we know, so it is judged as that one.
                state, error = judge(["known"], known_day, today, marks(["known"]), known_day)
                return _Look(Unit(category, state, error=error), memory=mine)
            document, sightings = await asyncio.to_thread(_read, answer, ask.now)
        except FetchError as e:
            unit = Unit(category, SourceState.FAILED, error=await asyncio.to_thread(_reason, e))
            is_sent_away = e.answer is not None and (
                e.answer.status == 429 or "retry-after" in e.answer.headers
            )
            return _Look(
                unit, memory=mine, retry_after_s=e.retry_after_s, is_sent_away=is_sent_away
            )
        ids = [f"{sighting.source_id}v{sighting.version}" for sighting in sightings]
        list_day = _list_day(document, ask.now)
        state, error = judge(ids, list_day, today, mine.get(f"{category}.ids", ""), known_day)
        if ids:
            mine = {f"{category}.day": f"{list_day or today}", f"{category}.ids": marks(ids)}
            if state is not SourceState.STALLED:
                mine |= validators(answer, category)
        return _Look(Unit(category, state, len(ids), error), sightings, mine)

    async def _recover(self, missed: list[date], now: datetime) -> _Look:
        try:
            papers = await self._catch_up.papers(missed, now)
        except FetchError as e:
            error = f"the lists of {missed[0]} to {missed[-1]} are still missing: {e.message}"
            return _Look(
                Unit("catch-up", SourceState.STALLED, error=error), retry_after_s=e.retry_after_s
            )
        return _Look(
            Unit("catch-up", SourceState.FRESH if papers else SourceState.QUIET, len(papers)),
            papers,
        )


def _unasked(category: str, ask: Ask) -> _Look:
    mine = {name: value for name, value in ask.memory.items() if name.startswith(f"{category}.")}
    return _Look(
        Unit(category, SourceState.FAILED, error="not asked: arXiv wants to be left alone for now"),
        memory=mine,
    )


def _missed(ask: Ask, due: date) -> tuple[date, list[date]]:
    """The last list day that is covered, and the list days between it and the one that is due
    now.
    """
    covered = _day(ask.memory.get("covered")) or (local_day(ask.since) if ask.since else None)
    if covered is None:  # the first look ever: nothing was missed
        covered = latest_list_day(due - timedelta(days=1))
    return covered, list_days_between(max(covered, due - timedelta(days=MOST_DAYS_BACK)), due)


def _read(answer: Answer, now: datetime) -> tuple[Document, tuple[Sighting, ...]]:
    document = parse(answer)
    if reason := explanation(document):
        raise FetchError(reason, "status")
    found = [sighting for entry in document.entries if (sighting := from_entry(entry, now))]
    if document.entries and not found:
        raise FetchError(
            f"{answer.url[:200]} has {document.total:,} entries, but no papers", "not-a-feed"
        )
    return document, one_each(found)


def _list_day(document: Document, now: datetime) -> date | None:
    """The day that a list is for: midnight in New York stands in the channel (RSS) or in the
    entries (Atom).

    The form before 2024 was dated by the evening of the announcement, which belongs to the next
    day's list. An empty Atom feed has no such date: its `updated` is only the moment it was
    written.
    """
    far = now + timedelta(days=400)  # not clamped: a replay may be asked about the past
    if document.version == "rss10":
        announced = moment(document.head.get("updated_parsed"), far)
        return local_day(announced) + timedelta(days=1) if announced else None
    dates = [
        document.head.get("published_parsed"),
        *(entry.get("published_parsed") for entry in document.entries[:1]),
    ]
    at = next((at for value in dates if (at := moment(value, far))), None)
    return local_day(at) if at else None


def _reason(error: FetchError) -> str:
    """Why it failed. A 400 comes with a feed that says so."""
    try:
        return (error.answer and explanation(parse(error.answer))) or error.message
    except FetchError:
        return error.message


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
