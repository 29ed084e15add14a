"""Every kind of source, one row each. The daemon, `health`, `dedupe` and the names that feeds may
not have follow from the rows.

The rows are below the configuration, so that every module can read them; `sources/registry.py`
creates the plug-ins that they name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.list_days import ARXIV, DAILY, WEEKDAYS, Calendar

#: How reliable a source is about a paper, if its row does not say. Lower is better: arXiv is the
#: origin of its papers, Hugging Face shows copies.
TRUST = 2


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One kind of source."""

    #: Its section in the configuration: "sources.NAME" shows papers, "signals.NAME" only mentions
    #: them. NAME is the name of the source; in a section that is a list, each entry has its own.
    section: str
    plugin: str  #: "module:Class", made with the section and the HTTP client
    title: str = ""  #: what readers know it as
    trust: int = TRUST
    days: Calendar | None = None  #: when its lists come; None: no lists by day
    #: The key of its section that names parts with lists of their own; empty: one list.
    units: str = ""
    is_list: bool = False  #: the section is a list; each entry is a source with its own name

    @property
    def name(self) -> str:
        return self.section.rpartition(".")[2]

    @property
    def is_showing_papers(self) -> bool:
        return self.section.startswith("sources.")


ROWS = (
    SourceRow(
        "sources.arxiv",
        "newsletter.sources.arxiv:ArxivSource",
        "arXiv",
        trust=0,
        days=ARXIV,
        units="categories",
    ),
    SourceRow(
        "sources.huggingface",
        "newsletter.sources.huggingface:HuggingFaceSource",
        "Hugging Face",
        trust=3,
        days=WEEKDAYS,
    ),
    SourceRow(
        "sources.biorxiv",
        "newsletter.sources.biorxiv:BiorxivSource",
        "bioRxiv",
        trust=1,
        days=DAILY,
        units="servers",
    ),
    SourceRow("sources.feeds", "newsletter.sources.feed:FeedSource", is_list=True),
    SourceRow("signals.hackernews", "newsletter.sources.hackernews:HackerNewsSource"),
    SourceRow("signals.github", "newsletter.sources.github:GitHubSource"),
)

#: The unit of a source with one list a day.
ONE_LIST = "daily"
#: The source of imported papers.
IMPORT = "import"
#: Names that no feed may have. medRxiv's papers come through bioRxiv's source.
TAKEN = (*(row.name for row in ROWS if not row.is_list), "medrxiv", IMPORT)


#: Parts of sources that readers know by names of their own.
_UNIT_TITLES = {"biorxiv": "bioRxiv", "medrxiv": "medRxiv"}


def titles(source: str, units: Sequence[str], is_whole: bool) -> tuple[str, ...]:
    """What readers know some parts of a source as, or all of it."""
    if all(unit in _UNIT_TITLES for unit in units):
        return tuple(_UNIT_TITLES[unit] for unit in units)
    title = next((row.title for row in ROWS if row.name == source), "") or source
    return (title,) if is_whole else (f"{title} {', '.join(units)}",)


def trust(source: str) -> int:
    """Return how reliable a source is about a paper; lower is better."""
    return _TRUST.get(source, TRUST)


_TRUST = {row.name: row.trust for row in ROWS}
