"""How well similar papers are found, beside BM25 with all words of a paper as the query.

    python -m benchmarks.similar_quality ARXIV_DAYS [--papers 6000] [--asked 300]

Papers of daily listings (one JSON object a line: id, title, summary, categories). Asked are papers
drawn by `--seed`; of the ten that are found for each, "primary" is the share with the same first
category, "shared" the mean overlap of the categories (Jaccard). The index never sees categories.
"reranked" is what a site shows: the index over the 300 papers that BM25 finds.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.match_quality import listings
from newsletter.matching.index import Index
from newsletter.matching.tokenizer import stems, tokens
from newsletter.models import Paper

FOUND, CANDIDATES, SAMPLE = 10, 300, 1000
K1, B = 1.2, 0.75


class Bm25:
    """BM25 as Lucene has it, title and abstract as one text, every word of a paper asked for."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self.texts = [_terms(f"{paper.title} {paper.abstract}") for paper in papers]
        self.holders: dict[str, list[tuple[int, int]]] = {}
        for number, terms in enumerate(self.texts):
            for term, often in _counts(terms).items():
                self.holders.setdefault(term, []).append((number, often))
        self.lengths = np.array([len(terms) for terms in self.texts], float)

    def like(self, number: int, limit: int) -> list[int]:
        score = np.zeros(len(self.texts))
        norm = K1 * (1 - B + B * self.lengths / self.lengths.mean())
        for term, asked in _counts(self.texts[number]).items():
            held = np.array(self.holders[term])
            rare = np.log1p((len(self.texts) - len(held) + 0.5) / (len(held) + 0.5))
            often = held[:, 1]
            score[held[:, 0]] += asked * rare * often / (often + norm[held[:, 0]])
        score[number] = -1
        return np.argsort(-score, kind="stable")[:limit].tolist()


def _terms(text: str) -> list[str]:
    return [stem for token in tokens(text) for stem in stems(token)]


def _counts(terms: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for term in terms:
        counts[term] = counts.get(term, 0) + 1
    return counts


def judged(
    papers: Sequence[Paper], asked: Sequence[int], like: Callable[[int], Sequence[int]]
) -> dict[str, float]:
    primary, shared, found = 0.0, 0.0, 0
    for number in asked:
        mine = papers[number].fields
        near = [papers[one].fields for one in like(number)]
        found += len(near)
        primary += sum(fields[:1] == mine[:1] for fields in near) / FOUND
        shared += sum(len({*mine} & {*f}) / len({*mine} | {*f}) for f in near) / FOUND
    number = len(asked)
    return {
        "primary": round(primary / number, 4),
        "shared": round(shared / number, 4),
        "found": round(found / number, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("days", type=Path)
    parser.add_argument("--papers", type=int, default=6000)
    parser.add_argument("--asked", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chosen = listings(options.days)
    random.Random(options.seed).shuffle(chosen)
    papers = [replace(paper, key=n) for n, paper in enumerate(chosen[: options.papers])]
    long = [n for n, paper in enumerate(papers) if len(paper.abstract) > 300]
    asked = long[: options.asked]
    index, bm25 = Index(papers), Bm25(papers)

    sample = [{*terms} for terms in bm25.texts[-SAMPLE:]]
    number_of = Counter(term for terms in sample for term in terms)
    shares = {term: number / len(sample) for term, number in number_of.items()}

    def reranked(number: int) -> list[int]:
        some = [papers[number], *(papers[n] for n in bm25.like(number, CANDIDATES))]
        found = Index(some).similar(number, FOUND, cut=0, shares=shares)
        return [match.paper for match in found]

    print(
        json.dumps(
            {
                "papers": len(papers),
                "asked": len(asked),
                "own": judged(
                    papers, asked, lambda n: [m.paper for m in index.similar(n, FOUND, cut=0)]
                ),
                "bm25": judged(papers, asked, lambda n: bm25.like(n, FOUND)),
                "reranked": judged(papers, asked, reranked),
            }
        )
    )


if __name__ == "__main__":
    main()
