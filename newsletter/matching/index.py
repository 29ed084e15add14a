"""Relevance: queries over one set of papers. `query` has the syntax of queries, `postings` the
places of words.

A paper's score for a query is in [0, 1] and means the same for every query. Each word gives its
saturated frequency (BM25 over title and abstract), a list of words the mean of its words weighted
by rarity, alternatives the best of them. Words that are together as in the query raise it, and so
does the rarity of the query: a mention is enough for a topic with three papers a week, not for one
with half of all papers. Above `MATCH_CUT` a paper is for the topic's readers.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newsletter.matching.acronyms import NO_ACRONYMS, Acronyms
from newsletter.matching.postings import Places, Postings, Vector, rarity
from newsletter.matching.query import parse
from newsletter.matching.query_tree import All, AnyOf, Category, Leaf, Node, Phrase, Query, Word
from newsletter.matching.spellings import Splits
from newsletter.matching.tokenizer import fold, is_stopword, tokens
from newsletter.models import MATCH_CUT, Match, Matches, Paper

#: How much words that are together close the gap to 1.
TOGETHER = 0.3
#: How much the rarest query closes the gap to 1.
RARE = 0.25
#: A topic's two rarest words are at most this many words apart, or one of them is in the title.
SPAN = 8
#: The share of a topic's words that a paper must have, if there are three or more.
ENOUGH = 0.6
#: The part of a paper's weight that a similar paper shares, each word saturated.
ALIKE = 0.1
#: The score of a paper's first category, and of a further one (cross-listed).
PRIMARY, CROSS_LISTED = 0.65, 0.55
AUTHOR = 0.9
#: Queries times papers that are scored at once: as many as fit into a processor's cache.
TOGETHER_CELLS = 1 << 17
#: Numbers that are cached of words already looked up; limits memory to four bytes each.
REMEMBERED = 1 << 24

Scores = NDArray[np.float32]  #: a row per query, a column per paper, in [0, 1]; 0 = no match
Shape = Hashable
Alike = Sequence[Any]  #: nodes of one shape


class Index:
    """A loaded set of papers; a Matcher."""

    def __init__(
        self,
        papers: Sequence[Paper] = (),
        splits: Splits | None = None,
        acronyms: Acronyms = NO_ACRONYMS,
    ) -> None:
        """`splits`: hyphens in papers of the site, beside those of `papers`. `acronyms`: what they
        mean there.
        """
        self._given = papers
        self._acronyms = acronyms
        self._papers = sorted(papers, key=lambda paper: paper.key)
        self._keys = np.array([paper.key for paper in self._papers], np.int64)
        texts = ((paper.title, paper.abstract) for paper in self._papers)
        self._postings = Postings(texts, splits)
        self._leaves: dict[Node, Vector] = {}
        self._rarities: dict[Node, float] = {}

    def match(self, queries: Mapping[int, str], papers: Sequence[Paper]) -> dict[int, Matches]:
        """Find every query's papers, best first, above the cut; all of a query must match.

        Raises: QueryError for a query that `parse` would refuse.
        """
        index = self if papers is self._given else Index(papers, acronyms=self._acronyms)
        alike: dict[Shape, list[tuple[int, Node]]] = defaultdict(list)
        for number, text in queries.items():
            root = self._acronyms.expand(parse(text)).root
            alike[_shape(root)].append((number, root))
        found: dict[int, Matches] = {}
        together = max(1, TOGETHER_CELLS // max(1, len(papers)))
        for group in alike.values():
            for at in range(0, len(group), together):
                numbers, roots = zip(*group[at : at + together], strict=True)
                found.update(zip(numbers, index._matches(roots), strict=True))
        return found

    def weigh(self, query: str | Query) -> list[Match]:
        """Return all papers that a topic would find without the cut, best first."""
        asked = parse(query) if isinstance(query, str) else query
        root = self._acronyms.expand(asked).root
        return list(self._best([root], self._score([root], is_strict=True), 0)[0])

    def search(self, query: str | Query, limit: int = 20, *, is_loose: bool = True) -> list[Match]:
        """Return the papers that suit a query best, best first, above the cut or not.

        Papers with all of the query come first. If there are fewer than `limit` and `is_loose`,
        papers with some of its words follow, so that a whole sentence finds something too. Authors,
        categories and exclusions hold for these as well.
        """
        asked = parse(query) if isinstance(query, str) else query
        expanded, root = self._acronyms.expand(asked).root, asked.root
        score = self._score([expanded])[0]
        holds = score > 0
        if is_loose and isinstance(root, All) and np.count_nonzero(holds) < limit:
            least = score[holds].min() if holds.any() else 1
            score = np.where(holds, score, self._loose([root])[0] * least)
        best: list[Match] = self._best([expanded], score[None], 0)[0][:limit]
        return best

    def similar(
        self,
        key: int,
        limit: int = 5,
        cut: float = ALIKE,
        shares: Mapping[str, float] | None = None,
    ) -> list[Match]:
        """Find the papers most like one of them: those that share its words and its pairs of
        neighbours, weighted by rarity.

        `shares`: the share of all papers that hold a term, where the index holds a choice of them.
        """
        at = np.flatnonzero(self._keys == key)
        if not len(at):
            return []
        score = np.zeros(len(self._papers), np.float32)
        for places, weight in self._postings.profile(int(at[0]), shares):
            score += np.float32(weight) * self._postings.vector(places)
        score[at] = 0
        best = (-score).argsort(kind="stable")[:limit]
        return [
            Match(int(self._keys[place]), float(score[place]))
            for place in best
            if score[place] > 0 and score[place] >= cut
        ]

    def _matches(self, roots: Alike) -> list[Matches]:
        return self._best(roots, self._score(roots, is_strict=True), MATCH_CUT)

    def _best(self, roots: Alike, scores: Scores, cut: float) -> list[Matches]:
        """Return each query's papers with a score of at least the cut, best first."""
        rows, at = np.nonzero((scores > 0) & (scores >= cut))
        values = scores[rows, at]
        order = (rows - values.astype(np.float64)).argsort(
            kind="stable"
        )  # scores lie in (0, 1], keys are in order
        rows, at = rows[order], at[order]
        keys, values = self._keys[at], values[order]
        asked, held = self._words(roots, rows, at, cut > 0 and _is_flat(roots[0]))
        bounds = np.searchsorted(rows, np.arange(len(roots) + 1)).tolist()
        return [
            Matches(
                keys[start:end], values[start:end], words, None if held is None else held[start:end]
            )
            for words, (start, end) in zip(asked, pairwise(bounds), strict=True)
        ]

    def _words(
        self, roots: Alike, rows: Places, at: Places, must_hold_all: bool
    ) -> tuple[list[tuple[str, ...]], Places | None]:
        """Return the words of each query, and which of them each paper has, as bits; None = all."""
        telling = [
            [leaf for leaf in leaves(root) if not isinstance(leaf, Category)][:60] for root in roots
        ]  # 60 bits
        if must_hold_all:
            return [tuple(leaf.text for leaf in mine) for mine in telling], None
        held = np.zeros(len(rows), np.int64)
        for number in range(len(telling[0])):
            held |= (self._leaf([mine[number] for mine in telling])[rows, at] > 0).astype(
                np.int64
            ) << number
        return [tuple(leaf.text for leaf in mine) for mine in telling], held

    # -- what queries mean: all of one shape, a row each -------------------------------------------

    def _score(self, roots: Alike, *, is_strict: bool = False) -> Scores:
        """Score every paper; 0 = does not match. `is_strict`: as a topic matches, see `_all`."""
        plain = self._plain(roots, is_strict)
        lift = RARE * (1 - np.exp(-rarity(plain) / 4))[:, None]
        return np.where(plain > 0, plain + (1 - plain) * lift, 0).astype(np.float32)

    def _plain(self, nodes: Alike, is_strict: bool = False) -> Scores:
        if isinstance(nodes[0], All):
            return self._all(nodes, is_strict)
        if isinstance(nodes[0], AnyOf):
            best: Scores = np.maximum.reduce(
                [self._plain(part, is_strict) for part in _columns(nodes)]
            )
            return best
        return self._leaf(nodes)

    def _all(self, nodes: Alike, is_strict: bool) -> Scores:
        """Score papers that have every part.

        A topic is strict about places and tolerant about the number: the two rarest of its words
        and phrases must be near each other or one of them in the title, and of three words and more
        some of the common ones may be missing.
        """
        parts = [part for part in _columns(nodes) if not is_common(part[0])]
        scores = [self._plain(part, is_strict) for part in parts]
        is_needed = [True] * len(parts)
        bare = [at for at, part in enumerate(parts) if _is_bare(part[0])]
        if is_strict and len(bare) > 2:
            for at in bare:
                is_needed[at] = False
        needed = [score > 0 for at, score in enumerate(scores) if is_needed[at]]
        if not all(is_needed):
            count = np.sum([scores[at] > 0 for at in bare], axis=0)
            needed.append(count >= ceil(ENOUGH * len(bare)))
        holds: NDArray[np.bool_] = np.logical_and.reduce(needed)
        if is_strict:
            holds = self._near_enough(holds, parts, scores)
        for unwanted in _columns(nodes, "without"):
            holds &= self._plain(unwanted) == 0
        telling = [
            (part, score)
            for part, score in zip(parts, scores, strict=True)
            if not is_filter(part[0])
        ]
        if not telling:
            return np.where(holds, np.minimum.reduce(scores), 0)
        mean = self._mean([score for _, score in telling])
        return np.where(holds, self._lift_neighbours(mean, [part for part, _ in telling]), 0)

    def _near_enough(
        self, holds: NDArray[np.bool_], parts: Sequence[Alike], scores: Sequence[Scores]
    ) -> NDArray[np.bool_]:
        """Keep the papers in which the two rarest words or phrases are within `SPAN` words, or one
        of them is in the title.
        """
        texts = [at for at, part in enumerate(parts) if _has_places(part[0])]
        if len(texts) < 2:
            return holds
        rarities = np.array([rarity(scores[at]) for at in texts])
        rarest = np.argsort(-rarities, axis=0, kind="stable")[:2]
        kept = holds.copy()
        for row in np.flatnonzero(holds.any(axis=-1)):
            one, other = (texts[at] for at in rarest[:, row])
            here: Places = self._places(parts[one][int(row)])
            there: Places = self._places(parts[other][int(row)])
            is_near = self._postings.near(here, there, SPAN)
            is_near |= self._postings.titled(here) | self._postings.titled(there)
            kept[row] &= is_near & (scores[one][row] > 0) & (scores[other][row] > 0)
        return kept

    def _places(self, node: Node) -> Places:
        """Return where a word or phrase, or one of several, ends; in order."""
        if isinstance(node, AnyOf):
            return np.unique(np.concatenate([self._places(part) for part in node.parts]))
        if isinstance(node, Word):
            return self._postings.word(node.text)
        if isinstance(node, Phrase):
            return self._postings.phrase(tokens(node.text))
        raise TypeError(f"{node} has no place in a text")

    def _mean(self, scores: Sequence[Scores]) -> Scores:
        weights = [rarity(score) for score in scores]
        total = sum(weights[1:], weights[0])
        mean = np.zeros_like(scores[0])
        for score, weight in zip(scores, weights, strict=True):
            mean += score * (weight / total).astype(np.float32)[:, None]
        return mean

    def _lift_neighbours(self, score: Scores, parts: Sequence[Alike]) -> Scores:
        """Raise the score of papers in which words are side by side as in the query."""
        pairs = [
            self._leaf([Phrase(f"{a.text} {b.text}") for a, b in zip(one, two, strict=True)])
            for one, two in pairwise(parts)
            if _is_bare(one[0]) and _is_bare(two[0])
        ]
        return score + (1 - score) * TOGETHER * self._mean(pairs) if pairs else score

    def _loose(self, nodes: Alike) -> Scores:
        """Score papers that may have only some of the distinctive words."""
        parts = _columns(nodes)
        telling = [part for part in parts if not is_common(part[0]) and not is_filter(part[0])]
        score: Scores = np.zeros((len(nodes), len(self._papers)), np.float32)
        if telling:
            score = self._lift_neighbours(
                self._mean([self._plain(part) for part in telling]), telling
            )
        for part in parts:
            if is_filter(part[0]):
                score = np.where(self._plain(part) > 0, score, 0)
        for part in _columns(nodes, "without"):
            score = np.where(self._plain(part) > 0, 0, score)
        return score

    # -- leaves ------------------------------------------------------------------------------------

    def _leaf(self, leaves: Alike) -> Scores:
        return np.concatenate([self._known(leaf) for leaf in leaves]).reshape(len(leaves), -1)

    def _known(self, leaf: Leaf) -> Vector:
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


