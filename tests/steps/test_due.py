"""Every reader's day comes exactly once, whatever clocks and zones do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from newsletter.steps.due import due, instant, is_mail_day, next_due


def test_B17_every_local_date_has_exactly_one_instant_in_every_zone() -> None:
    for zone in available_timezones():
        here = ZoneInfo(zone)
        days = near_changes(here)
        for hour in (0, 2, 7):
            wishes = {day: instant(day, hour, zone) for day in days}
            for day, at in wishes.items():
                assert at is not None, (zone, day)
                assert at.astimezone(here).date() == day, (zone, day)
                last = wishes.get(day - timedelta(days=1))
                assert last is None or timedelta(hours=20) < at - last < timedelta(hours=28), (
                    zone,
                    day,
                )


def near_changes(here: ZoneInfo) -> list[date]:
    """Of two years the first week, and three days to each side of a change of the clock. Every
    other day is like the one before it.
    """
    noons = [datetime(2026, 1, 1, 12) + timedelta(days=n) for n in range(730)]
    offsets = [here.utcoffset(noon) for noon in noons]
    changes = [n for n in range(1, 730) if offsets[n] != offsets[n - 1]]
    near = {*range(7), *(n + d for n in changes for d in range(-3, 4))}
    return [noons[n].date() for n in sorted(near) if n < 730]


def test_B17_a_wish_in_a_midnight_gap_is_served_right_after_it() -> None:
    assert instant(date(2026, 4, 24), 0, "Africa/Cairo") == datetime(2026, 4, 23, 22, tzinfo=UTC)
    assert instant(date(2026, 9, 6), 0, "America/Santiago") == datetime(2026, 9, 6, 4, tzinfo=UTC)


def test_B18_a_wish_in_an_overlap_is_the_first_of_the_two() -> None:
    assert instant(date(2026, 10, 25), 2, "Europe/Berlin") == datetime(2026, 10, 25, 0, tzinfo=UTC)


def test_a_date_that_a_zone_skipped_has_no_instant() -> None:
    assert instant(date(2011, 12, 30), 7, "Pacific/Apia") is None


def test_a_digest_is_due_from_its_hour_until_the_window_closes() -> None:
    rhythm = [("Europe/Berlin", 7, "weekdays")]
    monday = datetime(2026, 11, 23, 6, tzinfo=UTC)
    window = timedelta(hours=18)
    assert due(rhythm, monday - timedelta(seconds=1), window) == []
    assert [group.day for group in due(rhythm, monday, window)] == [date(2026, 11, 23)]
    assert len(due(rhythm, monday + timedelta(hours=17, minutes=59), window)) == 1
    assert due(rhythm, monday + window, window) == []


def test_a_late_start_after_midnight_still_serves_the_evening_before() -> None:
    groups = due([("UTC", 22, "daily")], datetime(2026, 11, 24, 3, tzinfo=UTC), timedelta(hours=18))
    assert [group.day for group in groups] == [date(2026, 11, 23)]


@pytest.mark.parametrize(
    ("rhythm", "days"), [("weekdays", 5), ("hot", 5), ("daily", 7), ("weekly", 1)]
)
def test_rhythms_choose_their_days(rhythm: str, days: int) -> None:
    assert (
        sum(is_mail_day(rhythm, date(2026, 11, 23) + timedelta(days=n)) for n in range(7)) == days
    )


def test_B20_an_unknown_zone_falls_back_to_utc() -> None:
    assert instant(date(2026, 11, 23), 7, "Mars/Olympus") == datetime(2026, 11, 23, 7, tzinfo=UTC)


def test_the_next_instant_is_the_earliest_of_all_rhythms() -> None:
    rhythms = [("UTC", 7, "weekly"), ("Asia/Tokyo", 7, "daily")]
    assert next_due(rhythms, datetime(2026, 11, 23, 8, tzinfo=UTC)) == datetime(
        2026, 11, 23, 22, tzinfo=UTC
    )
    assert next_due([], datetime(2026, 11, 23, 8, tzinfo=UTC)) is None
