"""What comes back: precision before recall. The samples in words are ours; real mails are read
where they are there.
"""

import csv
import re
from email import message_from_bytes, message_from_string
from pathlib import Path

import pytest

from benchmarks.bounce_quality import measure
from newsletter.inbound.bounces import classify, judge


@pytest.mark.parametrize(
    ("said", "status", "kind"),
    [
        ("550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown", "5.1.1", "hard"),
        ("550 <ada@example.org>... User unknown", "5.0.0", "hard"),
        ("Host or domain name not found. Name service error for name=example.org", "5.4.4", "hard"),
        (
            "550 User unknown (in reply to end of DATA command)",
            "5.0.0",
            "other",
        ),  # it may be the content
        ("552 5.2.2 Mailbox full", "5.1.1", "full"),  # the words win over the report's status
        ("452 4.2.2 Over quota", "4.2.2", "full"),
        ("550 5.7.1 Message rejected as spam", "5.1.1", "policy"),
        ("550 5.7.26 Unauthenticated mail is not accepted", "5.7.26", "policy"),
        ("525 5.7.13 User account disabled", "5.7.13", "temporary"),
        ("451 4.3.0 Temporary lookup failure", "4.3.0", "temporary"),
        ("450 4.1.1 User unknown in virtual table", "4.1.1", "temporary"),
        ("", "", "other"),
    ],
)
def test_replies(said: str, status: str, kind: str) -> None:
    assert judge(said, status).kind == kind


def report(*recipients: str) -> str:
    blocks = "\n\n".join(("Reporting-MTA: dns; mx.example.org", *recipients))
    return (
        "From: MAILER-DAEMON@example.org\nSubject: Undelivered Mail\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n'
        "Content-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\n"
        f"{blocks}\n\n--b--\n"
    )


def failed(status: str, said: str = "", action: str = "failed") -> str:
    head = f"Final-Recipient: rfc822; ada@example.org\nAction: {action}\nStatus: {status}"
    return f"{head}\nDiagnostic-Code: smtp;\n  {said}"


def test_the_gravest_of_several_recipients_counts() -> None:
    mail = report(failed("5.2.2", "552 5.2.2 Full"), failed("5.1.1", "550 5.1.1 User unknown"))
    found = classify(message_from_string(mail))
    assert (found.kind, found.status, found.reply) == ("hard", "5.1.1", "550 5.1.1 User unknown")


@pytest.mark.parametrize(
    ("action", "kind"), [("delayed", "delay"), ("delivered", "delivered"), ("relayed", "delivered")]
)
def test_G13_what_is_no_failure_is_none(action: str, kind: str) -> None:
    assert classify(message_from_string(report(failed("2.1.5", "250 ok", action)))).kind == kind


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ("From: ada@example.org\nSubject: Re: your digest", "other"),
        ("From: ada@example.org\nAuto-Submitted: auto-replied\nSubject: away", "autoreply"),
        ("From: ada@example.org\nSubject: Out of office: back in May", "autoreply"),
        ("From: ada@example.org\nPrecedence: auto_reply", "autoreply"),
    ],
)
def test_G07_automatic_answers_are_told_from_letters(headers: str, kind: str) -> None:
    assert (
        classify(
            message_from_string(f"{headers}\n\n550 5.1.1 user unknown is only quoted here\n")
        ).kind
        == kind
    )


def test_a_complaint_is_one_and_an_authentication_report_is_not() -> None:
    mail = (
        "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; "
        'boundary="b"\n\n--b\n'
        "Content-Type: message/feedback-report\n\nFeedback-Type: {}\nVersion: 1\n\n--b--\n"
    )
    assert classify(message_from_string(mail.format("abuse"))).kind == "complaint"
    assert classify(message_from_string(mail.format("auth-failure"))).kind == "policy"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"Content-Type: multipart/report\n\n",
        b"Content-Type: text/plain; charset=no-such\n\nx",
    ],
)
def test_broken_mail_is_something_else(raw: bytes) -> None:
    assert classify(message_from_bytes(raw)).kind == "other"


