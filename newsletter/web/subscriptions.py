"""Pages with one button: subscribe, change of address, feedback, unsubscribe."""

import re
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from newsletter import addresses, membership, subscribing
from newsletter.delivery.message_builder import PREFERENCES_AGE
from newsletter.errors import AddressError, NotFound, QueryError
from newsletter.mail_kinds import CONFIRM_WITHIN
from newsletter.matching.query import parse
from newsletter.store import papers
from newsletter.tokens import LETTER, TokenError
from newsletter.web.context import PageContext
from newsletter.web.middleware import client_prefix
from newsletter.web.token_auth import TokenPages, first, read_form

#: Votes as in the links of letters.
VOTES = {"more": 1, "less": -1}
#: A paper's key; punctuation that a mail program added to the link is ignored.
_KEY = re.compile(r"[0-9]{1,18}(?![0-9])", re.ASCII)
#: Most clients that are remembered as being over their share.
MOST_OVER = 50_000
UNSUBSCRIBE_AGE = timedelta(days=3 * 365)


class Subscriptions(TokenPages):
    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        #: Clients over their share, and until when (seconds since 1970): what the database said,
        #: so that a flood is refused before its form is read.
        self._over: dict[str, int] = {}

    async def subscribe(self, request: Request) -> Response:
        """Give the same answer for every valid address, known or not. Limits protect mailboxes from
        floods.
        """
        client = client_prefix(request, self.app.config.web.trusted_proxies)
        now = self.clock()
        if self._over.get(client, 0) > now.timestamp():
            return self._too_many(request, client)
        form = await read_form(request)
        typed, query = first(form, "email"), first(form, "query")
        try:
            address = addresses.parse(typed, own=self.app.config.site.from_)
            query = str(parse(query)) if query else ""
        except (AddressError, QueryError) as e:
            words = self.view.words[self.view.language(request)]
            error = words.say("page_again.address") if isinstance(e, AddressError) else e.message
            return self.view.page(
                request, "again.html", 400, email=typed[:320], query=query[:1000], error=error
            )
        wanted = subscribing.SubscribeRequest(address, now, query, self.view.language(request))
        is_by_hand = not any(form.get("website", ()))  # people cannot see that field
        take = partial(
            subscribing.take_form,
            self.app,
            client=client,
            request=wanted if is_by_hand else None,
            now=now,
        )
        if cap := await self.batch.write(take):
            if len(self._over) >= MOST_OVER:
                self._over.clear()
            self._over[client] = cap.end(now)
            return self._too_many(request, client)
        return self.view.page(request, "check-inbox.html")

    def _too_many(self, request: Request, client: str) -> Response:
        words = self.view.words[self.view.language(request)]
        answer = self.view.page(
            request, "again.html", 429, email="", query="", error=words.say("page_again.many")
        )
        answer.headers["Retry-After"] = f"{self._over[client] - int(self.clock().timestamp())}"
        return answer

    async def address(self, request: Request) -> Response:
        """Confirm a new address, from the new mailbox. GET shows a button."""
        claims, reader = await self.who(request, "address", CONFIRM_WITHIN)
        if is_done := request.method == "POST":
            change = partial(
                membership.change_address, claims=claims, reader=reader, now=self.clock()
            )
            email = await self.batch.write(change)
        else:
            email = await self.batch.read(
                partial(membership.find_address_change, claims=claims, reader=reader)
            )
        return self.view.page(
            request,
            "address.html",
            language=reader.language,
            masked=addresses.mask(email),
            is_done=is_done,
        )

    async def unsubscribe(self, request: Request) -> Response:
        """GET shows a button. POST unsubscribes at once: no cookie, no login, no redirect (RFC 8058
        section 3.1).
        """
        claims, now = self.claims(request, "unsubscribe", UNSUBSCRIBE_AGE), self.clock()
        if request.method == "POST":
            has_left = await self.batch.write(partial(membership.leave, claims=claims, now=now))
            return self._unsubscribed(request, has_left)
        try:
            reader = await self.batch.read(partial(membership.leaver_of, claims=claims))
        except TokenError:
            has_left = await self.batch.read(partial(membership.has_left, claims=claims, now=now))
            return self._unsubscribed(request, has_left)
        return self.view.page(
            request,
            "unsubscribe.html",
            language=reader.language,
            masked=addresses.mask(reader.email),
            preferences=self.path("preferences", reader),
        )

    def _unsubscribed(self, request: Request, has_left: bool) -> Response:
        """Say that no more mails come; offer to undo it, or else to subscribe again."""
        stay = f"/unsubscribe/{request.path_params['token']}/stay" if has_left else ""
        return self.view.page(request, "unsubscribed.html", stay=stay)

    async def stay(self, request: Request) -> Response:
        """Undo an unsubscription by mistake."""
        claims = self.claims(request, "unsubscribe", UNSUBSCRIBE_AGE)
        reader = await self.batch.write(partial(membership.stay, claims=claims, now=self.clock()))
        return self.view.page(
            request,
            "stayed.html",
            language=reader.language,
            masked=addresses.mask(reader.email),
            preferences=self.path("preferences", reader),
        )

    async def feedback(self, request: Request) -> Response:
        """Store a vote. The path of a letter's link has the vote and the paper; letters of earlier
        versions have them in their tokens.
        """
        claims, reader = await self.who(request, "feedback", PREFERENCES_AGE)
        paper, value = claims.paper, claims.vote
        if claims.purpose == LETTER:
            said = _KEY.match(request.path_params.get("paper", ""))
            paper = int(said[0]) if said else 0
            value = VOTES.get(request.path_params.get("vote", ""), 0)
        if not value or not paper:
            raise NotFound("no such vote")

        def find_title(connection: Connection) -> str:
            found = papers.by_keys(connection, [paper]).get(paper)
            return found.title if found else ""

        title = await self.batch.read(find_title)
        is_done, is_undone = request.method == "POST", False
        if is_done and title:
            form = await read_form(request)
            is_undone = "undo" in form
            kept, why = 0 if is_undone else value, first(form, "why")[:40]
            now = self.clock()
            await self.batch.write(
                partial(
                    membership.vote, reader=reader, paper=paper, value=kept, reason=why, now=now
                )
            )
        return self.view.page(
            request,
            "feedback.html",
            language=reader.language,
            title=title,
            is_more=value > 0,
            is_done=is_done,
            is_undone=is_undone,
        )
