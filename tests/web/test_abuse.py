"""What strangers try: floods, forged links, unusual methods, large bodies, forms of other sites."""

import base64
import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from urllib.parse import quote

import httpx2
import pytest
from sqlalchemy import event

from newsletter import addresses, subscribing, tokens
from newsletter.app import App
from newsletter.config import Web
from newsletter.models import SubscriberState
from newsletter.store import ledger_life, subscribers, suppressions, tables
from newsletter.store.db import reading, writing
from newsletter.tokens import Tokens
from newsletter.web.issue_view import policy
from newsletter.web.middleware import Quota, client_prefix
from tests.web.conftest import NOW, Clock, a_reader, link, now_of, serving

PAGES = (
    "/",
    "/archive",
    "/search",
    "/method",
    "/privacy",
    "/nothing",
    "/feeds/all.atom",
    "/healthz",
    "/static/site.css",
)


def test_F01_a_flood_is_turned_away_before_it_is_read_and_others_are_served(
    app: App, web: httpx2.Client
) -> None:
    codes = [
        web.post("/subscribe", data={"email": f"a{n}@example.org"}).status_code for n in range(200)
    ]
    assert codes.count(200) == 5 and codes.count(429) == 195
    assert len(ledger_life.claim(app.engine, 99, NOW)) == 5
    assert web.get("/").status_code == 200


def test_F01_twenty_a_day_and_a_quota_forgets() -> None:
    quota = Quota(2, 60)
    assert [quota.take("a", now) for now in (0, 1, 2, 60.5, 60.6)] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert quota.take("b", 2)


def test_F03_the_whole_site_writes_so_many_confirmations_an_hour(app: App, clock: Clock) -> None:
    limits = app.config.limits.model_copy(
        update={"confirmations_per_hour": 3, "subscribes_per_minute_per_address": 50}
    )
    app.config = app.config.model_copy(update={"limits": limits})
    with serving(app, clock) as web:
        answers = [web.post("/subscribe", data={"email": f"a@d{n}.example.org"}) for n in range(6)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert len(ledger_life.claim(app.engine, 99, NOW)) == 3


def test_K08_caps_of_a_client_survive_a_restart_and_are_shared_by_processes(
    app: App, clock: Clock
) -> None:
    """Two servers on one database, then a third: five forms a minute, twenty a day in all."""

    def codes(web: httpx2.Client, number: int) -> list[int]:
        names = (f"a{next(numbers)}@example.org" for _ in range(number))
        return [web.post("/subscribe", data={"email": name}).status_code for name in names]

    numbers = count()
    with serving(app, clock) as one, serving(app, clock) as other:
        assert codes(one, 3) + codes(other, 4) == [200] * 5 + [429] * 2
        answer = other.post("/subscribe", data={"email": "x@example.org"})
        assert 0 < int(answer.headers["Retry-After"]) <= 60
    with serving(app, clock) as again:
        assert codes(again, 1) == [429]
        for minute in (1, 2, 3):
            clock.now = NOW + timedelta(minutes=minute)
            assert codes(again, 5) == [200] * 5
        clock.now = NOW + timedelta(minutes=4)
        answer = again.post("/subscribe", data={"email": "y@example.org"})
        assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 3600
        clock.now = NOW + timedelta(days=1)
        assert codes(again, 1) == [200]
    assert len(ledger_life.claim(app.engine, 99, clock.now)) == 21


def test_K08_pages_and_mail_share_the_caps_of_a_mailbox(app: App, clock: Clock) -> None:
    """Two forms, then mails for the same mailbox: one more is heard, and a change of address to it
    by a reader is not.
    """
    reader = a_reader(app, "other@example.net")
    by_mail = addresses.parse("ada+m@example.org")
    with serving(app, clock) as web:
        for name in ("ada+1", "ada+2"):
            assert web.post("/subscribe", data={"email": f"{name}@example.org"}).status_code == 200
        with writing(app.engine) as connection:
            request = subscribing.SubscribeRequest(by_mail, NOW)
            subscribing.subscribe(app, connection, request)
        waiting = len(ledger_life.claim(app.engine, 99, NOW))
        assert waiting == 3
        path = link(app, reader, "preferences")
        assert web.post(f"{path}/address", data={"email": "ada+3@example.org"}).status_code == 200
        assert web.post("/subscribe", data={"email": "ada+4@example.org"}).status_code == 200
    assert ledger_life.claim(app.engine, 99, NOW) == []
    with reading(app.engine) as connection:
        kept = connection.execute(tables.caps.select()).all()
    assert not any("ada" in row.key or "127.0.0.1" in row.key for row in kept)


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("9.9.9.9", "1.1.1.1", (), "9.9.9.9"),
        ("127.0.0.1", "6.6.6.6, 1.1.1.1", ("127.0.0.1",), "1.1.1.1"),
        ("127.0.0.1", "1.1.1.1, 10.0.0.2", ("127.0.0.1", "10.0.0.2"), "1.1.1.1"),
        ("127.0.0.1", "nonsense", ("127.0.0.1",), "unknown"),
        ("2001:db8:1:2:3:4:5:6", "", (), "2001:db8:1:2::/64"),
    ],
)
def test_F04_only_named_proxies_are_believed(
    peer: str, forwarded: str, trusted: tuple[str, ...], expected: str
) -> None:
    from starlette.requests import Request

    headers = [(b"x-forwarded-for", forwarded.encode())]
    assert (
        client_prefix(Request({"type": "http", "client": (peer, 1), "headers": headers}), trusted)
        == expected
    )


