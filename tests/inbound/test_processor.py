"""Mail that comes in, through a real LMTP conversation where that matters."""

import asyncio
import mailbox
import smtplib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter import addresses
from newsletter.app import App
from newsletter.config import Config
from newsletter.delivery.message_builder import MessageBuilder
from newsletter.inbound import intake, lmtp, processor
from newsletter.models import Claim, Pick, Subscriber, SubscriberState
from newsletter.store import (
    due_readers,
    ledger_plan,
    ledger_read,
    subscribers,
    suppressions,
    tables,
)
from newsletter.store.db import open_engine, reading, writing
from newsletter.tokens import Tokens
from tests.databases import make_sqlite
from tests.mailbox import Mailbox

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
VOUCHED = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.net\n"
HARD, FULL = "550 5.1.1 User unknown", "552 5.2.2 Mailbox full"


@pytest.fixture
def app(tmp_path: Path) -> App:
    url = f"sqlite:///{tmp_path / 'site.db'}"
    engine = make_sqlite(tmp_path / "site.db")
    given = {
        "site": {"from": "digest@papers.example.org"},
        "database": {"url": url},
        "smtp": {"port": 1, "security": "none"},
        "bounces": {"lmtp": "127.0.0.1:1", "authority": "mx.example.org"},
    }
    return App(Config.model_validate(given), engine, Tokens([b"k" * 64]))


def add(app: App, email: str = "ada@example.net") -> Subscriber:
    with writing(app.engine) as connection:
        reader = Subscriber(0, email, SubscriberState.ACTIVE)
        return subscribers.add(connection, reader, addresses.parse(email).canonical, NOW)


def mailed(app: App, reader: Subscriber, day: date, state: str = "sent") -> int:
    """A digest that left on a day; gives its row."""
    at = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    row = ledger_plan.FrozenRow(
        reader.id, "digest", (Pick(1, 1, 1.0, 1.0, 1.0),), at, at + timedelta(hours=18)
    )
    frozen = ledger_plan.freeze(app.engine, day, [row], candidates=1, papers={}, now=at)
    with writing(app.engine) as connection:
        mine = (tables.deliveries.c.issue == frozen.issue) & (
            tables.deliveries.c.subscriber == reader.id
        )
        connection.execute(tables.deliveries.update().where(mine).values(state=state))
        return int(connection.execute(tables.deliveries.select().where(mine)).one().id)


def report(said: str, recipient: str = "somebody@else.example") -> bytes:
    code, status = said.split()[:2]
    action = "failed" if code.startswith("5") else "delivered"
    return (
        "From: MAILER-DAEMON@mx.example.net\nSubject: Undelivered\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n'
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {said}\n\n--b--\n"
    ).encode()


def come_back(app: App, row: int, raw: bytes, now: datetime = NOW) -> str:
    return processor.receive(
        app, "", f"bounce+{app.tokens.tag('bounce', row)}@papers.example.org", raw, now
    )


def state(app: App, reader: Subscriber) -> str:
    with reading(app.engine) as connection:
        return str(subscribers.get(connection, reader.id).state)


def enqueued(app: App, kind: str) -> int:
    with reading(app.engine) as connection:
        return len(
            connection.execute(
                tables.deliveries.select().where(tables.deliveries.c.kind == kind)
            ).all()
        )


def day(n: int) -> date:
    return NOW.date() - timedelta(days=n)


# -- what came back --------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["1-aaaaaaaaaaaaaaaa", "1", "x", "-", "9" * 40])
def test_G01_a_report_without_our_token_touches_nobody(app: App, token: str) -> None:
    reader = add(app, "victim@example.net")
    raw = report(HARD, "victim@example.net")
    assert (
        processor.receive(app, "", f"bounce+{token}@papers.example.org", raw, NOW)
        == "dropped: not our token"
    )
    assert state(app, reader) == "active"


def test_G02_the_token_counts_not_the_recipient_inside(app: App) -> None:
    reader, victim = add(app), add(app, "victim@example.net")
    for n in (1, 2):
        come_back(app, mailed(app, reader, day(n)), report(HARD, "victim@example.net"))
    assert state(app, reader) == "suppressed" and state(app, victim) == "active"


def test_G03_a_report_counts_once_and_not_after_two_weeks(app: App) -> None:
    reader = add(app)
    row = mailed(app, reader, day(1))
    assert [come_back(app, row, report(HARD)) for _ in range(3)] == [
        "hard",
        *["dropped: known already"] * 2,
    ]
    assert state(app, reader) == "active"
    old = mailed(app, reader, day(15))
    assert come_back(app, old, report(HARD)) == "dropped: no letter of the last two weeks"


