"""Short summaries from an endpoint with OpenAI's chat protocol. Off unless configured.

Only papers that readers are about to get are sent to it, each once. The answer is stored with the
paper and shown as machine-written. After any failure the letter shows the abstract and is sent in
time.
"""

import asyncio
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

import httpx2
from sqlalchemy import Connection, Engine

from newsletter.config import Summaries
from newsletter.models import Paper
from newsletter.store import papers as stored_papers
from newsletter.store import runs
from newsletter.store.db import reading, writing
from newsletter.text.machine_summary import about, objection
from newsletter.text.markup import MACHINE, clean

INSTRUCTION = (
    "You write for a newsletter that scientists read. Say in one or two plain sentences, at most "
    "45 words in all, what "
    "this paper found or built and why it matters. Use only what the abstract says. No heading, "
    "no list, no link, no "
    "praise."
)
#: Time limit for all summaries of one issue together.
PATIENCE_S = 120.0
CONNECTIONS = 4
#: After this many failures the endpoint is asked no more.
FAILURES = 3
MAX_ANSWER_BYTES = 100_000
LENGTHS = range(20, 601)
MAX_TOKENS = 400

#: The prompt asks for 45 words.
MAX_WORDS = 70

#: Some prompts begin the reasoning part, so that an answer may start inside it.
_THOUGHTS = re.compile(r"^.*</think>", re.DOTALL | re.IGNORECASE)
_LABEL = re.compile(r"^\W*(summary|tl;?dr)\W*:\W*", re.IGNORECASE)
_FACT = "summaries"

log = logging.getLogger(__name__)


class Failed(Exception):
    """There is no usable answer; the message says why."""


class Refused(Exception):
    """The answer must not reach readers. The endpoint works; the paper is not asked about again."""


async def write(
    engine: Engine,
    section: Summaries,
    papers: Mapping[int, Paper],
    picked: Mapping[int, int],
    now: datetime,
) -> dict[int, str]:
    """Get summaries for papers without one, papers of most readers first. They are stored, and
    returned as Paper.key -> summary.

    `picked`: Paper.key -> number of readers who get it. At most `per_day` papers are asked about on
    one UTC day. Failures of the endpoint are not raised.
    """
    with reading(engine) as connection:
        asked_before = _asked(connection, now)
    by_readers = sorted(picked, key=lambda key: (-picked[key], key))
    lacking = [
        papers[key]
        for key in by_readers
        if papers[key].abstract
        and not papers[key].summary
        and papers[key].summary_refused != _digest(section, papers[key])
    ]
    asking = lacking[: max(0, section.per_day - asked_before)]
    if not asking:
        return {}
    with writing(
        engine
    ) as connection:  # counted before the first request, so that a crash cannot double the cost
        _note_asked(connection, now, asked_before + len(asking))
    batch = _Questions(section)
    await batch.work(asking)
    with writing(engine) as connection:
        _note_asked(connection, now, asked_before + batch.answered)
        stored_papers.note_summaries(connection, batch.written)
        digests = {key: _digest(section, papers[key]) for key in batch.refused}
        stored_papers.note_refused_summaries(connection, digests)
    if batch.refused:
        log.info("summaries: %d answers were not believed", len(batch.refused))
    if batch.failures:
        log.warning(
            "summaries: %d of %d not written: %s",
            len(asking) - len(batch.written),
            len(asking),
            batch.last,
        )
    return batch.written


def _digest(section: Summaries, paper: Paper) -> str:
    """Return what a question is remembered by: the model and all that it is told."""
    told = "\n\n".join((section.model, INSTRUCTION, paper.title, paper.abstract))
    return sha256(told.encode()).hexdigest()


def _asked(connection: Connection, now: datetime) -> int:
    fact = runs.fact(connection, _FACT) or {}
    return int(fact["asked"]) if fact.get("day") == now.astimezone(UTC).date().isoformat() else 0


