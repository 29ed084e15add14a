"""A letter's many links are signed at once, and are the same as if each were made alone."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from newsletter.tokens import Tokens

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
NUMBER = st.integers(0, 2**60)


@given(
    st.lists(st.tuples(NUMBER, st.sampled_from([1, -1])), max_size=30),
    NUMBER,
    st.integers(0, 2**31),
)
def test_links_made_together_are_the_same_as_made_alone(
    values: list[tuple[int, int]], reader: int, epoch: int
) -> None:
    tokens = Tokens([b"k" * 64])
    alone = [
        tokens.make("feedback", reader, epoch, NOW, paper=paper, vote=vote)
        for paper, vote in values
    ]
    assert tokens.make_many("feedback", reader, epoch, NOW, values) == alone
    for token, (paper, vote) in zip(alone, values, strict=True):
        claims = tokens.read(token, "feedback", NOW)
        assert (claims.subscriber, claims.paper, claims.vote) == (reader, paper, vote)