def test_G04_two_issues_suppress_an_address_for_good(app: App) -> None:
    reader = add(app)
    assert come_back(app, mailed(app, reader, day(2)), report(HARD)) == "hard"
    assert come_back(app, mailed(app, reader, day(1)), report(HARD)) == "suppressed: bounce"
    with reading(app.engine) as connection:
        assert suppressions.suppression(
            connection, app.tokens.address_hash(addresses.parse(reader.email).canonical)
        )


def test_G05_a_full_mailbox_rests_after_three_issues_in_a_row(app: App) -> None:
    reader = add(app)
    rows = [mailed(app, reader, day(n)) for n in (5, 4, 3)]
    assert [come_back(app, row, report(FULL)) for row in rows[:2]] == ["full", "full"]
    rows.append(mailed(app, reader, day(2)))  # this one arrived, so the row begins anew
    assert come_back(app, rows[2], report(FULL)) == "full" and state(app, reader) == "active"
    assert come_back(app, rows[3], report(FULL)) == "paused: full"
    with writing(app.engine) as connection:
        due_readers.resume_paused(connection, NOW.date() + timedelta(days=6))
    assert state(app, reader) == "paused"
    with writing(app.engine) as connection:
        due_readers.resume_paused(connection, NOW.date() + timedelta(days=7))
    assert state(app, reader) == "active"


def test_G06_a_refusal_of_us_is_not_the_readers_fault(app: App) -> None:
    reader = add(app)
    for n in (1, 2, 3):
        assert (
            come_back(app, mailed(app, reader, day(n)), report("550 5.7.1 Blocked as spam"))
            == "policy"
        )
    assert state(app, reader) == "active"


def test_G09_a_complaint_ends_the_mail_at_once(app: App) -> None:
    reader = add(app)
    raw = (
        b"MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; "
        b'boundary="b"\n\n--b\n'
        b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b--\n"
    )
    assert come_back(app, mailed(app, reader, day(1)), raw) == "suppressed: complaint"
    assert state(app, reader) == "suppressed"


@pytest.mark.parametrize(("said", "done"), [("250 2.1.5 delivered", "delivered"), (HARD, "hard")])
def test_a_report_about_a_held_letter_settles_it(app: App, said: str, done: str) -> None:
    row = mailed(app, add(app), day(1), "held")
    assert come_back(app, row, report(said)) == done
    with reading(app.engine) as connection:
        assert (
            ledger_read.counts(connection)["held"] == 0
            and ledger_read.counts(connection)["sent"] == 1
        )


# -- commands --------------------------------------------------------------------------------------


def write(
    app: App, to: str, headers: str = VOUCHED, body: str = "", sender: str = "ada@example.net"
) -> str:
    raw = f"{headers}From: Ada <ada@example.net>\nSubject: hello\n\n{body}\n".encode()
    return processor.receive(app, sender, f"{to}@papers.example.org", raw, NOW)


def test_subscribing_by_mail_is_confirmed_like_on_the_web(app: App) -> None:
    assert write(app, "subscribe", body="subscribe graph reasoning") == "subscribe"
    assert (
        write(app, "subscribe") == "subscribe"
    )  # a second mail on one day brings no second confirmation
    assert enqueued(app, "confirm") == 1
    with reading(app.engine) as connection:
        reader = subscribers.find(connection, "ada@example.net")
    assert reader is not None and reader.state == "pending" and len(reader.topics) == 1


@pytest.mark.parametrize(
    "headers",
    [
        "",
        "Authentication-Results: other.example; dmarc=pass header.from=example.net\n",
        "Authentication-Results: mx.example.org; dmarc=fail header.from=example.net\n",
        "Authentication-Results: mx.example.org; dkim=pass header.d=evil.example\n",
        "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=x@notexample.net\n",
        "Authentication-Results: other.example; none\n"
        + VOUCHED,  # only the topmost is our mail server's
    ],
)
def test_nobody_unvouched_for_is_answered(app: App, headers: str) -> None:
    assert write(app, "subscribe", headers) == "dropped: nobody vouches for the sender"
    assert enqueued(app, "confirm") == 0


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Precedence: bulk",
        "Precedence: auto_reply",
        "List-Id: <x.example>",
        "X-Loop: x",
        "X-Autoreply: yes",
    ],
)
def test_G07_machines_and_lists_are_never_answered(app: App, header: str) -> None:
    assert write(app, "help", f"{VOUCHED}{header}\n").startswith("dropped")
    assert write(app, "subscribe", f"{VOUCHED}{header}\n").startswith("dropped")
    assert enqueued(app, "confirm") == 0


def test_G08_our_own_mail_and_mail_without_a_return_path_are_never_answered(app: App) -> None:
    assert write(app, "subscribe", sender="") == "dropped: no return path"
    raw = f"{VOUCHED}From: digest@papers.example.org\n\nsubscribe\n".encode()
    assert (
        processor.receive(app, "a@example.net", "subscribe@papers.example.org", raw, NOW)
        == "dropped: our own mail"
    )


