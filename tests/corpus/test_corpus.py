"""Records in the formats of publishers, with the expected result. One file per publisher or server;
CONTRIBUTING says how to add a record.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter.config import Feed
from newsletter.models import Sighting
from newsletter.sources import biorxiv, huggingface
from newsletter.sources.arxiv_records import from_entry
from newsletter.sources.feed import FeedSource

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 28, tzinfo=UTC)
SERVERS = ("arxiv", "biorxiv", "medrxiv", "huggingface", "openreview")
FILES = {path.stem: json.loads(path.read_text()) for path in sorted(HERE.glob("*.json"))}
RECORDS = [
    pytest.param(file["shape"], record, id=f"{name}-{record['what']}")
    for name, file in FILES.items()
    for record in file["records"]
]


def read(shape: str, entry: dict[str, Any]) -> Sighting | None:
    """Read one record as its source does."""
    if shape in ("biorxiv", "medrxiv"):
        return biorxiv._paper(entry, shape, NOW)
    if shape == "arxiv":
        return from_entry(entry, NOW)
    if shape == "huggingface":
        found = huggingface._paper(entry, NOW)
        return found[0] if found else None
    source = FeedSource(Feed(name="corpus", url="https://corpus.example.org/feed"), None)
    return source._sighting(
        {
            "id": entry["link"],
            "title": entry["title"],
            "link": entry["link"],
            "summary": entry["description"],
            "authors": [{"name": name} for name in entry["creators"]],
        },
        NOW,
    )


@pytest.mark.parametrize(("shape", "record"), RECORDS)
def test_a_record_is_read_as_it_is_meant(shape: str, record: dict[str, Any]) -> None:
    seen, expected = read(shape, record["entry"]), record["expected"]
    assert seen is not None
    found = {
        "title": seen.title,
        "abstract": seen.abstract,
        "authors": list(seen.authors),
        "identifiers": list(seen.identifiers),
        "kind": seen.kind.value,
        "summary": seen.summary,
    }
    assert {name: found[name] for name in expected} == expected


def test_the_corpus_has_five_records_of_fifteen_publishers_and_five_servers() -> None:
    assert set(SERVERS) <= FILES.keys()
    assert len(FILES.keys() - set(SERVERS)) >= 15
    assert all(len(file["records"]) >= 5 for file in FILES.values())
