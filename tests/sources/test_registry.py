"""One row makes a source: everything follows from it, and CONTRIBUTING's own example is asked by a
daemon.
"""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter import config_types
from newsletter.config import Config, Signals, Sources
from newsletter.health import sources as source_health
from newsletter.models import SourceState
from newsletter.source_rows import ROWS, TRUST, trust
from newsletter.sources.registry import build_sources, open_http, paper_sources, source_names
from tests.sources.mirror import Mirror, Reply

ROOT = Path(__file__).resolve().parent.parent.parent
EVERYTHING = Config.model_validate(
    {
        "sources": {
            **{name: {} for name in Sources.model_fields if name != "feeds"},
            "feeds": [{"name": "one", "url": "http://one.example/"}],
        },
        "signals": {name: {} for name in Signals.model_fields},
    }
)

#: What a newcomer's daemon does at its first minute: one tick.
TICK = """
import asyncio, sys
from datetime import UTC, datetime
from newsletter.app import App
from newsletter.config import Config
from newsletter.health.sources import has_blackout
from newsletter.runtime.daemon import Daemon
from newsletter.site_queries import search, status
from newsletter.source_rows import trust
from newsletter.store.db import migrate, open_engine
from newsletter.tokens import Tokens

folder, url = sys.argv[1:]
database = f"sqlite:///{folder}/site.db"
config = Config.model_validate({
    "database": {"url": database},
    "sources": {"example": {"url": url}},
    "http": {"allow_private_networks": True},
})
engine = open_engine(database)
migrate(engine)
app = App(config, engine, Tokens([b"k" * 64]))
asyncio.run(Daemon(app, lambda: datetime.now(UTC)).tick())
found = [paper.id for paper, _ in search(engine, "lantern")]
print(found, status(engine, config, datetime.now(UTC))["sources"])
assert not has_blackout(engine, config)
try:
    Config.model_validate({"sources": {"feeds": [{"name": "example", "url": url}]}})
except ValueError as e:
    print("a feed may not be called so" if "none of" in str(e) else e)
"""


def test_every_section_of_sources_and_signals_has_one_row() -> None:
    sections = [f"sources.{name}" for name in Sources.model_fields]
    sections += [f"signals.{name}" for name in Signals.model_fields]
    assert sorted(row.section for row in ROWS) == sorted(sections)


async def test_a_row_names_the_plug_in_that_bears_its_name() -> None:
    async with open_http(EVERYTHING) as http:
        built = [source.name for source in build_sources(EVERYTHING, http)]
    assert built == source_names(EVERYTHING)
    assert built == ["one" if row.is_list else row.name for row in ROWS]


def test_only_places_that_show_papers_count_when_nobody_answers() -> None:
    assert set(source_names(EVERYTHING)) - set(paper_sources(EVERYTHING)) == set(
        Signals.model_fields
    )
    rows = {name: {"state": SourceState.FAILED} for name in paper_sources(EVERYTHING)}
    rows["hackernews"] = {"state": SourceState.FRESH}
    assert source_health.is_blackout(rows, EVERYTHING)
    rows["one"] = {"state": SourceState.QUIET}
    assert not source_health.is_blackout(rows, EVERYTHING)


def test_trust_comes_from_the_rows() -> None:
    assert trust("arxiv") < trust("biorxiv") < trust("a feed") == TRUST < trust("huggingface")


@pytest.mark.parametrize(
    "name", ["arxiv", "huggingface", "biorxiv", "hackernews", "github", "medrxiv", "import"]
)
def test_a_feed_may_not_take_the_name_of_a_source(name: str) -> None:
    with pytest.raises(ValueError, match="none of"):
        config_types._feed_name(name)


def test_a_feed_may_be_called_like_a_section_that_is_no_source() -> None:
    config = Config.model_validate(
        {"sources": {"feeds": [{"name": "feeds", "url": "http://one.example/"}]}}
    )
    assert "feeds" in source_names(config)


def test_a_row_says_whether_its_section_is_a_list() -> None:
    for row in ROWS:
        group, _, name = row.section.partition(".")
        assert row.is_list == isinstance(getattr(getattr(EVERYTHING, group), name), tuple), name


def _blocks() -> dict[str, str]:
    """The recipe's blocks of code by what the sentence before them names."""
    recipe = (ROOT / "CONTRIBUTING.md").read_text().split("## A new source")[1].split("\n## ")[0]
    found = re.findall(r"([^\n]*)\n\n```python\n(.*?)```", recipe, re.DOTALL)
    return {re.findall(r"`(newsletter/[\w/]+\.py)`", line)[0]: code for line, code in found}


def _follow_recipe(project: Path) -> None:
    for name in ("newsletter", "migrations", "templates"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, project / name, ignore=ignored)
    blocks = _blocks()
    (project / "newsletter/sources/example.py").write_text(blocks["newsletter/sources/example.py"])
    section, field = blocks["newsletter/config.py"].split("class Sources(Section):\n")
    config = project / "newsletter/config.py"
    text = config.read_text()
    assert text.count("class Sources(Section):\n") == 1
    config.write_text(
        text.replace("class Sources(Section):\n", f"{section}class Sources(Section):\n{field}")
    )
    rows = project / "newsletter/source_rows.py"
    before, rest = rows.read_text().split("ROWS = (\n")
    inside, after = rest.split("\n)\n", 1)
    row = re.findall(r"^ +SourceRow\(.*\),$", blocks["newsletter/source_rows.py"], re.MULTILINE)[0]
    rows.write_text(f"{before}ROWS = (\n{inside}\n{row}\n)\n{after}")


async def test_the_recipes_own_source_is_asked_by_a_daemons_tick(
    tmp_path: Path, mirror: Mirror
) -> None:
    _follow_recipe(tmp_path)
    item = {"id": "lamp-00017", "title": "A <b>lantern</b>", "url": "https://doi.org/10.5555/17"}
    mirror.routes["/papers.json"] = Reply(json.dumps([item]).encode())
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", TICK, str(tmp_path), f"{mirror.url}/papers.json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert mirror.paths() == ["/papers.json"]
    assert "10.5555/17" in done.stdout and "'state': 'fresh'" in done.stdout
    assert "a feed may not be called so" in done.stdout
