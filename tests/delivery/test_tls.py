"""Part A, TLS: no mail and no password is sent when the relay cannot prove its identity."""

import ssl
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.faults import server as fault
from tests.faults.server import Server
from tests.faults.site import PASSWORD, check, make_site


@dataclass
class Authority:
    key: ec.EllipticCurvePrivateKey
    name: x509.Name
    file: Path


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def authority(folder: Path, name: str = "ca") -> Authority:
    """A certificate authority of its own; its certificate is in `file`."""
    key = ec.generate_private_key(ec.SECP256R1())
    found = Authority(key, _name(name), folder / f"{name}.pem")
    certificate = _signed(found, found.name, key, days=10, is_ca=True, host="")
    found.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return found


def _signed(
    by: Authority,
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    days: int,
    is_ca: bool,
    host: str,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    )
    if host:
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            names.append(x509.IPAddress(ip_address("127.0.0.1")))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(by.key, hashes.SHA256())


def contexts(
    by: Authority, folder: Path, host: str = "localhost", days: int = 10
) -> ssl.SSLContext:
    """Return a server's TLS context, with a certificate for `host` that ends in this many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _signed(by, _name(host), key, days=days, is_ca=False, host=host)
    file = folder / f"{host}{days}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _smtp(folder: Path, ca: Authority) -> str:
    (folder / "smtp.password").write_text(PASSWORD)
    return f'username = "site"\npassword_file = "smtp.password"\nca_file = "{ca.file}"'


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_A19_a_good_certificate_is_used(tmp_path: Path, security: str) -> None:
    ca = authority(tmp_path)
    async with Server(
        certificate=contexts(ca, tmp_path), is_tls=security == "tls", has_auth=True
    ) as server:
        site = make_site(tmp_path, 2, server.port, security=security, smtp=_smtp(tmp_path, ca))
        await site.deliver()
    check(site, server)
    assert site.states() == {"sent": 2}


def _old(ca: Authority, folder: Path) -> ssl.SSLContext:
    context = contexts(ca, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("flaw", ["self-signed", "expired", "wrong host", "TLS 1.0"])
async def test_A19_a_bad_certificate_stops_sending_and_is_told(
    tmp_path: Path, flaw: str, security: str
) -> None:
    ca, stranger = authority(tmp_path), authority(tmp_path, "stranger")
    context = {
        "self-signed": lambda: contexts(stranger, tmp_path),
        "expired": lambda: contexts(ca, tmp_path, days=-1),
        "wrong host": lambda: contexts(ca, tmp_path, host="mail.example.com"),
        "TLS 1.0": lambda: _old(ca, tmp_path),
    }[flaw]()
    async with Server(certificate=context, is_tls=security == "tls", has_auth=True) as server:
        site = make_site(tmp_path, 3, server.port, security=security, smtp=_smtp(tmp_path, ca))
        done = await site.deliver()
        assert done.is_unreachable and f"localhost:{server.port}" in done.problems[0]
        assert server.commands("AUTH") == [] and server.commands("MAIL") == []
        assert PASSWORD not in str(done)
    check(site, server)
    assert site.states() == {"pending": 3}


@pytest.mark.parametrize("how", ["not offered", "454", "close"])
async def test_A20_without_tls_no_password_leaves(tmp_path: Path, how: str) -> None:
    ca = authority(tmp_path)
    certificate = None if how == "not offered" else contexts(ca, tmp_path)
    script = {
        "454": {"starttls": fault.say("454 4.7.0 not now")},
        "close": {"starttls": fault.close},
    }.get(how, {})
    async with Server(script, certificate=certificate, has_auth=True) as server:
        server.offers += ("AUTH PLAIN LOGIN",)  # what an attacker would offer
        site = make_site(tmp_path, 2, server.port, security="starttls", smtp=_smtp(tmp_path, ca))
        done = await site.deliver()
        assert done.is_unreachable
        assert server.commands("AUTH") == [] and server.commands("MAIL") == []
    check(site, server)
    assert site.states() == {"pending": 2}


async def test_A21_plaintext_behind_the_go_ahead_is_not_taken_for_an_answer(tmp_path: Path) -> None:
    ca = authority(tmp_path)

    async def inject(talk: fault.Talk) -> bool:
        talk.writer.write(b"220 go ahead\r\n250-evil.example.net\r\n250 AUTH PLAIN\r\n")
        await talk.writer.drain()
        assert talk.server.certificate is not None
        await talk.writer.start_tls(talk.server.certificate)
        return True

    async with Server({"starttls": inject}, certificate=contexts(ca, tmp_path)) as server:
        site = make_site(tmp_path, 1, server.port, security="starttls", smtp=_smtp(tmp_path, ca))
        await site.deliver()
        assert server.commands("AUTH") == []
    check(site, server)
