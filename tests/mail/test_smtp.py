"""The SMTP transaction: the commands, how they are grouped, and no dot before its fence."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from newsletter.mail.relay import Relay, RelaySettings
from newsletter.mail.smtp_transport import SmtpTransport
from newsletter.models import Claim, DeliveryState, Envelope, Receipt, Reply
from newsletter.steps.classify_reply import DeliveryPolicy, classify_reply

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
BODY = b"Subject: s\r\n\r\nhello\r\ndot.\r\n"


class Server(asyncio.Protocol):
    """A server that notes every group it is sent, and answers each command at once. `refuse`:
    prefix -> reply.
    """

    offers: tuple[str, ...] = ("PIPELINING", "SIZE 1000000", "DSN", "SMTPUTF8")
    refuse: dict[str, str] = {}

    def __init__(self, log: list[list[str]]) -> None:
        self.log, self.rest, self.is_body, self.has_recipient = log, b"", False, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(b"220 hello\r\n")

    def data_received(self, data: bytes) -> None:
        group: list[str] = []
        *lines, self.rest = (self.rest + data).split(b"\r\n")
        for line in lines:
            self._line(line.decode(), group)
        if group:
            self.log.append(group)

    def _line(self, line: str, group: list[str]) -> None:
        if self.is_body:
            if line == ".":
                self.is_body = False
                group.append("DOT")
                self._say("DOT", "250 2.0.0 queued")
            return None
        group.append(line)
        verb = line[:4].upper()
        if verb == "EHLO":
            return self._say(
                "EHLO",
                "\r\n".join(
                    ["250-me", *(f"250-{o}" for o in self.offers[:-1]), f"250 {self.offers[-1]}"]
                ),
            )
        if verb == "RCPT":
            self.has_recipient = not any(line.startswith(p) for p in self.refuse)
        if verb == "DATA":
            self.is_body = self.has_recipient
            return self._say(line, "354 go on" if self.has_recipient else "554 no recipients")
        return self._say(line, "250 2.0.0 ok")

    def _say(self, line: str, answer: str) -> None:
        said = next(
            (reply for prefix, reply in self.refuse.items() if line.startswith(prefix)), answer
        )
        self.transport.write(said.encode() + b"\r\n")


async def talk(
    recipients: list[str], connections: int = 1, **settings: object
) -> tuple[list[list[str]], list[Receipt]]:
    """Deliver a letter to each; returns the groups that the server got and what became of the
    letters.
    """
    log: list[list[str]] = []
    receipts: list[Receipt] = []
    allowed: set[int] = set()
    kind = type("Scripted", (Server,), settings)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: kind(log), "127.0.0.1", 0)

    async def parcels() -> AsyncIterator[tuple[Envelope, bytes]]:
        for number, recipient in enumerate(recipients, 1):
            yield Envelope(number, "digest@x.org", recipient, f"{number}@x.org", NOW), BODY

    async def fence(delivery: int) -> bool:
        await asyncio.sleep(0.01)
        assert sum(group.count("DOT") for group in log) <= len(allowed), (
            "a dot left before its fence"
        )
        allowed.add(delivery)
        return True

    async def answer(reply: Reply) -> None:
        claim = Claim(reply.delivery, 1, NOW.date(), reply.delivery, "digest", (), NOW)
        receipts.append(classify_reply(reply, claim, DeliveryPolicy((5,))))

    port = server.sockets[0].getsockname()[1]
    relay = Relay(
        RelaySettings("127.0.0.1", port, "none", connections=connections, timeout_s=5),
        lambda: NOW,
    )
    async with server:
        await SmtpTransport([relay]).deliver(parcels(), fence, answer)
    return log, sorted(receipts, key=lambda receipt: receipt.delivery)


def transactions(log: list[list[str]]) -> list[list[str]]:
    return [group for group in log if not group[0].startswith(("EHLO", "QUIT"))]


async def test_the_dot_and_the_next_letter_share_a_group() -> None:
    log, receipts = await talk([f"r{n}@example.org" for n in range(5)])
    assert [receipt.state for receipt in receipts] == [DeliveryState.SENT] * 5
    groups = transactions(log)
    verbs = [[line[:4] for line in group] for group in groups]
    assert verbs == [["MAIL", "RCPT", "DATA"], *[["DOT", "MAIL", "RCPT", "DATA"]] * 4, ["DOT"]]


async def test_without_pipelining_every_command_waits_for_its_answer() -> None:
    log, receipts = await talk(["a@example.org", "b@example.org"], offers=("SIZE 1000000",))
    assert [receipt.state for receipt in receipts] == [DeliveryState.SENT] * 2
    assert all(len(group) == 1 for group in transactions(log))


async def test_one_connection_serves_many_letters() -> None:
    log, _ = await talk([f"r{n}@example.org" for n in range(20)])
    assert (
        sum(group[0].startswith("EHLO") for group in log) <= 2
    )  # once for aiosmtplib's connect, once for the offers


async def test_delivery_notices_are_asked_for_where_they_are_offered() -> None:
    log, _ = await talk(["a@example.org"])
    assert transactions(log)[0][:2] == [
        f"MAIL FROM:<digest@x.org> RET=HDRS ENVID=1 SIZE={len(BODY)}",
        "RCPT TO:<a@example.org> NOTIFY=FAILURE,DELAY",
    ]
    log, _ = await talk(["a@example.org"], offers=("PIPELINING",))
    assert transactions(log)[0][:2] == ["MAIL FROM:<digest@x.org>", "RCPT TO:<a@example.org>"]


async def test_smtputf8_is_asked_for_only_where_the_address_needs_it() -> None:
    log, receipts = await talk(["a@example.org", "jürgen@example.org"])
    mails = [line for group in log for line in group if line.startswith("MAIL")]
    assert [" SMTPUTF8" in line for line in mails] == [False, True]
    assert [receipt.state for receipt in receipts] == [DeliveryState.SENT] * 2


async def test_a_refused_recipient_leaves_the_connection_good() -> None:
    log, receipts = await talk(
        ["dead@example.org", "b@example.org"], refuse={"RCPT TO:<dead": "550 5.1.1 nobody"}
    )
    assert [receipt.state for receipt in receipts] == [DeliveryState.REFUSED, DeliveryState.SENT]
    assert receipts[0].phase == "rcpt" and receipts[0].enhanced == "5.1.1"
    assert sum(group[0] == "RSET" for group in log) == 1
    assert sum(group[0].startswith("EHLO") for group in log) <= 2


async def test_A23_too_large_is_said_at_once_and_nothing_hangs() -> None:
    async with asyncio.timeout(5):
        _, receipts = await talk(
            ["a@example.org"], refuse={"MAIL": "552 5.3.4 too big", "RCPT": "503 5.5.1 no"}
        )
    assert (receipts[0].state, receipts[0].phase, receipts[0].enhanced) == (
        DeliveryState.REFUSED,
        "mail",
        "5.3.4",
    )


async def test_several_connections_share_the_work_and_each_letter_leaves_once() -> None:
    log, receipts = await talk([f"r{n}@example.org" for n in range(12)], connections=3)
    assert [receipt.delivery for receipt in receipts] == list(range(1, 13))
    assert sum(group[0].startswith("EHLO") for group in log) >= 3
    assert sorted(line for group in log for line in group if line.startswith("RCPT")) == sorted(
        f"RCPT TO:<r{n}@example.org> NOTIFY=FAILURE,DELAY" for n in range(12)
    )
