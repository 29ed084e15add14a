"""`newsletter taste`: learn, show, forget."""

import json
from pathlib import Path

import pytest

from newsletter.cli import main
from tests.cli.test_topics import line
from tests.databases import make_folder

Capture = pytest.CaptureFixture[str]


def test_a_list_of_picks_is_learned_shown_and_forgotten(tmp_path: Path, capsys: Capture) -> None:
    config = str(make_folder(tmp_path))
    rows = [line(n, f"Planning part {n}", "Agents plan with tools.", "cs.AI") for n in range(1, 41)]
    rows += [line(n, f"Sheep part {n}", "Pictures of sheep.", "cs.CV") for n in range(100, 180)]
    file, picks = tmp_path / "papers.jsonl", tmp_path / "picks.txt"
    file.write_text("".join(rows))
    picks.write_text("\n".join([*(f"2605.{n:05}" for n in range(1, 41)), "hello", "2604.09999"]))
    site = ["-C", config, "-q"]
    assert main([*site, "papers", "import", str(file)]) == 0
    capsys.readouterr()
    assert main(["-C", config, "taste", "show"]) == 0
    assert "nothing was learned yet" in capsys.readouterr().err
    assert main(["-C", config, "taste", "learn", str(picks), "--dry-run"]) == 4
    assert "nothing was kept" in capsys.readouterr().out
    assert main(["-C", config, "taste", "learn", str(picks)]) == 4
    said = capsys.readouterr()
    assert "line 41 names no paper and is left out: hello" in said.err
    assert "41 new of 41 picks; 1 of them are not known here yet" in said.out
    assert "learned for cs from 40 papers" in said.out
    assert main(["-C", config, "taste", "show", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fields"]["cs"]["picks"] == 40
    assert found["fields"]["cs"]["words"]["agents"] > 0 > found["fields"]["cs"]["words"]["sheep"]
    assert main(["-C", config, "taste", "forget", "--yes"]) == 0
    assert "41 picks deleted" in capsys.readouterr().out


def test_ten_picks_teach_nothing_and_it_is_said(tmp_path: Path, capsys: Capture) -> None:
    config, picks = str(make_folder(tmp_path)), tmp_path / "picks.txt"
    picks.write_text("\n".join(f"2605.{n:05}" for n in range(1, 11)))
    assert main(["-C", config, "taste", "learn", str(picks)]) == 0
    said = capsys.readouterr()
    assert "10 of them are not known here yet" in said.out
    assert "a field needs 30 picks" in said.err
