"""What a refusal is about. The samples are ours, in the forms of mail systems."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.text.refusals import Cause, Subject, about, plain

GONE = """
550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown
550 ada@example.org... No such user
550 No such user
550 no such user here
550 Unknown user ada@example.org
550 User not exist
550 User does not exist
550 Requested action not taken: mailbox unavailable
550 Mailbox not found
550 recipient not found
550 5.1.1 RESOLVER.ADR.RecipNotFound; not found
550 the account ada@example.org doesn't exist
550-5.1.1 The email account that you tried to reach does not exist. Please try
550 5.1.1 unknown or illegal alias: ada@example.org
550 5.1.1 Address rejected
550 sorry, no mailbox here by that name (#5.1.1 - chkusr)
553 5.3.0 <ada@example.org>... No such user here
551 not our customer
551 User not local; please try forwarding
550 5.1.6 recipient no longer on server: ada@example.org
550 5.2.1 <ada@example.org>... User Unknown
550 5.4.1 [ada@example.org]: Recipient address rejected: Access denied [X.protection.outlook.com]
550 5.1.1 <ada@example.org>: inactive email address
554 delivery error: dd This user doesn't have an example.org account (ada@example.org) [0]
550 Invalid recipient ada@example.org
553 5.1.3 Invalid address format
550 Host unknown
550 5.1.2 Bad destination system address
556 5.1.10 Recipient address has null MX
550 Host does not accept mail
550 5.1.1 The spam@policy.example.org mailbox is unknown
The address ada@example.org is no longer known here. Call 423-5550123 during office hours.
Recipient ada@example.org was not found in the directory
No mailbox by the name of ada is known at this host
"""
FULL = """
552 5.2.2 Mailbox full
552 5.1.1 sorry, mailbox ada@example.org is over quota temporarily
452 4.2.2 Mailbox quota exceeded
550 Delivery would exceed mailbox quota
552 would exceed quota
554 quota would be exceeded by this message
550 Inbox of the recipient is full
550 5.7.1 Quota exceeded for this account
552 the user's storage is full
"""
CLOSED = """
550 5.2.1 Mailbox disabled
550 Account has been disabled
525 5.7.13 <ada@example.org>: Recipient address rejected: User account disabled
550 5.1.1 The account ada@example.org is suspended
550 Mailbox is frozen
550 5.2.1 The mailbox is not accepting messages
550 user ada@example.org temporarily locked. Please try again later!
"""
SENDER = """
550 5.1.1 blocked using zen.spamhaus.org; see https://check.spamhaus.org/query/ip/192.0.2.1
550 Administrative prohibition
550 5.7.1 Administrative prohibition
553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
550 5.1.1 Sender address rejected: Domain not found
550 5.1.8 <us@example.org>: Sender address rejected: user unknown
550 sender unknown
550 Sender verify failed
550 Domain of sender address us@example.org does not exist
554 5.7.1 <ada@example.org>: Relay access denied
550 relay not permitted
550 5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy
550 SPF check failed
550 5.7.1 Service unavailable, client host [192.0.2.1] blocked
554 Message rejected due to local policy
550 Your IP has been blacklisted
550 5.7.25 The IP address sending this message does not have a PTR record
550 Connections from your country are not allowed
550 5.7.1 Access denied
421 4.7.0 Messages from 192.0.2.1 temporarily deferred due to user complaints
550 User unknown; the sender's domain is banned
550 We do not accept mail from your domain
550 5.7.509 Access denied, sending domain example.org does not pass DMARC verification
"""
CONTENT = """
550 Message rejected as spam
554 5.6.0 Message contains a virus
550 5.7.1 Our system has detected that this message is likely unsolicited spam
550 Malware found in attachment
550 Rejected
554 5.6.9 improper use of 8-bit data in message header
550 5.7.1 This message is not RFC 5322 compliant
"""
SIZE = """
552 5.3.4 Message size exceeds fixed limit
552 Message too large
550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient
"""
LATER = """
450 4.2.0 <ada@example.org>: Recipient address rejected: Greylisted
450 4.1.1 <ada@example.org>: User unknown in virtual table
Host not found, try again
451 4.3.0 Temporary lookup failure
451 Mailbox unavailable
421 4.7.0 Try again later
421 Too many connections from your IP
550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents
550 5.1.1 <ada@example.org> has sent to too many recipients this hour
554 4.4.7 Message expired: unable to deliver in 840 minutes
connect to example.org[192.0.2.1]:25: Connection timed out
452 4.3.1 Insufficient system storage
550 5.1.1 user lookup failure, please try later
"""
UNKNOWN = """
554 Transaction failed
550 #5.0.0 smtp; 550
"""
TABLE = [
    (line, cause)
    for cause, block in (
        (Cause.GONE, GONE),
        (Cause.FULL, FULL),
        (Cause.CLOSED, CLOSED),
        (Cause.SENDER, SENDER),
        (Cause.CONTENT, CONTENT),
        (Cause.SIZE, SIZE),
        (Cause.LATER, LATER),
        (Cause.UNKNOWN, UNKNOWN),
    )
    for line in block.strip().splitlines()
]


def judged(line: str, **more: bool) -> Cause:
    code = re.match(r"[245]\d\d\b", line)
    status = re.search(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])", line)
    return about(int(code[0]) if code else 0, status[0] if status else "", line, **more)


@pytest.mark.parametrize(("line", "cause"), TABLE)
def test_K01_words_say_what_a_refusal_is_about(line: str, cause: Cause) -> None:
    assert judged(line) is cause


@pytest.mark.parametrize(("line", "cause"), TABLE)
def test_case_and_line_ends_change_nothing(line: str, cause: Cause) -> None:
    assert judged(line.upper().replace("HTTPS", "https").replace(" ", "\r\n ", 3)) is cause


def test_every_cause_has_a_subject() -> None:
    assert {cause.subject for cause in Cause} == set(Subject)
    assert Cause.GONE.subject is Subject.MAILBOX and Cause.SENDER.subject is Subject.US


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("550 User unknown", Cause.UNKNOWN),  # a filter says so about letters it does not want
        ("550 5.1.1 User unknown", Cause.GONE),
        ("550 5.1.1 Rejected", Cause.UNKNOWN),
        ("554 This user doesn't have an example.org account", Cause.GONE),
        ("552 5.2.2 Mailbox full", Cause.FULL),
    ],
)
def test_after_the_content_unknown_users_are_believed_with_their_status(
    line: str, cause: Cause
) -> None:
    assert judged(line, is_after_content=True) is cause


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("5.1.1", Cause.GONE),
        ("5.2.2", Cause.FULL),
        ("5.2.1", Cause.CLOSED),
        ("5.7.1", Cause.SENDER),
        ("5.1.8", Cause.SENDER),
        ("5.6.0", Cause.CONTENT),
        ("5.3.4", Cause.SIZE),
        ("4.4.7", Cause.LATER),
        ("5.0.0", Cause.UNKNOWN),
    ],
)
def test_without_words_the_status_speaks(status: str, cause: Cause) -> None:
    assert about(0, status, "") is cause


@given(st.text(max_size=3000), st.integers(0, 999), st.sampled_from(["", "5.1.1", "4.7.0", "x"]))
def test_any_words_have_a_cause(words: str, code: int, status: str) -> None:
    assert about(code, status, words) in Cause


def test_nothing_is_read_out_of_addresses_and_links() -> None:
    said = plain("No such user: spam@policy.example.org, see https://help.example.org/blocked?spam")
    assert said == "no such user address@ see help example org"


@pytest.mark.parametrize(
    "words",
    ["user " * 2000, "not " * 2000, "a@" * 5000, "https://" * 2000, "5.1.1 " * 2000, "=" * 9999],
)
def test_K03_the_worst_words_take_a_moment(words: str) -> None:
    started = time.process_time()
    about(550, "", words)
    assert time.process_time() - started < 0.5
