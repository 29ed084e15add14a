"""Heat: a law for every counter, a place within the own field, and facts that are true as they are
worded.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import trend_quality
from newsletter.models import Fact, Heat, Paper, Signal
from newsletter.steps.trend import trend

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def paper(key: int, field: str = "cs.CL", age: timedelta = 5 * HOUR) -> Paper:
    return Paper(
        f"p{key}",
        "A title",
        key,
        fields=(field,) if field else (),
        first_seen=NOW - age,
        published=NOW - age,
    )


def reading(
    value: float, kind: str = "upvotes", ago: timedelta = HOUR, source: str = "huggingface"
) -> Signal:
    return Signal("arxiv:1", kind, source, value, NOW - ago)


def heats(counts: Sequence[float], field: str = "cs.CL", kind: str = "upvotes") -> dict[int, Heat]:
    """A field in which paper n has counts[n - 1] of something."""
    papers = [paper(n, field) for n in range(1, len(counts) + 1)]
    return trend(papers, {n: [reading(v, kind)] for n, v in enumerate(counts, 1) if v}, NOW)


# -- levels ----------------------------------------------------------------------------------------


def test_levels_are_the_top_of_the_field() -> None:
    words = [heat.word for heat in heats(list(range(1000, 0, -1))).values()]
    assert (
        words.count("Surging"),
        words.count("Hot"),
        words.count("Rising"),
        words.count("Early"),
    ) == (
        10,
        40,
        100,
        850,
    )


def test_a_paper_without_any_signal_is_early_and_below_all_that_have_one() -> None:
    result = heats([0] * 150 + [1] * 2)
    assert {result[n].level for n in range(1, 151)} == {1}
    assert result[151].value > result[1].value
    assert result[1].facts == ()


def test_a_silent_field_is_lukewarm() -> None:
    result = heats([0] * 200)
    assert {heat.value for heat in result.values()} == {0.5}
    assert {heat.level for heat in result.values()} == {1}


@pytest.mark.parametrize(
    ("count", "word"), [(4, "Early"), (5, "Rising"), (10, "Hot"), (24, "Hot"), (25, "Surging")]
)
def test_a_word_needs_evidence_where_nobody_else_has_any(count: int, word: str) -> None:
    assert heats([0] * 499 + [count])[500].word == word


def test_many_papers_that_are_alike_are_not_all_at_the_top() -> None:
    assert {heat.level for heat in heats([3] * 200).values()} == {1}


def test_mathematics_is_never_measured_against_machine_learning() -> None:
    learning = [paper(n, "cs.LG") for n in range(1, 301)]
    mathematics = [paper(n, "math.AG") for n in range(301, 501)]
    signals = {n: [reading(50 + n)] for n in range(1, 301)}
    signals |= {301: [reading(5, "mentions", source="hackernews")]}
    result = trend([*learning, *mathematics], signals, NOW)
    assert result[301].word == "Surging"
    assert result[301].field == "math.AG"
    alone = trend(mathematics, signals, NOW)
    assert alone == {n: result[n] for n in range(301, 501)}


def test_a_small_category_is_measured_within_its_archive() -> None:
    small = [paper(n, "cs.DL") for n in range(1, 6)]
    large = [paper(n, "cs.CL") for n in range(6, 306)]
    result = trend([*small, *large], {n: [reading(n)] for n in range(1, 306)}, NOW)
    assert (result[5].field, result[300].field) == ("cs", "cs.CL")
    assert result[5].level == 1


def test_a_lone_paper_is_measured_against_the_usual_spread() -> None:
    def level(count: float) -> int:
        return heats([count], "q-bio.NC")[1].level

    assert [level(count) for count in (0, 1, 40, 120, 900)] == [1, 1, 2, 3, 4]


def test_papers_without_a_field_are_measured_against_all_fields() -> None:
    known = [paper(n, "cs.CL") for n in range(1, 301)]
    unknown = [paper(n, "") for n in range(301, 401)]
    signals = {n: [reading(100 + n)] for n in range(1, 301)} | {350: [reading(30)]}
    result = trend([*known, *unknown], signals, NOW)
    assert result[350].word == "Early" and result[350].field == ""
    assert result[300].word == "Surging"


def test_a_famous_repository_makes_no_paper_rise() -> None:
    papers = [paper(n) for n in range(1, 301)]
    famous, grown, own = reading(90_000, "stars", 2 * DAY), reading(99_000, "stars"), 1000.0
    result = trend(papers, {1: [famous], 2: [reading(own, "stars")], 3: [famous, grown]}, NOW)
    assert result[1].word == "Early"
    assert result[1].components["attention"] == result[2].components["attention"]
    assert result[3].components["attention"] > result[2].components["attention"]


def test_a_fact_is_of_the_last_seven_days() -> None:
    old = paper(1, age=30 * DAY)
    silent = [reading(300, ago=20 * DAY)]
    assert trend([old], {1: silent}, NOW)[1].facts == ()
    again = [*silent, reading(340)]
    assert trend([old], {1: again}, NOW)[1].facts == (Fact("upvotes", 40, 7),)


# -- age -------------------------------------------------------------------------------------------


def test_of_two_papers_with_as_many_upvotes_the_younger_is_hotter() -> None:
    young, middle, old = paper(1, age=2 * HOUR), paper(2, age=8 * HOUR), paper(3, age=6 * DAY)
    result = trend([old, young, middle], {n: [reading(30)] for n in (1, 2, 3)}, NOW)
    assert result[1].value > result[2].value > result[3].value


def test_an_old_paper_can_still_heat_up() -> None:
    old = paper(1, age=6 * DAY)
    others = [paper(n, age=DAY) for n in range(2, 200)]
    signals = {
        1: [reading(1, ago=5 * DAY), reading(390, ago=2 * HOUR), reading(400)],
        **{n: [reading(n / 4)] for n in range(2, 200)},
    }
    assert trend([old, *others], signals, NOW)[1].word == "Surging"


def test_a_paper_that_was_old_when_it_was_listed_is_less_warm() -> None:
    fresh = paper(1)
    late = replace(paper(2), published=NOW - 90 * DAY)
    result = trend([fresh, late], {1: [reading(4)], 2: [reading(4)]}, NOW)
    assert result[1].value > result[2].value


def test_the_guess_about_a_new_paper_fades_as_its_own_votes_come_in() -> None:
    """One listed on its own date is given more in advance than an old one. After six days that
    hardly counts.
    """

    def lead(age: timedelta) -> float:
        papers = [paper(1, age=age), replace(paper(2, age=age), published=NOW - age - 90 * DAY)]
        result = trend(papers, {n: [reading(4)] for n in (1, 2)}, NOW)
        return result[1].components["warmth"] / result[2].components["warmth"]

    assert lead(HOUR) > 1.4
    assert 1 < lead(6 * DAY) < 1.1


# -- counters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [-5.0, 0.0, math.nan, math.inf, -math.inf])
def test_readings_that_cannot_be_are_ignored(value: float) -> None:
    assert heats([value, 3])[1] == heats([0, 3])[1]


def test_readings_from_the_future_and_unknown_kinds_are_ignored() -> None:
    papers = [paper(1), paper(2)]
    odd = {1: [reading(9, ago=-DAY), reading(9, "claps")]}
    assert trend(papers, odd, NOW) == trend(papers, {}, NOW)


def test_a_reading_given_twice_counts_once_and_two_sources_of_stars_are_one_counter() -> None:
    papers = [paper(1), paper(2)]
    once = {1: [reading(9)], 2: [reading(50, "stars", source="github")]}
    twice = {1: [reading(9)] * 2, 2: [reading(50, "stars", source="github"), reading(50, "stars")]}
    assert trend(papers, once, NOW) == trend(papers, twice, NOW)


def test_the_components_say_how_it_was_computed() -> None:
    heat = heats([40, 20, 0])[1]
    assert heat.components["attention"] == 40
    assert heat.components["hotter"] == 0
    assert heat.components["field_papers"] == 3


# -- facts -----------------------------------------------------------------------------------------


def facts(readings: Sequence[Signal], age: timedelta = 30 * HOUR) -> tuple[Fact, ...]:
    return trend([paper(1, age=age)], {1: readings}, NOW)[1].facts


def test_a_fact_is_the_count_and_the_days_it_took() -> None:
    assert facts([reading(100, ago=20 * HOUR), reading(312)]) == (Fact("upvotes", 312, 1),)
    assert facts([reading(7)], age=3 * HOUR) == (Fact("upvotes", 7, 0),)


def test_the_strongest_fact_comes_first() -> None:
    found = facts(
        [reading(3, "comments"), reading(20), reading(9, "mentions", source="hackernews")]
    )
    assert [fact.kind for fact in found] == ["mentions", "upvotes", "comments"]


def test_a_paper_met_with_its_upvotes_counts_them_from_its_own_date() -> None:
    late = replace(paper(1, age=timedelta(0)), published=NOW - 4 * DAY)
    assert trend([late], {1: [reading(90, ago=timedelta(0))]}, NOW)[1].facts == (
        Fact("upvotes", 90, 4),
    )


def test_stars_are_a_fact_only_as_far_as_they_were_gained_since() -> None:
    assert facts([reading(1200, "stars")]) == ()
    assert facts([reading(1200, "stars", ago=2 * DAY), reading(1260, "stars")], 3 * DAY) == (
        Fact("stars", 60, 2),
    )


# -- laws ------------------------------------------------------------------------------------------

_SIGNALS = st.builds(
    Signal,
    about=st.just("arxiv:1"),
    kind=st.sampled_from(["upvotes", "stars", "comments", "points", "mentions", "odd"]),
    source=st.sampled_from(["huggingface", "hackernews"]),
    value=st.one_of(st.floats(), st.integers(0, 500).map(float)),
    at=st.integers(-300, 48).map(lambda hours: NOW + hours * HOUR),
)
_PAPERS = st.lists(
    st.builds(
        paper,
        st.integers(1, 6),
        st.sampled_from(["cs.CL", "cs.DL", "math.AG", ""]),
        st.integers(-50, 400).map(lambda hours: hours * HOUR),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda p: p.key,
)
_READINGS = st.dictionaries(st.integers(1, 6), st.lists(_SIGNALS, max_size=5), max_size=6)


@given(_PAPERS, _READINGS)
@settings(max_examples=200, deadline=None)
def test_heat_is_always_a_number_between_0_and_1(
    papers: list[Paper], signals: Mapping[int, list[Signal]]
) -> None:
    result = trend(papers, signals, NOW)
    assert set(result) == {p.key for p in papers}
    for heat in result.values():
        assert 0 <= heat.value <= 1
        assert heat.level in (1, 2, 3, 4)
        assert all(math.isfinite(value) for value in heat.components.values())
        assert all(fact.count >= 1 and fact.days >= 0 for fact in heat.facts)


@given(_PAPERS, _READINGS, st.data())
@settings(max_examples=300, deadline=None)
def test_more_of_any_counter_never_cools_a_paper(
    papers: list[Paper], signals: dict[int, list[Signal]], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from([p.key for p in papers]))
    own = signals.get(key, [])
    if not own:
        return
    which = data.draw(st.integers(0, len(own) - 1))
    if not math.isfinite(own[which].value):
        return
    if own[which].kind == "stars":  # the more there were at first, the fewer were gained
        return
    raised = list(own)
    raised[which] = replace(own[which], value=own[which].value + data.draw(st.integers(1, 100)))
    before, after = (
        trend(papers, signals, NOW)[key],
        trend(papers, {**signals, key: raised}, NOW)[key],
    )
    assert after.value >= before.value
    assert after.level >= before.level


@given(_PAPERS, _READINGS, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_papers_and_readings_changes_nothing(papers, signals, chance) -> None:
    shuffled = {key: chance.sample(own, len(own)) for key, own in signals.items()}
    assert trend(chance.sample(papers, len(papers)), shuffled, NOW) == trend(papers, signals, NOW)


def test_ten_thousand_papers_take_less_than_a_second() -> None:
    fields = ["cs.CL", "cs.LG", "cs.CV", "math.AG", "q-bio.NC"]
    papers = [paper(n, fields[n % 5], age=n % 160 * HOUR) for n in range(10_000)]
    signals = {
        n: [reading(n % 97 * k, ago=(6 - k) * HOUR) for k in range(5)] for n in range(10_000)
    }
    start = time.process_time()  # of this process: another one may be busy
    trend(papers, signals, NOW)
    assert time.process_time() - start < 1


# -- real data -------------------------------------------------------------------------------------


def test_heat_foretells_upvotes_better_than_the_formulas_of_the_field(data_dir: Path) -> None:
    """On either half of the time, so that it does not hang on one of them."""
    cases = trend_quality.read(
        data_dir / "hf_upvote_series.jsonl", known_for=timedelta(0), later=2 * DAY
    )
    middle = sorted(case.day for case in cases)[len(cases) // 2]
    for half in ([c for c in cases if c.day < middle], [c for c in cases if c.day >= middle]):
        result = trend_quality.compare(half)
        for measures in result["baseline"].values():
            assert result["spearman"] > measures["spearman"]
            assert result["top5_overlap"] > measures["top5_overlap"]
