"""Explain why a paper was in a reader's letter, or which rule kept it out.

For letters that were sent, the ledger has the reasons. Otherwise `choose` decides again, with the
papers, signals and votes of the moment when the letter was planned. Topics and settings are those
of today.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Engine

from newsletter import editions, taste
from newsletter.editions import Edition
from newsletter.matching.index import Index
from newsletter.models import (
    MATCH_CUT,
    DeliveryState,
    Match,
    Paper,
    Pick,
    Subscriber,
    SubscriberState,
    Topic,
)
from newsletter.steps.candidates import ELIGIBLE
from newsletter.steps.choose import CandidateSet
from newsletter.steps.compose import Renderer
from newsletter.steps.compose.locale import FALLBACK
from newsletter.store import letters_of_papers, merged, topics
from newsletter.store.db import reading
from newsletter.store.letters_of_papers import PlannedLetter

#: Moments whose papers stay in memory; preparing one takes about a second for 3,000 papers.
KEPT = 8
_SENT = (DeliveryState.SENT, DeliveryState.HELD)
_ON_ITS_WAY = (
    DeliveryState.PENDING,
    DeliveryState.CLAIMED,
    DeliveryState.DOT,
    DeliveryState.DEFERRED,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Why, or why not. `rule` is one of:

    sent, waiting       it is in the letter of `day`, for the reasons of `pick`
    not_delivered       it was, and that letter did not arrive
    too_long            it was chosen, and the letter was too long for the receiver
    hidden, withdrawn   no letter brings it
    no_letter           no letter of this reader was planned while it could come, until `day`
    no_topic            nothing of the reader brings it; `detail` is the nearest topic, if any
    muted, near_duplicate, not_hot, topic_cap, author_cap, size
                        the rule of `choose` that kept it out of the letter of `day`
    seen                the reader had it, as a paper that is shown as this one
    changed             it would have been in the letter of `day` with the settings of today
    next                as things are, it is in the next letter, for the reasons of `pick`
    """

    rule: str
    paper: Paper
    day: date | None = None
    detail: str = ""
    pick: Pick | None = None


def in_words(answer: Answer, renderer: Renderer, language: str = FALLBACK) -> str:
    """Return an answer as one or two sentences."""
    words = renderer.words.get(language) or renderer.words[FALLBACK]
    day = words.date(answer.day, "day") if answer.day else ""
    letter = words.say("page_why.letter", day=day) if day else words.say("page_why.next_letter")
    rule = "nearly" if answer.rule == "no_topic" and answer.detail else answer.rule
    said = words.say(f"page_why.{rule}", letter=letter, day=day, detail=answer.detail)
    told = answer.pick.reasons if answer.pick else ()
    reasons = [
        renderer.reason(reason, words.code)
        for reason in told
        if reason.kind not in ("topic", "outside")
    ]
    because = words.say("page_why.because", reasons="; ".join(reasons)) if reasons else ""
    return f"{said} {because}".rstrip()


@dataclass
class _Moment:
    """The prepared papers of one moment. Topics are matched when first needed."""

    edition: Edition
    index: Index
    eligible: Sequence[Paper]
    matches: dict[int, Sequence[Match]]

    def match(self, wanted: Sequence[Topic]) -> None:
        new = {topic.id: topic for topic in wanted if topic.id not in self.matches}
        if new:
            queries = {id: topic.query for id, topic in new.items()}
            self.matches.update(self.index.match(queries, self.eligible))
            self.edition.topics.update(new)


class Explainer:
    """Answers for one site. Moments are cached, so a second question about a day is fast."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._moments: dict[object, _Moment] = {}
        self._lock = threading.Lock()

    def why(self, reader: Subscriber, paper: Paper, now: datetime) -> Answer:
        """Say when a paper was sent to a reader, or which rule kept it out of the last letter that
        it could have been in. If there was no such letter, of the next one.
        """
        with reading(self.engine) as connection:
            names = {paper.key, *merged.members(connection, paper.key)}
            letters = letters_of_papers.planned(connection, reader.id, names)
            chosen = list(topics.by_ids(connection, reader.topics).values())
        if found := _in_letter(paper, names, letters):
            return found
        if paper.is_hidden or paper.is_withdrawn:
            return Answer("hidden" if paper.is_hidden else "withdrawn", paper)
        first = paper.first_seen or now
        could = [one for one in letters if first <= one.at <= first + ELIGIBLE]
        if could:
            return self._decide(reader, paper, chosen, now, could[0])
        is_to_come = first + ELIGIBLE >= now and reader.state is SubscriberState.ACTIVE
        if is_to_come:
            return self._decide(reader, paper, chosen, now)
        return Answer("no_letter", paper, (first + ELIGIBLE).date())

    def _decide(
        self,
        reader: Subscriber,
        paper: Paper,
        chosen: Sequence[Topic],
        now: datetime,
        letter: PlannedLetter | None = None,
    ) -> Answer:
        """Choose again for a letter that was planned, or for the next one."""
        at = letter.at if letter else now.replace(second=0, microsecond=0)
        day, planned = (letter.day, letter.delivery) if letter else (None, None)
        with self._lock:
            moment = self._moment(at)
            moment.match(chosen)
            choice = editions.choose_for(self.engine, reader, moment.edition, planned)
        for rule, pick in choice.passed:
            if pick.paper == paper.key:
                return Answer(rule, paper, day, pick=pick)
        for pick in choice.picks:
            if pick.paper == paper.key:
                # "changed": the reader's settings or the paper are not those of that day.
                return Answer("changed", paper, day) if letter else Answer("next", paper, pick=pick)
        return replace(self._no_topic(moment, paper, chosen), day=day)

    def _no_topic(self, moment: _Moment, paper: Paper, chosen: Sequence[Topic]) -> Answer:
        """Return the topic that came nearest to bringing a paper, and its score."""
        scores = {
            topic.name: match.score
            for topic in chosen
            for match in moment.index.weigh(topic.query)
            if match.paper == paper.key and match.score < MATCH_CUT
        }
        if not scores:
            return Answer("no_topic", paper)
        nearest = max(scores, key=lambda name: scores[name])
        return Answer("no_topic", paper, detail=f"{nearest} ({scores[nearest]:.2f})")

    def _moment(self, at: datetime) -> _Moment:
        kept = self._moments.pop(at, None)
        if kept is None:
            eligible, heats = editions.measure(self.engine, at)
            matches: dict[int, Sequence[Match]] = {}
            known: dict[int, Topic] = {}
            with reading(self.engine) as connection:
                liking = taste.likings(connection, eligible, heats)
            candidates = CandidateSet.prepare(eligible, heats, matches, known, at, liking)
            by_key = {paper.key: paper for paper in eligible}
            edition = Edition(at, by_key, heats, known, matches, candidates)
            kept = _Moment(edition, Index(eligible), eligible, matches)
        self._moments[at] = kept
        while len(self._moments) > KEPT:
            del self._moments[next(iter(self._moments))]
        return kept


def _in_letter(paper: Paper, names: set[int], letters: Sequence[PlannedLetter]) -> Answer | None:
    """Return the letter that a paper was in; letters that arrived come first."""
    held = [one for one in letters if names & {*one.papers, *one.left}]
    for rule, states in (("sent", _SENT), ("waiting", _ON_ITS_WAY), ("not_delivered", None)):
        for one in held:
            if states is not None and one.state not in states:
                continue
            pick = one.picks[0] if one.picks else None
            if not names & set(one.papers):
                return Answer("too_long", paper, one.day, pick=pick)
            return Answer(rule, paper, one.day, pick=pick)
    return None
