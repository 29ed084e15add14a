"""Templates that an operator may edit: mistakes are found when the site opens, and never reach a
reader.
"""

import shutil
from pathlib import Path

import pytest

from newsletter.errors import LetterError
from newsletter.mail_kinds import KINDS
from newsletter.steps.compose import Renderer
from tests.compose.samples import NOTICE_VALUES, ROOT, SITE, digest, letter


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A copy that may be edited."""
    copy = tmp_path / "templates"
    shutil.copytree(ROOT / "templates", copy)
    return copy


def test_every_letter_has_its_three_parts() -> None:
    folders = {
        path.name: {part.name for part in path.iterdir()}
        for path in (ROOT / "templates/mail").iterdir()
        if path.is_dir()
    }
    assert set(folders) == set(KINDS)
    assert all(parts == {"subject.txt", "body.html", "body.txt"} for parts in folders.values())


def test_the_samples_give_each_notice_what_it_says_it_needs() -> None:
    assert {kind: set(values) for kind, values in NOTICE_VALUES.items()} == {
        kind.name: set(kind.values) for kind in KINDS.values() if kind.values
    }


def test_no_template_switches_escaping_off() -> None:
    for path in (ROOT / "templates" / "mail").rglob("*.*"):
        assert path.suffix in (".html", ".txt")
        assert "|safe" not in path.read_text("utf-8").replace(
            " ", ""
        ) and "autoescape" not in path.read_text("utf-8")


def test_D05_a_syntax_error_is_found_when_the_site_opens(templates: Path) -> None:
    (templates / "mail" / "confirm" / "body.html").write_text("fine\n{% if %}\n", "utf-8")
    with pytest.raises(
        LetterError, match=r"template confirm/body\.html, line 2: Expected an expression"
    ):
        Renderer(templates, SITE)


def test_D05_an_open_site_keeps_its_last_good_templates(templates: Path) -> None:
    renderer = Renderer(templates, SITE)
    before = digest(renderer)
    for path in (templates / "mail").rglob("*.html"):
        path.write_text("{% broken", "utf-8")
    assert digest(renderer) == before
    assert letter(renderer, "confirm").html


def test_D06_a_name_that_nobody_gives_a_value_fails_the_letter(templates: Path) -> None:
    (templates / "mail" / "known" / "body.txt").write_text("{{ surprise }}", "utf-8")
    with pytest.raises(LetterError, match=r"known/body\.txt: 'surprise' is undefined"):
        letter(Renderer(templates, SITE), "known")


@pytest.mark.parametrize(
    "broken",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
        "{% for a in range(10 ** 9) %}{% endfor %}",
        "{{ 'x' * 10 ** 7 }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ 1 / 0 }}",
        "{% include 'nowhere.txt' %}",
        "{% include 'known/subject.txt' %}",
    ],
)
def test_D08_a_broken_template_fails_its_letter_in_seconds(templates: Path, broken: str) -> None:
    (templates / "mail" / "known" / "subject.txt").write_text(broken, "utf-8")
    with pytest.raises(LetterError, match=r"template known/subject\.txt"):
        letter(Renderer(templates, SITE), "known")
