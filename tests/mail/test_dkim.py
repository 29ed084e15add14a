"""Signatures, verified by dkimpy, which shares no code with us."""

import base64
import re
from pathlib import Path
from types import SimpleNamespace

import dkim as dkimpy
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import ConfigError
from newsletter.mail.dkim import Signer, make_key, relaxed_lines, without_empty_end

HEAD = (
    b"From: <digest@papers.example.org>\r\nTo: <ada@example.org>\r\nSubject: "
    b"=?utf-8?q?Pap=C3=A9rs?=\r\n"
    b"Date: Mon, 23 Nov 2026 07:00:00 +0000\r\nMessage-ID: <1.a@papers.example.org>\r\n"
    b"List-Unsubscribe: <https://papers.example.org/u/t>\r\nList-Unsubscribe-Post: "
    b"List-Unsubscribe=One-Click\r\n"
    b"Feedback-ID: 2026-11-23:digest:site:newsletter\r\nMIME-Version: 1.0\r\nContent-Type: "
    b"text/plain\r\n"
)
MESSAGE = HEAD + b"\r\nHello  there \t world \r\n\r\n  indented=20\r\n\r\n\r\n"
NOTICE = (
    b"From: <a@x.org>\r\nTo: <b@x.org>\r\nSubject: s\r\nDate: d\r\nMessage-ID: "
    b"<1@x>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain\r\n\r\nbody\r\n"
)


@pytest.fixture(scope="module", params=["rsa", "ed25519"])
def signing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Signer, str]:
    """A signer and the TXT record that publishes its key."""
    path = tmp_path_factory.mktemp("dkim") / "key.pem"
    if request.param == "rsa":
        pem, record = make_key()
    else:
        key = ed25519.Ed25519PrivateKey.generate()
        raw = key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        record = f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    path.write_bytes(pem)
    return Signer("papers.example.org", "news", path), record


class VerifyKey:
    """What dkimpy asks of its optional library for Ed25519; headers and bodies are still canonical
    as dkimpy says.
    """

    def __init__(self, key: bytes, encoder: object) -> None:
        self.key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(key))

    def verify(self, message: bytes, signature: bytes) -> None:
        try:
            self.key.verify(signature, message)
        except InvalidSignature as e:
            raise ValueError from e


@pytest.fixture(autouse=True)
def _ed25519(monkeypatch: pytest.MonkeyPatch) -> None:
    lent = SimpleNamespace(
        signing=SimpleNamespace(VerifyKey=VerifyKey),
        encoding=SimpleNamespace(Base64Encoder=None),
        exceptions=SimpleNamespace(BadSignatureError=ValueError, ValueError=ValueError),
    )
    monkeypatch.setattr(dkimpy, "nacl", lent, raising=False)


def signed_by(signer: Signer, message: bytes) -> bytes:
    head, _, body = message.partition(b"\r\n\r\n")
    fields = [field + b"\r\n" for field in re.split(rb"\r\n(?![ \t])", head.rstrip())]
    return signer.signature(fields, without_empty_end(relaxed_lines(body))) + message


def is_good(message: bytes, record: str) -> bool:
    return bool(dkimpy.verify(message, dnsfunc=lambda name, timeout=5: record.encode()))


@pytest.mark.parametrize(
    "message", [MESSAGE, NOTICE, HEAD + b"\r\n"], ids=["digest", "notice", "empty"]
)
def test_an_independent_verifier_accepts_the_signature(
    signing: tuple[Signer, str], message: bytes
) -> None:
    signed = signed_by(signing[0], message)
    assert is_good(signed, signing[1])
    assert max(map(len, signed.split(b"\r\n"))) <= 78


def test_one_changed_byte_breaks_it(signing: tuple[Signer, str]) -> None:
    signed = signed_by(signing[0], MESSAGE)
    assert not is_good(signed.replace(b"Hello", b"Jello"), signing[1])
    assert not is_good(signed.replace(b"One-Click", b"Two-Click"), signing[1])
    assert not is_good(signed.replace(b"Feedback-ID: 2026", b"Feedback-ID: 2025"), signing[1])


@pytest.mark.parametrize(
    "name", ["From", "To", "Subject", "Reply-To", "List-Unsubscribe-Post", "Feedback-ID"]
)
def test_no_second_header_can_be_added(signing: tuple[Signer, str], name: str) -> None:
    signed = signed_by(signing[0], MESSAGE)
    assert not is_good(f"{name}: evil\r\n".encode() + signed, signing[1])


def test_every_name_is_listed_and_none_is_empty(signing: tuple[Signer, str]) -> None:
    for message in (MESSAGE, NOTICE):
        found = re.search(rb" h=([^;]*);", signed_by(signing[0], message))
        assert found
        names = [name.strip() for name in found[1].split(b":")]
        assert all(names) and names.count(b"from") == 2
        assert {b"list-unsubscribe-post", b"feedback-id", b"reply-to"} <= set(names)


@given(
    st.lists(st.sampled_from([b"a", b"bc", b" ", b"  ", b"\t", b"\r\n", b".", b"=20"]), max_size=40)
)
def test_the_body_is_canonical_as_the_other_library_says(pieces: list[bytes]) -> None:
    body = b"".join(pieces) + b"\r\n"
    assert without_empty_end(
        relaxed_lines(body)
    ) == dkimpy.canonicalization.Relaxed.canonicalize_body(body)


def test_a_missing_key_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        Signer("x.org", "s", tmp_path / "none")