def test_F05_bad_links_look_alike_ask_no_table_and_are_counted(
    app: App, web: httpx2.Client
) -> None:
    good = app.tokens.make("preferences", 1, 1, NOW)
    bad = [
        good[:-1],
        good + "A",
        ("B" if good[0] != "B" else "C") + good[1:],
        "x" * 60_000,
        "%00",
        "ä",
    ]
    app.engine.dispose()
    app.engine.pool._creator = None  # no table can be asked any more
    answers = [web.get(f"/preferences/{token}") for token in bad]
    assert {answer.status_code for answer in answers} <= {404, 400}
    assert len({answer.text for answer in answers if answer.status_code == 404}) == 1


@pytest.mark.parametrize("name", ["host", "origin"])
@pytest.mark.parametrize("value", ["http://[", "[::1", "localhost:x", "[localhost]", "]", ""])
def test_F29_a_host_that_is_no_host_is_refused(
    app: App, web: httpx2.Client, name: str, value: str
) -> None:
    headers = {"host": "localhost", name: value}
    answer = web.post("/subscribe", data={"email": "a@example.org"}, headers=headers)
    is_read = value == "localhost:x"  # a port is not looked at
    assert answer.status_code in (400, 403) or (is_read and answer.status_code == 200)


@pytest.mark.parametrize("hour", ["9" * 5000, "07x", "24", "-1", "", "\u0663" * 9])
def test_F17_an_hour_that_is_none_changes_nothing(app: App, web: httpx2.Client, hour: str) -> None:
    reader = a_reader(app)
    assert web.post(link(app, reader, "preferences"), data={"hour": hour}).status_code == 200
    assert now_of(app, reader).hour == reader.hour


def test_F05_rejected_links_are_a_metric(web: httpx2.Client) -> None:
    web.get("/preferences/x")
    assert 'token_rejected_total{reason="malformed"} 1.0' in web.get("/metrics").text


def test_F09_a_crawler_over_every_link_of_every_page_changes_nothing(
    app: App, web: httpx2.Client
) -> None:
    reader = a_reader(app)
    seen: set[str] = set()
    paths = [
        link(app, reader, purpose, paper=1, vote=1)
        for purpose in ("preferences", "unsubscribe", "feedback")
    ]
    while paths:
        path = paths.pop()
        seen.add(path)
        for method in ("GET", "HEAD"):
            text = web.request(method, path).text
            for found in re.findall(r'(?:href|action)="(/[^"#]*)"', text):
                if found not in seen and len(seen) < 60 and "/feeds/" not in found:
                    paths.append(found)
    assert len(seen) > 10 and now_of(app, reader) == reader
    assert ledger_life.claim(app.engine, 9, NOW) == []


