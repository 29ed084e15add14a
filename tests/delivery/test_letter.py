"""The bytes of a letter (part A): size, encodings, hostile text, and who may get it."""

import asyncio
import contextlib
import re
import socket
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import getaddresses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from newsletter.config_loading import load_config
from newsletter.errors import ConfigError, InputError, LetterError
from newsletter.mail import mime
from newsletter.models import Envelope, Letter, Subscriber, SubscriberState
from newsletter.store import ledger_read, subscribers, tables
from newsletter.store.db import reading, writing
from tests.faults import server as fault
from tests.faults.server import OFFERS, Server
from tests.faults.site import DAY, NOW, check, finished, freeze, make_site

HOUR = timedelta(hours=1)


def _size(limit: int) -> tuple[str, ...]:
    return (*(offer for offer in OFFERS if not offer.startswith("SIZE")), f"SIZE {limit}")


@pytest.mark.parametrize("offers", [_size(30000), ()], ids=["announced", "told after the dot"])
async def test_A23_a_letter_that_is_too_large_is_sent_with_fewer_papers(
    tmp_path: Path, offers: tuple[str, ...]
) -> None:
    async def judge_size(talk: fault.Talk) -> bool:
        if len(talk.raw) > 30000:
            await talk.say("552 5.3.4 too big")
        return len(talk.raw) > 30000

    async with Server({"dot": judge_size}, offers=offers) as server:
        site = make_site(tmp_path, 3, server.port, picks=8)
        for minutes in range(3):
            await site.deliver(timedelta(minutes=minutes))
    check(site, server)
    assert site.states() == {"sent": 3}
    assert all(len(message.raw) <= 30000 for message in server.accepted)


async def test_A23_a_letter_that_stays_too_large_is_refused_and_its_reader_kept(
    tmp_path: Path,
) -> None:
    async with Server(offers=_size(1000)) as server:
        site = make_site(tmp_path, 1, server.port, picks=8)
        for minutes in range(5):
            await site.deliver(timedelta(minutes=minutes))
    check(site, server)
    assert site.states() == {"refused": 1}
    with reading(site.engine) as connection:
        assert subscribers.count_states(connection)["active"] == 1
        assert ledger_read.issue_counts(connection)[0]["state"] == "open"


async def test_A24_a_bare_server_gets_ascii_and_an_address_outside_ascii_is_refused_not_suppressed(
    tmp_path: Path,
) -> None:
    async with Server({"mail": _no_utf8}, offers=()) as server:
        site = make_site(tmp_path, 3, server.port)
        with writing(site.engine) as connection:
            connection.execute(
                update(tables.subscribers)
                .where(tables.subscribers.c.id == site.readers[1])
                .values(email="ürsula@example.org")
            )
        await site.deliver()
        assert all(line.isascii() for line in server.lines if not line.startswith("RCPT"))
    check(site, server)
    assert [row.state for row in site.rows()] == ["sent", "refused", "sent"]
    assert "SMTPUTF8" in site.rows()[1].reply
    assert all(message.raw.isascii() for message in server.accepted)
    with reading(site.engine) as connection:
        assert subscribers.count_states(connection)["active"] == 3


async def _no_utf8(talk: fault.Talk) -> bool:
    if "SMTPUTF8" in talk.server.lines[-1]:
        await talk.say("555 5.5.4 unknown parameter")
        return True
    return False


async def test_A25_a_relay_that_takes_few_a_second_gets_the_whole_issue(tmp_path: Path) -> None:
    async with Server({"mail": fault.rate_limit(100)}) as server:
        site = make_site(tmp_path, 8, server.port, connections=2)
        for hours in range(12):
            await site.deliver(hours * 1.4 * HOUR)
            if site.states() == {"sent": 8}:
                break
    check(site, server)
    assert site.states() == {"sent": 8}
    assert server.talks < 8 * 6


