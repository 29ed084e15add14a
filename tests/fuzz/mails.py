"""Mail that comes in: reports, complaints, commands and letters, at all of our addresses."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from newsletter.inbound.parse_child import MOST_PARTS, answer_to
from newsletter.inbound.parser import READ_BYTES
from newsletter.inbound.verdict import GRAVEST
from tests.fuzz.kinds import Kind, files
from tests.inbound.test_bounces import PROSE, failed, report
from tests.inbound.test_crooked import REPORT

OWN = ("digest@papers.example.org", "operator@example.net")
_COMMAND: dict[str, Any] = {
    "op": "command",
    "box": "help",
    "is_null_sender": False,
    "authority": "mx.example.org",
    "own": OWN,
}
_WRITTEN = (
    REPORT,
    report(failed("5.1.1", "550 5.1.1 User unknown"), failed("4.2.2", "452 Full")).encode(),
    f"{PROSE}<<< 550 <ada@example.org>... No such user\n".encode(),
    b"Authentication-Results: mx.example.org; dmarc=pass header.from=example.net\n"
    b"From: =?utf-8?q?Ada?= <ada@example.net>\nSubject: subscribe cs.CL\n\nsubscribe\n",
    b'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n--b\n'
    b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b--\n",
    b'Subject: AWS\n\n{"notificationType":"Bounce","bounce":{"bounceType":"Permanent",'
    b'"bouncedRecipients":[{"status":"5.1.1","diagnosticCode":"smtp; 550 user unknown"}]}}\n',
)


def kind(data: Path | None) -> Kind:
    """Real bounces where they are there, and ours."""
    real = files(data / "bounces" / "mail", ("*.eml",), READ_BYTES) if data else ()
    return Kind((*_WRITTEN, *real), _SHAPES, feed, READ_BYTES, slow_s=2.0)  # for four questions


def feed(raw: bytes) -> None:
    """Ask every question that is asked of a mail."""
    for question in ({"op": "returned"}, {"op": "recipients"}, {"op": "personal"}, _COMMAND):
        try:
            answer = answer_to(question, raw[:READ_BYTES])
        except ValueError as e:
            if str(e) != f"more than {MOST_PARTS} parts":
                raise
            return
        if question["op"] == "returned" and answer["kind"] not in GRAVEST:
            raise AssertionError(answer)


# -- shapes ----------------------------------------------------------------------------------------


def _nested(random: Random) -> bytes:
    depth = random.choice((3, 50, 190))
    types = [random.choice((b"multipart/mixed", b"message/rfc822")) for _ in range(depth)]
    return b"".join(
        b'Content-Type: %s; boundary="b%d"\n\n--b%d\n' % (t, n, n) for n, t in enumerate(types)
    )


def _long_header(random: Random) -> bytes:
    names = (b"From", b"To", b"Subject", b"Content-Type", b"Authentication-Results", b"Received")
    pieces = (b"(", b'"', b"<", b",", b"a@b.example,", b"=?utf-8?q?=41?= ", b";a=b", b"\n ", b"\\")
    run = random.choice(pieces) * random.choice((100, 5_000, 60_000))
    return b"%s: %s\nSubject: x\n\n550 no such user\n" % (random.choice(names), run)


def _reply_words(random: Random) -> bytes:
    words = "user mailbox unknown not found full quota 550 5.1.1 <a@b.example> : . ( ) - later"
    said = " ".join(random.choices(words.split(), k=random.choice((3, 10, 400, 4_000))))
    return (
        report(failed("5.0.0", said)).encode() if random.random() < 0.5 else (PROSE + said).encode()
    )


def _many_fields(random: Random) -> bytes:
    line = random.choice(
        (b"Action: failed\n\n", b"Status: 5.1.1\n", b"Final-Recipient: a\n\t", b"\n")
    )
    head = b"Content-Type: message/delivery-status\n\n"
    return head + line * random.choice((10, 1_000, 15_000))


def _charsets(random: Random) -> bytes:
    names = (
        b"utf-7",
        b"idna",
        b"rot13",
        b"zip",
        b"undefined",
        b"utf-16",
        b"x" * 90,
        b"hz",
        b"\xff",
    )
    codings = (b"base64", b"quoted-printable", b"uuencode", b"x")
    body = random.randbytes(random.choice((0, 100, 50_000)))
    head = b"From: mailer-daemon@x.example\nContent-Type: text/html; charset=%s\n"
    return (
        head % random.choice(names)
        + (b"Content-Transfer-Encoding: %s\n\n" % random.choice(codings))
        + body
    )


_SHAPES: tuple[Callable[[Random], bytes], ...] = (
    _nested,
    _long_header,
    _reply_words,
    _many_fields,
    _charsets,
)
