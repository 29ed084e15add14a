"""How well heat, from what was known at a paper's first snapshot, ranks a day against the upvotes
of six and more days later, of about six (the reading nearest to six days, at least four), and of
two and more. Beside it: raw upvotes, and the formulas of Hacker News, Reddit and ResearchHub.

    python -m benchmarks.trend_quality FILE.jsonl

A line of the file: {"id", "listed", "submittedOnDailyAt", "publishedAt", "obs": [{"t", "upvotes",
"githubStars", "numComments"}]}; all but `id` and `obs` may be missing. Papers of one list day that
were first seen in the same hour are ranked among each other; days with fewer than eight say nothing
about a top five and are left out. Of equal counts the lower id comes first, for all formulas alike.

Tried and left out, because the gain was not there in both halves of the time (each fitted on one,
measured on the other): weights for all counters at once, upvotes an hour, stars and comments by
their logarithms, words of the title (they explain what heat misses with a correlation of 0.12, and
change the rank correlation by less than 0.001), and how papers of the same organisation, submitter,
first or last author did before (0.03 to 0.08). Growth between two readings helps after a day (0.01
of rank correlation), but then more upvotes in an earlier reading would make a paper less hot.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from newsletter.models import Paper, Signal
from newsletter.steps.trend import trend

KINDS = {"upvotes": "upvotes", "githubStars": "stars", "numComments": "comments"}
ENOUGH = 8
SIX_DAYS = timedelta(days=6)


@dataclass
class Case:
    """One paper: what was known at `now`, and how many upvotes it had later."""

    id: str
    day: str
    now: datetime
    listed: datetime
    published: datetime | None
    readings: list[dict[str, Any]]
    later: int

    @property
    def hours(self) -> float:
        return max(0.0, (self.now - self.listed) / timedelta(hours=1))

    def last(self, name: str) -> float:
        return next((r[name] for r in reversed(self.readings) if r.get(name) is not None), 0)


def read(path: Path, *, known_for: timedelta, later: timedelta) -> list[Case]:
    """Read the papers that have a snapshot `later` than the first one, and of such the one nearest
    to six days; known is what was read within `known_for`.
    """
    cases = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        obs = sorted(({**o, "t": _time(o["t"])} for o in row["obs"]), key=lambda o: o["t"])
        first = obs[0]["t"]
        known = [o for o in obs if o["t"] - first <= known_for]
        after = [o for o in obs if o["t"] - first >= later]
        if not after or (known_for and len(known) < 2):
            continue
        # A list is read shortly after midnight for the day before.
        day = row.get("listed") or (first - timedelta(hours=1)).date().isoformat()
        listed = _time(row.get("submittedOnDailyAt") or day)
        then = min(after, key=lambda o: abs(o["t"] - first - SIX_DAYS))
        published = _time(row["publishedAt"]) if row.get("publishedAt") else None
        cases.append(
            Case(
                row["id"],
                day,
                known[-1]["t"],
                min(listed, first),
                published,
                known,
                then["upvotes"],
            )
        )
    return cases


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


# -- formulas --------------------------------------------------------------------------------------


def heat(cases: Sequence[Case]) -> list[float]:
    papers = [
        Paper(
            id=c.id, title="", key=n, fields=("list",), published=c.published, first_seen=c.listed
        )
        for n, c in enumerate(cases, 1)
    ]
    signals = {
        n: [
            Signal(c.id, kind, "list", float(reading[name]), reading["t"])
            for reading in c.readings
            for name, kind in KINDS.items()
            if reading.get(name) is not None
        ]
        for n, c in enumerate(cases, 1)
    }
    heats = trend(papers, signals, max(c.now for c in cases))
    return [heats[n].value for n in range(1, len(cases) + 1)]


def upvotes(cases: Sequence[Case]) -> list[float]:
    return [c.last("upvotes") for c in cases]


def hackernews(cases: Sequence[Case]) -> list[float]:
    """arclanguage/anarki, news.arc: (points - 1)^0.8 over ((minutes + 120) / 60)^1.8."""
    return [max(0.0, c.last("upvotes") - 1) ** 0.8 / (c.hours + 2) ** 1.8 for c in cases]


def reddit(cases: Sequence[Case]) -> list[float]:
    """reddit-archive/reddit, _sorts.pyx: log10 of the score, and 12.5 hours for each power of
    ten.
    """
    return [
        round(
            math.log10(max(c.last("upvotes"), 1)) + (c.listed.timestamp() - 1134028003) / 45000, 7
        )
        for c in cases
    ]


def researchhub(cases: Sequence[Case]) -> list[float]:
    """ResearchHub, hot_score.py: weighted logarithms and a recency term, over (hours + 24)^0.8."""
    return [
        100
        * (
            10 * math.log(c.last("numComments") + 1)
            + 5 * math.log(c.last("upvotes") + 1)
            + 10 * math.log(24 / (c.hours + 24) + 1)
        )
        / (c.hours + 24) ** 0.8
        for c in cases
    ]


BASELINES = {
    "upvotes": upvotes,
    "hackernews": hackernews,
    "reddit": reddit,
    "researchhub": researchhub,
}


# -- measures --------------------------------------------------------------------------------------


def measure(
    cases: Sequence[Case], formula: Callable[[Sequence[Case]], list[float]]
) -> dict[str, float]:
    """Average over the days: rank correlation, share of the later top five found, gain of the first
    ten.
    """
    rows = []
    for day in days(cases):
        scores, later = formula(day), [float(c.later) for c in day]
        best, found = _order(scores, day), _order(later, day)
        gains = np.array(later)
        weights = 1 / np.log2(np.arange(2, min(10, len(day)) + 2))
        ideal = float((gains[found][:10] * weights).sum())
        ndcg = float((gains[best][:10] * weights).sum()) / ideal if ideal else 1.0
        rows.append((_spearman(scores, later), len({*best[:5]} & {*found[:5]}) / 5, ndcg))
    if not rows:
        return {"spearman": math.nan, "top5_overlap": math.nan, "ndcg@10": math.nan}
    means = np.nanmean(np.array(rows), axis=0)
    return {
        n: round(float(v), 4)
        for n, v in zip(("spearman", "top5_overlap", "ndcg@10"), means, strict=True)
    }


def days(cases: Sequence[Case]) -> list[list[Case]]:
    groups: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.day, case.now.strftime("%F %H")].append(case)
    return [
        sorted(group, key=lambda c: c.id)
        for _, group in sorted(groups.items())
        if len(group) >= ENOUGH
    ]


def _order(values: Sequence[float], day: Sequence[Case]) -> list[int]:
    return sorted(range(len(day)), key=lambda n: (-values[n], day[n].id))


def _spearman(a: Sequence[float], b: Sequence[float]) -> float:
    x, y = _ranks(a), _ranks(b)
    return float(np.corrcoef(x, y)[0, 1]) if x.std() and y.std() else math.nan


def _ranks(values: Sequence[float]) -> Any:
    """Ranks; equal values share the mean of theirs."""
    array = np.asarray(values, dtype=float)
    return np.array([((array < value).sum() + (array <= value).sum() - 1) / 2 for value in array])


def compare(cases: Sequence[Case]) -> dict[str, Any]:
    used = days(cases)
    return {
        "papers": sum(map(len, used)),
        "days": len(used),
        **measure(cases, heat),
        "baseline": {name: measure(cases, formula) for name, formula in BASELINES.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure heat against later upvotes.")
    parser.add_argument("file", type=Path)
    path = parser.parse_args().file
    once, day = timedelta(0), timedelta(hours=30)
    result = compare(read(path, known_for=once, later=SIX_DAYS))
    result["after_24h"] = compare(read(path, known_for=day, later=SIX_DAYS))
    for name, later in (("about_six_days_later", 4), ("two_days_later", 2)):
        cases = read(path, known_for=once, later=timedelta(days=later))
        used = days(cases)
        middle = used[len(used) // 2][0].day if used else ""
        result[name] = compare(cases)
        result[f"{name}_first_half"] = compare([c for c in cases if c.day < middle])
        result[f"{name}_second_half"] = compare([c for c in cases if c.day >= middle])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
