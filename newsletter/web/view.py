"""Rendering pages: templates from disk in the visitor's language; autoescape on, a missing value is an error."""

from collections.abc import Mapping
from functools import cache, lru_cache, partial
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from newsletter.app import App
from newsletter.steps.compose import Words
from newsletter.store.db import find_assets


class View:
    def __init__(self, app: App) -> None:
        self.environment = Environment(
            loader=FileSystemLoader(find_assets("templates") / "web"), autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip
        site = app.config.site
        self.site = {"name": site.name, "operator": site.postal_address, "from": site.from_, "url": site.base_url}
        self.words: Mapping[str, Words] = app.press.words
        self._say = {code: _sayer(words) for code, words in self.words.items()}
        self._fixed = cache(self.render)
        self.part = lru_cache(maxsize=4096)(self._part)

    def language(self, request: Request) -> str:
        """The visitor's first language that the site has words for (RFC 9110 section 12.5.4); else English."""
        wishes = []
        for place, part in enumerate(request.headers.get("accept-language", "")[:200].split(",")):
            code, _, weight = part.strip().lower().partition(";q=")
            try:
                wishes.append((-float(weight or 1), place, code.split("-")[0]))
            except ValueError:
                continue
        return next((code for weight, _, code in sorted(wishes) if weight < 0 and code in self.words), "en")

    def page(
        self, request: Request, name: str, status: int = 200, *, language: str = "", **values: Any
    ) -> HTMLResponse:
        """A finished page; a reader's own `language` goes before what the browser asks for.

        What needs no values is an answer that is the same for everybody, and is made once.
        """
        chosen = language if language in self.words else self.language(request)
        text = self.render(name, chosen, path=request.url.path, **values) if values else self._fixed(name, chosen)
        return HTMLResponse(text, status, headers={"Vary": "Accept-Language"})

    def render(self, name: str, language: str, path: str = "", **values: Any) -> str:
        values["part"] = partial(self.part, language)
        return self.environment.get_template(name).render({**self._common(language), "path": path, **values})

    def _part(self, language: str, name: str, *values: Any) -> str:
        """A piece of a page, kept for these values (see _choices.html)."""
        module = self.environment.get_template("_choices.html").make_module(self._common(language))
        piece: str = getattr(module, name)(*values)
        return piece

    def _common(self, language: str) -> dict[str, Any]:
        words = self.words[language]
        return {"site": self.site, "lang": language, "dir": words.direction, "w": words, "t": self._say[language]}


def _sayer(words: Words) -> Any:
    plain: dict[str, Markup] = {}  # sentences without blanks, escaped once

    def say(key: str, n: int | None = None, **values: object) -> Markup:
        """A sentence for a page. The catalogue's words and plain values are escaped; Markup (a link) stays."""
        if n is None and not values:
            if key not in plain:
                plain[key] = Markup(escape(words.pattern(key)).format(n=""))  # noqa: S704  (escaped)
            return plain[key]
        number = "" if n is None else words.number(n)
        return Markup(escape(words.pattern(key, n))).format(n=number, **values)  # noqa: S704  (escaped)

    return say
