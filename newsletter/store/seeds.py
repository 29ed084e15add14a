"""Papers that readers gave as examples of what they read. One that this site does not hold keeps
its identifier and title, and is matched when a source shows it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from newsletter.models import Seed
from newsletter.store.db import chunks, insert_into
from newsletter.store.tables import paper_keys, seeds

#: A reader keeps so many; what comes later is refused.
MAX_SEEDS = 200
_GIVEN = tuple(name for name in Seed._fields if name != "id")


def add(
    connection: Connection, reader: int, given: Sequence[Seed], now: datetime
) -> tuple[list[Seed], list[Seed]]:
    """Keep examples of a reader, those that are new; return (kept, refused because there are
    `MAX_SEEDS`).

    `Seed.name` and `Seed.title_key` find the paper, if it is here.
    """
    had = {seed.name: seed for seed in of_readers(connection, [reader]).get(reader, ())}
    known = papers_of(connection, [name for seed in given for name in seed.names])
    papers = {seed.paper for seed in had.values() if seed.paper}
    rows, kept, refused = [], [], []
    for seed in given:
        paper = next((known[name] for name in seed.names if name in known), None)
        if seed.name in had or (paper and paper in papers):
            continue
        if len(had) >= MAX_SEEDS:
            refused.append(seed)
            continue
        seed = seed._replace(paper=paper, at=now)
        had[seed.name] = seed
        papers.update({paper} if paper else ())
        kept.append(seed)
        rows.append({name: getattr(seed, name) for name in _GIVEN} | {"subscriber": reader})
    if rows:  # of two forms at once, each paper is kept once
        connection.execute(insert_into(connection, seeds).on_conflict_do_nothing(), rows)
    return kept, refused


def papers_of(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """Lookup key -> the first paper that has it."""
    found: dict[str, int] = {}
    for part in chunks(sorted(set(filter(None, names)))):
        rows = select(paper_keys.c.name, func.min(paper_keys.c.paper)).where(
            paper_keys.c.name.in_(part)
        )
        found.update((name, paper) for name, paper in connection.execute(rows.group_by("name")))
    return found


def of_readers(
    connection: Connection, ids: Iterable[int], until: datetime | None = None
) -> Mapping[int, list[Seed]]:
    """Return reader -> examples in the order in which they were given, up to a moment if one is
    given. Readers without any are absent.
    """
    found: dict[int, list[Seed]] = defaultdict(list)
    for part in chunks(sorted(set(ids))):
        query = select(seeds).where(seeds.c.subscriber.in_(part)).order_by(seeds.c.id)
        if until is not None:
            query = query.where(seeds.c.at <= until)
        for row in connection.execute(query):
            values = row._mapping
            found[row.subscriber].append(Seed(**{name: values[name] for name in Seed._fields}))
    return found


def remove(connection: Connection, reader: int, ids: Iterable[int]) -> int:
    """Delete examples of a reader by their numbers; return how many there were."""
    gone = 0
    for part in chunks(sorted(set(ids))):
        mine = (seeds.c.subscriber == reader) & seeds.c.id.in_(part)
        gone += connection.execute(delete(seeds).where(mine)).rowcount
    return gone


def match_new(connection: Connection, names: Mapping[str, int]) -> None:
    """Match examples that waited for papers by the lookup keys of new and changed papers, name ->
    paper.
    """
    waiting: dict[str, int] = {}
    for part in chunks(sorted(names)):
        of = select(seeds.c.name, seeds.c.title_key).where(
            seeds.c.paper.is_(None), or_(seeds.c.name.in_(part), seeds.c.title_key.in_(part))
        )
        for row in connection.execute(of):
            for name in (row.name, row.title_key):
                if name in names:
                    waiting[name] = names[name]
    if waiting:
        found = or_(seeds.c.name == bindparam("of"), seeds.c.title_key == bindparam("of"))
        connection.execute(
            update(seeds).where(seeds.c.paper.is_(None), found).values(paper=bindparam("to")),
            [{"of": name, "to": paper} for name, paper in waiting.items()],
        )
