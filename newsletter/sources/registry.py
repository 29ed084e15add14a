"""Create the sources of a site from `source_rows` and the configuration."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from newsletter.config import Config
from newsletter.list_days import Calendar
from newsletter.ports import Source
from newsletter.source_rows import ONE_LIST, ROWS, SourceRow

if TYPE_CHECKING:
    from newsletter.sources.http import Http


def open_http(config: Config) -> "Http":
    """Return the client of one run, an async context. It identifies the site, and never requests
    the site itself.
    """
    from newsletter.sources.http import Http

    site = urlsplit(config.site.base_url)
    own = (
        (site.hostname, site.port or {"http": 80}.get(site.scheme, 443)) if site.hostname else None
    )
    contact = "; ".join(part for part in (config.site.base_url, config.site.contact) if part)
    return Http(config.http, f"newsletter/{version('newsletter')} (+{contact})", own)


def build_sources(config: Config, http: "Http") -> list[Source]:
    """Return all configured sources and signals, in the order of the rows."""
    return [plugin(row)(section, http) for row, section in configured(config)]


def source_names(config: Config) -> list[str]:
    """Return the names of the configured sources, in the order of `build_sources`."""
    return [_name(row, section) for row, section in configured(config)]


def paper_sources(config: Config) -> list[str]:
    """Return the names of the configured sources that show papers."""
    return [_name(row, of) for row, of in configured(config) if row.is_showing_papers]


def list_plans(config: Config) -> dict[str, tuple[Calendar, Sequence[str]]]:
    """Return the sources with lists by day: name -> (calendar, parts that have lists)."""
    return {
        row.name: (row.days, tuple(getattr(section, row.units)) if row.units else (ONE_LIST,))
        for row, section in configured(config)
        if row.days
    }


def configured(config: Config) -> Iterator[tuple[SourceRow, Any]]:
    """Yield each row with its section; for a section that is a list, once per entry."""
    for row in ROWS:
        group, _, name = row.section.partition(".")
        section = getattr(getattr(config, group), name)
        entries = section if isinstance(section, tuple) else (section,) if section else ()
        yield from ((row, entry) for entry in entries)


def plugin(row: SourceRow) -> Any:
    """Return the class that a row names."""
    module, _, name = row.plugin.partition(":")
    return getattr(import_module(module), name)


def _name(row: SourceRow, section: Any) -> str:
    return str(getattr(section, "name", row.name))
