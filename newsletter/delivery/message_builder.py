"""Letters of the ledger's rows: what to say (compose), to whom (tokens and links), as bytes
(mime).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from urllib.parse import urlencode

from sqlalchemy import Engine

from newsletter import mail_kinds
from newsletter.config import Config
from newsletter.errors import LetterError, NewsletterError
from newsletter.mail import dkim, mime
from newsletter.mail_kinds import MailKind
from newsletter.models import (
    Claim,
    Envelope,
    Letter,
    Pick,
    Subscriber,
    Topic,
)
from newsletter.steps.compose import IssueFacts, Links, PaperFacts, Renderer
from newsletter.store import generations, ledger_read, runs, subscribers, topics
from newsletter.store.db import reading
from newsletter.store.generations import Generations
from newsletter.tokens import Tokens


class MessageBuilder:
    """Builds finished mails for dispatch. Everything in them is a function of the row: a retry is
    byte-identical.
    """

    def __init__(self, engine: Engine, config: Config, renderer: Renderer, tokens: Tokens) -> None:
        self.engine, self.config, self.renderer, self.tokens = engine, config, renderer, tokens
        self.base = config.site.base_url
        self.domain = config.site.from_.rpartition("@")[2]
        self.takes_mail = bool(config.bounces.lmtp or config.bounces.maildir)
        self._shown = lru_cache(maxsize=8)(self._load_shown)
        self._stale = lru_cache(maxsize=8)(self._load_stale)
        self._generations = Generations()

    def __call__(
        self, claims: Sequence[Claim]
    ) -> Iterator[tuple[Envelope, bytes] | NewsletterError]:
        """A parcel for each claim, or why there is none. What they need is read now, each is made
        when asked for.
        """
        with reading(self.engine) as connection:
            readers = subscribers.by_ids(connection, (claim.subscriber for claim in claims))
            known = {topic.id: topic for topic in topics.in_use(connection)}
            self._generations = generations.load(connection)
            missed: dict[int, tuple[date, int]] = {}
            for day in {claim.day for claim in claims if claim.day is not None}:
                of_day = [claim.subscriber for claim in claims if claim.day == day]
                missed |= ledger_read.missed(connection, of_day, day)
        return (
            self._parcel(claim, readers, known, missed.get(claim.subscriber)) for claim in claims
        )

    def _parcel(
        self,
        claim: Claim,
        readers: Mapping[int, Subscriber],
        known: Mapping[int, Topic],
        missed: tuple[date, int] | None,
    ) -> tuple[Envelope, bytes] | NewsletterError:
        try:
            reader = readers[claim.subscriber]
            shown = self._facts(claim.issue, claim.picks) if claim.issue else {}
            return self.message(claim, reader, self.compose(claim, reader, shown, known, missed))
        except NewsletterError as e:
            return e
        except Exception as e:  # one broken letter must not end the batch
            return LetterError(f"{type(e).__name__}: {e}")

    def _facts(self, issue: int, picks: Sequence[Pick]) -> Mapping[int, PaperFacts]:
        """What an issue says about its papers; read once, and again when it grew meanwhile."""
        shown = self._shown(issue)
        if any(pick.paper not in shown for pick in picks):
            self._shown.cache_clear()
            shown = self._shown(issue)
        return shown

    def _load_shown(self, issue: int) -> Mapping[int, PaperFacts]:
        with reading(self.engine) as connection:
            facts = ledger_read.shown_papers(connection, issue)
        return {paper: PaperFacts.from_facts(fact) for paper, fact in facts.items()}

    def _load_stale(self, day: date) -> tuple[str, ...]:
        """Sources whose news were missing when the issue of a day was planned."""
        with reading(self.engine) as connection:
            return tuple((runs.fact(connection, f"stale {day}") or {}).get("sources", ()))

    def compose(
        self,
        claim: Claim,
        reader: Subscriber,
        shown: Mapping[int, PaperFacts],
        known: Mapping[int, Topic],
        missed: tuple[date, int] | None,
        *,
        is_hosted: bool = False,
    ) -> Letter:
        """Put one row into words. `is_hosted` makes the page behind "view in browser"."""
        kind, links = mail_kinds.find(claim.kind), self.links(claim, reader)
        if kind.values:
            return self._notice(kind, claim, reader, links)
        day = claim.day or claim.due_at.date()
        if missed:
            address = f"{self.base}/issues/{missed[0].isoformat()}"
            links = replace(links, missed=(missed[0], address))
        issue = IssueFacts(day, claim.candidates, shown, known, self._stale(day), claim.events)
        compose = self.renderer.quiet if kind is mail_kinds.QUIET else self.renderer.digest
        return compose(reader, claim.picks, issue, links, is_hosted=is_hosted)

    def _notice(self, kind: MailKind, claim: Claim, reader: Subscriber, links: Links) -> Letter:
        """A letter without papers. What a row's context says is its own; the rest is made here."""
        query = claim.context.get("query", "")
        values = {
            "query": query,
            **claim.context,
            "email": _recipient(claim, reader),
            "days": kind.lifetime.days,
            "view": links.view,
            "preferences": links.preferences + (f"?{urlencode({'add': query})}" if query else ""),
            "unsubscribe": links.unsubscribe,
        }
        if kind.link:
            values["confirm"] = self._url(kind.link, kind.link, claim, reader)
        return self.renderer.notice(kind, reader.language, **values)

    def message(self, claim: Claim, reader: Subscriber, letter: Letter) -> tuple[Envelope, bytes]:
        """The finished mail, signed when this site signs."""
        site, generation = self.config.site, self._generations.of(claim.id)
        row = (claim.id, generation) if generation else (claim.id,)
        sender = (
            f"bounce+{self.tokens.tag('bounce', *row)}@{self.domain}"
            if self.takes_mail
            else site.from_
        )
        message_id = f"{self.tokens.message_id(*row)}@{self.domain}"
        envelope = Envelope(claim.id, sender, _recipient(claim, reader), message_id, claim.due_at)
        headers = (
            self._list_headers(claim, reader)
            if mail_kinds.find(claim.kind).is_list
            else [("Auto-Submitted", "auto-generated")]
        )
        message = mime.build(letter, envelope, mime.mailbox(site.name, site.from_), headers)
        signer = self.signer()
        return envelope, signer.sign(message) if signer else message

    def signer(self) -> dkim.Signer | None:
        """What signs this site's mail. Read once.

        Raises: ConfigError when the key cannot be read.
        """
        key = self.config.dkim
        return (
            dkim.signer(key.domain, key.selector, key.key_file)
            if key.domain and key.key_file
            else None
        )

    def _list_headers(self, claim: Claim, reader: Subscriber) -> list[tuple[str, str]]:
        """RFC 2369, 2919, 8058, and Feedback-ID, which names nobody."""
        site = self.config.site
        unsubscribe = f"<{self._url('unsubscribe', 'unsubscribe', claim, reader)}>"
        subscribe = f"<{self.base}/>"
        if self.takes_mail:
            leave = self.tokens.tag("unsubscribe", reader.id, reader.epoch)
            unsubscribe += f", <mailto:unsubscribe+{leave}@{self.domain}>"
            subscribe += f", <mailto:subscribe@{self.domain}>"
        return [
            (
                "List-Id",
                f"{mime.clean_header(site.name)} <digest.{self.domain}>"
                if site.name.isascii()
                else f"<digest.{self.domain}>",
            ),
            ("List-Unsubscribe", unsubscribe),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("List-Subscribe", subscribe),
            ("List-Owner", f"<mailto:{site.contact or site.from_}>"),
            ("List-Help", f"<{self.base}/about>"),
            ("List-Archive", f"<{self.base}/archive>"),
            ("List-Post", "NO"),
            ("Precedence", "bulk"),
            ("Feedback-ID", f"{claim.day or 'preview'}:{claim.kind}:site:newsletter"),
        ]

    def links(self, claim: Claim, reader: Subscriber) -> Links:
        """This reader's addresses in this letter, made for the moment it was due, so that retries
        are alike.
        """
        votes = [(pick.paper, vote) for pick in claim.picks for vote in (1, -1)]
        tokens = self.tokens.make_many("feedback", reader.id, reader.epoch, claim.due_at, votes)
        made = dict(zip(votes, tokens, strict=True))

        def feedback(paper: int, vote: str) -> str:
            return f"{self.base}/feedback/{made[paper, 1 if vote == 'more' else -1]}"

        view = self.tokens.make(
            "view",
            reader.id,
            reader.epoch,
            claim.due_at,
            paper=claim.issue or claim.context.get("issue", 0),
        )
        return Links(
            preferences=self._url("preferences", "preferences", claim, reader),
            unsubscribe=self._url("unsubscribe", "unsubscribe", claim, reader),
            view=f"{self.base}/view/{view}",
            how=f"{self.base}/about",
            archive=f"{self.base}/archive",
            feedback=feedback,
        )

    def _url(self, page: str, purpose: str, claim: Claim, reader: Subscriber) -> str:
        row = claim.id if purpose == "address" else 0
        token = self.tokens.make(purpose, reader.id, reader.epoch, claim.due_at, paper=row)
        return f"{self.base}/{page}/{token}"


def _recipient(claim: Claim, reader: Subscriber) -> str:
    """Who a row's mail goes to: the reader, or the address they asked to move to."""
    return str(claim.context.get("to") or reader.email)


#: A link to the preferences works as long as letters come; each new letter brings a new one.
PREFERENCES_AGE = timedelta(days=60)
