"""Web hooks of providers. Keys and certificates are made here; no request leaves this machine."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from newsletter.inbound import hooks, processor, sns
from newsletter.store import evidence, subscribers
from newsletter.store import inbound as inbound_store
from newsletter.store.db import reading
from newsletter.web import create_app
from tests.faults.site import NOW, Site, make_site
from tests.inbound.test_crooked import REPORT
from tests.inbound.test_kept import DOMAIN, counts, sent

TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
HOST = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-0123456789abcdef.pem"
SECRET = "s" * 40


class Amazon:
    """A key and its certificate, and the addresses that were asked for."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        self.pem = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=300))
            .sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )
        self.asked: list[str] = []

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        return self.pem

    def signed(self, message: dict[str, str], version: str = "2") -> dict[str, str]:
        names = sns._SIGNED[message["Type"]]
        text = "".join(f"{n}\n{message[n]}\n" for n in names if n in message)
        algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), algorithm)
        return message | {
            "SignatureVersion": version,
            "Signature": base64.b64encode(signature).decode(),
        }

    def notification(self, event: Any, **changes: str) -> dict[str, str]:
        message = {
            "Type": "Notification",
            "MessageId": "id-1",
            "TopicArn": TOPIC,
            "Message": json.dumps(event),
            "Timestamp": NOW.isoformat().replace("+00:00", "Z"),
            "SigningCertURL": CERTIFICATE,
        }
        return self.signed(message | changes)


def ses(source: str, code: str = "550 5.1.1 user unknown", **bounce: str) -> dict[str, Any]:
    recipient = {"status": "5.1.1", "diagnosticCode": f"smtp; {code}"}
    return {
        "notificationType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [recipient], **bounce},
        "mail": {"source": source, "headers": []},
    }


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = make_site(tmp_path, 1)
    changes = {"sns_topics": (TOPIC,), "hook_secret": SecretStr(SECRET)}
    bounces = site.app.config.bounces.model_copy(update=changes)
    site.app.config = site.app.config.model_copy(update={"bounces": bounces})
    return site


@pytest.fixture
def amazon() -> Amazon:
    return Amazon()


@pytest.fixture
async def client(site: Site, amazon: Amazon) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(site.app, lambda: NOW, hooks.routes(site.app, lambda: NOW, amazon.fetch))
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://papers.example.org") as c:
        yield c


async def post(client: httpx2.AsyncClient, message: Any) -> int:
    return (await client.post("/hooks/ses", content=json.dumps(message))).status_code


@pytest.mark.parametrize("version", ["1", "2"])
async def test_G10_a_signed_bounce_of_a_listed_topic_counts_once(
    site: Site, client: httpx2.AsyncClient, amazon: Amazon, version: str
) -> None:
    message = amazon.notification(ses(sent(site)))
    message = amazon.signed({k: v for k, v in message.items() if "Signature" not in k}, version)
    assert [await post(client, message) for _ in range(3)] == [200] * 3
    assert counts(site.app) == {"hard": 1, hooks.KNOWN_ALREADY: 2}
    assert amazon.asked == [CERTIFICATE]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"TopicArn": "arn:aws:sns:eu-west-1:666:bounces"}, "a topic that is not listed"),
        ({"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem"}, "elsewhere"),
        ({"SigningCertURL": "https://s3.amazonaws.com/bucket/a.pem"}, "elsewhere"),
        ({"SigningCertURL": "https://sns.us-east-1.amazonaws.com/a.pem"}, "elsewhere"),
        ({"SigningCertURL": CERTIFICATE.replace("https", "http")}, "elsewhere"),
        ({"SigningCertURL": CERTIFICATE.replace("//", "//x@")}, "elsewhere"),
        ({"SigningCertURL": f"{HOST}:8443/a.pem"}, "elsewhere"),
        ({"SigningCertURL": f"{HOST}/a.txt"}, "elsewhere"),
        ({"Timestamp": (NOW - timedelta(days=2)).isoformat()}, "too old"),
        ({"Timestamp": "yesterday"}, "no timestamp"),
        ({"Type": "Other"}, "an unknown kind"),
        ({"Message": "{}"}, "does not fit"),
        ({"MessageId": "id-2"}, "does not fit"),
        ({"Signature": "AAAA"}, "does not fit"),
        ({"SignatureVersion": "3"}, "unknown kind of signature"),
    ],
)
async def test_G10_what_is_not_from_a_listed_topic_is_refused(
    site: Site, client: httpx2.AsyncClient, amazon: Amazon, changes: dict[str, str], reason: str
) -> None:
    message = amazon.notification(ses(sent(site))) | changes
    assert await post(client, message) == 403
    assert all(url == CERTIFICATE for url in amazon.asked)
    (outcome,) = counts(site.app)
    assert outcome.startswith("refused event: ") and reason in outcome


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 30_000, b'{"Type": 1}'])
async def test_G10_what_is_no_message_is_refused(client: httpx2.AsyncClient, body: bytes) -> None:
    assert (await client.post("/hooks/ses", content=body)).status_code == 403


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (f"{HOST}/?Action=ConfirmSubscription&Token=x", 200),
        ("https://evil.example/?Token=x", 403),
        (f"http{HOST[5:]}/", 403),
        ("https://sns.us-east-1.amazonaws.com/", 403),
    ],
)
async def test_G10_a_subscription_is_confirmed_only_at_sns(
    client: httpx2.AsyncClient, amazon: Amazon, url: str, code: int
) -> None:
    message = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "id-9",
        "TopicArn": TOPIC,
        "Message": "confirm?",
        "Token": "x",
        "SubscribeURL": url,
        "Timestamp": NOW.isoformat(),
        "SigningCertURL": CERTIFICATE,
    }
    assert await post(client, amazon.signed(message)) == code
    assert (url in amazon.asked) == (code == 200)
    assert all(asked.startswith(HOST) for asked in amazon.asked)


