"""The nouns: frozen values that travel between the steps. Nothing here touches a wire, a table or a clock.

The name says where in the day a value stands: a `Sighting` is what one source said; a `Paper` is what is left after
dedupe; `Heat`, `Match` and `Pick` are what trend, match and choose decided; a `Letter` is composed; a `Receipt` is what
the relay said. All times are aware datetimes in UTC unless a name says `local`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class _Nothing(Mapping[str, Any]):
    """An empty mapping that can be a default: Python 3.11 takes no unhashable one, not even MappingProxyType."""

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "{}"


NOTHING: Mapping[str, Any] = _Nothing()


class SourceState(StrEnum):
    """What a source's silence means."""

    FRESH = "fresh"  #: something new was said
    QUIET = "quiet"  #: nothing new, as the schedule or an unchanged answer explains
    STALLED = "stalled"  #: should have had something, or says yesterday's list again
    FAILED = "failed"  #: no usable answer


@dataclass(frozen=True, slots=True)
class Sighting:
    """One entry of one source, cleaned but not yet identified."""

    source: str  #: the source's configured name: "arxiv", "huggingface", "biorxiv", or a feed's own name
    source_id: str  #: the entry's id there
    title: str  #: one line, control characters gone, LaTeX turned into Unicode where it can be
    abstract: str = ""
    authors: tuple[str, ...] = ()  #: "First Last", in the order of the paper
    fields: tuple[str, ...] = ()  #: categories, primary first: "cs.CL", "q-bio.NC", "biorxiv.neuroscience"
    identifiers: tuple[str, ...] = ()  #: canonical: "arxiv:2512.22525", "doi:10.1101/2025.01.02.345678", "openreview:…"
    version: int = 1
    announce: str = "new"  #: new | cross | replace | replace-cross
    published: datetime | None = None  #: first published; never later than the moment of the fetch
    summary: str = ""  #: the source's own short summary, machine-written
    affiliations: tuple[str, ...] = ()
    links: Mapping[str, str] = NOTHING  #: http(s) URLs by name: abs, pdf, code, discuss, project
    comment: str = ""
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Signal:
    """One reading of one counter: how much attention a paper had at a moment."""

    about: str  #: canonical identifier of the paper: "arxiv:2512.22525"
    kind: str  #: upvotes | stars | comments | points | mentions
    source: str
    value: float  #: the counter itself, not a difference
    at: datetime


@dataclass(frozen=True, slots=True)
class Unit:
    """One part of a source that can fail alone: a category, a day, a server."""

    name: str
    state: SourceState
    seen: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a source is told when it is asked."""

    now: datetime
    since: datetime | None = None  #: the last time it answered well
    memory: Mapping[str, str] = NOTHING  #: its `Harvest.memory` of last time
    repositories: Mapping[str, str] = NOTHING  #: identifier -> code URL


@dataclass(frozen=True, slots=True)
class Harvest:
    """What a source brought back. A failure is a value: state FAILED and a sentence in `error`."""

    source: str
    state: SourceState
    sightings: tuple[Sighting, ...] = ()
    signals: tuple[Signal, ...] = ()
    units: tuple[Unit, ...] = ()
    error: str = ""
    memory: Mapping[str, str] = NOTHING
    retry_after_s: float | None = None  #: the source asked to be left alone for so long


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper, whatever the number of places that showed it."""

    id: str  #: public name: "2512.22525", a DOI, or the source's id; stable for ever
    title: str
    key: int = 0  #: the store's number; 0 until it is remembered
    abstract: str = ""
    authors: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()  #: categories, primary first
    identifiers: tuple[str, ...] = ()
    version: int = 1
    published: datetime | None = None
    first_seen: datetime | None = None  #: when any source first showed it to us; eligibility counts from here
    summary: str = ""  #: machine-written, from a source; empty = use the abstract
    affiliations: tuple[str, ...] = ()
    links: Mapping[str, str] = NOTHING
    comment: str = ""
    is_withdrawn: bool = False
    is_hidden: bool = False  #: hidden by the operator


