"""The operator's statistics as one page that loads nothing; it is opened from a file."""

from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from newsletter.charts import svg
from newsletter.statistics import STEPS
from newsletter.store.db import find_assets


def statistics_page(site_name: str, data: dict[str, Any]) -> str:
    """Render what `statistics_of` returned. The page contains the site's style sheet and no
    script.
    """
    assets = find_assets("templates")
    environment = Environment(
        loader=FileSystemLoader(assets / "web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (assets / "static" / "site.css").read_text(encoding="utf-8")
    page: str = environment.get_template("statistics.html").render(
        site_name=site_name,
        style=Markup(style),  # noqa: S704  (our own file)
        bars=svg.bars,
        steps=STEPS,
        **data,
    )
    return page