def _note_asked(connection: Connection, now: datetime, asked: int) -> None:
    runs.note_fact(
        connection, _FACT, {"day": now.astimezone(UTC).date().isoformat(), "asked": asked}
    )


@dataclass
class _Questions:
    """The requests of one run, a few at the same time."""

    section: Summaries
    written: dict[int, str] = field(default_factory=dict)
    answered: int = 0  #: requests without an answer cost nothing
    refused: list[int] = field(default_factory=list)  #: papers whose answer was refused
    failures: int = 0
    last: str = ""  #: the last failure

    async def work(self, papers: Sequence[Paper]) -> None:
        waiting = iter(papers)
        async with httpx2.AsyncClient(trust_env=False, follow_redirects=False) as client:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await asyncio.gather(*(self._take(client, waiting) for _ in range(CONNECTIONS)))
            except TimeoutError:
                self.failures, self.last = self.failures + 1, f"not done after {PATIENCE_S:.0f} s"

    async def _take(self, client: httpx2.AsyncClient, waiting: Iterator[Paper]) -> None:
        for paper in waiting:
            if self.failures >= FAILURES:
                return
            try:
                async with asyncio.timeout(self.section.timeout_s):
                    content = await self._ask(client, paper)
                self.written[paper.key] = fit(content, f"{paper.title}. {paper.abstract}")
            except Refused:
                self.refused.append(paper.key)
            except TimeoutError:
                self.failures, self.last = (
                    self.failures + 1,
                    f"no answer within {self.section.timeout_s:g} s",
                )
            except (
                Exception
            ) as e:  # the letters are sent in any case; an error of the header would quote the key
                said = f"{e}" if isinstance(e, Failed | httpx2.NetworkError) else ""
                self.failures, self.last = self.failures + 1, said or type(e).__name__

    async def _ask(self, client: httpx2.AsyncClient, paper: Paper) -> str:
        key = self.section.key.get_secret_value()
        headers = {"Accept-Encoding": "identity"} | (
            {"Authorization": f"Bearer {key}"} if key else {}
        )
        question = {
            "model": self.section.model,
            "messages": [
                {"role": "system", "content": INSTRUCTION},
                {"role": "user", "content": f"{paper.title}\n\n{paper.abstract}"},
            ],
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
        }
        address = f"{self.section.url}/chat/completions"
        body = bytearray()
        async with client.stream(
            "POST", address, json=question, headers=headers, timeout=None
        ) as answer:
            if answer.status_code != 200:
                raise Failed(f"the endpoint answered {answer.status_code}")
            self.answered += 1
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise Failed(f"an answer of more than {MAX_ANSWER_BYTES:,} bytes")
        return _content(bytes(body))


def _content(body: bytes) -> str:
    try:
        choice = json.loads(body)["choices"][0]
        content, reason = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as e:
        raise Failed("an answer that is not of the chat protocol") from e
    if not isinstance(content, str):
        raise Failed("an answer without text")
    if reason == "length":
        raise Failed("an answer that was cut off")
    return content


def fit(content: str, source: str = "") -> str:
    """Return an answer as it may stand in a letter: plain text on one line, with the length of a
    summary, only about the paper.

    `source`: the paper's title and abstract.

    Raises: Failed without a usable answer, Refused for one that must not be shown.
    """
    told = _THOUGHTS.sub("", content)
    if "<think" in told.lower():
        raise Failed("an answer that is still thinking")
    if why := objection(told, source):
        raise Refused(f"an answer with {why} in it")
    text = clean(_LABEL.sub("", clean(told, dialects=MACHINE))).strip('"“” ')
    if why := objection(text, source):
        raise Refused(f"an answer with {why} in it")
    text = about(text, source)
    if not text:
        raise Refused("an answer about something else")
    if len(text) not in LENGTHS or len(text.split()) > MAX_WORDS:
        raise Failed(f"an answer of {len(text)} characters")
    return text
