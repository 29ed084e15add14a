"""Write all readers as a list that `importing` reads back unchanged."""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TextIO

from sqlalchemy import Connection

from newsletter.app import App
from newsletter.cli.reader_lists.columns import COLUMNS
from newsletter.cli.reader_lists.values import join_list, with_mark
from newsletter.models import Seed, Subscriber, Topic
from newsletter.store import feedback, papers, seeds, subscribers, topics
from newsletter.store.db import reading

BATCH = 1000


def export_readers(app: App, path: Path, *, is_raw: bool) -> None:
    """Write all readers; `-` is stdout. With `is_raw` no cell is protected from spreadsheets."""
    is_stdout = str(path) == "-"
    out: TextIO = sys.stdout if is_stdout else path.open("w", encoding="utf-8", newline="")
    protect: Callable[[str], str] = str if is_raw else with_mark
    try:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        with reading(app.engine) as connection:
            names = {topic.id: _name_of(topic) for topic in topics.every(connection)}
            everybody = subscribers.stream_with_consent(connection)
            while batch := list(islice(everybody, BATCH)):
                for cells in _rows(connection, batch, names):
                    writer.writerow(map(protect, cells))
    finally:
        if not is_stdout:
            out.close()


def _name_of(topic: Topic) -> str:
    """Return a curated topic's slug; a reader's own query in parentheses, which no name has."""
    return topic.slug if topic.is_curated else f"({topic.query})"


def _rows(
    connection: Connection, batch: Iterable[tuple[Subscriber, str]], names: Mapping[int, str]
) -> Iterator[tuple[str, ...]]:
    batch = list(batch)
    votes = feedback.votes_of(connection, [reader.id for reader, _ in batch])
    voted = papers.by_keys(connection, {key for of in votes.values() for key in of})
    given = seeds.of_readers(connection, [reader.id for reader, _ in batch])
    for r, consent in batch:
        words = (
            f"{'more' if value > 0 else 'less'} {voted[key].id}"
            for key, value in votes.get(r.id, {}).items()
            if key in voted
        )
        yield (
            r.email,
            r.name,
            join_list(names[topic] for topic in r.topics),
            r.timezone,
            str(r.hour),
            r.rhythm,
            r.state,
            r.paused_until.isoformat() if r.paused_until else "",
            str(r.size),
            r.mix,
            r.language,
            r.format,
            join_list(r.muted),
            join_list(r.follows),
            consent,
            r.confirmed_at.isoformat() if r.confirmed_at else "",
            join_list(words),
            join_list(_example(seed) for seed in given.get(r.id, ())),
            "yes" if r.outside else "no",
        )


def _example(seed: Seed) -> str:
    """An identifier and the title, or the title alone."""
    return seed.title if seed.name == seed.title_key else f"{seed.name} {seed.title}".rstrip()
