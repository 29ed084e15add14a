"""Rendering pages: templates from disk, autoescape on, a missing value is an error."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from newsletter.app import App
from newsletter.store.db import find_assets


class View:
    def __init__(self, app: App) -> None:
        self.environment = Environment(
            loader=FileSystemLoader(find_assets("templates") / "web"), autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip
        site = app.config.site
        self.site = {"name": site.name, "operator": site.postal_address, "from": site.from_, "url": site.base_url}

    def page(self, request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        path = request.url.path
        common: Mapping[str, Any] = {"site": self.site, "path": path}
        return HTMLResponse(self.environment.get_template(name).render({**common, **values}), status)
