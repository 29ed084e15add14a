"""arXiv: the list of the day from its feeds, one per category, and missed lists.

One request per category, because a feed over several is cut at 2,000 rows and new papers are cut
first. One request every three seconds on one connection, for all of arXiv's hosts (terms of use of
the API).
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from newsletter.config import Arxiv
from newsletter.list_days import deadline, is_list_day, is_weekday, latest_list_day
from newsletter.models import Ask, DayList, Harvest, ListState, Sighting, SourceState, Unit
from newsletter.sources.arxiv_catchup import CatchUp, Missed
from newsletter.sources.arxiv_records import explanation, from_entry, one_each
from newsletter.sources.arxiv_schedule import judge, local_day
from newsletter.sources.http import Answer, FetchError, Http, Throttle, conditional, validators
from newsletter.sources.parsing import Document, moment, parse
from newsletter.sources.source_state import has_new, in_time, marks, overall

ACCEPT = "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5"
CUT = 2_000  #: most rows of a feed; a longer list lacks new papers
MOST = 10_000  #: most papers that one fetch catches up with; the rest follows at the next
#: After this many lists that the API did not give completely, the API is in trouble.
MOST_IN_DOUBT = 3


@dataclass(frozen=True, slots=True)
class _Look:
    """The result of one category's feed."""

    unit: Unit
    sightings: tuple[Sighting, ...] = ()
    memory: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None
    is_sent_away: bool = False  #: asked to wait: no further request until then
    read: date | None = None  #: the day whose list this was
    is_empty: bool = False  #: a list without papers
    is_cut: bool = False  #: it has the most rows of a feed: new papers were cut off