async def test_G10_a_certificate_that_ended_signs_nothing(
    site: Site, client: httpx2.AsyncClient, amazon: Amazon
) -> None:
    later = NOW + timedelta(days=400)
    verifier = sns.Verifier([TOPIC], amazon.fetch)
    message = amazon.notification({}, Timestamp=later.isoformat())
    with pytest.raises(sns.Forged, match="not valid now"):
        await verifier.verify(json.dumps(message).encode(), later)


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        ({"notificationType": "Complaint", "complaint": {}}, "suppressed: complaint"),
        ({"eventType": "Delivery"}, "delivered"),
        ({"eventType": "DeliveryDelay"}, "dropped: still being tried"),
        ({"eventType": "Open"}, "dropped: it says nothing about a letter we know"),
    ],
)
async def test_other_events_of_ses(
    site: Site, client: httpx2.AsyncClient, amazon: Amazon, event: dict[str, Any], outcome: str
) -> None:
    told = event | {"mail": {"source": sent(site)}}
    assert await post(client, amazon.notification(told)) == 200
    assert counts(site.app) == {outcome: 1}


def told(site: Site) -> list[tuple[str, str]]:
    with reading(site.engine) as connection:
        found = evidence.of_reader(connection, site.readers[0])
    return [(one["source"], one["cause"]) for one in found if one["source"] != "step"]


def message_id(site: Site) -> str:
    sent(site)
    return f"<{site.app.tokens.message_id(site.rows()[0].id)}@{DOMAIN}>"


async def test_G09_an_event_is_a_source_of_its_own(
    site: Site, client: httpx2.AsyncClient, amazon: Amazon
) -> None:
    assert await post(client, amazon.notification(ses(sent(site)))) == 200
    assert told(site) == [("event", "gone")]
    assert processor.receive(site.app, "", sent(site), REPORT, NOW) == "hard"
    assert await send(client, {"id": "e1", "event": "complaint", "to": sent(site)}) == 200
    assert told(site) == [("event", "gone"), ("bounce", "gone"), ("complaint", "complaint")]


async def test_G09_a_message_id_names_the_letter_of_an_event(
    site: Site, client: httpx2.AsyncClient, amazon: Amazon
) -> None:
    header = {"name": "Message-ID", "value": message_id(site)}
    about = ses("") | {"mail": {"source": "a@b.example", "headers": [header]}}
    assert await post(client, amazon.notification(about)) == 200
    event = {"id": "e1", "event": "bounce", "code": 550, "reply": "User unknown"}
    assert await send(client, event | {"message_id": message_id(site)}) == 200
    forged = message_id(site).replace("@", "a@")
    assert await send(client, event | {"id": "e2", "message_id": forged}) == 200
    assert await send(client, event | {"id": "e3"}) == 400
    assert counts(site.app) == {"hard": 1, "dropped: known already": 1, "dropped: not our token": 1}


