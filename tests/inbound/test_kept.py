"""Mail that cannot be read is stored and tried again; so is mail to the operator."""

import asyncio
import base64
import json
import mailbox
import os
import signal
import smtplib
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from newsletter import cli
from newsletter.app import App
from newsletter.delivery.message_builder import MessageBuilder
from newsletter.inbound import intake, lmtp, parse_child, parser, processor
from newsletter.inbound.parser import MOST_BYTES, READ_BYTES, Parser, UnreadableError
from newsletter.inbound.recipients import box_of, pick
from newsletter.store import evidence, ledger_life, subscribers
from newsletter.store import inbound as inbound_store
from newsletter.store.db import reading, writing
from tests.faults.site import NOW, ROOT, Site, make_site
from tests.inbound.test_crooked import REPORT

DOMAIN = "papers.example.org"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path, 1)


def sent(site: Site) -> str:
    """The bounce address of a letter that left."""
    site.run_sql("UPDATE deliveries SET state = 'sent'")
    return f"bounce+{site.app.tokens.tag('bounce', site.rows()[0].id)}@{DOMAIN}"


def kept(app: App) -> list[inbound_store.Kept]:
    with reading(app.engine) as connection:
        return inbound_store.kept(connection)


def counts(app: App) -> dict[str, int]:
    with reading(app.engine) as connection:
        return inbound_store.counts(connection, NOW.date())


# -- K03: mail that is made to hurt ----------------------------------------------------------------

NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(500)
)
HOSTILE = {
    "a header line of 90 KB": b"Subject: " + b"a" * 90_000 + b"\n\n550 user unknown",
    "a recipient header of 90 KB": b"To: " + b"<a@b.example>," * 7_000 + b"\n\nx",
    "a NUL in a charset": b"Content-Type: text/plain; charset=ut\0f-8\n\nx",
    "long lines": (b"x" * 960 + b"\n") * 10_000,
    "nested parts": NESTED,
    "open brackets": b"From: " + b"(" * 90_000 + b"\nAuto-Submitted: auto-replied\n\nx",
    "encoded words": b"Subject: " + b"=?utf-8?q?=41?= " * 20_000 + b"\n\nx",
    "open comments": b"To: " + b"(" * 4_900 + b"\nFrom: " + b"(a" * 2_000 + b"\n\nhello",
    "blank lines": b"Content-Type: message/delivery-status\n" + b"\n" * 250_000,
    "carriage returns": b"Content-Type: message/delivery-status\n\n" + b"\r" * 250_000,
    "lines that are nearly too long": (b"x" * 19_990 + b"\n") * 12,
    "a charset that refuses": b"Content-Type: text/plain; charset=undefined\n"
    b"From: mailer-daemon@x.example\n\n\xff550 no such user",
    "a charset for names": b"Content-Type: text/html; charset=idna\n"
    b"From: postmaster@x.example\n\n\xff",
    "results": b"Authentication-Results: mx.example.org; " + b"dkim=pass " * 9_000 + b"\n\nx",
    "no line end": b"a" * 1_000_000,
    "bytes": bytes(range(256)) * 400,
    "boundary everywhere": b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n" * 200_000,
    "html": b"Content-Type: text/html\nFrom: mailer-daemon@a.example\n\n" + b"<" * 300_000,
    "bytes in a report": b"Content-Type: message/delivery-status\n\nAction: failed\n"
    b"Diagnostic-Code: smtp; 550 " + b'\xff{"a":' * 15_000 + b"\n\n",
    "fields": b"Content-Type: message/delivery-status\n\n" + b"Action: failed\n\n" * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("to", ["bounce+1-x", "signed", "help", "postmaster"])
def test_K03_hostile_mail_is_taken_in_seconds_and_never_raises(
    site: Site, name: str, to: str
) -> None:
    recipient = sent(site) if to == "signed" else f"{to}@{DOMAIN}"
    started = time.monotonic()
    done = processor.receive(site.app, "a@example.net", recipient, HOSTILE[name], NOW)
    assert time.monotonic() - started < parser.TIME_S + 5
    assert done.startswith(("dropped", "kept", "policy", "hard", "temporary")), done
    assert counts(site.app) == {done: 1}
    if to == "bounce+1-x":
        assert done == "dropped: not our token" and not kept(site.app)


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - {"nested parts"}))
def test_K03_hostile_mail_is_read_without_an_error(name: str) -> None:
    """The process that reads it need not end or give up."""
    command = {"box": "help", "is_null_sender": False, "authority": "mx.example.org", "own": ()}
    begun = time.process_time()
    for op in ("returned", "recipients", "personal", "command"):
        parse_child.answer_to({"op": op, **command}, HOSTILE[name][: parser.READ_BYTES])
    assert time.process_time() - begun < 2


