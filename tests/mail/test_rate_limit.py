"""The configured rate is the achieved one; a receiver that asks for less is slowed alone."""

from hypothesis import given
from hypothesis import strategies as st

from newsletter.mail.rate_limit import BURST_S, LEAST, Bucket, Pace


class Time:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(st.floats(0.5, 5000), st.integers(50, 400))
def test_the_configured_rate_is_the_achieved_rate(rate: float, number: int) -> None:
    bucket, started, now = Bucket(rate), 1000.0, 1000.0
    for _ in range(number):
        now = max(bucket.take(now), now)
    assert (number - 1) / rate <= now - started + 1e-6 and now - started <= number / rate * 1.02


@given(st.floats(1, 500), st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_no_second_gets_more_than_the_rate_and_one_burst(rate: float, gaps: list[float]) -> None:
    clock, sent = Time(), []
    bucket = Bucket(rate)
    for gap in gaps:
        clock.now += gap
        sent.append(max(bucket.take(clock.now), clock.now))
    for at in sent:
        assert sum(at <= other < at + 1 for other in sent) <= rate * (1 + BURST_S) + 2


def test_A25_a_receiver_that_says_421_is_slowed_alone() -> None:
    clock = Time()
    pace = Pace(clock)
    for _ in range(100):
        assert pace.is_ready("slow.example") and pace.is_ready("fast.example")
    pace.note("slow.example", 421)
    assert pace.of("slow.example").rate == 50
    assert not pace.is_ready("slow.example")
    assert pace.is_ready("fast.example")
    clock.now += pace.wait_s("slow.example")
    assert pace.is_ready("slow.example")


def test_A25_it_is_halved_again_and_then_one_more_each_second() -> None:
    clock = Time()
    pace = Pace(clock)
    for _ in range(40):
        pace.is_ready("slow.example")
    pace.note("slow.example", 454)
    pace.note("slow.example", 421)  # of the same moment: counted once
    assert pace.of("slow.example").rate == 20
    clock.now += 1.5
    pace.note("slow.example", 421)
    assert pace.of("slow.example").rate == 10
    for _ in range(3):
        clock.now += 1
        for _ in range(5):
            pace.note("slow.example", 250)
    assert pace.of("slow.example").rate == 13


def test_a_rate_never_falls_to_nothing() -> None:
    clock, bucket = Time(), Bucket()
    for _ in range(50):
        clock.now += 2
        bucket.slow(clock.now)
    assert bucket.rate == LEAST


def test_other_answers_slow_nobody() -> None:
    pace = Pace(Time())
    for code in (250, 450, 451, 550, 554):
        pace.note("x.example", code)
    assert pace.is_ready("x.example") and pace.of("x.example").rate == float("inf")
