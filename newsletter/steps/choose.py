"""Choose: the papers of one reader among those that were found for all.

All rules of the digest are in this file. What readers share is prepared once in a `CandidateSet`;
per reader only short sorted lists are merged. A letter is never filled up with unsuitable papers,
no paper is repeated, and every pick has the facts that brought it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from types import MappingProxyType

from newsletter.models import (
    FOLLOWED,
    NEAR_GIVEN,
    NO_OPINIONS,
    OUTSIDE,
    Choice,
    Opinions,
    Paper,
    Pick,
    Reader,
    Reason,
    Subscriber,
)
from newsletter.steps.candidates import (
    HEAD,
    HOT,
    PER_AUTHOR,
    CandidateSet,
    Entry,
)
from newsletter.steps.likeness import Taste, in_spaces

__all__ = ["CandidateSet", "choose", "choose_quiet"]

#: A letter with a paper from outside has at least this many papers of the reader's own topics.
OWN = 5
#: How many papers beyond a topic's cap are looked at first.
SPARE = 2
#: Most papers in the note after silent days.
IN_NOTE = 3
NOTHING: frozenset[int] = frozenset()
NO_PAPERS: Mapping[int, Paper] = MappingProxyType({})


def choose(
    reader: Subscriber | Reader,
    candidates: CandidateSet,
    seen: Collection[int],
    said: Opinions = NO_OPINIONS,
    older: Mapping[int, Paper] = NO_PAPERS,
    *,
    is_counting: bool = True,
) -> Choice:
    """Choose at most `reader.size` papers: sections by their best score, papers within a section by
    score. No picks = quiet.

    `seen`: papers that the reader was sent. `said`: their votes and examples. `older`: papers with
    votes that are not candidates any more. Without `is_counting` the search ends when the letter is
    full, and `passed` stays empty.
    """
    taste = _taste(candidates, said, older) if said.votes or said.given else None
    if said.given:  # a reader who gave a paper has it
        seen = {*seen, *(paper.key for paper in said.given)}
    rules = (
        None if is_counting or taste or reader.follows else _from_heads(reader, candidates, seen)
    )
    if rules is None:
        rules = _Rules(reader, candidates, seen)
        if taste:  # votes reorder a letter; each topic that would be in it without them stays in it
            before = choose(reader, candidates, seen, is_counting=False).picks
            rules.take(
                _one_each(_entries(reader, candidates, taste), {pick.topic for pick in before})
            )
        take = rules.take_and_count if is_counting else rules.take
        take(_entries(reader, candidates, taste))
    kept = _in_sections(rules.with_outsider())
    if taste or reader.follows:
        picks = tuple([_pick(entry, reader, candidates, taste) for entry in kept])
    else:
        picks = tuple(map(candidates.pick, kept))
    out = rules.left_out.values() if is_counting else ()
    passed = [
        (rule, _pick(entry, reader, candidates, taste))
        for rule, entry in sorted(out, key=lambda found: found[1])
    ]
    return Choice(picks, tuple(passed), len(candidates.papers))


def choose_quiet(
    reader: Subscriber | Reader, candidates: CandidateSet, seen: Collection[int]
) -> tuple[Pick, ...]:
    """Pick the hottest papers of all fields for the note after silent days, at most `IN_NOTE`.

    They follow the rules of a digest. A "My topics" reader gets none: nothing comes from outside.
    """
    if reader.mix == "match":
        return ()
    rules = _Rules(reader, candidates, seen)
    for place in candidates.hottest:
        if not rules.against(place, OUTSIDE):
            rules.keep((-candidates.heats[place].value, place, OUTSIDE))
        if len(rules.kept) >= IN_NOTE:
            break
    return tuple(map(candidates.pick, rules.kept))


def _from_heads(
    reader: Subscriber | Reader, candidates: CandidateSet, seen: Collection[int]
) -> "_Rules | None":
    """Choose from the best papers of each topic: from a few, then from more. None: they are not
    enough.
    """
    few = _Rules(reader, candidates, seen)
    if few.fill(few.topic_cap + SPARE):
        return few
    more = _Rules(reader, candidates, seen)
    return more if more.fill(HEAD) else None


class _Rules:
    """The rules of one reader's letter, and what they have kept so far."""

    def __init__(
        self, reader: Subscriber | Reader, candidates: CandidateSet, seen: Collection[int]
    ) -> None:
        self.reader, self.candidates = reader, candidates
        self.kept: list[Entry] = []
        self.places: set[int] = set()
        self.clusters: set[int] = set()
        self.left_out: dict[int, tuple[str, Entry]] = {}  #: place -> (rule, entry)
        self.per_topic: dict[int, int] = {}
        self.per_author: dict[str, int] = {}
        self.full_topics: set[int] = set()
        self.topic_cap = reader.size if len(reader.topics) < 2 else max(1, reader.size // 2)
        #: near the reader's examples: half of the mail, where topics bring something too
        self.near_cap = max(1, reader.size // 2) if reader.topics else reader.size
        self.seen = (
            {candidates.place_of[key] for key in seen if key in candidates.place_of}
            if seen
            else NOTHING
        )
        self.muted = [in_spaces(word) for word in reader.muted if word.strip()]
        self.is_hot_only = reader.rhythm == "hot"

    def fill(self, width: int) -> bool:
        """Fill the letter from the best `width` papers of each topic. Returns whether longer lists
        would give the same.
        """
        heads = [
            self.candidates.head(topic, self.reader.mix)[:width] for topic in self.reader.topics
        ]
        self.take(
            sorted(chain.from_iterable(heads)) if len(heads) > 1 else heads[0] if heads else ()
        )
        is_full = len(self.kept) >= self.reader.size
        for topic, head in zip(self.reader.topics, heads, strict=True):
            is_whole = len(head) < width or (is_full and head[-1] >= self.kept[-1])
            if not is_whole and topic not in self.full_topics:
                return False
        return True

    def take(self, entries: Iterable[Entry]) -> None:
        """Keep what the rules allow, best first, until the letter is full."""
        wanted = self.reader.size - len(self.kept)
        if wanted <= 0:
            return
        clusters, ends, taken, full = (
            self.candidates.clusters,
            self.candidates.ends,
            self.clusters,
            self.full_topics,
        )
        is_choosy = bool(self.seen or self.muted or self.is_hot_only)
        for entry in entries:
            _, place, topic = entry
            if topic in full or clusters[place] in taken:
                continue
            if (is_choosy or ends[place]) and self.against(place, topic):
                continue
            self.keep(entry)
            wanted -= 1
            if not wanted:
                return

    def take_and_count(self, entries: Iterable[Entry]) -> None:
        """Like `take`, but to the end of the list, noting the rule for each paper that is kept
        out.
        """
        for entry in entries:
            _, place, topic = entry
            if place in self.places:
                continue
            rule = self.against(place, topic)
            if len(self.kept) >= self.reader.size and rule in ("", "topic_cap", "author_cap"):
                rule = "size"
            if rule:
                self.left_out.setdefault(place, (rule, entry))
            else:
                self.left_out.pop(place, None)
                self.keep(entry)

    def keep(self, entry: Entry) -> None:
        _, place, topic = entry
        self.kept.append(entry)
        self.places.add(place)
        self.clusters.add(self.candidates.clusters[place])
        if topic not in (FOLLOWED, OUTSIDE):
            number = self.per_topic[topic] = self.per_topic.get(topic, 0) + 1
            if number >= (self.near_cap if topic == NEAR_GIVEN else self.topic_cap):
                self.full_topics.add(topic)
        for author in self.candidates.ends[place]:
            self.per_author[author] = self.per_author.get(author, 0) + 1

    def against(self, place: int, topic: int) -> str:
        """Return the rule that keeps a paper out. No cap holds for followed authors."""
        candidates = self.candidates
        if place in self.seen:
            return "seen"
        if self.muted and self._is_muted(place):
            return "muted"
        if candidates.clusters[place] in self.clusters:
            return "near_duplicate"
        if topic == FOLLOWED:
            return ""
        if self.is_hot_only and candidates.heats[place].level < HOT:
            return "not_hot"
        if topic in self.full_topics:
            return "topic_cap"
        for author in candidates.ends[place]:
            if author in self.per_author and self.per_author[author] >= PER_AUTHOR:
                return "author_cap"
        return ""

    def _is_muted(self, place: int) -> bool:
        text = self.candidates.text(place)
        return any(word in text for word in self.muted)

    def with_outsider(self) -> list[Entry]:
        """Give the last slot to one Surging paper from another field, nearest field first.

        At most twice a week, only beside `OWN` papers of the reader's own topics, and never to
        readers who chose "My topics".
        """
        kept, candidates = self.kept, self.candidates
        is_full = len(kept) >= self.reader.size
        if not candidates.surging or not candidates.is_outside_day:
            return kept
        if self.reader.mix == "match" or not self.reader.outside:
            return kept
        if len(kept) - is_full < OWN:
            return kept
        inside = NOTHING.union(*map(candidates.inside, self.reader.topics))
        for place in self._nearest(candidates.surging):
            if place in inside or self.against(place, OUTSIDE):
                continue
            if is_full:
                last = next((e for e in reversed(kept) if e[2] != FOLLOWED), None)
                if last is None:
                    return kept
                self.left_out[last[1]] = ("size", last)
                kept = [entry for entry in kept if entry is not last]
            return [*kept, (-candidates.heats[place].value, place, OUTSIDE)]
        return kept

    def _nearest(self, places: Sequence[int]) -> list[int]:
        """Sort places: first those of a field of the letter's papers, then those of its archive."""
        papers = self.candidates.papers
        fields = {field for _, place, _ in self.kept for field in papers[place].fields}
        archives = {field.partition(".")[0] for field in fields}

        def distance(place: int) -> int:
            own = papers[place].fields
            if not fields.isdisjoint(own):
                return 0
            return 1 if any(field.partition(".")[0] in archives for field in own) else 2

        return sorted(places, key=distance)


def _taste(candidates: CandidateSet, said: Opinions, older: Mapping[int, Paper]) -> Taste:
    eligible = {
        key: candidates.papers[place]
        for key in said.votes
        if (place := candidates.place_of.get(key)) is not None
    }
    return Taste(candidates.terms, {**older, **eligible} if older else eligible, said)


def _entries(
    reader: Subscriber | Reader, candidates: CandidateSet, taste: Taste | None
) -> list[Entry]:
    """Return the entries of the reader's topics and authors: followed authors first, then best
    first.
    """
    entries = [entry for topic in reader.topics for entry in candidates.ranked(topic, reader.mix)]
    if taste:
        places, fits = taste.near_examples
        blended = -candidates.blend(fits, places, reader.mix)
        entries += zip(blended.tolist(), places.tolist(), repeat(NEAR_GIVEN))
        entries = [
            (score - float(taste.shift[place]), place, topic) for score, place, topic in entries
        ]
    entries.sort()
    if not reader.follows:
        return entries
    scores: dict[int, float] = {}
    for score, place, _ in entries:
        scores.setdefault(place, score)
    followed = {place for author in reader.follows for place in candidates.by_author(author)}
    firsts = sorted(
        (min(scores.get(place, 0.0), -candidates.heats[place].value), place, FOLLOWED)
        for place in followed
    )
    return firsts + entries


def _one_each(entries: Iterable[Entry], topics: set[int]) -> Iterator[Entry]:
    """Yield the best paper of each topic."""
    for topic in sorted(topics - {FOLLOWED, OUTSIDE, NEAR_GIVEN}):
        yield from [entry for entry in entries if entry[2] == topic][:1]


def _in_sections(kept: Sequence[Entry]) -> Sequence[Entry]:
    """Order sections by their best score, the one from outside last; papers within a section stay
    in order of score.
    """
    sections: dict[int, list[Entry]] = {}
    for entry in kept:
        sections.setdefault(entry[2], []).append(entry)
    if len(sections) < 2:
        return kept
    in_order = sorted((topic == OUTSIDE, of[0][0], topic) for topic, of in sections.items())
    return [entry for *_, topic in in_order for entry in sections[topic]]


def _pick(
    entry: Entry, reader: Subscriber | Reader, candidates: CandidateSet, taste: Taste | None
) -> Pick:
    score, place, topic = entry
    if topic == FOLLOWED:
        author = next(name for name in reader.follows if place in candidates.by_author(name))
        paper, heat = candidates.papers[place].key, round(candidates.heats[place].value, 4)
        return Pick(
            paper, FOLLOWED, round(min(1.0, -score), 4), 0.0, heat, (Reason("author", author),)
        )
    if taste is None or topic == OUTSIDE:
        return candidates.pick(entry)
    bounded = round(min(1.0, max(0.0, -score)), 4)
    if topic == NEAR_GIVEN:
        places, fits = taste.near_examples
        paper, heat = candidates.papers[place].key, round(candidates.heats[place].value, 4)
        match = round(float(fits[places == place][0]), 4)
        return Pick(paper, NEAR_GIVEN, bounded, match, heat, (taste.example(place),))
    made = candidates.make(entry)
    near = taste.reason(place)
    return made._replace(score=bounded, reasons=(*made.reasons, near) if near else made.reasons)
