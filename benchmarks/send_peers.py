"""`send_speed` beside its peers in one run: they take turns, and medians are printed.

    python -m benchmarks.send_peers --relay 127.0.0.1:PORT [--readers 3000] [--rounds 5]
    [--connections 8] [--papers 8] [--dkim KEY] [--processes 1] [--without aiosmtplib]

Peers send as many bytes on as many connections: `smtp-source` (Postfix's own, in C, the same bytes
to everybody), and a loop of aiosmtplib on ready bytes. The relay is a sink that is running already
(`smtp-sink -u nobody -c 127.0.0.1:PORT 1000`), a `delay_proxy` before it, or a real Postfix.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from statistics import median
from typing import Any

import aiosmtplib

SENDER, RECIPIENT = "a@localhost", "b@localhost"


def product(given: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.send_speed", "--relay", given.relay]
    for name in ("readers", "connections", "papers", "processes"):
        command += [f"--{name}", str(getattr(given, name))]
    if given.dkim:
        command += ["--dkim", given.dkim]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    line: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return line


def smtp_source(given: argparse.Namespace, size: int) -> dict[str, float]:
    command = ["smtp-source", "-s", str(given.connections), "-l", str(size)]
    command += ["-m", str(given.readers), "-d", "-f", SENDER, "-t", RECIPIENT, given.relay]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True)
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _line(given.readers, seconds, spent)


def aiosmtplib_loop(given: argparse.Namespace, size: int) -> dict[str, float]:
    line = (b"x" * 70 + b"\r\n") * (size // 72)
    host, _, port = given.relay.rpartition(":")

    async def connection(number: int) -> None:
        async with aiosmtplib.SMTP(hostname=host, port=int(port), start_tls=False) as client:
            for _ in range(number):
                await client.sendmail(SENDER, [RECIPIENT], b"Subject: canned\r\n\r\n" + line)

    async def all_of_them() -> None:
        share = given.readers // given.connections
        await asyncio.gather(*(connection(share) for _ in range(given.connections)))

    before, started = time.process_time(), time.monotonic()
    asyncio.run(all_of_them())
    number = given.readers // given.connections * given.connections
    return _line(number, time.monotonic() - started, time.process_time() - before)


def _line(mails: int, seconds: float, cpu_s: float) -> dict[str, float]:
    return {"mails_per_s": mails / seconds, "cpu_us_per_mail": cpu_s / mails * 1e6}


def measure(given: argparse.Namespace) -> dict[str, Any]:
    lines: dict[str, list[dict[str, float]]] = {"product": [], "smtp-source": [], "aiosmtplib": []}
    for _ in range(given.rounds):
        lines["product"].append(product(given))
        size = round(lines["product"][-1]["bytes_per_mail"])
        lines["smtp-source"].append(smtp_source(given, size))
        if "aiosmtplib" not in given.without:
            lines["aiosmtplib"].append(aiosmtplib_loop(given, size))
    found: dict[str, Any] = {
        name: {key: round(median(line[key] for line in of)) for key in of[0] if key in _MEDIANS}
        for name, of in lines.items()
        if of
    }
    ratios = [
        ours["mails_per_s"] / theirs["mails_per_s"]
        for ours, theirs in zip(lines["product"], lines["smtp-source"], strict=True)
    ]
    return {
        "rounds": given.rounds,
        "readers": given.readers,
        "connections": given.connections,
        "processes": given.processes,
        "dkim": bool(given.dkim),
        **found,
        "of_smtp_source": round(median(ratios), 2),
        "load": round(os.getloadavg()[0], 1),
    }


_MEDIANS = ("mails_per_s", "cpu_us_per_mail", "bytes_per_mail")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--relay", required=True, help="HOST:PORT on this machine, without TLS")
    parser.add_argument("--readers", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--papers", type=int, default=8)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--dkim")
    parser.add_argument("--without", nargs="*", default=[], choices=["aiosmtplib"])
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
