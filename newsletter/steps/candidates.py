"""What `choose` shares between all readers: eligible papers, ranked topics, clusters of
near-duplicates, authors.

All of it is computed once per run, or when the first reader needs it, so that each reader only
costs a merge of short lists. This is a part of `choose`, not a step of its own.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain, islice, repeat
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from newsletter.models import MATCH_CUT, OUTSIDE, Heat, Match, Matches, Paper, Pick, Reason, Topic
from newsletter.steps.likeness import SMALL, Terms, in_spaces
from newsletter.steps.reasons import reasons_for
from newsletter.text.authors import Person, people
from newsletter.text.titles import plain_words

#: How long a paper may enter after it was first seen: it may become hot late.
ELIGIBLE = timedelta(days=7)
#: The share of relevance in a paper's score; the rest is heat.
MATCH_SHARE = {"match": 0.85, "balanced": 0.55, "trend": 0.25}
#: Ranked papers per topic that are kept for all readers; for a reader who has had most of them, all
#: papers of the topic are ranked again.
HEAD = 16
#: The most papers of one first or last author in a letter.
PER_AUTHOR = 2
#: A name in Chinese, Japanese or Korean characters; Korean ones come taken apart (NFKD).
_WHOLE_NAME = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u1100-\u11ff]{2,18}")
#: Titles that share this part of their distinctive words are near-duplicates; a letter shows one of
#: them.
NEAR_DUPLICATE = 0.6
COLD = Heat(0.0, 1, "")
#: Mondays and Thursdays: nobody gets more than two papers from outside in a week.
OUTSIDE_DAYS = frozenset({0, 3})
RISING, HOT, SURGING = 2, 3, 4
#: Of so many papers of a topic one is unnoticed, where the topic has one that matches so well.
WINDOW, CLEAR = 3, 0.6
#: An unnoticed paper that looks more like picked ones than this share of papers says so.
PICKED = 0.9
#: It counts as so hot at most: less than what is Rising.
LIKED = 0.8

#: One paper under one topic: (minus its score, its index in the set, the topic). Sorts best first.
Entry = tuple[float, int, int]


@dataclass
class CandidateSet:
    """Parallel lists over the eligible papers, in the order of their keys; a `place` is an index
    into them.
    """

    papers: list[Paper]
    heats: list[Heat]
    clusters: list[int]  #: near-duplicates share a number
    ends: list[
        tuple[str, ...]
    ]  #: first and last author, one spelling per person, where the cap may matter
    matches: Mapping[int, Sequence[Match]]
    topics: Mapping[int, Topic]
    surging: list[int]  #: places, hottest first
    place_of: dict[int, int]  #: Paper.key -> place
    keys: NDArray[np.int64]  #: of the papers
    is_unnoticed: NDArray[np.bool_]  #: nobody has said anything about the paper yet
    liking: NDArray[np.float64]  #: how much they look like papers that people pick; 0 = unknown
    warmth: NDArray[np.float64]  #: the heats' values
    is_outside_day: bool  #: a letter may have a paper from outside the reader's topics
    _places: dict[int, tuple[NDArray[np.intp], NDArray[np.float64]]] = field(default_factory=dict)
    _heads: dict[str, dict[int, list[Entry]]] = field(default_factory=lambda: defaultdict(dict))
    _inside: dict[int, frozenset[int]] = field(default_factory=dict)
    _picks: dict[Entry, Pick] = field(default_factory=dict)
    _reasons: dict[tuple[int, int], tuple[Reason, ...]] = field(default_factory=dict)
    _texts: dict[int, str] = field(default_factory=dict)
    _by_last: dict[str, list[tuple[int, Person]]] | None = None
    _groups: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _terms: Terms | None = None

    @classmethod
    def prepare(
        cls,
        papers: Iterable[Paper],
        heats: Mapping[int, Heat],
        matches: Mapping[int, Sequence[Match]],
        topics: Mapping[int, Topic],
        now: datetime,
        liking: Mapping[int, float] = MappingProxyType({}),
    ) -> "CandidateSet":
        """Compute what is eligible at `now`."""
        ready = sorted(
            (paper for paper in papers if is_eligible(paper, now)), key=lambda paper: paper.key
        )
        warmth = [heats.get(paper.key, COLD) for paper in ready]
        surging = [place for place, heat in enumerate(warmth) if heat.level >= SURGING]
        return cls(
            papers=ready,
            heats=warmth,
            clusters=clusters([telling(paper.title) for paper in ready]),
            ends=_frequent([_ends(paper.authors) for paper in ready]),
            matches=matches,
            topics=topics,
            surging=sorted(surging, key=lambda place: (-warmth[place].value, place)),
            place_of={paper.key: place for place, paper in enumerate(ready)},
            keys=np.array([paper.key for paper in ready], np.int64),
            is_unnoticed=np.array([not h.facts and h.level < RISING for h in warmth], np.bool_),
            liking=np.array([liking.get(paper.key, 0.0) for paper in ready], np.float64),
            warmth=np.array(
                [
                    max(heat.value, LIKED * liking.get(paper.key, 0.0))
                    for paper, heat in zip(ready, warmth, strict=True)
                ],
                np.float64,
            ),
            is_outside_day=now.weekday() in OUTSIDE_DAYS,
        )

    @cached_property
    def hottest(self) -> list[int]:
        """The places of all papers, hottest first."""
        places = range(len(self.papers))
        return sorted(places, key=lambda place: (-self.heats[place].value, place))

    # -- topics ------------------------------------------------------------------------------------

    def head(self, topic: int, mix: str) -> list[Entry]:
        """Return the best `HEAD` papers of a topic, best first."""
        found = self._heads[mix].get(topic)
        if found is None:
            found = self._heads[mix][topic] = self.ranked(topic, mix, HEAD)
        return found

    def ranked(self, topic: int, mix: str, limit: int | None = None) -> list[Entry]:
        """Return the papers of a topic above the cut, best first."""
        places, scores = self._found(topic)
        blended = -self.blend(scores, places, mix)
        order = blended.argsort(kind="stable")
        # Whoever stands third has the score of a third; equal scores keep their order.
        ranks = blended[order[:limit]]
        ranks += np.arange(len(ranks)) * 1e-9
        order = _with_unnoticed(
            order,
            self.is_unnoticed[places[order]],
            np.where(scores[order] >= CLEAR, 1 + self.liking[places[order]], 0.0),
            len(ranks),
        )
        return list(zip(ranks.tolist(), places[order].tolist(), repeat(topic)))

    def _found(self, topic: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the places of a topic, sorted, and how well each matches."""
        found = self._places.get(topic)
        if found is None:
            matches = Matches.of(self.matches.get(topic, ()))
            places = np.minimum(np.searchsorted(self.keys, matches.papers), len(self.keys) - 1)
            is_here = (
                (matches.scores >= MATCH_CUT) & (self.keys[places] == matches.papers)
                if len(self.keys)
                else []
            )
            places, scores = places[is_here], matches.scores[is_here].astype(np.float64)
            order = places.argsort()
            found = self._places[topic] = (places[order], scores[order])
        return found

    def inside(self, topic: int) -> frozenset[int]:
        """Return the Surging papers of a topic."""
        found = self._inside.get(topic)
        if found is None:
            held = Matches.of(self.matches.get(topic, ())).papers
            found = self._inside[topic] = frozenset(
                place for place in self.surging if (held == self.keys[place]).any()
            )
        return found

    def pick(self, entry: Entry) -> Pick:
        """Return the pick of one paper under one topic; all readers who get it share the object."""
        made = self._picks.get(entry)
        if made is None:
            made = self._picks[entry] = self.make(entry)
        return made

    def make(self, entry: Entry) -> Pick:
        """Return a pick like `pick`, without keeping it: for an entry that only one reader has."""
        score, place, topic = entry
        key, heat = self.papers[place].key, round(self.heats[place].value, 4)
        if topic == OUTSIDE:
            return Pick(key, OUTSIDE, heat, 0.0, heat, (Reason("outside"),))
        matches = self.matches[topic]
        found = matches[int(np.flatnonzero(Matches.of(matches).papers == key)[0])]
        return Pick(
            key,
            topic,
            round(-score, 4),
            round(found.score, 4),
            heat,
            self._why(place, found, topic),
        )

    def _why(self, place: int, found: Match, topic: int) -> tuple[Reason, ...]:
        """Return why a topic brought a paper; the same for readers of every mix."""
        reasons = self._reasons.get((place, topic))
        if reasons is None:
            reasons = reasons_for(self.topics[topic], found, self.papers[place])
            if self.is_unnoticed[place] and self.liking[place] >= PICKED:
                reasons = (*reasons, Reason("picked"))
            self._reasons[place, topic] = reasons
        return reasons

    # -- words -------------------------------------------------------------------------------------

    def text(self, place: int) -> str:
        """Return title and abstract as plain words between single spaces, for muted words to be
        found in.
        """
        text = self._texts.get(place)
        if text is None:
            paper = self.papers[place]
            text = self._texts[place] = in_spaces(f"{paper.title} {paper.abstract}")
        return text

    @property
    def terms(self) -> Terms:
        """The telling words of the papers, weighed when the first reader with votes asks."""
        if self._terms is None:
            self._terms = Terms(self.papers)
        return self._terms

    def blend(
        self, scores: NDArray[np.float64], places: NDArray[np.intp], mix: str
    ) -> NDArray[np.float64]:
        """Scores of papers, the best highest, from how well they match and how hot they are."""
        share = MATCH_SHARE[mix]
        # Heat counts in proportion to the relevance above the cut: a hot paper that only mentions
        # the topic is no good match.
        above = (scores - MATCH_CUT) / (1 - MATCH_CUT)
        return share * scores + (1 - share) * above * self.warmth[places]

    # -- people ------------------------------------------------------------------------------------

    def by_author(self, name: str) -> list[int]:
        """Return the papers of an author whom a reader follows.

        Accents, case and middle names do not matter. "Ada Lovelace" also finds "A. Lovelace", but a
        single initial in the followed name only finds papers that spell the author so: "J. Smith"
        is not every Smith. A single word finds nobody; a group ("ATLAS Collaboration") finds
        itself.
        """
        if self._by_last is None:
            self._by_last = self._index_people()
        followed = people((name,))
        if not followed:
            return self._groups.get(in_spaces(name), [])
        if not followed[0].given:
            return self._by_whole_name(followed[0])
        return sorted(
            {
                place
                for place, author in self._by_last.get(followed[0].last, ())
                if is_by(followed[0], author)
            }
        )

    def _by_whole_name(self, followed: Person) -> list[int]:
        """Return the papers of somebody whose name is one word, as names in Chinese characters and
        in Korean are. One word in other scripts is a last name, and finds nobody.
        """
        if not _WHOLE_NAME.fullmatch(followed.last) or self._by_last is None:
            return []
        everybody = chain.from_iterable(self._by_last.values())
        return sorted({place for place, who in everybody if who.compact == followed.compact})

    def _index_people(self) -> dict[str, list[tuple[int, Person]]]:
        by_last: dict[str, list[tuple[int, Person]]] = defaultdict(list)
        for place, paper in enumerate(self.papers):
            for name in paper.authors:
                if persons := people((name,)):
                    by_last[persons[0].last].append((place, persons[0]))
                else:
                    self._groups[in_spaces(name)].append(place)
        return by_last


