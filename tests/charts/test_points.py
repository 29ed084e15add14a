"""Series of counters by day, and how they are drawn."""

from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.charts import blocks, svg
from newsletter.charts.points import STEPS, Series, series, steps
from newsletter.models import Signal

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def reading(value: float, days_ago: float, kind: str = "upvotes", source: str = "hf") -> Signal:
    return Signal("", kind, source, value, NOW - timedelta(days=days_ago))


def test_a_day_without_a_reading_keeps_the_total_of_the_day_before() -> None:
    [one] = series([reading(4, 3), reading(10, 1)], NOW)
    assert (one.kind, one.first, one.totals) == ("upvotes", date(2026, 11, 20), (4, 4, 10, 10))
    assert one.growth(NOW.date(), 5) == (0, 4, 0, 6, 0)


def test_the_last_reading_of_a_day_counts_and_sources_of_a_kind_are_added_up() -> None:
    read = [reading(1, 0.2), reading(5, 0.1), reading(3, 1, source="other")]
    [one] = series(read, NOW)
    assert one.totals == (3, 8)


def test_kinds_come_in_their_order_and_unknown_ones_not_at_all() -> None:
    read = [reading(1, 0, "comments"), reading(1, 0, "stars"), reading(1, 0, "tweets")]
    assert [one.kind for one in series(read, NOW)] == ["stars", "comments"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1])
def test_what_is_no_count_is_ignored(value: float) -> None:
    assert series([reading(value, 0)], NOW) == []


def test_readings_of_the_future_are_ignored() -> None:
    assert series([reading(9, -1)], NOW) == []


def test_a_counter_that_falls_did_not_grow() -> None:
    [one] = series([reading(9, 1), reading(2, 0)], NOW)
    assert one.growth(NOW.date(), 2) == (9, 0)


@given(st.lists(st.floats(0, 1e9), max_size=9))
def test_any_growth_is_seen_and_the_best_day_is_the_highest(growth: list[float]) -> None:
    heights = steps(growth)
    assert all((height > 0) == (one > 0) for height, one in zip(heights, growth, strict=True))
    assert max(heights, default=0) == (STEPS if max(growth, default=0) > 0 else 0)
    assert len(blocks.spark(growth)) == len(growth)
    ET.fromstring(str(svg.spark(growth)))


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=40))
def test_every_point_of_a_chart_stands_within_it(totals: list[float]) -> None:
    drawn = svg.chart(
        Series("upvotes", date(2026, 11, 1), tuple(totals)), "<&\"'", "{:.0f}".format, str
    )
    root = ET.fromstring(str(drawn)).find("svg")
    assert root is not None and root.get("aria-label") == "<&\"'"
    [line] = [path for path in root if path.get("class") == "line"]
    points = [tuple(map(float, one.split())) for one in line.get("d", "")[1:].split("L")]
    assert len(points) == len(totals)
    assert all(0 <= x <= svg.WIDTH and 0 <= y <= svg.HEIGHT for x, y in points)


@pytest.mark.parametrize(
    "most, ticks",
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (2, [0, 1, 2]),
        (7, [0, 5, 10]),
        (131, [0, 100, 200]),
        (40, [0, 20, 40]),
    ],
)
def test_the_numbers_at_the_side_are_round(most: float, ticks: list[float]) -> None:
    assert svg._ticks(most) == ticks
