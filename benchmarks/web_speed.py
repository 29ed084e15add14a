"""How fast the pages answer at a constant rate: alone, and while an issue is being sent.

    python -m benchmarks.web_speed [--rate 1000] [--seconds 60] [--readers 5000] [--flood 0]

The real `newsletter serve` in its own process, an SQLite database that is thrown away. Requests
leave on a timetable, whether or not earlier ones were answered, and their time counts from the
timetable: queueing is seen. The mix is 40 % front page, 25 % subscribe with a new address, 10 %
open and 5 % send the confirmation, 10 % preferences, 5 % one-click, 5 % health. `--flood N` adds N
sign-ups a second from one address that is over its share (429), measured apart.
"""

import argparse
import asyncio
import contextlib
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.send_speed import fill
from newsletter.matching.curated import load_curated
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import subscribers, topics
from newsletter.store.db import migrate, open_engine, writing
from newsletter.tokens import Tokens

MIX = {
    "front": 40,
    "subscribe": 25,
    "open": 10,
    "confirm": 5,
    "preferences": 10,
    "one-click": 5,
    "health": 5,
}
FORM = "application/x-www-form-urlencoded"
CONNECTIONS = 64
#: A reader and their epoch, of which links are made.
Link = tuple[int, int]
CONFIG = """
[site]
base_url = "http://127.0.0.1:{port}"
[smtp]
host = "127.0.0.1"
port = {relay}
security = "none"
connections = 4
[web]
port = {port}
trusted_proxies = ["127.0.0.1"]
[limits]
confirmations_per_hour = 100000000
"""


@dataclass
class Result:
    times: list[float] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)
    by_kind: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def told(self, seconds: float) -> dict[str, object]:
        times = sorted(self.times)
        slow = {
            kind: round(_percentile(sorted(found), 0.99), 1) for kind, found in self.by_kind.items()
        }
        wrong = sum(number for code, number in self.codes.items() if code not in (200, 303, 429))
        return {
            "requests_per_s": round(len(times) / seconds),
            "p50_ms": round(_percentile(times, 0.5), 1),
            "p99_ms": round(_percentile(times, 0.99), 1),
            "errors": wrong,
            "p99_ms_by_kind": slow,
        }


def _percentile(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))] * 1000 if times else 0.0


class Generator:
    """An open loop: a timetable, and connections that wait for the next request on it."""

    def __init__(
        self, port: int, requests: Iterator[tuple[str, bytes]], rate: float, seconds: float
    ) -> None:
        self.port, self.requests, self.rate, self.seconds = port, requests, rate, seconds
        self.result = Result()
        self.waiting: deque[tuple[float, str, bytes]] = deque()
        self.free: deque[_Line] = deque()

    async def run(self) -> Result:
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            await loop.create_connection(lambda: _Line(self), "127.0.0.1", self.port)
        begun, number = time.perf_counter(), 0
        while (passed := time.perf_counter() - begun) < self.seconds:
            while number < passed * self.rate:
                self.waiting.append((begun + number / self.rate, *next(self.requests)))
                number += 1
            while self.waiting and self.free:
                self.free.popleft().ask(*self.waiting.popleft())
            await asyncio.sleep(0.001)
        for _ in range(3000):  # the last ones have 30 s
            if len(self.result.times) >= number:
                break
            await asyncio.sleep(0.01)
        for line in self.free:
            line.transport.close()
        return self.result


