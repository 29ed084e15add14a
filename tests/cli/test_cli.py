"""The command line: exit codes, messages of errors, tables and tabs, JSON for scripts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.cli import main
from newsletter.config_loading import load_config
from tests.databases import make_folder

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def site(tmp_path: Path) -> str:
    return str(make_folder(tmp_path))


def run_json(capsys: Capture, *words: str) -> dict[str, object]:
    assert main([*words, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_init_makes_a_site_that_works_and_keeps_what_is_there(
    tmp_path: Path, capsys: Capture
) -> None:
    site = str(tmp_path / "config.toml")
    assert main(["init", "--dir", str(tmp_path)]) == 0
    key = Path(site).with_name("secret.key")
    before = key.read_text()
    assert main(["init", "--dir", str(key.parent)]) == 0
    assert key.read_text() == before and key.stat().st_mode & 0o077 == 0
    assert main(["-C", site, "config", "check"]) == 0
    assert main(["-C", site, "db", "status"]) == 0
    assert main(["status", "-C", site]) == 0  # global options stand before or after


def test_status_has_the_shape_that_scripts_rely_on(site: str, capsys: Capture) -> None:
    found = run_json(capsys, "-C", site, "status")
    assert {"readers", "ledger", "sources", "last_run", "next_due"} <= set(found)


def test_a_broken_configuration_exits_with_3_and_names_every_mistake(
    site: str, capsys: Capture
) -> None:
    Path(site).write_text('[site]\nnmae = "x"\n[smtp]\nporrt = 1\n')
    assert main(["-C", site, "status"]) == 3
    said = capsys.readouterr().err
    assert "did you mean site.name?" in said and "did you mean smtp.port?" in said


def test_an_unknown_command_exits_with_2_and_names_the_nearest(capsys: Capture) -> None:
    assert main(["subscriber", "list"]) == 2
    assert "Did you mean 'subscribers'?" in capsys.readouterr().err


def test_errors_are_json_when_json_was_asked_for(site: str, capsys: Capture) -> None:
    assert main(["-C", site, "--json", "subscribers", "show", "nobody@example.org"]) == 1
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "not_found"


def test_a_query_error_has_its_position(site: str, capsys: Capture) -> None:
    assert main(["-C", site, "topics", "test", 'graph "neural']) == 2
    assert "character 7" in capsys.readouterr().err


def test_piped_tables_are_tabs_without_a_heading(site: str, capsys: Capture) -> None:
    assert main(["-C", site, "topics", "list"]) == 0
    first = capsys.readouterr().out.splitlines()[0].split("\t")
    assert first[0] == "reasoning" and len(first) == 5


def test_E12_an_import_reports_bad_lines_by_number_and_goes_on(
    site: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "readers.csv"
    file.write_text(
        "email,name,topics,timezone,hour,rhythm,status\n"
        "ada@example.org,Ada,reasoning;weather,Europe/Berlin,7,weekdays,active\n"
        "not an address,,,,,,active\n"
        'bob@example.org,"=cmd()",no-such-topic,,,,active\n'
        "lin@example.org,Lin,vision,Mars/Olympus,7,,active\n"
        "ada@example.org,again,,,,,active\n"
        'eve@example.org,Eve,"graph neural",UTC,25,,active\n'
    )
    assert main(["-C", site, "subscribers", "import", str(file), "--consent", "list of 2025"]) == 4
    said = capsys.readouterr()
    assert all(f"line {number}:" in said.err for number in (3, 4, 5, 7))
    assert "1 added, 1 known, 0 suppressed, 4 failed" in said.out


def test_active_readers_are_imported_only_with_consent(
    site: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "readers.csv"
    file.write_text("email,status\nada@example.org,active\n")
    assert main(["-C", site, "subscribers", "import", str(file)]) == 1
    assert "--consent" in capsys.readouterr().err


def test_H04_an_export_is_harmless_to_spreadsheets(site: str, capsys: Capture) -> None:
    add = [
        "-C",
        site,
        "subscribers",
        "add",
        "ada@example.org",
        "--name",
        "=1+1",
        "--no-confirm",
        "--reason",
        "asked",
    ]
    assert main([*add, "--topics", "reasoning"]) == 0
    capsys.readouterr()
    assert main(["-C", site, "subscribers", "export"]) == 0
    assert '"\'=1+1"' in capsys.readouterr().out


def test_removing_without_a_terminal_needs_yes(site: str, capsys: Capture) -> None:
    main(["-C", site, "subscribers", "add", "ada@example.org"])
    assert main(["-C", site, "--no-input", "subscribers", "remove", "ada@example.org"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert main(["-C", site, "subscribers", "remove", "ada@example.org", "--yes"]) == 0


def test_papers_are_imported_searched_and_shown(site: str, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "papers.jsonl"
    file.write_text(
        '{"id": "2510.00001", "title": "Graph neural networks for rain", "abstract": "Rain.", '
        '"authors": ["A B"], '
        '"categories": ["cs.LG"], "published": "2025-10-01"}\nnot json\n'
        '{"id": "4983", "title": "Bees", "summary": "Bees and rain in the Alps."}\n'
    )
    assert main(["-C", site, "papers", "import", str(file)]) == 4
    assert "line 2" in capsys.readouterr().err
    found = run_json(capsys, "-C", site, "papers", "search", "rain")
    assert [paper["id"] for paper in found["papers"]] == ["2510.00001", "4983"]
    shown = run_json(capsys, "-C", site, "papers", "show", "arXiv:2510.00001v2")
    assert shown["authors"] == ["A B"] and shown["fields"] == ["cs.LG"]


def test_a_run_without_readers_does_nothing_and_says_so(site: str, capsys: Capture) -> None:
    report = run_json(capsys, "-C", site, "run", "--no-fetch", "--at", "2026-05-04T09:00Z")
    assert report["at"] == "2026-05-04T09:00:00Z" and report["issues"] == []
    assert set(report["seconds"]) == {
        "fetch",
        "dedupe",
        "trend",
        "match",
        "choose",
        "freeze",
        "deliver",
        "total",
    }


def test_a_backup_comes_back(site: str, tmp_path: Path, capsys: Capture) -> None:
    main(["-C", site, "subscribers", "add", "ada@example.org"])
    assert main(["-C", site, "db", "backup", str(tmp_path / "copy.db")]) == 0
    main(["-C", site, "subscribers", "remove", "ada@example.org", "--erase", "--yes"])
    assert main(["-C", site, "db", "restore", str(tmp_path / "copy.db"), "--yes"]) == 0
    assert main(["-C", site, "subscribers", "show", "ada@example.org"]) == 0


def test_the_installed_command_prints_its_version() -> None:
    command = Path(sys.executable).with_name("newsletter")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("newsletter ")


def test_config_names_the_file_that_was_read(
    site: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert main(["-C", site, "config", "path"]) == 0
    assert capsys.readouterr().out.strip() == str(Path(site).resolve())
    monkeypatch.setenv("NEWSLETTER_CONFIG", site)
    assert run_json(capsys, "config", "path") == {"config": str(Path(site).resolve())}
    assert main(["config", "check"]) == 0
    assert site in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            '[dkim]\ndomain = "x.org"\nselector = "s"\nkey_file = "nofile"',
            "dkim.key_file: cannot read",
        ),
        ('[matching]\nmodel_folder = "nofolder"', "matching.model_folder"),
        ('[smtp]\nca_file = "nofile.pem"', "smtp.ca_file: cannot read"),
    ],
)
def test_a_file_that_is_named_and_missing_is_found_before_the_day(
    site: str, capsys: Capture, more: str, says: str
) -> None:
    text = Path(site).read_text()
    Path(site).write_text(
        text.replace("[smtp]", more, 1) if more.startswith("[smtp]") else f"{text}\n{more}\n"
    )
    assert main(["-C", site, "config", "check"]) == 3
    assert says in capsys.readouterr().err
    assert main(["-C", site, "doctor"]) == 3
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["subscribers", "import", "nofile.csv"],
        ["subscribers", "import", "/"],
        ["subscribers", "export", "/nonexistent/e.csv"],
        ["papers", "import", "nofile.jsonl"],
        ["db", "backup", "/nonexistent/b.db"],
        ["dkim", "keygen", "x.org", "--out", "/nonexistent/k"],
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_words(
    site: str, capsys: Capture, words: list[str]
) -> None:
    assert main(["-C", site, *words]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "Traceback" not in said
    assert main(["-C", site, "--json", *words]) == 1
    assert json.loads(capsys.readouterr().err)["error"]["message"]


def test_a_file_that_is_no_text_and_a_moment_out_of_time_are_told(
    site: str, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "latin.jsonl").write_bytes(b'{"id": "1", "title": "caf\xe9"}\n')
    assert main(["-C", site, "papers", "import", str(tmp_path / "latin.jsonl")]) == 1
    assert "line 1: is not text in UTF-8" in capsys.readouterr().err
    assert main(["-C", site, "topics", "test", "graph", "--at", "0001-01-01T00:00Z"]) == 2
    assert "is not a moment" in capsys.readouterr().err


def test_a_papers_names_must_be_a_list(site: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "papers.jsonl").write_text('{"id": "1", "title": "Bees", "authors": "Ada L"}\n')
    assert main(["-C", site, "papers", "import", str(tmp_path / "papers.jsonl")]) == 1
    assert "line 1: authors must be a list" in capsys.readouterr().err


def test_whoever_left_stays_away_when_a_site_moves(
    site: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "readers.csv"
    rows = ["email,status", "gone@example.org,unsubscribed", "dead@example.org,suppressed"]
    file.write_text("\n".join(rows) + "\n")
    assert main(["-C", site, "subscribers", "import", str(file)]) == 0
    assert main(["-C", site, "subscribers", "export"]) == 0
    out = capsys.readouterr().out
    assert '"gone@example.org"' in out and '"unsubscribed"' in out and '"suppressed"' in out
    assert (
        main(
            ["-C", site, "subscribers", "add", "dead@example.org", "--no-confirm", "--reason", "x"]
        )
        != 0
    )
    assert "suppressed" in capsys.readouterr().err


def test_a_pause_is_for_days_to_come(site: str, capsys: Capture) -> None:
    assert (
        main(
            [
                "-C",
                site,
                "subscribers",
                "add",
                "ada@example.org",
                "--no-confirm",
                "--reason",
                "asked",
            ]
        )
        == 0
    )
    assert (
        main(["-C", site, "subscribers", "pause", "ada@example.org", "--until", "2020-01-01"]) == 2
    )
    assert "over already" in capsys.readouterr().err


def test_a_question_before_a_deed_shows_what_may_be_answered_and_takes_no_name_for_markup(
    site: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(
        "rich.console.Console.input", lambda _, prompt: asked.append(prompt.plain) or "n"
    )
    assert main(["-C", site, "topics", "add", "Big [/b] topic", "graph"]) == 0
    assert main(["-C", site, "topics", "remove", "big-b-topic"]) == 2
    assert asked[0].endswith("[y/N] ") and "nothing was changed" in capsys.readouterr().err


def test_a_dry_run_of_one_readers_letters_counts_theirs(site: str, capsys: Capture) -> None:
    assert main(["-C", site, "subscribers", "add", "ada@example.org"]) == 0  # a confirmation waits
    assert (
        main(
            [
                "-C",
                site,
                "subscribers",
                "add",
                "bob@example.org",
                "--no-confirm",
                "--reason",
                "asked",
            ]
        )
        == 0
    )
    capsys.readouterr()
    assert main(["-C", site, "send", "--dry-run", "--to", "bob@example.org"]) == 0
    assert capsys.readouterr().out.startswith("0 letters wait")
    assert (
        run_json(capsys, "-C", site, "send", "--dry-run", "--to", "ada@example.org")["pending"] == 1
    )


def test_the_feeds_of_another_reader_are_taken_over_once(
    site: str, tmp_path: Path, capsys: Capture
) -> None:
    opml = tmp_path / "one.opml"
    outlines = [
        ("Économie & Société", "https://a.example/rss"),
        ("arXiv", "https://b.example/rss"),
        ("", "https://b.example/2"),
    ]
    inner = "".join(
        f'<outline text="{name.replace("&", "&amp;")}" xmlUrl="{url}"/>' for name, url in outlines
    )
    opml.write_text(f"<opml version='2.0'><body>{inner}</body></opml>", "utf-8")
    before = Path(site).read_text()
    assert main(["-C", site, "config", "opml", str(opml), "--dry-run"]) == 0
    assert Path(site).read_text() == before and "3 feeds would be added" in capsys.readouterr().out
    added = run_json(capsys, "-C", site, "config", "opml", str(opml))["added"]
    assert [feed["name"] for feed in added] == ["economie-societe", "arxiv-2", "b-example"]
    assert Path(site).read_text().startswith(before.rstrip())
    feeds = load_config(Path(site), {}).sources.feeds
    assert [feed.url for feed in feeds] == [url for _, url in outlines]
    assert run_json(capsys, "-C", site, "config", "opml", str(opml))["added"] == []
    odd = "<outline text='C' xmlUrl='ftp://c.example/f'/>"
    odd += "<outline text='D' xmlUrl='https://d.example/f'/>"
    opml.write_text(f"<opml version='2.0'><body>{odd}</body></opml>", "utf-8")
    assert main(["-C", site, "config", "opml", str(opml)]) == 4
    said = capsys.readouterr()
    assert "left out: ftp://c.example/f" in said.err and "1 feeds were added" in said.out
    opml.write_text("<html/>")
    assert main(["-C", site, "config", "opml", str(opml)]) == 2
