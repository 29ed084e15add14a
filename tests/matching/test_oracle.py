"""What the index finds, against a search by brute force over the words of real papers.

The suite takes a sample; NEWSLETTER_TEST_WHOLE=1 asks all 2,000 queries and 3,500 phrases.
"""

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest

from newsletter.matching.index import Index
from newsletter.matching.query import parse
from newsletter.matching.query_tree import All, AnyOf, Category, Node, Word
from newsletter.matching.tokenizer import STOPWORDS, joined, stems, tokens
from newsletter.models import Paper

IS_WHOLE = bool(os.environ.get("NEWSLETTER_TEST_WHOLE"))
PAPERS, QUERIES, PHRASES = (3000, 2000, 3500) if IS_WHOLE else (500, 150, 300)

#: Neighbours that some other paper writes with a hyphen, or as one word.
SPELLINGS = [
    "Multimodal large language models",
    "A multi-modal large-language model",
    "3D reconstruction of rooms",
    "3-D-reconstruction",
    "Multi-modal-large scale",
    "Large multi-modal models",
    "State of the art of the art",
    "A state-of-the-art system",
    "Stateoftheart",
]


@pytest.fixture(scope="module")
def corpus(data_dir: Path) -> list[Paper]:
    rows: dict[str, dict[str, str]] = {}
    with gzip.open(
        sorted((data_dir / "arxiv_2025").glob("*.gz"))[0], "rt", encoding="utf-8"
    ) as file:
        for line in file:
            row = json.loads(line)
            rows[row["id"]] = row
            if len(rows) == PAPERS:
                break
    return [
        Paper(id=id, title=row["title"], abstract=row["summary"], key=key)
        for key, (id, row) in enumerate(rows.items(), 1)
    ]


class BruteForce:
    """Reads every paper word by word. Knows the hyphens of its papers, nothing of the index."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self.zones = {
            (paper.key, zone): _spaced([term for token in tokens(text) for term in stems(token)])
            for paper in papers
            for zone, text in (("ti", paper.title), ("abs", paper.abstract))
        }
        self.splits: dict[str, set[tuple[str, ...]]] = {}
        for paper in papers:
            for token in (*tokens(paper.title), *tokens(paper.abstract)):
                if "-" in token:
                    parts = token.split("-")[:4]
                    for start in range(len(parts)):
                        for end in range(start + 2, len(parts) + 1):
                            some = parts[start:end]
                            whole = self.splits.setdefault(joined(tuple(some)), set())
                            whole.add(stems("-".join(some)))

    def plain(self, phrase: str) -> set[int]:
        """Papers that hold the phrase word for word, whatever anybody hyphens."""
        wanted = _spaced([term for token in tokens(phrase) for term in stems(token)])
        return {key for (key, _), text in self.zones.items() if wanted in text}

    def find(self, node: Node) -> set[int]:
        if isinstance(node, AnyOf):
            return set().union(*(self.find(part) for part in node.parts))
        if isinstance(node, All):
            parts = [p for p in node.parts if not (isinstance(p, Word) and p.text in STOPWORDS)]
            found = set.intersection(*(self.find(part) for part in parts))
            return found.difference(*(self.find(part) for part in node.without))
        assert not isinstance(node, Category)
        readings = [_spaced(reading) for reading in self._readings(tokens(node.text))]
        return {
            key
            for (key, zone), text in self.zones.items()
            if node.field in ("", zone) and any(reading in text for reading in readings)
        }

    def _readings(self, asked: list[str]) -> list[list[str]]:
        """Every way to write some words: as they are, apart where some paper has a hyphen, joined
        where some paper has a hyphen or the asker has.
        """
        parts = [part for token in asked for part in token.split("-")]
        end, glued = 0, set()
        for token in asked:
            width = token.count("-") + 1
            glued.add((end, end + width))
            end += width

        def from_(at: int) -> list[list[str]]:
            if at == len(parts):
                return [[]]
            steps = [(at + 1, stems(parts[at]))]
            steps += [(at + 1, split) for split in self.splits.get(joined((parts[at],)), ())]
            for until in range(at + 2, min(len(parts), at + 4) + 1):
                whole = joined(tuple(parts[at:until]))
                if whole in self.splits or (at, until) in glued:
                    steps.append((until, (whole,)))
            return [[*terms, *rest] for until, terms in steps for rest in from_(until)]

        return from_(0)


def _spaced(terms: Sequence[str]) -> str:
    return f" {' '.join(terms)} "


def test_a_phrase_finds_every_paper_that_holds_it_in_any_spelling() -> None:
    papers = [Paper(f"p{n}", title, n) for n, title in enumerate(SPELLINGS, 1)]
    index = Index(papers)
    assert {m.paper for m in index.search('"multimodal large language models"')} == {1, 2}
    assert {m.paper for m in index.search('"3D reconstruction"')} == {3, 4}
    assert {m.paper for m in index.search('"large multimodal models"')} == {6}
    assert {m.paper for m in index.search('"state of the art"')} == {7, 8, 9}
    assert {m.paper for m in index.search("stateoftheart")} == {7, 8, 9}


def test_a_phrase_of_a_real_title_finds_all_that_hold_it_word_for_word(
    corpus: list[Paper],
) -> None:
    chance = Random(17)
    index, brute = Index(corpus), BruteForce(corpus)
    for _ in range(PHRASES):
        words = chance.choice(corpus).title.replace('"', " ").split()
        at = chance.randrange(len(words))
        phrase = " ".join(words[at : at + chance.randint(1, 5)])
        if not tokens(phrase) or "\\" in phrase or "$" in phrase:
            continue
        found = {m.paper for m in index.search(f'"{phrase}"', len(corpus), is_loose=False)}
        assert brute.plain(phrase) <= found, phrase


def test_a_random_query_finds_what_a_search_by_brute_force_finds(corpus: list[Paper]) -> None:
    chance = Random(18)
    few = corpus[: 400 if IS_WHOLE else 120]
    index, brute = Index(few), BruteForce(few)
    for query in _queries(few, chance):
        node = parse(query).root
        found = {m.paper for m in index.search(query, len(few), is_loose=False)}
        assert found == brute.find(node), query


def _queries(papers: Sequence[Paper], chance: Random) -> Iterator[str]:
    def words(count: int) -> list[str]:
        text = [w for w in tokens(chance.choice(papers).abstract) if w not in STOPWORDS]
        at = chance.randrange(max(1, len(text) - count))
        return text[at : at + count] or ["graph"]

    forms = (
        lambda: words(1)[0],
        lambda: " ".join(words(2)),
        lambda: f'"{" ".join(words(2))}"',
        lambda: f"{words(1)[0]} OR {words(1)[0]}",
        lambda: f"ti:{words(1)[0]}",
        lambda: f"{words(1)[0]} -{words(1)[0]}",
        lambda: f"({words(1)[0]} OR {words(1)[0]}) abs:{words(1)[0]}",
    )
    for _ in range(QUERIES):
        yield chance.choice(forms)()
