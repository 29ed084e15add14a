"""Feed random input to the code that reads what strangers write, until the time is over.

  python -m tests.fuzz --minutes 60
  python -m tests.fuzz --kinds mail,feeds --minutes 5 --seed 7
  python -m tests.fuzz --again mail:1234 --seed 7      one input again, with its traceback

Kinds: mail, forms, headers, feeds. An input is made from real samples (NEWSLETTER_TEST_DATA, else
../shared/data) and from generated examples of the format; the seed and its number make it again.
One line of JSON for each kind: inputs, crashes (an unexpected exception, or an answer of 500), slow
inputs and the slowest. The exit code is 1 when an input crashed or was slow.
"""

import argparse
import itertools
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import structlog

from tests.fuzz import feeds, mails, requests
from tests.fuzz.kinds import Kind

ROOT = Path(__file__).resolve().parent.parent.parent
#: An input that takes more seconds of processor time is given up.
HANG_S = 30
#: Seconds for one kind before the next one.
TURN_S = 5.0
SHOWN = 20


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--again", default="", help="KIND:NUMBER")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    signal.signal(signal.SIGPROF, _hang)
    if asked.again:
        return _again(asked.again, asked.seed)
    runs = [Run(name, KINDS[name](), asked.seed) for name in asked.kinds.split(",")]
    end = time.monotonic() + asked.minutes * 60
    turn = min(TURN_S, asked.minutes * 60 / len(runs) / 2)
    for run in itertools.cycle(runs):
        if time.monotonic() >= end:
            break
        run.feed_until(min(end, time.monotonic() + turn))
    for run in runs:
        print(json.dumps(run.told()), flush=True)
        run.kind.close()
    return 1 if any(run.crashes or run.slow for run in runs) else 0


def _data() -> Path | None:
    path = Path(os.environ.get("NEWSLETTER_TEST_DATA") or ROOT.parent / "shared" / "data")
    return path if path.is_dir() else None


KINDS: Mapping[str, Callable[[], Kind]] = {
    "mail": lambda: mails.kind(_data()),
    "forms": requests.forms,
    "headers": requests.headers,
    "feeds": lambda: feeds.kind(_data()),
}


class Run:
    """One kind and what was found."""

    def __init__(self, name: str, kind: Kind, seed: str) -> None:
        self.name, self.kind, self.seed = name, kind, seed
        self.inputs, self.seconds, self.size = 0, 0.0, 0
        self.crashes: Counter[str] = Counter()
        self.slow: list[str] = []
        self.slowest: tuple[float, int, int] = (0.0, 0, 0)  #: seconds, number, bytes

    def input(self, number: int) -> bytes:
        return self.kind.make(Random(f"{self.seed}:{self.name}:{number}"))

    def feed_until(self, end: float) -> None:
        while time.monotonic() < end:
            self.feed_once()

    def feed_once(self) -> None:
        self.inputs += 1
        raw = self.input(self.inputs)
        self.size += len(raw)
        begun = time.process_time()  # other work on the machine does not count
        problem = fed(self.kind, raw)
        took = time.process_time() - begun
        self.seconds += took
        self.slowest = max(self.slowest, (took, self.inputs, len(raw)))
        if problem:
            self._report(f"crash: {problem}")
            self.crashes[problem] += 1
        elif took > self.kind.slow_s:
            self._report(f"slow: {took:.2f} s, {len(raw):,} bytes")
            self.slow.append(f"{self.name}:{self.inputs}")

    def _report(self, text: str) -> None:
        if self.crashes[text.removeprefix("crash: ")] < 3:
            print(f"{self.name}:{self.inputs} {text}", file=sys.stderr, flush=True)

    def told(self) -> dict[str, Any]:
        took, number, size = self.slowest
        return {
            "kind": self.name,
            "seed": self.seed,
            "samples": len(self.kind.samples),
            "inputs": self.inputs,
            "megabytes": round(self.size / 1e6, 1),
            "seconds": round(self.seconds, 1),
            "crashes": self.crashes.total(),
            "crashed_at": dict(self.crashes.most_common(SHOWN)),
            "slow": self.slow[:SHOWN],
            "slowest_ms": round(took * 1000, 1),
            "slowest": f"{self.name}:{number}",
            "slowest_bytes": size,
        }


class Hang(Exception):
    """An input took longer than `HANG_S`."""


def _hang(_signal: int, _frame: object) -> None:
    raise Hang(f"more than {HANG_S} s")


def fed(kind: Kind, raw: bytes) -> str:
    """Feed one input; the exception and where it came from, or nothing."""
    signal.setitimer(signal.ITIMER_PROF, HANG_S)
    try:
        kind.feed(raw)
    except (Exception, RecursionError, MemoryError) as e:
        last = traceback.extract_tb(e.__traceback__)[-1]
        ours = [
            one for one in traceback.extract_tb(e.__traceback__) if "/newsletter/" in one.filename
        ]
        where = (ours or [last])[-1]
        return f"{type(e).__name__}: {str(e)[:120]} ({Path(where.filename).name}:{where.lineno})"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def _again(wanted: str, seed: str) -> int:
    name, _, number = wanted.partition(":")
    run = Run(name, KINDS[name](), seed)
    raw = run.input(int(number))
    sys.stdout.buffer.write(raw[:2_000] + b"\n")
    print(f"{len(raw):,} bytes", flush=True)
    begun = time.perf_counter()
    try:
        run.kind.feed(raw)
    finally:
        print(f"{time.perf_counter() - begun:.3f} s")
        run.kind.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
