"""Render pages: templates in the visitor's language, with autoescape; a missing value is an
error.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache, lru_cache, partial
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from newsletter.app import App
from newsletter.charts import svg
from newsletter.steps.compose import Language
from newsletter.store.db import find_assets

#: A sentence without values, alone in its braces.
_PLAIN = re.compile(r'\{\{ t\("([\w.]+)"\) \}\}')


class _TranslatedLoader(FileSystemLoader):
    """Loads the templates of one language. Sentences without values are inserted once, at load."""

    def __init__(self, say: Callable[[str], Markup]) -> None:
        super().__init__(find_assets("templates") / "web")
        self.say = say

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        source, name, is_fresh = super().get_source(environment, template)
        return _PLAIN.sub(lambda found: self.say(found[1]), source), name, is_fresh


class View:
    def __init__(self, app: App) -> None:
        site = app.config.site
        self.site = {
            "name": site.name,
            "operator": site.postal_address,
            "from": site.from_,
            "url": site.base_url,
        }
        self.words: Mapping[str, Language] = app.renderer.words
        self._say = {code: _sayer(words) for code, words in self.words.items()}
        self.environments = {code: _environment(words) for code, words in self.words.items()}
        self._fixed = cache(self.render)
        self.part = lru_cache(maxsize=4096)(self._part)

    def load(self) -> None:
        """Compile all templates now; otherwise the first visitors wait for it."""
        for environment in self.environments.values():
            for name in environment.list_templates(["html"]):
                environment.get_template(name)

    def language(self, request: Request) -> str:
        """Return the visitor's preferred language among those of the site (RFC 9110 section
        12.5.4); default English.
        """
        preferred = []
        for place, part in enumerate(request.headers.get("accept-language", "")[:200].split(",")):
            code, _, weight = part.strip().lower().partition(";q=")
            try:
                preferred.append((-float(weight or 1), place, code.split("-")[0]))
            except ValueError:
                continue
        return next(
            (code for weight, _, code in sorted(preferred) if weight < 0 and code in self.words),
            "en",
        )

    def page(
        self, request: Request, name: str, status: int = 200, *, language: str = "", **values: Any
    ) -> HTMLResponse:
        """Render a page. A reader's own `language` comes before that of the browser.

        A page without values is the same for everybody and is rendered once.
        """
        chosen = language if language in self.words else self.language(request)
        text = (
            self.render(name, chosen, path=request.url.path, **values)
            if values
            else self._fixed(name, chosen)
        )
        return HTMLResponse(text, status, headers={"Vary": "Accept-Language"})

    def render(self, name: str, language: str, path: str = "", **values: Any) -> str:
        values["part"] = partial(self.part, language)
        return (
            self.environments[language]
            .get_template(name)
            .render({**self._common(language), "path": path, **values})
        )

    def _part(self, language: str, name: str, *values: Any) -> str:
        """Render a macro of _choices.html; the result is cached for these values."""
        module = (
            self.environments[language]
            .get_template("_choices.html")
            .make_module(self._common(language))
        )
        piece: str = getattr(module, name)(*values)
        return piece

    def _common(self, language: str) -> dict[str, Any]:
        words = self.words[language]
        return {
            "site": self.site,
            "lang": language,
            "dir": words.direction,
            "w": words,
            "t": self._say[language],
            "spark": svg.spark,
            "chart": partial(svg.chart, number=words.compact, day=partial(_short_day, words)),
        }


def _short_day(words: Language, day: date) -> str:
    return words.date(day, "day_short")


@cache
def _environment(words: Language) -> Environment:
    """Return the pages' templates in one language, compiled once in a process."""
    return Environment(
        loader=_TranslatedLoader(_sayer(words)),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@cache
def _sayer(words: Language) -> Any:
    plain: dict[str, Markup] = {}  # sentences without values, escaped once

    def say(key: str, n: int | None = None, **values: object) -> Markup:
        """Fill in a sentence. The catalogue's text and plain values are escaped; Markup (a link) is
        not.
        """
        if n is None and not values:
            if key not in plain:
                sentence = escape(words.pattern(key)).format(n="")
                plain[key] = Markup(sentence)  # noqa: S704  (escaped)
            return plain[key]
        number = "" if n is None else words.number(n)
        pattern = Markup(escape(words.pattern(key, n)))  # noqa: S704  (escaped)
        return pattern.format(n=number, **values)

    return say
