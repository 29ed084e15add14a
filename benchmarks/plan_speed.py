"""How long it takes to plan an issue: match, choose and freeze, as `pipeline.plan` does it.

    python -m benchmarks.plan_speed --readers 1000000 --topics 20000 --papers FILE_OR_FOLDER

Papers are the first thousand of a JSONL file, or of a folder of them ({"id", "title",
"summary"|"abstract", "authors", "categories"} a line). Topics are made from their words; readers
follow one to five of them, popular ones more often. Everything is kept in an SQLite database that
is thrown away; what is written before the clock starts is not counted.
"""

import argparse
import itertools
import json
import random
import re
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert

from newsletter.editions import Edition
from newsletter.matching.index import Index
from newsletter.matching.tokenizer import is_stopword, tokens
from newsletter.models import Heat, Paper, Topic
from newsletter.pipeline import plan
from newsletter.steps.choose import CandidateSet
from newsletter.steps.due import Due
from newsletter.steps.match import match
from newsletter.stopwatch import Stopwatch
from newsletter.store import tables
from newsletter.store.db import migrate, open_engine, writing

NOW = datetime(2025, 11, 20, 9, tzinfo=UTC)
MIXES = ("balanced", "balanced", "match", "trend")
BATCH = 20_000


def read(path: Path, limit: int) -> list[Paper]:
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    rows = (json.loads(line) for file in files for line in file.open(encoding="utf-8"))
    first = itertools.islice({row["id"]: row for row in rows}.values(), limit)
    return [
        Paper(
            id=row["id"],
            title=row["title"],
            key=key,
            abstract=row.get("summary") or row.get("abstract") or "",
            authors=tuple(row.get("authors", ())),
            fields=tuple(row.get("categories", ())),
            first_seen=NOW - timedelta(hours=key % 150),
            published=NOW - timedelta(hours=key % 150),
        )
        for key, row in enumerate(first, 1)
    ]


def queries(papers: list[Paper], count: int, chance: random.Random) -> list[str]:
    """Distinct queries as people write them: a word, two words, a phrase, a word within a
    category.
    """
    titles = [[w for w in tokens(p.title) if not is_stopword(w) and w.isalpha()] for p in papers]
    titles = [words for words in titles if len(words) > 2]
    fields = sorted(
        {
            field
            for paper in papers
            for field in paper.fields
            if re.fullmatch(r"[a-z-]+(\.[A-Za-z-]+)?", field)
        }
    )
    made: dict[str, None] = {}
    while len(made) < count:
        words = chance.choice(titles)
        at = chance.randrange(len(words) - 1)
        one, two = words[at : at + 2]
        forms = [one, f"{one} {two}", f'"{one} {two}"', f"{one} OR {chance.choice(words)}"]
        if fields:
            forms.append(f"{one} cat:{chance.choice(fields)}")
        forms.append(f"{chance.choice(words)} {chance.choice(chance.choice(titles))}")
        made[chance.choice(forms)] = None
    return list(made)


def fill(
    engine: Engine, papers: list[Paper], topics: list[Topic], readers: int, chance: random.Random
) -> None:
    keep = ("key", "id", "title", "first_seen")
    with writing(engine) as connection:
        connection.execute(
            insert(tables.papers),
            [{name: getattr(paper, name) for name in keep} for paper in papers],
        )
        for part in batches(
            {"id": t.id, "slug": t.slug, "name": t.name, "query": t.query} for t in topics
        ):
            connection.execute(insert(tables.topics), part)
        for part in batches(range(1, readers + 1)):
            connection.execute(insert(tables.subscribers), [reader(id, chance) for id in part])
            connection.execute(
                insert(tables.subscriber_topics),
                [
                    {"subscriber": id, "topic": topic, "position": place}
                    for id in part
                    for place, topic in enumerate(popular(len(topics), chance))
                ],
            )


def reader(id: int, chance: random.Random) -> dict[str, object]:
    address = f"reader{id}@example.org"
    return {
        "id": id,
        "email": address,
        "canonical": address,
        "state": "active",
        "timezone": "UTC",
        "hour": 8,
        "rhythm": "daily",
        "size": chance.choice((5, 8, 8, 12)),
        "mix": chance.choice(MIXES),
        "created_at": NOW,
    }


def popular(topics: int, chance: random.Random) -> set[int]:
    """One to five topics, three on average; half of all wishes fall on an eighth of the topics."""
    return {1 + int(topics * chance.random() ** 3) for _ in range(chance.randint(1, 5))}


def batches(values: Iterable[Any]) -> Iterator[list[Any]]:
    pending = iter(values)
    while part := list(itertools.islice(pending, BATCH)):
        yield part


def heats(papers: list[Paper], chance: random.Random) -> dict[int, Heat]:
    found = {}
    for paper in papers:
        value = chance.random()
        level = 4 if value > 0.99 else 3 if value > 0.95 else 2 if value > 0.85 else 1
        found[paper.key] = Heat(value, level, paper.fields[0] if paper.fields else "")
    return found


def measure(readers: int, topics: int, papers: list[Paper]) -> dict[str, float]:
    chance = random.Random(1)
    asked = [
        Topic(id, f"t{id}", f"Topic {id}", text)
        for id, text in enumerate(queries(papers, topics, chance), 1)
    ]
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/plan.db")
        migrate(engine)
        fill(engine, papers, asked, readers, chance)
        warmth = heats(papers, chance)
        watch = Stopwatch()
        start = time.perf_counter()
        with watch.stage("match"):
            matches = match(asked, papers, Index())
        by_id = {topic.id: topic for topic in asked}
        with watch.stage("choose"):
            candidates = CandidateSet.prepare(papers, warmth, matches, by_id, NOW)
        edition = Edition(
            NOW, {p.key: p for p in papers}, warmth, by_id, matches, candidates, watch
        )
        everybody = Due("UTC", 8, "daily", date(2025, 11, 20), NOW - timedelta(hours=1))
        frozen = plan(engine, edition, [everybody] if readers else [], timedelta(hours=20))
        seconds = time.perf_counter() - start
        engine.dispose()
    return {
        "readers": readers,
        "topics": topics,
        "papers": len(papers),
        **{f"{name}_s": round(watch.seconds[name], 2) for name in ("match", "choose", "freeze")},
        "total_s": round(seconds, 2),
        "planned": sum(f.planned for f in frozen),
        "quiet": sum(f.quiet for f in frozen),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--topics", type=int, default=20_000)
    parser.add_argument("--papers", type=Path, required=True)
    parser.add_argument("--first", type=int, default=1000, help="papers to take; 1000 if left out")
    asked = parser.parse_args()
    print(json.dumps(measure(asked.readers, asked.topics, read(asked.papers, asked.first))))


if __name__ == "__main__":
    main()
