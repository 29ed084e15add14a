"""Which words the papers of the site write with a hyphen, so that a search reads "autoregressive"
as "auto-regressive" too, and the other way round.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, select

from newsletter.matching.query_tree import All, AnyOf, Category, Node, Query
from newsletter.matching.spellings import Terms, splits_of, wholes_of
from newsletter.matching.tokenizer import tokens
from newsletter.models import Paper
from newsletter.store.db import chunks, insert_into
from newsletter.store.tables import word_splits

#: Longer words are not kept: they are formulas and sequences.
LONGEST = 100


def remember(connection: Connection, papers: Iterable[Paper]) -> None:
    """Keep the hyphens that papers write. A hyphen is kept also when its paper changes."""
    hyphenated = {
        token
        for paper in papers
        for token in (*tokens(paper.title), *tokens(paper.abstract))
        if "-" in token
    }
    pairs = {
        (whole, " ".join(apart))
        for token in hyphenated
        for whole, apart in splits_of(token)
        if len(whole) <= LONGEST
    }
    if pairs:
        rows = [{"whole": whole, "parts": parts} for whole, parts in sorted(pairs)]
        connection.execute(insert_into(connection, word_splits).on_conflict_do_nothing(), rows)


def known(connection: Connection, query: Query) -> dict[str, set[Terms]]:
    """Find what is known of the words of a query."""
    asked = {whole for words in _written(query.root) for whole in wholes_of(words)}
    found: dict[str, set[Terms]] = {}
    for part in chunks(sorted(asked)):
        rows = connection.execute(select(word_splits).where(word_splits.c.whole.in_(part)))
        for row in rows:
            found.setdefault(row.whole, set()).add(tuple(row.parts.split(" ")))
    return found


def _written(node: Node) -> Iterator[list[str]]:
    """List the words and phrases of a query, what it excludes too."""
    if isinstance(node, All | AnyOf):
        without = node.without if isinstance(node, All) else ()
        for part in (*node.parts, *without):
            yield from _written(part)
    elif not isinstance(node, Category):
        yield tokens(node.text)
