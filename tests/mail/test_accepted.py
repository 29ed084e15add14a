"""What filters say about every kind of letter: rspamd and SpamAssassin with the rules that come
with them, without a network.
"""

import json
import mailbox
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dkim as dkimpy
import pytest

from newsletter.config import Config
from newsletter.config_loading import load_config
from newsletter.mail import outgoing
from newsletter.mail.dkim import make_key
from newsletter.mail_kinds import find
from newsletter.models import Envelope
from tests.compose.samples import KINDS, LANGUAGES, LINKS, letter, renderer
from tests.needs import program

RENDERER = renderer()
EVERY = [(kind, language) for kind in KINDS for language in LANGUAGES]
SITE = """
[site]
name = "Trending Papers"
base_url = "https://papers.example.org"
from = "digest@papers.example.org"
postal_address = "4 Harbour Lane, 20095 Fjordby"
[dkim]
domain = "papers.example.org"
selector = "s1"
key_file = "dkim.pem"
"""
#: Rules of the connection and of lists on the network have nothing to judge here.
RSPAMD = """
.include "/etc/rspamd/common.conf"
options {{
  pidfile = "{folder}/pid"; tempdir = "{folder}"; hs_cache_dir = "{folder}"; rrd = "";
  control_socket = "{folder}/control mode=0600";
  filters = "chartable,dkim,regexp"; url_tld = "/usr/share/rspamd/effective_tld_names.dat";
  dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }}
}}
fuzzy_check {{ enabled = false; }}
hfilter {{ enabled = false; }}
logging {{ type = "file"; filename = "{folder}/log"; level = "error"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
"""


PEM, RECORD = make_key()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A site that signs."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "dkim.pem").write_bytes(PEM)
    (folder / "secret.key").write_text("k" * 64)
    (folder / "config.toml").write_text(SITE)
    return load_config(folder / "config.toml", {})


@pytest.fixture(scope="module")
def rspamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running rspamd."""
    folder = tmp_path_factory.mktemp("rspamd")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "rspamd.conf").write_text(RSPAMD.format(folder=folder, port=port))
    command = [program("rspamd"), "-f", "-i", "-c", str(folder / "rspamd.conf")]
    with (
        (folder / "out").open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out) as it,
    ):
        try:
            _wait_for(port, folder)
            yield port
        finally:
            it.terminate()


def _wait_for(port: int, folder: Path) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError((folder / "out").read_text())


def mail(config: Config, kind: str, language: str) -> bytes:
    """One letter of a kind, as it leaves now."""
    envelope = Envelope(
        1,
        "digest@papers.example.org",
        "mira@example.org",
        "1.abc@papers.example.org",
        datetime.now(UTC).replace(microsecond=0),
    )
    headers = [("Auto-Submitted", "auto-generated")]
    if find(kind).is_list:
        headers = [
            ("List-Unsubscribe", f"<{LINKS.unsubscribe}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("Precedence", "bulk"),
        ]
    return outgoing.finished(config, letter(RENDERER, kind, language), envelope, headers)


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_rspamd_shows_no_symbol_above_0(
    config: Config, rspamd: int, kind: str, language: str
) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{rspamd}/checkv2",
        data=mail(config, kind, language),
        headers={
            "From": "digest@papers.example.org",
            "Rcpt": "mira@example.org",
            "IP": "127.0.0.1",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        symbols = json.load(answer)["symbols"]
    assert "MIME_GOOD" in symbols  # it has looked
    assert {name: one for name, one in symbols.items() if one["score"] > 0} == {}


@pytest.fixture(scope="module")
def judged(config: Config, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """What SpamAssassin says of each letter. One run reads them all: its rules take a second."""
    folder = tmp_path_factory.mktemp("spamassassin")
    box = mailbox.mbox(folder / "letters")
    for kind, language in EVERY:
        box.add(mail(config, kind, language))
    box.close()
    command = [program("spamassassin"), "--local", "--test-mode", f"--prefspath={folder}/prefs"]
    made = subprocess.run(
        [*command, "--mbox", str(folder / "letters")], capture_output=True, timeout=300, check=False
    )
    said = re.split(r"^From MAILER-DAEMON", made.stdout.decode("utf-8", "replace"), flags=re.M)[1:]
    assert len(said) == len(EVERY), made.stderr
    return dict(zip(EVERY, said, strict=True))


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_spamassassin_scores_at_most_0(
    judged: dict[tuple[str, str], str], kind: str, language: str
) -> None:
    said = judged[kind, language]
    found = re.search(r"Content analysis details:\s+\((-?[\d.]+) points", said)
    assert found is not None, said
    assert float(found[1]) <= 0, said[said.index("Content analysis") :]


OPENDKIM = """
Mode v
Syslog no
TestPublicKeys {folder}/keys
TrustAnchorFile /dev/null
TemporaryDirectory {folder}
"""


def opendkim(folder: Path, mail: bytes) -> str:
    """What opendkim says of a mail."""
    (folder / "keys").write_text(f"s1._domainkey.papers.example.org {RECORD}\n")
    (folder / "opendkim.conf").write_text(OPENDKIM.format(folder=folder))
    (folder / "mail").write_bytes(mail)
    command = [program("opendkim"), "-x", str(folder / "opendkim.conf"), "-vv"]
    said = subprocess.run(
        [*command, "-t", str(folder / "mail")], capture_output=True, timeout=60, check=True
    )
    return said.stdout.decode()


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_opendkim_verifies_every_kind(
    config: Config, tmp_path: Path, kind: str, language: str
) -> None:
    made = mail(config, kind, language)
    assert "dkim=pass" in opendkim(tmp_path, made)
    changed = made.replace(b"\r\nMIME-Version: 1.0\r\n", b"\r\nMIME-Version: 1.1\r\n")
    assert "dkim=fail" in opendkim(tmp_path, changed)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_signed_and_says_what_programs_ask(config: Config, kind: str) -> None:
    made = mail(config, kind, "en")
    assert dkimpy.verify(made, dnsfunc=lambda *_, **__: RECORD.encode())
    head = made.partition(b"\r\n\r\n")[0].decode()
    assert "\r\nX-Auto-Response-Suppress: All\r\n" in head
    assert "\r\nList-Id: Trending Papers <digest.papers.example.org>\r\n" in head
    assert re.search(rf"\r\nFeedback-ID: [\d-]+:{kind}:site:papers-example-org\r\n", head)
    assert head.partition("\r\nSubject: ")[2].partition("\r\n")[0].isascii()
