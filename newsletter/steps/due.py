"""Who is due: local dates turned into instants. Pure; the database knows who has a letter already.

The clock only has to ask often. A reader's day is computed with zoneinfo, so a change to
daylight-saving time, a restart or a late start can neither skip a day nor repeat one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True, slots=True)
class Due:
    """Readers of one time zone, hour and rhythm whose digest of one local date is due."""

    timezone: str
    hour: int
    rhythm: str
    day: date  #: the local date, which is the issue's date
    wish: datetime  #: UTC; the first instant of that date that is not before the wished hour


def due(rhythms: Iterable[tuple[str, int, str]], now: datetime, window: timedelta) -> list[Due]:
    """Return what is due at `now`: wished for at most `window` ago. Earliest first."""
    found = []
    for timezone, hour, rhythm in rhythms:
        local = now.astimezone(zone(timezone)).date()
        for day in (local - timedelta(days=1), local):
            wish = instant(day, hour, timezone)
            if wish is not None and wish <= now < wish + window and is_mail_day(rhythm, day):
                found.append(Due(timezone, hour, rhythm, day, wish))
    return sorted(found, key=lambda due: (due.wish, due.timezone, due.rhythm))


def days_due(group: Due, since: datetime, until: datetime) -> list[date]:
    """Return the local dates whose digest was due in (since, until] for readers of that zone, hour
    and rhythm.
    """
    first, last = (moment.astimezone(zone(group.timezone)).date() for moment in (since, until))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    wishes = {day: instant(day, group.hour, group.timezone) for day in days}
    return [
        day
        for day, wish in wishes.items()
        if wish is not None and since < wish <= until and is_mail_day(group.rhythm, day)
    ]


def next_due(rhythms: Iterable[tuple[str, int, str]], now: datetime) -> datetime | None:
    """Return the next instant at which somebody is due."""
    instants = []
    for timezone, hour, rhythm in rhythms:
        local = now.astimezone(zone(timezone)).date()
        for day in (local + timedelta(days=n) for n in range(9)):
            wish = instant(day, hour, timezone)
            if wish is not None and wish > now and is_mail_day(rhythm, day):
                instants.append(wish)
                break
    return min(instants, default=None)


def instant(day: date, hour: int, timezone: str) -> datetime | None:
    """Return when a local hour begins: in a gap the first instant after it, in an overlap the first
    of the two. None when the zone skipped the whole date (Samoa, 30 December 2011).
    """
    here = zone(timezone)
    at = datetime.combine(day, time(hour), here).astimezone(UTC)
    return at if at.astimezone(here).date() == day else None


def is_mail_day(rhythm: str, day: date) -> bool:
    """Return whether readers of a rhythm may get mail on a day: none at weekends for weekday and
    hot-only readers.
    """
    if rhythm == "weekly":
        return day.weekday() == 0
    return rhythm == "daily" or day.weekday() < 5


def zone(name: str) -> ZoneInfo:
    """Return the time zone of that name; UTC for one that the system does not know any more."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
