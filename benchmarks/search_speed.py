"""How fast a search answers, and how much memory it takes, however many papers are stored.

    python -m benchmarks.search_speed --papers 1000000 --from FILE_OR_FOLDER [--database URL]

FILE has a paper a line (or FOLDER such files, gzipped or not): {"id", "title",
"summary"|"abstract", "authors", "categories"}. They recur, with the words of their abstracts in
another order, until there are enough. Queries are words, pairs of words and phrases of the titles,
and the papers' own pages ask for similar ones. Each query runs twice; the second time counts, as
for a page that is warm. `command_s` is `newsletter papers search` as a process of its own.
"""

import argparse
import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from newsletter import site_queries
from newsletter.matching.tokenizer import STOPWORDS, tokens
from newsletter.models import Merge, Paper
from newsletter.store import papers
from newsletter.store.db import migrate, open_engine, reading, writing

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
BATCH = 2_000
CONFIG = """
[site]
base_url = "http://127.0.0.1:8000"
[database]
url = "{url}"
"""


def read(place: Path) -> list[dict[str, object]]:
    rows = []
    for path in sorted(place.iterdir()) if place.is_dir() else [place]:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
        rows += [json.loads(line) for line in text.splitlines()]
    return rows


def made_up(rows: list[dict[str, object]], count: int, chance: random.Random) -> Iterator[Paper]:
    for number in range(count):
        row = rows[number % len(rows)]
        words = str(row.get("summary") or row.get("abstract") or "").split()
        if number >= len(rows):
            chance.shuffle(words)
        yield Paper(
            id=f"{number // 100_000:04d}.{number % 100_000:05d}",
            title=str(row["title"]),
            abstract=" ".join(words),
            authors=tuple(row.get("authors", ())),
            fields=tuple(row.get("categories", ())),
            first_seen=NOW,
        )


def fill(engine: Engine, stored: Iterator[Paper]) -> None:
    while batch := [Merge(paper, ()) for _, paper in zip(range(BATCH), stored, strict=False)]:
        with writing(engine) as connection:
            papers.remember(connection, batch, NOW)


def queries(rows: list[dict[str, object]], count: int, chance: random.Random) -> Iterator[str]:
    for number in range(count):
        title = tokens(str(chance.choice(rows)["title"]))
        words = [word for word in title if word not in STOPWORDS and word.isalnum()] or ["model"]
        at = chance.randrange(len(words))
        match number % 3:
            case 0:
                yield words[at]
            case 1:
                yield " ".join(dict.fromkeys(chance.choices(words, k=2)))
            case _:
                yield f'"{" ".join(title[:2])}"'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--papers", type=int, default=200_000)
    parser.add_argument("--from", dest="source", type=Path, required=True)
    parser.add_argument("--database", default="")
    parser.add_argument("--queries", type=int, default=150)
    options = parser.parse_args()
    chance = random.Random(1)
    rows = read(options.source)
    with tempfile.TemporaryDirectory() as place:
        url = options.database or f"sqlite:///{place}/search.db"
        engine = open_engine(url)
        migrate(engine)
        begun = time.perf_counter()
        fill(engine, made_up(rows, options.papers, chance))
        filled_s = time.perf_counter() - begun
        asked = list(queries(rows, options.queries, chance))
        searches = _timed(lambda query: site_queries.search(engine, query), asked)
        with reading(engine) as connection:
            some = papers.by_keys(connection, chance.sample(range(1, options.papers), 40)).values()
        pages = _timed(lambda paper: site_queries.similar(engine, paper), list(some))
        config = Path(place) / "config.toml"
        config.write_text(CONFIG.format(url=url), encoding="utf-8")
        command_s, command_mb = _command(config)
        found = {
            "papers": options.papers,
            "filled_s": round(filled_s, 1),
            "search_p50_ms": searches[0],
            "search_p99_ms": searches[1],
            "search_cpu_ms": searches[2],
            "similar_p99_ms": pages[1],
            "similar_cpu_ms": pages[2],
            "command_s": command_s,
            "command_rss_mb": command_mb,
        }
    print(json.dumps(found))


def _timed(act: object, asked: list[object]) -> tuple[float, float, float]:
    """Median and 99th percentile of the time, and mean of the processor's time, in milliseconds."""
    times, cpu = [], 0.0
    for one in asked:
        act(one)
        begun, used = time.perf_counter(), time.process_time()
        act(one)
        times.append((time.perf_counter() - begun) * 1000)
        cpu += (time.process_time() - used) * 1000
    times.sort()
    worst = times[min(len(times) - 1, int(len(times) * 0.99))]
    return round(times[len(times) // 2], 1), round(worst, 1), round(cpu / len(times), 1)


def _command(config: Path) -> tuple[float, int]:
    key = config.parent / "secret.key"
    if not key.exists():
        key.write_text("0" * 64)
        key.chmod(0o600)
    begun = time.perf_counter()
    command = [sys.executable, "-c", "from newsletter.cli import run; run()"]
    command += ["-C", str(config), "papers", "search"]
    subprocess.run([*command, "graph neural networks", "--json"], check=True, capture_output=True)
    took = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return round(took, 2), used


if __name__ == "__main__":
    main()
