"""Who a token speaks for, and what a form said."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from starlette.requests import Request

from newsletter import membership
from newsletter.app import App
from newsletter.models import Subscriber
from newsletter.tokens import Claims
from newsletter.web.db_batch import DbBatch
from newsletter.web.view import View

Form = dict[str, list[str]]


class TokenPages:
    """What every page behind a token needs."""

    def __init__(self, app: App, view: View, clock: Callable[[], datetime], desk: DbBatch) -> None:
        self.app, self.view, self.clock, self.desk = app, view, clock, desk

    def claims(self, request: Request, purpose: str, age: timedelta | None = None) -> Claims:
        """Raises: TokenError, before any table is asked if the token is not ours."""
        return self.app.tokens.read(request.path_params["token"], purpose, self.clock(), age)

    async def who(
        self, request: Request, purpose: str, age: timedelta | None
    ) -> tuple[Claims, Subscriber]:
        """Raises: TokenError."""
        claims = self.claims(request, purpose, age)
        return claims, await self.desk.read(partial(membership.reader_of, claims=claims))

    def path(self, purpose: str, reader: Subscriber, page: str = "") -> str:
        """A fresh link of this reader's, relative to the site."""
        token = self.app.tokens.make(purpose, reader.id, reader.epoch, self.clock())
        return f"/{page or purpose}/{token}"


async def read_form(request: Request) -> Form:
    """An urlencoded form (or a multipart one, which one-click may be) as name -> values, all of
    them text.
    """
    found: Form = {}
    async with request.form(max_files=0, max_fields=200) as form:
        for name, value in form.multi_items():
            if isinstance(value, str):
                found.setdefault(name, []).append(value.replace("\0", ""))  # PostgreSQL takes none
    return found


def first(form: Form, name: str) -> str:
    return (form.get(name) or [""])[0]
