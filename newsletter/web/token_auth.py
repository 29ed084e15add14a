"""Which reader a token names, and the content of a sent form."""

from datetime import timedelta
from functools import partial

from starlette.requests import Request

from newsletter import membership
from newsletter.models import Subscriber
from newsletter.tokens import Claims
from newsletter.web.context import PageContext

Form = dict[str, list[str]]


class TokenPages:
    """Base class of the pages behind a token."""

    def __init__(self, context: PageContext) -> None:
        self.app, self.view, self.clock = context.app, context.view, context.clock
        self.batch, self.topics = context.batch, context.topics

    def claims(self, request: Request, purpose: str, age: timedelta | None = None) -> Claims:
        """Verify the token of a request; no table is read for an invalid one. Raises:
        TokenError.
        """
        return self.app.tokens.read(request.path_params["token"], purpose, self.clock(), age)

    async def who(
        self, request: Request, purpose: str, age: timedelta | None
    ) -> tuple[Claims, Subscriber]:
        """Verify the token and load its reader.

        Raises: TokenError.
        """
        claims = self.claims(request, purpose, age)
        return claims, await self.batch.read(partial(membership.reader_of, claims=claims))

    def path(self, purpose: str, reader: Subscriber, page: str = "") -> str:
        """Return a new link of this reader, relative to the site."""
        token = self.app.tokens.make(purpose, reader.id, reader.epoch, self.clock())
        return f"/{page or purpose}/{token}"


async def read_form(request: Request) -> Form:
    """Read an urlencoded form (or a multipart one, which one-click may send) as name -> texts."""
    found: Form = {}
    async with request.form(max_files=0, max_fields=200) as form:
        for name, value in form.multi_items():
            if isinstance(value, str):
                found.setdefault(name, []).append(value.replace("\0", ""))  # PostgreSQL has none
    return found


def first(form: Form, name: str) -> str:
    return (form.get(name) or [""])[0]
