"""Types of papers: what a source said (`Sighting`, `Signal`), what dedupe made of it (`Paper`), how
hot it is (`Heat`).

All times are aware datetimes in UTC.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class _Nothing(Mapping[str, Any]):
    """An empty mapping that can be a default value: Python 3.11 needs it hashable, which
    MappingProxyType is not.
    """

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
    """What the answer of a source means."""

    FRESH = "fresh"  #: something new was said
    QUIET = "quiet"  #: nothing new, and the schedule or an unchanged answer explains it
    STALLED = "stalled"  #: should have had something new, or repeats yesterday's list
    FAILED = "failed"  #: no usable answer


class RecordKind(StrEnum):
    """What an entry of a source is. Papers have sightings of the first three kinds only."""

    PAPER = "paper"
    WITHDRAWN = "withdrawn"  #: the paper itself, withdrawn by its authors or its server
    RETRACTED = "retracted"  #: the paper itself, retracted by its journal
    FRONT_MATTER = "front matter"  #: "Issue Information", "Editorial Board"
    NOTICE = "notice"  #: about another paper, but not which one
    CORRECTION = "correction"  #: about another paper, with its title and identifiers
    RETRACTION = "retraction"
    CONCERN = "concern"

    @property
    def is_paper(self) -> bool:
        return self in (RecordKind.PAPER, RecordKind.WITHDRAWN, RecordKind.RETRACTED)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One entry of one source, cleaned but not yet identified."""

    #: the source's configured name: "arxiv", "huggingface", "biorxiv", or a feed's own name
    source: str
    source_id: str  #: the entry's id there
    title: str  #: one line without control characters, LaTeX as Unicode where possible
    abstract: str = ""
    authors: tuple[str, ...] = ()  #: "First Last", in the order of the paper
    fields: tuple[
        str, ...
    ] = ()  #: categories, primary first: "cs.CL", "q-bio.NC", "biorxiv.neuroscience"
    identifiers: tuple[
        str, ...
    ] = ()  #: canonical: "arxiv:2512.22525", "doi:10.1101/2025.01.02.345678", "openreview:…"
    version: int = 1
    announce: str = "new"  #: new | cross | replace | replace-cross
    published: datetime | None = None  #: first published; never later than the moment of the fetch
    summary: str = ""  #: the source's own short summary, machine-written
    affiliations: tuple[str, ...] = ()
    links: Mapping[str, str] = NOTHING  #: http(s) URLs by name: abs, pdf, code, discuss, project
    comment: str = ""
    is_withdrawn: bool = False
    kind: RecordKind = RecordKind.PAPER


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


class ListState(StrEnum):
    """What is known of the list of one day."""

    DUE = "due"  #: not read yet, or may still grow
    READ = "read"
    EMPTY = "empty"  #: read, and there was nothing in it
    MISSING = "missing"  #: could not be fetched, or not in time


COVERED = (ListState.READ, ListState.EMPTY)


@dataclass(frozen=True, slots=True)
class DayList:
    """The list of one day of one part of a source."""

    unit: str  #: a category, a server
    day: date  #: in the source's own calendar
    state: ListState
    seen: int = 0
    reason: str = ""  #: why it is missing

    @property
    def is_covered(self) -> bool:
        return self.state in COVERED


@dataclass(frozen=True, slots=True)
class Ask:
    """What a source is told when it is asked."""

    now: datetime
    since: datetime | None = None  #: the time of its last good answer
    memory: Mapping[str, str] = NOTHING  #: its `Harvest.memory` of last time
    repositories: Mapping[str, str] = NOTHING  #: identifier -> code URL
    lists: tuple[DayList, ...] = ()  #: of the last days, oldest first; DUE ones are asked for
    until: float | None = None  #: by the event loop's clock: a fetch that lasts longer is cut off


@dataclass(frozen=True, slots=True)
class Harvest:
    """What a source returned. A failure is a value: state FAILED and a sentence in `error`."""

    source: str
    state: SourceState
    sightings: tuple[Sighting, ...] = ()
    signals: tuple[Signal, ...] = ()
    units: tuple[Unit, ...] = ()
    error: str = ""
    memory: Mapping[str, str] = NOTHING
    retry_after_s: float | None = None  #: seconds for which the source asked to be left alone
    lists: tuple[DayList, ...] = ()  #: what this fetch found out about the lists of days


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper, whatever the number of sources that showed it."""

    id: str  #: public name: "2512.22525", a DOI, or the source's id; stable for ever
    title: str
    key: int = 0  #: the database's key; 0 until it is stored
    abstract: str = ""
    authors: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()  #: categories, primary first
    identifiers: tuple[str, ...] = ()
    version: int = 1
    published: datetime | None = None
    first_seen: datetime | None = (
        None  #: when a source first showed it; eligibility counts from here
    )
    summary: str = ""  #: machine-written, from a source; empty = use the abstract
    affiliations: tuple[str, ...] = ()
    links: Mapping[str, str] = NOTHING
    comment: str = ""
    is_withdrawn: bool = False
    is_hidden: bool = False  #: hidden by the operator
    #: digest of the question to a model whose answer was refused; empty: there was none
    summary_refused: str = ""


class EventKind(StrEnum):
    """What can happen to a paper after readers were sent it."""

    WITHDRAWN = "withdrawn"
    RETRACTED = "retracted"
    CORRECTED = "corrected"
    CONCERN = "concern"  #: its journal published an expression of concern
    PUBLISHED = "published"  #: a preprint that a journal has published


@dataclass(frozen=True, slots=True)
class PaperEvent:
    """An event of a paper. It never changes, so a letter that tells it can be built again."""

    paper: int  #: Paper.key
    kind: EventKind
    title: str  #: the paper's title, as readers know it
    at: datetime  #: when it was stored
    url: str = ""
    source: str = ""
    reference: str = ""  #: distinguishes events of one kind: the notice, the journal's DOI
    id: int = 0  #: the database's id


@dataclass(frozen=True, slots=True)
class Merge:
    """The decision of dedupe about one paper: the merged record and its sightings."""

    paper: Paper  #: key 0 = new
    sightings: tuple[Sighting, ...]
    is_changed: bool = True  #: False: known already and unchanged
    keys: tuple[str, ...] = ()  #: every key by which the paper can be found, if it changed
    why: tuple[
        str, ...
    ] = ()  #: one fact per sighting: "new", "same arXiv id", "same title and authors"


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

    #: [0, 1]; the share of the field's papers of the last 7 days it is at least as hot as, smoothed
    value: float
    level: int  #: 1 Early, 2 Rising (top 15 %), 3 Hot (5 %), 4 Surging (1 %)
    field: str  #: the field it was measured in: "cs.CL"
    facts: tuple[Fact, ...] = ()  #: strongest first; empty = nobody has said anything yet
    components: Mapping[str, float] = NOTHING

    @property
    def word(self) -> str:
        return HEAT_WORDS[self.level]