def test_help_and_unsubscribe_are_for_readers(app: App) -> None:
    assert write(app, "help").startswith("dropped")
    reader = add(app)
    assert write(app, "help") == "help" and write(app, "help") == "help"
    assert enqueued(app, "known") == 1
    assert write(app, "help", body="unsubscribe") == "unsubscribed"
    assert state(app, reader) == "unsubscribed"


def test_G17_the_address_in_list_unsubscribe_needs_no_sender(app: App) -> None:
    reader = add(app)
    row = mailed(app, reader, NOW.date())
    claim = Claim(row, 1, NOW.date(), reader.id, "digest", (), NOW)
    builder = MessageBuilder(app.engine, app.config, app.renderer, app.tokens)
    listed = dict(builder._headers(claim, reader, builder.token(claim, reader)))
    web, leave = listed["List-Unsubscribe"].split(", ")
    assert web.startswith(f"<{app.config.site.base_url}/unsubscribe/") and leave.startswith(
        "<mailto:unsubscribe+"
    )
    address = leave.removeprefix("<mailto:").removesuffix(">")
    assert len(address.partition("@")[0]) <= 64
    for forged in (address.replace("@", "x@"), address.replace("unsubscribe+", "unsubscribe+9")):
        assert processor.receive(app, "", forged, b"", NOW).startswith("dropped")
    bounce = f"unsubscribe+{app.tokens.tag('bounce', reader.id, reader.epoch)}@papers.example.org"
    assert processor.receive(app, "", bounce, b"", NOW) == "dropped: not our token"
    assert processor.receive(app, "", address, b"", NOW) == "unsubscribed"
    assert state(app, reader) == "unsubscribed"


# -- servers ---------------------------------------------------------------------------------------


@pytest.fixture
async def lmtp_port(app: App) -> AsyncIterator[int]:
    async def take(sender: str, recipient: str, raw: bytes) -> str:
        return await intake.take(app, sender, recipient, raw, lambda: NOW)

    server = await lmtp.listen("127.0.0.1:0", take)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


