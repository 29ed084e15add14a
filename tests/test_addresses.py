"""The grammar of addresses: what is refused, what is one reader, what is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.addresses import mask, parse, quota_key
from newsletter.errors import AddressError


@pytest.mark.parametrize(
    "text",
    [
        "alice@example.org)bob@example.com",
        "<a@x.org> b@y.org",
        "a@x.org,b@y.org",
        "a@x.org;b@y.org",
        "team: a@x.org;",
        "a@x@y.org",
        "",
        "a",
        "@x.org",
        "a@",
    ],
)
def test_E01_more_or_less_than_one_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "=?utf-8?q?a?=@x.org",
        "a%b@x.org",
        "a!b@x.org",
        '"a b"@x.org',
        "a(comment)@x.org",
        ".a@x.org",
        "a..b@x.org",
    ],
)
def test_E02_forms_that_mail_systems_reinterpret_are_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse(text)


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\t", "<", ">", " ", "\u2028", "\u202e"])
def test_E03_controls_brackets_and_spaces_are_refused_with_their_position(bad: str) -> None:
    with pytest.raises(AddressError) as e:
        parse(f"ada{bad}x@example.org")
    assert e.value.position == 4


def test_E04_both_spellings_of_a_domain_are_one_reader() -> None:
    assert (
        parse("a@München.de").canonical
        == parse("a@xn--mnchen-3ya.de").canonical
        == "a@xn--mnchen-3ya.de"
    )


def test_E05_unicode_names_never_collide_with_ascii_ones() -> None:
    assert parse("mıke@example.org").canonical != parse("mike@example.org").canonical
    assert parse("u\u0308rs@example.org").canonical == parse("ürs@example.org").canonical


def test_E06_case_variants_are_one_reader_and_mail_goes_to_the_first_spelling() -> None:
    assert parse("Ada@Example.org").canonical == "ada@example.org"
    assert parse("Ada@Example.org").email == "Ada@example.org"


def test_E07_plus_tags_are_readers_of_their_own_but_share_a_quota() -> None:
    one, two = parse("ada+1@example.org"), parse("ada@example.org")
    assert one.canonical != two.canonical
    assert quota_key(one) == quota_key(two)


def test_E08_gmail_dots_share_a_quota() -> None:
    assert quota_key(parse("a.d.a@gmail.com")) == quota_key(parse("ada@googlemail.com"))


@pytest.mark.parametrize(
    "text",
    [
        "a@[127.0.0.1]",
        "a@localhost",
        "a@single",
        "a@x.invalid",
        "a@x.local",
        "x" * 65 + "@x.org",
        "a@" + "x" * 250 + ".org",
    ],
)
def test_E09_what_mail_cannot_reach_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse(text)


@given(st.text(max_size=60))
def test_E03_no_control_character_ever_passes(text: str) -> None:
    try:
        address = parse(text)
    except AddressError:
        return
    assert (
        address.email.isprintable() and " " not in address.email and address.email.count("@") == 1
    )


def test_a_masked_address_tells_no_name() -> None:
    assert mask("ada@example.org") == "a•••@example.org"
