"""The pages against a real server: all steps of a reader, and what must never happen."""

import re
import time
from email import message_from_bytes
from email.policy import default

import httpx2
import pytest
from starlette.requests import Request

from newsletter.app import App
from newsletter.delivery.message_builder import MessageBuilder
from newsletter.matching.curated import load_curated
from newsletter.models import Claim, Subscriber, SubscriberState
from newsletter.store import feedback, ledger_life, subscribers, suppressions, topics
from newsletter.store.db import reading, writing
from newsletter.tokens import LETTER, PURPOSES
from newsletter.web.middleware import client_prefix
from tests.web.conftest import NOW, a_reader, link, now_of
from tests.web.test_trending import listed


def queued(app: App) -> list[Claim]:
    return ledger_life.claim(app.engine, 50, NOW)


def test_a_reader_subscribes_confirms_chooses_and_leaves(app: App, web: httpx2.Client) -> None:
    assert web.post("/subscribe", data={"email": "Ada@Example.org"}).status_code == 200
    [claim] = queued(app)
    assert claim.kind == "confirm"
    with reading(app.engine) as connection:
        reader = subscribers.get(connection, claim.subscriber)
    confirm = link(app, reader, "confirm")
    page = web.get(confirm)
    assert (
        page.status_code == 200
        and "a•••" in page.text.lower()
        and "ada@example.org" not in page.text.lower()
    )
    assert now_of(app, reader).state is SubscriberState.PENDING  # opening confirms nobody
    form = {
        "topic": ["reasoning", "weather"],
        "keywords": '"graph neural"\n-survey',
        "authors": "Ingrid Solheim",
        "tz": "Europe/Berlin",
        "hour": "06:00",
        "rhythm": "daily",
        "size": "5",
        "mix": "match",
    }
    assert "Saved" in web.post(confirm, data=form).text
    active = now_of(app, reader)
    assert (active.state, active.timezone, active.hour, active.size) == (
        SubscriberState.ACTIVE,
        "Europe/Berlin",
        6,
        5,
    )
    assert (
        len(active.topics) == 3
        and active.muted == ("survey",)
        and active.follows == ("Ingrid Solheim",)
    )
    assert web.post(link(app, active, "unsubscribe")).status_code == 200
    assert now_of(app, reader).state is SubscriberState.UNSUBSCRIBED


def test_F08_an_old_confirmation_does_not_bring_back_who_left(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app, state=SubscriberState.PENDING)
    old = link(app, reader, "confirm")
    web.post(old, data={"topic": "reasoning"})
    web.post(link(app, reader, "unsubscribe"))
    assert web.post(old, data={"topic": "reasoning"}).status_code == 404
    assert now_of(app, reader).state is SubscriberState.UNSUBSCRIBED


def test_F09_opening_every_link_of_a_letter_changes_nothing(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    for purpose in ("preferences", "unsubscribe", "feedback", "confirm"):
        for method in ("GET", "HEAD"):
            web.request(method, link(app, reader, purpose, paper=1, vote=1))
    assert now_of(app, reader) == reader
    with reading(app.engine) as connection:
        assert not feedback.votes_of(connection, [reader.id])


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
    ],
)
def test_F11_one_click_leaves_without_cookie_redirect_or_origin(
    app: App, web: httpx2.Client, body: dict
) -> None:
    reader = a_reader(app)
    answer = web.post(link(app, reader, "unsubscribe"), **body)
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    assert now_of(app, reader).state is SubscriberState.UNSUBSCRIBED
    assert web.post(link(app, reader, "unsubscribe"), **body).status_code == 200  # again is fine


