"""Whether a few votes bring what a reader is after.

    python -m benchmarks.feedback_quality FOLDER

FOLDER holds days of listings as JSONL ({"id", "title", "summary", "authors", "categories"} a line).
A made-up reader takes a broad topic and is after one category within it. They are shown eight
papers, vote "more" on those of the category and "less" on others until they have given so many
votes, and get a mail from the papers that follow. Told is the share of that mail that is of the
category: without votes, and after 3, 5 and 10.
"""

import argparse
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.match_quality import listings
from newsletter.matching.index import Index
from newsletter.models import Opinions, Paper, Subscriber, Topic
from newsletter.steps.choose import CandidateSet, choose
from newsletter.steps.match import match

NOW = datetime(2025, 11, 20, 9, tzinfo=UTC)
#: (what the reader typed, what they are after)
WISHES = [
    ("learning", "cs.RO"),
    ("learning", "cs.CV"),
    ("learning", "cs.CL"),
    ("model", "cs.CV"),
    ("model", "cs.CL"),
    ("language", "cs.CV"),
    ("language", "cs.RO"),
    ("data", "cs.CV"),
    ("data", "cs.CL"),
    ("network", "cs.CV"),
    ("reasoning", "cs.CV"),
    ("reasoning", "cs.CL"),
    ("generation", "cs.CL"),
    ("generation", "cs.CV"),
    ("agent", "cs.RO"),
]
VOTES = (0, 3, 5, 10)
SIZE = 8


def candidates_of(papers: Sequence[Paper], topic: Topic) -> CandidateSet:
    return CandidateSet.prepare(papers, {}, match([topic], papers, Index()), {topic.id: topic}, NOW)


def after_votes(
    papers: Sequence[Paper], query: str, wanted: str, counts: Sequence[int]
) -> list[float]:
    """Precision at 8 of the next mail after each number of votes."""
    half = len(papers) // 2
    topic = Topic(1, "t", query, query)
    reader = Subscriber(1, "ada@example.org", topics=(1,), size=SIZE, mix="match")
    past, coming = (
        candidates_of(papers[:half], topic),
        candidates_of(papers[half:], topic),
    )
    older = {paper.key: paper for paper in papers[:half]}
    votes: dict[int, int] = {}
    seen: set[int] = set()
    found = []
    for count in counts:
        while len(votes) < count:
            for pick in choose(reader, past, seen, Opinions(votes)).picks:
                seen.add(pick.paper)
                if len(votes) < count:
                    paper = past.papers[past.place_of[pick.paper]]
                    votes[pick.paper] = 1 if wanted in paper.fields else -1
        picks = choose(reader, coming, set(), Opinions(votes), older).picks
        hits = sum(wanted in coming.papers[coming.place_of[pick.paper]].fields for pick in picks)
        found.append(hits / SIZE)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--papers", type=int, default=2000)
    asked = parser.parse_args()
    chance = random.Random(1)
    papers = [paper for paper in listings(asked.folder) if paper.fields]
    chance.shuffle(papers)
    dated = [
        Paper(
            **{name: getattr(paper, name) for name in ("id", "title", "abstract", "fields")},
            key=key,
            first_seen=NOW - timedelta(hours=1),
        )
        for key, paper in enumerate(papers[: asked.papers], 1)
    ]
    runs = [after_votes(dated, query, wanted, VOTES) for query, wanted in WISHES]
    means = {
        str(count): round(sum(run[n] for run in runs) / len(runs), 3)
        for n, count in enumerate(VOTES)
    }
    print(json.dumps({"readers": len(WISHES), "papers": len(dated), "precision@8": means}))


if __name__ == "__main__":
    main()