async def test_A27_a_relay_down_for_longer_than_an_issue_and_the_next_one_tells(
    tmp_path: Path,
) -> None:
    site = make_site(tmp_path, 2)
    done = await site.deliver()
    assert done.is_unreachable
    tomorrow = NOW + timedelta(hours=26)
    freeze(site.engine, site.readers, DAY + timedelta(days=1), tomorrow)
    async with Server() as server:
        site.app.config = site.app.config.model_copy(
            update={"smtp": site.app.config.smtp.model_copy(update={"port": server.port})}
        )
        await site.deliver(timedelta(hours=26))
    check(site, server)
    assert site.states() == {"expired": 2, "sent": 2}
    assert len(server.accepted) == 2
    assert all(
        f"/issues/{DAY}".encode() in message.raw.replace(b"=\r\n", b"")
        for message in server.accepted
    )


async def test_A28_a_name_that_does_not_resolve_charges_no_letter(tmp_path: Path) -> None:
    site = make_site(tmp_path, 2)
    smtp = site.app.config.smtp.model_copy(update={"host": "relay.invalid", "security": "starttls"})
    site.app.config = site.app.config.model_copy(update={"smtp": smtp})
    done = await site.deliver()
    assert done.is_unreachable and "relay.invalid" in done.problems[0]
    assert [(row.state, row.attempts) for row in site.rows()] == [("pending", 0)] * 2


async def test_A29_a_black_hole_is_given_up_after_the_timeout(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        hole = stack.enter_context(socket.socket())
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)  # nobody accepts; once the backlog is full, SYN is dropped
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        site = make_site(tmp_path, 2, hole.getsockname()[1], timeout_s=0.5)
        async with asyncio.timeout(10):
            done = await site.deliver()
    assert done.is_unreachable
    assert [(row.state, row.attempts) for row in site.rows()] == [("pending", 0)] * 2


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data", "rset", "dot"])
@pytest.mark.parametrize("offers", [OFFERS, ()], ids=["pipelined", "plain"])
async def test_A30_two_replies_for_one_command_end_the_connection(
    tmp_path: Path, phase: str, offers: tuple[str, ...]
) -> None:
    reply = "354 go on" if phase == "data" else "250 ok"
    twice = fault.first(1, fault.say(reply, reply))
    script = {phase: fault.taking(twice) if phase == "dot" else twice}
    if phase == "dot":
        script = {"dot": fault.first(1, fault.taking(fault.say(reply, reply)))}
    if phase == "rset":
        script["rcpt"] = fault.first(1, fault.say("450 4.2.1 busy"))
    async with Server(script, offers=offers) as server:
        site = make_site(tmp_path, 4, server.port)
        await site.deliver()
        check(site, server)
        await site.deliver(timedelta(minutes=7))
    check(site, server)
    assert set(site.states()) <= {"sent", "held"} and site.states()["sent"] >= 3


async def test_A31_hostile_words_of_a_server_are_kept_short_and_harmless(tmp_path: Path) -> None:
    said = "554 5.6.0 \x1b]0;owned\x07 <script>alert(1)</script> \u202e\u2028 \x9b31m " + "x" * 2000
    async with Server({"dot": fault.first(2, fault.say(said))}) as server:
        site = make_site(tmp_path, 3, server.port)
        done = await site.deliver()
        code, out, err = await asyncio.to_thread(
            finished, site.newsletter("issues", "show", "latest")
        )
        assert code == 0, err
    check(site, server)
    for row in site.rows()[:2]:
        assert row.state == "refused" and len(row.reply.encode()) <= 512
    for text in (out, str(done.problems), site.rows()[0].reply):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e]", text)


LETTER_TEXT = st.text(st.characters(codec="utf-8"), max_size=300) | st.sampled_from(
    [
        "\n.\n",
        "\r.\r",
        "\r\n.\r\n",
        "\n.\r\n",
        ".",
        "..",
        "\r",
        "x" * 100_000,
        "\n.\nMAIL FROM:<x@y>\r\n",
    ]
)


def _built(
    text: str, subject: str = "Graphs", recipient: str = "ada@example.org", name: str = "Papers"
) -> bytes:
    letter = Letter(kind="digest", subject=subject, text=(text or "x",), html=(f"<p>{text}</p>",))
    envelope = Envelope(
        1, "digest@papers.example.org", recipient, "1.abc@papers.example.org", datetime.now(UTC)
    )
    return mime.build(letter, envelope, mime.mailbox(name, "digest@papers.example.org")).joined()


