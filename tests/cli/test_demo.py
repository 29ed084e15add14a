"""The README's first command: a whole day, offline, in well under half a minute."""

import email
import json
from contextlib import redirect_stdout
from email.policy import default
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from newsletter.cli import main

IN_WORDS = {
    "topic": "topic {}",
    "title": "in the title: {}",
    "abstract": "in the abstract: {}",
    "keyword": "keyword “{}”",
    "author": "you follow {}",
    "near": "like “{}”",
}


def check_reasons(said: str, reasons: list[dict[str, str]]) -> None:
    """Every reason is said in words; a long one may end in an ellipsis."""
    for part, reason in zip(said.split("; "), reasons, strict=True):
        whole = IN_WORDS.get(reason["kind"], reason["kind"]).format(reason["detail"])
        assert part == whole or (part.endswith("…") and whole.startswith(part[:-1])), part


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return the folder of a demo, and its JSON output."""
    folder = tmp_path_factory.mktemp("site") / "demo"
    with redirect_stdout(StringIO()) as out:
        assert main(["demo", "--dir", str(folder), "--json"]) == 0
    return folder, json.loads(out.getvalue())


def test_the_demo_sends_letters_and_keeps_one_reader_quiet(
    demo: tuple[Path, dict[str, Any]],
) -> None:
    folder, told = demo
    assert len(told["letters"]) == 4 and told["quiet"] == ["emil@example.net"]
    assert told["seconds"] < 30
    assert {source["state"] for source in told["sources"].values()} <= {"fresh", "quiet"}
    for letter in told["letters"]:
        [file] = (folder / "outbox").glob(f"*-{letter['to']}.eml")
        message = email.message_from_bytes(file.read_bytes(), policy=default)
        assert message["To"] == f"<{letter['to']}>" or letter["to"] in str(message["To"])
        text = message.get_body(("plain",))
        assert (
            text is not None
            and max(len(line) for line in text.get_content().splitlines() if "://" not in line)
            <= 72
        )
    assert main(["demo", "--dir", str(folder), "--json"]) == 0  # again: its own folder is made anew


def test_the_demo_touches_no_folder_of_somebody_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    assert main(["demo", "--dir", str(tmp_path)]) == 2
    assert (tmp_path / "thesis.txt").exists()
    assert "not made by the demo" in capsys.readouterr().err


def test_a_preview_says_why_each_paper_is_in_it_and_by_which_rule_others_are_not(
    demo: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    site = str(demo[0] / "config.toml")
    capsys.readouterr()
    assert main(["-C", site, "preview", "ada@example.org", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["papers"]
    assert main(["-C", site, "preview", "ada@example.org", "--why"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line, paper in zip(lines[2:], told["papers"], strict=False):
        number, score, match, trend, word, topic, title, why = line.split("\t")
        numbers = [float(text) for text in (score, match, trend)]
        assert numbers == pytest.approx([paper["score"], paper["match"], paper["heat"]], abs=0.006)
        assert number.isdigit() and (topic, title) == (paper["topic"], paper["title"])
        assert word.split(",")[0] == paper["heat_word"]
        check_reasons(why, paper["reasons"])
    out = [line.split("\t") for line in lines[lines.index("") + 2 : -1]]
    assert 0 < len(out) <= 10 and all(len(row) == 7 for row in out)
    assert [float(row[1]) for row in out] == sorted((float(row[1]) for row in out), reverse=True)
    assert {row[0] for row in out} <= {rule.replace("_", " ") for rule in told["left_out"]}
    assert not {row[6] for row in out} & {paper["title"] for paper in told["papers"]}
    assert lines[-1].startswith("Left out: ") and "seen" in lines[-1]


def test_a_sent_letter_can_still_say_why_each_paper_was_in_it(
    demo: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = demo
    asking = [
        "-C",
        str(folder / "config.toml"),
        "issues",
        "show",
        "latest",
        "--to",
        "ada@example.org",
    ]
    capsys.readouterr()
    assert main([*asking, "--json"]) == 0
    picks = json.loads(capsys.readouterr().out)["letters"][0]["picks"]
    assert main(asking) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [line.split("\t") for line in lines[lines.index("") + 1 :]]
    assert len(told) == len(picks) == 8
    for row, pick in zip(told, picks, strict=True):
        assert row[6] == pick["title"]
        check_reasons(row[7], pick["reasons"])
        facts = pick["heat_facts"]  # the heat's cause
        assert str(facts[0]["count"]) in row[4] if facts else "new" in row[4]
    assert sum(bool(pick["heat_facts"]) for pick in picks) >= 6
    letter = (folder / "outbox" / "1-ada@example.org.txt").read_text()
    # The preheader at the top names titles too.
    places = [letter.rindex(pick["title"][:40]) for pick in picks]
    assert places == sorted(places)  # as they stood in the letter