def _with_unnoticed(
    order: NDArray[np.intp],
    is_unnoticed: NDArray[np.bool_],
    worth: NDArray[np.float64],
    limit: int,
) -> NDArray[np.intp]:
    """Give the first `limit` of an order; a third paper behind two that were noticed is the next
    unnoticed one that matches well: the one of the greatest worth (0: it does not).
    """
    waiting = np.flatnonzero(is_unnoticed & (worth > 0))
    waiting = waiting[(-worth[waiting]).argsort(kind="stable")].tolist()[::-1]
    if not waiting or is_unnoticed.all():
        return order[:limit]
    taken: set[int] = set()
    found: list[int] = []
    following = 0
    noticed = 0  # of the last papers, in a row
    while len(found) < limit:
        while waiting and waiting[-1] in taken:
            waiting.pop()
        if not waiting:
            break
        if noticed >= WINDOW - 1:
            at = waiting.pop()
        else:
            while following in taken:
                following += 1
            at = following
        taken.add(at)
        found.append(at)
        noticed = 0 if is_unnoticed[at] else noticed + 1
    others = (at for at in range(len(order)) if at not in taken)
    rest = islice(others, max(0, limit - len(found)))
    return order[np.array([*found, *rest], np.intp)]


def is_eligible(paper: Paper, now: datetime) -> bool:
    seen = paper.first_seen or now
    return now - ELIGIBLE <= seen <= now and not paper.is_hidden and not paper.is_withdrawn


