"""A prior for papers without signals: how their words, and pairs of words, differ from those of
papers that people picked. Pure.

Logistic regression, fitted by gradient descent without randomness, so that the same papers give the
same weights. `benchmarks/editor_week` measures it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import log

import numpy as np
from numpy.typing import NDArray

from newsletter.models import Paper
from newsletter.steps.likeness import SMALL
from newsletter.text.titles import plain_words

#: Least picks from which something is learned.
ENOUGH = 30
#: A word counts if at least this many papers have it; the most frequent ones are used.
MIN_PAPERS, MOST_WORDS = 5, 20_000
#: Size of the sample of other papers, per picked paper.
OTHERS = 20
#: Steps of gradient descent with momentum, their size, and the strength of regularisation.
STEPS, RATE, MOMENTUM, PENALTY = 200, 2.0, 0.9, 2e-4
#: Weight of a title's words compared with those of the abstract.
TITLE = 2.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """Weights of words, as learned from `picks` papers."""

    weights: Mapping[str, float]
    rarity: Mapping[str, float]
    bias: float
    picks: int
    #: scores of the papers that were not picked, at each of 100 steps from the lowest
    scale: Sequence[float] = field(default_factory=tuple)

    def score(self, paper: Paper) -> float:
        """Return how much a paper resembles picked papers; only the order has a meaning."""
        found = {word: n for word, n in features(paper).items() if word in self.weights}
        weighed = {word: n * self.rarity[word] for word, n in found.items()}
        length = sum(weight * weight for weight in weighed.values()) ** 0.5 or 1.0
        return self.bias + sum(self.weights[w] * weight for w, weight in weighed.items()) / length

    def share(self, paper: Paper) -> float:
        """Return the share, in [0, 1], of papers not picked that resemble picked papers less."""
        return float(np.searchsorted(np.array(self.scale), self.score(paper))) / max(
            1, len(self.scale)
        )


def features(paper: Paper) -> dict[str, float]:
    """Return the words of a paper, and its pairs of neighbouring words, with their weights."""
    found: dict[str, float] = {}
    for text, worth in ((paper.abstract, 1.0), (paper.title, TITLE)):
        words = [word for word in plain_words(text) if word not in SMALL and len(word) > 1]
        for word in (*words, *(f"{a} {b}" for a, b in pairwise(words))):
            found[word] = max(found.get(word, 0.0), worth)
    return found


def learn(picked: Sequence[Paper], others: Sequence[Paper]) -> Prior | None:
    """Learn how picked papers differ from others of the same time. None: too few were picked.

    Of `others` an even sample is used, in their order.
    """
    if len(picked) < ENOUGH or len(others) < ENOUGH:
        return None
    step = max(1, len(others) // (OTHERS * len(picked)))
    counted = [features(paper) for paper in (*picked, *others[::step])]
    is_picked = np.arange(len(counted)) < len(picked)
    spread = Counter(word for one in counted for word in one)
    kept = [word for word, n in spread.most_common(MOST_WORDS) if n >= MIN_PAPERS]
    rarity = {word: log(1 + len(counted) / spread[word]) for word in kept}
    table = _Table(counted, rarity)
    # Both sides have the same weight, whatever their number.
    balance = np.where(is_picked, 0.5 / is_picked.sum(), 0.5 / (~is_picked).sum())
    weights, bias = _fit(table, is_picked.astype(np.float64), balance)
    scores = np.sort(table.times(weights)[~is_picked] + bias)
    scale = scores[np.linspace(0, len(scores) - 1, 101).astype(int)]
    named = {word: round(float(w), 4) for word, w in zip(kept, weights, strict=True)}
    return Prior(named, rarity, float(bias), len(picked), tuple(map(float, scale)))


class _Table:
    """Papers by words, each row of length 1: one entry for each word of each paper."""

    def __init__(self, counted: Iterable[Mapping[str, float]], rarity: Mapping[str, float]) -> None:
        numbers = {word: number for number, word in enumerate(rarity)}
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        for row, one in enumerate(counted):
            weighed = {numbers[w]: n * rarity[w] for w, n in one.items() if w in rarity}
            length = sum(value * value for value in weighed.values()) ** 0.5 or 1.0
            rows += [row] * len(weighed)
            columns += weighed
            values += [value / length for value in weighed.values()]
            self.height = row + 1
        self.width = len(numbers)
        self.rows, self.columns = np.array(rows, np.int64), np.array(columns, np.int64)
        self.values = np.array(values, np.float64)

    def times(self, weights: Floats) -> Floats:
        return self._sums(self.rows, self.values * weights[self.columns], self.height)

    def back(self, errors: Floats) -> Floats:
        return self._sums(self.columns, self.values * errors[self.rows], self.width)

    @staticmethod
    def _sums(places: NDArray[np.int64], values: Floats, size: int) -> Floats:
        return np.bincount(places, values, size).astype(np.float64)


def _fit(table: _Table, wanted: Floats, balance: Floats) -> tuple[Floats, float]:
    weights, bias = np.zeros(table.width), 0.0
    speed, bias_speed = np.zeros(table.width), 0.0
    for _ in range(STEPS):
        errors = balance * (wanted - 1 / (1 + np.exp(-(table.times(weights) + bias))))
        speed = MOMENTUM * speed + RATE * (table.back(errors) - PENALTY * weights)
        bias_speed = MOMENTUM * bias_speed + RATE * float(errors.sum())
        weights, bias = weights + speed, bias + bias_speed
    return weights, bias


def telling(prior: Prior, number: int) -> list[tuple[str, float]]:
    """Return the words with the largest weights for a pick, then those with the largest against."""
    ordered = sorted(prior.weights.items(), key=lambda item: (-item[1], item[0]))
    return [*ordered[:number], *ordered[-number:]] if len(ordered) > 2 * number else ordered
