"""The child process that reads mail. Hostile bytes can only end this process.

It reads one question at a time from standard input, and writes one answer to standard output. A
question is a line of JSON {"op", "size", …} and `size` bytes of mail; an answer is one line of
JSON. `parser.Parser` runs it.
"""

import email
import json
import re
import resource
import sys
from dataclasses import asdict
from email import policy
from email.message import Message
from typing import Any

from newsletter.inbound.bounces import classify
from newsletter.inbound.classify import is_personal, read_command, senders_of
from newsletter.inbound.mail_text import letters_in
from newsletter.inbound.recipients import in_headers

MEMORY_BYTES = 512 * 1024 * 1024  #: of address space
#: Most parts of one mail; no person or mail system writes more.
MOST_PARTS = 200
#: Most characters of a header line, unfolded or not, that the parser gets.
MOST_LINE = 20_000

_PART = re.compile(rb"^content-type[ \t]*:", re.I | re.M)
#: Each blank line in a report begins another block of fields.
_BLANK_LINES = re.compile(rb"\n(?:[ \t]*\n){4,}")
_LONG_LINE = re.compile(rb"^([^\n]{%d})[^\n]+" % MOST_LINE, re.M)


def main() -> None:
    """Answer questions until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin.buffer:
        question = json.loads(line)
        raw = sys.stdin.buffer.read(question["size"])
        try:
            answer = {"answer": answer_to(question, raw)}
        except (Exception, RecursionError, MemoryError) as e:
            answer = {"error": f"{type(e).__name__}: {e}"[:300]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def answer_to(question: dict[str, Any], raw: bytes) -> Any:
    """Answer one question about one mail."""
    if len(_PART.findall(raw)) > MOST_PARTS:
        raise ValueError(f"more than {MOST_PARTS} parts")
    message = parse(raw)
    op = question["op"]
    if op == "recipients":
        return {"recipients": in_headers(message), "sender": str(message.get("Return-Path", ""))}
    if op == "returned":
        return asdict(classify(message))
    if op == "letter":
        return {"letters": letters_in(message, raw), "returned": asdict(classify(message))}
    if op == "personal":
        senders = senders_of(message)
        return {"is_personal": is_personal(message), "sender": senders[0] if senders else ""}
    wanted = read_command(
        question["box"],
        message,
        is_null_sender=question["is_null_sender"],
        authority=question["authority"],
        own=question["own"],
    )
    return asdict(wanted)


def parse(raw: bytes) -> Message:
    """Parse a mail. Lines of more than 20,000 bytes are cut (the standard allows 998), and at most
    two blank lines in a row are kept.
    """
    raw = raw.replace(b"\0", b" ").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    raw = _BLANK_LINES.sub(b"\n\n\n", _LONG_LINE.sub(rb"\1", raw))
    return email.message_from_bytes(raw, policy=policy.compat32)


if __name__ == "__main__":
    main()