def telling(title: str) -> frozenset[str]:
    """Return the words of a title that distinguish it from others."""
    return frozenset(word for word in plain_words(title) if len(word) > 2 and word not in SMALL)


def clusters(titles: Sequence[frozenset[str]]) -> list[int]:
    """Return the number of each title's group of near-duplicates. Only titles that share a rare
    word are compared.
    """
    spread = Counter(word for title in titles for word in title)
    found = list(range(len(titles)))
    holders: dict[str, list[int]] = defaultdict(list)
    for number, title in enumerate(titles):
        for word in sorted(title, key=lambda word: (spread[word], word))[:4]:
            for other in holders[word][-50:]:
                if len(title & titles[other]) >= NEAR_DUPLICATE * len(title | titles[other]):
                    found[number] = found[other]
            holders[word].append(number)
    return found


def _ends(authors: Sequence[str]) -> tuple[str, ...]:
    persons = (people((name,)) for name in dict.fromkeys((*authors[:1], *authors[-1:])))
    return tuple(dict.fromkeys(person[0].compact for person in persons if person))


def _frequent(ends: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the authors with more papers than a letter shows of one author."""
    papers = Counter(author for of_paper in ends for author in of_paper)
    return [
        tuple(author for author in of_paper if papers[author] > PER_AUTHOR) for of_paper in ends
    ]


def is_by(followed: Person, author: Person) -> bool:
    """Return whether a paper's author may be the followed one; both have the same last name."""
    if not followed.given or not author.given:
        return False
    wanted, given = followed.given, author.given
    if len(wanted) == 1 and len(wanted[0]) == 1 and len(given[0]) > 1:
        return False
    pairs = zip(wanted, given, strict=False)
    return all(a == b or (1 in (len(a), len(b)) and a[0] == b[0]) for a, b in pairs)
