"""The README's first command: a whole day, offline, in well under half a minute."""

import email
import json
from email.policy import default
from pathlib import Path

import pytest

from newsletter.cli import main


def test_the_demo_sends_letters_and_keeps_one_reader_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "demo"
    assert main(["demo", "--dir", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["letters"]) == 4 and told["quiet"] == ["emil@example.net"]
    assert told["seconds"] < 30
    assert {source["state"] for source in told["sources"].values()} <= {"fresh", "quiet"}
    for letter in told["letters"]:
        [file] = (folder / "outbox").glob(f"*-{letter['to']}.eml")
        message = email.message_from_bytes(file.read_bytes(), policy=default)
        assert message["To"] == f"<{letter['to']}>" or letter["to"] in str(message["To"])
        text = message.get_body(("plain",))
        assert (
            text is not None and max(len(line) for line in text.get_content().splitlines() if "://" not in line) <= 72
        )
    assert main(["demo", "--dir", str(folder), "--json"]) == 0  # again: its own folder is made afresh


def test_the_demo_touches_no_folder_of_somebody_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    assert main(["demo", "--dir", str(tmp_path)]) == 2
    assert (tmp_path / "thesis.txt").exists()
    assert "not made by the demo" in capsys.readouterr().err