def test_F11_one_click_answers_odd_clients(app: App, web: httpx2.Client) -> None:
    for number, headers in enumerate(
        (
            {"User-Agent": ""},
            {"Content-Type": "text/plain"},
            {"Content-Type": "multipart/form-data"},
            {"Accept": "x/y"},
        )
    ):
        reader = a_reader(app, f"r{number}@example.org")
        path = link(app, reader, "unsubscribe")
        answer = web.post(path, content=b"List-Unsubscribe=One-Click", headers=headers)
        assert answer.status_code == 200 and not answer.is_redirect
        assert now_of(app, reader).state is SubscriberState.UNSUBSCRIBED


def test_F15_every_address_costs_the_same_work_before_the_answer(app: App, clock: Clock) -> None:
    """The time of an answer must not show who is known: one commit each, a few statements, and no
    mail before the answer. Work is counted, not time, because the machine may be busy.
    """
    limits = app.config.limits.model_copy(
        update={"confirmations_per_hour": 99, "subscribes_per_minute_per_address": 99}
    )
    app.config = app.config.model_copy(update={"limits": limits})
    a_reader(app, "known@example.org")
    a_reader(app, "paused@example.org", SubscriberState.PAUSED)
    a_reader(app, "pending@example.org", SubscriberState.PENDING)
    a_reader(app, "left@example.org", SubscriberState.UNSUBSCRIBED)
    with writing(app.engine) as connection:
        barred = app.tokens.address_hash("never@example.org")
        suppressions.suppress(connection, barred, "complaint", NOW)
    done: list[str] = []
    event.listen(app.engine, "before_cursor_execute", lambda *args: done.append(args[2]))
    event.listen(app.engine, "commit", lambda _: done.append("COMMIT"))
    answers, work = set(), {}
    with serving(app, clock) as web:
        web.post("/subscribe", data={"email": "first@example.com"})  # whatever is made once
        for name in ("known", "paused", "pending", "left", "never", "new"):
            done.clear()
            answer = web.post("/subscribe", data={"email": f"{name}@example.org"})
            answers.add((answer.status_code, answer.text))
            work[name] = (done.count("COMMIT"), len(done))
    assert len(answers) == 1
    assert {commits for commits, _ in work.values()} == {1}, work
    statements = [number for _, number in work.values()]
    assert max(statements) - min(statements) <= 6, work


def test_F17_fields_that_are_not_in_the_form_are_ignored(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app)
    form = {
        "id": "9",
        "email": "evil@example.org",
        "state": "suppressed",
        "status": "admin",
        "epoch": "9",
        "score": "0",
        "address_version": "7",
        "size": "1000",
        "hour": "99",
        "tz": "Mars/Base",
        "rhythm": "hourly",
    }
    assert web.post(link(app, reader, "preferences"), data=form).status_code == 200
    after = now_of(app, reader)
    assert (after.id, after.email, after.state, after.epoch) == (
        reader.id,
        reader.email,
        reader.state,
        reader.epoch,
    )
    assert (after.size, after.hour, after.timezone, after.rhythm) == (8, 7, "UTC", "weekdays")


