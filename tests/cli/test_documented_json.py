"""Every key that commands print as JSON is in docs/cli.md."""

import json
from pathlib import Path
from typing import Any

import pytest

from newsletter.cli import main
from newsletter.cli.reader_lists.columns import COLUMNS
from newsletter.list_days import ARXIV
from newsletter.models import DayList, ListState
from newsletter.store import source_lists
from newsletter.store.db import open_engine, writing
from tests.databases import make_folder
from tests.sources.arxiv_mirror import at

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
PAPER = {"id": "2605.00001", "title": "Bees", "abstract": "On bees.", "authors": ["Ann Lee"]}


def keys(value: Any) -> set[str]:
    """All keys, of whatever depth; names of sources and states are no keys."""
    if isinstance(value, list):
        return set().union(*map(keys, value))
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set()


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["papers", "list"],
        ["papers", "show", "2605.00001"],
        ["papers", "search", "bees"],
        ["papers", "import", "papers.jsonl"],
        ["subscribers", "import", "readers.csv", "--dry-run"],
        ["subscribers", "list"],
        ["topics", "test", "bees"],
    ],
    ids=" ".join,
)
def test_json_keys_are_documented(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    config = str(make_folder(tmp_path / "site"))
    (tmp_path / "papers.jsonl").write_text(json.dumps(PAPER) + "\n")
    (tmp_path / "readers.csv").write_text("email\nana@uni-a.org\n")
    assert main(["-C", config, "papers", "import", str(tmp_path / "papers.jsonl")]) == 0
    capsys.readouterr()
    words = [str(tmp_path / word) if "." in word and word[0] in "pr" else word for word in words]
    main(["-C", config, "--json", *words])
    printed = json.loads(capsys.readouterr().out)
    names = {"arxiv", "biorxiv", "huggingface", "bees"}
    missing = {key for key in keys(printed) - names if f"`{key}`" not in DOCS}
    assert not missing, sorted(missing)


def test_the_keys_of_missing_lists_are_documented(tmp_path: Path) -> None:
    make_folder(tmp_path / "site")
    engine = open_engine(f"sqlite:///{tmp_path / 'site' / 'newsletter.db'}")
    now = at("2026-05-08")
    with writing(engine) as connection:
        one = DayList("cs.AI", at("2026-05-05").date(), ListState.MISSING, reason="503")
        source_lists.note(connection, "arxiv", [one], now)
        figures = source_lists.figures(connection, {"arxiv": (ARXIV, ("cs.AI",))}, now)
    assert figures["arxiv"]["not_covered"]
    missing = {key for key in keys(figures["arxiv"]) if f"`{key}`" not in DOCS}
    assert not missing, sorted(missing)


def test_the_columns_of_an_export_are_documented() -> None:
    assert [name for name in COLUMNS if f"`{name}`" not in DOCS] == []