def test_K03_an_unsigned_mail_is_not_even_parsed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr(parser.PARSER, "ask", never)
    to = f"bounce+1-aaaaaaaaaaaaaaaa@{DOMAIN}"
    assert processor.receive(site.app, "", to, REPORT, NOW) == "dropped: not our token"


def test_K03_a_mail_that_outlasts_its_time_is_kept_and_the_next_is_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child is stopped in the middle; what it had to read is kept with the reason."""
    child = Parser(time_s=0.3)
    child.ask("recipients", b"To: a@b.example\n\n")
    assert child._child is not None
    child._child.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(processor, "PARSER", child)
    to = sent(site)
    assert processor.receive(site.app, "", to, REPORT, NOW) == (
        "kept: it could not be read in 0.3 s"
    )
    monkeypatch.undo()
    (one,) = kept(site.app)
    assert one.mail.raw == REPORT and one.tries == 1 and one.retry_at == NOW + timedelta(hours=1)
    intake.look_after(site.app, NOW + timedelta(minutes=59))
    assert len(kept(site.app)) == 1
    intake.look_after(site.app, NOW + timedelta(hours=1))
    assert kept(site.app) == [] and "hard" in counts(site.app)
    child.close()


def test_K03_a_child_that_dies_over_a_mail_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Parser()
    child.ask("recipients", b"To: a@b.example\n\n")
    died = child._child
    assert died is not None
    monkeypatch.setattr(died, "poll", lambda: None)  # it dies after it was looked at
    died.kill()
    with pytest.raises(UnreadableError, match="ended"):
        child.ask("recipients", b"To: a@b.example\n\n")
    assert child._child is None
    assert died.returncode is not None  # waited for: no zombie stays
    assert child.ask("recipients", b"To: c@d.example\n\n")["recipients"] == ["c@d.example"]
    child.close()


def test_K03_nothing_behind_the_limit_reaches_the_parser() -> None:
    child = Parser()
    beginning = b"To: a@b.example\nX-Long: " + b"x" * READ_BYTES
    found = child.ask("recipients", beginning + b"\nCc: c@d.example\n\n")
    assert found["recipients"] == ["a@b.example"]
    child.close()


def test_K03_a_child_that_dies_is_replaced() -> None:
    child = Parser(time_s=0.001)  # only a new child has longer: the time that it takes to start
    died: list[subprocess.Popen[bytes]] = []
    for name in ("a", "b", "c"):
        asked = f"To: {name}@example.net\n\n".encode()
        assert child.ask("recipients", asked)["recipients"] == [f"{name}@example.net"]
        assert child._child is not None
        assert child._child not in died
        died.append(child._child)
        died[-1].kill()
        died[-1].wait()
    child.close()
    assert all(one.stdin and one.stdin.closed for one in died)
    assert all(one.stdout and one.stdout.closed for one in died)


def test_K03_a_child_reads_many_mails_and_then_another_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parser, "MAILS_A_CHILD", 2)
    child = Parser()
    readers = []
    for _ in range(4):
        with pytest.raises(UnreadableError, match="more than 200 parts"):
            child.ask("returned", b"Content-Type: text/plain\n" * 300)
        readers.append(child._child)
    first, second, third, fourth = readers
    assert first is second is not third is fourth
    assert first is not None and first.returncode is not None  # ended, no zombie stays
    child.close()


def test_K03_only_the_beginning_of_a_mail_is_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is behind the limit is not stored, and not read when the mail is tried again."""
    to, whole = sent(site), REPORT + b"x" * 9_000_000
    child = Parser(time_s=0.3)
    child.ask("recipients", b"To: a@b.example\n\n")
    assert child._child is not None
    child._child.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(processor, "PARSER", child)
    assert processor.receive(site.app, "", to, whole, NOW).startswith("kept")
    child.close()
    monkeypatch.undo()
    (one,) = kept(site.app)
    assert one.mail.raw == whole[:MOST_BYTES]
    asked: list[int] = []
    exchange = Parser._exchange

    def measured(self: Parser, running: "subprocess.Popen[bytes]", question: bytes) -> bytes:
        asked.append(len(question))
        return exchange(self, running, question)

    monkeypatch.setattr(Parser, "_exchange", measured)
    assert processor.receive(site.app, "", to, whole, NOW) == "hard"
    assert asked and max(asked) <= READ_BYTES + 1_000  # with the line that says what is asked


