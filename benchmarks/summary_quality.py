"""How many summaries tell what was done and what came out.

    python -m benchmarks.summary_quality FILE.jsonl

A line of the file: {"id", "abstract", "spans": [{"start", "end", "label"}]} with the labels
problem, task, idea, result as readers marked them. A span is told if half of its characters are
within the summary; what was done is told by a task or an idea. Beside it: the abstract's first two
sentences, and the best that any two whole sentences of the same length could do.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from newsletter.steps.compose.abstract_summary import SUMMARY_CHARACTERS, summarize
from newsletter.steps.compose.prose import sentences, shorten

Row = dict[str, Any]


def told(row: Row, kept: Sequence[str], labels: Sequence[str]) -> bool:
    places = [(at, at + len(s)) for s in kept if (at := row["abstract"].find(s)) >= 0]
    for span in row["spans"]:
        length = span["end"] - span["start"]
        within = sum(
            max(0, min(end, span["end"]) - max(start, span["start"])) for start, end in places
        )
        if span["label"] in labels and length > 0 and within >= length / 2:
            return True
    return False


def both(row: Row, kept: Sequence[str]) -> bool:
    return told(row, kept, ("task", "idea")) and told(row, kept, ("result",))


def best(row: Row) -> bool:
    found = sentences(row["abstract"])
    pairs = [*((one,) for one in found), *combinations(found, 2)]
    return any(both(row, pair) for pair in pairs if len(" ".join(pair)) <= SUMMARY_CHARACTERS)


def share(rows: Sequence[Row], summary: Callable[[str], str]) -> float:
    kept = [
        [s for s in sentences(row["abstract"]) if s in summary(row["abstract"])] for row in rows
    ]
    return round(sum(both(row, one) for row, one in zip(rows, kept, strict=True)) / len(rows), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure summaries against readers' marks.")
    parser.add_argument("file", type=Path)
    rows = [json.loads(line) for line in parser.parse_args().file.read_text("utf-8").splitlines()]
    marked = [
        row
        for row in rows
        if {"task", "idea"} & (labels := {span["label"] for span in row["spans"]})
        and "result" in labels
    ]
    lengths = [len(summarize(row["abstract"])) for row in rows]
    print(
        json.dumps(
            {
                "abstracts": len(marked),
                "done_and_out": share(marked, summarize),
                "first_two_sentences": share(marked, shorten),
                "best_possible": round(sum(map(best, marked)) / len(marked), 3),
                "longest": max(lengths),
            }
        )
    )


if __name__ == "__main__":
    main()
