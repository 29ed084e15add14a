"""Questions about a site that read its database and change nothing."""

from sqlalchemy import Connection, Engine

from newsletter.matching.index import Index
from newsletter.matching.query import parse
from newsletter.models import Paper
from newsletter.store import paper_search, papers, spellings
from newsletter.store.db import reading
from newsletter.text.identifiers import identifiers


def search(engine: Engine, text: str, limit: int = 20) -> list[tuple[Paper, float]]:
    """Find stored papers, best first, each with its score.

    The database's index gives the candidates, so the cost does not grow with the site. Papers that
    hold all of the query come first; if they are fewer than `limit`, papers with some of its words
    follow. Raises: QueryError with the position.
    """
    query = parse(text)
    with reading(engine) as connection:
        splits = spellings.known(connection, query)
        found = papers.shown(connection, paper_search.find(connection, query, limit))
        matches = Index(found, splits).search(query, limit, is_loose=False)
        if len(matches) < limit:
            known = {paper.key for paper in found}
            more = [key for key in paper_search.find_loosely(connection, query) if key not in known]
            found += papers.shown(connection, more)
            matches = Index(found, splits).search(query, limit)
    by_key = {paper.key: paper for paper in found}
    return [(by_key[match.paper], match.score) for match in matches]


def find_paper(connection: Connection, text: str) -> Paper:
    """Find a stored paper by what people paste: its id, a DOI, a link.

    Raises: NotFound.
    """
    text = text.strip()
    names = identifiers([text])
    found = papers.having(connection, names) if names else []
    return papers.get(connection, found[0].id if found else text)


def similar(engine: Engine, paper: Paper, limit: int = 5) -> list[Paper]:
    """Find the stored papers most like one of them, best first."""
    with reading(engine) as connection:
        found = papers.shown(connection, paper_search.find_alike(connection, paper))
    by_key = {one.key: one for one in found}
    matches = Index([paper, *found]).similar(paper.key, limit)
    return [by_key[match.paper] for match in matches]
