"""What readers do with their links: move, export, erase, come back; against a real server."""

import json
import re
import threading
from datetime import timedelta

import httpx2
import pytest

from newsletter.app import App
from newsletter.delivery.message_builder import MessageBuilder
from newsletter.fetching import import_papers
from newsletter.mail_kinds import CONFIRM
from newsletter.models import Sighting, Subscriber, SubscriberState
from newsletter.store import (
    ledger_life,
    ledger_plan,
    ledger_read,
    subscribers,
    suppressions,
    topics,
)
from newsletter.store.db import reading, writing
from tests.web.conftest import NOW, Clock, a_reader, link, now_of


def waiting(app: App) -> dict[str, tuple[str, str]]:
    """Kind -> (recipient, source) of the mails that wait; asking leases them."""
    claims = ledger_life.claim(app.engine, 50, NOW)
    found = {}
    for claim, parcel in zip(
        claims,
        MessageBuilder(app.engine, app.config, app.renderer, app.tokens)(claims),
        strict=True,
    ):
        assert isinstance(parcel, tuple), parcel
        source = re.sub(r"=\r?\n", "", parcel[1].decode()).replace("=3D", "=")
        found[claim.kind] = (parcel[0].recipient, source)
    return found


def test_confirming_brings_a_welcome(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app, state=SubscriberState.PENDING)
    answer = web.post(link(app, reader, "confirm"), data={"topic": "reasoning"})
    assert "confirmed" in answer.text
    assert waiting(app)["welcome"][0] == "ada@example.org"


def test_F06_an_expired_confirmation_confirms_nobody(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app, state=SubscriberState.PENDING)
    old = link(app, reader, "confirm", made=NOW - timedelta(days=7, seconds=1))
    assert (
        web.get(old).status_code == 404
        and web.post(old, data={"topic": "reasoning"}).status_code == 404
    )
    assert now_of(app, reader).state is SubscriberState.PENDING


