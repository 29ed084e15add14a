"""Processor time to read one mail, of shapes that are made to be slow, by size.

    python -m benchmarks.inbound_speed [--worst 5]

Each mail is asked what it is and whom it is for, as the child process does. Of a mail no more than
its first 256 KB is read, so 1,000 KB cost no more than that. Printed are the worst shapes at
100 KB: milliseconds at 10, 100 and 1,000 KB, and microseconds a byte that is read.
"""

import argparse
import time
from collections.abc import Callable

from newsletter.inbound.parse_child import answer_to
from newsletter.inbound.parser import READ_BYTES

KB = (10, 100, 1_000)
STATUS = b"Content-Type: message/delivery-status\n\n"
MAILER = b"From: mailer-daemon@mx.example.net\nSubject: Returned mail\n\n"
REPORT = b"Content-Type: multipart/report; report-type=delivery-status\n\n"


def _run(head: bytes, piece: bytes) -> Callable[[int], bytes]:
    return lambda size: head + piece * (size // len(piece))


def _nested(size: int) -> bytes:
    parts = min(190, size // 60)
    head = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n) for n in range(parts)
    )
    return head + b"--b0\n" * ((size - len(head)) // 5)


SHAPES: dict[str, Callable[[int], bytes]] = {
    "blocks of a report": _run(STATUS, b"Action: failed\n\n"),
    "short blocks of a report": _run(STATUS, b"a\n\n"),
    "blank lines in a report": _run(STATUS, b"\n"),
    "carriage returns in a report": _run(STATUS, b"\r"),
    "nested parts, a boundary on each line": _nested,
    "a boundary on each line": _run(b'Content-Type: multipart/mixed; boundary="b"\n\n', b"--b\n"),
    "header lines": _run(b"From: a@b.example\n", b"X-A: b\n"),
    "folded header": _run(b"To: a@b.example,\n", b" c@d.example,\n"),
    "open comments in addresses": _run(b"To: ", b"("),
    "encoded words": _run(b"Subject: ", b"=?utf-8?q?=41?= "),
    "results of authentication": _run(b"Authentication-Results: mx; ", b"dkim=pass "),
    "lines that are nearly too long": _run(MAILER, b"x" * 19_990 + b"\n"),
    "reply codes in prose": _run(MAILER, b"550 5.1.1 user unknown\n"),
    "words of refusals": _run(MAILER, b"user mailbox not account unknown recipient "),
    "angle brackets of HTML": _run(b"Content-Type: text/html\n" + MAILER, b"<"),
    "fields in a report without parts": _run(REPORT, b"Final-Recipient: rfc822; a\n"),
    "Message-IDs": _run(MAILER, b"1.abcdefghijklmnop@x.example "),
    "one long line": _run(MAILER, b"550"),
}


def seconds(raw: bytes) -> float:
    begun = time.process_time()
    for op in ("letter", "recipients"):
        answer_to({"op": op}, raw[:READ_BYTES])
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worst", type=int, default=5)
    asked = parser.parse_args()
    seconds(STATUS)  # phrases are compiled once in a process
    found = {}
    for name, make in SHAPES.items():
        mails = [make(kb * 1_000) for kb in KB]
        took = [min(seconds(raw) for _ in range(3)) for raw in mails]
        read = [min(len(raw), READ_BYTES) for raw in mails]
        found[name] = (took, [t / n * 1e6 for t, n in zip(took, read, strict=True)])
    worst = sorted(found, key=lambda name: -found[name][0][1])[: asked.worst]
    print(f"{'shape':40}" + "".join(f"{f'{kb:,} KB':>11}" for kb in KB) + "   us a byte")
    for name in worst:
        took, each = found[name]
        cells = "".join(f"{t * 1000:8.1f} ms" for t in took)
        print(f"{name:40}{cells}   " + " ".join(f"{one:.2f}" for one in each))


if __name__ == "__main__":
    main()
