"""How long it takes to recognise a day's papers among those that are known already.

    python -m benchmarks.ingest_speed --known 1000000 --new FILE.jsonl

FILE has a paper a line: {"id", "title", "summary"|"abstract", "authors", "categories"}. The known
ones are made up from its words and people, with a tenth of its own papers among them, and written
through the product's tables and keys into an SQLite database that is thrown away. Timed is what a
run does: look up the keys, load the candidates, dedupe and remember.
"""

import argparse
import itertools
import json
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, insert

from newsletter.models import Paper, Sighting
from newsletter.steps.combine import combine, lookup_keys, paper_keys
from newsletter.steps.dedupe import dedupe
from newsletter.store import papers
from newsletter.store.db import migrate, open_engine, writing
from newsletter.store.papers import K, P

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
BATCH = 5_000


def read(path: Path) -> list[Sighting]:
    """Return a day's sightings; one that occurs twice in the file is read once."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found[row["id"]] = Sighting(
            source="arxiv",
            source_id=row["id"],
            title=row["title"],
            abstract=row.get("summary") or row.get("abstract") or "",
            authors=tuple(row.get("authors", ())),
            fields=tuple(row.get("categories", ())),
            identifiers=(f"arxiv:{row['id']}",),
            published=NOW,
        )
    return list(found.values())


def made_up(count: int, day: Sequence[Sighting], chance: random.Random) -> Iterator[Paper]:
    """Papers whose titles and people are put together from the day's: common words and names are
    common here too.
    """
    words = [word for sighting in day for word in sighting.title.split()]
    names = [name for sighting in day for name in sighting.authors] or ["Ann Author"]
    for number in range(count):
        yield Paper(
            id=f"{1000 + number // 100_000}.{number % 100_000:05d}",
            title=" ".join(chance.choices(words, k=chance.randint(5, 14))),
            authors=tuple(chance.choices(names, k=chance.randint(1, 6))),
            fields=("cs.LG",),
            identifiers=(f"arxiv:{1000 + number // 100_000}.{number % 100_000:05d}",),
            published=NOW - timedelta(days=30),
            first_seen=NOW - timedelta(days=30),
        )


def fill(engine: Engine, known: Iterator[Paper]) -> None:
    numbered = enumerate(known, 1)
    while batch := list(itertools.islice(numbered, BATCH)):
        rows = [
            {column.name: getattr(paper, column.name) for column in P.columns}
            | {"key": key, "links": {}, "is_withdrawn": 0, "is_hidden": 0}
            for key, paper in batch
        ]
        names = [{"name": name, "paper": key} for key, paper in batch for name in paper_keys(paper)]
        with writing(engine) as connection:
            connection.execute(insert(P), rows)
            connection.execute(insert(K).prefix_with("OR IGNORE"), names)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the recognition of a day's papers.")
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--new", type=Path, required=True)
    given = parser.parse_args()
    day = read(given.new)
    chance = random.Random(7)
    repeated = [combine([sighting], NOW - timedelta(days=1)) for sighting in day[::10]]
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/ingest.db")
        migrate(engine)
        start = time.perf_counter()
        fill(engine, iter([*repeated, *made_up(given.known - len(repeated), day, chance)]))
        fill_s = time.perf_counter() - start
        start = time.perf_counter()
        with writing(engine) as connection:
            known = papers.having(
                connection, {key for sighting in day for key in lookup_keys(sighting)}
            )
            looked_up = time.perf_counter()
            merges = dedupe(day, known, NOW)
            decided = time.perf_counter()
            papers.remember(connection, merges, NOW)
        end = time.perf_counter()
        engine.dispose()
    print(
        json.dumps(
            {
                "known": given.known,
                "new": len(day),
                "seconds": round(end - start, 3),
                "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "candidates": len(known),
                "recognised": sum(1 for merge in merges if merge.paper.key),
                "repeated": len(repeated),
                "lookup_s": round(looked_up - start, 3),
                "dedupe_s": round(decided - looked_up, 3),
                "remember_s": round(end - decided, 3),
                "fill_s": round(fill_s, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