def _shape(node: Node) -> Shape:
    """Return what two queries must share to be scored together: everything except the words."""
    if isinstance(node, All):
        return "all", tuple(map(_shape, node.parts)), tuple(map(_shape, node.without))
    if isinstance(node, AnyOf):
        return "any", tuple(map(_shape, node.parts))
    if isinstance(node, Category):
        return "category"
    return type(node).__name__, node.field, is_common(node)


def _columns(nodes: Alike, name: str = "parts") -> list[Alike]:
    """Return the parts of nodes of one shape: all first ones, all second ones, …"""
    return list(zip(*(getattr(node, name) for node in nodes), strict=True))


def _is_flat(node: Node) -> bool:
    """Return whether a match has every word of a query: no alternatives, and so few words that none
    may be missing.
    """
    parts = node.parts if isinstance(node, All) else (node,)
    return not any(isinstance(part, AnyOf) for part in parts) and sum(map(_is_bare, parts)) < 3


def _has_places(node: Node) -> bool:
    """Return whether a node is only words or phrases of title and abstract."""
    if isinstance(node, AnyOf):
        return all(map(_has_places, node.parts))
    return isinstance(node, Word | Phrase) and not node.field and not is_common(node)


def _is_bare(node: Node) -> bool:
    return isinstance(node, Word) and not node.field


