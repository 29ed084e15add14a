"""Speed of imports: `python -m benchmarks.import_speed [N]` imports N readers and N papers (default
100,000) with the program's own commands and prints one JSON line.

rss_mb is the largest memory of either command; a stream needs the same for any N.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("newsletter")
ZONES = ("Europe/Berlin", "europe/lisbon", "America/New_York", "Asia/Tokyo", "")
TOPICS = ("reasoning", "vision;weather", "vision", "weather;reasoning;vision", "")


def write_readers(path: Path, count: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("Email Address", "Name", "Topics", "Timezone", "Hour", "Status", "Notes"))
        for n in range(count):
            email = f"reader{n}@uni-{n % 997}.org"
            row = (f"Reader {n}", TOPICS[n % 5], ZONES[n % 5], f"{n % 24}:00", "active", "x" * 20)
            writer.writerow((email, *row))


def write_papers(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for n in range(count):
            paper = {
                "id": f"{1000 + n // 90000}.{10000 + n % 90000}",
                "title": f"Study {n} of graph {n % 613} and rain {n % 397}",
                "abstract": f"We measure rain {n} in {n % 97} places with a model of graphs. " * 5,
                "authors": [f"Ada {n % 5003}", f"Lin {n % 4001}"],
                "categories": ["cs.LG"],
                "published": "2025-10-01",
            }
            file.write(json.dumps(paper) + "\n")


def timed(*words: str) -> tuple[float, float]:
    """Run a command; seconds and the largest memory in MB."""
    code = (
        "import sys\nfrom newsletter.cli import main\nmain(sys.argv[1:])\n"
        "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0], file=sys.stderr)"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - began
    print(done.stdout.strip(), file=sys.stderr)
    return seconds, int(done.stderr.split()[-1]) / 1024


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        config = str(Path(folder, "config.toml"))
        subprocess.run([PROGRAM, "-q", "-C", config, "init"], check=True, capture_output=True)
        write_readers(readers := Path(folder, "readers.csv"), count)
        write_papers(papers := Path(folder, "papers.jsonl"), count)
        asked = ("--consent", "asked in 2025")
        readers_s, one = timed("-C", config, "subscribers", "import", str(readers), *asked)
        papers_s, two = timed("-C", config, "papers", "import", str(papers))
    found = {
        "readers": count,
        "readers_s": round(readers_s, 1),
        "papers": count,
        "papers_s": round(papers_s, 1),
        "rss_mb": round(max(one, two)),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
