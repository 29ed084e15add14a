"""`newsletter topics` and `papers search`: what a query would bring, and what a mistake leaves as
it was.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.cli import main
from newsletter.models import MATCH_CUT
from tests.databases import make_folder

Capture = pytest.CaptureFixture[str]
AT = "2026-05-04T09:00Z"
ASIDE = "Of markets and of other matters, at some length and of little concern here. " * 6


def line(number: int, title: str, abstract: str, field: str, day: str = "2026-05-01") -> str:
    row = {
        "id": f"2605.{number:05}",
        "title": title,
        "abstract": abstract,
        "authors": ["A B"],
        "categories": [field],
        "published": day,
    }
    return json.dumps(row) + "\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A site with fourteen papers about wavelets of one week, one older, and many of something
    else.
    """
    folder = tmp_path_factory.mktemp("site")
    rows = [
        line(n, f"Wavelets, part {n}", f"Wavelets and more. {ASIDE}", "cs.LG") for n in range(1, 15)
    ]
    rows += [line(20, "Markets", f"{ASIDE} wavelets {ASIDE}", "q-fin.ST")]
    rows += [line(30, "Wavelets of old", "Wavelets.", "cs.LG", "2026-03-01")]
    rows += [line(n, f"Trees, part {n}", ASIDE, "math.CO") for n in range(40, 60)]
    file = folder / "papers.jsonl"
    file.write_text("".join(rows))
    config = str(make_folder(folder))
    assert main(["-C", config, "-q", "papers", "import", str(file)]) == 0
    return config


