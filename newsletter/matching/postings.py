"""Where each term stands in a set of texts, as flat arrays. What a query means is index's business.

Every text is a title and an abstract. Their terms stand one behind the other at positions of one
long line, with gaps between the parts, so that two terms are neighbours in a paper exactly if they
are neighbours on the line.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from newsletter.matching.tokenizer import stems, tokens

Vector = NDArray[np.float32]  #: one number a text, in [0, 1); 0 = not there
Places = NDArray[np.intp]  #: positions on the line

#: BM25: how fast repetitions saturate, and how much long texts are held against a paper.
K1 = 1.2
B = 0.75
#: A word in the title counts as often as this many in the abstract.
TITLE = 3.0
#: The most words in a row that are tried as one hyphenated word: "state of the art".
WIDEST = 4
GAP = -1


class Postings:
    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        self._terms: dict[str, int] = {}
        self._known: dict[str, tuple[int, ...]] = {}
        self._parts: dict[
            str, tuple[str, ...]
        ] = {}  #: "autoregress" -> "auto", "regress", where a text has the hyphen
        line: list[int] = []
        joined: list[tuple[int, int]] = []
        lengths: list[tuple[int, int]] = []
        for title, abstract in texts:
            lengths.append(
                (self._append(title, line, joined), self._append(abstract, line, joined))
            )
        self.size = len(lengths)
        self._lay_out(line, joined, lengths)

    def _append(self, text: str, line: list[int], joined: list[tuple[int, int]]) -> int:
        """Put a text's terms on the line, a gap behind them. Gives how many places it took."""
        before = len(line)
        for token in tokens(text):
            terms = self._known.get(token) or self._learn(token)
            if len(terms) == 1:
                line.append(terms[0])
            else:
                line.extend(terms[:-1])
                joined.append((len(line) - 1, terms[-1]))
        line.append(GAP)
        return len(line) - before

    def _learn(self, token: str) -> tuple[int, ...]:
        terms = []
        found = stems(token)
        if len(found) > 2:
            self._parts[found[-1]] = min(found[:-1], self._parts.get(found[-1], found[:-1]))
        for stem in found:
            terms.append(self._terms.setdefault(stem, len(self._terms)))
        return self._known.setdefault(token, tuple(terms) or (GAP,))

    def _lay_out(
        self, line: list[int], joined: list[tuple[int, int]], lengths: list[tuple[int, int]]
    ) -> None:
        self._line = np.array(line or [GAP], np.int32)
        self._joined = np.full(len(self._line), GAP, np.int32)
        self._hyphened = frozenset(term for _, term in joined)
        if joined:
            at, terms = np.array(joined, np.int64).T
            self._joined[at] = terms
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
        everywhere = np.concatenate([self._line, self._joined])
        order = np.argsort(everywhere, kind="stable")
        self._order = order % len(self._line)
        self._bounds = np.searchsorted(everywhere[order], np.arange(len(self._terms) + 1))

    def places(self, term: str) -> Places:
        """Find one stemmed term."""
        number = self._terms.get(term)
        if number is None:
            return self._order[:0]
        return self._order[self._bounds[number] : self._bounds[number + 1]]

    def word(self, token: str) -> Places:
        """Find a word in all its spellings. A hyphenated one counts twice: as its parts and as
        joined.
        """
        terms = stems(token)
        if len(terms) < 2:
            return self._joined_or_apart(terms[0]) if terms else self._order[:0]
        return np.concatenate([self.run(terms[:-1]), self.places(terms[-1])])

    def phrase(self, words: Sequence[str]) -> Places:
        """Find words that stand side by side, hyphenated or not: all apart, or all joined that some
        text joins.
        """
        apart: list[str] = []
        joined: list[str] = []
        at = 0
        while at < len(words):
            terms = stems(words[at])
            apart += terms[:-1] if len(terms) > 1 else self._parts.get("".join(terms), terms)
            whole, width = self._joined_from(words[at : at + WIDEST])
            joined += [whole] if width > 1 else terms[-1:]
            for word in words[at + 1 : at + width]:
                apart += stems(word)
            at += width
        return self.run(apart) if apart == joined else np.union1d(self.run(apart), self.run(joined))

    def _joined_from(self, words: Sequence[str]) -> tuple[str, int]:
        """Find the most words, from the first, that some text joins by hyphens: their one term, and
        how many.
        """
        for width in range(len(words), 1, -1):
            if not any("-" in word for word in words[:width]):
                whole = "".join(stems("".join(words[:width])))
                if whole in self._parts:
                    return whole, width
        return "", 1

    def _joined_or_apart(self, term: str) -> Places:
        """Find a term, and its parts side by side if some text joins them by a hyphen."""
        parts = self._parts.get(term)
        return np.union1d(self.places(term), self.run(parts)) if parts else self.places(term)

    def run(self, terms: Sequence[str]) -> Places:
        """Find terms side by side; gives the place of the last. Begins with the rarest, and looks
        at its neighbours.
        """
        everywhere = [self.places(term) for term in terms]
        if not everywhere:
            return self._order[:0]
        rarest = min(range(len(terms)), key=lambda number: len(everywhere[number]))
        last = everywhere[rarest] + (len(terms) - 1 - rarest)
        for number in (*range(rarest + 1, len(terms)), *range(rarest - 1, -1, -1)):
            if not len(last):
                break
            there, wanted = last - (len(terms) - 1 - number), self._terms[terms[number]]
            is_there = self._line[there] == wanted
            if wanted in self._hyphened:
                is_there |= self._joined[there] == wanted
            last = last[is_there]
        return last

    def vector(self, places: Places, zone: str = "") -> Vector:
        """Turn places into how much each text is about them: BM25's saturated frequency, the title
        counting more.
        """
        if not len(places):
            return self._nowhere
        if zone:
            places = places[self._zone[places] == ("ti", "abs").index(zone)]
        often = np.bincount(self._text_of[places], self._weight[places], self.size)
        return (often / (often + K1)).astype(np.float32)

    def telling(self, text: int, count: int) -> list[tuple[int, float]]:
        """Give the terms that tell a text from the others, by number, with weights that sum up to
        1.
        """
        line = self._line[self._starts[text] : self._starts[text + 1]]
        numbers, often = np.unique(line[line != GAP], return_counts=True)
        spread = self._bounds[numbers + 1] - self._bounds[numbers]
        weights = often / (often + K1) * np.log1p(self.size / spread)
        weights[spread < 2] = 0  # nobody else has it
        best = np.argsort(-weights, kind="stable")[:count]
        total = weights[best].sum() or 1.0
        return [(int(numbers[at]), float(weights[at] / total)) for at in best]

    def numbered(self, number: int) -> Places:
        """Find a term by its number."""
        return self._order[self._bounds[number] : self._bounds[number + 1]]


def rarity(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weigh what few papers have: BM25's inverse document frequency of each row, always above 0."""
    has = np.count_nonzero(scores, axis=-1)
    weights: NDArray[np.float64] = np.log1p((scores.shape[-1] - has + 0.5) / (has + 0.5))
    return weights
