"""Choose: one reader's picks out of what was found for everybody. The rules of the digest stand here and nowhere else.

All that readers share is prepared once in a `Shelf`; a reader without votes then only merges short sorted lists. A pick
is never padded in, never repeated, and always carries the facts that brought it.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.models import FOLLOWED, OUTSIDE, Choice, Heat, Match, Paper, Pick, Reason, Subscriber, Topic

ELIGIBLE = timedelta(days=7)
#: What the match weighs against the heat, for each preference.
MATCH_WEIGHT = {"match": 0.85, "balanced": 0.55, "trend": 0.25}
#: Titles that share this much of their words (Jaccard) are about one thing; a mail shows one of them.
NEAR_DUPLICATE = 0.6
PER_AUTHOR = 2
#: Papers that share this much of their telling words with one that was voted on count as near it.
NEAR = 0.12
#: One vote moves a score by at most this, all votes together by at most thrice as much: no vote empties a topic.
VOTE = 0.08
SURGING, HOT = 4, 3

_WORD = re.compile(r"[a-z0-9]{3,}")
_COMMON = frozenset(
    """
    the and for with from that this are was were has have can our not but its their which these using
    used use via than into more most such also both show shows propose proposed paper approach method
    methods model models based results new between over under while each only when they been through
    across
    """.split()  # noqa: SIM905  (a list would be longer than the words)
)


@dataclass(frozen=True, slots=True)
class _Book:
    """A paper as the rules see it."""

    key: int
    text: str  #: lower-case title and abstract, for muted words
    words: frozenset[str]  #: telling words, for likeness
    edge: tuple[str, ...]  #: first and last author, folded
    authors: tuple[str, ...]  #: all of them, folded
    cluster: int  #: papers about one thing share a number
    heat: float
    level: int


@dataclass(frozen=True, slots=True)
class _Entry:
    book: _Book
    topic: int
    score: float
    match: float
    words: tuple[str, ...]


class Shelf:
    """What all readers of one moment share."""

    def __init__(self, books: dict[int, _Book], topics: Mapping[int, Topic]) -> None:
        self.books = books
        self.topics = topics
        self.ranked: dict[tuple[int, str], list[_Entry]] = {}
        self.surging: list[_Book] = sorted(
            (book for book in books.values() if book.level == SURGING), key=lambda book: (-book.heat, book.key)
        )
        self.by_surname: dict[str, list[_Book]] = defaultdict(list)
        for book in books.values():
            for surname in {name.rsplit(" ", 1)[-1] for name in book.authors}:
                self.by_surname[surname].append(book)

    @classmethod
    def prepare(
        cls,
        papers: Sequence[Paper],
        heats: Mapping[int, Heat],
        matches: Mapping[int, Sequence[Match]],
        topics: Mapping[int, Topic],
        now: datetime,
    ) -> "Shelf":
        """Prepare the papers first seen in the last seven days, ranked once per topic and preference."""
        eligible = [p for p in papers if p.first_seen is None or now - ELIGIBLE <= p.first_seen <= now]
        shelf = cls({book.key: book for book in _books(eligible, heats)}, topics)
        for topic, found in matches.items():
            for mix, weight in MATCH_WEIGHT.items():
                entries = [
                    _Entry(book, topic, weight * m.score + (1 - weight) * book.heat, m.score, m.words)
                    for m in found
                    if (book := shelf.books.get(m.paper)) is not None
                ]
                shelf.ranked[topic, mix] = sorted(entries, key=lambda e: (-e.score, e.book.key))
        return shelf


def _books(papers: Sequence[Paper], heats: Mapping[int, Heat]) -> list[_Book]:
    titles = [frozenset(_WORD.findall(_folded(paper.title))) - _COMMON for paper in papers]
    clusters = _clusters(titles)
    books = []
    for number, paper in enumerate(papers):
        heat = heats.get(paper.key)
        authors = tuple(_folded(author) for author in paper.authors)
        text = f"{paper.title} {paper.abstract}".lower()
        words = titles[number] | frozenset(_WORD.findall(_folded(paper.abstract)[:1500])) - _COMMON
        edge = tuple(dict.fromkeys((authors[0], authors[-1]))) if authors else ()
        books.append(_Book(paper.key, text, words, edge, authors, clusters[number], heat.value if heat else 0.0,
                           heat.level if heat else 1))  # fmt: skip
    return books


def _clusters(titles: Sequence[frozenset[str]]) -> list[int]:
    """Number each title's group of near-duplicates; only titles that share a rare word are compared."""
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


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in plain if not unicodedata.combining(c)).replace(".", " ").strip()


# -- one reader --------------------------------------------------------------------------------------------------------


