"""Verify messages of Amazon SNS over HTTPS, and read their content.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. The certificate is
fetched only from SNS's own host in the region of a topic that the operator named. So neither a
certificate from somebody's bucket nor an address that somebody chose is ever fetched.
"""

import base64
import json
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

#: SNS tries again for hours; an older message is a replay.
OLDEST = timedelta(days=1)
MOST_BYTES, TIMEOUT_S, CERTIFICATES = 50_000, 10.0, 10

Fetch = Callable[[str], Awaitable[bytes]]

_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]


class Forged(Exception):
    """A message that is not genuine. The text is the reason."""


@dataclass(frozen=True, slots=True)
class SnsMessage:
    kind: str  #: Notification | SubscriptionConfirmation | UnsubscribeConfirmation
    id: str
    topic: str
    text: str
    subscribe_url: str = ""


async def fetch(url: str) -> bytes:
    """Get a small document without following redirects to another host. Raises: Forged."""
    try:
        async with (
            httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as client,
            client.stream("GET", url) as response,
        ):
            body = b""
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise Forged("an answer of SNS is too long")
            if response.status_code != 200:
                raise Forged(f"SNS answered {response.status_code}")
            return body
    except httpx2.HTTPError as e:
        raise Forged(f"SNS cannot be reached: {type(e).__name__}") from e


class Verifier:
    """Verifies messages of the configured topics; caches certificates."""

    def __init__(self, topics: Collection[str], fetch: Fetch = fetch) -> None:
        self._topics = frozenset(topics)
        self._fetch = fetch
        self._certificates: dict[str, x509.Certificate] = {}

    async def verify(self, body: bytes, now: datetime) -> SnsMessage:
        """Raises: Forged."""
        told = _fields(body)
        kind, topic = told.get("Type", ""), told.get("TopicArn", "")
        if kind not in _SIGNED:
            raise Forged("an unknown kind of message")
        if topic not in self._topics:
            raise Forged("a topic that is not listed in bounces.sns_topics")
        region = topic.split(":")[3] if topic.count(":") >= 4 else ""
        if told.get("SubscribeURL") and not is_of_sns(told["SubscribeURL"], region):
            raise Forged("a confirmation address elsewhere")
        if abs(now - _moment(told.get("Timestamp", ""))) > OLDEST:
            raise Forged("too old")
        url = told.get("SigningCertURL", "")
        if not is_of_sns(url, region) or not urlsplit(url).path.endswith(".pem"):
            raise Forged("a certificate from elsewhere")
        _verify(await self._certificate(url, now), told, kind)
        return SnsMessage(
            kind,
            told.get("MessageId", ""),
            topic,
            told.get("Message", ""),
            told.get("SubscribeURL", ""),
        )

    async def confirm(self, message: SnsMessage) -> None:
        """Confirm the subscription of a configured topic. Raises: Forged."""
        await self._fetch(message.subscribe_url)

    async def _certificate(self, url: str, now: datetime) -> x509.Certificate:
        if url not in self._certificates:
            try:
                found = x509.load_pem_x509_certificate(await self._fetch(url))
            except ValueError as e:
                raise Forged("no certificate") from e
            if len(self._certificates) >= CERTIFICATES:
                self._certificates.clear()
            self._certificates[url] = found
        certificate = self._certificates[url]
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise Forged("a certificate that is not valid now")
        return certificate


def is_of_sns(url: str, region: str) -> bool:
    """Return whether an address is SNS's own host in a region."""
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme == "https" and parts.port in (None, 443) and "@" not in parts.netloc
    except ValueError:
        return False
    hosts = (f"sns.{region}.amazonaws.com", f"sns.{region}.amazonaws.com.cn")
    return is_plain and bool(re.fullmatch(r"[a-z0-9-]{3,32}", region)) and parts.hostname in hosts


def _fields(body: bytes) -> dict[str, str]:
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError) as e:
        raise Forged("not JSON") from e
    if not isinstance(told, dict):
        raise Forged("not an object")
    return {str(name): value for name, value in told.items() if isinstance(value, str)}


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as e:
        raise Forged("no timestamp") from e
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _verify(certificate: x509.Certificate, told: dict[str, str], kind: str) -> None:
    signed = "".join(f"{name}\n{told[name]}\n" for name in _SIGNED[kind] if name in told)
    version = told.get("SignatureVersion", "")
    sha1 = hashes.SHA1()  # noqa: S303  (what version 1 signs)
    algorithm = {"1": sha1, "2": hashes.SHA256()}.get(version)
    key = certificate.public_key()
    if algorithm is None or not isinstance(key, rsa.RSAPublicKey):
        raise Forged("an unknown kind of signature")
    try:
        signature = base64.b64decode(told.get("Signature", ""), validate=True)
        key.verify(signature, signed.encode(), padding.PKCS1v15(), algorithm)
    except (ValueError, InvalidSignature) as e:
        raise Forged("the signature does not fit") from e
