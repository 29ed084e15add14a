"""The page of choices: confirming, changing, pausing, and what belongs to one's data."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any
from zoneinfo import available_timezones

from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter import addresses
from newsletter.app import App
from newsletter.composer import PREFERENCES_AGE
from newsletter.errors import AddressError
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import accounts, topics
from newsletter.store.db import reading
from newsletter.tokens import TokenError
from newsletter.web import membership
from newsletter.web.door import Door, Form, first, read_form
from newsletter.web.news import News
from newsletter.web.readers import Readers
from newsletter.web.view import View

HOURS = tuple(f"{hour:02}:00" for hour in range(24))
#: Example of a muted word; it is typed as it stands in every language.
EXAMPLE = Markup("<code>-survey</code>")
MEMBERS = (SubscriberState.ACTIVE, SubscriberState.PAUSED)


class Choosing(Door):
    def __init__(self, app: App, view: View, clock: Callable[[], datetime], readers: Readers, news: News) -> None:
        super().__init__(app, view, clock)
        self.readers, self.news, self.writer = readers, news, readers.writer
        self.zones = frozenset(available_timezones())
        self.languages = [(code, words.name) for code, words in view.words.items()]
        self._zone_options = lru_cache(maxsize=1024)(self._make_zone_options)

    async def confirm(self, request: Request) -> Response:
        """Choosing topics and confirming are one act. A scanner that opens the link confirms nobody."""
        _, reader = await self.who(request, "confirm", membership.CONFIRM_WITHIN)
        if request.method == "POST":
            return await self._save(request, reader, await read_form(request), is_confirming=True)
        if reader.state in MEMBERS:  # confirmed already
            return RedirectResponse(self.path("preferences", reader), 303)
        return await self._page(request, reader, is_fresh=True)

    async def preferences(self, request: Request) -> Response:
        _, reader = await self.who(request, "preferences", PREFERENCES_AGE)
        if request.method == "POST":
            return await self._save(request, reader, await read_form(request))
        return await self._page(request, reader)

    async def _save(self, request: Request, reader: Subscriber, form: Form, *, is_confirming: bool = False) -> Response:
        """What the reader had stays as it was when a line is no query; what was typed stays in the form."""
        choices = await run_in_threadpool(self._read, form)
        is_fresh = is_confirming and reader.state not in MEMBERS
        if choices.mistakes or "check" in form:
            checked = [] if choices.mistakes else await run_in_threadpool(self._check, choices.queries)
            typed = replace(choices.of(reader), language=reader.language)
            return await self._page(
                request, typed, 400 if choices.mistakes else 200, is_fresh=is_fresh, mistakes=choices.mistakes,
                keywords=first(form, "keywords"), checked=checked,
            )  # fmt: skip
        now = self.clock()
        reader = await self.writer.do(
            partial(membership.save, self.app, reader=reader, choices=choices, now=now, is_confirming=is_confirming)
        )
        return await self._page(request, reader, note="welcome" if is_fresh else "counts", is_saved=True)

    def _read(self, form: Form) -> membership.Choices:
        offered = {topic.slug: topic.id for topic in self.news.offered.values()}
        return membership.read_choices(form, offered, self.zones, tuple(self.view.words))

    def _check(self, queries: Sequence[str]) -> list[tuple[str, str, str]]:
        """What each query would bring: (query, papers a day, the best one's title)."""
        told = []
        for query in queries:
            found, number = self.news.find(query, self.clock(), 1)
            told.append((query, f"{number / 7:.1f}".removesuffix(".0"), found[0].title if found else ""))
        return told

    async def act(self, request: Request) -> Response:
        """The quieter choices of the unsubscribe page, the pause, another address, one's data."""
        claims, reader = await self.who(request, "preferences", PREFERENCES_AGE)
        form, now, act = await read_form(request), self.clock(), request.path_params["act"]
        note, error = "counts", ""
        if act == "pause":
            weeks = first(form, "weeks")
            wish = int(weeks) if weeks in ("1", "2", "4", "8", "12") else 2
            await self.writer.do(partial(membership.pause, reader=reader, now=now, weeks=wish))
        elif act == "resume":
            await self.writer.do(partial(membership.resume, reader=reader))
        elif act == "weekly":
            await self.writer.do(partial(membership.set_one, reader=reader, rhythm="weekly"))
        elif act == "five":
            await self.writer.do(partial(membership.set_one, reader=reader, size=5))
        elif act == "export":
            note = "export_sent"
            await self.writer.do(partial(membership.ask_export, reader=reader, now=now))
        elif act == "keep":
            note = "address_kept"
            await self.writer.do(partial(membership.drop_move, reader=reader, now=now))
        elif act == "address":
            note, error = await self._ask_move(reader, first(form, "email"))
        elif act == "erase":
            if first(form, "sure") == "yes":
                await self.writer.do(partial(membership.erase, self.app, reader=reader, now=now))
                return self.view.page(request, "erased.html", language=reader.language)
            note, error = "", "page_more.erase_unsure"
        else:
            raise TokenError("malformed")
        reader = await run_in_threadpool(membership.reader_of, self.app, claims)
        is_saved = note == "counts"
        return await self._page(request, reader, 400 if error else 200, note=note, error=error, is_saved=is_saved)

    async def _ask_move(self, reader: Subscriber, typed: str) -> tuple[str, str]:
        """(note, error). The answer is the same whoever has the address."""
        try:
            address = addresses.parse(typed, own=self.app.config.site.from_)
        except AddressError:
            return "", "page_again.address"
        if self.readers.may_write(address):
            await self.writer.do(
                partial(membership.ask_move, self.app, reader=reader, address=address, now=self.clock())
            )
        return "address_sent", ""

    async def _page(
        self, request: Request, reader: Subscriber, status: int = 200, *, is_fresh: bool = False, note: str = "",
        error: str = "", is_saved: bool = False, mistakes: Sequence[tuple[int, int, str]] = (),
        keywords: str | None = None, checked: Sequence[tuple[str, str, str]] = (),
    ) -> Response:  # fmt: skip
        words = self.view.words.get(reader.language) or self.view.words["en"]
        sentences = {"counts": "page_choose.counts", "welcome": "page_choose.welcome"}
        told = words.say(sentences.get(note, f"page_more.{note}")) if note else ""
        if note == "counts" and reader.state is SubscriberState.PAUSED and reader.paused_until:
            told = words.say("page_choose.paused", day=words.date(reader.paused_until, "day"))
        values = await run_in_threadpool(self._load, reader)
        if keywords is not None:
            values["keywords"] = keywords
        purpose = "confirm" if is_fresh else "preferences"
        return self.view.page(
            request, "preferences.html", status, language=reader.language, now=reader, is_fresh=is_fresh,
            note=told, error=words.say(error) if error else "", is_saved=is_saved, mistakes=mistakes, checked=checked,
            masked=addresses.mask(reader.email), hours=HOURS, zones=self._zone_options, languages=self.languages,
            example=EXAMPLE, action=self.path(purpose, reader), preferences=self.path("preferences", reader),
            leave=self.path("unsubscribe", reader), feed=self.path("feed", reader, "my"), **values,
        )  # fmt: skip

    def _load(self, reader: Subscriber) -> dict[str, Any]:
        """Topics by heading, and the reader's own lines."""
        with reading(self.app.engine) as connection:
            own = topics.by_ids(connection, reader.topics) if set(reader.topics) - self.news.offered.keys() else {}
            move = accounts.find_move(connection, reader.id) if reader.state in MEMBERS else None
        groups: dict[str, list[tuple[str, str, bool]]] = {}
        for topic in self.news.offered.values():
            groups.setdefault(topic.group, []).append((topic.slug, topic.name, topic.id in reader.topics))
        lines = [own[id].query for id in reader.topics if id in own and not own[id].is_curated]
        keywords = "\n".join([*lines, *(f"-{word}" for word in reader.muted)])
        return {"groups": groups, "keywords": keywords, "is_moving": move is not None}

    def _make_zone_options(self, chosen: str) -> Markup:
        """The time zones as options; the list is long, so it is made once for each choice."""
        names = sorted(self.zones | {chosen})
        lines = (f"<option{' selected' * (name == chosen)}>{escape(name)}</option>" for name in names)
        return Markup("".join(lines))  # noqa: S704  (escaped)
