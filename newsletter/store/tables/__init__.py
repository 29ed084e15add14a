"""All tables. Rows never leave `store/`: its functions take and return the types of `models`.

Tests check these rules: constraint names follow one convention; times are UTC (`UtcDateTime`);
closed vocabularies are strings; a new NOT NULL column has a server default. The tables equal
`migrations/` on SQLite and on PostgreSQL.
"""

from typing import Any

from sqlmodel import SQLModel

from newsletter.store.tables.incoming import (
    CapRow,
    InboundCountRow,
    InboundRow,
    SeenEventRow,
)
from newsletter.store.tables.ledger import (
    UNSETTLED,
    UNSETTLED_ANSWER,
    DeliveryRow,
    EvidenceRow,
    IssuePaperRow,
    IssueRow,
    PlanningRow,
    RemovedLettersRow,
)
from newsletter.store.tables.papers import (
    HeatRow,
    MergedPaperRow,
    PaperEventRow,
    PaperKeyRow,
    PaperRow,
    SightingRow,
    SignalRow,
    TrendRow,
)
from newsletter.store.tables.readers import (
    SeedRow,
    SubscriberRow,
    SubscriberTopicRow,
    SuppressionRow,
    TopicRow,
    VoteRow,
)
from newsletter.store.tables.tastes import PickRow, TasteRow
from newsletter.store.tables.upkeep import (
    RunRow,
    SiteRow,
    SourceListRow,
    SourceRow,
)
from newsletter.store.tables.words import AcronymRow, WordSplitRow

__all__ = [
    "UNSETTLED",
    "UNSETTLED_ANSWER",
    "acronyms",
    "caps",
    "deliveries",
    "evidence",
    "heats",
    "inbound",
    "inbound_counts",
    "issue_papers",
    "issues",
    "merged_papers",
    "paper_events",
    "paper_keys",
    "papers",
    "picks",
    "plannings",
    "removed_letters",
    "runs",
    "seeds",
    "seen_events",
    "sightings",
    "signals",
    "site",
    "source_lists",
    "sources",
    "subscriber_topics",
    "subscribers",
    "suppressions",
    "tastes",
    "topics",
    "trends",
    "votes",
    "word_splits",
]


def _table(row: type[SQLModel]) -> Any:
    return row.__table__  # type: ignore[attr-defined]  # SQLModel sets it


papers = _table(PaperRow)
paper_keys = _table(PaperKeyRow)
merged_papers = _table(MergedPaperRow)
sightings = _table(SightingRow)
paper_events = _table(PaperEventRow)
signals = _table(SignalRow)
heats = _table(HeatRow)
trends = _table(TrendRow)
topics = _table(TopicRow)
subscribers = _table(SubscriberRow)
subscriber_topics = _table(SubscriberTopicRow)
votes = _table(VoteRow)
seeds = _table(SeedRow)
suppressions = _table(SuppressionRow)
issues = _table(IssueRow)
issue_papers = _table(IssuePaperRow)
plannings = _table(PlanningRow)
deliveries = _table(DeliveryRow)
removed_letters = _table(RemovedLettersRow)
evidence = _table(EvidenceRow)
inbound = _table(InboundRow)
inbound_counts = _table(InboundCountRow)
seen_events = _table(SeenEventRow)
caps = _table(CapRow)
sources = _table(SourceRow)
source_lists = _table(SourceListRow)
runs = _table(RunRow)
site = _table(SiteRow)
word_splits = _table(WordSplitRow)
acronyms = _table(AcronymRow)
picks = _table(PickRow)
tastes = _table(TasteRow)
