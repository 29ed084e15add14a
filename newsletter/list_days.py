"""The days on which a source publishes a list, in the source's own time zone. Nothing is fetched.

arXiv announces at 20:00 in New York from Sunday to Thursday. The list of a day appears at midnight
with the announcement of the evening before. So lists come from Monday to Friday, but not after the
evening of a holiday (https://info.arxiv.org/help/availability.html).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
#: Submissions close at this hour of the last working day before a list.
_DEADLINE = time(14, 0, tzinfo=NEW_YORK)
_ONE = timedelta(days=1)
_NAMED = {2023: (27,), 2024: (26, 31), 2025: (30,), 2026: (29, 31)}


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the lists of a source come. `may_have_list`: a list is possible on the day;
    `must_have_list`: its absence needs an explanation.
    """

    zone: ZoneInfo
    may_have_list: Callable[[date], bool]
    must_have_list: Callable[[date], bool]
    is_whole_at_once: bool  #: False: a list grows until its day is over
    #: A list without explanation is called missing so long after it was due.
    patience: timedelta = timedelta(hours=24)

    def due_at(self, day: date) -> datetime:
        """Return the moment (UTC) from which the whole list of a day is available."""
        first = day if self.is_whole_at_once else day + _ONE
        return datetime.combine(first, time(0), self.zone).astimezone(UTC)

    def today(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def days(self, first: date, last: date) -> list[date]:
        """Return the days that may have a list, first and last included, oldest first."""
        span = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return [day for day in span if self.may_have_list(day)]


def is_weekday(day: date) -> bool:
    return day.weekday() < 5


def is_holiday(day: date) -> bool:
    """Return whether arXiv makes no announcement on the evening of a day.

    Of the federal holidays of the United States, arXiv observes New Year, King, Juneteenth,
    Independence, Labor, Thanksgiving and Christmas, and one or two days after Christmas.
    """
    return _is_federal(day) or (day.month == 12 and day.day in _after_christmas(day.year))


def _is_federal(day: date) -> bool:
    year = day.year
    fixed = [date(year, *of) for of in ((1, 1), (6, 19), (7, 4), (12, 25))]
    on_day = [holiday for holiday in fixed if holiday.weekday() != 5]
    if day in [*on_day, *map(_observed, [*fixed, date(year + 1, 1, 1)])]:
        return True
    nth_weekday = (day.month, day.weekday(), (day.day - 1) // 7 + 1)
    return nth_weekday in ((1, 0, 3), (9, 0, 1), (11, 3, 4))  # King, Labor, Thanksgiving


def _observed(day: date) -> date:
    """Return the day on which a holiday is observed: Friday for a Saturday, Monday for a Sunday (5
    U.S.C. 6103).
    """
    return day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))


def _after_christmas(year: int) -> Collection[int]:
    """Return the days of December that arXiv announced as free; for a year without announcement,
    all possible ones.
    """
    return _NAMED.get(year, range(26, 32))


def is_list_day(day: date) -> bool:
    """Return whether a new list of arXiv must come.

    It may be absent on a holiday itself and on the Monday after a holiday on a Friday: Sunday's
    announcement was left out once (2025-07-06).
    """
    is_long_weekend = day.weekday() == 0 and is_holiday(day - 3 * _ONE)
    return (
        is_weekday(day)
        and not is_holiday(day)
        and not is_holiday(day - _ONE)
        and not is_long_weekend
    )


def latest_list_day(day: date) -> date:
    """Return the day of the newest list that should exist."""
    while not is_list_day(day):
        day -= _ONE
    return day


def deadline(list_day: date, *, with_holidays: bool = True) -> datetime:
    """Return when submissions for a list closed (UTC): 14:00 on the last working day before.
    Without holidays, it is the latest possible moment.
    """
    day = list_day - _ONE
    while not is_weekday(day) or (with_holidays and _is_federal(day)):
        day -= _ONE
    return datetime.combine(day, _DEADLINE).astimezone(UTC)


ARXIV = Calendar(NEW_YORK, is_weekday, is_list_day, is_whole_at_once=True)
#: One list a day.
DAILY = Calendar(ZoneInfo("UTC"), lambda day: True, lambda day: True, is_whole_at_once=False)
#: One list on working days, which may be late; on weekends it may be empty.
WEEKDAYS = Calendar(
    ZoneInfo("UTC"),
    lambda day: True,
    is_weekday,
    is_whole_at_once=False,
    patience=timedelta(days=5),
)
