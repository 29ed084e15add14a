"""Which papers are shown as which. `paper_merges` changes it."""

from sqlalchemy import Connection, select

from newsletter.store.tables import merged_papers


def shown_as(connection: Connection) -> dict[int, int]:
    """Return key of a merged paper -> key of the paper it is shown as."""
    rows = connection.execute(select(merged_papers.c.paper, merged_papers.c.into))
    into = {row.paper: row.into for row in rows}
    return {paper: _root(paper, into) for paper in into}


def members(connection: Connection, key: int) -> list[int]:
    """List the papers that are shown as this one, by key."""
    return sorted(paper for paper, root in shown_as(connection).items() if root == key)


def _root(paper: int, into: dict[int, int]) -> int:
    while paper in into:
        paper = into[paper]
    return paper
