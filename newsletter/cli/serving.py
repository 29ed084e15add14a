"""Commands that work until they are stopped: daemon, serve, worker."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli.output import note, open_app, read_config
from newsletter.errors import InputError


def daemon() -> int:
    """Clock, web and delivery in one process."""
    from urllib.parse import urlsplit

    from newsletter import event_loop
    from newsletter.cli.logs import start_logging
    from newsletter.config import LOOPBACK
    from newsletter.delivery.domain_check import ask_dns
    from newsletter.runtime.daemon import Daemon

    app = open_app()
    start_logging()
    is_public = (
        urlsplit(app.config.site.base_url).hostname not in LOOPBACK
    )  # else nobody from outside can sign up
    daemon = Daemon(app, takes_mail=ask_dns if is_public else None)
    event_loop.run(daemon.serve(app.config.web.host, app.config.web.port))
    return 0


def serve(
    host: Annotated[str | None, typer.Option(help="Listen here instead of web.host.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Listen here instead of web.port.")
    ] = None,
) -> int:
    """Serve the public pages only."""
    from datetime import UTC, datetime

    import uvicorn

    from newsletter.cli.logs import start_logging
    from newsletter.inbound import hooks
    from newsletter.web import create_app, server

    app = open_app()
    web = app.config.web
    note(f"pages on http://{host or web.host}:{port or web.port}")
    start_logging()
    pages = create_app(app, more=hooks.routes(app, lambda: datetime.now(UTC)))
    where = {"host": host or web.host, "port": port or web.port}
    uvicorn.Server(server.settings(pages, **where)).run()
    return 0


def worker() -> int:
    """Deliver on further machines, with PostgreSQL, until it is stopped."""
    from newsletter import event_loop
    from newsletter.cli.logs import start_logging
    from newsletter.runtime.worker import Worker

    if not read_config().database.url.startswith("postgresql"):
        raise InputError(
            "worker needs PostgreSQL; this site keeps its data in SQLite",
            hint="use: newsletter daemon",
        )
    app = open_app()
    start_logging()
    event_loop.run(Worker(app).serve())
    return 0
