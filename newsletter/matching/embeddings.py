"""Optional: order the papers that the index found by closeness of meaning to the query.

The index still decides which papers a topic finds, and its scores stay; only their order over the
papers changes. So the cut holds, and scores stay comparable between topics.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newsletter.errors import ConfigError
from newsletter.matching.acronyms import NO_ACRONYMS, Acronyms
from newsletter.matching.index import Index, leaves
from newsletter.matching.query import parse
from newsletter.matching.query_tree import Category, Query
from newsletter.models import Match, Paper
from newsletter.ports import Matcher

Vectors = NDArray[np.float32]  #: one row per text
Embed = Callable[[Sequence[str]], Any]  #: texts -> one row of numbers each

#: Weight of closeness beside the index's own score.
SHARE = 0.5
#: Files of a folder that model2vec wrote. If one is missing, model2vec would look for the name on
#: the internet.
FILES = ("config.json", "model.safetensors", "tokenizer.json")


class Meaning:
    """A Matcher: `Index`, and then the order by closeness of meaning."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    def match(
        self, queries: Mapping[int, str], papers: Sequence[Paper]
    ) -> dict[int, Sequence[Match]]:
        """Find every query's papers as `Index` does, the closest in meaning first.

        Raises: QueryError for a query that `parse` would refuse.
        """
        found: dict[int, Sequence[Match]] = {**Index().match(queries, papers)}
        texts = {
            number: words_of(parse(query))
            for number, query in queries.items()
            if len(found[number]) > 1
        }
        asked = {number: text for number, text in texts.items() if text}
        wanted = {match.paper for number in asked for match in found[number]}
        if not wanted:
            return found
        shown = [paper for paper in papers if paper.key in wanted]
        rows = {paper.key: row for row, paper in enumerate(shown)}
        of_papers = self._directions([f"{paper.title}. {paper.abstract}" for paper in shown])
        distinct = {text: row for row, text in enumerate(dict.fromkeys(asked.values()))}
        of_queries = self._directions(list(distinct))
        for number, text in asked.items():
            matches = found[number]
            closeness = (
                of_papers[[rows[match.paper] for match in matches]] @ of_queries[distinct[text]]
            )
            found[number] = reorder(matches, closeness)
        return found

    def _directions(self, texts: list[str]) -> Vectors:
        """Return texts as vectors of length 1; a text without any known word is 0."""
        vectors: Vectors = np.nan_to_num(np.asarray(self._embed(texts), np.float32))
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return vectors


def words_of(query: Query) -> str:
    """Return the words that a query asks for, without authors, categories and exclusions."""
    asked = [
        leaf for leaf in leaves(query.root) if not isinstance(leaf, Category) and leaf.field != "au"
    ]
    return " ".join(leaf.text for leaf in asked)


def reorder(matches: Sequence[Match], closeness: Vectors) -> list[Match]:
    """Give the scores, best first, to the papers in their new order."""
    scores = np.array([match.score for match in matches], np.float32)
    keys = np.array([match.paper for match in matches])
    order = np.lexsort((keys, -((1 - SHARE) * scores + SHARE * closeness)))
    best_first = (matches[place] for place in order.tolist())
    return [
        Match(match.paper, one.score, match.words)
        for match, one in zip(best_first, matches, strict=True)
    ]


def open_matcher(folder: Path | None, acronyms: Acronyms = NO_ACRONYMS) -> Matcher:
    """Return the matcher of a site: with the model in `folder`, or the index alone. `acronyms`:
    what they mean in the site's papers.

    Raises: ConfigError as `load` does.
    """
    return load(folder) if folder else Index(acronyms=acronyms)


def load(folder: Path) -> Meaning:
    """Open a folder with a model2vec model. Nothing is downloaded.

    Raises: ConfigError when the package or the model is missing.
    """
    try:
        package = import_module("model2vec")
    except ImportError as e:
        raise ConfigError(
            ["matching.model_folder: needs the package model2vec, which is not installed"],
            hint="pip install 'newsletter[meaning]', or take the key out",
        ) from e
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise ConfigError(
            [f"matching.model_folder: {folder} has no {', '.join(missing)}"],
            hint="put a model there that model2vec has saved (save_pretrained), or take the key "
            "out",
        )
    try:
        model = package.StaticModel.from_pretrained(folder)
    except Exception as e:  # a damaged file may raise anything
        raise ConfigError([f"matching.model_folder: {folder} cannot be read: {e}"]) from e
    return Meaning(lambda texts: model.encode(texts, use_multiprocessing=False))
