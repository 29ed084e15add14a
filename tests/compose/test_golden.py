"""Golden letters: what the product wrote, read by a person, kept in tests/compose/golden.

After a change that is meant: `REFRESH_GOLDEN=1 pytest tests/compose/test_golden.py`, then read the
difference.
"""

import os
from pathlib import Path

import pytest

from newsletter.steps.compose import Renderer
from tests.compose.samples import KINDS, LANGUAGES, html, letter, text

FOLDER = Path(__file__).resolve().parent / "golden"


def _check(name: str, made: str) -> None:
    path = FOLDER / name
    if os.environ.get("REFRESH_GOLDEN"):
        path.write_text(made, "utf-8")
    assert path.read_text("utf-8") == made


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_text_is_as_it_was_read(renderer: Renderer, kind: str, language: str) -> None:
    made = letter(renderer, kind, language)
    _check(
        f"{kind}.{language}.txt",
        f"Subject: {made.subject}\nPreheader: {made.preheader}\n\n{text(made)}",
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_html_is_as_it_was_seen(renderer: Renderer, kind: str, language: str) -> None:
    _check(f"{kind}.{language}.html", html(letter(renderer, kind, language)))


def test_no_golden_letter_is_left_over() -> None:
    ends = [f"{language}.{form}" for language in LANGUAGES for form in ("txt", "html")]
    assert {path.name for path in FOLDER.iterdir()} == {
        f"{kind}.{e}" for kind in KINDS for e in ends
    }
