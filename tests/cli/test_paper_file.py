"""`papers import`: a line that is no paper is named with its number and why; the rest is taken."""

import codecs
import json
from pathlib import Path

import pytest

from newsletter.cli import main
from newsletter.store import papers
from newsletter.store.db import open_engine, reading
from tests.databases import make_folder

Capture = pytest.CaptureFixture[str]
ONE = b'{"id": "2605.00001", "title": "Bees of the coast"}\n'
TWO = b'{"id": "2605.00002", "title": "Wasps of the hills"}\n'


def paper(**more: object) -> bytes:
    return json.dumps({"id": "x1", "title": "Ants of the town"} | more).encode() + b"\n"


def take(folder: Path, capsys: Capture, content: bytes) -> tuple[int, str, list[str]]:
    """Import a file into an empty site: exit code, what was said, ids of its papers."""
    config = str(make_folder(folder / "site"))
    (folder / "papers.jsonl").write_bytes(content)
    code = main(["-C", config, "papers", "import", str(folder / "papers.jsonl")])
    with reading(open_engine(f"sqlite:///{folder / 'site' / 'newsletter.db'}")) as connection:
        ids = sorted(one.id for one in papers.iterate(connection))
    captured = capsys.readouterr()
    return code, captured.out + captured.err, ids


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"[" * 100_000 + b"\n", "is nested too deep"),
        (b'{"a":' * 50_000 + b"\n", "is nested too deep"),
        (paper(published="0001-01-01"), "published in the year 1"),
        (paper(published="0001-01-01T00:00:00+14:00"), "published in the year 1"),
        (paper(published="9999-12-31T23:59:59-12:00"), "published in the year 9999"),
        (paper(published="last week"), "published 'last week' is not a date such as 2026-05-04"),
        (paper(published=1714800000), "published 1714800000 is not a date"),
        (paper(published=[2026]), "published [2026] is not a date"),
        (b'{"id": NaN, "title": "T"}\n', "has NaN, which is no JSON"),
        (b'{"id": "a", "title": "T", "published": -Infinity}\n', "has -Infinity"),
        (paper(id={"a": 1}), "id must be a text"),
        (paper(id=None), "id must be a text"),
        (paper(id=True), "id must be a text"),
        (paper(title=["Ants"]), "title must be a text"),
        (paper(title=""), "id and title are needed"),
        (paper(abstract=5), "abstract must be a text"),
        (paper(url=["https://a.example"]), "url must be a text"),
        (paper(authors="Ada Lee"), "authors must be a list of texts"),
        (paper(authors=[{"name": "Ada Lee"}]), "authors must be a list of texts"),
        (paper(categories=["cs.AI", None]), "categories must be a list of texts"),
        (paper(abstract="a" * 10_000_000), "is longer than 5,000,000 bytes"),
        (b'{"id": ' + b"9" * 5000 + b', "title": "T"}\n', "has a number of too many digits"),
        ('{"id": "l", "title": "Müller"}\n'.encode("latin-1"), "is not text in UTF-8"),
        (b"id,title\n", "is not JSON"),
        (b"[1, 2]\n", "is not a JSON object"),
        (b"\x00\x00\n", "is not JSON"),
        (b'{"id": "a", "title": "cut o\n', "is not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_line_that_is_no_paper_costs_itself(
    tmp_path: Path, capsys: Capture, line: bytes, why: str
) -> None:
    code, said, ids = take(tmp_path, capsys, ONE + line + TWO)
    assert code == 4 and f"line 2: {why}" in said
    assert "2 seen, 2 new, 0 updated, 0 merged, 1 failed" in said
    assert ids == ["2605.00001", "2605.00002"]


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + ONE + TWO,
        (ONE + TWO).replace(b"\n", b"\r\n"),
        (ONE + TWO).decode().encode("utf-16"),
        b"\n\n" + ONE + b"   \n" + TWO.rstrip(),
        ONE + paper(id="2605.00002", doi="10.1/x", journal={"name": "J"}),
    ],
)
def test_marks_line_ends_blank_lines_and_unknown_keys_cost_nothing(
    tmp_path: Path, capsys: Capture, content: bytes
) -> None:
    code, _, ids = take(tmp_path, capsys, content)
    assert code == 0 and ids == ["2605.00001", "2605.00002"]


def test_a_file_of_another_kind_is_one_sentence(tmp_path: Path, capsys: Capture) -> None:
    code, said, ids = take(tmp_path, capsys, b"id,title\n" * 3000)
    assert code == 1 and ids == [] and "lines 1-3000: is not JSON" in said
    assert "one JSON object a line" in said and len(said.splitlines()) == 3
