"""The page of choices: confirming, changing, pausing, and what belongs to one's data."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from importlib.resources import files
from typing import Any
from zoneinfo import available_timezones

from markupsafe import Markup
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter import addresses, membership
from newsletter.app import App
from newsletter.delivery.message_builder import PREFERENCES_AGE
from newsletter.errors import AddressError, QueryError
from newsletter.mail_kinds import CONFIRM_WITHIN
from newsletter.matching.query import parse
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import ledger_read, topics
from newsletter.tokens import Claims, TokenError
from newsletter.web.db_batch import DbBatch
from newsletter.web.subscriptions import Subscriptions
from newsletter.web.token_auth import Form, TokenPages, first, read_form
from newsletter.web.topic_cache import TopicCache
from newsletter.web.view import View

#: Example of a muted word; it is typed as it stands in every language.
EXAMPLE = Markup("<code>-survey</code>")


class Preferences(TokenPages):
    def __init__(
        self,
        app: App,
        view: View,
        clock: Callable[[], datetime],
        desk: DbBatch,
        readers: Subscriptions,
        news: TopicCache,
    ) -> None:
        super().__init__(app, view, clock, desk)
        self.readers, self.news = readers, news
        self.valid_zones = available_timezones()
        table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines()
        #: One name for each place; the other valid names are older ones of these.
        self.zones = (
            "UTC",
            *sorted(line.split("\t")[2] for line in table if line[:1] not in ("", "#")),
        )
        self.languages = tuple((code, words.name) for code, words in view.words.items())

    async def confirm(self, request: Request) -> Response:
        """Choosing topics and confirming are one act. A scanner that opens the link confirms
        nobody.
        """
        if request.method == "POST":
            _, reader = await self.who(request, "confirm", CONFIRM_WITHIN)
            return await self._save(request, reader, await read_form(request), is_confirming=True)
        claims = self.claims(request, "confirm", CONFIRM_WITHIN)
        reader, values = await self.desk.read(partial(self._find, claims=claims))
        if reader.state in membership.MEMBERS:  # confirmed already
            return RedirectResponse(self.path("preferences", reader), 303)
        return self._page(request, reader, values, is_fresh=True)

    async def preferences(self, request: Request) -> Response:
        if request.method == "POST":
            _, reader = await self.who(request, "preferences", PREFERENCES_AGE)
            return await self._save(request, reader, await read_form(request))
        claims = self.claims(request, "preferences", PREFERENCES_AGE)
        reader, values = await self.desk.read(partial(self._find, claims=claims))
        values["keywords"] = _with_line(values["keywords"], request.query_params.get("add", ""))
        return self._page(request, reader, values)

    async def _save(
        self, request: Request, reader: Subscriber, form: Form, *, is_confirming: bool = False
    ) -> Response:
        """What the reader had stays as it was when a line is no query; what was typed stays in the
        form.
        """
        choices = await run_in_threadpool(self._read, form)
        is_fresh = is_confirming and reader.state not in membership.MEMBERS
        if choices.mistakes or "check" in form:
            checked = (
                [] if choices.mistakes else await run_in_threadpool(self._check, choices.queries)
            )
            typed = replace(choices.of(reader), language=reader.language)
            values = await self.desk.read(partial(self._load, reader=typed))
            values["keywords"] = first(form, "keywords")
            return self._page(
                request,
                typed,
                values,
                400 if choices.mistakes else 200,
                is_fresh=is_fresh,
                mistakes=choices.mistakes,
                checked=checked,
            )
        now = self.clock()

        def keep(connection: Connection) -> tuple[Subscriber, dict[str, Any]]:
            kept = membership.save(
                self.app, connection, reader, choices, now, is_confirming=is_confirming
            )
            return kept, self._load(connection, kept)

        saved, values = await self.desk.write(keep)
        return self._page(
            request, saved, values, note="welcome" if is_fresh else "counts", is_saved=True
        )

    def _read(self, form: Form) -> membership.Choices:
        offered = {topic.slug: topic.id for topic in self.news.offered.values()}
        return membership.read_choices(form, offered, self.valid_zones, tuple(self.view.words))

    def _check(self, queries: Sequence[str]) -> list[tuple[str, str, str]]:
        """What each query would bring: (query, papers a day, the best one's title)."""
        told = []
        for query in queries:
            found, number = self.news.find(query, self.clock(), 1)
            told.append(
                (query, f"{number / 7:.1f}".removesuffix(".0"), found[0].title if found else "")
            )
        return told

    async def act(self, request: Request) -> Response:
        """The quieter choices of the unsubscribe page, the pause, another address, one's data."""
        claims, reader = await self.who(request, "preferences", PREFERENCES_AGE)
        form, now, act = await read_form(request), self.clock(), request.path_params["act"]
        note, error = "counts", ""
        if act == "pause":
            weeks = first(form, "weeks")
            wish = int(weeks) if weeks in ("1", "2", "4", "8", "12") else 2
            await self.desk.write(partial(membership.pause, reader=reader, now=now, weeks=wish))
        elif act == "resume":
            await self.desk.write(partial(membership.resume, reader=reader))
        elif act == "weekly":
            await self.desk.write(partial(membership.set_one, reader=reader, rhythm="weekly"))
        elif act == "five":
            await self.desk.write(partial(membership.set_one, reader=reader, size=5))
        elif act == "export":
            note = "export_sent"
            await self.desk.write(partial(membership.ask_export, reader=reader, now=now))
        elif act == "keep":
            note = "address_kept"
            await self.desk.write(partial(membership.drop_move, reader=reader, now=now))
        elif act == "address":
            note, error = await self._ask_move(reader, first(form, "email"))
        elif act == "erase":
            if first(form, "sure") == "yes":
                await self.desk.write(partial(membership.erase, self.app, reader=reader, now=now))
                return self.view.page(request, "erased.html", language=reader.language)
            note, error = "", "page_more.erase_unsure"
        else:
            raise TokenError("malformed")
        reader, values = await self.desk.read(partial(self._find, claims=claims))
        is_saved = note == "counts"
        return self._page(
            request,
            reader,
            values,
            400 if error else 200,
            note=note,
            error=error,
            is_saved=is_saved,
        )

    async def _ask_move(self, reader: Subscriber, typed: str) -> tuple[str, str]:
        """(note, error). The answer is the same whoever has the address."""
        try:
            address = addresses.parse(typed, own=self.app.config.site.from_)
        except AddressError:
            return "", "page_again.address"
        if self.readers.may_write(address):
            await self.desk.write(
                partial(
                    membership.ask_move, self.app, reader=reader, address=address, now=self.clock()
                )
            )
        return "address_sent", ""

    def _page(
        self,
        request: Request,
        reader: Subscriber,
        values: dict[str, Any],
        status: int = 200,
        *,
        is_fresh: bool = False,
        note: str = "",
        error: str = "",
        is_saved: bool = False,
        mistakes: Sequence[tuple[int, int, str]] = (),
        checked: Sequence[tuple[str, str, str]] = (),
    ) -> Response:
        words = self.view.words.get(reader.language) or self.view.words["en"]
        sentences = {"counts": "page_choose.counts", "welcome": "page_choose.welcome"}
        told = words.say(sentences.get(note, f"page_more.{note}")) if note else ""
        if note == "counts" and reader.state is SubscriberState.PAUSED and reader.paused_until:
            told = words.say("page_choose.paused", day=words.date(reader.paused_until, "day"))
        purpose = "confirm" if is_fresh else "preferences"
        return self.view.page(
            request,
            "preferences.html",
            status,
            language=reader.language,
            now=reader,
            is_fresh=is_fresh,
            note=told,
            error=words.say(error) if error else "",
            is_saved=is_saved,
            mistakes=mistakes,
            checked=checked,
            masked=addresses.mask(reader.email),
            zones=self.zones,
            languages=self.languages,
            example=EXAMPLE,
            action=self.path(purpose, reader),
            preferences=self.path("preferences", reader),
            leave=self.path("unsubscribe", reader),
            feed=self.path("feed", reader, "my"),
            **values,
        )

    def _find(self, connection: Connection, claims: Claims) -> tuple[Subscriber, dict[str, Any]]:
        """Raises: TokenError."""
        reader = membership.reader_of(connection, claims)
        return reader, self._load(connection, reader)

    def _load(self, connection: Connection, reader: Subscriber) -> dict[str, Any]:
        """Topics by heading, and the reader's own lines."""
        own = (
            topics.by_ids(connection, reader.topics)
            if set(reader.topics) - self.news.offered.keys()
            else {}
        )
        move = (
            ledger_read.find_move(connection, reader.id)
            if reader.state in membership.MEMBERS
            else None
        )
        groups: dict[str, list[tuple[str, str, bool]]] = {}
        for topic in self.news.offered.values():
            groups.setdefault(topic.group, []).append(
                (topic.slug, topic.name, topic.id in reader.topics)
            )
        lines = [own[id].query for id in reader.topics if id in own and not own[id].is_curated]
        keywords = "\n".join([*lines, *(f"-{word}" for word in reader.muted)])
        return {
            "groups": [(name, tuple(of)) for name, of in groups.items()],
            "keywords": keywords,
            "is_moving": move is not None,
        }


def _with_line(keywords: str, query: str) -> str:
    """The reader's lines with one more, which a search brought along; it counts when they save
    it.
    """
    try:
        wanted = str(parse(query)) if query else ""
    except QueryError:
        return keywords
    return "\n".join(dict.fromkeys(filter(None, (*keywords.splitlines(), wanted))))
