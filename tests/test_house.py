"""The structure of the project: small files and functions, imports by layers, nothing unsafe in
templates, everything documented.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import typer
from pydantic import BaseModel

from newsletter.config import Config

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "newsletter").rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name


def test_sql_is_written_in_the_store_only() -> None:
    """Others may name the types of a connection and an engine, and nothing else of SQLAlchemy."""
    for module in MODULES:
        if module.is_relative_to(ROOT / "newsletter" / "store"):
            continue
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                ("sqlalchemy", "sqlmodel")
            ):
                names = {one.name for one in node.names}
                assert names <= {"Connection", "Engine"}, (module, names)
            if isinstance(node, ast.Import):
                assert not any(
                    one.name.startswith(("sqlalchemy", "sqlmodel")) for one in node.names
                ), module


#: To be divided. (The parameters of a command are its options: they are not counted.)
MORE_THAN_SIX: set[str] = set()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_take_at_most_six_parameters(module: Path) -> None:
    for name, node in _functions(ast.parse(module.read_text())):
        is_command = any(
            isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("command")
            for decorator in node.decorator_list
        )
        if not is_command and name not in MORE_THAN_SIX:
            given = node.args
            names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
            assert len([one for one in names if one not in ("self", "cls")]) <= 6, name


def _functions(
    tree: ast.AST, path: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield path + node.name, node
        name = f"{path}{node.name}." if isinstance(node, ast.ClassDef) else path
        yield from _functions(node, name)


def test_no_line_is_kept_from_the_formatter() -> None:
    for folder in ("newsletter", "tests", "benchmarks", "migrations"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not re.search(r"#\s*fmt:\s*(skip|off)", path.read_text()), path
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert tools["ruff"]["line-length"] == 100


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_exception_from_a_rule_says_why(module: Path) -> None:
    """`# noqa: S101  (why)` and `# type: ignore[assignment]  # why`."""
    for line in module.read_text().splitlines():
        if re.search(r"#\s*(noqa|type:\s*ignore)", line):
            assert re.search(r"# (noqa: [A-Z]+\d+  \(\w.+\)|type: ignore\[\S+\]  # \w.+)$", line), (
                line
            )


def test_lines_are_at_most_100_characters_long() -> None:
    """Ruff does not count the comments that are for tools, such as noqa."""
    for folder in ("newsletter", "tests", "benchmarks", "migrations"):
        for path in (ROOT / folder).rglob("*.py"):
            for line in path.read_text().splitlines():
                assert len(line) <= 100, (path, line)


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert not {"utils.py", "helpers.py", "manager.py"} & {module.name for module in MODULES}


#: Figures of speech for things that have a name in the field.
METAPHORS = re.compile("bench(es)?|clerks?|crews?|desks?|doors?|pens?|poison.*|shel(f|ves)|wires?")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_things_are_called_by_their_names(module: Path) -> None:
    """Comments, texts and names, also parts of a name: `door_for_mail`, `OpenDoor`."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", module.read_text().replace("HighWire", ""))
    assert not [part for part in parts if METAPHORS.fullmatch(part.lower())]


def test_imports_follow_the_layers() -> None:
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


#: Secrets come from a file or the environment; the example must not invite them into itself.
SECRETS = {
    "bounces.hook_secret",
    "bounces.imap_password",
    "signals.github.token",
    "smtp.password",
    "web.metrics_token",
    "summaries.key",
}


def _settings(model: type[BaseModel], section: str = "") -> Iterator[str]:
    """Every key of the configuration as section.key."""
    for name, field in model.model_fields.items():
        key = f"{section}.{field.alias or name}".lstrip(".")
        kinds = (field.annotation, *get_args(field.annotation))
        parts = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        yield from _settings(parts[0], key) if parts else [key]


def _named(text: str, section: str, key: str) -> set[str]:
    """The section.key of every line of a document that is one, by the patterns of its form."""
    found, inside = set(), ""
    for line in text.splitlines():
        if match := re.match(section, line):
            inside = match[1]
        elif match := re.match(key, line):
            found.add(f"{inside}.{match[1]}")
    return found


def test_every_setting_is_documented() -> None:
    """A further relay ([[smtp.fallback]]) has the keys of [smtp], which are not said again."""
    settings = {key for key in _settings(Config) if not key.startswith("smtp.fallback.")}
    documented = (ROOT / "docs" / "configuration.md").read_text()
    table = _named(documented, r"## `\[+([\w.]+)\]+`", r"\| `(\w+)` \|")
    assert settings - SECRETS - table == set()
    assert table - settings == set()
    example = (ROOT / "config.example.toml").read_text()
    shown = _named(example, r"#?\[+([\w.]+)\]+", r"#?(\w+) = ")
    assert settings - SECRETS - shown == set()
    assert {key for key in shown if not key.startswith("smtp.fallback.")} - settings == set()


def test_nothing_names_a_path_of_one_machine() -> None:
    named = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in (
        "newsletter",
        "tests",
        "docs",
        "templates",
        "migrations",
        "deploy",
        "benchmarks",
    ):
        named += (ROOT / folder).rglob("*.*")
    for path in named:
        if path.suffix in (".py", ".md", ".toml", ".html", ".txt") and path != Path(__file__):
            assert not re.search(r"(?<![\w.])/(work|root|home)/\w", path.read_text()), path
