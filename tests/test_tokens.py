"""A link is valid for one reader and one purpose, and nobody else can make one."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import ConfigError
from newsletter.models import SLOT
from newsletter.tokens import _BODY, LETTER, PURPOSES, TokenError, Tokens, _mac

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
OURS = Tokens([b"s" * 32])


def test_a_token_says_what_went_in() -> None:
    claims = OURS.read(OURS.make("feedback", 7, 2, NOW, paper=9, vote=-1), "feedback", NOW)
    assert (claims.subscriber, claims.epoch, claims.paper, claims.vote, claims.made) == (
        7,
        2,
        9,
        -1,
        NOW,
    )


@given(st.integers(0, 59), st.integers(0, 7))
def test_F05_a_token_survives_no_changed_bit(at: int, bit: int) -> None:
    token = OURS.make("unsubscribe", 7, 1, NOW)
    changed = token[:at] + chr(ord(token[at]) ^ (1 << bit)) + token[at + 1 :]
    with pytest.raises(TokenError):
        OURS.read(changed, "unsubscribe", NOW)


@pytest.mark.parametrize("token", ["", "x", "x" * 1_000_000, "ä" * 60, "=" * 60])
def test_F05_what_is_no_token_is_refused_before_any_work(token: str) -> None:
    with pytest.raises(TokenError):
        OURS.read(token, "confirm", NOW)


def test_F06_an_old_token_is_expired() -> None:
    token = OURS.make("confirm", 7, 1, NOW)
    with pytest.raises(TokenError) as e:
        OURS.read(token, "confirm", NOW + timedelta(days=8), timedelta(days=7))
    assert e.value.reason == "expired"


@pytest.mark.parametrize("made_for", PURPOSES)
@pytest.mark.parametrize("used_for", PURPOSES)
def test_F07_a_token_opens_only_what_it_was_made_for(made_for: str, used_for: str) -> None:
    token = OURS.make(made_for, 7, 1, NOW)
    if made_for == used_for:
        assert OURS.read(token, used_for, NOW).subscriber == 7
    else:
        with pytest.raises(TokenError):
            OURS.read(token, used_for, NOW)


def test_F25_an_old_key_still_verifies_after_rotation() -> None:
    rotated = Tokens([b"n" * 32, b"s" * 32])
    assert rotated.read(OURS.make("unsubscribe", 7, 1, NOW), "unsubscribe", NOW).subscriber == 7
    with pytest.raises(TokenError):
        OURS.read(rotated.make("unsubscribe", 7, 1, NOW), "unsubscribe", NOW)
    assert rotated.address_hash("a@example.org") == OURS.address_hash("a@example.org")


def test_A01_a_message_keeps_its_id_when_a_new_key_is_put_in_front() -> None:
    """Else a letter that is tried again after the change shows up twice."""
    rotated = Tokens([b"n" * 32, b"s" * 32])
    assert rotated.message_id(7) == OURS.message_id(7)
    assert rotated.message_id(7) != rotated.message_id(8)
    assert Tokens([b"n" * 32]).message_id(7) != OURS.message_id(7)


def test_F05_a_token_has_one_spelling() -> None:
    """The decoder of base64 takes "+" and "/" as well; such a token was not written by us."""
    spelled = str.maketrans("-_", "+/")
    others = {
        other
        for number in range(1, 40)
        if (other := (token := OURS.make("view", number, 1, NOW)).translate(spelled)) != token
    }
    assert len(others) > 10
    for other in others:
        with pytest.raises(TokenError) as e:
            OURS.read(other, "view", NOW)
        assert e.value.reason == "malformed"


def test_G01_only_our_own_return_addresses_name_a_letter() -> None:
    assert OURS.read_tag("bounce", OURS.tag("bounce", 12)) == (12,)
    assert OURS.read_tag("bounce", OURS.tag("bounce", 12).upper()) == (12,)
    for forged in ("12", "12-", f"13-{OURS.tag('bounce', 12).partition('-')[2]}", "x" * 500):
        assert OURS.read_tag("bounce", forged) is None


def test_a_missing_or_short_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        Tokens.from_file(tmp_path / "none.key")
    (tmp_path / "short.key").write_text("abc")
    with pytest.raises(ConfigError, match="32"):
        Tokens.from_file(tmp_path / "short.key")


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_key_file_without_a_secret_is_named_and_signs_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "empty.key").write_text(text)
    with pytest.raises(ConfigError, match="at least 32"):
        Tokens.from_file(tmp_path / "empty.key")


#: What mail programs and people leave behind a link.
TAILS = (*".>)…\"*_-]'=”\u200b", "),", "&gt;")


def old_token(reader: int, paper: int) -> str:
    """A token as older versions made it: plain base64url, one in 32 ends in a mark."""
    body = _BODY.pack(reader, 1, int(NOW.timestamp()), paper, 0)
    mac = _mac("unsubscribe", body, OURS._keys[0])
    return base64.urlsafe_b64encode(body + mac).decode()


def test_K24_no_token_ends_in_a_mark() -> None:
    tokens = [OURS.make("unsubscribe", reader, 1, NOW) for reader in range(6_400)]
    assert all(token[-1].isalnum() for token in tokens)
    assert sum(not old_token(reader, 0)[-1].isalnum() for reader in range(6_400)) > 100


@given(st.integers(0, 2**62), st.integers(0, 2**31), st.sampled_from(TAILS))
def test_K24_a_token_bears_a_mark_behind_it(reader: int, paper: int, tail: str) -> None:
    for vote in (-1, 0, 1):
        token = OURS.make("feedback", reader, 1, NOW, paper=paper, vote=vote)
        claims = OURS.read(token + tail, "feedback", NOW)
        assert (claims.subscriber, claims.paper, claims.vote) == (reader, paper, vote)
        with pytest.raises(TokenError):
            OURS.read(token[:-1], "feedback", NOW)


@pytest.mark.parametrize("tail", ["", *TAILS])
def test_K24_a_token_of_an_older_version_works_with_and_without_its_last_mark(tail: str) -> None:
    cut = 0
    for reader in range(200):
        old = old_token(reader, 7)
        assert OURS.read(old + tail, "unsubscribe", NOW).subscriber == reader
        if not old[-1].isalnum():
            assert OURS.read(old[:-1] + tail, "unsubscribe", NOW).subscriber == reader
            cut += 1
    assert cut


@pytest.mark.parametrize("tail", ["a", "aa", "a.", "0" * 61, "." * 600])
def test_K24_letters_behind_a_token_are_not_ours(tail: str) -> None:
    with pytest.raises(TokenError):
        OURS.read(OURS.make("unsubscribe", 7, 1, NOW) + tail, "unsubscribe", NOW)


@pytest.mark.parametrize("vote", [-1, 0, 1])
@pytest.mark.parametrize("times", range(4))
def test_K24_a_link_of_a_letter_that_was_sent_keeps_its_vote(vote: int, times: int) -> None:
    """The byte of a vote is 3 higher for each MAC that would have ended in a mark."""
    for paper in range(200):
        body = _BODY.pack(7, 1, int(NOW.timestamp()), paper, vote + 3 * times)
        mac = _mac("feedback", body, OURS._keys[0])
        token = base64.urlsafe_b64encode(body + mac).decode()
        assert OURS.read(token, "feedback", NOW).vote == vote


def test_a_slot_is_as_long_as_a_token() -> None:
    assert len(OURS.make(LETTER, 2**60, 2**31, NOW, paper=1)) == len(SLOT)
    assert SLOT.isalnum() and SLOT.isascii()


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_letters_token_opens_what_letters_lead_to_and_nothing_else(purpose: str) -> None:
    token = OURS.make(LETTER, 7, 2, NOW, paper=9)
    if purpose in ("preferences", "unsubscribe", "feedback", "view"):
        claims = OURS.read(token, purpose, NOW)
        assert (claims.purpose, claims.subscriber, claims.paper) == (LETTER, 7, 9)
    else:
        with pytest.raises(TokenError, match="forged"):
            OURS.read(token, purpose, NOW)
