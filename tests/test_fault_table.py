"""docs/faults.md is true: every row is there, and each named test exists and has the row's id in
its name.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = {"A": 34, "B": 40, "C": 30, "D": 10, "E": 12, "F": 30, "G": 18, "H": 14, "J": 10, "K": 49}
TESTS = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^\s*(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
}


def _rows() -> dict[str, str]:
    """Row id -> its last cell: tests, or why there is none."""
    table = (ROOT / "docs" / "faults.md").read_text()
    return {
        row[1]: row[2]
        for row in re.finditer(r"^\| ([A-K]\d\d) \|.*\| (.*) \|$", table, re.MULTILINE)
    }


@pytest.mark.parametrize("part", ROWS)
def test_every_fault_has_its_row(part: str) -> None:
    rows = _rows()
    for number in range(1, ROWS[part] + 1):
        assert rows.get(f"{part}{number:02}", "").strip(), f"{part}{number:02}"


def test_a_row_stands_once() -> None:
    table = (ROOT / "docs" / "faults.md").read_text()
    ids = re.findall(r"^\| ([A-K]\d\d) \|", table, re.MULTILINE)
    assert [id for id, number in Counter(ids).items() if number > 1] == []


def test_every_test_that_carries_an_id_of_part_k_stands_in_its_row() -> None:
    rows = _rows()
    for name in TESTS:
        for id in re.findall(r"(?<=_)K\d\d(?=_)", name):
            assert name in rows.get(id, ""), f"{id}: {name}"


def test_every_test_that_is_named_exists_and_carries_the_id() -> None:
    for id, cell in _rows().items():
        for name in re.findall(r"test_\w+", cell):
            assert name in TESTS, f"{id}: {name}"
            assert id in name, f"{id}: {name}"


def test_every_row_of_the_guarantee_has_a_test_or_says_that_it_is_open() -> None:
    for id, cell in _rows().items():
        if id[0] in "ABDEK":
            assert "test_" in cell or cell.startswith(("open:", "cannot happen:")), f"{id}: {cell}"
