"""The house stays a house: small rooms, clean floors, nothing unsafe in templates, everything
documented.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parent.parent
ROOMS = sorted((ROOT / "newsletter").rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_and_functions_stay_small(room: Path) -> None:
    text = room.read_text()
    assert len(text.splitlines()) <= 540
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 75, node.name


def test_no_room_is_called_after_nothing() -> None:
    assert not {"utils.py", "helpers.py", "manager.py"} & {room.name for room in ROOMS}


def test_floors_are_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_R21_no_template_switches_escaping_off() -> None:
    for template in (ROOT / "templates").rglob("*.html"):
        assert not re.search(r"\|\s*(safe|xmlattr)\b|autoescape false", template.read_text()), (
            template
        )


def test_every_command_is_documented() -> None:
    from newsletter.cli import app

    documented = (ROOT / "docs" / "cli.md").read_text()

    def walk(command: object, path: str) -> None:
        children = getattr(command, "commands", None)
        if children is None:
            assert f"`{path}" in documented, path
            return
        for name, child in children.items():
            walk(child, f"{path} {name}".strip())

    walk(typer.main.get_command(app), "")


def test_every_setting_is_documented() -> None:
    documented = (ROOT / "docs" / "configuration.md").read_text()
    for line in (ROOT / "config.example.toml").read_text().splitlines():
        if match := re.match(r"#?(\w+) = ", line):
            assert f"`{match[1]}`" in documented, match[1]


def test_nothing_names_a_path_of_one_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    for name in tracked.stdout.split():
        path = ROOT / name
        if (
            path.suffix in (".py", ".md", ".toml", ".html", ".txt")
            and path.exists()
            and name != "tests/test_house.py"
        ):
            assert not re.search(r"(?<![\w.])/(work|root|home)/\w", path.read_text()), name
