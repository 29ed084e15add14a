"""How similar the eligible papers are to other papers, and what a reader's votes and examples say
about them. Pure; a part of `choose`.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newsletter.models import MATCH_CUT, Opinions, Paper, Reason
from newsletter.text.titles import plain_words

#: Papers with at least this similarity of their weighted words count as near each other.
NEAR = 0.2
#: A reader's taste: mean similarity to the liked papers, minus this part of the mean similarity to
#: the disliked ones.
DISLIKED = 0.7
#: A paper one standard deviation nearer to the reader's taste moves by `VOTE`; none moves by more
#: than `VOTES`, and none out of its topic: votes reorder papers but do not empty a letter.
VOTE, VOTES = 0.12, 0.36
#: With at least this many examples, papers near them come without a topic; fewer only reorder.
EXAMPLES = 3
#: Such papers are this many times as similar to the examples as an average paper, and more if there
#: are few examples: three of different fields share words with many papers by chance.
#: `benchmarks/seed_quality` measures it.
NEAR_CUT, FEW = 1.7, 3.0
#: Added to the average similarity, so that a paper that shares few words with any is not near by
#: chance.
FLOOR = 0.01
#: Most papers whose weighted words are cached, a kilobyte each.
KEPT = 20_000

Vector = NDArray[np.floating[Any]]

SMALL = frozenset(
    """a about after all also an and are as at be been between both but by can each for from
    has have in into is it its method methods model models more most new not of on only or our
    over paper propose proposed results show shows such than that the their them then these
    they this through to towards under use used using via was we were when which while with
    without""".split()  # noqa: SIM905  (a list would be longer than the words)
)


class Weights(NamedTuple):
    """The distinctive words of a paper, by their numbers in `Terms`; the squares of the weights add
    up to 1.
    """

    words: NDArray[np.int32]
    weights: Vector


class Terms:
    """Distinctive words of the eligible papers, weighted by how often a paper has them and how few
    papers do.

    `rows`, `words` and `weights` have one entry for each word of each paper, by `place`.
    """

    def __init__(self, papers: Sequence[Paper]) -> None:
        self.size = len(papers)
        counts = [_counted(paper) for paper in papers]
        spread = Counter(word for count in counts for word in count)
        self._numbers = {word: number for number, word in enumerate(spread)}
        self._rarity = np.array(
            [log(1 + self.size / n) for n in spread.values()] or [1.0], np.float32
        )
        weighed = [self._weigh(count) for count in counts]
        lengths = [len(one.words) for one in weighed]
        self._starts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
        self._rows = np.repeat(np.arange(self.size), lengths)
        empty = Weights(np.zeros(0, np.int32), np.zeros(0, np.float32))
        self._words = np.concatenate([empty.words, *(one.words for one in weighed)])
        self._weights = np.concatenate([empty.weights, *(one.weights for one in weighed)])
        self._kept: OrderedDict[int, Weights] = OrderedDict()
        #: average similarity of each paper to the others
        self.usual = self._like(self._sum([self._all()]) / max(1, self.size))

    def weigh(self, paper: Paper) -> Weights:
        """Return the weighted words of a paper, without those that no eligible paper has."""
        found = self._kept.get(paper.key) if paper.key > 0 else None
        if found is None:
            found = self._weigh(_counted(paper))
            if paper.key > 0:
                self._kept[paper.key] = found
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return found

    def _weigh(self, count: Mapping[str, int]) -> Weights:
        known = [(self._numbers[word], n) for word, n in count.items() if word in self._numbers]
        words = np.array([number for number, _ in known], np.int32)
        weights = (1 + np.log(np.array([n for _, n in known], np.float32))) * self._rarity[words]
        length = float(np.sqrt((weights * weights).sum())) or 1.0
        return Weights(words, weights / np.float32(length))

    def like(self, papers: Sequence[Weights]) -> Vector:
        """Return the average similarity of every eligible paper to these papers: cosine of weighted
        words, in [0, 1].
        """
        return self._like(self._sum(papers) / max(1, len(papers)))

    def between(self, place: int, others: Sequence[Weights]) -> list[float]:
        """Return the similarity of one eligible paper to each of some others."""
        own = np.zeros(len(self._rarity), np.float32)
        part = slice(self._starts[place], self._starts[place + 1])
        own[self._words[part]] = self._weights[part]
        return [float(own[other.words] @ other.weights) for other in others]

    def _all(self) -> Weights:
        return Weights(self._words, self._weights)

    def _sum(self, papers: Sequence[Weights]) -> Vector:
        words = np.concatenate([paper.words for paper in papers])
        weights = np.concatenate([paper.weights for paper in papers])
        return np.bincount(words, weights, len(self._rarity)).astype(np.float32)

    def _like(self, asked: Vector) -> Vector:
        found = np.bincount(self._rows, self._weights * asked[self._words], self.size)
        return found.astype(np.float32)


def _counted(paper: Paper) -> Counter[str]:
    return Counter(in_spaces(f"{paper.title} {paper.title} {paper.abstract}").split()) - Counter(
        dict.fromkeys(SMALL, 999)
    )


def in_spaces(text: str) -> str:
    """Return words in the singular, each between spaces, so that phrases can be searched."""
    words = plain_words(text)
    return f" {' '.join(w[:-1] if len(w) > 3 and w[-1] == 's' != w[-2] else w for w in words)} "


class Taste:
    """What a reader's votes and examples say about the eligible papers."""

    def __init__(self, terms: Terms, known: Mapping[int, Paper], said: Opinions) -> None:
        """`known`: papers with votes, by Paper.key; votes on other papers are ignored."""
        self._terms = terms
        liked = [known[key] for key, vote in said.votes.items() if vote > 0 and key in known]
        disliked = [known[key] for key, vote in said.votes.items() if vote < 0 and key in known]
        self._liked = self._weighed(liked)
        self._given = self._weighed(said.given)
        taste: Vector = np.zeros(terms.size, np.float32)
        if more := [one for _, one in (*self._liked, *self._given)]:
            taste += terms.like(more)
        if less := [one for _, one in self._weighed(disliked)]:
            taste -= np.float32(DISLIKED) * terms.like(less)
        spread = float(taste.std()) or 1.0 if len(taste) else 1.0
        middle = float(taste.mean()) if len(taste) else 0.0
        self.shift = np.clip(VOTE * (taste - middle) / spread, -VOTES, VOTES)

    def _weighed(self, papers: Iterable[Paper]) -> list[tuple[str, Weights]]:
        return [(paper.title, self._terms.weigh(paper)) for paper in papers]

    @cached_property
    def near_examples(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the places of papers near the reader's examples, and how well each matches, from
        the cut to 1.
        """
        number = len(self._given)
        if number < EXAMPLES:
            return np.zeros(0, np.intp), np.zeros(0, np.float64)
        like = self._terms.like([one for _, one in self._given])
        times = (like / (self._terms.usual + FLOOR)).astype(np.float64)
        cut = NEAR_CUT + FEW / number
        places = np.flatnonzero(times >= cut)
        return places, 1 - (1 - MATCH_CUT) * cut / times[places]

    def reason(self, place: int) -> Reason | None:
        """Return the example, or else the liked paper, that is most similar to a paper; None if
        none is near.
        """
        for kind, papers in (("given", self._given), ("near", self._liked)):
            if title := self._nearest(place, papers, NEAR):
                return Reason(kind, title)
        return None

    def example(self, place: int) -> Reason:
        """Return the example that is most similar to a paper, even if not near."""
        return Reason("given", self._nearest(place, self._given, 0.0))

    def _nearest(self, place: int, papers: Sequence[tuple[str, Weights]], least: float) -> str:
        like = self._terms.between(place, [one for _, one in papers])
        titles = (title for title, _ in papers)
        likeness, title = max(zip(like, titles, strict=True), default=(0.0, ""))
        return title if likeness >= least else ""
