"""Pages that a reader's token opens, and the form that begins it all."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from newsletter import addresses
from newsletter.app import App
from newsletter.composer import PREFERENCES_AGE, Composer
from newsletter.errors import AddressError, QueryError
from newsletter.matching.query import parse
from newsletter.models import Subscriber, SubscriberState
from newsletter.steps.compose import Shown
from newsletter.store import accounts, ledger, papers, topics
from newsletter.store.db import reading
from newsletter.tokens import Claims, TokenError
from newsletter.web import membership
from newsletter.web.guard import Quota, client_prefix
from newsletter.web.view import View

HOURS = tuple(f"{hour:02}:00" for hour in range(24))
UNSUBSCRIBE_AGE = timedelta(days=3 * 365)


class Readers:
    def __init__(self, app: App, view: View, clock: Callable[[], datetime]) -> None:
        self.app, self.view, self.clock = app, view, clock
        self.zones = frozenset(available_timezones())
        limits = app.config.limits
        self.per_minute = Quota(limits.subscribes_per_minute_per_address, 60)
        self.per_day = Quota(20, 86_400)
        self.per_mailbox = Quota(3, 86_400)
        self.per_domain = Quota(100, 3_600)
        self.in_all = Quota(limits.confirmations_per_hour, 3_600)

    # -- joining -----------------------------------------------------------------------------------------------------

    async def subscribe(self, request: Request) -> Response:
        """The same answer for every address that is one, known or not; caps keep it from bombing anybody."""
        form = await _form(request)
        typed = (form.get("email") or [""])[0]
        query = (form.get("query") or [""])[0]
        try:
            address = addresses.parse(typed)
            query = str(parse(query)) if query else ""
        except (AddressError, QueryError) as e:
            return self.view.page(request, "again.html", 400, email=typed[:320], query=query[:1000], error=e.message)
        prefix = client_prefix(request, self.app.config.web.trusted_proxies)
        if not (self.per_minute.take(prefix) and self.per_day.take(prefix)):
            return PlainTextResponse("Too many sign-ups from here. Try again later.", 429, {"Retry-After": "60"})
        is_wanted = not any(form.get("website", ()))  # people cannot see that field
        caps = (self.per_mailbox.take(addresses.quota_key(address)), self.per_domain.take(address.domain))
        if is_wanted and all(caps) and self.in_all.take("all"):
            await run_in_threadpool(membership.subscribe, self.app, address, self.clock(), query)
        return self.view.page(request, "check-inbox.html")

    async def confirm(self, request: Request) -> Response:
        """Choosing topics and confirming are one act. A scanner that opens the link confirms nobody."""
        _, reader = await self._who(request, "confirm", membership.CONFIRM_WITHIN)
        if request.method != "POST":
            if reader.state is SubscriberState.ACTIVE:
                return self._redirect_home(reader)
            return await self._form_page(request, reader, is_fresh=True)
        form = await _form(request)
        return await self._save(request, reader, form, is_confirming=True)

    # -- choosing ----------------------------------------------------------------------------------------------------

    async def preferences(self, request: Request) -> Response:
        _, reader = await self._who(request, "preferences", PREFERENCES_AGE)
        if request.method != "POST":
            return await self._form_page(request, reader)
        return await self._save(request, reader, await _form(request))

    async def _save(
        self, request: Request, reader: Subscriber, form: dict[str, list[str]], *, is_confirming: bool = False
    ) -> Response:
        app, languages = self.app, tuple(self.app.press.words)
        choices = await run_in_threadpool(membership.read_choices, app, dict(form), self.zones, languages)
        if choices.mistakes:  # what the reader had stays as it was
            return await self._form_page(request, reader, mistakes=choices.mistakes, typed=form, is_fresh=is_confirming)
        now = self.clock()
        reader = await run_in_threadpool(membership.save, app, reader, choices, now, is_confirming=is_confirming)
        return await self._form_page(request, reader, is_saved=True)

    async def act(self, request: Request) -> Response:
        """The quieter choices of the unsubscribe page, and the pause."""
        _, reader = await self._who(request, "preferences", PREFERENCES_AGE)
        act = request.path_params["act"]
        if act == "pause":
            await run_in_threadpool(membership.pause, self.app, reader, self.clock())
        elif act == "weekly":
            await run_in_threadpool(membership.set_one, self.app, reader, rhythm="weekly")
        elif act == "five":
            await run_in_threadpool(membership.set_one, self.app, reader, size=5)
        else:
            raise TokenError("malformed")
        reader = await run_in_threadpool(membership.reader_of, self.app, self._claims(request, "preferences"))
        return await self._form_page(request, reader, is_saved=True)

    async def _form_page(
        self,
        request: Request,
        reader: Subscriber,
        *,
        is_fresh: bool = False,
        is_saved: bool = False,
        mistakes: Sequence[str] = (),
        typed: dict[str, list[str]] | None = None,
    ) -> Response:
        def load() -> tuple[dict[str, list[tuple[str, str, bool]]], str]:
            with reading(self.app.engine) as connection:
                every = topics.every(connection)
            groups: dict[str, list[tuple[str, str, bool]]] = {}
            for topic in every:
                if topic.is_curated:
                    groups.setdefault(topic.group, []).append((topic.slug, topic.name, topic.id in reader.topics))
            own = [topic.query for topic in every if not topic.is_curated and topic.id in reader.topics]
            return groups, "\n".join([*own, *(f"-{word}" for word in reader.muted)])

        groups, keywords = await run_in_threadpool(load)
        if typed is not None:
            keywords = (typed.get("keywords") or [""])[0]
        purpose = "confirm" if is_fresh else "preferences"
        token = self.app.tokens.make(purpose, reader.id, reader.epoch, self.clock())
        leave = self.app.tokens.make("unsubscribe", reader.id, reader.epoch, self.clock())
        return self.view.page(
            request, "preferences.html", 400 if mistakes else 200, reader=reader, masked=addresses.mask(reader.email),
            groups=groups, keywords=keywords, is_fresh=is_fresh, is_saved=is_saved, mistakes=mistakes, hours=HOURS,
            zones=sorted(self.zones), languages=self._languages(), action=f"/{purpose}/{token}",
            preferences=f"/preferences/{token}", leave=f"/unsubscribe/{leave}",
        )  # fmt: skip

    def _languages(self) -> list[tuple[str, str]]:
        return [(code, words.name) for code, words in self.app.press.words.items()]

    # -- leaving -----------------------------------------------------------------------------------------------------

    async def unsubscribe(self, request: Request) -> Response:
        """GET shows a button. POST leaves at once: no cookie, no login, no redirect (RFC 8058 section 3.1)."""
        claims = self._claims(request, "unsubscribe", UNSUBSCRIBE_AGE)
        if request.method == "POST":
            await run_in_threadpool(membership.unsubscribe, self.app, claims, "link")
            return self.view.page(request, "unsubscribed.html")
        try:
            reader = await run_in_threadpool(membership.reader_of, self.app, claims)
        except TokenError:
            return self.view.page(request, "unsubscribed.html")
        token = self.app.tokens.make("preferences", reader.id, reader.epoch, self.clock())
        masked = addresses.mask(reader.email)
        return self.view.page(request, "unsubscribe.html", masked=masked, preferences=f"/preferences/{token}")

    # -- voting and reading ------------------------------------------------------------------------------------------

    async def feedback(self, request: Request) -> Response:
        claims, reader = await self._who(request, "feedback", PREFERENCES_AGE)

        def find() -> str:
            with reading(self.app.engine) as connection:
                found = papers.by_keys(connection, [claims.paper]).get(claims.paper)
            return found.title if found else ""

        title = await run_in_threadpool(find)
        values: dict[str, Any] = {
            "is_undone": False,
            "title": title,
            "is_more": claims.vote > 0,
            "is_done": request.method == "POST",
        }
        if request.method == "POST":
            form = await _form(request)
            value = 0 if "undo" in form else claims.vote
            reason = (form.get("why") or [""])[0][:40]
            await run_in_threadpool(membership.vote, self.app, reader, claims.paper, value, reason, self.clock())
            values["is_undone"] = not value
        return self.view.page(request, "feedback.html", **values)

    async def letter(self, request: Request) -> Response:
        """The letter in the browser, as it was sent."""
        claims, reader = await self._who(request, "view", PREFERENCES_AGE)

        def make() -> str:
            app = self.app
            with reading(app.engine) as connection:
                row = accounts.letter(connection, reader.id, claims.paper)
                facts = accounts.shown_papers(connection, claims.paper)
                known = {topic.id: topic for topic in topics.every(connection)}
            shown = {paper: Shown.from_facts(fact) for paper, fact in facts.items()}
            picks = ledger.unpack_picks(row["picks"])
            claim = ledger.Claim(row["id"], "", row["issue"], row["date"], reader.id, row["kind"], picks, {},
                                 row["due_at"], 0, 0, row["candidates"])  # fmt: skip
            composer = Composer(app.engine, app.config, app.press, app.tokens)
            letter = composer.compose(claim, reader, shown, known, None)
            return "".join(letter.html) or f"<pre>{''.join(letter.text)}</pre>"

        html = await run_in_threadpool(make)
        # The letter's own styles stand inside it: this page alone allows them.
        return HTMLResponse(html, headers={"X-Letter": "1"})

    # -- tokens ------------------------------------------------------------------------------------------------------

    def _claims(self, request: Request, purpose: str, age: timedelta | None = None) -> Claims:
        return self.app.tokens.read(request.path_params["token"], purpose, self.clock(), age)

    async def _who(self, request: Request, purpose: str, age: timedelta) -> tuple[Claims, Subscriber]:
        """Raises: TokenError, before any table is asked if the token is not ours."""
        claims = self._claims(request, purpose, age)
        return claims, await run_in_threadpool(membership.reader_of, self.app, claims)

    def _redirect_home(self, reader: Subscriber) -> Response:
        token = self.app.tokens.make("preferences", reader.id, reader.epoch, self.clock())
        return RedirectResponse(f"/preferences/{token}", 303)


async def _form(request: Request) -> dict[str, list[str]]:
    """An urlencoded form (or a multipart one, which one-click may be) as name -> values, all of them text."""
    found: dict[str, list[str]] = {}
    async with request.form(max_files=0, max_fields=200) as form:
        for name, value in form.multi_items():
            if isinstance(value, str):
                found.setdefault(name, []).append(value)
    return found