# -- K23: whom a mail in a folder is for -----------------------------------------------------------

HEADERS = {
    "catch-all": "Delivered-To: catchall@{d}\nTo: {a}",
    "two Delivered-To": "Delivered-To: someone@{d}\nDelivered-To: {a}\nTo: x@example.net",
    "exim": "Envelope-to: {a}\nTo: postmaster@{d}",
    "X-Envelope-To": "X-Envelope-To: <{a}>\nTo: undisclosed-recipients:;",
    "X-Original-To": "X-Original-To: {a}\nDelivered-To: box@{d}",
    "two in To": "To: help@example.net, {a}",
    "display name": 'To: "Returns, of letters" <{a}>',
    "Cc": "To: x@example.net\nCc: Group: y@example.net, {a};",
    "folded": "To: x@example.net,\n  <{a}>",
    "capitals": "DELIVERED-TO: {A}",
}


@pytest.mark.parametrize("name", HEADERS)
def test_K23_the_address_is_found_in_every_header_that_can_hold_it(
    site: Site, tmp_path: Path, name: str
) -> None:
    address = sent(site)
    box = mailbox.Maildir(tmp_path / "box", create=True)
    head = HEADERS[name].format(d=DOMAIN, a=address, A=address.upper())
    box.add(f"{head}\n".encode() + REPORT)
    assert intake.empty_maildir(site.app, tmp_path / "box", NOW) == 1
    assert counts(site.app) == {"hard": 1} and not kept(site.app)


@pytest.mark.parametrize(
    "head",
    [
        f'To: "bounce+1-x@{DOMAIN}" <other@example.net>',
        "To: other@example.net",
        f"X-Note: subscribe@{DOMAIN}",
        "",
    ],
)
def test_K23_what_is_for_nobody_is_kept_listed_and_tried_again(
    site: Site, tmp_path: Path, head: str
) -> None:
    box = mailbox.Maildir(tmp_path / "box", create=True)
    raw = f"{head}\nFrom: a@example.net\n\nx\n".encode().lstrip()
    box.add(raw)
    intake.look_into(site.app, tmp_path / "box", NOW)
    assert not list(box.keys())
    (one,) = kept(site.app)
    assert one.mail.raw == raw and one.why == "no address of ours in its headers"
    assert counts(site.app) == {"kept: no address of ours in its headers": 1}
    intake.look_after(site.app, NOW + timedelta(hours=1))
    (again,) = kept(site.app)
    assert again.tries == 2 and again.retry_at == NOW + timedelta(hours=1, days=1)


def test_K23_no_more_is_kept_than_there_is_room_for(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound_store, "MOST_KEPT", 2)
    box = mailbox.Maildir(tmp_path / "box", create=True)
    for n in range(4):
        box.add(f"To: other@example.net\n\n{n}\n".encode())
    intake.look_into(site.app, tmp_path / "box", NOW)
    assert len(kept(site.app)) == 2 and not list(box.keys())
    assert len(mailbox.Maildir(tmp_path / "box" / "bad").keys()) == 2
    outcome = "kept: no address of ours in its headers"
    assert counts(site.app) == {outcome: 2, processor.TOO_MANY: 2}


def test_K23_the_same_mail_is_kept_once(site: Site) -> None:
    for _ in range(3):
        processor.receive(site.app, "", "", b"To: other@example.net\n\nx\n", NOW, "imap")
    assert len(kept(site.app)) == 1


