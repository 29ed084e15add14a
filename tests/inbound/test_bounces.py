"""Returned mail: precision before recall. The written samples are ours; real mails are read where
available.
"""

from email import message_from_bytes, message_from_string
from pathlib import Path

import pytest

from benchmarks.bounce_quality import load_truth, measure, read
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
    truth = load_truth(data_dir / "bounces" / "truth.csv")
    mails = read(data_dir / "bounces" / "mail", truth)
    found = measure(mails)
    assert found["hard_recall"] >= 0.95 and found["classes"]["hard"]["n"] == 83
    assert found["agreement"] > 0.95 and found["truly_false_hard"] == []
    assert not {"autoreply", "complaint", "delivered", "policy"} & {
        one["truth"] for one in found["disagreements"] if one["found"] == "hard"
    }
    assert not [one.file for one in mails if one.found.so_far and one.found.kind != "delay"]


def test_G12_line_ends_of_a_mail_server_change_nothing(data_dir: Path) -> None:
    """RFC 5321 section 2.3.8: mail comes with CR LF, files often with LF."""
    for path in (data_dir / "bounces" / "mail").glob("*.eml"):
        lines = path.read_bytes().replace(b"\r\n", b"\n")
        as_sent = lines.replace(b"\n", b"\r\n")
        assert classify(message_from_bytes(as_sent)) == classify(message_from_bytes(lines)), path


def test_G12_a_folded_field_is_read_whole_with_any_line_end() -> None:
    mail = report(failed("5.0.0", "550 The mailbox of\n  this person does not exist"))
    for end in ("\n", "\r\n"):
        assert classify(message_from_string(mail.replace("\n", end))).kind == "hard"


#: As mail systems write them. What is read decides, in whatever order and language.
WORDS = {
    "hard": (
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "550 #5.1.0 Address rejected.",
        "550 5.1.0 Address rejected ada@example.org",
        "554 Recipient address is invalid",
        "The following addresses are not valid: ada@example.org",
        "550 Unable to find user",
        "550 Sorry, nobody by that name here",
        "all relevant MX records point to non-existent hosts",
        "556 5.1.10 Recipient address has null MX",
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
        "550 Empfaenger unbekannt",
        "Das Postfach existiert nicht",
        "El destinatario no existe",
        "L'indirizzo non esiste",
        "Usuário desconhecido",
        "L'adresse du destinataire n'existe pas",
        "Gebruiker onbekend",
        "Użytkownik nieznany",
        "550 Нет такого пользователя",
        "550 用户不存在",
    ),
    "full": (
        "mailbox is full: retry timeout exceeded",
        "Sorry, the user's maildir has overdrawn his diskspace quota, please try again later.",
        "554 Too many messages in this mailbox",
        "Kein Speicherplatz mehr im Postfach",
        "El buzón del destinatario está lleno",
        "La casella del destinatario è piena",
        "550 Der Benutzer hat sein Speicherlimit überschritten",
        "550 5.2.1 The user has exceeded their quota",
    ),
    "policy": (
        "554 Connection refused. All servers that connect must have a reverse DNS record (PTR)",
        "550 Unfortunately, messages from 192.0.2.1 weren't sent.",
        "554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help.) (BL)",
        "550 You are not allowed to send mail to this address",
        "550 permanent failure for one or more recipients (ada@example.org:blocked)",
        "550 Anti-Spoofing: inbound not allowed",
        "550 Bulk mail not accepted",
        "552 message larger than 10485760",
        "550 Line too long",
        "554 Denied (Mode: normal)",
        "Sie dürfen der Gruppe nicht schreiben. https://groups.google.com/support/",
        "550 5.7.1 <ada@example.org>: Recipient address rejected: blocked by policy",
    ),
    "temporary": (
        "connect to mx.example.org[192.0.2.1]:25: Connection refused",
        "550 5.4.5 Daily user sending limit exceeded",
        "550 5.1.1 unable to lookup host",
        "550 5.4.300 Message expired -> 421 4.4.1 Connection timed out",
        "550 This account no longer accepts mail",
        "450 4.2.0 <ada@example.org>: Recipient address rejected: Greylisted",
        "450 4.1.1 <ada@example.org>: Recipient address rejected: unverified address",
    ),
}


@pytest.mark.parametrize(("kind", "said"), [(k, said) for k, all in WORDS.items() for said in all])
def test_words_are_read_whatever_their_order_and_language(kind: str, said: str) -> None:
    assert judge(said).kind == kind


@pytest.mark.parametrize(
    ("said", "so_far"),
    [
        ("452 4.2.2 The mailbox is full", "full"),
        ("450 4.7.25 Client host rejected: cannot find your hostname", "policy"),
        ("450 4.1.1 User unknown", "temporary"),
    ],
)
def test_G13_a_delay_says_what_delays_it_and_is_never_hard(said: str, so_far: str) -> None:
    told = classify(message_from_string(report(failed(said.split()[1], said, "delayed"))))
    assert (told.kind, told.so_far, told.reply) == ("delay", so_far, said)
    text = f"{PROSE}The letter has not yet been delivered:\n  host mx.example.net said: {said}\n"
    assert classify(message_from_string(text)).kind == "delay"
    assert classify(message_from_string(text)).so_far == so_far


def test_a_report_that_a_gateway_made_a_text_of_is_read() -> None:
    fields = failed("5.2.2", "552 The mailbox is full")
    mail = f"{PROSE}It could not be delivered.\n\nReporting-MTA: dns; mx\n{fields}\n"
    assert classify(message_from_string(mail)).kind == "full"
    person = mail.replace("mailer-daemon@mx.example.net", "ada@example.net")
    person = person.replace("Mail Delivery", "Ada").replace("Returned mail", "what is this?")
    assert classify(message_from_string(person)).kind == "other"


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
