"""The demo: a whole day, offline, without configuration. The real code with invented papers."""

import asyncio
import html
import os
import shutil
import socket
import time
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from newsletter import addresses
from newsletter.app import App
from newsletter.cli.demo_world import ARCHIVES, SAMPLE, Postbox, World, at_noon
from newsletter.cli.output import as_called, emit, mark, note, say, table
from newsletter.cli.site import create_site
from newsletter.config_loading import load_config
from newsletter.errors import InputError
from newsletter.list_days import latest_list_day
from newsletter.matching.query import parse
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import ledger_read, papers, signals, subscribers, topics
from newsletter.store.db import reading, writing
from newsletter.web import create_app

MARKER = "made-by-newsletter-demo"


def play(directory: Path, *, is_serving: bool, port: int | None) -> None:
    """Make a site in a folder, play its days and report the result.

    Raises: InputError when the folder is not a demo's, or the port is taken.
    """
    if is_serving:
        port = _free_port(port)
    started = time.perf_counter()
    _start_afresh(directory)
    days = _list_days(datetime.now(UTC))
    note(f"Three days of news up to {days[-1]:%A %d %B %Y}, five readers, one mail server …")
    played, app = asyncio.run(_play(directory, days))
    played["seconds"] = round(time.perf_counter() - started, 1)
    if not emit(played):
        _tell(played, app, directory)
    if is_serving and port:
        _serve(app, directory, port)
    app.close()


def _start_afresh(directory: Path) -> None:
    """Raises: InputError for a folder that is not the demo's."""
    if directory.exists():
        if any(directory.iterdir()) and not (directory / MARKER).exists():
            raise InputError(
                f"{directory} is not empty and was not made by the demo",
                hint="name another one: --dir DIR",
            )
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    (directory / MARKER).write_text("The demo deletes this folder when it runs again.\n")


def _list_days(now: datetime) -> list[date]:
    """The last three days on which arXiv announced papers, oldest first."""
    found: list[date] = []
    day = now.date() if now >= at_noon(now.date()) else now.date() - timedelta(days=1)
    while len(found) < 3:
        found.insert(0, latest_list_day(day))
        day = found[0] - timedelta(days=1)
    return found


def _config(world: str, port: int) -> str:
    names = ", ".join(f'"{name}"' for name in ARCHIVES)
    return f"""\
[site]
name = "Trending Papers"
base_url = "http://localhost:8080"
from = "digest@papers.example.org"
postal_address = "the Example Lab Library, 1 Sample Street, 12345 Sampletown"

[smtp]
host = "127.0.0.1"
port = {port}
security = "none"

[sources.arxiv]
categories = [{names}]
url = "{world}/rss"
api_url = "{world}/api/query"
oai_url = "{world}/oai"
interval_s = 0.0

[sources.huggingface]
url = "{world}/api/daily_papers"

[sources.biorxiv]
url = "{world}/details"

[[sources.feeds]]
name = "preprint-notes"
url = "{world}/blog.atom"
field = "biology"

[http]
allow_private_networks = true
"""


async def _play(directory: Path, days: list[date]) -> tuple[dict[str, Any], App]:
    world, postbox = World(days), Postbox(directory / "outbox")
    try:
        path = directory / "config.toml"
        create_site(path, _config(world.url, await postbox.open()))
        app = App.open(load_config(path, os.environ))
        names = _add_readers(app, at_noon(days[0]))
        for today, day in enumerate(days[:-1]):
            world.today = today
            await app.fetch(at_noon(day))
        world.today = 2
        report = await app.run(at_noon(days[-1]))
    finally:
        world.close()
        await postbox.close()
    sent = {letter["to"] for letter in postbox.letters}
    with reading(app.engine) as connection:
        picked = {reader.email: len(_sent_to(connection, reader, days[-1])) for reader in names}
    letters = [letter | {"papers": picked[letter["to"]]} for letter in postbox.letters]
    quiet = [reader.email for reader in names if reader.email not in sent]
    return {
        "dir": str(directory),
        "letters": letters,
        "quiet": quiet,
        "sources": report.data["sources"],
    }, app


