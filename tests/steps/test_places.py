"""What one reading of a counter may do to a paper's place in its field."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from newsletter.models import Paper, Signal
from newsletter.steps.places import STEP, TOP, Entry, ranked
from newsletter.steps.trend import trend

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def order(counts: Mapping[int, list[Signal]]) -> list[int]:
    """Papers of one field, hottest first."""
    papers = [
        Paper(f"p{key}", "A title", key, fields=("cs.CL",), first_seen=NOW - 9 * HOUR)
        for key in counts
    ]
    heats = trend(papers, counts, NOW)
    return sorted(heats, key=lambda key: (-heats[key].value, key))


def votes(*values: float, source: str = "huggingface", kind: str = "upvotes") -> list[Signal]:
    """Readings of a counter, an hour apart, the last one now."""
    last = len(values) - 1
    return [
        Signal("arxiv:1", kind, source, value, NOW - (last - n) * HOUR)
        for n, value in enumerate(values)
    ]


def field(number: int = 30) -> dict[int, list[Signal]]:
    """Papers 1, 2, … with 60, 58, … upvotes, and as many an hour ago."""
    return {n: votes(62 - 2 * n, 62 - 2 * n) for n in range(1, number + 1)}


def test_twenty_votes_in_one_reading_move_a_paper_at_most_three_places() -> None:
    before = field()
    places = {key: place for place, key in enumerate(order(before))}
    for key, (first, last) in before.items():
        after = before | {key: [first, Signal("", "upvotes", last.source, last.value + 20, NOW)]}
        moved = places[key] - order(after).index(key)
        assert 0 <= moved <= STEP
        assert places[key] < TOP or order(after).index(key) >= TOP
        others = [one for one in order(before) if one != key]
        assert [one for one in order(after) if one != key] == others


def test_a_second_source_opens_the_first_three_places() -> None:
    papers = field() | {5: votes(52, 90)}
    assert order(papers).index(5) == TOP
    assert 5 in order(papers | {5: [*papers[5], *votes(9, 9, source="hn", kind="points")]})[:TOP]
    # Stars are GitHub's, whoever passes them on.
    assert 5 in order(papers | {5: [*papers[5], *votes(300, 300, kind="stars")]})[:TOP]
    # Comments of the same list are not.
    assert order(papers | {5: [*papers[5], *votes(9, 9, kind="comments")]}).index(5) == TOP


def test_what_has_stood_for_a_day_counts_in_full() -> None:
    old = [
        Signal("", "upvotes", "huggingface", 4, NOW - 30 * HOUR),
        Signal("", "upvotes", "huggingface", 99, NOW - 25 * HOUR),
    ]
    assert order(field() | {20: old})[0] == 20
    fresh = [old[0], Signal("", "upvotes", "huggingface", 99, NOW - 23 * HOUR)]
    assert order(field() | {20: fresh}).index(20) > TOP


def test_a_paper_that_is_met_with_its_votes_stands_where_they_put_it() -> None:
    assert order(field() | {20: votes(99)})[0] == 20


ENTRIES = st.lists(
    st.tuples(st.floats(0.1, 100), st.floats(0, 1), st.booleans()), min_size=1, max_size=40
).map(
    lambda rows: [
        Entry(key, warmth, warmth * part, both) for key, (warmth, part, both) in enumerate(rows)
    ]
)


@given(ENTRIES)
def test_places_are_given_out_once_each(entries: list[Entry]) -> None:
    found = ranked(entries)
    assert sorted(found.values()) == sorted(entry.warmth for entry in entries)
    assert found.keys() == {entry.key for entry in entries}


@given(ENTRIES)
def test_without_jumps_everybody_keeps_their_warmth(entries: list[Entry]) -> None:
    calm = [Entry(one.key, one.warmth, one.warmth, one.has_two_sources) for one in entries]
    assert ranked(calm) == {one.key: one.warmth for one in calm}


@given(ENTRIES, st.integers(0, 39), st.floats(0, 50))
def test_more_of_a_reading_never_costs_a_place(entries: list[Entry], at: int, more: float) -> None:
    one = entries[at % len(entries)]
    raised = [
        Entry(e.key, e.warmth + more * (e is one), e.before, e.has_two_sources) for e in entries
    ]

    def hotter(found: dict[int, float]) -> int:
        return sum(value > found[one.key] for value in found.values())

    assert hotter(ranked(raised)) <= hotter(ranked(entries))
