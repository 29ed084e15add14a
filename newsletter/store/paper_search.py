"""The search index of all stored papers, in the database.

A paper is indexed when it is written, so a search reads the index and never papers that do not
match. SQLite: an FTS5 table. PostgreSQL: a tsvector with a GIN index. Both have the terms of
`matching.tokenizer`, so queries and papers are read in the same way. The index finds candidates;
`matching.index` decides which of them match, and their order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import log
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, text

from newsletter.matching.index import is_common, is_filter
from newsletter.matching.query_tree import All, AnyOf, Node, Query, Word
from newsletter.matching.tokenizer import STOPWORDS, fold, is_cjk, stems, tokens
from newsletter.models import Paper
from newsletter.store import runs, spellings
from newsletter.store.search_queries import plain, writer

#: Increased when the tokenizer makes other terms; then every paper is indexed again.
TERMS_VERSION = 3
#: A query with at most this many hits is ranked completely; of a broader one only the newest hits
#: are ranked, so that its cost does not grow with the site.
RANKED_WHOLE = 5_000
#: Candidates for the final order, if not more are asked for.
CANDIDATES = 60
#: Terms that a paper is compared by when similar ones are looked for.
TELLING = 8
#: Words of a sentence that are looked for when no paper holds all of it.
LOOSE_WORDS = 6
#: Newest papers from which the share of papers that hold a term is estimated, and the share of a
#: term that none of them holds.
SAMPLE, UNSEEN_SHARE = 400, 1 / 800

#: A fact of the site: {"version", "upto", "last"}, see `Progress`.
_FACT = "paper_search"


# -- writing ---------------------------------------------------------------------------------------


def remember(connection: Connection, indexed: Sequence[Paper]) -> None:
    """Index papers, or index them again when they changed. Part of the caller's transaction."""
    rows = [{"paper": paper.key, **_terms_of(paper)} for paper in indexed]
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(text("DELETE FROM paper_search WHERE rowid = :paper"), rows)
        connection.execute(_INSERT_SQLITE, rows)
    else:
        connection.execute(_INSERT_POSTGRESQL, rows)


class Progress(NamedTuple):
    """How far papers of an earlier version, or of an earlier index, are indexed again."""

    upto: int  #: every paper up to this key is done
    last: int  #: the last paper that has to be

    @property
    def is_done(self) -> bool:
        return self.upto >= self.last


def progress(connection: Connection, newest: int) -> Progress:
    """Return how far the index is behind; `newest` is the key of the newest paper."""
    state = runs.fact(connection, _FACT) or {}
    if state.get("version") != TERMS_VERSION:
        return Progress(0, newest)
    return Progress(int(state["upto"]), int(state["last"]))


def note_progress(connection: Connection, done: Progress) -> None:
    runs.note_fact(connection, _FACT, {"version": TERMS_VERSION, **done._asdict()})


def _terms_of(paper: Paper) -> dict[str, str]:
    fields = [
        ".".join(parts[:number])
        for parts in (field.lower().split(".") for field in paper.fields)
        for number in range(1, len(parts) + 1)
    ]
    return {
        "title": _written(paper.title),
        "body": _written(paper.abstract),
        "people": " ".join(plain(name) for author in paper.authors for name in fold(author)),
        "fields": " ".join(map(plain, fields)),
    }


def _written(words: str) -> str:
    """Return a text as terms. Words without meaning for a search are left out, unless other words
    have the same stem: "used" and "use".
    """
    return " ".join(filter(None, map(_terms, tokens(words))))


@lru_cache(maxsize=200_000)
def _terms(token: str) -> str:
    """Write one token; of two neighbouring characters of Chinese each one too."""
    terms = stems(token)
    if token in STOPWORDS and STOPWORDS.issuperset(terms):
        return ""
    single = [one for term in terms if len(term) == 2 and is_cjk(term) for one in term]
    return " ".join(map(plain, (*terms, *single)))


_INSERT_SQLITE = text(
    "INSERT INTO paper_search (rowid, title, body, people, fields)"
    " VALUES (:paper, :title, :body, :people, :fields)"
)
#: The weight that marks each term says in which part it stands.
_INSERT_POSTGRESQL = text(
    "INSERT INTO paper_search (paper, terms) VALUES (:paper,"
    " setweight(to_tsvector('simple', :title), 'A')"
    " || setweight(to_tsvector('simple', :people), 'B')"
    " || setweight(to_tsvector('simple', :fields), 'C')"
    " || setweight(to_tsvector('simple', :body), 'D'))"
    " ON CONFLICT (paper) DO UPDATE SET terms = excluded.terms"
)


# -- finding ---------------------------------------------------------------------------------------


def find(connection: Connection, query: Query, least: int = 0) -> list[int]:
    """Find the keys of papers that may hold all of a query; at least `least`, if so many do.

    Every paper that matches is among the hits; some hits may not match (words of a phrase that
    stand apart). The order is the database's and only decides what is left out.
    """
    write = writer(connection, spellings.known(connection, query))
    return _ask(connection, write.node(query.root), least)


