"""The places of each term in a set of texts, as flat arrays. `index` knows what a query means.

Every text is a title and an abstract. All terms have positions on one long line, with gaps between
the parts, so that two terms are neighbours in a paper exactly if they are neighbours on the line.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from newsletter.matching.spellings import Readings, Splits, other_readings, parts_of, splits_of
from newsletter.matching.tokenizer import is_cjk, stems, tokens

Vector = NDArray[np.float32]  #: one number per text, in [0, 1); 0 = absent
Places = NDArray[np.intp]  #: positions on the line

#: BM25: how fast repetitions saturate, and how much the length of a text counts against it.
K1 = 1.2
B = 0.75
#: A word in the title counts as often as this many in the abstract.
TITLE = 3.0
#: How a text is compared with others: a word of its title counts as often as this many of its
#: abstract, how fast repetitions saturate, and what its most telling pairs of neighbours add.
#: benchmarks/similar_quality.py measures them.
PROFILE_TITLE, PROFILE_K = 2.0, 8.0
PROFILE_PAIRS, NEIGHBOURS = 40, 0.25
#: The share of a term that no paper of a sample holds.
LEAST_SHARE = 0.0005
GAP, MISSING = -1, -2  #: no term has these numbers


class Postings:
    def __init__(self, texts: Iterable[tuple[str, str]], splits: Splits | None = None) -> None:
        """`splits`: hyphens in other papers of the site, beside those of these texts."""
        self._terms: dict[str, int] = {}
        self._known: dict[str, tuple[int, ...]] = {}
        #: "autoregress" -> ("auto", "regress"), where a text writes the hyphen
        self._splits = {whole: set(apart) for whole, apart in (splits or {}).items()}
        line: list[int] = []
        lengths: list[tuple[int, int]] = []
        for title, abstract in texts:
            lengths.append((self._append(title, line), self._append(abstract, line)))
        self.size = len(lengths)
        self._lay_out(line, lengths)

    def _append(self, text: str, line: list[int]) -> int:
        """Put a text's terms on the line, with a gap after them. Returns the number of places."""
        before = len(line)
        known = self._known
        for token in tokens(text):
            line.extend(known.get(token) or self._learn(token))
        line.append(GAP)
        return len(line) - before

    def _learn(self, token: str) -> tuple[int, ...]:
        found = stems(token)
        if "-" in token:
            for whole, apart in splits_of(token):
                self._splits.setdefault(whole, set()).add(apart)
        terms = tuple(self._terms.setdefault(stem, len(self._terms)) for stem in found)
        return self._known.setdefault(token, terms)

    def _lay_out(self, line: list[int], lengths: list[tuple[int, int]]) -> None:
        self._line = np.array(line or [GAP], np.int32)
        zones = np.array(lengths, np.float32).reshape(-1, 2)
        self._nowhere = np.zeros(self.size, np.float32)
        self._nowhere.flags.writeable = False
        self._starts = np.concatenate([[0], np.cumsum(zones.sum(axis=1))]).astype(np.int64)
        usual = zones.mean(axis=0, dtype=np.float64) if self.size else 1.0
        norms = 1 - B + B * zones / np.maximum(usual, 1)
        weights = (np.array([TITLE, 1.0], np.float32) / norms).astype(np.float32).ravel()
        repeats = zones.astype(np.int64).ravel()
        self._weight = np.repeat(weights, repeats)
        self._zone = np.repeat(np.tile(np.arange(2, dtype=np.int8), self.size), repeats)
        self._text_of = np.repeat(
            np.arange(self.size, dtype=np.int32), repeats.reshape(-1, 2).sum(axis=1)
        )
        self._order = np.argsort(self._line, kind="stable")
        self._bounds = np.searchsorted(self._line[self._order], np.arange(len(self._terms) + 1))

    def places(self, term: str) -> Places:
        """Return the places of one stemmed term."""
        number = self._terms.get(term)
        if number is None:
            return self._order[:0]
        return self._order[self._bounds[number] : self._bounds[number + 1]]

    def word(self, token: str) -> Places:
        """Return the places of a word in all its spellings: the place of its last part, in
        order.
        """
        if len(token) == 1 and is_cjk(token):
            inside = [self.places(term) for term in self._terms if token in term]
            return np.unique(np.concatenate(inside)) if inside else self._order[:0]
        return self.phrase((token,))

    def phrase(self, words: Sequence[str]) -> Places:
        """Return the places of words that are side by side, in all spellings: the place of the last
        one.

        The plain reading is always among the spellings. A word is also read as two where some text
        writes it with a hyphen. Neighbours are also read as one word where some text joins them by
        a hyphen and some text writes them as one.
        """
        parts = parts_of(words)
        plain = [stems(part) for part in parts]
        others = self._other_readings(words)
        if not others:
            return self.run([term for terms in plain for term in terms])
        ends: list[Places | None] = [None] * (len(parts) + 1)
        for at, terms in enumerate(plain):
            steps = [(at + 1, terms), *others.get(at, ())]
            if at and ends[at] is None:
                continue
            for until, reading in steps:
                there = self.run(reading) if at == 0 else self._follow(ends[at], reading)
                ends[until] = there if ends[until] is None else np.union1d(ends[until], there)
        found = ends[-1]
        return self._order[:0] if found is None else found

    def _other_readings(self, words: Sequence[str]) -> Readings:
        """Keep the readings that these texts may have: all of their terms occur."""
        others = other_readings(words, self._splits)
        written = {
            at: [step for step in steps if all(len(self.places(term)) for term in step[1])]
            for at, steps in others.items()
        }
        return {at: steps for at, steps in written.items() if steps}

    def run(self, terms: Sequence[str]) -> Places:
        """Return the places of terms side by side: the place of the last one. Begins with the
        rarest and checks its neighbours.
        """
        everywhere = [self.places(term) for term in terms]
        if not everywhere:
            return self._order[:0]
        rarest = min(range(len(terms)), key=lambda number: len(everywhere[number]))
        last = everywhere[rarest] + (len(terms) - 1 - rarest)
        for number in (*range(rarest + 1, len(terms)), *range(rarest - 1, -1, -1)):
            if not len(last):
                break
            last = last[self._line[last - (len(terms) - 1 - number)] == self._terms[terms[number]]]
        return last

    def _follow(self, before: Places | None, terms: Sequence[str]) -> Places:
        """Return the places of terms directly after some places: the place of the last one."""
        last = self._order[:0] if before is None else before
        for term in terms:
            last = last + 1
            last = last[self._line[last] == self._terms.get(term, MISSING)]
        return last

    def near(self, one: Places, other: Places, span: int) -> NDArray[np.bool_]:
        """Return for each text whether it has a place of both at most `span` words apart, in the
        title or in the abstract.
        """
        is_near = np.zeros(self.size, bool)
        if len(one) > len(other):
            one, other = other, one
        if not len(one):
            return is_near
        at = np.searchsorted(other, one)
        for side in (np.maximum(at - 1, 0), np.minimum(at, len(other) - 1)):
            there = other[side]
            close = np.abs(there - one) <= span
            close &= self._text_of[there] == self._text_of[one]
            close &= self._zone[there] == self._zone[one]
            is_near[self._text_of[one[close]]] = True
        return is_near

    def titled(self, places: Places) -> NDArray[np.bool_]:
        """Return for each text whether one of these places is in its title."""
        found = np.zeros(self.size, bool)
        found[self._text_of[places[self._zone[places] == 0]]] = True
        return found

    def vector(self, places: Places, zone: str = "") -> Vector:
        """Return how much each text is about some places: BM25's saturated frequency, with more
        weight on the title.
        """
        if not len(places):
            return self._nowhere
        if zone:
            places = places[self._zone[places] == ("ti", "abs").index(zone)]
        often = np.bincount(self._text_of[places], self._weight[places], self.size)
        return (often / (often + K1)).astype(np.float32)

    def profile(
        self, text: int, shares: Mapping[str, float] | None = None
    ) -> list[tuple[Places, float]]:
        """Give where the terms of a text stand anywhere, and its most telling neighbours, with
        weights that sum up to 1. What no other text has is left out.

        `shares`: the share of all papers that hold a term, where these texts are a choice of them.
        """
        start, end = self._starts[text], self._starts[text + 1]
        line = self._line[start:end]
        is_term = line != GAP
        numbers, at = np.unique(line[is_term], return_inverse=True)
        zones = np.where(self._zone[start:end][is_term] == 0, PROFILE_TITLE, 1.0)
        often = np.bincount(at, zones)
        names = self._names(numbers) if shares else {}
        rare_of: dict[int, float] = {}
        found: list[tuple[Places, float]] = []
        weight_of: dict[int, float] = {}
        for number, n in zip(numbers.tolist(), often.tolist(), strict=True):
            places = self.numbered(number)
            if rare := self._rarity(places, shares.get(names[number], 0.0) if shares else None):
                rare_of[number], weight_of[number] = rare, n / (n + PROFILE_K) * rare
                found.append((places, weight_of[number]))
        for (one, other), n in self._neighbours(line, weight_of):
            behind = self.numbered(one) + 1
            places = behind[self._line[behind] == other]
            if rare := self._rarity(places):
                rare = max(rare_of[one], rare_of[other]) if shares else rare
                found.append((places, NEIGHBOURS * n / (n + K1) * rare))
        total = sum(weight for _, weight in found) or 1.0
        return [(places, weight / total) for places, weight in found]

    def _neighbours(
        self, line: NDArray[np.int32], weight_of: Mapping[int, float]
    ) -> list[tuple[tuple[int, int], int]]:
        """Give the pairs of neighbours whose weaker term weighs most, and how often each stands."""
        terms = line.tolist()
        pairs = Counter(
            pair for pair in pairwise(terms) if pair[0] in weight_of and pair[1] in weight_of
        )
        least = {pair: min(weight_of[pair[0]], weight_of[pair[1]]) for pair in pairs}
        best = sorted(pairs, key=lambda pair: (-least[pair], pair))[:PROFILE_PAIRS]
        return [(pair, pairs[pair]) for pair in best]

    def _rarity(self, places: Places, share: float | None = None) -> float:
        """BM25's inverse document frequency, of these texts or by the share of all papers; 0 for
        what fewer than two texts have.
        """
        has = len(np.unique(self._text_of[places]))
        if has < 2:
            return 0.0
        if share is not None:
            return math.log1p((1 - share) / (share + LEAST_SHARE))
        return math.log1p((self.size - has + 0.5) / (has + 0.5))

    def _names(self, numbers: NDArray[np.int32]) -> dict[int, str]:
        """Give the terms with these numbers."""
        wanted = {*numbers.tolist()}
        return {number: term for term, number in self._terms.items() if number in wanted}

    def numbered(self, number: int) -> Places:
        """Return the places of a term by its number."""
        return self._order[self._bounds[number] : self._bounds[number + 1]]


def rarity(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the weight of each row: BM25's inverse document frequency, always above 0."""
    has = np.count_nonzero(scores, axis=-1)
    weights: NDArray[np.float64] = np.log1p((scores.shape[-1] - has + 0.5) / (has + 0.5))
    return weights
