"""`newsletter subscribers seeds`: papers that a reader gave as examples."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from newsletter.cli import main
from tests.cli.test_topics import line
from tests.databases import make_folder

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def site(tmp_path: Path, capsys: Capture) -> str:
    config = str(make_folder(tmp_path))
    added = ["subscribers", "add", "ada@example.org", "--no-confirm", "--reason", "said so"]
    assert main(["-C", config, *added]) == 0
    capsys.readouterr()
    return config


def run(site: str, *words: str) -> int:
    return main(["-C", site, "subscribers", "seeds", words[0], "ada@example.org", *words[1:]])


def test_a_file_is_read_and_lines_that_name_no_paper_are_told(
    site: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "mine.bib"
    file.write_text("@misc{a, title={Grid cells keep time}, eprint={2605.00001}}\nhello\n")
    assert run(site, "add", str(file), "--dry-run") == 4
    said = capsys.readouterr()
    assert "line 2 names no paper and is left out: hello" in said.err
    assert "0 known here, 1 waiting" in said.out and "nothing was kept" in said.out
    assert run(site, "add", str(file)) == 4
    assert run(site, "add", str(file), "--json") == 4
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["had"], found["known"], found["unread"][0]["line"]) == (1, 0, 2)
    assert run(site, "list") == 0
    assert capsys.readouterr().out == "arxiv:2605.00001\tnot yet\tGrid cells keep time\n"


def test_standard_input_is_read_and_examples_are_taken_back(
    site: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    pasted = "\ufeffGrößen großer Gitter im Gehirn\n2605.00002\n".encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(pasted)))
    assert run(site, "add", "-") == 0
    assert run(site, "remove", "2605.00002", "2605.00009") == 4
    said = capsys.readouterr()
    assert "did not give '2605.00009'" in said.err and "1 removed" in said.out
    assert run(site, "remove", "Größen großer Gitter im Gehirn") == 0
    capsys.readouterr()
    assert run(site, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["examples"] == []


def test_a_file_without_a_paper_and_one_that_is_not_there_fail(
    site: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes(b"hello\n\xff\xfe\n")
    assert run(site, "add", str(file)) == 1
    assert run(site, "add", str(tmp_path / "none.txt")) == 2
    assert "No such file" in capsys.readouterr().err


def test_a_preview_says_which_example_a_paper_is_near(
    site: str, tmp_path: Path, capsys: Capture
) -> None:
    titles = [
        f"{word} of lakes"
        for word in ["tides", "fish", "ice", "birds", "boats", "rain", "silt", "fog"]
    ]
    titles = [*titles, "Robot hands fold soft laundry on a table"]
    rows = [line(n, title, f"{title}.", "cs.RO", "2026-05-03") for n, title in enumerate(titles, 1)]
    file, mine = tmp_path / "papers.jsonl", tmp_path / "mine.txt"
    file.write_text("".join(rows))
    mine.write_text("Robot hands fold towels\nRobot hands sort laundry\nSoft robot hands grasp\n")
    assert main(["-C", site, "-q", "papers", "import", str(file)]) == 0
    assert run(site, "add", str(mine)) == 0
    capsys.readouterr()
    asked = ["preview", "ada@example.org", "--at", "2026-05-04T09:00Z"]
    assert main(["-C", site, *asked, "--format", "text"]) == 0
    letter = capsys.readouterr().out
    assert "Near papers you gave" in letter and "the papers you gave" in letter
    assert "which you gave" in letter and "Robot hands fold soft laundry" in letter
    assert main(["-C", site, *asked, "--json"]) == 0
    (pick,) = json.loads(capsys.readouterr().out)["papers"]
    assert pick["topic"] == "(near examples)" and pick["reasons"][0]["kind"] == "given"
