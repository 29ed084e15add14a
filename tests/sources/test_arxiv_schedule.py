"""When arXiv should have something to say, and what its silence means."""

from datetime import UTC, date, datetime, timedelta

import pytest

from newsletter.list_days import (
    ARXIV,
    DAILY,
    WEEKDAYS,
    deadline,
    is_holiday,
    is_list_day,
    latest_list_day,
)
from newsletter.models import SourceState
from newsletter.sources.arxiv_schedule import judge
from newsletter.sources.source_state import marks

FRESH, QUIET, STALLED = SourceState.FRESH, SourceState.QUIET, SourceState.STALLED


def test_the_holidays_of_2026_have_no_announcement() -> None:
    listed = ((1, 1), (1, 19), (6, 19), (7, 3), (9, 7), (11, 26), (12, 25), (12, 29), (12, 31))
    assert all(is_holiday(date(2026, month, day)) for month, day in listed)


def test_ordinary_days_are_no_holidays() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert sum(is_holiday(day) for day in days) == 9
    assert [is_list_day(date(2026, 5, d)) for d in range(4, 11)] == [True] * 5 + [False] * 2
    assert latest_list_day(date(2026, 5, 10)) == date(2026, 5, 8)
    assert latest_list_day(date(2026, 11, 27)) == date(2026, 11, 25)  # the day after Thanksgiving


def test_submissions_close_at_14_on_the_last_working_day() -> None:
    assert deadline(date(2026, 5, 4)) == datetime(
        2026, 5, 1, 18, tzinfo=UTC
    )  # Friday, daylight-saving time
    assert deadline(date(2026, 2, 4)) == datetime(2026, 2, 3, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ids", "list_day", "today", "known", "known_day", "state"),
    [
        (["a"], "2026-05-04", "2026-05-04", "", None, FRESH),
        (["a"], None, "2026-05-04", "", None, FRESH),
        (["a"], "2026-05-05", "2026-05-04", "", None, FRESH),  # a list of tomorrow is still news
        (["a", "b"], "2026-05-04", "2026-05-04", "a", "2026-05-04", FRESH),
        (["a"], "2026-05-04", "2026-05-04", "a", "2026-05-04", QUIET),
        (["a"], "2026-05-01", "2026-05-03", "a", "2026-05-01", QUIET),
        (["a"], "2026-05-01", "2026-05-04", "", None, STALLED),
        (["a"], None, "2026-05-04", "a", "2026-05-01", STALLED),
        ([], None, "2026-05-03", "a", "2026-05-01", QUIET),
        ([], None, "2026-05-04", "", None, STALLED),
        ([], None, "2026-12-25", "", None, QUIET),
        (
            [],
            "2026-05-09",
            "2026-05-08",
            "",
            None,
            QUIET,
        ),  # Saturday's list while it is Friday evening in New York
    ],
)
def test_a_list_is_judged_by_its_day_and_by_what_was_known(
    ids: list[str],
    list_day: str | None,
    today: str,
    known: str,
    known_day: str | None,
    state: SourceState,
) -> None:
    days = [date.fromisoformat(day) if day else None for day in (list_day, known_day)]
    found, error = judge(ids, days[0], date.fromisoformat(today), marks(known), days[1])
    assert found is state
    assert bool(error) is (state is STALLED)


def test_the_list_of_a_holiday_may_come_and_the_one_after_it_need_not() -> None:
    """King's Day 2026 is Monday, 19 January: its list was announced on Sunday, Tuesday has none."""
    days = ARXIV.days(date(2026, 1, 16), date(2026, 1, 21))
    assert [day.day for day in days] == [16, 19, 20, 21]
    assert [day.day for day in days if ARXIV.must_have_list(day)] == [16, 21]


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (2025, "0101 0120 0619 0704 0901 1127 1225 1230"),
        (2026, "0101 0119 0619 0703 0907 1126 1225 1229 1231"),
        (2027, "0101 0118 0618 0704 0705 0906 1125 1224 1226 1227 1228 1229 1230 1231"),
        (2028, "0117 0619 0704 0904 1123 1225 1226 1227 1228 1229 1230 1231"),
    ],
)
def test_holidays_are_those_of_every_year(year: int, days: str) -> None:
    first = date(year, 1, 1)
    found = [day for n in range(365) if is_holiday(day := first + timedelta(days=n))]
    if is_holiday(date(year, 12, 31)) and date(year, 12, 31) not in found:  # a leap year
        found.append(date(year, 12, 31))
    assert " ".join(f"{day:%m%d}" for day in found) == days


def test_a_list_is_whole_when_it_appears_or_when_its_day_is_over() -> None:
    day = date(2026, 5, 4)
    assert ARXIV.due_at(day) == datetime(2026, 5, 4, 4, tzinfo=UTC)  # midnight in New York
    assert DAILY.due_at(day) == WEEKDAYS.due_at(day) == datetime(2026, 5, 5, tzinfo=UTC)


def test_at_weekends_a_list_may_come_and_only_that_of_every_day_must() -> None:
    week = [date(2026, 5, 4) + timedelta(days=n) for n in range(7)]
    assert DAILY.days(week[0], week[-1]) == WEEKDAYS.days(week[0], week[-1]) == week
    assert all(map(DAILY.must_have_list, week))
    assert [WEEKDAYS.must_have_list(day) for day in week] == [True] * 5 + [False] * 2
    assert (DAILY.patience, WEEKDAYS.patience) == (timedelta(hours=24), timedelta(days=5))


def test_the_monday_after_a_holiday_on_friday_needs_no_list() -> None:
    """On Sunday, 6 July 2025, arXiv made no announcement."""
    assert not is_list_day(date(2025, 7, 7)) and is_list_day(date(2025, 7, 8))
    assert is_list_day(date(2026, 11, 30))  # Thanksgiving is on a Thursday
    assert latest_list_day(date(2025, 7, 7)) == date(2025, 7, 3)