def hand_over(port: int, sender: str, to: list[str], raw: bytes) -> None:
    with smtplib.LMTP("127.0.0.1", port) as client:
        client.sendmail(sender, to, raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


async def test_a_reader_comes_by_mail_and_leaves_by_bounces(app: App, lmtp_port: int) -> None:
    raw = f"{VOUCHED}From: ada@example.net\nSubject: subscribe\n\n".encode()
    await asyncio.to_thread(
        hand_over, lmtp_port, "ada@example.net", ["subscribe@papers.example.org"], raw
    )
    async with Mailbox() as mailbox:
        app.config = app.config.model_copy(
            update={"smtp": app.config.smtp.model_copy(update={"port": mailbox.port})}
        )
        await app.send(NOW)
    confirmation = mailbox.letters["ada@example.net"]
    assert confirmation["Auto-Submitted"] == "auto-generated"
    with writing(app.engine) as connection:
        reader = subscribers.find(connection, "ada@example.net")
        assert reader is not None
        subscribers.set_state(connection, reader.id, SubscriberState.ACTIVE)
    rows = [mailed(app, reader, day(n)) for n in (1, 2)]
    addresses = [f"bounce+{app.tokens.tag('bounce', row)}@papers.example.org" for row in rows]
    for address in addresses:
        await asyncio.to_thread(hand_over, lmtp_port, "", [address], report(HARD))
    assert state(app, reader) == "suppressed"


async def test_G11_a_monstrous_mail_does_not_end_the_server(app: App, lmtp_port: int) -> None:
    for raw in (
        b"\xff\x00\r\n",
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: x\n\n" * 500,
    ):
        await asyncio.to_thread(hand_over, lmtp_port, "", ["bounce+1-x@papers.example.org"], raw)
    help_ = ["help@papers.example.org"]
    with pytest.raises(smtplib.SMTPException):
        raw = (b"x" * 70 + b"\r\n") * (lmtp.MAX_BYTES // 70)
        await asyncio.to_thread(hand_over, lmtp_port, "", help_, raw)
    for raw in (b"x" * 500_000, b"still here\n"):
        await asyncio.to_thread(hand_over, lmtp_port, "", help_, raw)


def test_a_folder_of_mail_is_emptied(app: App, tmp_path: Path) -> None:
    reader = add(app)
    for n in (1, 2):
        box = mailbox.Maildir(tmp_path / "box", create=True)
        to = f"bounce+{app.tokens.tag('bounce', mailed(app, reader, day(n)))}@papers.example.org"
        box.add(f"Delivered-To: {to}\n".encode() + report(HARD))
    assert intake.empty_maildir(app, tmp_path / "box", NOW) == 2
    assert state(app, reader) == "suppressed"
    assert intake.empty_maildir(app, tmp_path / "box", NOW) == 0


@given(
    st.binary(max_size=2000),
    st.sampled_from(["bounce+1-x", "help", "subscribe", "unsubscribe+x", "x", ""]),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_are_taken(app: App, raw: bytes, to: str) -> None:
    assert processor.receive(app, "a@example.net", f"{to}@papers.example.org", raw, NOW).startswith(
        ("dropped", "refused", "kept")
    )


# -- who is heard, and how often -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("results", "is_heard"),
    [
        ("dmarc=pass header.from=example.net", True),
        ("dkim=pass header.d=example.net", True),
        ("dkim=pass (2048-bit key) header.i=@mail.example.net; dmarc=none", True),
        ("spf=pass smtp.mailfrom=ada@example.net", True),
        ("spf=fail smtp.mailfrom=x@y.example; dkim=pass header.d=example.net", True),
        ("dkim=pass header.d=evilexample.net", False),
        ("dkim=pass header.d=example.net.evil.example", False),
        ("dkim=pass header.d=net", False),
        ("dkim=pass header.d=evilexample.net; dmarc=fail header.from=example.net", False),
        ("dkim=pass header.d=example.net; dmarc=fail header.from=example.net", False),
        ("dmarc=pass header.from=example.net.evil.example", False),
        ("dmarc=pass header.from=notexample.net", False),
        ('spf=pass reason="; dmarc=pass header.from=example.net" smtp.mailfrom=a@b.example', False),
        ("spf=pass (dmarc=pass header.from=example.net) smtp.mailfrom=a@b.example", False),
        ("dmarc=fail header.from=example.net; dmarc=pass header.from=example.net", False),
        ("none", False),
        ("dmarc", False),
        ("dmarc=pass header.from=" + "a" * 5000, False),
        ("(" * 1000, False),
    ],
)
def test_K07_a_sender_is_genuine_only_by_the_words_of_our_mail_server(
    app: App, results: str, is_heard: bool
) -> None:
    headers = f"Authentication-Results: mx.example.org; {results}\n"
    expected = "subscribe" if is_heard else "dropped: nobody vouches for the sender"
    assert write(app, "subscribe", headers) == expected
    assert enqueued(app, "confirm") == int(is_heard)


@pytest.mark.parametrize("authority", ["mx.example.org", "MX.example.org"])
def test_K07_the_name_of_our_mail_server_is_compared_whole(app: App, authority: str) -> None:
    for name in ("mx.example.org.evil.example", "evil-mx.example.org", '"mx.example.org x"'):
        headers = f"Authentication-Results: {name}; dmarc=pass header.from=example.net\n"
        assert write(app, "subscribe", headers) == "dropped: nobody vouches for the sender"
    headers = f"Authentication-Results: {authority} 1; dmarc=pass header.from=example.net\n"
    assert write(app, "subscribe", headers) == "subscribe"


def subscribe_many(app: App, addresses: list[str], now: datetime = NOW) -> int:
    """Mails to subscribe@ from genuine senders; gives how many confirmations wait."""
    for address in addresses:
        domain = address.rpartition("@")[2]
        results = f"Authentication-Results: mx.example.org; dmarc=pass header.from={domain}\n"
        raw = f"{results}From: {address}\n\nsubscribe\n".encode()
        processor.receive(app, address, "subscribe@papers.example.org", raw, now)
    return enqueued(app, "confirm")


def test_K08_every_cap_of_the_pages_holds_for_mail(app: App) -> None:
    def capped(limit: int) -> None:
        limits = app.config.limits.model_copy(update={"confirmations_per_hour": limit})
        app.config = app.config.model_copy(update={"limits": limits})

    assert subscribe_many(app, [f"ada+{n}@example.net" for n in range(10)]) == 3  # one mailbox
    assert subscribe_many(app, [f"r{n}@one.example.net" for n in range(110)]) == 3 + 100
    capped(120)
    assert subscribe_many(app, [f"r@d{n}.example.net" for n in range(60)]) == 120
    hour = NOW + timedelta(hours=1)
    assert subscribe_many(app, [f"s@d{n}.example.net" for n in range(5)], hour) == 125


def test_K08_caps_survive_a_restart(app: App) -> None:
    assert subscribe_many(app, [f"ada+{n}@example.net" for n in range(2)]) == 2
    again = App(app.config, open_engine(app.config.database.url), app.tokens)
    assert subscribe_many(again, [f"ada+{n}@example.net" for n in range(2, 9)]) == 3
    again.engine.dispose()
