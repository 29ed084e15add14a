"""To which addresses the HTTP client connects, which certificates it accepts, and what it does at a
redirect.
"""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from newsletter.config import Http as HttpConfig
from newsletter.sources.address_guard import is_public
from newsletter.sources.http import Http
from tests.sources.mirror import Mirror, Reply, failure


def strict() -> Http:
    """The client with the defaults of a site on the internet."""
    return Http(HttpConfig(timeout_s=2.0), "test")


PRIVATE = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0.0.0.0",
    "localhost",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[fd00::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2001:0:1::1]",
    "[ff02::1]",
]


@pytest.mark.parametrize("host", PRIVATE)
async def test_C11_private_addresses_are_refused_in_every_spelling(host: str) -> None:
    async with strict() as client:
        error = await failure(client, f"http://{host}/")
    assert error.reason in ("refused-address", "address")


async def test_C11_a_redirect_to_a_private_address_is_never_dialled(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first hop is a public address that is answered here; the second must not open a
    connection.
    """
    from newsletter.sources import address_guard

    secret = await asyncio.start_server(
        lambda r, w: pytest.fail("the private host was dialled"), "127.0.0.1", 0
    )
    port = secret.sockets[0].getsockname()[1]
    mirror.routes["/"] = Reply(b"", 302, {"Location": f"http://127.0.0.1:{port}/"})
    monkeypatch.setattr(
        address_guard,
        "is_public",
        lambda address: address == "127.0.0.1" and mirror.connections == 0,
    )
    monkeypatch.setattr("newsletter.sources.http._PORTS", {"http": mirror.port, "https": port})
    async with strict() as client:
        assert (
            await failure(client, f"http://127.0.0.1:{mirror.port}/")
        ).reason == "refused-address"
    assert mirror.connections == 1
    secret.close()


@given(st.ip_addresses(v=4))
def test_C11_no_private_ipv4_address_passes_in_any_ipv6_clothes(
    address: ipaddress.IPv4Address,
) -> None:
    if is_public(str(address)):
        assert address.is_global
        return
    number = int(address)
    for prefix, shift in (("::ffff:0:0", 0), ("64:ff9b::", 0), ("::", 0), ("2002::", 80)):
        dressed = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | number << shift)
        assert not is_public(str(dressed))


def test_C11_public_addresses_pass() -> None:
    assert all(
        is_public(address)
        for address in ("151.101.3.42", "8.8.8.8", "2a04:4e42::810", "2606:4700::1")
    )


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://h/", "gopher://h/", "data:text/xml,<rss/>"]
)
async def test_C12_other_schemes_are_refused_first_hand_and_in_redirects(
    http: Http, mirror: Mirror, target: str
) -> None:
    mirror.routes["/"] = Reply(b"", 302, {"Location": target})
    assert (await failure(http, target)).reason == "address"
    assert (await failure(http, f"{mirror.url}/")).reason == "address"


async def test_C12_other_ports_are_refused(mirror: Mirror) -> None:
    async with strict() as client:
        assert (await failure(client, "http://203.0.113.5:22/")).reason == "refused-address"


async def test_C13_one_private_address_in_the_answer_refuses_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [("203.0.113.9", 80), ("127.0.0.1", 80)]

    async def resolve(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", pair) for pair in answers]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with strict() as client:
        assert (await failure(client, "http://feed.example.org/")).reason == "refused-address"


async def test_C13_a_name_is_resolved_once_and_its_judged_address_is_dialled(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding needs a second look-up between the check and the dial: there is none."""
    looked_up: list[object] = []

    async def resolve(host: object, *_: object, **__: object) -> list[object]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", mirror.port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    mirror.routes["/"] = Reply(b"ok")
    async with Http(HttpConfig(allow_private_networks=True), "test") as client:
        await client.get(f"http://rebind.example.org:{mirror.port}/")
    assert looked_up == ["rebind.example.org"]
    assert mirror.log[0].headers["host"] == f"rebind.example.org:{mirror.port}"


async def test_C14_headers_and_credentials_do_not_follow_to_another_host(
    http: Http, mirror: Mirror
) -> None:
    other = f"http://localhost:{mirror.port}"
    mirror.routes["/"] = Reply(b"", 302, {"Location": f"{other}/there", "Set-Cookie": "session=1"})
    mirror.routes["/there"] = Reply(b"ok", headers={"Set-Cookie": "session=2"})
    url = f"http://user:secret@127.0.0.1:{mirror.port}/"
    answer = await http.get(url, headers={"Authorization": "Bearer token"})
    await http.get(url)
    assert mirror.log[0].headers["authorization"] == "Bearer token"
    assert "authorization" not in mirror.log[1].headers
    assert not any("cookie" in request.headers for request in mirror.log)
    assert "secret" not in answer.url


async def test_C14_https_does_not_fall_back_to_http(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority = certificate(tmp_path, "localhost")
    monkeypatch.setattr("httpx2.create_ssl_context", lambda **_: authority)
    secure = Mirror()
    secure.routes["/"] = Reply(b"", 302, {"Location": f"{mirror.url}/plain"})
    server = await asyncio.start_server(secure.serve, "127.0.0.1", 0, ssl=context)
    secure.port = server.sockets[0].getsockname()[1]
    async with Http(HttpConfig(allow_private_networks=True), "test") as client:
        assert (await failure(client, f"https://localhost:{secure.port}/")).reason == "redirect"
    assert mirror.log == []
    server.close()
    await secure.stop()


async def test_C15_an_invalid_certificate_fails_the_fetch(http: Http, tmp_path: Path) -> None:
    context, _ = certificate(tmp_path, "elsewhere.example.org")
    secure = Mirror()
    server = await asyncio.start_server(secure.serve, "127.0.0.1", 0, ssl=context)
    error = await failure(http, f"https://localhost:{server.sockets[0].getsockname()[1]}/")
    assert error.reason == "tls"
    assert secure.log == []
    server.close()
    await secure.stop()


async def test_C30_the_site_itself_is_never_fetched_by_any_of_its_names(mirror: Mirror) -> None:
    own = ("localhost", mirror.port)
    async with Http(HttpConfig(allow_private_networks=True), "test", own) as client:
        for host in ("localhost", "127.0.0.1", "127.1"):
            error = await failure(client, f"http://{host}:{mirror.port}/unsubscribe/token")
            assert error.reason == "refused-address"
    assert mirror.connections == 0


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A self-signed server certificate, and a client context that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(
        cadata=made.public_bytes(serialization.Encoding.PEM).decode()
    )
    return server, client
