"""Papers, their lookup keys and sightings. `steps.dedupe` decides which papers are the same."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.sql import Select

from newsletter.errors import NotFound
from newsletter.models import Merge, Paper, RecordKind, Sighting
from newsletter.store import acronyms, merged, paper_search, seeds, spellings, tastes
from newsletter.store.db import chunks, insert_into, reading, writing
from newsletter.store.tables import merged_papers, paper_keys, papers, sightings
from newsletter.store.unknown_values import stored

#: Papers indexed for search in one transaction.
INDEX_BATCH = 1000
#: Papers that the operator has not merged into another one.
_IS_OWN = papers.c.key.not_in(select(merged_papers.c.paper))


def having(connection: Connection, names: Iterable[str]) -> list[Paper]:
    """Find every paper that can be recognised by one of these lookup keys."""
    found: set[int] = set()
    for part in chunks(sorted(set(names))):
        found.update(
            connection.scalars(select(paper_keys.c.paper).where(paper_keys.c.name.in_(part)))
        )
    return list(by_keys(connection, found).values())


def by_keys(connection: Connection, keys: Iterable[int]) -> dict[int, Paper]:
    found: dict[int, Paper] = {}
    for part in chunks(sorted(set(keys))):
        rows = connection.execute(select(papers).where(papers.c.key.in_(part))).all()
        found.update((row.key, paper_of(row)) for row in rows)
    return found


def get(connection: Connection, id: str) -> Paper:
    """Find one paper by its public id or another identifier ("arXiv:2512.22525v2").

    The id of a merged paper finds the one it is shown as.

    Raises: NotFound.
    """
    paper = get_itself(connection, id)
    root = merged.shown_as(connection).get(paper.key)
    return paper if root is None else by_keys(connection, [root])[root]


def get_itself(connection: Connection, id: str) -> Paper:
    """As `get`, but a merged paper is returned itself."""
    row = connection.execute(select(papers).where(papers.c.id == id)).one_or_none()
    if row is None:
        name = id.lower().removeprefix("arxiv:").removeprefix("doi:")
        arxiv = (
            name.rpartition("v")[0] if name.rpartition("v")[2].isdigit() and "v" in name else name
        )
        names = (f"arxiv:{arxiv}", f"doi:{name}", id)
        row = connection.execute(
            select(papers)
            .join(paper_keys, paper_keys.c.paper == papers.c.key)
            .where(paper_keys.c.name.in_(names))
            .limit(1)
        ).first()
    if row is None:
        raise NotFound(f"no paper {id!r}", hint="look for it: newsletter papers search WORDS")
    return paper_of(row)


def recent(connection: Connection, since: datetime, until: datetime) -> list[Paper]:
    """List papers first seen in [since, until], neither hidden nor withdrawn, newest first."""
    shown = select(papers).where(
        papers.c.first_seen >= since,
        papers.c.first_seen <= until,
        papers.c.is_hidden == 0,
        papers.c.is_withdrawn == 0,
    )
    shown = shown.where(_IS_OWN)
    return [
        paper_of(row)
        for row in connection.execute(
            shown.order_by(papers.c.first_seen.desc(), papers.c.key.desc())
        )
    ]


def iterate(connection: Connection, limit: int | None = None) -> Iterator[Paper]:
    """Stream all papers that are not hidden, newest first."""
    query: Select[Any] = (
        select(papers)
        .where(papers.c.is_hidden == 0, _IS_OWN)
        .order_by(papers.c.first_seen.desc(), papers.c.key.desc())
        .limit(limit)
    )
    for row in connection.execute(query.execution_options(yield_per=2000)):
        yield paper_of(row)


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(papers).where(_IS_OWN)) or 0


def version(connection: Connection) -> tuple[int, ...]:
    """Return numbers that change when a paper is added, changed, hidden, merged or split."""
    row = connection.execute(
        select(func.count(), func.max(papers.c.key), func.sum(papers.c.is_hidden))
    ).one()
    changed = connection.scalar(select(func.sum(papers.c.version))) or 0
    merges = connection.scalar(select(func.count()).select_from(merged_papers)) or 0
    return (row[0], row[1] or 0, row[2] or 0, changed, merges)


def remember(connection: Connection, merges: Sequence[Merge], now: datetime) -> list[Paper]:
    """Write what dedupe decided; return the papers in the order of `merges`, with their keys.

    A sighting that is seen again only moves its `last_at`.
    """
    new = [record_of(merge.paper) for merge in merges if not merge.paper.key]
    if new:
        connection.execute(insert(papers), new)
    keys = _keys(connection, [record["id"] for record in new])
    changed = [
        record_of(m.paper) | {"of": m.paper.key} for m in merges if m.paper.key and m.is_changed
    ]
    if changed:
        connection.execute(update(papers).where(papers.c.key == bindparam("of")), changed)
    written = [m.paper if m.paper.key else replace(m.paper, key=keys[m.paper.id]) for m in merges]
    names: list[dict[str, Any]] = [
        {"name": name, "paper": paper.key}
        for merge, paper in zip(merges, written, strict=True)
        if merge.is_changed or not merge.paper.key
        for name in merge.keys
    ]
    if names and (shown := merged.shown_as(connection)):
        # Names of a merged paper stay its own: what carries them goes with it when they are split.
        theirs = names_of(connection, list(shown))
        names = [one for one in names if one["paper"] in shown or one["name"] not in theirs]
    if names:
        connection.execute(insert_into(connection, paper_keys).on_conflict_do_nothing(), names)
        found = {one["name"]: one["paper"] for one in names}
        seeds.match_new(connection, found)
        tastes.match_new(connection, found)
    _remember_sightings(connection, merges, written, now)
    _index(
        connection,
        [
            paper
            for paper, m in zip(written, merges, strict=True)
            if m.is_changed or not m.paper.key
        ],
    )
    return written


def _index(connection: Connection, changed: Sequence[Paper]) -> None:
    """Keep what searches and topics need to know of new and changed papers."""
    paper_search.remember(connection, changed)
    spellings.remember(connection, changed)
    acronyms.remember(connection, changed)


def index_older(engine: Engine, most: int | None = None) -> int:
    """Index papers for search that an earlier version stored; return how many are still to do.

    Each batch is one transaction, so it may be interrupted. `most` bounds the work of one call.
    """
    done = 0
    while True:
        with reading(engine) as connection:
            newest = connection.scalar(select(func.max(papers.c.key))) or 0
            state = paper_search.progress(connection, newest)
            rows = select(papers).where(papers.c.key > state.upto, papers.c.key <= state.last)
            rows = rows.order_by(papers.c.key).limit(INDEX_BATCH)
            batch = [paper_of(row) for row in connection.execute(rows)]
        with writing(engine) as connection:
            _index(connection, batch)
            upto = batch[-1].key if batch else state.last
            paper_search.note_progress(connection, state._replace(upto=upto))
        done += len(batch)
        if len(batch) < INDEX_BATCH or (most is not None and done >= most):
            return max(0, state.last - upto)


def shown(connection: Connection, keys: Sequence[int]) -> list[Paper]:
    """Load papers that are neither hidden nor merged into another one, in the order of `keys`."""
    found: dict[int, Paper] = {}
    for part in chunks(list(keys)):
        rows = select(papers).where(papers.c.key.in_(part), papers.c.is_hidden == 0, _IS_OWN)
        found.update((row.key, paper_of(row)) for row in connection.execute(rows))
    return [found[key] for key in keys if key in found]


def _keys(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """Return public id -> key. A query of its own: SQLite returns keys of single rows only."""
    keys: dict[str, int] = {}
    for part in chunks(ids):
        keys.update(
            (row.id, row.key)
            for row in connection.execute(
                select(papers.c.id, papers.c.key).where(papers.c.id.in_(part))
            )
        )
    return keys


def _remember_sightings(
    connection: Connection, merges: Sequence[Merge], written: Sequence[Paper], now: datetime
) -> None:
    rows = {}  # a source may show an entry twice in one answer: the last counts
    for merge, paper in zip(merges, written, strict=True):
        for number, sighting in enumerate(merge.sightings):
            why = merge.why[number] if number < len(merge.why) else ""
            rows[sighting.source, sighting.source_id] = {
                "paper": paper.key,
                "source": sighting.source,
                "source_id": sighting.source_id,
                "why": why,
                "first_at": now,
                "last_at": now,
                "version": sighting.version,
                "record": _sighting_record(sighting),
            }
    if not rows:
        return
    seen = insert_into(connection, sightings)
    again = {name: seen.excluded[name] for name in ("last_at", "version", "record")}
    connection.execute(
        seen.on_conflict_do_update(index_elements=["source", "source_id"], set_=again),
        list(rows.values()),
    )


def sightings_of(connection: Connection, key: int) -> list[dict[str, Any]]:
    """List the sightings of a paper, and of those merged into it, oldest first.

    Each is {source, source_id, why, first_at, last_at, version, record}.
    """
    ours = sightings.c.paper.in_([key, *merged.members(connection, key)])
    rows = connection.execute(
        select(sightings).where(ours).order_by(sightings.c.first_at, sightings.c.id)
    )
    return [{k: v for k, v in row._mapping.items() if k not in ("id", "paper")} for row in rows]


def known_sightings(
    connection: Connection, shown: Iterable[Sighting]
) -> dict[tuple[str, str], tuple[int, str]]:
    """Return (source, source_id) -> (key of its paper, why), for known sightings."""
    ids: dict[str, list[str]] = {}
    for sighting in shown:
        ids.setdefault(sighting.source, []).append(sighting.source_id)
    known: dict[tuple[str, str], tuple[int, str]] = {}
    for source, names in ids.items():
        for part in chunks(names):
            same = select(sightings.c.source_id, sightings.c.paper, sightings.c.why).where(
                sightings.c.source == source, sightings.c.source_id.in_(part)
            )
            known.update(
                ((source, row.source_id), (row.paper, row.why)) for row in connection.execute(same)
            )
    return known


def note_summaries(connection: Connection, written: Mapping[int, str]) -> None:
    """Store machine-written summaries by paper key, unless a source has brought one meanwhile."""
    if written:
        lacking = (
            update(papers)
            .where(papers.c.key == bindparam("of"), papers.c.summary == "")
            .values(summary=bindparam("text"))
        )
        connection.execute(lacking, [{"of": key, "text": text} for key, text in written.items()])


def note_refused_summaries(connection: Connection, questions: Mapping[int, str]) -> None:
    """Store with papers that a model's answer about them was refused: Paper.key -> digest of the
    question.
    """
    if questions:
        noting = update(papers).where(papers.c.key == bindparam("of"))
        rows = [{"of": key, "digest": digest} for key, digest in questions.items()]
        connection.execute(noting.values(summary_refused=bindparam("digest")), rows)


def hide(connection: Connection, id: str, *, is_hidden: bool = True) -> Paper:
    """Hide a paper from all digests and pages from now on, or show it again."""
    paper = get(connection, id)
    connection.execute(
        update(papers).where(papers.c.key == paper.key).values(is_hidden=int(is_hidden))
    )
    return paper


def mark_withdrawn(connection: Connection, key: int) -> None:
    """Mark a paper as withdrawn by its journal; it is not picked for letters."""
    connection.execute(update(papers).where(papers.c.key == key).values(is_withdrawn=1))


def forget_names(connection: Connection, key: int, names: Iterable[str]) -> None:
    """Delete some lookup keys of a paper."""
    for part in chunks(sorted(names)):
        mine = (paper_keys.c.paper == key) & paper_keys.c.name.in_(part)
        connection.execute(delete(paper_keys).where(mine))


def names_of(connection: Connection, keys: Sequence[int]) -> set[str]:
    """Return the lookup keys of papers."""
    return set(connection.scalars(select(paper_keys.c.name).where(paper_keys.c.paper.in_(keys))))


def forget_keys(connection: Connection, key: int) -> None:
    """Delete the lookup keys of a paper; the caller writes new ones."""
    connection.execute(delete(paper_keys).where(paper_keys.c.paper == key))


_COLUMNS = tuple(column.name for column in papers.columns)
_TUPLES = ("authors", "fields", "identifiers", "affiliations")
_FLAGS = ("is_withdrawn", "is_hidden")


def paper_of(row: Row[Any]) -> Paper:
    values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    for name in _TUPLES:
        values[name] = tuple(values[name])
    for name in _FLAGS:
        values[name] = bool(values[name])
    return Paper(**values)


def record_of(paper: Paper) -> dict[str, Any]:
    record = {name: getattr(paper, name) for name in _COLUMNS if name != "key"}
    for name in _TUPLES:
        record[name] = list(record[name])
    for name in _FLAGS:
        record[name] = int(record[name])
    record["links"] = dict(paper.links)
    return record


def _sighting_record(sighting: Sighting) -> dict[str, Any]:
    """Return the fields that differ from an empty sighting, as JSON."""
    record: dict[str, Any] = {}
    for name in Sighting.__slots__:
        value = getattr(sighting, name)
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, tuple):
            value = list(value)
        elif name == "links":
            value = dict(value)
        if name == "kind" and value is RecordKind.PAPER:
            continue
        if value not in ("", [], {}, None, False):
            record[name] = value
    return record


def sighting_of(row: Any) -> Sighting:
    """Build a sighting, as last seen, from a row or mapping of the table."""
    record = {name: value for name, value in row["record"].items() if name in Sighting.__slots__}
    for name in ("authors", "fields", "identifiers", "affiliations"):
        record[name] = tuple(record.get(name, ()))
    if record.get("published"):
        record["published"] = datetime.fromisoformat(record["published"])
    record["kind"] = stored(RecordKind, record.get("kind", RecordKind.PAPER))
    return Sighting(**record)