def test_F15_known_and_unknown_addresses_get_the_same_answer(app: App, web: httpx2.Client) -> None:
    a_reader(app, "known@example.org")
    a_reader(app, "pending@example.org", SubscriberState.PENDING)
    with writing(app.engine) as connection:
        suppressions.suppress(
            connection, app.tokens.address_hash("never@example.org"), "complaint", NOW
        )
    answers = [
        web.post("/subscribe", data={"email": f"{name}@example.org"})
        for name in ("known", "pending", "never", "new")
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert sorted(claim.kind for claim in queued(app)) == ["confirm", "confirm", "known"]


def test_a_search_of_a_member_stands_among_their_keywords_once_they_save_it(
    app: App, web: httpx2.Client
) -> None:
    reader = a_reader(app)
    web.post("/subscribe", data={"email": reader.email, "query": "quantum  TIMETABLE"})
    [claim] = queued(app)
    assert (
        claim.kind == "known" and now_of(app, reader) == reader
    )  # whoever typed the address changed nothing
    [parcel] = list(MessageBuilder(app.engine, app.config, app.renderer, app.tokens)([claim]))
    assert isinstance(parcel, tuple)
    text = message_from_bytes(parcel[1], policy=default).get_body(("plain",)).get_content()
    assert "timetable" not in text.lower().replace(
        "+timetable", ""
    )  # anybody's text is no sentence of our mail
    [there] = re.findall(r"http://localhost:8080(/preferences/\S+add=\S+)", text)
    page = web.get(there).text
    assert re.search(r'<textarea id="kw"[^>]*>\s*quantum timetable</textarea>', page)
    assert (
        web.get(there.replace("quantum", "%22")).status_code == 200
    )  # a query that is none is left out
    assert now_of(app, reader) == reader


def test_a_second_search_of_somebody_who_has_not_confirmed_is_kept_too(
    app: App, web: httpx2.Client
) -> None:
    for query in ("quantum timetable", "folding AND crowds", "folding AND crowds"):
        web.post("/subscribe", data={"email": "ada@example.org", "query": query})
    [claim] = queued(app)
    with reading(app.engine) as connection:
        reader = subscribers.get(connection, claim.subscriber)
        own = topics.by_ids(connection, reader.topics)
    assert [own[id].query for id in reader.topics] == ["quantum timetable", "folding crowds"]


def test_more_lines_than_there_is_room_for_are_told_and_nothing_is_saved(
    app: App, web: httpx2.Client
) -> None:
    reader = a_reader(app)
    lines = "\n".join(f"word{n}" for n in range(25))
    answer = web.post(link(app, reader, "preferences"), data={"keywords": lines, "size": "12"})
    assert (
        answer.status_code == 400 and "room for 20 lines" in answer.text and "word24" in answer.text
    )
    assert now_of(app, reader) == reader


def test_F02_one_address_gets_one_confirmation_a_day(app: App, web: httpx2.Client) -> None:
    for _ in range(4):
        web.post("/subscribe", data={"email": "ada@example.org"})
    assert len(queued(app)) == 1


def test_F01_one_network_address_signs_up_few(web: httpx2.Client) -> None:
    codes = [
        web.post("/subscribe", data={"email": f"a{n}@example.org"}).status_code for n in range(7)
    ]
    assert codes == [200] * 5 + [429] * 2


def test_F04_a_forged_proxy_header_is_not_believed(web: httpx2.Client) -> None:
    codes = [
        web.post(
            "/subscribe",
            data={"email": f"a{n}@example.org"},
            headers={"X-Forwarded-For": f"9.9.9.{n}"},
        ).status_code
        for n in range(7)
    ]
    assert codes[-1] == 429


def test_F04_proxies_of_a_named_network_are_believed_and_their_clients_told_apart() -> None:
    def client(host: str, forwarded: str, trusted: tuple[str, ...]) -> str:
        scope = {
            "type": "http",
            "client": (host, 1),
            "headers": [(b"x-forwarded-for", forwarded.encode())],
        }
        return client_prefix(Request(scope), trusted)

    assert client("10.0.0.7", "9.9.9.9", ("10.0.0.0/8",)) == "9.9.9.9"
    assert client("10.0.0.7", "1.1.1.1, 9.9.9.9, 10.0.0.9", ("10.0.0.0/8",)) == "9.9.9.9"
    assert client("10.0.0.7", "9.9.9.9", ("10.0.0.7",)) == "9.9.9.9"
    assert client("11.0.0.7", "9.9.9.9", ("10.0.0.0/8",)) == "11.0.0.7"
    assert client("fd00::1", "2001:db8::5", ("fd00::/8",)) == "2001:db8::/64"


@pytest.mark.parametrize(
    "purpose", [purpose for purpose in PURPOSES if purpose not in ("address",)]
)
def test_F07_a_token_of_another_purpose_opens_nothing(
    app: App, web: httpx2.Client, purpose: str
) -> None:
    reader = a_reader(app)
    for page in ("confirm", "preferences", "unsubscribe", "feedback", "view"):
        token = app.tokens.make(purpose, reader.id, reader.epoch, NOW)
        if page != purpose:
            assert web.get(f"/{page}/{token}").status_code == 404


def test_a_bad_query_is_told_with_its_place_and_changes_nothing(
    app: App, web: httpx2.Client
) -> None:
    reader = a_reader(app)
    answer = web.post(
        link(app, reader, "preferences"), data={"keywords": 'fine\n"broken', "size": "12"}
    )
    assert answer.status_code == 400 and "line 2" in answer.text
    assert now_of(app, reader) == reader


def test_F18_a_form_of_another_site_is_refused(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    page = link(app, reader, "preferences")
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "none"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site, same-origin"},
    ):
        assert web.post(page, data={"size": "5"}, headers=headers).status_code == 403
        assert now_of(app, reader) == reader
    ours = {
        "Origin": "null",
        "Sec-Fetch-Site": "same-origin",
    }  # what a browser says of a no-referrer page's own form
    assert web.post(page, data={"size": "5"}, headers=ours).status_code == 200


def test_F19_a_large_body_is_refused(web: httpx2.Client) -> None:
    assert web.post("/subscribe", content=b"email=" + b"x" * 200_000).status_code == 413


@pytest.mark.parametrize("host", ["evil.example", "localhost/x?", "a@b"])
def test_F20_an_unknown_host_is_refused(web: httpx2.Client, host: str) -> None:
    assert web.get("/", headers={"Host": host}).status_code == 400


def test_F21_what_is_typed_comes_back_escaped(web: httpx2.Client) -> None:
    searched = web.get("/search", params={"q": '"><svg onload=alert(1)>'})
    typed = web.post("/subscribe", data={"email": "<svg onload=x>"})
    for answer in (searched, typed):
        assert "<svg onload" not in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_F23_token_pages_are_private(app: App, web: httpx2.Client) -> None:
    answer = web.get(link(app, a_reader(app), "preferences"))
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == (
        "no-referrer",
        "no-store",
    )
    assert answer.headers["X-Robots-Tag"] == "noindex"


def test_F27_the_field_that_people_cannot_see_brings_no_mail(app: App, web: httpx2.Client) -> None:
    assert (
        web.post("/subscribe", data={"email": "ada@example.org", "website": "x"}).status_code == 200
    )
    assert queued(app) == []


@pytest.mark.parametrize("is_old", [False, True], ids=["letter", "letter of an earlier version"])
def test_a_vote_is_kept_after_the_button_and_can_be_taken_back(
    app: App, web: httpx2.Client, is_old: bool
) -> None:
    reader = a_reader(app)
    from tests.store.test_store import a_merge, a_paper, keep

    with writing(app.engine) as connection:
        [paper] = keep(connection, a_merge(a_paper()))
    page = link(app, reader, LETTER, "feedback", paper=1) + f"/less/{paper.key}"
    if is_old:
        page = link(app, reader, "feedback", paper=paper.key, vote=-1)
    assert paper.title in web.get(page).text
    web.post(page, data={"why": "seen"})
    with reading(app.engine) as connection:
        assert feedback.votes_of(connection, [reader.id]) == {reader.id: {paper.key: -1}}
    web.post(page, data={"undo": "1"})
    with reading(app.engine) as connection:
        assert feedback.votes_of(connection, [reader.id]) == {}


def test_a_link_with_a_vote_that_is_none_is_not_found(app: App, web: httpx2.Client) -> None:
    page = link(app, a_reader(app), LETTER, "feedback", paper=1)
    for deed in ("", "/more", "/more/", "/more/x", "/more/0", "/most/1", f"/more/{'9' * 30}"):
        assert web.get(page + deed).status_code == 404
        assert web.post(page + deed).status_code == 404


def test_one_token_opens_every_page_of_a_letter(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    assert web.get(link(app, reader, LETTER, "preferences", paper=1)).status_code == 200
    leave = link(app, reader, LETTER, "unsubscribe", paper=1)
    assert web.get(leave).status_code == 200
    assert web.post(leave, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert web.get(link(app, reader, LETTER, "preferences", paper=1)).status_code == 404
    for page in ("confirm", "address", "my"):
        assert web.get(link(app, reader, LETTER, page, paper=1)).status_code == 404


@pytest.mark.parametrize(
    "page",
    [
        "/",
        "/archive",
        "/search",
        "/about",
        "/method",
        "/privacy",
        "/feeds/all.atom",
        "/feeds/all.json",
        "/feeds/reasoning.atom",
        "/healthz",
        "/readyz",
        "/static/site.css",
        "/metrics",
    ],
)
def test_pages_for_everybody_answer_on_an_empty_site(web: httpx2.Client, page: str) -> None:
    answer = web.get(page)
    assert answer.status_code == 200
    assert not re.search(r"<script|<img|style=\"", answer.text)


@pytest.mark.parametrize(
    "page", ["/issues/2026-01-01", "/issues/x", "/papers/none", "/feeds/none.atom", "/nothing"]
)
def test_what_is_not_there_is_a_plain_404(web: httpx2.Client, page: str) -> None:
    assert web.get(page).status_code == 404


def test_topics_are_folded_by_group_in_the_readers_language(app: App, web: httpx2.Client) -> None:
    with writing(app.engine) as connection:
        topics.seed(connection, load_curated())
        chosen = topics.get(connection, "genomics").id
        wanted = Subscriber(0, "de@example.org", language="de", topics=(chosen,))
        reader = subscribers.add(connection, wanted, "de@example.org", NOW)
    page = web.get(link(app, reader, "preferences")).text
    folded = re.findall(r'<details class="fold"( open)?><summary>([^<]+)', page)
    assert [(name.strip(), bool(is_open)) for is_open, name in folded] == [
        ("Informatik", False),
        ("Lebenswissenschaften", True),
        ("Erde und Physik", False),
        ("Mathematik und Gesellschaft", False),
    ]
    assert "<span>Genomik" in page and "Genomics" not in page
    assert "Informatik" in web.get("/topics", headers={"Accept-Language": "de"}).text


def test_counts_a_week_come_without_making_a_page_wait(app: App, web: httpx2.Client) -> None:
    with writing(app.engine) as connection:
        topics.seed(connection, load_curated())
        reader = subscribers.add(connection, Subscriber(0, "a@example.org"), "a@example.org", NOW)
    listed(app, 3)  # about reasoning
    first = web.get(link(app, reader, "preferences")).text
    assert "papers a week" not in first
    for _ in range(200):  # they are counted after the page was sent
        page = web.get(link(app, reader, "preferences")).text
        if counted := dict(re.findall(r'value="([\w-]+)"[^/]*title="(\d) papers a week"', page)):
            break
        time.sleep(0.05)
    assert counted["reasoning"] == "3"
