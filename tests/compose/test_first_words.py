"""What a letter begins with, and what it weighs."""

import pytest

from newsletter.mail import mime
from newsletter.models import Envelope
from newsletter.steps.compose import Renderer
from tests.compose import samples
from tests.compose.samples import LINKS, digest, html, text
from tests.compose.test_digest import many, seen

HEADERS = [
    ("List-Unsubscribe", f"<{LINKS.unsubscribe}>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ("List-Archive", f"<{LINKS.archive}>"),
]


@pytest.mark.parametrize(("papers", "limit"), [(8, 30_000), (12, 42_000)])
def test_a_letter_is_light(renderer: Renderer, papers: int, limit: int) -> None:
    long = "We measure what a full abstract of two whole sentences takes in a letter. " * 4
    letter = digest(renderer, **many(papers, summary=long, links=samples.code(1)))
    envelope = Envelope(1, "a@x.org", "mira@example.org", "1@x.org", samples.NOW)
    assert len(mime.build(letter, envelope, "<a@x.org>", HEADERS).joined()) + 1_000 <= limit


def test_a_body_begins_with_papers(renderer: Renderer) -> None:
    letter = digest(renderer)
    for part in (seen(html(letter)), " ".join(text(letter).split())):
        assert part.startswith(letter.preheader)
        assert samples.PAPERS[0][0].title[:20] in part[:200]
        assert "Trending Papers" not in part[:200] and "1,204" not in part[:200]
