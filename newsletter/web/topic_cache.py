"""A cache for the pages: the curated topics, and the index of the last seven days."""

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from newsletter.app import App
from newsletter.matching import breadth
from newsletter.matching.breadth import TooBroad
from newsletter.matching.index import Index
from newsletter.models import Paper, Topic
from newsletter.steps.candidates import ELIGIBLE
from newsletter.store import acronyms, papers, topics
from newsletter.store.db import reading

#: Most seconds until a topic that the operator added is shown.
FRESH_FOR_S = 10.0
#: Counts of papers a week are this old at most, and a moment longer while they are made.
COUNTED_FOR_S = 600.0
#: Topics that are offered to a reader who has none.
OFFERED = 6
#: Titles that are shown while a reader tries a query.
TITLES = 3


class Checked(NamedTuple):
    """What a query found in the last seven days."""

    query: str
    number: int  #: papers per week
    titles: tuple[str, ...]  #: of the best ones
    too_broad: TooBroad | None


class TopicCache:
    def __init__(self, app: App) -> None:
        self.app = app
        self._lock = threading.Lock()
        self._offered: tuple[float, Mapping[int, Topic]] = (-FRESH_FOR_S, {})
        self._recent: tuple[object, list[Paper], Index] = (None, [], Index())
        self._counts: tuple[float, Mapping[int, int]] = (float("-inf"), {})
        self._counting = threading.Lock()
        self._popular: tuple[float, list[int]] = (float("-inf"), [])

    @property
    def offered(self) -> Mapping[int, Topic]:
        """Return the curated topics by id, in the order in which they are listed."""
        kept_at, offered = self._offered
        if kept_at < time.monotonic() - FRESH_FOR_S:
            with reading(self.app.engine) as connection:
                offered = {topic.id: topic for topic in topics.curated(connection)}
            self._offered = (time.monotonic(), offered)
        return offered

    def popular(self) -> list[Topic]:
        """Return the topics to offer to a reader who has none: those with most active readers,
        then those with papers this week, then the first of the list; `OFFERED` at most.
        """
        kept_at, ids = self._popular
        if kept_at < time.monotonic() - COUNTED_FOR_S:
            with reading(self.app.engine) as connection:
                ids = topics.popular(connection, OFFERED)
            self._popular = (time.monotonic(), ids)
        offered, week = self.offered, self.known_counts()
        with_papers = [id for id in offered if week.get(id)]
        ordered = dict.fromkeys((*ids, *with_papers, *offered))
        return [offered[id] for id in ordered if id in offered][:OFFERED]

    def find(self, query: str, now: datetime, limit: int) -> tuple[list[Paper], int]:
        """Return a query's papers of the last seven days: the best `limit`, best first, and how
        many there are.

        The index is built again when papers came or changed, and each hour. Raises: QueryError with
        the position.
        """
        recent, index = self._index(now)
        found = index.match({0: query}, recent)[0]
        by_key = {paper.key: paper for paper in recent}
        return [by_key[match.paper] for match in found[:limit]], len(found)

    def check(self, query: str, now: datetime) -> Checked:
        """Return what a query would find. Raises: QueryError with the position."""
        recent, index = self._index(now)
        found = index.match({0: query}, recent)[0]
        by_key = {paper.key: paper for paper in recent}
        titles = tuple(by_key[match.paper].title for match in found[:TITLES])
        too_broad = breadth.warning(recent, {match.paper for match in found})
        return Checked(query, len(found), titles, too_broad)

    def count(self, asked: Sequence[Topic], now: datetime) -> dict[int, int]:
        """Return topic id -> number of its papers of the last seven days."""
        recent, index = self._index(now)
        found = index.match({topic.id: topic.query for topic in asked}, recent)
        return {topic.id: len(found.get(topic.id, ())) for topic in asked}

    def known_counts(self) -> Mapping[int, int]:
        """Return topic id -> papers a week as last counted, at once; empty before `count_again`."""
        return self._counts[1]

    def is_count_due(self) -> bool:
        """Say whether the counts are old. Only the first who asks hears it, and counts again."""
        if self._counts[0] >= time.monotonic() - COUNTED_FOR_S:
            return False
        return self._counting.acquire(blocking=False)

    def count_again(self, now: datetime) -> None:
        """Make the counts anew; for whoever was told so by `is_count_due`."""
        try:
            counts = self.count(list(self.offered.values()), now)
            self._counts = (time.monotonic(), counts)
        finally:
            self._counting.release()

    def _index(self, now: datetime) -> tuple[list[Paper], Index]:
        with self._lock, reading(self.app.engine) as connection:
            hour = now.replace(minute=0, second=0, microsecond=0)
            version = (papers.version(connection), hour)
            if self._recent[0] != version:
                recent = papers.recent(connection, now - ELIGIBLE, now)
                meant = acronyms.every(connection)
                self._recent = (version, recent, Index(recent, acronyms=meant))
            return self._recent[1:]