@dataclass(frozen=True, slots=True)
class _Recovered:
    """The result of catching up: one unit, or none when nothing was missed."""

    units: tuple[Unit, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    lists: tuple[DayList, ...] = ()
    retry_after_s: float | None = None


class ArxivSource:
    """Memory: per category `NAME.day` and `NAME.ids` of the last list and its validators."""

    name = "arxiv"

    def __init__(self, config: Arxiv, http: Http) -> None:
        self._config = config
        self._http = http
        self._throttle = Throttle(config.interval_s)
        self._catch_up = CatchUp(config, http, self._throttle)

    async def fetch(self, ask: Ask) -> Harvest:
        """Fetch every category's list of the day, then missed lists, newest first."""
        looks: list[_Look] = []
        for category in self._config.categories:
            is_sent_away = any(look.is_sent_away for look in looks)
            looks.append(
                _unasked(category, ask) if is_sent_away else await self._look(category, ask)
            )
        looks = _explained(looks, local_day(ask.now))
        lists = tuple(_lists(looks, local_day(ask.now)))
        recovered = _Recovered()
        if not any(look.is_sent_away for look in looks):
            recovered = await self._recover(_missed(ask, looks, lists), ask)
        units = (*(_settled(look, recovered, ask) for look in looks), *recovered.units)
        state, error = overall(units)
        memory = {name: value for look in looks for name, value in look.memory.items()}
        waits = [w for w in (*(k.retry_after_s for k in looks), recovered.retry_after_s) if w]
        told = [*(look.sightings for look in looks), recovered.sightings]
        papers = one_each(paper for part in told for paper in part)
        return Harvest(
            self.name,
            state,
            papers,
            units=units,
            error=error,
            memory=memory,
            retry_after_s=max(waits, default=None),
            lists=(*lists, *recovered.lists),
        )

    async def _look(self, category: str, ask: Ask) -> _Look:
        mine = {
            name: value for name, value in ask.memory.items() if name.startswith(f"{category}.")
        }
        today, known_day = local_day(ask.now), _day(mine.get(f"{category}.day"))
        try:
            address = f"{self._config.url.rstrip('/')}/{category}"
            async with in_time(ask):
                answer = await self._http.get(
                    address,
                    headers=conditional(mine, category),
                    accept=ACCEPT,
                    throttle=self._throttle,
                )
            if answer.is_unchanged:
                # The list is the known one and is judged like it.
                state, error = judge(["known"], known_day, today, marks(["known"]), known_day)
                read = None if state is SourceState.STALLED else known_day
                return _Look(Unit(category, state, error=error), memory=mine, read=read)
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
        list_day, known = _list_day(document, ask.now), mine.get(f"{category}.ids", "")
        state, error = judge(ids, list_day, today, known, known_day)
        is_repeated = state is SourceState.STALLED and not has_new(ids, known)
        shown = list_day or (today if has_new(ids, known) else known_day)
        read = None if is_repeated or not ids else shown
        if ids:
            mine = {f"{category}.day": f"{list_day or today}", f"{category}.ids": marks(ids)}
            if state is not SourceState.STALLED:
                mine |= validators(answer, category)
        return _Look(
            Unit(category, state, len(ids), error),
            sightings,
            mine,
            read=read,
            is_empty=not ids,
            is_cut=document.total >= CUT,
        )

    async def _recover(self, missed: Sequence[Missed], ask: Ask) -> _Recovered:
        """Fetch missed lists one by one; what was read is kept, whatever happens to the others.

        A list that the API does not give completely is left out; after a few of them, or when
        nothing answers, so are all further ones.
        """
        papers: list[Sighting] = []
        lists: list[DayList] = []
        left: list[Missed] = []
        problems: list[FetchError] = []
        for number, one in enumerate(missed):
            if len(papers) >= MOST or len(problems) == MOST_IN_DOUBT:
                left += missed[number:]
                break
            try:
                async with in_time(ask):
                    found = await self._catch_up.papers(one, ask.now)
            except FetchError as e:
                problems.append(e)
                if e.reason != "truncated":
                    left += missed[number:]
                    break
                left.append(one)
                continue
            papers += found
            lists += _read_lists(one, found, local_day(ask.now))
        if not missed:
            return _Recovered()
        error = ""
        problem = next(iter(problems), FetchError("the rest comes at the next look", "later"))
        if left:
            days = _days_in_words(missed, left)
            error = f"the lists of {days} are still missing: {problem.message}"
            lists += [
                DayList(category, one.day, ListState.MISSING, reason=problem.message)
                for one in left
                for category in one.categories
            ]
        fine = SourceState.FRESH if papers else SourceState.QUIET
        unit = Unit("catch-up", SourceState.STALLED if left else fine, len(papers), error)
        waits = (problem.retry_after_s for problem in problems)
        wait = max((wait for wait in waits if wait), default=None)
        return _Recovered((unit,), tuple(papers), tuple(lists), wait)


def _days_in_words(missed: Sequence[Missed], left: Sequence[Missed]) -> str:
    """Return the days of lists that are still missing, newest first: the first and the last, or
    each of them if other days lie between.
    """
    first = missed.index(left[0])
    if list(missed[first : first + len(left)]) == list(left):
        return f"{left[-1].day} to {left[0].day}"
    return ", ".join(f"{one.day}" for one in reversed(left))


def _unasked(category: str, ask: Ask) -> _Look:
    mine = {name: value for name, value in ask.memory.items() if name.startswith(f"{category}.")}
    return _Look(
        Unit(category, SourceState.FAILED, error="not asked: arXiv wants to be left alone for now"),
        memory=mine,
    )


def _explained(looks: list[_Look], today: date) -> list[_Look]:
    """Mark an empty list as a category without papers that day if others came."""
    if not any(look.read and look.read >= today for look in looks):
        return looks
    return [
        replace(look, unit=Unit(look.unit.name, SourceState.QUIET), read=today)
        if look.is_empty and is_weekday(today)
        else look
        for look in looks
    ]


def _settled(look: _Look, recovered: _Recovered, ask: Ask) -> Unit:
    """Return a category's unit: quiet when its empty list was confirmed elsewhere and nothing else
    is wrong.
    """
    asked = {(one.unit, one.day): one.state for one in recovered.lists}
    state = asked.get((look.unit.name, local_day(ask.now)))
    if look.is_empty and state not in (None, ListState.MISSING):
        return Unit(look.unit.name, SourceState.QUIET)
    return look.unit


def _lists(looks: Sequence[_Look], today: date) -> Iterator[DayList]:
    for look in looks:
        name, seen = look.unit.name, look.unit.seen
        if look.read and not look.is_cut:
            state = ListState.EMPTY if look.is_empty else ListState.READ
            yield DayList(name, look.read, state, seen)
        elif look.unit.error and is_weekday(today):
            yield DayList(name, today, ListState.DUE, reason=look.unit.error)


def _missed(ask: Ask, looks: Sequence[_Look], lists: Sequence[DayList]) -> list[Missed]:
    """Return the lists that are not covered, newest first. Today's is included if the feed is empty
    and no other category explains that.
    """
    today = local_day(ask.now)
    done = {(one.unit, one.day) for one in lists if one.is_covered}
    names = {look.unit.name for look in looks}
    in_doubt = {look.unit.name for look in looks if _is_in_doubt(look)}
    days: dict[date, list[str]] = defaultdict(list)
    for one in ask.lists:
        is_open = not one.is_covered and (one.unit, one.day) not in done and one.unit in names
        is_askable = one.day < today or (
            one.day == today and one.unit in in_doubt and is_list_day(today)
        )
        if is_open and is_askable:
            days[one.day].append(one.unit)
    empty = {one.day for one in ask.lists} - {
        one.day for one in ask.lists if one.state is not ListState.EMPTY
    }
    read = {one.day for one in ask.lists if one.state is ListState.READ and one.day < today}
    last = max(read, default=date.min)  # the API would know by now what came before it
    return [
        Missed(day, tuple(days[day]), _closed_before(day, empty), is_list_day(day) and day > last)
        for day in sorted(days, reverse=True)
    ]


def _is_in_doubt(look: _Look) -> bool:
    """Return whether today's list must be asked for elsewhere: the feed is empty, or was cut."""
    return (look.is_empty and not look.read) or look.is_cut


def _closed_before(day: date, empty: Collection[date]) -> datetime:
    """Return when submissions closed for the last certain list before a day."""
    before = latest_list_day(day - timedelta(days=1))
    while before in empty:
        before = latest_list_day(before - timedelta(days=1))
    return deadline(before)


def _read_lists(missed: Missed, papers: Sequence[Sighting], today: date) -> Iterator[DayList]:
    """Yield the lists that an answer covers. An empty list of today may still come: it is asked for
    again tomorrow.
    """
    none = ListState.DUE if missed.day == today else ListState.EMPTY
    for category in missed.categories:
        seen = sum(category in paper.fields for paper in papers if paper.announce == "new")
        yield DayList(category, missed.day, ListState.READ if seen else none, seen)


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
    """Return the day of a list: midnight in New York, in the channel (RSS) or the entries (Atom).

    The form before 2024 was dated by the evening of the announcement, which belongs to the next
    day's list. An empty Atom feed has no such date: its `updated` is only when it was written.
    """
    far = now + timedelta(days=400)  # not clamped: a replay may ask about the past
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
    """Return why it failed. A 400 has a feed with an explanation."""
    try:
        return (error.answer and explanation(parse(error.answer))) or error.message
    except FetchError:
        return error.message


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
