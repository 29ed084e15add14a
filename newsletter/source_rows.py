"""Every kind of source, one row each. What the daemon asks, what health looks at, whom dedupe
trusts and which names a feed may not take follow from the rows.

A row stands below the configuration, so that everybody may read it; `sources/registry.py` makes the
plug-ins that rows name.
"""

from dataclasses import dataclass

from newsletter.list_days import ARXIV, DAILY, WEEKDAYS, Calendar

#: How well a source knows a paper, if its row does not say. Lower is better: arXiv is the origin of
#: its papers, Hugging Face shows copies.
TRUST = 2


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What the product knows about one kind of source."""

    #: Its section in the configuration: "sources.NAME" shows papers, "signals.NAME" only talks of
    #: them. NAME is the source's name, unless the section is a list: then each entry has its own.
    section: str
    plugin: str  #: "module:Class", made with the section and the HTTP client
    trust: int = TRUST
    days: Calendar | None = None  #: when its lists come; None: it has no lists by day
    #: The key of its section that names the parts that have lists of their own; empty: it has one.
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
        trust=0,
        days=ARXIV,
        units="categories",
    ),
    SourceRow(
        "sources.huggingface",
        "newsletter.sources.huggingface:HuggingFaceSource",
        trust=3,
        days=WEEKDAYS,
    ),
    SourceRow(
        "sources.biorxiv",
        "newsletter.sources.biorxiv:BiorxivSource",
        trust=1,
        days=DAILY,
        units="servers",
    ),
    SourceRow("sources.feeds", "newsletter.sources.feed:FeedSource", is_list=True),
    SourceRow("signals.hackernews", "newsletter.sources.hackernews:HackerNewsSource"),
    SourceRow("signals.github", "newsletter.sources.github:GitHubSource"),
)

#: The part of a source that has one list a day.
ONE_LIST = "daily"
#: What papers of a file count as.
IMPORT = "import"
#: Names that no feed may take. medRxiv's papers come through bioRxiv's source.
TAKEN = (*(row.name for row in ROWS if not row.is_list), "medrxiv", IMPORT)


def trust(source: str) -> int:
    """How well a source knows a paper; lower is better."""
    return _TRUST.get(source, TRUST)


_TRUST = {row.name: row.trust for row in ROWS}
