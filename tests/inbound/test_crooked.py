"""Parts E and G: our own addresses, and mail that arrives before our own record, or with invalid
bytes.
"""

import asyncio
import json
from pathlib import Path

import pytest

from newsletter.addresses import parse
from newsletter.errors import AddressError
from newsletter.inbound import lmtp, processor
from tests.faults import server as fault
from tests.faults.server import Server
from tests.faults.site import NOW, finished, make_site

REPORT = (
    b"From: MAILER-DAEMON@mx.example.net\nSubject: Undelivered\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n'
    b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
    b"Final-Recipient: rfc822; reader0@example.org\nAction: failed\nStatus: 5.1.1\n"
    b"Diagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--b--\n"
)


@pytest.mark.parametrize(
    "own",
    [
        "digest@papers.example.org",
        "Digest+x@PAPERS.example.org",
        "bounce+1-abc@papers.example.org",
        "postmaster@papers.example.org",
        "MAILER-DAEMON@papers.example.org",
        "subscribe@papers.example.org",
    ],
)
def test_E10_the_sites_own_and_role_addresses_are_refused(tmp_path: Path, own: str) -> None:
    site = make_site(tmp_path, 1)
    with pytest.raises(AddressError, match="is an address of this site; it cannot subscribe"):
        parse(own, own=site.app.config.site.from_)


@pytest.mark.parametrize(
    "other", ["ada@papers.example.org", "postmaster@example.org", "digest@example.org"]
)
def test_E10_other_people_of_the_domain_and_roles_elsewhere_may_subscribe(
    tmp_path: Path, other: str
) -> None:
    assert parse(other, own=make_site(tmp_path, 1).app.config.site.from_).email == other


def test_E10_an_import_names_the_line_and_goes_on(tmp_path: Path) -> None:
    site = make_site(tmp_path, 1)
    (tmp_path / "people.csv").write_text("email\nbounce+x@papers.example.org\nada@example.net\n")
    _, out, err = finished(
        site.newsletter("--json", "subscribers", "import", str(tmp_path / "people.csv"))
    )
    assert "line 2: bounce+x@papers.example.org is an address of this site" in err
    assert json.loads(out)["added"] == 1 and json.loads(out)["failed"] == 1


async def test_G14_a_report_that_comes_before_our_record_proves_the_letter_left(
    tmp_path: Path,
) -> None:
    """The relay accepts the letter and never replies; the bounce comes first."""
    async with Server({"dot": fault.hang}) as server:
        site = make_site(tmp_path, 1, server.port)
        await site.deliver()
        assert site.states() == {"held": 1}
        to = f"bounce+{site.app.tokens.tag('bounce', site.rows()[0].id)}@papers.example.org"
        assert processor.receive(site.app, "", to, REPORT, NOW) == "hard"
        assert site.states() == {"sent": 1}
        await site.deliver()
        assert max(server.times.values(), default=0) <= 1
        assert processor.receive(site.app, "", to, REPORT, NOW) == "dropped: known already"


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r"])
async def test_G18_no_other_line_end_ends_a_message_on_its_way_in(end: bytes) -> None:
    """Text after a false end belongs to the same mail, or the mail is refused; it is never a second
    mail.
    """
    taken: list[str] = []

    async def take(sender: str, recipient: str, raw: bytes) -> str:
        taken.append(recipient)
        return "250 2.0.0 taken"

    server = await lmtp.listen("127.0.0.1:0", take)
    try:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        talk = b"MAIL FROM:<>\r\nRCPT TO:<%s@x.example.org>\r\nDATA\r\n"
        writer.write(b"LHLO x.example.org\r\n" + talk % b"one")
        while not (await asyncio.wait_for(reader.readline(), 5)).startswith(b"354"):
            pass
        writer.write(
            b"Subject: a\r\n\r\nb" + end + talk % b"two" + b"Subject: c\r\n\r\nd\r\n.\r\nQUIT\r\n"
        )
        await asyncio.wait_for(reader.read(), 5)
        writer.close()
    finally:
        server.close()
    assert taken in (["one@x.example.org"], [])
