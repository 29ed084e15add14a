"""What a place among a day's papers costs in votes that somebody buys.

    python -m benchmarks.heat_price FILE.jsonl

A line of the file is as in `trend_quality`. Papers of one list day that were read in the same hour
are ranked among each other. To each paper in turn twenty upvotes are added, to its last reading
alone. Told are the places by which it rises beyond where it was, on average, at the ninetieth
percentile and at most; the share that gets among the first three (with one source, with two); and
how many votes buy one place. `again`: papers that were read before, where one reading is a burst.
`first`: papers that are met for the first time, where nobody can tell. Beside each, raw upvotes.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.trend_quality import Case, days, heat, read, upvotes

BOUGHT, TOP = 20, 3
Formula = Callable[[Sequence[Case]], list[float]]


def order(day: Sequence[Case], formula: Formula) -> list[int]:
    scores = formula(day)
    return sorted(range(len(day)), key=lambda n: (-scores[n], day[n].id))


def bought(day: Sequence[Case], formula: Formula) -> list[tuple[int, int, bool]]:
    """For each paper of a day its place, its place with twenty votes more, and whether it has two
    sources.
    """
    before = {n: place for place, n in enumerate(order(day, formula))}
    found = []
    for n, case in enumerate(day):
        kept = case.readings[-1]
        case.readings[-1] = kept | {"upvotes": (kept.get("upvotes") or 0) + BOUGHT}
        after = order(day, formula).index(n)
        case.readings[-1] = kept
        found.append((before[n], after, bool(case.last("githubStars"))))
    return found


def price(groups: Sequence[Sequence[Case]], formula: Formula) -> dict[str, Any]:
    found = [one for day in groups for one in bought(day, formula)]
    moved = np.array([before - after for before, after, _ in found])
    into = {
        is_two: [after < TOP for before, after, two in found if before >= TOP and two is is_two]
        for is_two in (False, True)
    }
    return {
        "places": round(float(moved.mean()), 2),
        "places_90": float(np.percentile(moved, 90)),
        "places_most": int(moved.max()),
        "first_three_one_source": round(float(np.mean(into[False] or [0])), 3),
        "first_three_two_sources": round(float(np.mean(into[True] or [0])), 3),
        "votes_a_place": round(BOUGHT / max(0.01, float(moved.mean())), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    path, later = parser.parse_args().file, timedelta(days=2)
    result: dict[str, Any] = {}
    for name, known in (("again", timedelta(hours=30)), ("first", timedelta(0))):
        groups = days(read(path, known_for=known, later=later))
        result[name] = {
            "days": len(groups),
            "papers": sum(map(len, groups)),
            **price(groups, heat),
            "raw_upvotes": price(groups, upvotes),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
