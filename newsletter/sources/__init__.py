"""Plug-ins that look at the world. Each is one file and fills the port `Source`; they do not know
each other.

They share `http` (the client), `parsing` and `feed` (documents), `clean`, `names` and `identifiers`
(text), and `outcome` (what silence means). A new source is a class here and a line in
`build_sources`.
"""

from importlib.metadata import version
from urllib.parse import urlsplit

from newsletter.config import Config
from newsletter.ports import Source
from newsletter.sources.arxiv import ArxivSource
from newsletter.sources.biorxiv import BiorxivSource
from newsletter.sources.feed import FeedSource
from newsletter.sources.github import GitHubSource
from newsletter.sources.hackernews import HackerNewsSource
from newsletter.sources.http import Http
from newsletter.sources.huggingface import HuggingFaceSource


def open_http(config: Config) -> Http:
    """The client of one run, to be used as an async context: it says who asks, and never asks the
    site itself.
    """
    site = urlsplit(config.site.base_url)
    own = (
        (site.hostname, site.port or {"http": 80}.get(site.scheme, 443)) if site.hostname else None
    )
    contact = "; ".join(part for part in (config.site.base_url, config.site.contact) if part)
    return Http(config.http, f"newsletter/{version('newsletter')} (+{contact})", own)


def source_names(config: Config) -> list[str]:
    """The names of what is configured, in the order of `build_sources`."""
    sources, signals = config.sources, config.signals
    names = [name for name in ("arxiv", "huggingface", "biorxiv") if getattr(sources, name)]
    names += [feed.name for feed in sources.feeds]
    return names + [name for name in ("hackernews", "github") if getattr(signals, name)]


def build_sources(config: Config, http: Http) -> list[Source]:
    """Every source and signal that is configured, in the order of the configuration."""
    sources, signals = config.sources, config.signals
    found: list[Source] = []
    if sources.arxiv:
        found.append(ArxivSource(sources.arxiv, http))
    if sources.huggingface:
        found.append(HuggingFaceSource(sources.huggingface, http))
    if sources.biorxiv:
        found.append(BiorxivSource(sources.biorxiv, http))
    found += [FeedSource(feed, http) for feed in sources.feeds]
    if signals.hackernews:
        found.append(HackerNewsSource(signals.hackernews, http))
    if signals.github:
        found.append(GitHubSource(signals.github, http))
    return found
