"""Relevance: queries over one set of papers. How queries are written is query's, where words stand is postings'.

A paper's score for a query lies in [0, 1] and means the same for every query: each word gives its saturated frequency
(BM25 over title and abstract), a list of words the mean of its words weighted by rarity, alternatives the best of them.
Words that stand together as in the query lift it, and so does the rarity of what was asked for: a mention in passing is
enough for a topic that three papers a week touch, not for one that half of them do. Above `MATCH_CUT` a paper is for
the topic's readers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, repeat

import numpy as np
from numpy.typing import NDArray

from newsletter.matching.postings import Postings, Vector, rarity
from newsletter.matching.query import All, AnyOf, Category, Leaf, Node, Phrase, Query, Word, parse
from newsletter.matching.words import fold, is_stopword, tokens
from newsletter.models import MATCH_CUT, Match, Paper

#: How far words that stand together close the gap to 1.
TOGETHER = 0.3
#: How far the rarest of queries closes the gap to 1.
RARE = 0.25
#: Words that a paper is compared by, and the part of their weight that a similar paper has.
TELLING, ALIKE = 20, 0.12
#: What a category says about a paper it stands first for, and about one that is merely cross-listed.
PRIMARY, CROSS_LISTED = 0.65, 0.55
AUTHOR = 0.9
#: Numbers kept of words already looked up; bounds memory at four bytes each.
REMEMBERED = 1 << 24


class Index:
    """A loaded set of papers, and the port Matcher."""

    def __init__(self, papers: Sequence[Paper] = ()) -> None:
        self._papers = papers
        self._keys = np.array([paper.key for paper in papers], np.int64)
        self._postings = Postings((paper.title, paper.abstract) for paper in papers)
        self._leaves: dict[Node, Vector] = {}
        self._rarities: dict[Node, float] = {}

    def match(self, queries: Mapping[int, str], papers: Sequence[Paper]) -> dict[int, list[Match]]:
        """Find every query's papers, best first, above the cut; all of a query must match.

        Raises: QueryError for a query that `parse` would refuse.
        """
        index = self if papers is self._papers else Index(papers)
        return {number: index._matches(parse(text)) for number, text in queries.items()}

    def search(self, query: str | Query, limit: int = 20, *, is_loose: bool = True) -> list[Match]:
        """Find the papers that suit a query best, best first, whether above the cut or not.

        Papers that hold all of the query come first. If they are fewer than `limit`, papers that hold some of its words
        follow if it `is_loose`, so that a whole sentence finds something too. What authors and categories are asked for
        and what is excluded holds for these as well.
        """
        root = (parse(query) if isinstance(query, str) else query).root
        score = self._score(root)
        holds = score > 0
        if is_loose and isinstance(root, All) and np.count_nonzero(holds) < limit:
            least = score[holds].min() if holds.any() else 1
            score = np.where(holds, score, self._loose(root) * least)
        return self._best(root, score, limit)

    def similar(self, key: int, limit: int = 5) -> list[Match]:
        """Find the papers most like one of them: by the words that tell it apart, weighted by rarity."""
        at = np.flatnonzero(self._keys == key)
        if not len(at):
            return []
        score = np.zeros(len(self._papers), np.float32)
        for number, weight in self._postings.telling(int(at[0]), TELLING):
            score += np.float32(weight) * self._postings.vector(self._postings.numbered(number))
        score[at] = 0
        best = np.lexsort((self._keys, -score))[:limit]
        return [Match(int(self._keys[place]), float(score[place])) for place in best if score[place] >= ALIKE]

    def _matches(self, query: Query) -> list[Match]:
        score = self._score(query.root)
        score[score < MATCH_CUT] = 0
        return self._best(query.root, score, len(score))

    def _best(self, root: Node, score: Vector, limit: int) -> list[Match]:
        found = np.flatnonzero(score)
        best = found[np.lexsort((self._keys[found], -score[found]))[:limit]]
        keys, scores = self._keys[best].tolist(), score[best].tolist()
        return list(map(Match, keys, scores, self._words(root, best)))

    def _words(self, root: Node, best: NDArray[np.intp]) -> Iterable[tuple[str, ...]]:
        """Give for each paper the words of the query that it holds."""
        if isinstance(root, Word | Phrase):
            return repeat((root.text,), len(best))
        telling = [leaf for leaf in leaves(root) if not isinstance(leaf, Category)][:60]  # as many as bits
        held = np.zeros(len(best), np.int64)
        for number, leaf in enumerate(telling):
            held |= (self._leaf(leaf)[best] > 0).astype(np.int64) << number
        said = {
            code: tuple(leaf.text for number, leaf in enumerate(telling) if code >> number & 1)
            for code in set(held.tolist())
        }
        return map(said.__getitem__, held.tolist())

    # -- what a query means ------------------------------------------------------------------------------------------

    def _score(self, root: Node) -> Vector:
        """Score every paper; 0 = does not match."""
        plain = self._plain(root)
        lift = RARE * (1 - np.exp(-rarity(plain) / 4))
        return np.where(plain > 0, plain + (1 - plain) * lift, 0).astype(np.float32)

    def _plain(self, node: Node) -> Vector:
        if isinstance(node, All):
            return self._all(node)
        if isinstance(node, AnyOf):
            best: Vector = np.maximum.reduce([self._plain(part) for part in node.parts])
            return best
        return self._leaf(node)

    def _all(self, node: All) -> Vector:
        parts = [part for part in node.parts if not _is_common(part)]
        vectors = [self._plain(part) for part in parts]
        holds = np.logical_and.reduce([vector > 0 for vector in vectors])
        for part in node.without:
            holds &= self._plain(part) == 0
        telling = [(part, vector) for part, vector in zip(parts, vectors, strict=True) if not _is_filter(part)]
        if not telling:
            return np.where(holds, np.minimum.reduce(vectors), 0)
        score = self._mean([vector for _, vector in telling])
        return np.where(holds, self._lift_neighbours(score, [part for part, _ in telling]), 0)

    def _mean(self, vectors: list[Vector]) -> Vector:
        weights = [rarity(vector) for vector in vectors]
        total = sum(weights)
        mean = np.zeros(len(self._papers), np.float32)
        for vector, weight in zip(vectors, weights, strict=True):
            mean += vector * (weight / total)
        return mean

    def _lift_neighbours(self, score: Vector, parts: Sequence[Node]) -> Vector:
        """Lift papers in which words stand side by side as in the query."""
        pairs = [
            Phrase(f"{one.text} {two.text}")
            for one, two in pairwise(parts)
            if isinstance(one, Word) and isinstance(two, Word) and not one.field and not two.field
        ]
        if not pairs:
            return score
        together = self._mean([self._leaf(pair) for pair in pairs])
        return score + (1 - score) * TOGETHER * together

    def _loose(self, root: All) -> Vector:
        """Score papers that may hold only some of what tells."""
        telling = [part for part in root.parts if not _is_common(part) and not _is_filter(part)]
        score = self._lift_neighbours(self._mean([self._plain(part) for part in telling]), telling)
        for part in root.parts:
            if _is_filter(part):
                score = np.where(self._plain(part) > 0, score, 0)
        for part in root.without:
            score = np.where(self._plain(part) > 0, 0, score)
        return score

    # -- leaves ------------------------------------------------------------------------------------------------------

    def _leaf(self, leaf: Leaf) -> Vector:
        known = self._leaves.get(leaf)
        if known is None:
            if len(self._leaves) * len(self._papers) > REMEMBERED:
                self._leaves.clear()
            known = self._leaves[leaf] = self._look_up(leaf)
        return known

    def _look_up(self, leaf: Leaf) -> Vector:
        if isinstance(leaf, Category):
            return self._marked(_standing(paper.fields, leaf.pattern) for paper in self._papers)
        if leaf.field == "au":
            asked = fold(leaf.text)
            return self._marked(AUTHOR * _wrote(paper.authors, asked) for paper in self._papers)
        if isinstance(leaf, Word):
            return self._postings.vector(self._postings.word(leaf.text), leaf.field)
        return self._postings.vector(self._postings.phrase(tokens(leaf.text)), leaf.field)

    def _marked(self, marks: Iterator[float]) -> Vector:
        return np.fromiter(marks, np.float32, len(self._papers))


def _is_common(node: Node) -> bool:
    return isinstance(node, Word) and node.field != "au" and is_stopword(node.text)


def _is_filter(node: Node) -> bool:
    """Say whether a node only keeps papers out, beside words that tell how good the others are."""
    if isinstance(node, AnyOf | All):
        return all(_is_filter(part) for part in node.parts)
    return isinstance(node, Category) or node.field == "au"


def leaves(node: Node) -> list[Leaf]:
    """List what may be found; what is excluded is not."""
    if isinstance(node, All | AnyOf):
        return [leaf for part in node.parts if not _is_common(part) for leaf in leaves(part)]
    return [node]


def _standing(fields: Sequence[str], pattern: str) -> float:
    """Say what a category is to a paper. "math" and "math.*" are the whole archive."""
    wanted = pattern.lower().rstrip("*").rstrip(".")
    is_open = pattern.endswith("*") and not pattern.endswith(".*")
    for number, field in enumerate(fields):
        name = field.lower()
        if name == wanted or name.startswith(wanted if is_open else f"{wanted}."):
            return PRIMARY if number == 0 else CROSS_LISTED
    return 0.0


def _wrote(authors: Sequence[str], asked: Sequence[str]) -> bool:
    """Say whether one of the authors has all the words asked for; a single letter stands for a name it begins."""
    return any(
        all(any(name == word or (len(word) == 1 and name.startswith(word)) for name in names) for word in asked)
        for names in map(fold, authors)
    )