def is_common(node: Node) -> bool:
    return isinstance(node, Word) and node.field != "au" and is_stopword(node.text)


def is_filter(node: Node) -> bool:
    """Return whether a node only excludes papers, beside words that give the score."""
    if isinstance(node, AnyOf | All):
        return all(is_filter(part) for part in node.parts)
    return isinstance(node, Category) or node.field == "au"


def leaves(node: Node) -> list[Leaf]:
    """Return everything that may be found, without exclusions."""
    if isinstance(node, All | AnyOf):
        return [leaf for part in node.parts if not is_common(part) for leaf in leaves(part)]
    return [node]


def _standing(fields: Sequence[str], pattern: str) -> float:
    """Return the score of a category for a paper. "math" and "math.*" are the whole archive."""
    wanted = pattern.lower().rstrip("*").rstrip(".")
    is_open = pattern.endswith("*") and not pattern.endswith(".*")
    for number, field in enumerate(fields):
        name = field.lower()
        if name == wanted or name.startswith(wanted if is_open else f"{wanted}."):
            return PRIMARY if number == 0 else CROSS_LISTED
    return 0.0


def _wrote(authors: Sequence[str], asked: Sequence[str]) -> bool:
    """Return whether one of the authors has all words of the query; a single letter matches a name
    that begins with it.
    """
    return any(
        all(
            any(name == word or (len(word) == 1 and name.startswith(word)) for name in names)
            for word in asked
        )
        for names in map(fold, authors)
    )
