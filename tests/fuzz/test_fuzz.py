"""Fuzzing begins, counts and ends; and a few seconds of it find nothing."""

import json
import subprocess
import sys
from random import Random

import pytest

from tests.fuzz.__main__ import KINDS, ROOT, Run, fed
from tests.fuzz.kinds import Kind


def test_each_kind_is_fed_and_nothing_is_at_fault() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--minutes", "0.1", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["kind"] for line in lines] == list(KINDS), done.stderr
    assert all(line["inputs"] for line in lines)
    assert not any(line["crashes"] for line in lines), lines


def test_a_crash_and_a_slow_input_are_counted_and_made_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def feed(raw: bytes) -> None:
        if len(raw) % 2:
            raise KeyError("odd")
        for _ in range(100_000):
            pass

    kind = Kind((b"one", b"another sample"), (), feed, 1_000, slow_s=-1.0)
    run = Run("mail", kind, "1")
    run.feed_once()
    for _ in range(30):
        run.feed_once()
    told = run.told()
    assert told["inputs"] == 31 and told["crashes"] + len(run.slow) == 31
    assert 0 < told["crashes"] < 31 and all("KeyError: 'odd'" in at for at in told["crashed_at"])
    assert "mail:1 " in capsys.readouterr().err
    assert [run.input(n) for n in range(9)] == [Run("mail", kind, "1").input(n) for n in range(9)]
    assert Run("mail", kind, "2").input(1) != run.input(1)
    assert fed(kind, b"x").startswith("KeyError") and kind.make(Random(1)) == kind.make(Random(1))