@pytest.mark.parametrize("mail", [None, 7, {}, {"source": "a@b.example"}, {"headers": [1]}])
async def test_an_event_without_our_tag_touches_nobody(
    site: Site, client: httpx2.AsyncClient, amazon: Amazon, mail: Any
) -> None:
    told = ses("") | {"mail": mail}
    assert await post(client, amazon.notification(told)) == 200
    assert counts(site.app) == {"dropped: not our token": 1}


# -- the signed form -------------------------------------------------------------------------------


async def send(
    client: httpx2.AsyncClient, body: Any, *, stamp: int | str = int(NOW.timestamp()), mac: str = ""
) -> int:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {
        "X-Newsletter-Timestamp": str(stamp),
        "X-Newsletter-Signature": mac or hooks.sign(SECRET, str(stamp), raw),
    }
    return (await client.post("/hooks/events", content=raw, headers=headers)).status_code


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        ({"event": "bounce", "code": 550, "reply": "No such user"}, "hard"),
        ({"event": "bounce", "reply": "550 5.7.1 blocked using a block list"}, "policy"),
        ({"event": "bounce", "status": "5.2.2"}, "full"),
        ({"event": "complaint"}, "suppressed: complaint"),
        ({"event": "delivered"}, "delivered"),
        ({"event": "delayed"}, "dropped: still being tried"),
        ({"event": "opened"}, "dropped: it says nothing about a letter we know"),
        ({"event": {"a": 1}}, "dropped: it says nothing about a letter we know"),
    ],
)
async def test_signed_events_are_taken_once(
    site: Site, client: httpx2.AsyncClient, event: dict[str, Any], outcome: str
) -> None:
    told = {"id": "e1", "to": sent(site), **event}
    assert await send(client, told) == 200
    assert await send(client, {"events": [told, told]}) == 200
    assert counts(site.app) == {outcome: 1, hooks.KNOWN_ALREADY: 2}


@pytest.mark.parametrize(
    ("stamp", "mac", "reason"),
    [
        (int(NOW.timestamp()) - 301, "", "too old"),
        (int(NOW.timestamp()) + 301, "", "too old"),
        ("now", "", "no timestamp"),
        ("", "", "no timestamp"),
        (int(NOW.timestamp()), "sha256=" + "0" * 64, "the signature does not fit"),
        (int(NOW.timestamp()), "none", "the signature does not fit"),
    ],
)
async def test_unsigned_events_are_refused(
    site: Site, client: httpx2.AsyncClient, stamp: int | str, mac: str, reason: str
) -> None:
    told = {"id": "e1", "to": sent(site), "event": "complaint"}
    assert await send(client, told, stamp=stamp, mac=mac) == 403
    assert counts(site.app) == {f"refused event: {reason}": 1}
    with reading(site.app.engine) as connection:
        assert subscribers.get(connection, site.readers[0]).state == "active"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", 400),
        ({"id": "e1"}, 400),
        ({"events": "x"}, 400),
        ({"events": [1]}, 400),
        ({"events": [{"id": str(n), "to": "x", "event": "y"} for n in range(101)]}, 413),
        ({"events": []}, 200),
    ],
)
async def test_signed_nonsense_is_named(client: httpx2.AsyncClient, body: Any, code: int) -> None:
    assert await send(client, body) == code


async def test_a_hook_that_is_not_configured_is_not_there(tmp_path: Path) -> None:
    site = make_site(tmp_path, 1)
    assert hooks.routes(site.app, lambda: NOW) == []


def test_seen_events_are_forgotten_after_a_month(site: Site) -> None:
    from newsletter.store.db import writing

    with writing(site.app.engine) as connection:
        assert inbound_store.is_first(connection, "x", NOW)
        assert not inbound_store.is_first(connection, "x", NOW)
        inbound_store.forget(connection, NOW + timedelta(days=31))
        assert inbound_store.is_first(connection, "x", NOW)
