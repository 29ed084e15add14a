"""When arXiv has something to say: announcement days, holidays and submission deadlines, in New
York time.

Source: https://info.arxiv.org/help/availability.html. New papers are announced at 20:00 on Sunday
to Thursday; the RSS list of a day appears at midnight and holds the announcement of the evening
before. So lists come Monday to Friday.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from newsletter.models import SourceState
from newsletter.sources.source_state import has_new

NEW_YORK = ZoneInfo("America/New_York")
_DEADLINE = time(14, 0, tzinfo=NEW_YORK)


def local_day(moment: datetime) -> date:
    """The day in New York, which is the day of the list."""
    return moment.astimezone(NEW_YORK).date()


def is_holiday(day: date) -> bool:
    """Whether arXiv makes no announcement on the evening of a day: US federal holidays and the days
    around New Year.
    """
    if (day.month, day.day) in ((1, 1), (6, 19), (12, 25), (12, 29), (12, 31)):
        return True
    if day.month == 7 and day.day in (3, 4, 5):
        return day == _observed(date(day.year, 7, 4))
    nth_weekday = (day.month, day.weekday(), (day.day - 1) // 7 + 1)
    return nth_weekday in ((1, 0, 3), (9, 0, 1), (11, 3, 4))  # King, Labor, Thanksgiving


def is_list_day(day: date) -> bool:
    """Whether a new list is due. The day after a holiday's evening has none; the holiday itself is
    forgiven too.
    """
    return day.weekday() < 5 and not is_holiday(day) and not is_holiday(day - timedelta(days=1))


def latest_list_day(day: date) -> date:
    """The day of the newest list that should be there."""
    while not is_list_day(day):
        day -= timedelta(days=1)
    return day


def list_days_between(after: date, before: date) -> list[date]:
    """Days with a list, both ends excluded. A holiday has one, announced on the evening before."""
    days = (after + timedelta(days=n) for n in range(1, (before - after).days))
    return [day for day in days if day.weekday() < 5 and not is_holiday(day - timedelta(days=1))]


def deadline(list_day: date) -> datetime:
    """When submissions for a day's list closed: 14:00 on the last working day before."""
    day = list_day - timedelta(days=1)
    while day.weekday() >= 5 or is_holiday(day):
        day -= timedelta(days=1)
    return datetime.combine(day, _DEADLINE).astimezone(UTC)


def judge(
    ids: list[str],
    list_day: date | None,
    today: date,
    known: str = "",
    known_day: date | None = None,
) -> tuple[SourceState, str]:
    """Decide what a category's list means, and say what is wrong with it.

    `known` are the marks and `known_day` the day of the list that was there at the last look.
    """
    if not ids:
        shown = max(list_day, today) if list_day else today
        if not is_list_day(shown):
            return SourceState.QUIET, ""
        return SourceState.STALLED, f"is empty, although a list was due on {shown:%A, %d %B}"
    due = latest_list_day(today)
    if list_day and list_day < due:
        return (
            SourceState.STALLED,
            f"still shows the list of {list_day:%A, %d %B}, although {due:%A}'s was due",
        )
    if has_new(ids, known):
        return SourceState.FRESH, ""
    if known_day and known_day < due:
        return (
            SourceState.STALLED,
            f"repeats the list of {known_day:%A, %d %B}, although {due:%A}'s was due",
        )
    return SourceState.QUIET, ""


def _observed(day: date) -> date:
    """A holiday on a Saturday is kept on Friday, one on a Sunday on Monday."""
    return day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))
