"""Letters in the browser: a reader's own letter as it was sent, a sample for everybody, and a
reader's papers as a feed.

A letter has its styles in elements and in `<style>`, because mail programs need them there; the
content security policy of the pages allows neither. These two pages have a policy that names each
of their styles by hash: anything that was smuggled into a letter is not styled, loaded or run.
"""

import base64
import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from newsletter.delivery.message_builder import PREFERENCES_AGE, MessageBuilder
from newsletter.errors import NotFound
from newsletter.models import Claim, Pick, Subscriber
from newsletter.steps.compose import IssueFacts, Links, PaperFacts, show
from newsletter.store import ledger_plan, ledger_read, paper_events, papers, signals, topics
from newsletter.store.db import reading
from newsletter.web import feeds
from newsletter.web.cards import Card, card
from newsletter.web.context import PageContext
from newsletter.web.middleware import POLICY
from newsletter.web.token_auth import TokenPages

_BLOCKS = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_ATTRIBUTES = re.compile(r'\sstyle="([^"]*)"')
SAMPLE_SIZE = 8


def policy(page: str) -> str:
    """Return the content security policy of one letter: its styles, by hash (CSP level 3, section
    8.3).
    """
    styles = {
        *_BLOCKS.findall(page),
        *(html.unescape(style) for style in _ATTRIBUTES.findall(page)),
    }
    hashes = " ".join(sorted(f"'sha256-{_hash(style)}'" for style in styles))
    return POLICY.replace(
        "style-src 'self'", f"style-src 'unsafe-hashes' {hashes}" if hashes else "style-src 'none'"
    )


@lru_cache(maxsize=1024)
def _hash(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


class IssueView(TokenPages):
    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self.kept = context.kept
        #: The samples of the last issue, by issue and language.
        self._samples: dict[str, str] = {}

    async def letter(self, request: Request) -> Response:
        """Show one reader's letter as it was sent, without the address."""
        claims, reader = await self.who(request, "view", PREFERENCES_AGE)
        return _page(await run_in_threadpool(self._letter, reader, claims.paper))

    def _letter(self, reader: Subscriber, issue: int) -> str:
        app = self.app
        with reading(app.engine) as connection:
            row = ledger_read.letter(connection, reader.id, issue)
            facts = ledger_read.shown_papers(connection, issue)
            known = topics.by_ids(connection, reader.topics)
            told = paper_events.told(connection, [row["id"]])
        if not row["picks"]:
            raise NotFound("a quiet day has no letter")
        shown = {paper: PaperFacts.from_facts(fact) for paper, fact in facts.items()}
        claim = Claim(
            id=row["id"],
            issue=row["issue"],
            day=row["date"],
            subscriber=reader.id,
            kind=row["kind"],
            picks=ledger_plan.unpack_picks(row["picks"], row["pick_limit"]),
            due_at=row["due_at"],
            candidates=row["candidates"],
            events=told.get(row["id"], ()),
        )
        builder = MessageBuilder(app.engine, app.config, app.renderer, app.tokens)
        return builder.compose(claim, reader, shown, known, None, is_hosted=True).html_page

    async def sample(self, request: Request) -> Response:
        """Show an example of a letter: the hottest papers of the last issue, without a reader."""
        return _page(await run_in_threadpool(self._sample, self.view.language(request)))

    def _sample(self, language: str) -> str:
        """The sample in one language. It is made once for each issue, and again when a paper of it
        is hidden; from the hottest papers of all while no issue has any.
        """
        with reading(self.app.engine) as connection:
            latest = next(iter(ledger_read.issue_days(connection, None, 1)), None)
            number = ledger_read.count_public_papers(connection, latest[0]) if latest else 0
        name = f"{latest} {number} {language}"
        if (kept := self._samples.get(name)) is not None:
            return kept
        page = self.kept.get(f"sample {name}", partial(self._make_sample, latest, language))
        if latest is not None:
            of_issue = {
                key: one
                for key, one in self._samples.items()
                if key.startswith(f"{latest} {number} ")
            }
            self._samples = {**of_issue, name: page}
        return page

    def _make_sample(self, latest: tuple[int, date] | None, language: str) -> str:
        now, base = self.clock(), self.app.config.site.base_url
        day = now.date()
        facts, total = self._facts_of(latest[0]) if latest else ([], 0)
        if latest and facts:
            day = latest[1]
        else:
            facts, total = self._hottest(now)
        every = [PaperFacts.from_facts(one) for one in facts]
        best = sorted(every, key=lambda one: (-one.level, -one.heat, one.key))[:SAMPLE_SIZE]
        if not best:
            raise NotFound("no papers yet")
        shown = {one.key: one for one in best}
        picks = [Pick(one.key, self._topic_of(one.id, now), 1, 1, one.heat) for one in best]
        hottest: dict[int, float] = {}
        for pick in picks:
            hottest[pick.topic] = max(hottest.get(pick.topic, 0), pick.heat)
        picks.sort(key=lambda pick: (-hottest[pick.topic], pick.topic, -pick.heat))
        front = f"{base}/"
        links = Links(
            preferences=front,
            unsubscribe=front,
            view=f"{base}/sample",
            how=f"{base}/method",
            archive=f"{base}/archive",
            feedback=f"{front}#",
        )
        reader = Subscriber(0, "", language=language)
        issue = IssueFacts(day, total, shown, dict(self.topics.offered))
        return self.app.renderer.digest(reader, picks, issue, links, "", is_hosted=True).html_page

    def _facts_of(self, issue: int) -> tuple[Sequence[Mapping[str, Any]], int]:
        with reading(self.app.engine) as connection:
            shown = ledger_read.public_papers(connection, issue)
            return shown, ledger_read.candidates(connection, issue)

    def _hottest(self, now: datetime) -> tuple[Sequence[Mapping[str, Any]], int]:
        """What an issue would say of the hottest papers now, and how many papers there are."""
        with reading(self.app.engine) as connection:
            heats = dict(signals.hottest(connection, SAMPLE_SIZE))
            found = papers.by_keys(connection, list(heats))
            total = papers.count(connection)
            readings = signals.of_papers(connection, heats, now)
        facts = [
            show(paper, heats[key], readings.get(key, ()), now) for key, paper in found.items()
        ]
        return facts, total

    def _topic_of(self, id: str, now: datetime) -> int:
        """Return the id of the first curated topic that finds a paper; -1 = none."""
        for topic in self.topics.offered.values():
            if any(paper.id == id for paper in self.topics.find(topic.query, now, 1000)[0]):
                return topic.id
        return -1

    async def feed(self, request: Request) -> Response:
        """Return the papers of one reader's letters as a feed. The link ends when they leave."""
        name, _, form = request.path_params["token"].rpartition(".")
        if form not in feeds.FORMS:
            raise NotFound("no such feed")
        request.path_params["token"] = name
        _, reader = await self.who(request, "feed", None)

        def load(connection: Connection) -> list[Card]:
            letters = ledger_read.recent_picks(connection, reader.id)
            facts = {issue: ledger_read.shown_papers(connection, issue) for issue, _, _ in letters}
            return [
                card(facts[issue][pick.paper])
                for issue, _, packed in letters
                for pick in ledger_plan.unpack_picks(packed)
                if pick.paper in facts[issue]
            ]

        site = self.view.site
        return feeds.respond(request, form, site["name"], site["url"], await self.batch.read(load))


def _page(text: str) -> Response:
    return HTMLResponse(text, headers={"Content-Security-Policy": policy(text)})
