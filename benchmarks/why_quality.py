"""Whether `newsletter why` agrees with what was sent, and how long an answer takes.

    python -m benchmarks.why_quality DATA --pairs 10000

DATA is a folder as ../shared/data. A month of real lists is played for the readers of
`picks_quality`; when letters are planned, `choose` is asked what it keeps and which rule keeps each
other paper out, and the answers are kept. Afterwards pairs of a reader and a paper, half of them of
papers that matched, are asked in random order. An answer agrees if it names the letter that brought
the paper, or the rule of the last letter that the paper could have been in.
"""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from benchmarks.month import Listings, enrol, listings, new_site, play, readings
from benchmarks.picks_quality import DAYS, FIRST, WISHES
from newsletter.editions import Edition, choose_for
from newsletter.models import Signal
from newsletter.store import papers, subscribers
from newsletter.store.db import reading
from newsletter.why import Explainer


class Witness:
    """Keeps what `choose` said when letters were planned: (reader, paper) -> (rule, day)."""

    def __init__(self, engine: Engine, readers: Sequence[int]) -> None:
        self.engine, self.readers, self.told = engine, readers, dict[tuple[int, int], Any]()

    def __call__(self, edition: Edition) -> None:
        day = edition.now.date()
        with reading(self.engine) as connection:
            known = subscribers.by_ids(connection, self.readers)
        for reader in self.readers:
            if not _is_due(known[reader].rhythm, day):
                continue
            choice = choose_for(self.engine, known[reader], edition)
            for key in edition.papers:
                if self.told.get((reader, key), ("",))[0] != "sent":
                    self.told[reader, key] = ("no_topic", day)
            for rule, pick in choice.passed:
                if rule != "seen":
                    self.told[reader, pick.paper] = (rule, day)
            for pick in choice.picks:
                self.told[reader, pick.paper] = ("sent", day)


def _is_due(rhythm: str, day: date) -> bool:
    return rhythm == "daily" or day.weekday() < (1 if rhythm == "weekly" else 5)


def measure(
    engine: Engine,
    lists: Listings,
    signals: Mapping[date, Sequence[Signal]],
    count: int,
    days: int = DAYS,
) -> dict[str, Any]:
    chance = random.Random(1)
    first = min(lists)
    start = datetime.combine(first, datetime.min.time(), UTC)
    readers = list(enrol(engine, WISHES, start))
    witness = Witness(engine, readers)
    play(engine, lists, signals, [first + timedelta(days=n) for n in range(days)], witness)
    now = start + timedelta(days=days + 20)
    told = witness.told
    matched = sorted(pair for pair, (rule, _) in told.items() if rule != "no_topic")
    others = sorted(pair for pair, (rule, _) in told.items() if rule == "no_topic")
    pairs = chance.choices(matched, k=count // 2) + chance.choices(others, k=count - count // 2)
    chance.shuffle(pairs)
    explainer = Explainer(engine)
    with reading(engine) as connection:
        known = subscribers.by_ids(connection, readers)
        found = papers.by_keys(connection, {paper for _, paper in pairs})
    took, wrong, rules = [], [], Counter[str]()
    for reader, paper in pairs:
        begun = time.perf_counter()
        answer = explainer.why(known[reader], found[paper], now)
        took.append(time.perf_counter() - begun)
        rules[answer.rule] += 1
        if (answer.rule, answer.day) != told[reader, paper]:
            wrong.append((known[reader].email, found[paper].id, answer.rule, told[reader, paper]))
    took.sort()
    milliseconds = [1000 * seconds for seconds in took]
    return {
        "papers": len({paper for _, paper in told}),
        "pairs": len(pairs),
        "agree": len(pairs) - len(wrong),
        "rules": dict(rules.most_common()),
        "ms": {
            "mean": round(sum(milliseconds) / len(milliseconds), 1),
            "median": round(milliseconds[len(milliseconds) // 2], 1),
            "p99": round(milliseconds[int(len(milliseconds) * 0.99)], 1),
            "most": round(milliseconds[-1], 1),
        },
        "wrong": [str(one) for one in wrong[:10]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--pairs", type=int, default=10_000)
    asked = parser.parse_args()
    with new_site() as engine:
        lists = listings(asked.data, FIRST, DAYS)
        print(json.dumps(measure(engine, lists, readings(asked.data, FIRST, DAYS), asked.pairs)))


if __name__ == "__main__":
    main()
