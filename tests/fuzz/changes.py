"""Changes of a sample that make it invalid, long, deep or mixed. The caller makes all random
choices.
"""

import re
from collections.abc import Callable, Sequence
from random import Random

#: Bytes that parsers treat in a way of their own.
MARKS = [
    *(b"\0", b"\r", b"\n", b"\r\n", b"\n\n", b"\t", b" ", b"\x0b", b"\x0c", b"\x85", b"\x1b[31m"),
    *(b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
    *("\u202e\u2066".encode(), "\u0130".encode(), "\u1e9e".encode(), "\U0001f9d1\u200d".encode()),
    *(b"(", b")", b"<", b">", b"[", b"]", b"{", b"}", b'"', b"'", b"\\", b";", b":", b",", b"@"),
    *(b"=", b"==", b"&", b"%", b"%00", b"%ff", b"+", b"--", b".", b"..", b"/", b"//", b"../", b"?"),
    *(b"0", b"-1", b"1e999", b"NaN", b"99999999999999999999", b"\xd9\xa3", b"null", b"[]", b"{}"),
    *(
        b"=?utf-8?b?",
        b"?=",
        b"=?x?q?=41?=",
        b"&#0;",
        b"&#x110000;",
        b"&nbsp;",
        b"]]>",
        b"<![CDATA[",
    ),
]
_NUMBER = re.compile(rb"\d+")
_WORD = re.compile(rb"[A-Za-z_-]{2,}")


def changed(raw: bytes, others: Sequence[bytes], random: Random, most: int) -> bytes:
    """Give a sample after one to six changes, cut to `most` bytes."""
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        raw = random.choice(_CHANGES)(raw, others, random)[:most]
    return raw


def _span(raw: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(raw) + 1)
    length = random.choice((1, 2, 8, 40, 300, 4_000))
    return start, min(len(raw), start + random.randrange(1, length + 1))


def _flip(raw: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    taken = bytearray(raw)
    for _ in range(random.choice((1, 3, 20)) if taken else 0):
        taken[random.randrange(len(taken))] = random.randrange(256)
    return bytes(taken)


def _drop(raw: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    start, end = _span(raw, random)
    return raw[:start] + raw[end:]


def _repeat(raw: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    start, end = _span(raw, random)
    return raw[:end] + raw[start:end] * random.choice((1, 5, 50, 3_000)) + raw[end:]


def _mark(raw: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    at = random.randrange(len(raw) + 1)
    return raw[:at] + random.choice(MARKS) * random.choice((1, 1, 2, 40, 20_000)) + raw[at:]


def _cut(raw: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    return raw[: random.randrange(len(raw) + 1)]


def _splice(raw: bytes, others: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(others) if others else raw
    start, end = _span(raw, random)
    begin, finish = _span(other, random)
    return raw[:start] + other[begin:finish] + raw[end:]


def _lines(raw: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    lines = raw.split(b"\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    if random.random() < 0.5:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines[one:one] = [lines[other]] * random.choice((1, 10, 500))
    return b"\n".join(lines)


def _ends(raw: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    return raw.replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\n", b"\r\r\n", b" \n ", b"")))


def _numbers(raw: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    new = random.choice((b"0", b"9" * 30, b"-1", b"2147483648", b"1.5", b"9" * 5_000))
    return _replace_some(raw, _NUMBER, lambda _: new, random)


def _words(raw: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    found = _WORD.findall(raw)
    new = random.choice(found) if found else b"x"
    return _replace_some(raw, _WORD, lambda _: new, random)


def _case(raw: bytes, _others: Sequence[bytes], random: Random) -> bytes:
    return _replace_some(raw, _WORD, lambda word: word.swapcase(), random)


def _replace_some(
    raw: bytes, pattern: re.Pattern[bytes], new: Callable[[bytes], bytes], random: Random
) -> bytes:
    share = random.choice((0.02, 0.3, 1.0))
    return pattern.sub(lambda one: new(one[0]) if random.random() < share else one[0], raw)


_CHANGES = (
    *(_flip, _drop, _repeat, _mark, _mark, _cut, _splice, _splice, _lines, _ends, _numbers, _words),
    _case,
)
