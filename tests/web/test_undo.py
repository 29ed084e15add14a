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


@pytest.mark.parametrize("tail", [".", ">", ")", ").", '"', "&gt;", "-", "_", "%E2%80%A6", "%20"])
def test_K24_a_link_with_a_mark_behind_it_works(app: App, web: httpx2.Client, tail: str) -> None:
    reader = a_reader(app)
    for purpose in ("preferences", "unsubscribe", "confirm"):
        assert web.get(link(app, reader, purpose) + tail).status_code in (200, 303)
    assert web.post(link(app, reader, "unsubscribe") + tail).status_code == 200
    assert now_of(app, reader).state is SubscriberState.UNSUBSCRIBED
