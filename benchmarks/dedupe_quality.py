"""Precision and recall of the product's own identity decision on labelled bibliographic records.

    python -m benchmarks.dedupe_quality pairs FILE
    python -m benchmarks.dedupe_quality records LEFT.csv RIGHT.csv TRUTH.csv

`pairs` asks `same_paper` about each line "COL title VAL … COL authors VAL …" TAB the same TAB 0/1.
`records` runs `dedupe` over two tables (or one, given twice) and compares who ended up together
with the table of true pairs. Nothing is trained and nothing in the decision knows these files; each
mistake is counted by the reason that was given.
"""

import argparse
import csv
import html
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from newsletter.models import Sighting
from newsletter.steps.dedupe import dedupe
from newsletter.steps.identity import same_paper

COLUMN = re.compile(r"COL (\w+) VAL (.*?)(?=\s*COL \w+ VAL|\s*$)")
YEAR = re.compile(r"\b(1[89]\d\d|20\d\d)\b")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = {
    "title": ("title",),
    "authors": ("authors", "author"),
    "year": ("year", "date"),
    "id": ("id", "entity id"),
}


def sighting(columns: Mapping[str, str], source: str, source_id: str) -> Sighting:
    """Read a record as a source would: text in plain Unicode, authors apart, the year as its
    date.
    """
    year = YEAR.search(columns.get("year", ""))
    doi = columns.get("doi", "").strip().lower()
    return Sighting(
        source=source,
        source_id=source_id,
        title=html.unescape(columns.get("title", "")).strip(" '\"`,."),
        abstract=columns.get("abstract", ""),
        authors=tuple(_people(html.unescape(columns.get("authors", "")))),
        identifiers=(f"doi:{doi}",) if doi else (),
        published=datetime(int(year[1]), 1, 1, tzinfo=UTC) if year else None,
    )


def _people(text: str) -> Iterator[str]:
    """Take a list apart: by semicolons, or by commas and "and"; a part of initials belongs to the
    name before it.
    """
    parts = text.split(";") if ";" in text else re.split(r"\s*,\s*|\s+and\s+|\s*&\s*", text)
    name = ""
    for part in (part.strip() for part in parts):
        if name and re.fullmatch(r"(?:[^\W\d_]\.[\s-]?){1,3}", part):
            yield f"{name}, {part}"
            name = ""
            continue
        if name:
            yield name
        name = part
    if name:
        yield name


def pairs(path: Path) -> dict[str, object]:
    counts: Counter[tuple[bool, bool]] = Counter()
    mistakes: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        left, right, label = line.split("\t")
        verdict = same_paper(
            sighting(dict(COLUMN.findall(left)), "left", "1"),
            sighting(dict(COLUMN.findall(right)), "right", "2"),
        )
        is_same = label.strip() == "1"
        counts[is_same, verdict.is_same] += 1
        if verdict.is_same != is_same:
            mistakes[f"{'missed' if is_same else 'wrongly joined'}: {verdict.why}"] += 1
    return score(
        counts[True, True], counts[False, True], counts[True, False], counts.total(), mistakes
    )


def records(left: Path, right: Path, truth: Path) -> dict[str, object]:
    tables = {"left": left} if left.samefile(right) else {"left": left, "right": right}
    seen = [sighting(row, name, row["id"]) for name, path in tables.items() for row in table(path)]
    found = set()
    for merge in dedupe(seen, [], NOW):
        for a, b in itertools.combinations(merge.sightings, 2):
            if len(tables) == 1 or a.source != b.source:
                found.add(
                    _pair(a.source_id, b.source_id, ordered=len(tables) == 2 and a.source == "left")
                )
    with truth.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, dialect(truth)) if len(row) >= 2]
    ids = {(s.source, s.source_id) for s in seen}
    other = "right" if len(tables) == 2 else "left"
    true = {
        _pair(a, b, ordered=len(tables) == 2)
        for a, b, *_ in rows
        if {("left", a), (other, b)} <= ids
    }
    hits = len(found & true)
    return score(hits, len(found) - hits, len(true) - hits, len(seen), {})


def _pair(a: str, b: str, *, ordered: bool) -> tuple[str, str]:
    return (a, b) if ordered or a <= b else (b, a)


def table(path: Path) -> Iterable[dict[str, str]]:
    """Read a table with a header; columns by their usual names, all others under their own."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    for number, row in enumerate(csv.DictReader(text.splitlines(), dialect=dialect(path))):
        columns = {(name or "").strip().lower(): str(value or "") for name, value in row.items()}
        usual = {
            name: next((columns[spelling] for spelling in spellings if spelling in columns), "")
            for name, spellings in NAMES.items()
        }
        yield {**columns, **usual, "id": usual["id"] or str(number)}


def dialect(path: Path) -> type[csv.Dialect]:
    head = path.read_bytes()[:2000].decode("latin-1").splitlines()[0]

    class Found(csv.excel):
        delimiter = max(",|;\t", key=head.count)

    return Found


def score(
    hits: int, wrong: int, missed: int, n: int, mistakes: Mapping[str, int]
) -> dict[str, object]:
    precision = hits / (hits + wrong) if hits + wrong else 0.0
    recall = hits / (hits + missed) if hits + missed else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    figures = {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}
    return {"n": n, **figures, "wrong": wrong, "missed": missed, "mistakes": dict(mistakes)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Measure the identity decision on labelled records."
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    kinds.add_parser("pairs").add_argument("file", type=Path)
    of_records = kinds.add_parser("records")
    for name in ("left", "right", "truth"):
        of_records.add_argument(name, type=Path)
    given = parser.parse_args()
    result = (
        pairs(given.file)
        if given.kind == "pairs"
        else records(given.left, given.right, given.truth)
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
