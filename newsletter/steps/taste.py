"""What papers that were picked have in common: a prior for papers that nobody has noticed yet.

A logistic regression over words and pairs of neighbours of title and abstract, for each archive
("cs", "astro-ph") that has enough picks, and none elsewhere. It orders papers; it never brings one
in. Pure numpy: the sums are small, and each weight can be shown.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from newsletter.matching.tokenizer import STOPWORDS, stems, tokens
from newsletter.models import Paper

#: An archive with fewer picks has no taste: ten papers say more about chance than about taste.
ENOUGH = 40
#: Papers that were not picked, for each one that was.
OTHERS = 20
#: Words and pairs that fewer papers have are not learned.
LEAST_PAPERS = 3
#: How strongly weights are pulled to 0, and how many steps are taken.
PULL, STEPS, RATE = 1.0, 120, 0.5

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Taste:
    """What was learned about one archive."""

    archive: str
    picked: int  #: papers it was learned from
    weights: Mapping[str, float]  #: word, or two words with a space between
    rarity: Mapping[str, float]

    def score(self, paper: Paper) -> float:
        """How much a paper is like those that were picked: a logit, comparable within the archive
        only.
        """
        return sum(
            share * self.weights[word] for word, share in _shares(paper, self.rarity).items()
        )

    def telling(self, paper: Paper, count: int) -> list[tuple[str, float]]:
        """The words that speak for or against a paper most, with what each adds."""
        parts = {
            word: share * self.weights[word] for word, share in _shares(paper, self.rarity).items()
        }
        return sorted(parts.items(), key=lambda part: (-abs(part[1]), part[0]))[:count]


def archive(paper: Paper) -> str:
    """The archive of a paper's first category: "cs" of "cs.CL". Empty without categories."""
    return paper.fields[0].partition(".")[0] if paper.fields else ""


def learn(
    picked: Iterable[Paper], others: Iterable[Paper], enough: int = ENOUGH
) -> tuple[dict[str, Taste], dict[str, int]]:
    """Learn the taste of each archive; and tell how many picks those have that have too few.

    `others` are papers among which the picks were made. Those that were picked are left out of
    them.
    """
    chosen: dict[str, dict[str, Paper]] = defaultdict(dict)
    for paper in picked:
        chosen[archive(paper)][paper.id] = paper
    rest: dict[str, dict[str, Paper]] = defaultdict(dict)
    for paper in others:
        if paper.id not in chosen[archive(paper)]:
            rest[archive(paper)][paper.id] = paper
    tastes, few = {}, {}
    for name, of_archive in sorted(chosen.items()):
        beside = _spread(list(rest[name].values()), OTHERS * len(of_archive))
        if name and len(of_archive) >= enough and len(beside) >= len(of_archive):
            tastes[name] = _learn(name, list(of_archive.values()), beside)
        elif of_archive:
            few[name] = len(of_archive)
    return tastes, few


def _spread(papers: Sequence[Paper], count: int) -> Sequence[Paper]:
    """Take so many, evenly over the list."""
    if len(papers) <= count:
        return papers
    return [papers[at * len(papers) // count] for at in range(count)]


def _learn(name: str, picked: Sequence[Paper], others: Sequence[Paper]) -> Taste:
    held = [_words(paper) for paper in (*picked, *others)]
    spread = Counter(word for words in held for word in words)
    known = sorted(word for word, n in spread.items() if n >= LEAST_PAPERS)
    rarity = {word: log(1 + len(held) / spread[word]) for word in known}
    number = {word: at for at, word in enumerate(known)}
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for row, words in enumerate(held):
        for word, share in _normed(words, rarity).items():
            rows.append(row)
            columns.append(number[word])
            values.append(share)
    is_picked = np.arange(len(held)) < len(picked)
    weights = _fit((np.array(rows), np.array(columns), np.array(values)), is_picked, len(known))
    return Taste(
        name,
        len(picked),
        {word: float(weights[at]) for word, at in number.items()},
        rarity,
    )


def _fit(
    cells: tuple[NDArray[np.intp], NDArray[np.intp], Vector],
    is_picked: NDArray[np.bool_],
    width: int,
) -> Vector:
    """Fit a logistic regression; picked and others weigh alike. `cells` are row, column, value."""
    rows, columns, values = cells
    importance = np.where(is_picked, 0.5 / is_picked.sum(), 0.5 / (~is_picked).sum())
    wanted = is_picked.astype(np.float64)
    weights, bias = np.zeros(width), 0.0
    pull = PULL / len(wanted)
    first, second = np.zeros(width), np.zeros(width)
    for step in range(1, STEPS + 1):
        said = np.bincount(rows, values * weights[columns], len(wanted)) + bias
        wrong = importance * (1 / (1 + np.exp(-said)) - wanted)
        slope = np.bincount(columns, values * wrong[rows], width) + pull * weights
        bias -= RATE * float(wrong.sum())
        # Adam (Kingma and Ba, 2015), with its usual constants.
        first += 0.1 * (slope - first)
        second += 0.001 * (slope * slope - second)
        large = np.sqrt(second / (1 - 0.999**step)) + 1e-8
        weights -= 0.1 * (first / (1 - 0.9**step)) / large
    return weights


def _words(paper: Paper) -> dict[str, float]:
    """Words and pairs of a paper; those of the title count twice."""
    found: dict[str, float] = {}
    for text, weight in ((paper.abstract, 1.0), (paper.title, 2.0)):
        terms = [term for token in tokens(text) if token not in STOPWORDS for term in stems(token)]
        for term in terms:
            found[term] = weight
        for one, two in pairwise(terms):
            found[f"{one} {two}"] = weight
    return found


def _normed(words: Mapping[str, float], rarity: Mapping[str, float]) -> dict[str, float]:
    weighed = {word: w * rarity[word] for word, w in words.items() if word in rarity}
    length = sqrt(sum(w * w for w in weighed.values())) or 1.0
    return {word: w / length for word, w in weighed.items()}


def _shares(paper: Paper, rarity: Mapping[str, float]) -> dict[str, float]:
    return _normed(_words(paper), rarity)
