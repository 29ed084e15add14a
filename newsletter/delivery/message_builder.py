"""Build mails from ledger rows: content (compose), recipient (tokens and links), bytes (mime)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from urllib.parse import urlencode

from sqlalchemy import Engine

from newsletter import mail_kinds
from newsletter.config import Config
from newsletter.errors import LetterError, NewsletterError
from newsletter.mail import outgoing
from newsletter.mail_kinds import MailKind
from newsletter.models import (
    SLOT,
    Claim,
    Envelope,
    Letter,
    Pick,
    Subscriber,
    Topic,
)
from newsletter.steps.compose import IssueFacts, Links, PaperFacts, Renderer, Silence
from newsletter.store import generations, ledger_read, runs, subscribers, topics
from newsletter.store.db import reading
from newsletter.store.generations import Generations
from newsletter.tokens import LETTER, Tokens


class MessageBuilder:
    """Builds finished mails. All of a mail follows from its row, so a retry is byte-identical."""

    def __init__(self, engine: Engine, config: Config, renderer: Renderer, tokens: Tokens) -> None:
        self.engine, self.config, self.renderer, self.tokens = engine, config, renderer, tokens
        self.base = config.site.base_url
        self.domain = config.site.from_.rpartition("@")[2]
        bounces = config.bounces
        self.takes_mail = bool(bounces.lmtp or bounces.maildir or bounces.imap)
        #: Whether anything may come back with the envelope sender of a letter.
        self.has_returns = self.takes_mail or bool(
            bounces.sns_topics or bounces.hook_secret.get_secret_value()
        )
        self.links = Links(
            preferences=f"{self.base}/preferences/{SLOT}",
            unsubscribe=f"{self.base}/unsubscribe/{SLOT}",
            view=f"{self.base}/view/{SLOT}",
            how=f"{self.base}/about",
            archive=f"{self.base}/archive",
            feedback=f"{self.base}/feedback/{SLOT}",
        )
        self._shown = lru_cache(maxsize=8)(self._load_shown)
        self._silence = lru_cache(maxsize=8)(self._load_silence)
        self._generations = Generations()

    def __call__(
        self, claims: Sequence[Claim]
    ) -> Iterator[tuple[Envelope, bytes] | NewsletterError]:
        """Return a parcel for each claim, or why there is none.

        Their data is read now; each mail is built when the iterator is asked for it.
        """
        with reading(self.engine) as connection:
            readers = subscribers.by_ids(connection, (claim.subscriber for claim in claims))
            named = {pick.topic for claim in claims for pick in claim.picks}
            known = topics.by_ids(connection, named)
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
        """Return what an issue says about its papers. It is read once, and again when papers were
        added.
        """
        shown = self._shown(issue)
        if any(pick.paper not in shown for pick in picks):
            self._shown.cache_clear()
            shown = self._shown(issue)
        return shown

    def _load_shown(self, issue: int) -> Mapping[int, PaperFacts]:
        with reading(self.engine) as connection:
            facts = ledger_read.shown_papers(connection, issue)
        return {paper: PaperFacts.from_facts(fact) for paper, fact in facts.items()}

    def _load_silence(self, day: date) -> Silence:
        """Return what was missing when the issue of a day was planned."""
        with reading(self.engine) as connection:
            fact = runs.fact(connection, f"stale {day}") or {}
        lists = (
            (name, tuple(map(date.fromisoformat, days))) for name, days in fact.get("lists", ())
        )
        return Silence(tuple(fact.get("sources", ())), tuple(lists))

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
        """Compose the letter of one row. `is_hosted`: the page behind "view in browser"."""
        kind, token = mail_kinds.find(claim.kind), self.token(claim, reader)
        if kind.values:
            return self._notice(kind, claim, reader, token)
        day, is_quiet = claim.day or claim.due_at.date(), kind is not mail_kinds.DIGEST
        issue = IssueFacts(
            day,
            claim.candidates,
            shown,
            known,
            Silence() if is_quiet else self._silence(day),
            claim.events,
            (missed[0], f"{self.base}/issues/{missed[0].isoformat()}") if missed else None,
        )
        compose = self.renderer.quiet if is_quiet else self.renderer.digest
        return compose(reader, claim.picks, issue, self.links, token, is_hosted=is_hosted)

    def _notice(self, kind: MailKind, claim: Claim, reader: Subscriber, token: str) -> Letter:
        """Compose a letter without papers: values of the row's context, and those that are made
        here.
        """
        query = claim.context.get("query", "")
        preferences = self.links.preferences.replace(SLOT, token)
        values = {
            "query": query,
            **claim.context,
            "email": _recipient(claim, reader),
            "days": kind.lifetime.days,
            "view": self.links.view.replace(SLOT, token),
            "preferences": preferences + (f"?{urlencode({'add': query})}" if query else ""),
            "unsubscribe": self.links.unsubscribe.replace(SLOT, token),
        }
        if kind.link:
            values["confirm"] = self._confirm_url(kind.link, claim, reader)
        return self.renderer.notice(kind, reader.language, **values)

    def message(self, claim: Claim, reader: Subscriber, letter: Letter) -> tuple[Envelope, bytes]:
        """Return the finished mail, signed if this site signs."""
        generation = self._generations.of(claim.id)
        row = (claim.id, generation) if generation else (claim.id,)
        sender = (
            f"bounce+{self.tokens.tag('bounce', *row)}@{self.domain}"
            if self.has_returns
            else self.config.site.from_
        )
        message_id = f"{self.tokens.message_id(*row)}@{self.domain}"
        leaves = claim.dated_at or claim.due_at
        envelope = Envelope(claim.id, sender, _recipient(claim, reader), message_id, leaves)
        headers = self._headers(claim, reader, SLOT if letter.token else self.token(claim, reader))
        return envelope, outgoing.finished(self.config, letter, envelope, headers)

    def _headers(self, claim: Claim, reader: Subscriber, token: str) -> list[tuple[str, str]]:
        """Return the list headers (RFC 2369 and 8058) of a list mail. A mail that answers a person
        says that a program wrote it (RFC 3834). `token`: the letter's, or the slot for it.
        """
        if not mail_kinds.find(claim.kind).is_list:
            return [("Auto-Submitted", "auto-generated")]
        site = self.config.site
        unsubscribe = f"<{self.links.unsubscribe.replace(SLOT, token)}>"
        subscribe = f"<{self.base}/>"
        if self.takes_mail:
            leave = self.tokens.tag("unsubscribe", reader.id, reader.epoch)
            unsubscribe += f", <mailto:unsubscribe+{leave}@{self.domain}>"
            subscribe += f", <mailto:subscribe@{self.domain}>"
        return [
            ("List-Unsubscribe", unsubscribe),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("List-Subscribe", subscribe),
            ("List-Owner", f"<mailto:{site.contact or site.from_}>"),
            ("List-Help", f"<{self.base}/about>"),
            ("List-Archive", f"<{self.base}/archive>"),
            ("List-Post", "NO"),
            ("Precedence", "bulk"),
        ]

    def token(self, claim: Claim, reader: Subscriber) -> str:
        """Return the token of this reader's letter. It is dated by the row, so that retries are
        identical. The paths of its links say what they do.
        """
        issue = claim.issue or claim.context.get("issue", 0)
        return self.tokens.make(LETTER, reader.id, reader.epoch, claim.due_at, paper=issue)

    def _confirm_url(self, purpose: str, claim: Claim, reader: Subscriber) -> str:
        row = claim.id if purpose == "address" else 0
        token = self.tokens.make(purpose, reader.id, reader.epoch, claim.due_at, paper=row)
        return f"{self.base}/{purpose}/{token}"


def _recipient(claim: Claim, reader: Subscriber) -> str:
    """Return who a row's mail goes to: the reader, or the address that they asked to move to."""
    return str(claim.context.get("to") or reader.email)


#: How long a link to the preferences works; each new letter has a new one.
PREFERENCES_AGE = timedelta(days=60)