def choose(reader: Subscriber, shelf: Shelf, seen: Collection[int], votes: Mapping[int, int]) -> Choice:
    """Pick at most `reader.size` papers, sections by their best score and papers within by score; none = quiet."""
    left_out: Counter[str] = Counter()
    candidates = _candidates(reader, shelf, votes)
    kept: list[_Entry] = []
    per_topic: Counter[int] = Counter()
    per_author: Counter[str] = Counter()
    clusters: set[int] = set()
    topic_cap = reader.size if len(reader.topics) < 2 else max(1, reader.size // 2)
    muted = [word.lower() for word in reader.muted]
    is_hot_only = reader.rhythm == "hot"
    for entry in candidates:
        book = entry.book
        if book.key in seen:
            left_out["seen"] += 1
        elif muted and any(_mentions(book.text, word) for word in muted):
            left_out["muted"] += 1
        elif is_hot_only and book.level < HOT and entry.topic != FOLLOWED:
            left_out["not_hot"] += 1
        elif book.cluster in clusters:
            left_out["near_duplicate"] += 1
        elif entry.topic != FOLLOWED and any(per_author[author] >= PER_AUTHOR for author in book.edge):
            left_out["author_cap"] += 1
        elif entry.topic != FOLLOWED and per_topic[entry.topic] >= topic_cap:
            left_out["topic_cap"] += 1
        elif len(kept) >= reader.size:
            left_out["size"] += 1
        else:
            kept.append(entry)
            per_topic[entry.topic] += 1
            per_author.update(book.edge)
            clusters.add(book.cluster)
    kept = _with_outsider(reader, shelf, kept, seen, muted, clusters, left_out)
    picks = tuple(_pick(entry, reader, shelf, votes) for entry in _in_sections(kept))
    return Choice(picks, dict(left_out), len(shelf.books))


def _candidates(reader: Subscriber, shelf: Shelf, votes: Mapping[int, int]) -> list[_Entry]:
    """What the reader's topics and authors bring, each paper once, followed authors first, then best first."""
    best: dict[int, _Entry] = {}
    for topic in reader.topics:
        for entry in shelf.ranked.get((topic, reader.mix), ()):
            known = best.get(entry.book.key)
            if known is None or entry.score > known.score:
                best[entry.book.key] = entry
    if votes:
        best = {key: _voted(entry, shelf, votes) for key, entry in best.items()}
    for author in reader.follows:
        for book in _by_author(shelf, author):
            old = best.get(book.key)
            score = max(old.score if old else 0.0, book.heat)
            best[book.key] = _Entry(book, FOLLOWED, score, old.match if old else 0.0, (author,))
    return sorted(best.values(), key=lambda e: (e.topic != FOLLOWED, -e.score, e.book.key))


def _by_author(shelf: Shelf, author: str) -> list[_Book]:
    """Papers by somebody of that name: the surname is the same and every given name fits, initials counting as names.

    A single word finds nobody: there are too many Smiths.
    """
    wanted = _folded(author).split()
    if len(wanted) < 2:
        return []
    return [
        book for book in shelf.by_surname.get(wanted[-1], ()) if any(_fits(wanted, n.split()) for n in book.authors)
    ]


def _fits(wanted: Sequence[str], name: Sequence[str]) -> bool:
    if wanted[-1] != name[-1] or len(name) < 2:
        return False
    first, other = wanted[0], name[0]
    if len(first) == 1 or len(other) == 1:
        return first[0] == other[0]
    return first == other


def _mentions(text: str, word: str) -> bool:
    at = text.find(word)
    return at >= 0 and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text[max(0, at - 1) :]) is not None


def _voted(entry: _Entry, shelf: Shelf, votes: Mapping[int, int]) -> _Entry:
    shift = 0.0
    for paper, value in votes.items():
        shift += VOTE * value * min(1.0, _likeness(entry.book, shelf.books.get(paper)) / NEAR)
    shift = max(-3 * VOTE, min(3 * VOTE, shift))
    return _Entry(entry.book, entry.topic, min(1.0, max(0.0, entry.score + shift)), entry.match, entry.words)


def _likeness(a: _Book, b: _Book | None) -> float:
    if b is None or not a.words or not b.words:
        return 0.0
    return len(a.words & b.words) / len(a.words | b.words)


def _with_outsider(
    reader: Subscriber,
    shelf: Shelf,
    kept: list[_Entry],
    seen: Collection[int],
    muted: Sequence[str],
    clusters: set[int],
    left_out: Counter[str],
) -> list[_Entry]:
    """Give the last slot to one Surging paper from elsewhere; not on a quiet day, not to "My topics" readers."""
    if not kept or reader.mix == "match":
        return kept
    inside = {entry.book.key for topic in reader.topics for entry in shelf.ranked.get((topic, reader.mix), ())}
    for book in shelf.surging:
        is_free = book.key not in inside and book.key not in seen and book.cluster not in clusters
        if is_free and not any(_mentions(book.text, word) for word in muted):
            if len(kept) >= reader.size:
                droppable = [entry for entry in kept if entry.topic != FOLLOWED]
                if len(droppable) < 2:
                    return kept
                kept = [entry for entry in kept if entry is not droppable[-1]]
                left_out["size"] += 1
            return [*kept, _Entry(book, OUTSIDE, book.heat, 0.0, ())]
    return kept


def _in_sections(kept: Sequence[_Entry]) -> list[_Entry]:
    """Sections by their best score, the one from outside last; papers within by score."""
    best: dict[int, float] = {}
    for entry in kept:
        best[entry.topic] = max(best.get(entry.topic, 0.0), entry.score)
    return sorted(kept, key=lambda e: (e.topic == OUTSIDE, -best[e.topic], e.topic, -e.score, e.book.key))


def _pick(entry: _Entry, reader: Subscriber, shelf: Shelf, votes: Mapping[int, int]) -> Pick:
    reasons: list[Reason] = []
    if entry.topic == FOLLOWED:
        reasons.append(Reason("author", entry.words[0]))
    elif entry.topic == OUTSIDE:
        reasons.append(Reason("outside"))
    else:
        topic = shelf.topics[entry.topic]
        reasons.append(Reason("topic", topic.name))
        if not topic.is_curated and entry.words:
            reasons.append(Reason("keyword", entry.words[0]))
    liked = sum(
        1 for paper, value in votes.items() if value > 0 and _likeness(entry.book, shelf.books.get(paper)) >= NEAR
    )
    if liked:
        reasons.append(Reason("near", str(liked)))
    return Pick(entry.book.key, entry.topic, entry.score, entry.match, entry.book.heat, tuple(reasons))
