"""Whether papers that a reader gives as examples bring what the reader is after.

    python -m benchmarks.seed_quality DATA

DATA is a folder as ../shared/data. Papers of one month of computer science, of astrophysics and of
quantum physics are mixed; half of them are past, half are to come. A made-up reader is after one
category of between 30 and 400 papers: they give so many past papers of it, have no topic, and get
one letter of up to eight from the papers to come. Told are the share of its papers that is of the
category (`precision`), the same over eight places (`precision@8`), beside the eight of the greatest
mean likeness; its length; how many papers examples of all categories alike (nobody's interest)
bring; and the share over eight places for a reader with a topic ("model"), without and with
examples.
"""

import argparse
import gzip
import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from newsletter.matching.index import Index
from newsletter.models import NO_OPINIONS, Opinions, Paper, Subscriber, Topic
from newsletter.steps.choose import CandidateSet, choose
from newsletter.steps.match import match

NOW = datetime(2025, 7, 1, 9, tzinfo=UTC)
FILES = ("arxiv_2025/2025-06*", "arxiv_fields/*")
SEEDS = (3, 5, 10, 20)
SIZE, PAPERS, FEW, MANY, TIMES = 8, 6000, 30, 400, 3
TOPIC = Topic(1, "model", "model", "model")


def papers(data: Path, limit: int) -> list[Paper]:
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(path for pattern in FILES for path in data.glob(pattern + ".gz")):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            rows |= {row["id"]: row for row in map(json.loads, stream)}
    chosen = list(rows.values())
    random.Random(1).shuffle(chosen)
    return [
        Paper(
            id=row["id"],
            title=row["title"],
            key=key,
            abstract=row["summary"],
            fields=tuple(row["categories"]),
            first_seen=NOW - timedelta(hours=1),
        )
        for key, row in enumerate(chosen[:limit], 1)
    ]


def measure(everything: Sequence[Paper]) -> dict[str, Any]:
    half = len(everything) // 2
    past, coming = everything[:half], everything[half:]
    matches = match([TOPIC], coming, Index())
    candidates = CandidateSet.prepare(coming, {}, matches, {1: TOPIC}, NOW)
    counts = Counter(field for paper in coming for field in paper.fields)
    own = {
        field: [paper for paper in past if field in paper.fields]
        for field, number in sorted(counts.items())
        if FEW <= number <= MANY
    }
    own = {field: found for field, found in own.items() if len(found) >= SEEDS[-1]}
    reader = Subscriber(1, "ada@example.org", size=SIZE, mix="match")
    fans = Subscriber(1, "ada@example.org", size=SIZE, mix="match", topics=(1,))

    def share(who: Subscriber, given: Sequence[Paper], field: str) -> float:
        said = Opinions({}, tuple(given)) if given else NO_OPINIONS
        picks = choose(who, candidates, set(), said).picks
        hits = [field in candidates.papers[candidates.place_of[p.paper]].fields for p in picks]
        return sum(hits) / SIZE

    def sent(given: Sequence[Paper], field: str) -> tuple[int, int]:
        picks = choose(reader, candidates, set(), Opinions({}, tuple(given))).picks
        found = [candidates.papers[candidates.place_of[pick.paper]] for pick in picks]
        return sum(field in paper.fields for paper in found), len(found)

    def plain(given: Sequence[Paper], field: str) -> float:
        terms = candidates.terms
        best = np.argsort(-terms.like([terms.weigh(paper) for paper in given]))[:SIZE]
        return sum(field in candidates.papers[place].fields for place in best) / SIZE

    result: dict[str, Any] = {"papers": len(coming), "categories": len(own)}
    result["chance"] = round(sum(counts[field] for field in own) / len(own) / len(coming), 3)
    result["topic_alone"] = _mean([share(fans, (), field) for field in own])
    for number in SEEDS:
        chance = random.Random(number)
        asked = [
            (field, chance.sample(found, number))
            for field, found in own.items()
            for _ in range(TIMES)
        ]
        nobody = [Opinions({}, tuple(chance.sample(past, number))) for _ in range(20)]
        letters = [sent(given, field) for field, given in asked]
        hits, length = (sum(column) for column in zip(*letters, strict=True))
        result[str(number)] = {
            "precision": round(hits / max(1, length), 3),
            "precision@8": round(hits / len(letters) / SIZE, 3),
            "mean_likeness": _mean([plain(given, field) for field, given in asked]),
            "with_topic": _mean([share(fans, given, field) for field, given in asked]),
            "letter": round(length / len(letters), 2),
            "nobodys": _mean([len(choose(reader, candidates, set(), one).picks) for one in nobody]),
        }
    return result


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / max(1, len(values)), 3)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--papers", type=int, default=PAPERS)
    asked = parser.parse_args()
    print(json.dumps(measure(papers(asked.data, asked.papers))))


if __name__ == "__main__":
    main()