class _Line(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    transport: asyncio.Transport

    def __init__(self, generator: Generator) -> None:
        self.generator, self.got, self.ends = generator, b"", 0
        self.wished, self.kind = 0.0, ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.generator.free.append(self)

    def ask(self, wished: float, kind: str, request: bytes) -> None:
        self.wished, self.kind = wished, kind
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.got += data
        if not self.ends and (head := self.got.find(b"\r\n\r\n")) >= 0:
            length = self.got[:head].lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self.ends = head + 4 + int(length or 0)
        if self.ends and len(self.got) >= self.ends:
            self._answered(int(self.got[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if self.kind:
            self._answered(0)
        if self in self.generator.free:
            self.generator.free.remove(self)

    def _answered(self, code: int) -> None:
        result, spent = self.generator.result, time.perf_counter() - self.wished
        result.times.append(spent)
        result.by_kind[self.kind].append(spent)
        result.codes[code] += 1
        self.got, self.ends, self.kind = b"", 0, ""
        if self.generator.waiting:
            self.ask(*self.generator.waiting.popleft())
        else:
            self.generator.free.append(self)


def mixed(
    tokens: Tokens, pending: list[Link], active: list[Link], chance: random.Random
) -> Iterator[tuple[str, bytes]]:
    """Requests of the mix without end; every subscribe comes from another network."""
    kinds, weights, now = list(MIX), list(MIX.values()), datetime.now(UTC)
    run, number = chance.randrange(1 << 30), 0

    def path(purpose: str, reader: Link) -> str:
        return f"/{purpose}/{tokens.make(purpose, *reader, now)}"

    while True:
        number += 1
        kind = chance.choices(kinds, weights)[0]
        if kind == "front":
            yield kind, _request("GET", "/")
        elif kind == "health":
            yield kind, _request("GET", "/healthz")
        elif kind == "subscribe":
            network = f"2001:db8:{run >> 16:x}:{number & 0xFFFF:x}::{number >> 16:x}"
            email = f"email=new{run}.{number}@mail{number % 9973}.example.org"
            yield kind, _request("POST", "/subscribe", email, network)
        elif kind == "open":
            yield kind, _request("GET", path("confirm", chance.choice(pending)))
        elif kind == "confirm":
            yield (
                kind,
                _request(
                    "POST",
                    path("confirm", pending[number % len(pending)]),
                    "topic=reasoning&size=8",
                ),
            )
        elif kind == "preferences":
            yield kind, _request("GET", path("preferences", chance.choice(active[::2])))
        else:
            body = "List-Unsubscribe=One-Click"
            yield (
                kind,
                _request(
                    "POST", path("unsubscribe", active[1::2][number % (len(active) // 2)]), body
                ),
            )


def flood() -> Iterator[tuple[str, bytes]]:
    while True:
        yield "flood", _request("POST", "/subscribe", "email=flood@mail.example.org", "9.9.9.9")


def _request(method: str, path: str, body: str = "", network: str = "") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if network:
        head.append(f"X-Forwarded-For: {network}")
    if method == "POST":
        head += [f"Content-Type: {FORM}", f"Content-Length: {len(body)}"]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def make_site(folder: Path, port: int, relay: int, readers: int) -> tuple[list[Link], list[Link]]:
    """A site with an issue that waits to be sent, and readers in two states: (pending, active)."""
    (folder / "config.toml").write_text(CONFIG.format(port=port, relay=relay))
    (folder / "secret.key").write_text("k" * 64)
    engine = open_engine(f"sqlite:///{folder / 'newsletter.db'}")
    migrate(engine)
    fill(engine, readers, random.Random(1))
    now = datetime.now(UTC)
    ids: dict[SubscriberState, list[Link]] = defaultdict(list)
    with writing(engine) as connection:
        topics.seed(connection, load_curated())
        for state in (SubscriberState.PENDING, SubscriberState.ACTIVE):
            for n in range(2000):
                email = f"{state}{n}@web{n % 500}.example.org"
                added = subscribers.add(connection, Subscriber(0, email, state), email, now)
                ids[state].append((added.id, added.epoch))
    engine.dispose()
    return ids[SubscriberState.PENDING], ids[SubscriberState.ACTIVE]


async def relay() -> tuple[asyncio.Server, int]:
    """Start a mail server that accepts everything."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while line := (await reader.readline()).upper():
                if line.startswith(b"DATA"):
                    writer.write(b"354 go\r\n")
                    while await reader.readline() != b".\r\n":
                        pass
                writer.write(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0, limit=1 << 20)
    return server, server.sockets[0].getsockname()[1]


async def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    sink, relay_port = await relay()
    pending, active = make_site(folder, port, relay_port, arguments.readers)
    command = [
        sys.executable,
        "-c",
        "from newsletter.cli import run; run()",
        "-C",
        str(folder / "config.toml"),
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = await asyncio.create_subprocess_exec(*command, "serve", **quiet)
    try:
        await _answers(port)
        requests = mixed(Tokens([b"k" * 64]), pending, active, random.Random())
        alone = await _under_load(port, requests, arguments)
        sending = await asyncio.create_subprocess_exec(
            *command, "send", "--at", "2026-11-23T07:01:00Z", **quiet
        )
        busy = await _under_load(port, requests, arguments)
        is_sending = sending.returncode is None
        if is_sending:
            sending.terminate()
        await sending.wait()
    finally:
        server.terminate()
        await server.wait()
        sink.close()
    return {**alone, "while_sending": {**busy, "was_sending_to_the_end": is_sending}}


async def _under_load(
    port: int, requests: Iterator[tuple[str, bytes]], arguments: argparse.Namespace
) -> dict[str, object]:
    runs = [Generator(port, requests, arguments.rate, arguments.seconds).run()]
    if arguments.flood:
        runs.append(Generator(port, flood(), arguments.flood, arguments.seconds).run())
    found, *others = await asyncio.gather(*runs)
    told = found.told(arguments.seconds)
    return {**told, "flood": others[0].told(arguments.seconds)} if others else told


async def _answers(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError):
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            return
        await asyncio.sleep(0.1)
    raise SystemExit("the pages did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast the pages answer")
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument(
        "--readers", type=int, default=5000, help="letters of the issue that is sent meanwhile"
    )
    parser.add_argument("--flood", type=float, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(arguments, Path(folder)))))


if __name__ == "__main__":
    main()
