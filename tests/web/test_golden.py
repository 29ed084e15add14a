"""Golden pages: what a visitor and a reader are shown, read by a person, kept in tests/web/golden.

After a change that is meant: `REFRESH_GOLDEN=1 pytest tests/web/test_golden.py`, then read the
difference.
"""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from newsletter.app import App
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import subscribers
from newsletter.store.db import writing
from tests.compose.samples import LANGUAGES
from tests.web.conftest import NOW, link

FOLDER = Path(__file__).resolve().parent / "golden"
_TOKEN = re.compile(r"[\w-]{50,}")
Show = Callable[[App, httpx2.Client, Subscriber], httpx2.Response]


def _get(path: str) -> Show:
    return lambda _app, web, _reader: web.get(path)


def _opened(purpose: str) -> Show:
    return lambda app, web, reader: web.get(link(app, reader, purpose))


def _asked(app: App, web: httpx2.Client, _: Subscriber) -> httpx2.Response:
    return web.post("/subscribe", data={"email": "new@example.org"})


def _left(app: App, web: httpx2.Client, reader: Subscriber) -> httpx2.Response:
    return web.post(link(app, reader, "unsubscribe"))


def _confirming(app: App, web: httpx2.Client, reader: Subscriber) -> httpx2.Response:
    with writing(app.engine) as connection:
        pending = replace(reader, id=0, email="lin@example.org", state=SubscriberState.PENDING)
        pending = subscribers.add(connection, pending, pending.email, NOW)
    return web.get(link(app, pending, "confirm"))


def _confirmed(app: App, web: httpx2.Client, reader: Subscriber) -> httpx2.Response:
    with writing(app.engine) as connection:
        subscribers.change(connection, reader.id, state=SubscriberState.PENDING)
    return web.post(link(app, reader, "confirm"))


PAGES: dict[str, tuple[Show, int]] = {
    "home": (_get("/"), 200),
    "search": (_get("/search"), 200),
    "archive": (_get("/archive"), 200),
    "method": (_get("/method"), 200),
    "privacy": (_get("/privacy"), 200),
    "lost": (_get("/nothing"), 404),
    "expired": (_get("/preferences/not-a-token"), 404),
    "check-inbox": (_asked, 200),
    "confirm": (_confirming, 200),
    "confirmed": (_confirmed, 200),
    "preferences": (_opened("preferences"), 200),
    "unsubscribe": (_opened("unsubscribe"), 200),
    "unsubscribed": (_left, 200),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_page_is_as_it_was_seen(app: App, web: httpx2.Client, page: str, language: str) -> None:
    with writing(app.engine) as connection:
        reader = Subscriber(0, "ada@example.org", SubscriberState.ACTIVE, language=language)
        reader = subscribers.add(connection, reader, reader.email, NOW)
    show, status = PAGES[page]
    web.headers["Accept-Language"] = language
    answer = show(app, web, reader)
    assert answer.status_code == status
    assert f'<html lang="{language}"' in answer.text
    shown = _TOKEN.sub("TOKEN", answer.text)  # an epoch in it is drawn at random
    path = FOLDER / f"{page}.{language}.html"
    if os.environ.get("REFRESH_GOLDEN"):
        path.write_text(shown, "utf-8")
    assert path.read_text("utf-8") == shown


def test_no_golden_page_is_left_over() -> None:
    expected = {f"{page}.{language}.html" for page in PAGES for language in LANGUAGES}
    assert {path.name for path in FOLDER.iterdir()} == expected


def test_looking_at_the_leaving_page_leaves_nothing_and_offers_less_mail(
    app: App, web: httpx2.Client
) -> None:
    with writing(app.engine) as connection:
        reader = Subscriber(0, "ada@example.org", SubscriberState.ACTIVE)
        reader = subscribers.add(connection, reader, reader.email, NOW)
    page = web.get(link(app, reader, "unsubscribe"))
    assert reader.email not in page.text  # it is shown in part only
    for act, rhythm, size in (("weekly", "weekly", reader.size), ("five", "weekly", 5)):
        assert f"/{act}" in page.text
        assert web.post(f"{link(app, reader, 'preferences')}/{act}").status_code in (200, 303)
        with writing(app.engine) as connection:
            now = subscribers.get(connection, reader.id)
        assert (now.state, now.rhythm, now.size) == (SubscriberState.ACTIVE, rhythm, size)
