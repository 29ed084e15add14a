"""The preferences page: confirm, change settings, pause, change the address, export, erase."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.resources import files
from typing import Any
from zoneinfo import available_timezones

from markupsafe import Markup
from sqlalchemy import Connection
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter import addresses, membership, reader_seeds, site_queries, subscribing
from newsletter.delivery.message_builder import PREFERENCES_AGE
from newsletter.errors import AddressError, NotFound, QueryError
from newsletter.mail_kinds import CONFIRM_WITHIN
from newsletter.matching.query import parse
from newsletter.models import Subscriber, SubscriberState
from newsletter.reader_seeds import Given
from newsletter.store import ledger_read, topics
from newsletter.text.references import read_references
from newsletter.tokens import Claims, TokenError
from newsletter.web.context import PageContext
from newsletter.web.preferences_form import read_choices, said_of
from newsletter.web.token_auth import Form, TokenPages, first, read_form
from newsletter.web.topic_cache import Checked
from newsletter.why import in_words

#: Example of a muted word, the same in every language.
MUTED_EXAMPLE = Markup("<code>-survey</code>")


@dataclass(frozen=True)
class Outcome:
    """What the page says about the form that was sent."""

    status: int = 200
    is_fresh: bool = False  #: the reader is not confirmed yet
    is_saved: bool = False
    note: str = ""  #: key of a sentence in the catalogue; empty = none
    error: str = ""  #: likewise
    mistakes: Sequence[tuple[int, int, str]] = ()  #: line, character, what is wrong
    answer: str = ""  #: why a paper came, or did not
    checked: Sequence[Checked] = ()  #: what queries would bring
    given: Given = field(default_factory=Given)  #: what became of pasted papers


SAVED = Outcome(note="page_choose.counts", is_saved=True)


class Preferences(TokenPages):
    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self.explainer = context.explainer
        self.valid_zones = available_timezones()
        table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines()
        #: One time zone name per place; the other valid names are old names of the same places.
        self.zones = (
            "UTC",
            *sorted(line.split("\t")[2] for line in table if line[:1] not in ("", "#")),
        )
        self.languages = tuple((code, words.name) for code, words in self.view.words.items())

    async def confirm(self, request: Request) -> Response:
        """Choose topics and confirm in one form. GET changes nothing: a link scanner must not
        confirm anybody.
        """
        if request.method == "POST":
            _, reader = await self.who(request, "confirm", CONFIRM_WITHIN)
            return await self._save(request, reader, await read_form(request), is_confirming=True)
        claims = self.claims(request, "confirm", CONFIRM_WITHIN)
        reader, values = await self.batch.read(partial(self._find, claims=claims))
        if reader.state in membership.MEMBERS:  # confirmed already
            return RedirectResponse(self.path("preferences", reader), 303)
        return self._page(request, reader, values, Outcome(is_fresh=True))

    async def preferences(self, request: Request) -> Response:
        if request.method == "POST":
            _, reader = await self.who(request, "preferences", PREFERENCES_AGE)
            return await self._save(request, reader, await read_form(request))
        claims = self.claims(request, "preferences", PREFERENCES_AGE)
        reader, values = await self.batch.read(partial(self._find, claims=claims))
        values["keywords"] = _with_line(values["keywords"], request.query_params.get("add", ""))
        return self._page(request, reader, values)

    async def _save(
        self, request: Request, reader: Subscriber, form: Form, *, is_confirming: bool = False
    ) -> Response:
        """Save the form. If a line is no query, nothing is saved and the form keeps the text."""
        choices = await run_in_threadpool(self._read, form)
        is_fresh = is_confirming and reader.state not in membership.MEMBERS
        if choices.mistakes or "check" in form:
            checked = (
                []
                if choices.mistakes
                else await run_in_threadpool(self._check, choices.queries or ())
            )
            typed = replace(choices.of(reader), language=reader.language)
            values = await self.batch.read(partial(self._load, reader=typed))
            values["keywords"] = first(form, "keywords")
            values["pasted"] = first(form, "seeds")
            values["popular"] = []  # a second form would lose what was typed
            return self._page(
                request,
                typed,
                values,
                Outcome(
                    400 if choices.mistakes else 200,
                    is_fresh,
                    mistakes=choices.mistakes,
                    checked=checked,
                ),
            )
        now = self.clock()
        pasted = await run_in_threadpool(read_references, first(form, "seeds"))

        def keep(connection: Connection) -> tuple[Subscriber, dict[str, Any], Given]:
            kept = membership.save(
                self.app, connection, reader, choices, now, is_confirming=is_confirming
            )
            given = membership.give_examples(connection, kept, pasted, now)
            return kept, self._load(connection, kept), given

        saved, values, given = await self.batch.write(keep)
        outcome = replace(SAVED, note="page_choose.welcome") if is_fresh else SAVED
        outcome = replace(outcome, given=given)
        return self._page(request, saved, values, outcome)

    def _read(self, form: Form) -> membership.Choices:
        offered = {topic.slug: topic.id for topic in self.topics.offered.values()}
        return read_choices(form, offered, self.valid_zones, tuple(self.view.words))

    def _check(self, queries: Sequence[str]) -> list[Checked]:
        return [self.topics.check(query, self.clock()) for query in queries]

    async def act(self, request: Request) -> Response:
        """Do what one button means: pause, resume, weekly, five, topics, address, keep, export,
        why, unseed, erase.
        """
        claims, reader = await self.who(request, "preferences", PREFERENCES_AGE)
        form, now = await read_form(request), self.clock()
        action, outcome = request.path_params["action"], SAVED
        if action == "pause":
            weeks = first(form, "weeks")
            chosen = int(weeks) if weeks in ("1", "2", "4", "8", "12") else 2
            await self.batch.write(partial(membership.pause, reader=reader, now=now, weeks=chosen))
        elif action == "resume":
            await self.batch.write(partial(membership.resume, reader=reader, now=now))
        elif action == "weekly":
            await self.batch.write(partial(membership.set_one, reader=reader, rhythm="weekly"))
        elif action == "five":
            await self.batch.write(partial(membership.set_one, reader=reader, size=5))
        elif action == "topics":
            added = self._read(form).topics
            outcome = SAVED if added else Outcome()
            await self.batch.write(partial(membership.add_topics, reader=reader, added=added))
        elif action == "export":
            outcome = Outcome(note="page_more.export_sent")
            await self.batch.write(partial(membership.request_export, reader=reader, now=now))
        elif action == "keep":
            outcome = Outcome(note="page_more.address_kept")
            await self.batch.write(
                partial(membership.cancel_address_change, reader=reader, now=now)
            )
        elif action == "address":
            outcome = await self._request_address_change(reader, first(form, "email"))
        elif action == "why":
            outcome = await self._explain(reader, first(form, "paper"))
        elif action == "unseed":
            outcome = Outcome(note="page_more.seeds_removed")
            wanted = first(form, "seed")
            ids = [int(wanted)] if wanted.isdecimal() and len(wanted) < 19 else []
            await self.batch.write(
                partial(
                    membership.remove_examples,
                    reader=reader,
                    ids=None if wanted == "all" else ids,
                )
            )
        elif action == "erase":
            if first(form, "sure") == "yes":
                await self.batch.write(partial(membership.erase, self.app, reader=reader, now=now))
                return self.view.page(request, "erased.html", language=reader.language)
            outcome = Outcome(400, error="page_more.erase_unsure")
        else:
            raise TokenError("malformed")
        reader, values = await self.batch.read(partial(self._find, claims=claims))
        return self._page(request, reader, values, outcome)

    async def _explain(self, reader: Subscriber, typed: str) -> Outcome:
        """Say why a paper came, or did not."""
        try:
            found = await self.batch.read(partial(site_queries.find_paper, text=typed))
        except NotFound:
            return Outcome(404, error="page_more.why_unknown")
        answer = await run_in_threadpool(self.explainer.why, reader, found, self.clock())
        said = in_words(answer, self.app.renderer, reader.language)
        return Outcome(answer=f"{found.title}: {said}")

    async def _request_address_change(self, reader: Subscriber, typed: str) -> Outcome:
        """Give the same answer whether the address is free or taken."""
        try:
            address = addresses.parse(typed, own=self.app.config.site.from_)
        except AddressError:
            return Outcome(400, error="page_again.address")
        now = self.clock()

        def ask(connection: Connection) -> None:
            if subscribing.may_write(self.app, connection, address, now):
                membership.request_address_change(self.app, connection, reader, address, now)

        await self.batch.write(ask)
        return Outcome(note="page_more.address_sent")

    def _page(
        self,
        request: Request,
        reader: Subscriber,
        values: dict[str, Any],
        outcome: Outcome = Outcome(),
    ) -> Response:
        words = self.view.words.get(reader.language) or self.view.words["en"]
        note = words.say(outcome.note) if outcome.note else ""
        if (
            outcome.note == SAVED.note
            and reader.state is SubscriberState.PAUSED
            and reader.paused_until
        ):
            note = words.say("page_choose.paused", day=words.date(reader.paused_until, "day"))
        purpose = "confirm" if outcome.is_fresh else "preferences"
        page = self.view.page(
            request,
            "preferences.html",
            outcome.status,
            language=reader.language,
            now=reader,
            is_fresh=outcome.is_fresh,
            note=note,
            error=words.say(outcome.error) if outcome.error else "",
            is_saved=outcome.is_saved,
            mistakes=outcome.mistakes,
            checked=outcome.checked,
            answer=outcome.answer,
            said_of_seeds=said_of(outcome.given, words),
            masked=addresses.mask(reader.email),
            zones=self.zones,
            languages=self.languages,
            example=MUTED_EXAMPLE,
            action=self.path(purpose, reader),
            preferences=self.path("preferences", reader),
            leave=self.path("unsubscribe", reader),
            feed=self.path("feed", reader, "my"),
            **values,
        )
        if self.topics.is_count_due():  # for the next page: this one does not wait
            page.background = BackgroundTask(self.topics.count_again, self.clock())
        return page

    def _find(self, connection: Connection, claims: Claims) -> tuple[Subscriber, dict[str, Any]]:
        """Raises: TokenError."""
        reader = membership.reader_of(connection, claims)
        return reader, self._load(connection, reader)

    def _load(self, connection: Connection, reader: Subscriber) -> dict[str, Any]:
        """Load the values of the form: topics by group, and the reader's own lines."""
        own = (
            topics.by_ids(connection, reader.topics)
            if set(reader.topics) - self.topics.offered.keys()
            else {}
        )
        change = (
            ledger_read.find_move(connection, reader.id)
            if reader.state in membership.MEMBERS
            else None
        )
        groups: dict[str, list[tuple[str, str, bool, int]]] = {}
        words = self.view.words.get(reader.language) or self.view.words["en"]
        week = self.topics.known_counts()
        for topic in self.topics.offered.values():
            name, is_chosen = words.topic(topic), topic.id in reader.topics
            groups.setdefault(topic.group, []).append(
                (topic.slug, name, is_chosen, week.get(topic.id, 0))
            )
        lines = [own[id].query for id in reader.topics if id in own and not own[id].is_curated]
        keywords = "\n".join([*lines, *(f"-{word}" for word in reader.muted)])
        seeds = reader_seeds.listed(connection, reader.id)
        has_nothing = not (reader.topics or reader.follows or seeds)
        is_lost = has_nothing and reader.state is SubscriberState.ACTIVE
        return {
            "popular": self.topics.popular() if is_lost else [],
            "groups": [(name, tuple(of)) for name, of in groups.items()],
            "has_counts": any(week.values()),
            "keywords": keywords,
            "is_moving": change is not None,
            "seeds": seeds,
            "pasted": "",
        }


def _with_line(keywords: str, query: str) -> str:
    """Add the query of a search to the reader's lines. It takes effect when they save the form."""
    try:
        wanted = str(parse(query)) if query else ""
    except QueryError:
        return keywords
    return "\n".join(dict.fromkeys(filter(None, (*keywords.splitlines(), wanted))))
