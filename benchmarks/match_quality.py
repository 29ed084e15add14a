"""How well the product's own index finds what people judged relevant.

    python -m benchmarks.match_quality DIR                          BEIR: corpus.jsonl,
        queries.jsonl, qrels/test.tsv
    python -m benchmarks.match_quality DIR --keywords ARXIV_DAYS    also keyword queries: names of
        arXiv's categories
    python -m benchmarks.match_quality DIR --seed SEED.jsonl --days ARXIV_DAYS --query
    "auto-regressive language models"

nDCG@10 and recall@100 are the means over the judged queries. A keyword query's relevant papers are
those of its category. The seed's papers are mixed into a month of listings; told is how many of the
first 20 are the seed's.
"""

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from newsletter.matching.index import Index
from newsletter.matching.tokenizer import tokens
from newsletter.models import Paper

#: The everyday name of a category -> the category, from arXiv's taxonomy.
NAMES = {
    "computer vision": "cs.CV",
    "information retrieval": "cs.IR",
    "robotics": "cs.RO",
    "cryptography security": "cs.CR",
    "software engineering": "cs.SE",
    "human-computer interaction": "cs.HC",
    "databases": "cs.DB",
    "programming languages": "cs.PL",
    "game theory": "cs.GT",
    "multi-agent systems": "cs.MA",
    "social networks": "cs.SI",
    "image processing": "eess.IV",
    "speech audio": "eess.AS",
    "signal processing": "eess.SP",
    "quantum": "quant-ph",
    "neurons brain": "q-bio.NC",
    "optimization control": "math.OC",
    "numerical analysis": "math.NA",
    "language models text": "cs.CL",
    "control systems": "eess.SY",
}


def lines(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def quality(
    found: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]]
) -> dict[str, float]:
    """Give mean nDCG@10 and recall@100; `found` lists ids best first, `relevant` grades them."""
    gains, recalls = [], []
    for query, grades in relevant.items():
        ids = found[query]
        gain = sum(grades.get(id, 0) / math.log2(place + 2) for place, id in enumerate(ids[:10]))
        best = sorted(grades.values(), reverse=True)[:10]
        gains.append(gain / sum(grade / math.log2(place + 2) for place, grade in enumerate(best)))
        wanted = {id for id, grade in grades.items() if grade > 0}
        recalls.append(len(wanted & set(ids[:100])) / len(wanted))
    return {
        "ndcg@10": round(sum(gains) / len(gains), 4),
        "recall@100": round(sum(recalls) / len(recalls), 4),
    }


def words(sentence: str) -> str:
    """Write a sentence as a query of bare words: quotes, colons and brackets are the query
    language's.
    """
    return " ".join(tokens(sentence))


def judged(folder: Path) -> dict[str, Any]:
    start = time.perf_counter()
    corpus = [
        Paper(id=row["_id"], title=row["title"], abstract=row["text"], key=number)
        for number, row in enumerate(lines(folder / "corpus.jsonl"))
    ]
    index = Index(corpus)
    relevant: dict[str, dict[str, int]] = defaultdict(dict)
    for row in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, id, grade = row.split("\t")
        if int(grade) > 0:
            relevant[query][id] = int(grade)
    queries = {row["_id"]: row["text"] for row in lines(folder / "queries.jsonl")}
    found = {
        id: [corpus[m.paper].id for m in index.search(words(queries[id]), 100)] for id in relevant
    }
    seconds = round(time.perf_counter() - start, 2)
    return {"queries": len(relevant), **quality(found, relevant), "seconds": seconds}


def listings(folder: Path) -> list[Paper]:
    """Each paper of a folder of daily listings once."""
    rows = {row["id"]: row for path in sorted(folder.glob("*.jsonl")) for row in lines(path)}
    return [
        Paper(
            id=id,
            title=row["title"],
            abstract=row["summary"],
            fields=tuple(row["categories"]),
            key=number,
        )
        for number, (id, row) in enumerate(rows.items())
    ]


def keywords(papers: Sequence[Paper]) -> dict[str, Any]:
    """Ask for each category by its name; count how many of the first ten stand in it."""
    index = Index(papers)
    members = {
        field: {paper.key for paper in papers if field in paper.fields} for field in NAMES.values()
    }
    asked = {name: field for name, field in NAMES.items() if len(members[field]) >= 10}
    precise = {
        name: sum(match.paper in members[field] for match in index.search(name, 10)) / 10
        for name, field in asked.items()
    }
    blind = sum(len(members[field]) for field in asked.values()) / (len(asked) * len(papers))
    return {
        "papers": len(papers),
        "queries": len(asked),
        "precision@10": round(sum(precise.values()) / len(precise), 3),
        "by_chance": round(blind, 3),
    }


def seeded(seed: Path, papers: Sequence[Paper], query: str) -> dict[str, Any]:
    rows = list(lines(seed))
    mixed = [*papers]
    for row in rows:
        mixed.append(
            Paper(
                id=f"seed-{row['rank']}",
                title=row["title"],
                abstract=row["abstract"],
                key=len(mixed),
            )
        )
    found = [mixed[match.paper] for match in Index(mixed).search(query, 20)]
    return {
        "query": query,
        "mixed_into": len(papers),
        "seed_in_first_20": sum(p.id.startswith("seed-") for p in found),
        "first_20": [f"{paper.id} {paper.title}" for paper in found],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a BEIR folder")
    parser.add_argument("--keywords", type=Path, metavar="ARXIV_DAYS")
    parser.add_argument("--seed", type=Path, metavar="FILE")
    parser.add_argument("--days", type=Path, metavar="ARXIV_DAYS")
    parser.add_argument("--query", default="auto-regressive language models")
    asked = parser.parse_args()
    result = judged(asked.folder)
    if asked.keywords:
        result["keywords"] = keywords(listings(asked.keywords))
    if asked.seed:
        result["seed"] = seeded(asked.seed, listings(asked.days) if asked.days else [], asked.query)
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