@dataclass(frozen=True, slots=True)
class Merge:
    """Dedupe's decision about one paper: the merged record and the sightings that made it."""

    paper: Paper  #: key 0 = new
    sightings: tuple[Sighting, ...]
    is_changed: bool = True  #: False: known already, and nothing in it differs
    why: tuple[str, ...] = ()  #: one fact per sighting: "new", "same arXiv id", "same title and authors"


@dataclass(frozen=True, slots=True)
class Fact:
    """The number behind a heat: 312 upvotes in 1 day."""

    kind: str  #: as Signal.kind
    count: int
    days: int  #: 0 = today


HEAT_WORDS = ("", "Early", "Rising", "Hot", "Surging")


@dataclass(frozen=True, slots=True)
class Heat:
    """How fast a paper is rising within its field over the last 7 days."""

    value: float  #: [0, 1]; the share of the field's papers of the last 7 days it is at least as hot as, smoothed
    level: int  #: 1 Early, 2 Rising (top 15 %), 3 Hot (5 %), 4 Surging (1 %)
    field: str  #: the field it was measured in: "cs.CL"
    facts: tuple[Fact, ...] = ()  #: strongest first; empty = nobody has said anything yet
    components: Mapping[str, float] = NOTHING

    @property
    def word(self) -> str:
        return HEAT_WORDS[self.level]


@dataclass(frozen=True, slots=True)
class Topic:
    """A named query over papers. Readers share topics: an own query is a topic without a slug's fame."""

    id: int
    slug: str
    name: str
    query: str  #: canonical form
    group: str = ""  #: heading on the preferences page; empty for a reader's own query
    description: str = ""
    is_curated: bool = False


MATCH_CUT = 0.5  #: relevance below this is "not for you"; scores are calibrated per topic so that it holds for all


class Match(NamedTuple):
    """A paper found by a topic, above the cut."""

    paper: int  #: Paper.key
    score: float  #: relevance in [0, 1], comparable between topics
    words: tuple[str, ...] = ()  #: the words of the query that were found