def _sent_to(connection: Any, reader: Subscriber, day: date) -> set[int]:
    return ledger_read.seen_papers(connection, reader.id, reader.id, at_noon(day)).get(
        reader.id, set()
    )


def _add_readers(app: App, now: datetime) -> list[Subscriber]:
    added = []
    with writing(app.engine) as connection:
        for one in tomllib.loads((SAMPLE / "readers.toml").read_text("utf-8"))["reader"]:
            known = [topics.get(connection, slug).id for slug in one.get("topics", ())]
            own = [
                topics.find_or_add(connection, str(parse(query))).id
                for query in one.get("queries", ())
            ]
            address = addresses.parse(one["email"])
            reader = Subscriber(
                0, address.email, SubscriberState.ACTIVE, one.get("name", ""), one["timezone"]
            )
            reader = replace(
                reader,
                topics=(*known, *own),
                size=one.get("size", 8),
                mix=one.get("mix", "balanced"),
                format=one.get("format", "html"),
                language=one.get("language", "en"),
                follows=tuple(one.get("follows", ())),
                muted=tuple(one.get("muted", ())),
            )
            added.append(
                subscribers.add(
                    connection, reader, address.canonical, now, consent="a sample reader"
                )
            )
    return added


def _tell(played: dict[str, Any], app: App, directory: Path) -> None:
    seen = sum(source["seen"] for source in played["sources"].values())
    with reading(app.engine) as connection:
        total = papers.count(connection)
        hottest = signals.hottest(connection, 3)
        found = papers.by_keys(connection, [key for key, _ in hottest])
    say(
        f"{mark('ok')} {total} papers from four kinds of sources; the last look showed {seen} "
        "entries"
    )
    for key, heat in hottest:
        fact = f"{heat.facts[0].count} {heat.facts[0].kind}" if heat.facts else "no signal"
        say(f"    {heat.word:8} {fact:14} {found[key].title[:74]}")
    say(
        f"{mark('ok')} {len(played['letters'])} letters sent, quiet day for "
        f"{', '.join(played['quiet']) or 'nobody'}"
    )
    rows = [
        (x["to"], x["papers"], x["subject"], directory / "outbox" / x["file"])
        for x in played["letters"]
    ]
    table(("reader", "papers", "subject", "letter"), rows, right=("papers",))
    say()
    say(f"Look at the letters in {directory / 'outbox'}, or in the browser:")
    say(as_called("    newsletter demo --serve"))
    say("Ask the site:")
    say(as_called(f"    newsletter -C {directory / 'config.toml'} status"))
    say(f"{played['seconds']} s")


def _serve(app: App, directory: Path, port: int) -> None:
    """Serve the site's own pages, and the sent letters."""
    site = app.config.site.model_copy(update={"base_url": f"http://localhost:{port}"})
    app.config = app.config.model_copy(update={"site": site})

    def outbox(_request: Request) -> HTMLResponse:
        names = sorted(
            path.name for path in (directory / "outbox").iterdir() if path.suffix != ".eml"
        )
        links = "".join(
            f'<li><a href="/letters/{html.escape(n)}">{html.escape(n)}</a></li>' for n in names
        )
        return HTMLResponse(
            f"<!DOCTYPE html><html lang='en'><title>Letters</title><h1>Letters</h1><ul>{links}</ul>"
        )

    routes = [
        Route("/outbox", outbox),
        Mount("/letters", StaticFiles(directory=directory / "outbox")),
        Mount("/", create_app(app)),
    ]
    say(f"Pages    http://localhost:{port}/")
    say(f"Letters  http://localhost:{port}/outbox")
    say("Ctrl-C ends it.")
    uvicorn.run(
        Starlette(routes=routes),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        proxy_headers=False,
    )


def _free_port(wish: int | None) -> int:
    """Return the wished port, or 8080, or any free one.

    Raises: InputError when a wished port is taken.
    """
    for port in (wish,) if wish else (8080, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            number: int = probe.getsockname()[1]
            return number
    raise InputError(f"port {wish} cannot be used", hint="name another one: --port N")
