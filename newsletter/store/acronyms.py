"""What the papers of the site mean by acronyms. Each paper's own are kept with it, so they change
when it does.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from newsletter.matching.acronyms import SEEN, Acronyms, introduced, terms_of
from newsletter.matching.query_tree import Query
from newsletter.matching.tokenizer import tokens
from newsletter.models import Paper
from newsletter.store import paper_search
from newsletter.store.db import chunks
from newsletter.store.tables import acronyms

#: A word that so few of its papers introduce as an acronym is an ordinary word: "map", "clip".
INTRODUCED_SHARE = 1 / 20
#: The most words of a long form in a query, and the most characters of one that is kept.
LONGEST_RUN, LONGEST = 8, 256

_OFTEN = func.count() >= SEEN


def remember(connection: Connection, papers: Sequence[Paper]) -> None:
    """Keep the acronyms that papers introduce, instead of those they introduced before."""
    for some in chunks([paper.key for paper in papers]):
        connection.execute(delete(acronyms).where(acronyms.c.paper.in_(some)))
    rows = [
        {"paper": paper.key, "short": short, "long": one.long, "terms": one.terms}
        for paper in papers
        for short, one in {one.short: one for one in introduced(paper.abstract)}.items()
        if len(one.long) <= LONGEST
    ]
    if rows:
        connection.execute(insert(acronyms), rows)


def every(connection: Connection) -> Acronyms:
    """Find what is meant by every acronym that papers have introduced often enough."""
    return _known(connection, acronyms.c.short.is_not(None))


def of_query(connection: Connection, query: Query) -> Acronyms:
    """Find what is known of the words of one query."""
    words = tokens(str(query))
    runs = {
        terms_of(" ".join(words[at:until]))
        for at, until in combinations(range(len(words) + 1), 2)
        if 1 < until - at <= LONGEST_RUN
    }
    asked = {*words, *map(terms_of, words)}
    for some in chunks(sorted(runs)):
        found = select(acronyms.c.short).where(acronyms.c.terms.in_(some))
        asked |= set(
            connection.scalars(found.group_by(acronyms.c.short, acronyms.c.terms).having(_OFTEN))
        )
    known: dict[str, Mapping[str, int]] = {}
    for some in chunks(sorted(asked)):
        known |= _known(connection, acronyms.c.short.in_(some)).known
    return Acronyms(known)


def _known(connection: Connection, which: ColumnElement[bool]) -> Acronyms:
    query = select(
        acronyms.c.short, func.min(acronyms.c.long).label("long"), func.count().label("papers")
    )
    rows = connection.execute(
        query.where(which).group_by(acronyms.c.short, acronyms.c.terms).having(_OFTEN)
    )
    known: dict[str, dict[str, int]] = {}
    for row in rows:
        known.setdefault(row.short, {})[row.long] = row.papers
    return Acronyms({s: longs for s, longs in known.items() if _is_acronym(connection, s, longs)})


def _is_acronym(connection: Connection, short: str, longs: Mapping[str, int]) -> bool:
    """Tell an acronym from an ordinary word, by how many of the papers with it introduce it."""
    most = round(sum(longs.values()) / INTRODUCED_SHARE)
    return paper_search.has_at_most(connection, short, most)