def test_a_report_that_says_nothing_is_kept_with_its_letter(site: Site) -> None:
    to = sent(site)
    done = processor.receive(site.app, "", to, b"From: a@example.net\n\nthanks for this!\n", NOW)
    assert done == "kept: it says nothing about a letter we know"
    assert kept(site.app)[0].mail.recipient == to


def test_K23_strangers_cannot_fill_the_room_for_signed_mail(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound_store, "MOST_KEPT", 4)
    unreadable = b"Content-Type: text/plain\n" * 300
    done = processor.receive(site.app, "a@b.example", f"help@{DOMAIN}", unreadable, NOW)
    assert done == "dropped: a command that could not be read" and not kept(site.app)
    for n in range(5):
        raw = f"From: a@b.example\n\n{n}\n".encode()
        processor.receive(site.app, "a@b.example", f"abuse@{DOMAIN}", raw, NOW)
    assert len(kept(site.app)) == 2
    done = processor.receive(site.app, "", sent(site), unreadable, NOW)
    assert done.startswith("kept: it could not be read")


# -- K48: the operator's addresses -----------------------------------------------------------------


async def lmtp_replies(
    app: App, *recipients: str, raw: bytes = b"From: a@b.example\n\nx\n"
) -> list:
    take = partial(intake.take, app, clock=lambda: NOW)

    async def taken(sender: str, recipient: str, body: bytes) -> str:
        return await take(sender, recipient, body)

    server = await lmtp.listen("127.0.0.1:0", taken, partial(processor.is_ours, app))
    port = server.sockets[0].getsockname()[1]

    def talk() -> list:
        with smtplib.LMTP("127.0.0.1", port) as client:
            client.ehlo_or_helo_if_needed()
            client.mail("a@example.net")
            codes = [client.rcpt(to)[0] for to in recipients]
            client.rset()
            return codes

    try:
        return await asyncio.to_thread(talk)
    finally:
        server.close()
        await server.wait_closed()


async def test_K48_unknown_addresses_are_refused_before_the_mail(site: Site) -> None:
    known = ["postmaster", "Abuse", "digest", "help", "subscribe", "bounce+1-x", "unsubscribe+x"]
    unknown = ["nosuch", "bounce", "root", "x+bounce", "helpme"]
    replies = await lmtp_replies(site.app, *(f"{to}@{DOMAIN}" for to in (*known, *unknown)))
    assert replies == [250] * len(known) + [550] * len(unknown)


@pytest.mark.parametrize("to", ["postmaster", "abuse", "digest", "DIGEST+x"])
def test_K48_mail_to_the_operator_is_kept_for_them(site: Site, to: str) -> None:
    raw = b"From: Pat <pat@example.net>\nSubject: a question\n\nWhere is my paper?\n"
    done = processor.receive(site.app, "pat@example.net", f"{to}@{DOMAIN}", raw, NOW)
    assert done == "kept: for the operator"
    (one,) = kept(site.app)
    assert one.is_personal and one.retry_at is None and one.mail.raw == raw
    intake.look_after(site.app, NOW + timedelta(days=59))
    assert len(kept(site.app)) == 1


@pytest.mark.parametrize(
    "head", ["Auto-Submitted: auto-replied", "Precedence: bulk", "Subject: Out of office"]
)
def test_K48_machines_that_write_to_the_operator_are_counted(site: Site, head: str) -> None:
    raw = f"From: pat@example.net\n{head}\n\nI am away.\n".encode()
    done = processor.receive(site.app, "", f"digest@{DOMAIN}", raw, NOW)
    assert done == "dropped: automatic mail to the operator" and not kept(site.app)


def test_K48_an_address_of_the_site_is_found_in_headers_too() -> None:
    own = [f"digest@{DOMAIN}"]
    assert pick([f"x@{DOMAIN}", f"digest@{DOMAIN}"], own, DOMAIN) == f"digest@{DOMAIN}"
    assert pick([f"digest@{DOMAIN}", f"help@{DOMAIN}"], own, DOMAIN) == f"help@{DOMAIN}"
    assert pick(["postmaster@example.net", "help@example.net"], own, DOMAIN) == ""
    assert box_of("digest@example.net", own).kind == "unknown"


