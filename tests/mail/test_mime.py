"""Messages that are built by hand, read back by the standard library's parser."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import LetterError
from newsletter.mail import mime
from newsletter.models import SLOT, Envelope, Letter

DATE = datetime(2026, 11, 23, 7, tzinfo=UTC)
ENVELOPE = Envelope(
    7, "digest@papers.example.org", "ada@example.org", "7.abc@papers.example.org", DATE
)
UNSUBSCRIBE = "https://papers.example.org/unsubscribe/token"
HEADERS = [
    ("List-Id", "Trending Papers <digest.papers.example.org>"),
    ("List-Unsubscribe", f"<{UNSUBSCRIBE}>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
]
#: Anything that a feed, a reader or an attacker may bring, without lone surrogates.
HOSTILE = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)


def built(
    letter: Letter, headers: list[tuple[str, str]] | None = None, sender: str = "<digest@x.org>"
) -> bytes:
    return mime.build(letter, ENVELOPE, sender, headers or []).joined()


def read(raw: bytes) -> EmailMessage:
    message = BytesParser(policy=default).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def require_wellformed(raw: bytes) -> None:
    """Require what every receiver, strict or lenient, reads in the same way."""
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert all(
        len(line) <= 76 for line in body.split(b"\r\n") if not line.startswith(b"Content-Type")
    )


TOKEN = "a_-9" * 15


def test_both_parts_decode_to_what_was_composed() -> None:
    text = (
        "Ümläut 100 % = \n.\nFrom here\n",
        f"  https://papers.example.org/view/{SLOT}\n",
        "long " * 60 + "\n",
    )
    html = (
        "<p>" + "käse " * 100 + "</p>\n",
        f'<a href="https://x.org/{SLOT}/more/1?b=c" class="ß">{SLOT}{SLOT}</a>\n.{SLOT}\n',
    )
    letter = Letter("digest", "Subject", text, html, token=TOKEN)
    raw = built(letter)
    require_wellformed(raw)
    message = read(raw)
    assert part(message, "plain") == letter.plain_page
    assert part(message, "html").rstrip("\n") == letter.html_page.rstrip("\n")
    assert [p.get_content_type() for p in message.iter_parts()] == ["text/plain", "text/html"]


def test_the_same_row_makes_the_same_bytes() -> None:
    letter = Letter("digest", "S", ("text\n",), ("<p>x</p>\n",))
    assert built(letter) == built(letter)


@given(HOSTILE, st.lists(HOSTILE, max_size=3))
def test_A32_no_body_ends_the_message_or_breaks_a_line(text: str, others: list[str]) -> None:
    slotted = SLOT.join([text, *others]) + "\n"
    letter = Letter("digest", "S", ("start\n", slotted, "\r\n.\r\nend\n"), token=TOKEN)
    raw = built(letter)
    require_wellformed(raw)
    wanted = letter.plain_page.replace("\r\n", "\n").replace("\r", "\n")
    payload = read(raw).get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode().replace("\r\n", "\n") == wanted


@given(HOSTILE)
def test_D09_any_subject_is_folded_and_decodes_to_its_cleaned_form(subject: str) -> None:
    raw = built(Letter("digest", subject, ("text\n",)))
    head = raw.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 for line in head.split(b"\r\n") if b" " in line.strip())
    message = read(raw)
    assert len(message.get_all("Subject", [])) == 1
    assert " ".join(str(message["Subject"]).split()) == " ".join(mime.clean_header(subject).split())


@given(HOSTILE)
def test_A34_no_name_adds_a_header_or_an_address(name: str) -> None:
    message = read(
        built(
            Letter("digest", "S", ("t\n",)), sender=mime.mailbox(name, "digest@papers.example.org")
        )
    )
    assert set(message.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    }
    assert [address.addr_spec for address in message["From"].addresses] == [
        "digest@papers.example.org"
    ]


def test_A33_to_shows_the_reader_alone() -> None:
    message = read(built(Letter("digest", "S", ("t\n",))))
    assert [address.addr_spec for address in message["To"].addresses] == ["ada@example.org"]


# -- the linter ------------------------------------------------------------------------------------


def listed(
    text: str = UNSUBSCRIBE, html: str = UNSUBSCRIBE, headers: list[tuple[str, str]] = HEADERS
) -> bytes:
    return built(Letter("digest", "S", (text + "\n",), (html + "\n",)), headers)


@pytest.mark.parametrize("token", [TOKEN, SLOT], ids=["made", "slot"])
def test_the_unsubscribe_link_of_a_letter_with_a_token_is_found(token: str) -> None:
    slotted = f"https://papers.example.org/unsubscribe/{SLOT}\n"
    headers = [
        (name, f"<https://papers.example.org/unsubscribe/{token}>" if "Unsub" in value else value)
        for name, value in (HEADERS[0], ("List-Unsubscribe", "Unsub"), HEADERS[2])
    ]
    headers[2] = HEADERS[2]
    letter = Letter("digest", "S", (slotted,), (slotted,), token=TOKEN)
    head = built(letter, headers).partition(b"\r\n\r\n")[0]
    assert TOKEN.encode() in head and SLOT.encode() not in head
    with pytest.raises(LetterError, match="unsubscribe link is missing"):
        built(Letter("digest", "S", ("text\n",), (slotted,), token=TOKEN), headers)


def test_a_letter_with_everything_passes() -> None:
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in listed()


@pytest.mark.parametrize("where", ["text", "html"])
def test_D10_a_list_letter_without_its_unsubscribe_link_is_refused(where: str) -> None:
    with pytest.raises(LetterError, match="unsubscribe link is missing"):
        listed(**{where: "nothing"})


def test_D10_one_click_needs_https() -> None:
    plain = [(name, value.replace("https", "http")) for name, value in HEADERS]
    with pytest.raises(LetterError, match="https"):
        listed(headers=plain)


def test_one_click_needs_exactly_one_web_address() -> None:
    two = [(n, v + ", <https://b.example/x>" if n == "List-Unsubscribe" else v) for n, v in HEADERS]
    with pytest.raises(LetterError, match="exactly one"):
        listed(headers=two)


def test_a_letter_without_text_is_refused() -> None:
    with pytest.raises(LetterError, match="text part"):
        built(Letter("digest", "S", (), ("<p>x</p>",)))


def test_D04_html_that_gmail_would_clip_is_refused() -> None:
    with pytest.raises(LetterError, match="102,000"):
        built(Letter("digest", "S", ("t\n",), ("x" * 70 + "\n",) * 1500))


def test_a_header_that_cannot_be_folded_is_refused() -> None:
    with pytest.raises(LetterError, match="998"):
        built(
            Letter("digest", "S", ("t\n",)),
            [("List-Help", "<https://example.org/" + "a" * 1000 + ">")],
        )


def doubled(message: bytes) -> bytes:
    """What RFC 5321 section 4.5.2 makes of a message: dots doubled at the start of a line, and a
    line end at the end.
    """
    lines = message.split(b"\r\n")
    sent = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    return sent if sent.endswith(b"\r\n") else sent + b"\r\n"


DOTTED = st.text(alphabet=".= \n\rabcä", max_size=300) | HOSTILE


@given(st.lists(DOTTED, min_size=1, max_size=4), DOTTED, st.lists(DOTTED, max_size=2), DOTTED)
def test_A32_dots_need_not_be_doubled(
    text: list[str], subject: str, html: list[str], name: str
) -> None:
    blocks = (*text, "end\n")
    letter = Letter("digest", subject, blocks, tuple(f"{one}{SLOT}" for one in html), token=TOKEN)
    sender = mime.mailbox(name, "digest@papers.example.org")
    raw = built(letter, [("List-Help", f"<https://example.org/{SLOT}>")], sender)
    assert doubled(raw) == raw
