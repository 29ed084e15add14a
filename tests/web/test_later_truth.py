"""Changes that happen while a form is being sent stay: the form only changes its own settings, and
nothing once its reader has left.
"""

import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import httpx2
import pytest
from sqlalchemy import event

from newsletter.app import App
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import ledger_read, subscribers, topics
from newsletter.store.db import reading, writing
from tests.web.conftest import NOW, a_reader, link, now_of

#: As the page would send it for a reader with the usual settings.
FORM = {
    "keywords": "",
    "authors": "",
    "mix": "balanced",
    "rhythm": "weekdays",
    "hour": "07:00",
    "tz": "UTC",
    "size": "8",
    "format": "html",
    "language": "en",
}


def in_two_packets(
    app: App, web: httpx2.Client, path: str, form: dict[str, str], between: Callable[[], object]
) -> int:
    """Post a form; `between` runs once the server has looked the reader up and waits for the
    rest. Return the status.
    """
    body = urlencode(form).encode()
    looked_up = threading.Event()

    def seen(*_: object) -> None:
        looked_up.set()

    event.listen(app.engine, "checkin", seen)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((web.base_url.host, web.base_url.port or 80)) as connection:
        connection.sendall(head.encode() + body[:1])
        assert looked_up.wait(20)
        event.remove(app.engine, "checkin", seen)
        between()
        connection.sendall(body[1:])
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    return int(answer.split(b" ", 2)[1])


def leaves(app: App, web: httpx2.Client, reader: Subscriber) -> None:
    assert web.post(link(app, reader, "unsubscribe")).status_code == 200


def complains(app: App, _: httpx2.Client, reader: Subscriber) -> None:
    with writing(app.engine) as connection:
        subscribers.set_state(connection, reader.id, SubscriberState.SUPPRESSED, "complaint")


def is_erased(app: App, _: httpx2.Client, reader: Subscriber) -> None:
    with writing(app.engine) as connection:
        subscribers.erase(connection, reader.id)


PAGES = {
    "preferences": FORM | {"topic": "reasoning", "size": "12"},
    "preferences/pause": {"weeks": "4"},
    "preferences/resume": {"x": "1"},
    "preferences/weekly": {"x": "1"},
    "preferences/five": {"x": "1"},
    "preferences/address": {"email": "new@example.org"},
    "preferences/export": {"x": "1"},
    "preferences/erase": {"sure": "yes"},
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("event_between", [leaves, complains, is_erased])
def test_K04_no_form_under_way_brings_a_reader_back(
    app: App,
    web: httpx2.Client,
    page: str,
    event_between: Callable[[App, httpx2.Client, Subscriber], None],
) -> None:
    reader = a_reader(app)
    purpose, _, action = page.partition("/")
    path = link(app, reader, purpose) + (f"/{action}" if action else "")
    after: list[Subscriber] = []

    def between() -> None:
        event_between(app, web, reader)
        if event_between is not is_erased:
            after.append(now_of(app, reader))

    assert in_two_packets(app, web, path, PAGES[page], between) == 404
    with reading(app.engine) as connection:
        [left] = list(subscribers.stream(connection)) or [None]
        assert ledger_read.history(connection, reader.id) == []
    assert left == (after[0] if after else None)
    if left:
        assert left.state in (SubscriberState.UNSUBSCRIBED, SubscriberState.SUPPRESSED)
        assert web.get(path.rsplit("/", 1)[0] if action else path).status_code == 404


def test_K04_confirming_loses_against_leaving(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app, state=SubscriberState.PENDING)
    path = link(app, reader, "confirm")
    assert in_two_packets(app, web, path, FORM, lambda: leaves(app, web, reader)) == 404
    assert now_of(app, reader).state is SubscriberState.UNSUBSCRIBED


def test_K04_a_form_changes_only_what_it_is_about(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")

    def between() -> None:
        web.post(f"{page}/weekly")
        web.post(f"{page}/pause", data={"weeks": "4"})

    assert in_two_packets(app, web, page, FORM | {"size": "12"}, between) == 200
    now = now_of(app, reader)
    assert (now.size, now.rhythm, now.state) == (12, "weekly", SubscriberState.PAUSED)
    assert now.paused_until == (NOW + timedelta(weeks=4)).date()


def test_K04_the_same_setting_keeps_what_came_later(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    form = FORM | {"size": "12", "rhythm": "daily"}
    in_two_packets(app, web, page, form, lambda: web.post(f"{page}/five"))
    assert (now_of(app, reader).size, now_of(app, reader).rhythm) == (5, "daily")


def test_K04_two_forms_add_and_remove_topics_together(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    with reading(app.engine) as connection:
        ids = {topic.slug: topic.id for topic in topics.curated(connection)}
    with writing(app.engine) as connection:
        subscribers.change(connection, reader.id, topics=(ids["reasoning"], ids["climate"]))

    def other_form() -> None:
        web.post(page, data=FORM | {"topic": ["reasoning", "climate", "interpretability"]})

    in_two_packets(app, web, page, FORM | {"topic": "climate", "keywords": "verifier"}, other_form)
    with reading(app.engine) as connection:
        known = topics.by_ids(connection, now_of(app, reader).topics)
    curated = {topic.slug for topic in known.values() if topic.is_curated}
    assert curated == {"climate", "interpretability"}
    assert [topic.query for topic in known.values() if not topic.is_curated] == ["verifier"]


def test_K04_a_changed_address_survives_the_form(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")

    def between() -> None:
        with writing(app.engine) as connection:
            subscribers.change_address(connection, reader.id, "new@example.org", "new@example.org")

    assert in_two_packets(app, web, page, FORM | {"size": "5"}, between) == 200
    now = now_of(app, reader)
    assert (now.email, now.address_version, now.size) == ("new@example.org", 2, 5)


def test_K04_what_a_form_does_not_say_stays(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    with writing(app.engine) as connection:
        subscribers.change(connection, reader.id, timezone="Asia/Tokyo", size=12, muted=("survey",))
    web.post(link(app, reader, "preferences"), data={"topic": "reasoning", "rhythm": "never"})
    now = now_of(app, reader)
    expected = replace(reader, timezone="Asia/Tokyo", size=12, muted=("survey",))
    assert replace(now, topics=()) == replace(expected, topics=()) and len(now.topics) == 1