# -- reports without a tag -------------------------------------------------------------------------


def returned(site: Site, message_id: str = "", *, kind: str = "delivery-status") -> bytes:
    """A report that names a letter by its Message-ID alone."""
    row = site.rows()[0].id
    message_id = message_id or f"{site.app.tokens.message_id(row)}@{DOMAIN}"
    said = (
        "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; x@example.net\nAction: failed\n"
        "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n"
    )
    if kind == "feedback-report":
        said = "Feedback-Type: abuse\nVersion: 1\nUser-Agent: x/1\n"
    return (
        f"From: MAILER-DAEMON@mx.example.net\nTo: digest@{DOMAIN}\nSubject: Undelivered\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="b"\n\n--b\n'
        f"Content-Type: message/{kind}\n\n{said}\n--b\nContent-Type: message/rfc822\n\n"
        f"Subject: Trending Papers\nMessage-ID: <{message_id}>\n\nhello\n--b--\n"
    ).encode()


def about(site: Site) -> list[tuple[str, str]]:
    with reading(site.engine) as connection:
        found = evidence.of_reader(connection, site.readers[0])
    return [(one["source"], one["cause"]) for one in found]


@pytest.mark.parametrize("to", [f"digest@{DOMAIN}", f"postmaster@{DOMAIN}", f"abuse@{DOMAIN}", ""])
def test_G09_a_report_without_our_tag_is_matched_by_the_message_id(site: Site, to: str) -> None:
    sent(site)
    assert processor.receive(site.app, "", to, returned(site), NOW) == "hard"
    assert about(site) == [("bounce", "gone")]
    complaint = returned(site, kind="feedback-report")
    assert processor.receive(site.app, "", to, complaint, NOW) == "suppressed: complaint"
    with reading(site.engine) as connection:
        assert str(subscribers.get(connection, site.readers[0]).state) == "suppressed"


def test_G09_a_message_id_in_an_encoded_copy_is_found(site: Site) -> None:
    sent(site)
    head, _, copy = returned(site).partition(b"Content-Type: message/rfc822\n\n")
    head += b"Content-Type: text/rfc822-headers\nContent-Transfer-Encoding: base64\n\n"
    raw = head + base64.encodebytes(copy.partition(b"--b--")[0]) + b"\n--b--\n"
    assert processor.receive(site.app, "", f"digest@{DOMAIN}", raw, NOW) == "hard"


def test_G09_a_message_id_that_is_not_ours_touches_nobody(site: Site) -> None:
    sent(site)
    row = site.rows()[0].id
    left = site.app.tokens.message_id(row)
    other = site.app.tokens.message_id(row + 1)
    forged = [
        f"{row}.{other.rpartition('.')[2]}@{DOMAIN}",
        f"{left[:-1]}{'a' if left[-1] != 'a' else 'b'}@{DOMAIN}",
        f"{row}.1.{left.rpartition('.')[2]}@{DOMAIN}",
        f"{row}@{DOMAIN}",
        f"{left}x@{DOMAIN}",
        f"{left}@{DOMAIN}> <{other}@{DOMAIN}",  # two letters: not known which
    ]
    for one in forged:
        raw = returned(site, one)
        done = processor.receive(site.app, "", f"digest@{DOMAIN}", raw, NOW)
        assert done == "dropped: automatic mail to the operator", one
        assert processor.receive(site.app, "", "", raw, NOW).startswith("dropped"), one
    assert about(site) == []


def test_G09_an_answer_of_a_person_that_names_the_letter_is_theirs(site: Site) -> None:
    sent(site)
    left = site.app.tokens.message_id(site.rows()[0].id)
    raw = f"From: Ada <ada@example.net>\nIn-Reply-To: <{left}@{DOMAIN}>\nSubject: Re: x\n\n"
    raw += "550 5.1.1 user unknown is what I got.\n"
    done = processor.receive(site.app, "a@example.net", f"digest@{DOMAIN}", raw.encode(), NOW)
    assert done == "kept: for the operator"
    away = raw.replace("Subject: Re: x", "Subject: Out of office\nAuto-Submitted: auto-replied")
    done = processor.receive(site.app, "a@example.net", f"digest@{DOMAIN}", away.encode(), NOW)
    assert done == "dropped: automatic mail to the operator" and about(site) == []