@dataclass(frozen=True, slots=True, eq=False)
class Matches(Sequence[Match]):
    """What a query found, as columns: a run makes millions of matches, and few are ever looked at one by one."""

    papers: NDArray[np.int64]
    scores: NDArray[np.float32]
    asked: tuple[str, ...] = ()  #: the words of the query
    held: NDArray[np.int64] | None = None  #: which of them each paper has, as bits; None = all

    @classmethod
    def of(cls, matches: Sequence[Match]) -> "Matches":
        """The columns of matches, without their words."""
        if isinstance(matches, Matches):
            return matches
        papers, scores = [match.paper for match in matches], [match.score for match in matches]
        return cls(np.array(papers, np.int64), np.array(scores, np.float64))

    def __len__(self) -> int:
        return len(self.papers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        words = self.asked
        if self.held is not None:
            held = int(self.held[at])
            words = tuple(word for number, word in enumerate(self.asked) if held >> number & 1)
        return Match(int(self.papers[at]), float(self.scores[at]), words)


class SubscriberState(StrEnum):
    PENDING = "pending"  #: asked, not confirmed
    ACTIVE = "active"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"  #: bounced or complained; never mailed again


RHYTHMS = ("weekdays", "daily", "weekly", "hot")  #: weekly = Mondays; hot = weekdays, Hot and Surging papers only
MIXES = ("match", "balanced", "trend")
SIZES = (5, 8, 12)


@dataclass(frozen=True, slots=True)
class Subscriber:
    id: int
    email: str  #: as typed at first; mail goes here
    state: SubscriberState = SubscriberState.PENDING
    name: str = ""
    timezone: str = "UTC"
    hour: int = 7  #: local hour of the digest, 0-23
    rhythm: str = "weekdays"
    size: int = 8
    format: str = "html"  #: html | text
    mix: str = "balanced"  #: match | balanced | trend
    language: str = "en"
    topics: tuple[int, ...] = ()  #: Topic.id, in the reader's order
    muted: tuple[str, ...] = ()  #: words and phrases
    follows: tuple[str, ...] = ()  #: author names
    address_version: int = 1  #: goes up when the address changes; a letter made for an older one is never sent
    epoch: int = 1  #: goes up at unsubscribe and erase; older tokens stop working
    created_at: datetime | None = None
    confirmed_at: datetime | None = None
    paused_until: date | None = None


class Reader(NamedTuple):
    """What planning asks of a subscriber. A tuple of its own, because an issue loads a million of them."""

    id: int
    address_version: int
    rhythm: str
    size: int
    mix: str
    topics: tuple[int, ...] = ()
    muted: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()


FOLLOWED = 0  #: Pick.topic of a paper that came in by its author
OUTSIDE = -1  #: Pick.topic of the one Surging paper outside the reader's topics


class Reason(NamedTuple):
    """A fact that was computed, never prose. Compose puts it into words."""

    kind: str  #: topic | keyword | author | near | outside
    detail: str = ""  #: the topic's name, the keyword, the author, the number of liked papers


class Pick(NamedTuple):
    """One paper chosen for one reader."""

    paper: int  #: Paper.key
    topic: int  #: Topic.id, FOLLOWED or OUTSIDE
    score: float
    match: float
    heat: float
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What choose decided for one reader. No picks = quiet."""

    picks: tuple[Pick, ...] = ()  #: in the order of the letter: sections by best score, papers within by score
    passed: tuple[
        tuple[str, Pick], ...
    ] = ()  #: what matched and is not in it, best first, with the rule that kept it out
    considered: int = 0  #: papers that were looked at ("out of 1,204")

    @property
    def left_out(self) -> dict[str, int]:
        """Rule -> number of papers it kept out."""
        return Counter(rule for rule, _ in self.passed)


class DeliveryState(StrEnum):
    """The closed vocabulary of the ledger. `quiet` is counted apart: planned = the sum of all others."""

    PENDING = "pending"
    CLAIMED = "claimed"  #: leased by a worker; counted as pending to the outside
    DOT = "dot"  #: fenced: the final dot may have been written; counted as pending until it is settled or held
    SENT = "sent"
    REFUSED = "refused"
    DEFERRED = "deferred"
    HELD = "held"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    QUIET = "quiet"  #: the reader was due and nothing matched: no letter


class Filled(NamedTuple):
    """Text with blanks: `pieces`, the same object in every letter, and between them the values of this one."""

    pieces: tuple[str, ...]  #: one more than values
    values: tuple[str, ...]

    def __str__(self) -> str:
        between = (*self.values, "")
        return "".join([text for pair in zip(self.pieces, between, strict=True) for text in pair])


#: A part of a letter, whole lines of text.
Fragment = str | Filled


@dataclass(frozen=True, slots=True)
class Letter:
    """A composed mail, not yet bytes. Fragments are joined without separator. They recur between letters, as the same
    object or as `Filled` with the same pieces, so an encoder does the work for them once."""

    kind: str  #: digest | note | confirm | welcome | known | …: the template folder's name
    subject: str
    text: tuple[Fragment, ...]
    html: tuple[Fragment, ...] = ()  #: empty: the reader wants plain text only
    preheader: str = ""

    @property
    def plain_page(self) -> str:
        """The text part as one."""
        return "".join(map(str, self.text))

    @property
    def html_page(self) -> str:
        """The HTML part as one; empty when there is none."""
        return "".join(map(str, self.html))


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a message goes to and what every retry must repeat exactly."""

    delivery: int  #: the ledger row
    sender: str  #: envelope sender (VERP: names the row, signed)
    recipient: str
    message_id: str  #: stable per row
    date: datetime  #: the Date header, stable per row


@dataclass(frozen=True, slots=True)
class Receipt:
    """How one delivery ended, for now."""

    delivery: int
    state: DeliveryState  #: sent | refused | deferred | held | suppressed | expired
    at: datetime
    code: int = 0  #: SMTP reply code; 0 = no reply
    enhanced: str = ""  #: "5.1.1"
    reply: str = ""  #: the server's words, cleaned, at most 512 bytes
    phase: str = ""  #: connect | mail | rcpt | data | body | dot | render
    relay: str = ""  #: host:port
    retry_at: datetime | None = None  #: only for deferred
    extra: Mapping[str, Any] = NOTHING
