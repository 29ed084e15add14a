"""Topics: list, show, add, edit, test, remove."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.options import At, DryRun, Yes
from newsletter.cli.output import confirm, emit, moment, open_app, say, table
from newsletter.errors import NotFound

if TYPE_CHECKING:
    from newsletter.models import Topic

#: Papers that are shown below the cut: a wider query would find them.
NEARLY = 3

app = typer.Typer(help="Topics: list, show, add, edit, test, remove.", no_args_is_help=True)


def _json(topic: Topic, readers: int) -> dict[str, object]:
    return {
        "id": topic.id,
        "slug": topic.slug,
        "name": topic.name,
        "query": topic.query,
        "group": topic.group,
        "description": topic.description,
        "curated": topic.is_curated,
        "readers": readers,
    }


@app.command("list")
def list_(
    own: Annotated[bool, typer.Option("--own", help="Readers' own queries too.")] = False,
) -> int:
    """Show the topics that the site offers."""
    from newsletter.store import topics
    from newsletter.store.db import reading

    with reading(open_app().engine) as connection:
        found = [topic for topic in topics.every(connection) if own or topic.is_curated]
        readers = topics.readers(connection)
    if not emit({"topics": [_json(topic, readers.get(topic.id, 0)) for topic in found]}):
        rows = [(t.slug, t.name, t.group, readers.get(t.id, 0), t.query) for t in found]
        table(("slug", "name", "group", "readers", "query"), rows, right=("readers",))
    return 0


@app.command()
def show(name: str) -> int:
    """Show one topic."""
    from newsletter.store import topics
    from newsletter.store.db import reading

    with reading(open_app().engine) as connection:
        topic = topics.get(connection, name)
        data = _json(topic, topics.readers(connection).get(topic.id, 0))
    if not emit(data):
        for key, value in data.items():
            say(f"{key:12} {value}")
    return 0


@app.command()
def add(
    name: str,
    query: str,
    group: Annotated[str, typer.Option(help="Heading on the preferences page.")] = "More",
    description: str = "",
) -> int:
    """Offer a new topic."""
    from newsletter.matching.query import parse
    from newsletter.models import Topic
    from newsletter.store import topics
    from newsletter.store.db import writing

    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "topic"
    with writing(open_app().engine) as connection:
        topic = topics.add(
            connection, Topic(0, slug, name, str(parse(query)), group, description, is_curated=True)
        )
    if not emit(_json(topic, 0)):
        say(f"{topic.slug}: {topic.query}")
    return 0


@app.command()
def edit(
    name: str,
    query: Annotated[str | None, typer.Option()] = None,
    new_name: Annotated[str | None, typer.Option("--name")] = None,
    group: Annotated[str | None, typer.Option()] = None,
    description: Annotated[str | None, typer.Option()] = None,
) -> int:
    """Change a topic; its readers keep it."""
    from newsletter.matching.query import parse
    from newsletter.store import topics
    from newsletter.store.db import writing

    with writing(open_app().engine) as connection:
        topic = topics.get(connection, name)
        topic = replace(
            topic,
            query=topic.query if query is None else str(parse(query)),
            name=new_name or topic.name,
            group=topic.group if group is None else group,
            description=topic.description if description is None else description,
        )
        topics.edit(connection, topic)
    if not emit({"slug": topic.slug, "name": topic.name, "query": topic.query}):
        say(f"{topic.slug}: {topic.query}")
    return 0


@app.command()
def test(
    query: Annotated[str, typer.Argument(help="A query, or the name of a topic.")],
    days: Annotated[int, typer.Option(min=1, max=90)] = 7,
    top: Annotated[int, typer.Option(min=1)] = 10,
    at: At = None,
) -> int:
    """Show what a topic would have brought in the last days."""
    from newsletter.matching.query import parse
    from newsletter.models import MATCH_CUT
    from newsletter.site_queries import topic_test
    from newsletter.store import topics
    from newsletter.store.db import reading

    site = open_app()
    with reading(site.engine) as connection:
        try:
            query = topics.get(connection, query).query
        except NotFound:
            parse(query)
    query, read_as, found, warning = topic_test(site.engine, query, moment(at), days)
    above = [(paper, score) for paper, score in found if score >= MATCH_CUT]
    per_day = round(len(above) / days, 2)
    shown = [
        {"id": paper.id, "title": paper.title, "score": round(score, 3)}
        for paper, score in above[:top]
    ]
    per_week = round(7 * len(above) / days)
    data = {
        "query": query,
        "read_as": read_as,
        "papers": shown,
        "per_day": per_day,
        "per_week": per_week,
        "warning": str(warning or ""),
    }
    if not emit(data):
        say(f"{query}: about {per_week} papers a week ({per_day} a day over {days} days)")
        if read_as != query:
            say(f"read as: {read_as}")
        if warning:
            say(f"warning: {warning}")
        unseen = len(above) - len(shown)
        cut = f"the cut: {f'{unseen} more above it; ' if unseen else ''}readers get nothing below"
        rows = [(score, paper.id, paper.title) for paper, score in found[: len(above) + NEARLY]]
        table(
            ("score", "id", "title"),
            [*rows[: len(shown)], (MATCH_CUT, "---", cut), *rows[len(above) :]],
            right=("score",),
        )
    return 0


@app.command()
def remove(
    name: str,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Remove a topic; refused while it has readers."""
    from newsletter.store import topics
    from newsletter.store.db import reading, writing

    site = open_app()
    with reading(site.engine) as connection:
        topic = topics.get(connection, name)
    if dry_run:
        say(f"would remove {topic.slug}")
        return 0
    if not yes:
        confirm(f"Remove the topic {topic.name}?", "--yes")
    with writing(site.engine) as connection:
        topics.remove(connection, topic)
    say(f"{topic.slug}: removed")
    return 0