def test_F19_bodies_without_end_many_fields_and_slow_clients(web: httpx2.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 8192

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert web.post("/subscribe", content=chunks(), headers=form).status_code == 413
    many = "&".join(f"a{n}=1" for n in range(5000))
    answer = web.post("/subscribe", content=many, headers=form)
    assert answer.status_code == 400
    host, port = web.base_url.host, web.base_url.port
    slow = [socket.create_connection((host, port)) for _ in range(100)]
    for one in slow:
        one.send(b"POST /subscribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nem")
    begun = time.perf_counter()
    assert web.get("/").status_code == 200 and time.perf_counter() - begun < 2
    for one in slow:
        one.close()


@pytest.mark.parametrize("page", PAGES)
def test_F21_every_answer_carries_the_policy(web: httpx2.Client, page: str) -> None:
    headers = web.get(page).headers
    for part in (
        "default-src 'none'",
        "style-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert part in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"]


def test_F21_a_letter_page_names_its_styles_by_hash_and_allows_no_other() -> None:
    said = policy('<style>a{}</style><p style="color:red">x</p>')
    assert (
        "'unsafe-inline'" not in said
        and said.count("'sha256-") == 2
        and "default-src 'none'" in said
    )


@pytest.mark.parametrize(
    "text",
    ["' OR 1=1 --", "%", "_", "a%' UNION SELECT", "ti:'", "\\", "\x00", "'); DROP TABLE papers"],
)
def test_F22_injections_are_words(web: httpx2.Client, text: str) -> None:
    assert web.get("/search", params={"q": text}).status_code in (200, 400)
    assert web.get("/archive", params={"field": text}).status_code == 200
    assert web.get(f"/papers/{quote(text)}").status_code in (404, 200)


def test_F23_no_token_is_logged(
    app: App,
    web: httpx2.Client,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    path = link(app, a_reader(app), "preferences")
    web.get(path)
    web.get(path + "x")
    written = "".join(capfd.readouterr()) + "".join(
        r.getMessage() for r in caplog.records if "httpx" not in r.name and "httpcore" not in r.name
    )
    assert path.rpartition("/")[2] not in written


@pytest.mark.parametrize("verdict", [True, False])
def test_F24_only_a_comparison_in_constant_time_decides(
    monkeypatch: pytest.MonkeyPatch, verdict: bool
) -> None:
    """Every key is compared whole, wherever a forged signature differs first, and nothing else
    says whether a token is genuine.
    """
    ours = Tokens([b"n" * 64, b"k" * 64])
    genuine = Tokens([b"k" * 64]).make("view", 7, 1, NOW)
    mac = base64.urlsafe_b64decode(genuine)
    forged = [
        base64.urlsafe_b64encode(mac[:at] + bytes([mac[at] ^ 1]) + mac[at + 1 :]).decode()
        for at in (len(mac) - 20, len(mac) - 10, len(mac) - 1)
    ]
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return verdict

    monkeypatch.setattr(tokens.hmac, "compare_digest", compare)
    for token in (genuine, *forged):
        compared.clear()
        if verdict:
            assert ours.read(token, "view", NOW).subscriber == 7
        else:
            with pytest.raises(tokens.TokenError):
                ours.read(token, "view", NOW)
        # What does not open the page as its own token is read as a letter's, with every key again.
        assert compared == [(20, 20)] * (2 if verdict else 4)
    tag = Tokens([b"k" * 64]).tag("bounce", 12)
    for written in (tag, f"{tag[:-1]}{'a' if tag[-1] != 'a' else 'b'}", f"{tag[:3]}x{tag[4:]}"):
        compared.clear()
        assert ours.read_tag("bounce", written) == ((12,) if verdict else None)
        assert len(compared) == 2 and {one for pair in compared for one in pair} == {len(tag)}


def test_F25_an_old_key_still_opens_links(app: App, clock: Clock) -> None:
    reader = a_reader(app)
    path = link(app, reader, "unsubscribe", made=NOW - timedelta(days=700))
    app.tokens = Tokens([b"n" * 64, b"k" * 64])
    with serving(app, clock) as web:
        assert web.post(path).status_code == 200
    assert now_of(app, reader).state is SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize(
    "query", ["next=//evil.example", "url=https://evil.example", "redirect=//evil.example"]
)
def test_F26_nothing_redirects_elsewhere(app: App, web: httpx2.Client, query: str) -> None:
    reader = a_reader(app)
    for path in ("/", link(app, reader, "confirm"), link(app, reader, "preferences")):
        answer = web.get(f"{path}?{query}")
        assert answer.headers.get("Location", "/").startswith("/") and not answer.headers.get(
            "Location", "/"
        ).startswith("//")
        assert "evil.example" not in answer.text


def test_F28_metrics_are_for_this_machine_and_health_names_nobody(
    app: App, web: httpx2.Client
) -> None:
    a_reader(app)
    assert web.get("/metrics", headers={"X-Forwarded-For": "9.9.9.9"}).status_code == 404
    assert "ada@" not in web.get("/metrics").text + web.get("/healthz").text
    assert set(json.loads(web.get("/healthz").text)) >= {"state", "sources", "ledger"}


#: A request as a proxy on the same machine sends it that sets no header of its own.
BARE_PROXY = {"Host": "papers.example.org"}


def as_public(app: App, **web_settings: object) -> App:
    """The same site at a public address."""
    site = app.config.site.model_copy(update={"base_url": "https://papers.example.org"})
    web = Web.model_validate(web_settings)
    return App(app.config.model_copy(update={"site": site, "web": web}), app.engine, app.tokens)


def test_K20_a_proxy_on_this_machine_does_not_make_metrics_public(app: App, clock: Clock) -> None:
    with serving(as_public(app), clock) as client:
        assert client.get("/metrics", headers=BARE_PROXY).status_code == 404
        assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        ("Bearer a-token-of-the-operator", 200),
        ("Bearer a-token-of-the-operato", 404),
        ("bearer", 404),
        ("Basic a-token-of-the-operator", 404),
        ("Bearer \xe4", 404),
        ("", 404),
    ],
)
def test_K20_metrics_are_for_who_shows_the_token(
    app: App, clock: Clock, shown: str, status: int
) -> None:
    public = as_public(app, metrics_token="a-token-of-the-operator")
    with serving(public, clock) as client:
        headers = {b"Authorization": shown.encode("latin-1")} if shown else {}
        assert client.get("/metrics", headers=headers).status_code == status
        assert client.get("/metrics", headers={**headers, **BARE_PROXY}).status_code == status


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded"])
def test_K20_what_was_forwarded_sees_no_metrics_without_a_token(
    web: httpx2.Client, name: str
) -> None:
    assert web.get("/metrics", headers={name: "for=127.0.0.1"}).status_code == 404


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_F29_other_methods_have_no_effect(app: App, web: httpx2.Client, method: str) -> None:
    reader = a_reader(app)
    for purpose in ("unsubscribe", "preferences", "confirm"):
        assert web.request(method, link(app, reader, purpose)).status_code in (200, 303, 405)
    assert now_of(app, reader) == reader


def test_F10_a_form_sent_without_its_button_cannot_confirm_by_get(
    app: App, web: httpx2.Client
) -> None:
    reader = a_reader(app, state=SubscriberState.PENDING)
    web.get(link(app, reader, "confirm"), params={"topic": "reasoning", "size": "5"})
    assert now_of(app, reader).state is SubscriberState.PENDING


def test_F27_a_filled_honeypot_is_answered_like_everybody(app: App, web: httpx2.Client) -> None:
    kind = web.post("/subscribe", data={"email": "a@example.org"})
    trap = web.post("/subscribe", data={"email": "b@example.org", "website": "x"})
    assert kind.text == trap.text
    with reading(app.engine) as connection:
        assert subscribers.find(connection, "b@example.org") is None


def test_suppressed_addresses_cannot_confirm_with_an_old_link(app: App, web: httpx2.Client) -> None:
    reader = a_reader(app, state=SubscriberState.PENDING)
    path = link(app, reader, "confirm")
    with writing(app.engine) as connection:
        subscribers.set_state(connection, reader.id, SubscriberState.SUPPRESSED, "bounced")
    assert web.post(path, data={"topic": "reasoning"}).status_code == 404