@given(LETTER_TEXT)
@settings(max_examples=150, deadline=None)
def test_A32_no_text_ends_a_message_early_for_any_receiver(text: str) -> None:
    try:
        sent = _built(text) + b".\r\n"
    except LetterError:
        return
    for end in (b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n"):
        assert sent.find(end) in (-1, sent.find(b"\r\n.\r\n"), len(sent) - len(end))
    assert sent.count(b"\r\n.\r\n") == 1
    assert max(map(len, sent.split(b"\r\n"))) <= 998
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", sent)


def test_A33_the_same_mailbox_is_one_row_and_each_letter_names_its_own_address(
    any_engine: Engine,
) -> None:
    with writing(any_engine) as connection:
        subscribers.add(
            connection,
            Subscriber(0, "Ada@example.org", SubscriberState.ACTIVE),
            "ada@example.org",
            NOW,
        )
        with pytest.raises(InputError):
            subscribers.add(
                connection,
                Subscriber(0, "ada@example.org", SubscriberState.ACTIVE),
                "ada@example.org",
                NOW,
            )
        subscribers.add(
            connection,
            Subscriber(0, "ada+x@example.org", SubscriberState.ACTIVE),
            "ada+x@example.org",
            NOW,
        )
    for address in ("Ada@example.org", "ada+x@example.org"):
        to = message_from_bytes(_built("x", recipient=address), policy=policy.default)["To"]
        assert [one.addr_spec for one in to.addresses] == [address]


@given(
    st.text(st.characters(codec="utf-8"), max_size=80)
    | st.sampled_from(['Bob" <e@v.org>, "x', "a\r\nBcc: e@v.org"])
)
@settings(max_examples=150, deadline=None)
def test_A34_a_name_or_subject_never_adds_an_address_or_a_header(text: str) -> None:
    message = message_from_bytes(_built("x", subject=text, name=text), policy=policy.compat32)
    assert set(message.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
    }
    assert [address for _, address in getaddresses([message["To"]])] == ["ada@example.org"]
    parsed = message_from_bytes(_built("x", subject=text, name=text), policy=policy.default)
    assert [a.addr_spec for a in parsed["From"].addresses] == ["digest@papers.example.org"]


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=400))
@settings(max_examples=100, deadline=None)
def test_D09_a_long_subject_is_folded_and_reads_back_as_it_was(text: str) -> None:
    raw = _built("x", subject=text)
    head = raw.partition(b"\r\n\r\n")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 78
    read = message_from_bytes(raw, policy=policy.default)["Subject"]
    assert read.split() == mime.clean_header(text).split()


async def test_D10_every_digest_can_be_left_with_one_click_and_from_its_body(
    tmp_path: Path,
) -> None:
    async with Server() as server:
        site = make_site(tmp_path, 1, server.port)
        await site.deliver()
    message = message_from_bytes(server.accepted[0].raw, policy=policy.default)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = message["List-Unsubscribe"].strip("<>")
    assert url.startswith("https://papers.example.org/unsubscribe/")
    claims = site.app.tokens.read(url.rpartition("/")[2], "unsubscribe", NOW)
    assert claims.subscriber == site.readers[0]
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None and url in part.get_content()


def test_D10_pages_without_https_are_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[site]\nbase_url = "http://papers.example.org"\n')
    with pytest.raises(ConfigError, match="https"):
        load_config(tmp_path / "config.toml", {})


async def test_every_try_of_a_letter_has_the_date_of_the_first(tmp_path: Path) -> None:
    later = fault.taking(fault.say("451 4.3.0 try again later"))
    async with Server({"dot": fault.first(2, later)}) as server:
        site = make_site(tmp_path, 1, server.port)
        for hours in (1, 6, 12):
            await site.deliver(timedelta(hours=hours))
    tries = [message.raw for message in server.accepted]
    assert len(tries) == 3 and len(set(tries)) == 1
    assert b"\r\nDate: Mon, 23 Nov 2026 08:00:00 +0000\r\n" in tries[0]
