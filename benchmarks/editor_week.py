"""Whether an order of a week's papers finds those that a human editor named among its ten best.

    python -m benchmarks.editor_week DATA

DATA is a folder as ../shared/data: the pool are the listings of 2025 (`arxiv_2025`, `arxiv_daily`),
the picks `editor_picks.jsonl`, the upvotes at the week's end `hf_upvote_series.jsonl`. A prior is
learned from the picks of the weeks before, and again every fourth week. Forty papers are taken of
each week. Told are, of the picks that are in the pool: the share that is found, of all ten, of the
editor's first three, and of those that no list had noticed (`silent`); for chance, upvotes, the
prior, both, and both with every third place for a paper without upvotes.
"""

import argparse
import gzip
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import log1p
from pathlib import Path
from typing import Any

from newsletter.models import Paper
from newsletter.steps.prior import Prior, learn

TAKEN, RELEARN, THIRD = 40, 4, 3
#: A pick may have been listed so long before its week begins.
BEFORE = timedelta(days=4)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Week:
    papers: Sequence[Paper]
    picks: Mapping[str, int]  #: id -> the editor's rank, those in the pool
    votes: Mapping[str, float]


def rows(data: Path) -> Iterator[tuple[date, dict[str, Any]]]:
    for path in sorted((data / "arxiv_2025").glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for row in map(json.loads, stream):
                yield date.fromisoformat(row["date"][:10]), row
    for path in sorted((data / "arxiv_daily").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield date.fromisoformat(path.stem), json.loads(line)


def pool(data: Path) -> dict[str, tuple[date, Paper]]:
    found: dict[str, tuple[date, Paper]] = {}
    for day, row in sorted(rows(data), key=lambda one: one[0]):
        fields = tuple(row["categories"])
        paper = Paper(row["id"], row["title"], len(found) + 1, row["summary"], fields=fields)
        found.setdefault(row["id"], (day, paper))
    return found


def votes_until(data: Path) -> Callable[[date], dict[str, float]]:
    series: dict[str, list[tuple[datetime, float]]] = defaultdict(list)
    for line in (data / "hf_upvote_series.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for seen in row["obs"]:
            at = datetime.fromisoformat(seen["t"].replace("Z", "+00:00"))
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
            series[row["id"]].append((at, float(seen["upvotes"] or 0)))

    def until(day: date) -> dict[str, float]:
        end = datetime(day.year, day.month, day.day, tzinfo=UTC)
        known = {id: [n for at, n in of if at < end] for id, of in series.items()}
        return {id: max(values) for id, values in known.items() if values}

    return until


def weeks(data: Path) -> Iterator[tuple[date, Week, Sequence[Paper], Sequence[Paper]]]:
    """Each week, with the papers that were picked before it and all others of then."""
    everything = pool(data)
    until = votes_until(data)
    picks: dict[date, dict[str, int]] = defaultdict(dict)
    for line in (data / "editor_picks.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row.get("id") in everything:
            picks[date.fromisoformat(row["week"])][row["id"]] = row["rank"]
    for start in sorted(picks):
        end = start + WEEK
        earlier = {id for week, of in picks.items() if week < start for id in of}
        papers = [p for day, p in everything.values() if start - BEFORE <= day < end]
        past = [p for day, p in everything.values() if day < start - BEFORE]
        ids = {paper.id for paper in papers}
        own = {id: rank for id, rank in picks[start].items() if id in ids}
        votes = {id: n for id, n in until(end).items() if id in ids}
        picked = [paper for paper in past if paper.id in earlier]
        others = [paper for paper in past if paper.id not in earlier]
        yield start, Week(papers, own, votes), picked, others


def taken(scores: Mapping[str, float], week: Week, *, is_third_silent: bool = False) -> list[str]:
    """The first forty; with every third place for a paper without upvotes."""
    order = sorted(scores, key=lambda id: (-scores[id], id))
    if not is_third_silent:
        return order[:TAKEN]
    silent = [id for id in order if not week.votes.get(id)]
    found: dict[str, None] = {}
    for place in range(1, TAKEN + 1):
        source = silent if place % THIRD == 0 else order
        found[next(id for id in source if id not in found)] = None
    return list(found)


def judge(found: Sequence[str], week: Week) -> tuple[list[bool], list[bool], list[bool]]:
    picks = week.picks
    return (
        [id in found for id in picks],
        [id in found for id, rank in picks.items() if rank <= 3],
        [id in found for id in picks if not week.votes.get(id)],
    )


def measure(data: Path) -> dict[str, Any]:
    told: dict[str, list[tuple[list[bool], ...]]] = defaultdict(list)
    prior: Prior | None = None
    chance, number = random.Random(1), 0
    for _, week, picked, others in weeks(data):
        if prior is None or number % RELEARN == 0:
            prior = learn(picked, others) or prior
        number += 1
        if prior is None or not week.picks or len(week.papers) < TAKEN:
            continue
        votes = {p.id: log1p(week.votes.get(p.id, 0.0)) for p in week.papers}
        text = {p.id: prior.score(p) for p in week.papers}
        both = {id: votes[id] + text[id] for id in votes}
        told["chance"].append(judge(chance.sample(sorted(votes), TAKEN), week))
        told["upvotes"].append(judge(taken(votes, week), week))
        told["prior"].append(judge(taken(text, week), week))
        told["both"].append(judge(taken(both, week), week))
        told["third_silent"].append(judge(taken(both, week, is_third_silent=True), week))
    result: dict[str, Any] = {"weeks": len(told["both"]), "picks": 0}
    for name, found in told.items():
        shares = [[hit for one in found for hit in one[part]] for part in range(3)]
        result["picks"], result["silent_picks"] = len(shares[0]), len(shares[2])
        result[name] = {
            part: round(sum(of) / max(1, len(of)), 3)
            for part, of in zip(("ten", "first_three", "silent"), shares, strict=True)
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    print(json.dumps(measure(parser.parse_args().data)))


if __name__ == "__main__":
    main()
