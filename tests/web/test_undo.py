"""An accidental click can be undone on the next page; links still work after mail programs changed
them.
"""

import re
from datetime import timedelta

import httpx2
import pytest

from newsletter import membership
from newsletter.app import App
from newsletter.models import SubscriberState
from newsletter.store import subscribers
from newsletter.store.db import writing
from tests.web.conftest import NOW, Clock, a_reader, link, now_of


def stay_button(page: str) -> str | None:
    found = re.search(r'<form[^>]* method="post" action="(/unsubscribe/[^"]+/stay)"', page)
    return found[1] if found else None


def test_K21_stay_subscribed_undoes_the_one_click(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    with writing(app.engine) as connection:
        subscribers.change(connection, reader.id, size=12, confirmed_at=NOW)
    before = now_of(app, reader)
    page = link(app, reader, "unsubscribe")
    after = web.post(page, data={"List-Unsubscribe": "One-Click"})
    stay = stay_button(after.text)
    assert stay and now_of(app, reader).state is SubscriberState.UNSUBSCRIBED
    assert web.get(stay).status_code == 405  # a scanner that follows links changes nothing
    answer = web.post(stay)
    assert answer.status_code == 200 and "stay subscribed" in answer.text
    assert now_of(app, reader) == before  # as if nothing had happened: links of old letters too
    assert web.post(stay).status_code == 200 and now_of(app, reader) == before
    assert web.post(page).status_code == 200
    assert now_of(app, reader).state is SubscriberState.UNSUBSCRIBED


def test_K21_a_pause_is_kept(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    web.post(f"{link(app, reader, 'preferences')}/pause", data={"weeks": "4"})
    paused = now_of(app, reader)
    page = link(app, reader, "unsubscribe")
    web.post(page)
    web.post(f"{page}/stay")
    assert now_of(app, reader) == paused


@pytest.mark.parametrize(("days", "is_offered"), [(0, True), (29, True), (31, False)])
def test_K21_the_letters_link_offers_it_for_thirty_days(
    app: App, web: httpx2.Client, clock: Clock, days: int, is_offered: bool
) -> None:
    reader = a_reader(app)
    page = link(app, reader, "unsubscribe")
    web.post(page)
    clock.now = NOW + timedelta(days=days)
    shown = web.get(page)
    assert shown.status_code == 200 and bool(stay_button(shown.text)) is is_offered
    assert ('action="/subscribe"' in shown.text) is not is_offered  # another way back
    assert web.post(f"{page}/stay").status_code == (200 if is_offered else 404)
    assert (now_of(app, reader).state is SubscriberState.ACTIVE) is is_offered


def test_K21_nobody_is_brought_back_by_an_older_link_or_from_the_dead(
    app: App, web: httpx2.Client
) -> None:
    removed, complained, twice, pending = (
        a_reader(app, f"{name}@example.org", state)
        for name, state in (
            ("removed", SubscriberState.ACTIVE),
            ("complained", SubscriberState.ACTIVE),
            ("twice", SubscriberState.ACTIVE),
            ("pending", SubscriberState.PENDING),
        )
    )
    with writing(app.engine) as connection:
        subscribers.set_state(connection, removed.id, SubscriberState.UNSUBSCRIBED, "operator")
        subscribers.set_state(connection, complained.id, SubscriberState.SUPPRESSED, "complaint")
        membership.unsubscribe(connection, twice.id, twice.epoch, "link", NOW)
        subscribers.change(connection, twice.id, state=SubscriberState.ACTIVE)
        membership.unsubscribe(connection, twice.id, twice.epoch + 1, "link", NOW)
        membership.unsubscribe(connection, pending.id, pending.epoch, "link", NOW)
    for reader in (removed, complained, twice, pending):
        before = now_of(app, reader)
        page = link(app, reader, "unsubscribe")
        assert stay_button(web.get(page).text) is None
        assert web.post(f"{page}/stay").status_code == 404
        assert now_of(app, reader) == before


def test_K21_an_old_letters_link_does_not_claim_what_is_not_so(
    app: App, web: httpx2.Client
) -> None:
    reader = a_reader(app)
    page = link(app, reader, "unsubscribe")
    web.post(page)
    with writing(app.engine) as connection:  # subscribed again, confirmed by a new link
        subscribers.change(connection, reader.id, state=SubscriberState.ACTIVE)
    for answer in (web.get(page), web.post(page)):
        assert answer.status_code == 404 and "You are unsubscribed" not in answer.text
    assert now_of(app, reader).state is SubscriberState.ACTIVE


#: What mail programs put behind a link, in front of its token, or on its host.
TAILS = [
    *(
        ".",
        ",",
        ";",
        ":",
        "!",
        "?",
        ">",
        ")",
        "]",
        "}",
        '"',
        "'",
        "=",
        "-",
        "_",
        "*",
        "|",
    ),
    *(
        "~",
        "..",
        "...",
        ").",
        ">.",
        ">,",
        ")>",
        '">',
        "';",
        "=)",
        "--",
        "__",
        "-.",
        "_>",
    ),
    *(
        "**",
        "!)",
        "&gt;",
        "&gt;.",
        "&quot;",
        "&amp;",
        "&#39;",
        "&nbsp;",
        "&lt;br&gt;",
    ),
    *(
        "&gt",
        "&#62;",
        "%3E",
        "%3e",
        "%29",
        "%2E",
        "%2C",
        "%22",
        "%27",
        "%20",
        "%3D",
        "%5D",
    ),
    *(
        "%09",
        "%0D%0A",
        "%C2%A0",
        "%E2%80%A6",
        "%E2%80%9D",
        "%C2%BB",
        "%3E.",
        "%3E%20",
    ),
    *(
        "%29.",
        "=20",
        "=3D",
        "=%0D%0A",
        "/",
        "//",
        "./",
        ">/",
        "?utm_source=mail",
    ),
    *(
        "?utm_source=mail&utm_medium=x",
        "?=",
        "?a=b",
        "#top",
        "#",
        ".#top",
        "?x=y#top",
    ),
    *(
        ">?utm_source=m",
        ".?utm_source=m",
        "&utm_source=m",
        "?fbclid=1",
        "</a>",
        "<br>",
    ),
    *(
        "%3Cbr%3E",
        "%3C/a%3E",
        "\u200b",
        "\xa0",
        "\u2026",
        "\xbb",
        "\u201d",
        "%E2%80%8B",
    ),
]
HOSTS = ["LOCALHOST", "LocalHost", "localhost"]


@pytest.mark.parametrize("tail", TAILS)
def test_K24_a_link_works_however_a_mail_program_ended_it(
    app: App, web: httpx2.Client, tail: str
) -> None:
    reader = a_reader(app)
    for purpose in ("preferences", "unsubscribe", "confirm"):
        answer = web.get(link(app, reader, purpose) + tail, follow_redirects=True)
        assert answer.status_code == 200, purpose
    answer = web.post(link(app, reader, "unsubscribe") + tail, follow_redirects=True)
    assert answer.status_code == 200
    assert now_of(app, reader).state is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("before", ["/", "//", "///"])
def test_K24_a_link_works_with_another_case_of_its_host_and_doubled_slashes(
    app: App, web: httpx2.Client, host: str, before: str
) -> None:
    token = link(app, a_reader(app), "unsubscribe").rpartition("/")[2]
    for path in (f"{before}unsubscribe/{token}", f"/unsubscribe{before}{token}"):
        url = f"http://localhost:{web.base_url.port}{path}"
        answer = web.get(
            url, headers={"Host": f"{host}:{web.base_url.port}"}, follow_redirects=True
        )
        assert answer.status_code == 200, path


@pytest.mark.parametrize("tail", [".", ">", ")", ").", '"', "&gt;", "-", "_", "%E2%80%A6", "%20"])
def test_K24_a_link_with_a_mark_behind_it_works(app: App, web: httpx2.Client, tail: str) -> None:
    reader = a_reader(app)
    for purpose in ("preferences", "unsubscribe", "confirm"):
        assert web.get(link(app, reader, purpose) + tail).status_code in (200, 303)
    assert web.post(link(app, reader, "unsubscribe") + tail).status_code == 200
    assert now_of(app, reader).state is SubscriberState.UNSUBSCRIBED