def test_G12_real_bounces_are_called_hard_only_when_they_are(data_dir: Path) -> None:
    truth: dict[str, list[dict[str, str]]] = {}
    with (data_dir / "bounces" / "truth.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            truth.setdefault(row["file"], []).append(row)
    found = measure(data_dir / "bounces" / "mail", truth)
    assert found["hard_recall"] >= 0.9 and found["classes"]["hard"]["n"] == 83
    said = {one["file"]: one["said"] for one in found["disagreements"]}
    for name in found["false_hard"]:  # the truth knows more about the provider than its words say
        assert NAMES_NOBODY.search(said[name]), (name, said[name])
    assert not {"autoreply", "complaint", "delay", "policy"} & {
        one["truth"] for one in found["disagreements"] if one["found"] == "hard"
    }
    assert found["agreement_or_either"] > 0.95


NAMES_NOBODY = re.compile(
    r"user unknown|unknown user|no such user|user not exist|have a \S+ account"
    r"|invalid address|mailbox unavailable|following recipients",
    re.I,
)


PROSE = "From: Mail Delivery <mailer-daemon@mx.example.net>\nSubject: Returned mail\n\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("550 ada@example.org... No such user", "hard"),
        ("No such user. Questions: call the help desk at 423-5550123 during office hours.", "hard"),
        ("No such user. Write to 550 Main Street, or call 450 5550123.", "hard"),
        ("The mailbox of ada@example.org is unavailable: mailbox unavailable", "hard"),
        ("ada@example.org: recipient not found", "hard"),
        ("ada@example.org: this mail would exceed quota", "full"),
        ("Host not found, try again", "temporary"),
        ("<ada@example.org>: 550 User unknown (in reply to MAIL FROM command)", "policy"),
        (">>> MAIL From:<us@example.org>\n<<< 553 Domain does not exist", "policy"),
        (">>> RCPT To:<ada@example.org>\n<<< 550 No such user\n550 ... User unknown", "hard"),
        (
            ">>> RCPT To:<a@example.org>\n<<< 550 blocked using a block list\n"
            "550 5.1.1 <a@example.org>... User unknown",  # what sendmail makes of every 550
            "policy",
        ),
        ("<<< 554 5.7.1 Relay access denied\n<<< 554 5.5.1 Error: no valid recipients", "policy"),
        ("550 Too many invalid recipients", "temporary"),
        ("550 Cannot find your hostname", "policy"),
        ("550 5.1.1 This user does not accept mail from you", "policy"),
        ("550 user unknown\nThe user's account is disabled.", "temporary"),
        ("Your mail is delayed and will be retried. 550 No such user", "delay"),
        ("Good morning. What a fine day.", "other"),
    ],
)
def test_prose_is_read_as_people_read_it(text: str, kind: str) -> None:
    assert classify(message_from_string(PROSE + text + "\n")).kind == kind


@pytest.mark.parametrize("subject", ["Automatische Antwort: away", "Out of Office", "Re: digest"])
@pytest.mark.parametrize("head", ["Return-Path: <>\nAuto-Submitted: auto-replied"])
def test_G07_an_absence_with_an_empty_return_path_is_never_hard(subject: str, head: str) -> None:
    text = f"{head}\nFrom: Ada <ada@example.org>\nSubject: {subject}\n\n550 No such user.\n"
    assert classify(message_from_string(text)).kind == "autoreply"


def test_a_report_whose_boundary_is_missing_is_read() -> None:
    text = report(failed("5.1.1", "550 5.1.1 User unknown")).replace('boundary="b"', "boundary=c")
    assert classify(message_from_string(text)).kind == "hard"


def test_a_status_that_says_disabled_wins_over_user_unknown() -> None:
    status = "5.2.1 (mailbox disabled, not accepting messages)"
    found = classify(message_from_string(report(failed(status, "550 5.2.1 User Unknown"))))
    assert (found.kind, found.is_closed) == ("temporary", True)


@pytest.mark.parametrize("line", ["", "!\n "])
def test_events_of_ses_come_as_mail_too(line: str) -> None:
    text = (
        '{"notificationType":"Bounce","bounce":{"bounceType":"Permanent",' + line + '"bounced'
        'Recipients":[{"status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]}}'
    )
    assert classify(message_from_string(f"Subject: AWS\n\n{text}\n")).kind == "hard"
    assert classify(message_from_string(f"Subject: AWS\n\n{text[:-9]}\n")).kind == "hard"