def brought(capsys: Capture, site: str, *words: str) -> list[str]:
    capsys.readouterr()
    assert main(["-C", site, "topics", "test", *words, "--at", AT]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_json_has_the_shape_that_scripts_rely_on(site: str, capsys: Capture) -> None:
    (text,) = brought(capsys, site, "Wavelets  cat:CS.lg", "--json")
    found = json.loads(text)
    assert set(found) == {"query", "read_as", "papers", "per_day", "per_week", "warning"}
    assert found["query"] == "wavelets cat:cs.LG"
    assert found["per_day"] == 2.0
    assert len(found["papers"]) == 10
    assert all(set(paper) == {"id", "title", "score"} for paper in found["papers"])
    scores = [paper["score"] for paper in found["papers"]]
    assert scores == sorted(scores, reverse=True)
    assert all(MATCH_CUT <= score <= 1 for score in scores)


def test_it_tells_papers_a_day_and_where_the_cut_lies(site: str, capsys: Capture) -> None:
    first, *rows = brought(capsys, site, "wavelets")
    assert first == "wavelets: about 14 papers a week (2.0 a day over 7 days)"
    if rows[0].startswith("warning: "):
        rows = rows[1:]
    cells = [row.split("\t") for row in rows]
    cut = next(number for number, row in enumerate(cells) if row[1] == "---")
    assert cut == 10
    assert cells[cut][0] == "0.50" and "4 more above it" in cells[cut][2]
    assert [row[1] for row in cells[cut + 1 :]] == ["2605.00020"]  # a mention in passing
    assert float(cells[cut + 1][0]) < 0.5 <= float(cells[cut - 1][0])


def test_days_and_top_widen_what_is_shown(site: str, capsys: Capture) -> None:
    (text,) = brought(capsys, site, "wavelets", "--json", "--days", "90", "--top", "50")
    found = json.loads(text)
    assert "2605.00030" in {paper["id"] for paper in found["papers"]}
    assert len(found["papers"]) == 15 and found["per_day"] == 0.17


def test_nothing_found_still_shows_the_cut(site: str, capsys: Capture) -> None:
    first, *rows = brought(capsys, site, "nothinglikethis")
    assert first == "nothinglikethis: about 0 papers a week (0.0 a day over 7 days)"
    assert [row.split("\t")[1] for row in rows] == ["---"]


def test_the_name_of_a_topic_stands_for_its_query(site: str, capsys: Capture) -> None:
    (text,) = brought(capsys, site, "combinatorics", "--json")
    assert json.loads(text)["query"] == "cat:math.CO"


def stored(site: str) -> list[str]:
    with closing(sqlite3.connect(Path(site).with_name("newsletter.db"))) as database:
        return list(database.iterdump())


MISTAKES = [
    ('graph "neural', 7),
    ("graph (neural", 7),
    ("graph neural)", 13),
    ("graph titel:net", 7),
    ("graph OR", 7),
    ("net OR -graph", 8),
    ("the", 1),
    ("*", 1),
    ("graph cat:???", 11),
    ("graph\x1b[31m", 6),
    ("x" * 10_000, 1001),
]


@pytest.mark.parametrize(("query", "position"), MISTAKES, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize(
    "command", [["topics", "test"], ["papers", "search"], ["topics", "add", "New topic"]]
)
def test_a_mistake_exits_with_2_and_its_position_and_changes_nothing(
    site: str, command: list[str], query: str, position: int, capsys: Capture
) -> None:
    before = stored(site)
    assert main(["-C", site, *command, query]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"(at character {position})" in said.err
    assert "\x1b[31m" not in said.err
    assert main(["-C", site, "--json", *command, query]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "query" and error["position"] == position
    assert stored(site) == before


def test_a_mistake_in_an_edit_leaves_the_topic_as_it_was(site: str, capsys: Capture) -> None:
    assert main(["-C", site, "topics", "edit", "vision", "--query", "cat:"]) == 2
    assert "(at character 1)" in capsys.readouterr().err
    assert main(["-C", site, "topics", "show", "vision", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["query"] == "cat:cs.CV"


def test_a_query_that_only_excludes_is_told_apart_from_an_option(
    site: str, capsys: Capture
) -> None:
    assert main(["-C", site, "topics", "test", "--", "-graph"]) == 2
    assert "only excludes (at character 1)" in capsys.readouterr().err
    assert main(["-C", site, "topics", "test", "-graph"]) == 2


def test_a_search_lists_the_best_first(site: str, capsys: Capture) -> None:
    assert main(["-C", site, "papers", "search", "wavelets markets", "--json", "--limit", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["query"] == "wavelets markets"
    assert len(found["papers"]) == 3
    scores = [paper["score"] for paper in found["papers"]]
    assert scores == sorted(scores, reverse=True)


def test_why_says_what_brought_a_paper_or_the_rule_that_did_not(site: str, capsys: Capture) -> None:
    assert main(["-C", site, "-q", "topics", "add", "Wavelets", "wavelets"]) == 0
    add = ["subscribers", "add", "ada@example.org", "--topics", "wavelets", "--no-confirm"]
    assert main(["-C", site, "-q", *add, "--reason", "asked for it"]) == 0
    capsys.readouterr()

    def why(*words: str) -> dict[str, object]:
        assert main(["-C", site, "why", "ada@example.org", *words, "--json", "--at", AT]) == 0
        told: dict[str, object] = json.loads(capsys.readouterr().out)
        return told

    first = why("https://arxiv.org/abs/2605.00001v2")
    assert (first["id"], first["rule"]) == ("2605.00001", "next")
    assert {"kind": "title", "detail": "wavelets"} in first["reasons"]
    assert str(first["said"]).endswith("Why: in the title: wavelets.")
    assert why("2605.00040")["rule"] == "no_topic"
    nearly = why("2605.00020")
    assert nearly["rule"] == "no_topic" and str(nearly["detail"]).startswith("Wavelets (0.")
    assert why("2605.00030")["rule"] == "no_letter"
    assert main(["-C", site, "why", "ada@example.org", "2605.99999", "--at", AT]) != 0
    assert main(["-C", site, "why", "nobody@example.org", "2605.00001", "--at", AT]) != 0
