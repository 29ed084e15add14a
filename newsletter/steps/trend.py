"""Turn readings of attention over time into heat within a field, with the facts behind it. Pure;
the store keeps both.

  attention  counters of all sources in upvotes: what one of each is worth
  warmth     the expected upvotes: attention, a prior, and the paper's age; it decreases with age
  heat       the place by warmth among the papers of the field of the last 7 days

The constants of warmth come from the history of 2,920 papers of Hugging Face's daily list: counts a
few hours after listing, compared with counts two and more days later. `benchmarks/trend_quality`
measures them. They are round numbers from a plateau that improve both halves of the time.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from newsletter.models import Fact, Heat, Paper, Signal
from newsletter.steps.places import Entry, ranked

#: What one of each is worth in upvotes. A mention is somebody's own post. A comment is often by a
#: robot of the list or by the author: beside the upvotes it says little (rank correlation with
#: later upvotes 0.2).
WORTH = {"upvotes": 1.0, "points": 1.0, "mentions": 5.0, "comments": 0.25}
#: What the natural logarithm of the stars is worth: stars since the first reading, and of those
#: before it as many as the new repository of a paper may have. The other stars are older than the
#: paper: linking a famous repository does not make a paper famous.
STARS, OWN_STARS = 0.3, 1000.0
#: Upvotes that a paper gets in advance when it is listed on its own date, because the first one or
#: two say little; divided by (1 + days)^0.3 for one that is listed later. With more votes of its
#: own, this advance counts less.
PRIOR, LATENESS, PRIOR_DAYS = 5.0, 0.3, 2.0
#: A paper that was listed h hours ago is expected to get 1 + e^(-h / 2) times its upvotes. Papers
#: listed less than three hours before a reading end 25 % higher than others with as many upvotes.
YOUTH_HOURS = 2.0
#: Exponent of ageing: after three days a paper needs twice the attention of a new one for the same
#: warmth.
GRAVITY = 0.5

#: A field smaller than this has no top 1 %: its papers are measured within their archive (cs.DL
#: within cs). An archive that is smaller still is filled up with papers of the usual distribution,
#: so that a single paper is neither Surging nor nothing.
FULL = 100
#: The usual distribution: half of the papers without signals; of the others a share of 1 / (1 +
#: (warmth / 18)^1.7) is warmer.
SPREAD_SILENT, SPREAD_MEDIAN, SPREAD_SLOPE = 0.5, 18.0, 1.7

#: (level, largest share of the field that is as hot, least attention), hottest first. The last one
#: is evidence: four upvotes make no paper Hot, however silent its field.
LEVELS = ((4, 0.01, 25.0), (3, 0.05, 10.0), (2, 0.15, 5.0))
#: Days that heat covers; older facts are not told as now.
WINDOW = timedelta(days=7)
#: Whose count a counter is, where another source passes it on.
ORIGIN = {"stars": "github"}
#: What has stood for so long counts in full.
SETTLED = timedelta(days=1)
KINDS = frozenset((*WORTH, "stars"))
_CAP = 1e9
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Standing:
    """What one paper has, before it is compared."""

    attention: float
    warmth: float
    age_days: float
    lag_days: float
    before: float  #: its warmth without what its last readings brought
    sources: int  #: how many independent sources have something about it
    facts: tuple[Fact, ...]

    @property
    def place(self) -> tuple[bool, float]:
        """Return a sort key by heat: every paper with a signal is hotter than any without."""
        return (self.attention > 0, self.warmth if self.attention > 0 else 0.0)


def trend(
    papers: Sequence[Paper], signals: Mapping[int, Sequence[Signal]], now: datetime
) -> dict[int, Heat]:
    """Measure every paper within its field. Returns Paper.key -> Heat.

    `papers`: those of the last 7 days. `signals`: their readings by Paper.key. More of any counter
    never makes a paper less hot. Readings in the future and infinite ones are ignored; a negative
    one counts as 0.
    """
    standings = {paper.key: _standing(paper, signals.get(paper.key, ()), now) for paper in papers}
    fields = _fields(papers)
    places: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for paper in papers:
        # "" is all fields: a paper without categories is measured against all.
        for field in {_field(paper), _archive(_field(paper)), ""}:
            places[field].append(standings[paper.key].place)
    for field in places:
        places[field].sort()
    standings = _bounded(standings, fields, papers)
    return {
        paper.key: _heat(standings[paper.key], fields[paper.key], places[fields[paper.key]])
        for paper in papers
    }


def _bounded(
    standings: Mapping[int, _Standing], fields: Mapping[int, str], papers: Sequence[Paper]
) -> dict[int, _Standing]:
    """Give each noticed paper the warmth of the place that it may have in its field."""
    members: dict[str, list[Entry]] = defaultdict(list)
    for paper in papers:
        own = standings[paper.key]
        entry = Entry(paper.key, own.warmth, own.before, own.sources > 1)
        if own.attention > 0:
            for field in {_field(paper), _archive(_field(paper)), ""}:
                members[field].append(entry)
    found = dict(standings)
    for field, entries in members.items():
        for key, warmth in ranked(entries).items():
            if fields[key] == field and warmth != found[key].warmth:
                found[key] = replace(found[key], warmth=warmth)
    return found


def _field(paper: Paper) -> str:
    return paper.fields[0] if paper.fields else ""


def _archive(field: str) -> str:
    return field.partition(".")[0]


def _fields(papers: Sequence[Paper]) -> dict[int, str]:
    """Return the field in which each paper is measured: its category, or the archive of a small
    category.
    """
    sizes = Counter(map(_field, papers))
    return {p.key: _field(p) if sizes[_field(p)] >= FULL else _archive(_field(p)) for p in papers}


# -- one paper -------------------------------------------------------------------------------------


def _standing(paper: Paper, signals: Iterable[Signal], now: datetime) -> _Standing:
    counters: dict[tuple[str, str], list[Signal]] = defaultdict(list)
    for signal in signals:
        if signal.kind in KINDS and signal.at <= now and math.isfinite(signal.value):
            counters[signal.kind, signal.source].append(signal)
    totals: dict[str, float] = defaultdict(float)
    settled: dict[str, float] = defaultdict(float)
    for (kind, _), readings in counters.items():
        readings.sort(key=lambda reading: (reading.at, reading.value))
        said = readings[-1], _settled(readings, now)
        last, firm = (min(max(one.value, 0.0), _CAP) for one in said)
        if kind == "stars":
            old = max(readings[0].value - OWN_STARS, 0.0)
            last, firm = max(0.0, last - old), max(0.0, firm - old)
        # Two sources may read the stars of the same repository; every other counter belongs to its
        # source.
        for counts, number in ((totals, last), (settled, firm)):
            counts[kind] = max(counts[kind], number) if kind == "stars" else counts[kind] + number
    first_seen = paper.first_seen or now
    age_days = max(0.0, (now - first_seen) / _DAY)
    lag_days = max(0.0, (first_seen - paper.published) / _DAY) if paper.published else 0.0
    attention = sum(_worth(kind, total) for kind, total in totals.items())
    before = min(attention, sum(_worth(kind, total) for kind, total in settled.items()))
    prior = PRIOR * math.exp(-age_days / PRIOR_DAYS) / math.pow(1 + lag_days, LATENESS)
    scale = (1 + math.exp(-24 * age_days / YOUTH_HOURS)) / math.pow(1 + age_days, GRAVITY)
    return _Standing(
        attention,
        (attention + prior) * scale,
        age_days,
        lag_days,
        (before + prior) * scale,
        len({ORIGIN.get(kind, source) for kind, source in counters if totals[kind] > 0}),
        _facts(counters, totals, paper, now),
    )


def _settled(readings: Sequence[Signal], now: datetime) -> Signal:
    """Return the last reading that has stood for a day, or has a later one; of a single reading
    itself. `readings`: of one counter, oldest first.
    """
    newest = readings[-1]
    earlier = [reading for reading in readings if reading.at < newest.at]
    return earlier[-1] if earlier and now - newest.at < SETTLED else newest


def _worth(kind: str, total: float) -> float:
    return STARS * math.log1p(total) if kind == "stars" else WORTH[kind] * total


def _facts(
    counters: Mapping[tuple[str, str], Sequence[Signal]],
    totals: Mapping[str, float],
    paper: Paper,
    now: datetime,
) -> tuple[Fact, ...]:
    """Return facts such as "312 upvotes in 1 day", strongest first."""
    found = []
    for kind, total in totals.items():
        readings = [
            reading for (of, _), values in counters.items() if of == kind for reading in values
        ]
        first = min(readings, key=lambda reading: (reading.at, reading.value))
        before = [reading for reading in readings if reading.at < now - WINDOW]
        count, since = total, first.at
        if kind == "stars":  # the repository may be older than the paper
            count = max(reading.value for reading in readings) - max(first.value, 0.0)
        elif before:
            latest: dict[str, Signal] = {}
            for reading in sorted(before, key=lambda reading: (reading.at, reading.value)):
                latest[reading.source] = reading
            count -= sum(max(reading.value, 0.0) for reading in latest.values())
            since = now - WINDOW
        elif paper.first_seen and paper.first_seen < first.at:
            since = paper.first_seen  # it was here before it was noticed
        else:
            since = min(filter(None, (paper.published, paper.first_seen, first.at)))
        if count >= 1:
            found.append((_worth(kind, count), Fact(kind, int(count), max(0, (now - since).days))))
    return tuple(fact for _, fact in sorted(found, key=lambda item: (-item[0], item[1].kind)))


# -- one paper among others ------------------------------------------------------------------------


def _heat(own: _Standing, field: str, places: Sequence[tuple[bool, float]]) -> Heat:
    """Place a paper among all of its field; `places` are sorted, coldest first, and include its
    own.
    """
    alike = bisect_right(places, own.place) - bisect_left(places, own.place)
    hotter = len(places) - bisect_right(places, own.place)
    missing = max(0, FULL - len(places))
    size = len(places) + missing
    if own.attention <= 0:
        level = 1
        share = (hotter + alike / 2 + missing * (1 + SPREAD_SILENT) / 2) / size
    else:
        share = (hotter + alike - 0.5 + missing * _usual_share(own.warmth)) / size
        level = next((n for n, top, least in LEVELS if share <= top and own.attention >= least), 1)
    return Heat(
        value=min(1.0, max(0.0, 1 - share)),
        level=level,
        field=field,
        facts=own.facts,
        components={
            "attention": round(own.attention, 3),
            "warmth": round(own.warmth, 3),
            "age_days": round(own.age_days, 3),
            "lag_days": round(own.lag_days, 3),
            "hotter": hotter,
            "field_papers": len(places),
        },
    )


def _usual_share(warmth: float) -> float:
    """Return the share of papers anywhere that are at least this warm."""
    return (1 - SPREAD_SILENT) / (1 + math.pow(warmth / SPREAD_MEDIAN, SPREAD_SLOPE))
