"""A query as a tree, and its canonical text.

Readers share topics by `str(query)`, so two queries that mean the same should print the same: the
order of alternatives, filters and exclusions, and repetitions do not matter. The order of words
does, a little: words that stand together in a paper as they do in the query lift it.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    text: str  #: lower case; may hold hyphens and the like
    field: str = ""

    def __str__(self) -> str:
        return f"{self.field}:{self.text}" if self.field else self.text


@dataclass(frozen=True, slots=True)
class Phrase:
    text: str  #: lower case, words separated by one space
    field: str = ""

    def __str__(self) -> str:
        return f'{self.field}:"{self.text}"' if self.field else f'"{self.text}"'


@dataclass(frozen=True, slots=True)
class Category:
    pattern: str  #: "cs.CL", "q-bio.*", or an archive: "math"

    def __str__(self) -> str:
        return f"cat:{self.pattern}"


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple["Node", ...]  #: never empty; none of them an All
    without: tuple["Node", ...] = ()

    def __str__(self) -> str:
        excluded = (
            f"-({node})" if isinstance(node, All | AnyOf) else f"-{node}" for node in self.without
        )
        return " ".join(
            [
                *(f"({node})" if isinstance(node, AnyOf) else str(node) for node in self.parts),
                *excluded,
            ]
        )


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Node", ...]  #: at least two, none of them an AnyOf

    def __str__(self) -> str:
        return " OR ".join(
            f"({node})" if isinstance(node, All) else str(node) for node in self.parts
        )


Leaf = Word | Phrase | Category
Node = Leaf | All | AnyOf


@dataclass(frozen=True, slots=True)
class Query:
    root: Node

    def __str__(self) -> str:
        return str(self.root)


def all_of(parts: list[Node], without: list[Node]) -> Node:
    """Join parts that must all match: words in their order, then authors and categories sorted,
    then exclusions sorted.
    """
    if len(parts) == 1 and not without:
        return parts[0]
    flat: list[Node] = []
    for node in parts:
        if isinstance(node, All):
            flat += node.parts
            without = [*without, *node.without]
        else:
            flat.append(node)
    filters = [
        node for node in flat if isinstance(node, Category) or getattr(node, "field", "") == "au"
    ]
    words = [node for node in flat if node not in filters]
    unwanted = [
        piece for node in without for piece in (node.parts if isinstance(node, AnyOf) else (node,))
    ]
    kept = _once([*words, *sorted(filters, key=str)])
    return All(kept, _once(sorted(unwanted, key=str))) if len(kept) > 1 or unwanted else kept[0]


def any_of(alternatives: list[Node]) -> Node:
    if len(alternatives) == 1:
        return alternatives[0]
    flat = [
        piece
        for node in alternatives
        for piece in (node.parts if isinstance(node, AnyOf) else (node,))
    ]
    kept = _once(sorted(flat, key=str))
    return AnyOf(kept) if len(kept) > 1 else kept[0]


def _once(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(dict.fromkeys(nodes))