@pytest.mark.parametrize(
    ("lines", "has_tag", "has_mailto"),
    [
        ("", False, False),
        ('lmtp = "127.0.0.1:1"', True, True),
        ('maildir = "box"', True, True),
        ('imap = "imaps://us@mail.example.org/INBOX"\nimap_password_file = "password"', True, True),
        ('sns_topics = ["arn:aws:sns:eu-west-1:123456789012:bounces"]', True, False),
        ('hook_secret_file = "password"', True, False),
    ],
)
def test_G01_letters_carry_a_tag_whenever_anything_can_come_back(
    tmp_path: Path, lines: str, has_tag: bool, has_mailto: bool
) -> None:
    (tmp_path / "password").write_text("a secret of some length, 32 or more characters")
    (tmp_path / "password").chmod(0o600)
    app = make_site(tmp_path, 1, smtp=f"[bounces]\n{lines}").app
    (claim,) = ledger_life.claim(app.engine, 1, NOW)
    builder = MessageBuilder(app.engine, app.config, app.renderer, app.tokens)
    envelope, raw = next(iter(builder([claim])))  # type: ignore[misc]  # a letter, no error
    assert envelope.sender.startswith("bounce+") is has_tag
    assert (b"<mailto:unsubscribe+" in b"".join(raw.splitlines())) is has_mailto


# -- the command line ------------------------------------------------------------------------------


def run(site: Site, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = [sys.executable, "-c", "from newsletter.cli import run; run()", *words]
    environment = {**os.environ, "NEWSLETTER_CONFIG": str(site.folder / "config.toml")}
    return subprocess.run(
        program, input=stdin, capture_output=True, timeout=120, env=environment, cwd=ROOT
    )


def test_kept_mail_is_listed_shown_tried_again_and_removed(site: Site) -> None:
    address = sent(site)
    done = run(site, "inbound", "take", address, stdin=b"From: a@example.net\n\nhello\x1b[31m\n")
    assert done.stdout == b"kept: it says nothing about a letter we know\n", done.stderr
    old_name = run(site, "inbound", f"digest@{DOMAIN}", stdin=b"From: a@example.net\n\nhi\n")
    assert old_name.stdout == b"kept: for the operator\n"
    assert run(site, "inbound", "take", f"nosuch@{DOMAIN}", stdin=b"x").returncode == 67
    listed = json.loads(run(site, "--json", "inbound", "list").stdout)
    assert [one["why"] for one in listed["kept"]] == [
        "for the operator",
        "it says nothing about a letter we know",
    ]
    assert listed["counts"]["refused: no such address"] == 1
    shown = run(site, "inbound", "show", str(listed["kept"][1]["id"])).stdout
    assert b"hello\\x1b[31m" in shown
    with writing(site.app.engine) as connection:
        broken = inbound_store.Arrived("lmtp", "", address, REPORT)
        inbound_store.keep(connection, broken, "it could not be read in 5 s", datetime.now(UTC))
    retried = json.loads(run(site, "--json", "inbound", "retry").stdout)["retried"]
    assert sorted(retried.values()) == [
        "dropped: no letter of the last two weeks"
        if datetime.now(UTC) - NOW > timedelta(days=14)
        else "hard",
        "kept: it says nothing about a letter we know",
    ]
    left = [
        str(one["id"]) for one in json.loads(run(site, "--json", "inbound", "list").stdout)["kept"]
    ]
    assert len(left) == 2 and run(site, "inbound", "remove", *left).returncode == 0
    assert kept(site.app) == []
    assert run(site, "inbound", "show", "1").returncode == 1


def test_the_old_name_of_the_pipe_is_read() -> None:
    assert cli.inbound.with_command(["inbound", "a@b.example", "--sender", "x"])[:3] == [
        "inbound",
        "take",
        "a@b.example",
    ]
    assert cli.inbound.with_command(["inbound", "list"]) == ["inbound", "list"]
