"""Papers: import, list, show, search, hide, merge, split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.options import DryRun
from newsletter.cli.output import as_called, emit, note, open_app, progress, say, table
from newsletter.cli.reader_lists.line_report import LineReport
from newsletter.errors import InputError

if TYPE_CHECKING:
    from newsletter.models import Sighting

app = typer.Typer(
    help="Papers: import, list, show, search, hide, merge, split.", no_args_is_help=True
)

BATCH = 5000
_ARXIV = re.compile(r"(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7})(v\d+)?")


@app.command("import")
def import_(file: Annotated[Path, typer.Argument(help="JSON lines; - reads stdin.")]) -> int:
    """Import papers, one JSON object per line:
    {"id","title","abstract"|"summary","authors":[],"categories":[],"published","url"}.
    """
    import gc

    from newsletter.cli.paper_file import open_lines
    from newsletter.fetching import import_papers

    site = open_app()
    counts: Counter[str] = Counter()
    lost = LineReport()
    now = datetime.now(UTC)
    with open_lines(file) as lines, progress(None) as bar, _collecting_by_hand():
        task = bar.add_task("importing", total=None)
        sightings = _sightings(lines, now, lost)
        try:
            while batch := list(islice(sightings, BATCH)):
                counts += import_papers(site.engine, batch, now)
                bar.advance(task, len(batch))
                gc.collect(1)
        finally:
            for sentence in lost.sentences():
                note(sentence)
    counts["failed"] = lost.lines
    if lost.lines and not counts["seen"]:
        note("a file of papers has one JSON object a line, with id and title")
    names = ("seen", "new", "updated", "merged", "failed")
    if not emit({name: counts[name] for name in names}):
        say(", ".join(f"{counts[name]} {name}" for name in names))
    return 4 if counts["failed"] and counts["seen"] else 1 if counts["failed"] else 0


def _sightings(lines: IO[bytes], now: datetime, lost: LineReport) -> Iterator[Sighting]:
    """Read papers line by line; a line that is no paper is added to `lost`."""
    from newsletter.cli.paper_file import records

    for number, record in records(lines):
        try:
            if isinstance(record, InputError):
                raise record
            yield _sighting(record, now)
        except InputError as e:
            lost.add(e.message, number, number)


@contextmanager
def _collecting_by_hand() -> Iterator[None]:
    """Collect garbage between batches only: Python's automatic collection takes a quarter of the
    time of an import.
    """
    import gc

    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _sighting(record: dict[str, Any], now: datetime) -> Sighting:
    """Raises: InputError for a record that is no paper."""
    from newsletter.cli.paper_file import check, published
    from newsletter.models import Sighting
    from newsletter.text.identifiers import identifiers as identifiers_in
    from newsletter.text.markup import clean, clean_names

    check(record)
    id, title = str(record["id"]).strip(), clean(record.get("title") or "", 300)
    if not title:
        raise InputError("id and title are needed")
    at = published(record.get("published"))
    links = {}
    identifiers = tuple(identifiers_in((id, record.get("url") or "")))
    if match := _ARXIV.fullmatch(id):
        identifiers = (f"arxiv:{match[1]}", *(i for i in identifiers if not i.startswith("arxiv:")))
        links = {
            "abs": f"https://arxiv.org/abs/{match[1]}",
            "pdf": f"https://arxiv.org/pdf/{match[1]}",
        }
    if (record.get("url") or "").startswith(("https://", "http://")):
        links["abs"] = record["url"]
    return Sighting(
        "import",
        id[:500],
        title,
        clean(record.get("abstract") or record.get("summary") or ""),
        clean_names(record.get("authors") or ()),
        tuple(record.get("categories") or ()),
        identifiers,
        published=min(at, now) if at else None,
        links=links,
    )


@app.command("list")
def list_(limit: Annotated[int, typer.Option(min=1)] = 30) -> int:
    """Show the hottest papers of the last run, then the newest."""
    from newsletter.store import papers, signals
    from newsletter.store.db import reading

    with reading(open_app().engine) as connection:
        hottest = dict(signals.hottest(connection, limit))
        found = list(papers.by_keys(connection, hottest).values()) or list(
            _newest(connection, limit)
        )
    found.sort(key=lambda paper: -hottest[paper.key].value if paper.key in hottest else 0)
    rows = [(paper, hottest.get(paper.key)) for paper in found]
    data = [
        {
            "id": p.id,
            "title": p.title,
            "fields": p.fields,
            "heat": h and h.value,
            "heat_word": h and h.word,
        }
        for p, h in rows
    ]
    if not emit({"papers": data}):
        table(
            ("id", "field", "heat", "title"),
            [
                (p.id, p.fields[0] if p.fields else "", h.word if h else "", p.title)
                for p, h in rows
            ],
        )
    return 0


def _newest(connection: Any, limit: int) -> Iterator[Any]:
    from newsletter.store import papers

    return papers.iterate(connection, limit)


@app.command()
def show(id: str) -> int:
    """Show all data of a paper, and its sources."""
    from newsletter.store import paper_events, papers, signals
    from newsletter.store.db import reading

    with reading(open_app().engine) as connection:
        paper = papers.get(connection, id)
        heat = signals.heats_of(connection, [paper.key]).get(paper.key)
        seen = papers.sightings_of(connection, paper.key)
        events = paper_events.of_paper(connection, paper.key)
        readings = signals.of_papers(connection, [paper.key], datetime.max.replace(tzinfo=UTC)).get(
            paper.key, []
        )
    data = {
        "id": paper.id,
        "title": paper.title,
        "authors": list(paper.authors),
        "abstract": paper.abstract,
        "fields": list(paper.fields),
        "links": dict(paper.links),
        "identifiers": list(paper.identifiers),
        "version": paper.version,
        "published": paper.published,
        "first_seen": paper.first_seen,
        "hidden": paper.is_hidden,
        "withdrawn": paper.is_withdrawn,
        "events": [
            {"kind": e.kind.value, "at": e.at, "url": e.url, "source": e.source} for e in events
        ],
        "sightings": [{k: v for k, v in one.items() if k != "record"} for one in seen],
        "signals": [
            {"source": s.source, "kind": s.kind, "value": s.value, "at": s.at} for s in readings
        ],
        "heat": heat
        and {
            "value": heat.value,
            "word": heat.word,
            "field": heat.field,
            "facts": [{"kind": f.kind, "count": f.count, "days": f.days} for f in heat.facts],
            "components": dict(heat.components),
        },
    }
    if emit(data):
        return 0
    say(paper.title)
    say(", ".join(paper.authors[:20]))
    say(f"{' '.join(paper.fields)}   {' '.join(paper.links.values())}")
    for event in events:
        say(f"{event.kind.value} ({event.source}, {event.at:%Y-%m-%d}) {event.url}".rstrip())
    if heat:
        facts = ", ".join(
            f"{f.kind} {f.count}{f' in {f.days} d' if f.days else ' today'}" for f in heat.facts
        )
        say(f"{heat.word} in {heat.field} ({heat.value:.3f}) {facts}")
    say()
    say(paper.abstract)
    rows = [(one["source"], one["source_id"], one["why"], one["first_at"]) for one in seen]
    table(("source", "there", "why it is this paper", "first seen"), rows)
    return 0


@app.command()
def search(query: str, limit: Annotated[int, typer.Option(min=1)] = 20) -> int:
    """Find papers with the language of topics, best first."""
    from newsletter import site_queries

    found = site_queries.search(open_app().engine, query, limit)
    data = [
        {"id": paper.id, "title": paper.title, "score": round(score, 4)} for paper, score in found
    ]
    if not emit({"query": query, "papers": data}):
        table(
            ("score", "id", "title"),
            [(p["score"], p["id"], p["title"]) for p in data],
            right=("score",),
        )
    return 0


@app.command()
def hide(
    id: str,
    undo: Annotated[bool, typer.Option("--undo", help="Let it back in.")] = False,
    dry_run: DryRun = False,
) -> int:
    """Keep a paper out of every digest and page."""
    from newsletter.store import papers
    from newsletter.store.db import reading, writing

    site = open_app()
    if dry_run:
        with reading(site.engine) as connection:
            paper = papers.get(connection, id)
        if not emit({"id": paper.id, "hidden": paper.is_hidden, "dry_run": True}):
            say(f"would {'show again' if undo else 'hide'}: {paper.title}")
        return 0
    with writing(site.engine) as connection:
        paper = papers.hide(connection, id, is_hidden=not undo)
    if not emit({"id": paper.id, "hidden": not undo, "dry_run": False}):
        say(f"{paper.id}: {'shown again' if undo else 'hidden'}")
    return 0


@app.command()
def merge(id: str, other: str) -> int:
    """Show OTHER as the paper ID from now on. A reader who had either gets neither again. Undo:
    papers split ID.
    """
    from newsletter import paper_merges
    from newsletter.store import papers
    from newsletter.store.db import reading

    site = open_app()
    with reading(site.engine) as connection:
        gone = papers.get_itself(connection, other)
    paper = paper_merges.merge(site.engine, id, other, datetime.now(UTC))
    if not emit({"id": paper.id, "merged": gone.id}):
        say(f"{gone.id} is shown as {paper.id}: {paper.title}")
        note(as_called(f"to undo it: newsletter papers split {paper.id}"))
    return 0


@app.command()
def split(
    id: str,
    take: Annotated[
        list[str] | None,
        typer.Option("--take", help="What is another paper, SOURCE or SOURCE:ID; may be repeated."),
    ] = None,
) -> int:
    """Split a paper: undo the last merge into it, or move sightings that do not share its
    identifiers to papers of their own.
    """
    from newsletter import paper_merges

    done = paper_merges.split(open_app().engine, id, take or (), datetime.now(UTC))
    if not emit({"id": done.kept.id, "others": [paper.id for paper in done.others]}):
        table(("id", "title"), [(paper.id, paper.title) for paper in (done.kept, *done.others)])
        undo = f"newsletter papers merge {done.kept.id} {done.others[0].id}"
        note(as_called(f"to undo it: {undo}"))
    return 0