def test_F08_a_second_click_leads_to_the_choices(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    answer = web.get(link(app, reader, "confirm"))
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/preferences/")


def test_F13_leaving_again_or_after_erasure_says_the_same(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "unsubscribe")
    first, again = web.post(page), web.post(page)
    assert (first.status_code, again.status_code) == (200, 200) and first.text == again.text
    with writing(app.engine) as connection:
        subscribers.erase(connection, reader.id)
    gone = web.post(page)
    assert gone.status_code == 200 and "You are unsubscribed" in gone.text
    assert web.get(page).status_code == 200


def test_F14_two_sign_ups_at_once_are_one_reader_and_one_mail(app: App, web: httpx2.Client) -> None:
    ready = threading.Barrier(4)
    codes = []

    def join() -> None:
        ready.wait()
        codes.append(
            httpx2.post(f"{web.base_url}/subscribe", data={"email": "ada@example.org"}).status_code
        )

    threads = [threading.Thread(target=join) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 4
    assert [claim.kind for claim in ledger_life.claim(app.engine, 9, NOW)] == ["confirm"]


def test_F02_three_confirmations_in_thirty_days(app: App, web: httpx2.Client, clock: Clock) -> None:
    from newsletter import addresses, subscribing

    for day in range(40):
        moment = NOW + timedelta(days=day, hours=day / 10)
        with writing(app.engine) as connection:
            subscribing.subscribe(
                app,
                connection,
                subscribing.SubscribeRequest(addresses.parse("ada@example.org"), moment),
            )
    with reading(app.engine) as connection:
        reader = subscribers.find(connection, "ada@example.org")
        assert reader is not None
        in_a_month = ledger_read.enqueued_since(
            connection, reader.id, CONFIRM, NOW + timedelta(days=-1)
        )
    assert in_a_month == 6  # three in the first thirty days, three in what follows


def test_F16_moving_asks_the_new_address_and_tells_the_old(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    answer = web.post(f"{page}/address", data={"email": "Ada@Example.net"})
    assert answer.status_code == 200 and "Ada@Example" not in answer.text
    mails = waiting(app)
    assert (mails["address_new"][0], mails["address_old"][0]) == (
        "Ada@example.net",
        "ada@example.org",
    )
    [path] = set(re.findall(r"/address/[\w-]+", mails["address_new"][1]))
    assert (
        "Ada@example.net" not in mails["address_old"][1]
    )  # the old mailbox may be somebody else's by now
    assert web.get(path).status_code == 200 and now_of(app, reader).email == "ada@example.org"
    assert web.post(path).status_code == 200
    moved = now_of(app, reader)
    assert (moved.email, moved.address_version) == ("Ada@example.net", reader.address_version + 1)
    assert web.post(path).status_code == 404  # the link has done its work


def test_F16_moving_to_a_taken_or_barred_address_is_no_oracle(app: App, web: httpx2.Client) -> None:
    reader, _ = a_reader(app), a_reader(app, "taken@example.org")
    with writing(app.engine) as connection:
        suppressions.suppress(
            connection, app.tokens.address_hash("never@example.org"), "complaint", NOW
        )
    answers = []
    for name in ("taken", "never", "free"):
        answer = web.post(
            f"{link(app, reader, 'preferences')}/address", data={"email": f"{name}@example.org"}
        )
        answers.append((answer.status_code, answer.headers["Content-Length"]))
    kinds = [claim.kind for claim in ledger_life.claim(app.engine, 9, NOW)]
    assert kinds.count("address_old") == 3 and kinds.count("address_new") == 1
    assert {code for code, _ in answers} == {200}


def test_keeping_the_address_ends_the_link_to_the_new_one(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    web.post(f"{page}/address", data={"email": "ada@example.net"})
    [path] = set(re.findall(r"/address/[\w-]+", waiting(app)["address_new"][1]))
    assert "stays as it is" in web.post(f"{page}/keep").text
    assert web.post(path).status_code == 404 and now_of(app, reader).email == "ada@example.org"


def test_data_comes_by_mail_and_not_on_the_page(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    answer = web.post(f"{link(app, reader, 'preferences')}/export")
    assert answer.status_code == 200 and "ada@example.org" not in answer.text
    with reading(app.engine) as connection:
        [row] = [
            row for row in ledger_read.history(connection, reader.id) if row["kind"] == "export"
        ]
    assert row["state"] == "pending"
    [claim] = ledger_life.claim(app.engine, 9, NOW)
    assert json.loads(json.dumps(claim.context["data"]))["email"] == "ada@example.org"
    [parcel] = list(MessageBuilder(app.engine, app.config, app.renderer, app.tokens)([claim]))
    assert isinstance(parcel, tuple) and parcel[0].recipient == "ada@example.org"


def test_F30_erasing_leaves_a_hash_that_no_import_revives_but_its_owner_may(
    app: App, web: httpx2.Client
) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    assert web.post(f"{page}/erase").status_code == 400  # the box was not ticked
    assert now_of(app, reader) == reader
    assert "deleted" in web.post(f"{page}/erase", data={"sure": "yes"}).text
    digest = app.tokens.address_hash("ada@example.org")
    with reading(app.engine) as connection:
        assert subscribers.find(connection, "ada@example.org") is None
        assert suppressions.suppression(connection, digest) == suppressions.ERASED
    assert web.get(page).status_code == 404
    web.post("/subscribe", data={"email": "ada@example.org"})
    [path] = set(re.findall(r"/confirm/[\w-]+", waiting(app)["confirm"][1]))
    web.post(path, data={"topic": "reasoning"})
    with reading(app.engine) as connection:
        assert suppressions.suppression(connection, digest) is None  # confirmed again: consent


def test_F30_an_erased_reader_leaves_the_books_balanced(app: App) -> None:
    readers = [a_reader(app, f"r{n}@example.org") for n in range(3)]
    rows = [
        ledger_plan.FrozenRow(one.id, "digest", (), NOW, NOW + timedelta(hours=18))
        for one in readers
    ]
    ledger_plan.freeze(app.engine, NOW.date(), rows, candidates=5, papers={}, now=NOW)
    with writing(app.engine) as connection:
        subscribers.erase(connection, readers[0].id)
        assert ledger_read.check(connection) == []
        assert ledger_read.issue_counts(connection)[0]["quiet"] == 2


def test_a_pause_has_a_length_and_an_end(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    assert "21 December 2026" in web.post(f"{page}/pause", data={"weeks": "4"}).text
    paused = now_of(app, reader)
    assert paused.state is SubscriberState.PAUSED
    web.post(f"{page}/resume")
    assert now_of(app, reader).state is SubscriberState.ACTIVE


def test_keywords_are_checked_without_saving(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    answer = web.post(
        link(app, reader, "preferences"), data={"keywords": "verifier", "size": "12", "check": "1"}
    )
    assert answer.status_code == 200 and "nothing in the last seven days" in answer.text
    assert 'value="12" checked' in answer.text and now_of(app, reader) == reader


def test_a_keyword_tells_how_many_papers_a_week_with_three_of_them(
    app: App, web: httpx2.Client
) -> None:
    day = NOW - timedelta(days=1)
    shown = [
        Sighting("import", f"s{n}", f"A scheme, number {n}", "", (f"A {n}",), published=day)
        for n in range(12)
    ]
    import_papers(app.engine, shown, NOW)
    page = link(app, a_reader(app), "preferences")
    checked = web.post(page, data={"keywords": "scheme", "check": "1"}).text
    checked = checked[checked.index('<div id="ck"') :].split("</div>")[0]
    assert "scheme: about 12 papers a week, such as" in checked
    assert checked.count("A scheme, number") == 3
    assert "% of all papers: add a word" in checked


def test_a_mistake_keeps_all_that_was_typed(app: App, web: httpx2.Client) -> None:
    form = {
        "keywords": "(open",
        "authors": "Mara Okafor",
        "topic": "weather",
        "tz": "Asia/Tokyo",
        "rhythm": "hot",
    }
    answer = web.post(link(app, a_reader(app), "preferences"), data=form)
    assert answer.status_code == 400 and "character" in answer.text
    for kept in (
        "(open",
        "Mara Okafor",
        'value="weather" checked',
        "<option selected>Asia/Tokyo",
        'value="hot" checked',
    ):
        assert kept in answer.text


def test_a_german_reader_has_german_pages(app: App, web: httpx2.Client) -> None:
    with writing(app.engine) as connection:
        new = Subscriber(0, "otto@example.de", SubscriberState.ACTIVE, language="de")
        reader = subscribers.add(connection, new, "otto@example.de", NOW)
    for purpose in ("preferences", "unsubscribe"):
        answer = web.get(link(app, reader, purpose), headers={"Accept-Language": "en"})
        assert '<html lang="de"' in answer.text
    for wish, lang in (
        ("de-AT,en;q=0.5", "de"),
        ("fr, de;q=0", "en"),
        ("en, de;q=0.9", "en"),
        ("x;q=y", "en"),
    ):
        assert f'<html lang="{lang}"' in web.get("/", headers={"Accept-Language": wish}).text


def test_who_subscribes_in_german_is_answered_in_german(app: App, web: httpx2.Client) -> None:
    web.post("/subscribe", data={"email": "otto@example.de"}, headers={"Accept-Language": "de"})
    with reading(app.engine) as connection:
        reader = subscribers.find(connection, "otto@example.de")
    assert reader is not None and reader.language == "de"


def test_a_wish_from_the_search_becomes_a_topic(app: App, web: httpx2.Client) -> None:
    web.post("/subscribe", data={"email": "ada@example.org", "query": '"graph  neural" networks'})
    with reading(app.engine) as connection:
        reader = subscribers.find(connection, "ada@example.org")
        assert reader is not None
        [topic] = topics.by_ids(connection, reader.topics).values()
    assert topic.query == '"graph neural" networks'


@pytest.mark.parametrize("form", ["atom", "json"])
def test_the_personal_feed_needs_its_own_link(app: App, web: httpx2.Client, form: str) -> None:
    reader = a_reader(app)
    answer = web.get(f"{link(app, reader, 'feed', 'my')}.{form}")
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    again = web.get(
        f"{link(app, reader, 'feed', 'my')}.{form}",
        headers={"If-None-Match": answer.headers["ETag"]},
    )
    assert again.status_code == 304
    assert web.get(f"{link(app, reader, 'preferences', 'my')}.{form}").status_code == 404
    web.post(link(app, reader, "unsubscribe"))
    assert web.get(f"{link(app, reader, 'feed', 'my')}.{form}").status_code == 404
