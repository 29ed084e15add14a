"""The nouns: frozen values that travel between the steps. Nothing here touches a wire, a table or a
clock.

The name says where in the day a value stands: a `Sighting` is what one source said; a `Paper` is
what is left after dedupe; `Heat`, `Match` and `Pick` are what trend, match and choose decided; a
`Letter` is composed; a `Receipt` is what the relay said. All times are aware datetimes in UTC
unless a name says `local`.
"""

from newsletter.models.mail import (
    Claim,
    DeliveryState,
    Envelope,
    Evidence,
    Filled,
    Fragment,
    Letter,
    Receipt,
    Reply,
)
from newsletter.models.matching import (
    FOLLOWED,
    MATCH_CUT,
    OUTSIDE,
    Choice,
    Match,
    Matches,
    Pick,
    Reason,
    Topic,
)
from newsletter.models.papers import (
    COVERED,
    HEAT_WORDS,
    NOTHING,
    Ask,
    DayList,
    EventKind,
    Fact,
    Harvest,
    Heat,
    ListState,
    Merge,
    Paper,
    PaperEvent,
    RecordKind,
    Sighting,
    Signal,
    SourceState,
    Unit,
)
from newsletter.models.subscribers import (
    MIXES,
    RHYTHMS,
    SIZES,
    Reader,
    Subscriber,
    SubscriberState,
)

__all__ = [
    "COVERED",
    "FOLLOWED",
    "HEAT_WORDS",
    "MATCH_CUT",
    "MIXES",
    "NOTHING",
    "OUTSIDE",
    "RHYTHMS",
    "SIZES",
    "Ask",
    "Choice",
    "Claim",
    "DayList",
    "DeliveryState",
    "Envelope",
    "EventKind",
    "Evidence",
    "Fact",
    "Filled",
    "Fragment",
    "Harvest",
    "Heat",
    "Letter",
    "ListState",
    "Match",
    "Matches",
    "Merge",
    "Paper",
    "PaperEvent",
    "Pick",
    "Reader",
    "Reason",
    "Receipt",
    "RecordKind",
    "Reply",
    "Sighting",
    "Signal",
    "SourceState",
    "Subscriber",
    "SubscriberState",
    "Topic",
    "Unit",
]