def find_loosely(connection: Connection, query: Query) -> list[int]:
    """Find the keys of papers that hold some words of a query: for a sentence no paper holds whole.

    Authors, categories and exclusions still hold.
    """
    if not isinstance(query.root, All):
        return []
    words = [part for part in query.root.parts if not is_filter(part) and not is_common(part)]
    filters = [part for part in query.root.parts if is_filter(part)]
    words = _rarest(connection, words)
    if not words:
        return []
    some = AnyOf(tuple(words)) if len(words) > 1 else words[0]
    root = All((some, *filters), query.root.without)
    write = writer(connection, spellings.known(connection, query))
    return _ask(connection, write.node(root))


def has_at_most(connection: Connection, word: str, most: int) -> bool:
    """Return whether at most this many papers have a word."""
    asked = writer(connection).node(Word(word))
    values = {"asked": asked, "most": most + 1}
    return not asked or (connection.scalar(_statements(connection).number, values) or 0) <= most


def find_alike(connection: Connection, paper: Paper, shares: Mapping[str, float]) -> list[int]:
    """Find the keys of papers that share the words which tell this one from others, best first."""
    title = _written(paper.title)
    often = Counter(f"{title} {title} {_written(paper.abstract)}".split())
    weights = {
        term: number / (number + 1.2) * -log(shares.get(term, UNSEEN_SHARE))
        for term, number in often.items()
    }
    best = sorted(weights, key=lambda term: (-weights[term], term))[:TELLING]
    if not best:
        return []
    write = writer(connection)
    asked = write.any_of([write.term("", term) for term in best])
    return [key for key in _ask(connection, asked) if key != paper.key]


def _rarest(connection: Connection, nodes: Sequence[Node]) -> list[Node]:
    """Keep the nodes that fewest papers hold, so that a long sentence costs as a short one."""
    if len(nodes) <= LOOSE_WORDS:
        return list(nodes)
    shares = shares_of_terms(connection)
    often = {
        node: max((shares.get(term, 0.0) for term in _written(str(node)).split()), default=1.0)
        for node in nodes
    }
    kept = set(sorted(often, key=lambda node: often[node])[:LOOSE_WORDS])
    return [node for node in nodes if node in kept]


def shares_of_terms(connection: Connection) -> dict[str, float]:
    """Estimate the share of papers that hold each term, from the newest ones."""
    newest = connection.scalars(_statements(connection).sample, {"limit": SAMPLE}).all()
    counts = Counter(term for terms in newest for term in set(terms.split()))
    return {term: number / len(newest) for term, number in counts.items()}


def _ask(connection: Connection, asked: str, least: int = 0) -> list[int]:
    """Rank the hits when they are few enough, else take the newest, in the title and anywhere.

    A query of words that are not stored ("of the") may match every paper: it gets the newest.
    """
    statements = _statements(connection)
    values = {"asked": asked, "most": RANKED_WHOLE + 1, "limit": max(CANDIDATES, least)}
    if not asked:
        return list(connection.scalars(statements.every, {"limit": values["limit"]}))
    if (connection.scalar(statements.number, values) or 0) <= RANKED_WHOLE:
        return list(connection.scalars(statements.ranked, values))
    titled = values | {"asked": writer(connection).titled(asked)}
    found = [*connection.scalars(statements.newest, titled)]
    return list(dict.fromkeys([*found, *connection.scalars(statements.newest, values)]))


class _Statements(NamedTuple):
    number: TextClause
    ranked: TextClause
    newest: TextClause
    every: TextClause
    sample: TextClause


def _statements(connection: Connection) -> _Statements:
    return _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL


_SQLITE = _Statements(
    text(
        "SELECT count(*) FROM"
        " (SELECT 1 FROM paper_search WHERE paper_search MATCH :asked LIMIT :most)"
    ),
    text(
        "SELECT rowid FROM paper_search WHERE paper_search MATCH :asked"
        " AND rank MATCH 'bm25(3.0, 1.0, 0.5, 0.5)' ORDER BY rank LIMIT :limit"
    ),
    text(
        "SELECT rowid FROM paper_search WHERE paper_search MATCH :asked"
        " ORDER BY rowid DESC LIMIT :limit"
    ),
    text("SELECT rowid FROM paper_search ORDER BY rowid DESC LIMIT :limit"),
    text("SELECT title || ' ' || body FROM paper_search ORDER BY rowid DESC LIMIT :limit"),
)
_POSTGRESQL = _Statements(
    text(
        "SELECT count(*) FROM"
        " (SELECT 1 FROM paper_search WHERE terms @@ CAST(:asked AS tsquery) LIMIT :most) AS hits"
    ),
    text(
        "SELECT paper FROM paper_search WHERE terms @@ CAST(:asked AS tsquery)"
        " ORDER BY ts_rank('{0.3, 0.2, 0.2, 1.0}', terms, CAST(:asked AS tsquery)) DESC,"
        " paper DESC LIMIT :limit"
    ),
    text(
        "SELECT paper FROM paper_search WHERE terms @@ CAST(:asked AS tsquery)"
        " ORDER BY paper DESC LIMIT :limit"
    ),
    text("SELECT paper FROM paper_search ORDER BY paper DESC LIMIT :limit"),
    text(
        "SELECT array_to_string(tsvector_to_array(terms), ' ') FROM paper_search"
        " ORDER BY paper DESC LIMIT :limit"
    ),
)
