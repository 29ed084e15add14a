"""What becomes of every record of real sources, read by the product's own code.

    python -m benchmarks.feeds_survey PATH... [--differences N]

Each path is one source: a folder with files, or an archive. Feeds and Hugging Face's lists are
fetched over HTTP from a local server as they are; answers of bioRxiv and arXiv and lists of JSON
lines are read record by record. One JSON line for a source: files that are parsed, empty (valid,
without entries), failed (refused with a sentence) or crashed (an exception; there should be none);
the kinds of the records; how often each dialect changed a title or an abstract, where "form" is
what publishers write around them; the sentences by their frequency. With --differences, the N
titles and the N abstracts that differ most from what the source wrote follow, one a line.
"""

import argparse
import asyncio
import gzip
import http.server
import json
import re
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from rapidfuzz import fuzz

from newsletter.config import Feed, HuggingFace
from newsletter.config import Http as HttpConfig
from newsletter.models import Ask, Sighting, SourceState
from newsletter.ports import Source
from newsletter.sources import biorxiv, huggingface
from newsletter.sources.arxiv_records import from_entry, from_oai
from newsletter.sources.feed import FeedSource
from newsletter.sources.http import Answer, FetchError, Http
from newsletter.sources.parsing import parse
from newsletter.text.descriptions import read_description
from newsletter.text.feed_titles import read_title
from newsletter.text.markup import PLAIN, PREPRINT, STRIPPED, Dialect, clean, dialects_in
from newsletter.text.statements import judged

SUFFIXES = (".xml", ".rss", ".atom", ".rdf", ".json", ".jsonl", ".jsonl.gz")
AT_ONCE = 4
NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Reading:
    """A record as its source wrote it, and as it was read."""

    title: str
    abstract: str
    dialects: tuple[Dialect, ...]
    seen: Sighting


@dataclass
class Tally:
    """What became of one source."""

    files: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    def add(self, entries: Iterable[Reading]) -> None:
        found = list(entries)
        self.readings += found
        self.files["parsed" if found else "empty"] += 1

    def failed(self, reason: str) -> None:
        self.files["failed"] += 1
        self.reasons[re.sub(r"http://\S+|\d[\d,:]*", "…", reason)[:80]] += 1


class RecordingFeed(FeedSource):
    """A feed that keeps what it read."""

    def __init__(self, config: Feed, http: Http, readings: list[Reading]) -> None:
        super().__init__(config, http)
        self._readings = readings

    def _sighting(self, entry: Mapping[str, Any], now: datetime) -> Sighting | None:
        seen = super()._sighting(entry, now)
        if seen:
            texts = [entry.get("summary"), *(c.get("value") for c in entry.get("content") or [])]
            text = max((str(text or "") for text in texts), key=len)
            self._readings.append(Reading(str(entry.get("title") or ""), text, PLAIN, seen))
        return seen


def documents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every file of a source."""
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    for file in files:
        if file.name.endswith(".tar.gz"):
            with tarfile.open(file) as archive:
                for member in archive:
                    body = archive.extractfile(member) if member.name.endswith(SUFFIXES) else None
                    if body:
                        yield f"{file.name}/{member.name}", body.read()
        elif file.is_file() and file.name.endswith(SUFFIXES):
            body_bytes = file.read_bytes()
            yield file.name, gzip.decompress(body_bytes) if file.suffix == ".gz" else body_bytes


def serve(found: list[tuple[str, bytes]]) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = found[int(self.path.partition("?")[0].strip("/"))][1]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def records(name: str, body: bytes) -> list[Reading] | None:
    """Read a file of records; None for a document that is to be fetched. Raises: FetchError."""
    if ".jsonl" in name:
        rows = [json.loads(line) for line in body.splitlines() if line.strip()]
        return [reading for row in rows if (reading := _listed(row))]
    if b"<OAI-PMH" in body[:1000]:
        seen, _ = from_oai(body, NOW)
        return [Reading(one.title, one.abstract, PLAIN, one) for one in seen]
    content = json.loads(body) if name.endswith(".json") and body[:1] == b"{" else None
    if isinstance(content, dict) and "collection" in content:
        pairs = [(item, biorxiv._paper(item, "biorxiv", NOW)) for item in content["collection"]]
        return [
            Reading(item["title"], str(item.get("abstract")), PREPRINT, one)
            for item, one in pairs
            if one
        ]
    if isinstance(content, dict) and "status_code" in content:
        return _answered(content)
    return None


def _listed(row: Mapping[str, Any]) -> Reading | None:
    """A record of a list of papers."""
    title, abstract = (
        str(row.get("title") or ""),
        str(row.get("summary") or row.get("abstract") or ""),
    )
    if not title or not abstract:
        return None
    said = judged(clean(title, 300), clean(abstract), clean(row.get("comment"), 500))
    seen = Sighting("list", str(row.get("id")), said.title, clean(abstract), kind=said.kind)
    return Reading(title, abstract, PLAIN, seen)


def _answered(content: Mapping[str, Any]) -> list[Reading]:
    """A recorded answer of arXiv's query API."""
    if content["status_code"] != 200:
        raise FetchError(f"answered {content['status_code']}", "status")
    answer = Answer(200, httpx2.Headers(), content["body"].encode(), content["url"])
    pairs = [(entry, from_entry(entry, NOW)) for entry in parse(answer).entries]
    return [Reading(entry["title"], entry["summary"], PLAIN, one) for entry, one in pairs if one]


async def survey(found: list[tuple[str, bytes]], base: str) -> Tally:
    tally = Tally()
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(number: int, name: str, body: bytes, client: Http) -> None:
        async with gate:
            try:
                if (entries := records(name, body)) is not None:
                    tally.add(entries)
                    return
                await _fetched(f"{base}/{number}", name, body, client, tally)
            except FetchError as e:
                tally.failed(e.message)
            except Exception as e:
                tally.files["crashed"] += 1
                tally.crashes.append(f"{name}: {type(e).__name__}: {e}")

    async with Http(HttpConfig(allow_private_networks=True), "newsletter/survey") as client:
        await asyncio.gather(
            *(look(number, name, body, client) for number, (name, body) in enumerate(found))
        )
    return tally


async def _fetched(url: str, name: str, body: bytes, client: Http, tally: Tally) -> None:
    readings: list[Reading] = []
    is_list = name.endswith(".json") and b"jsonfeed.org" not in body[:2000]
    source: Source = (
        huggingface.HuggingFaceSource(HuggingFace(url=url, days=1), client)
        if is_list
        else RecordingFeed(Feed(name="survey", url=url), client, readings)
    )
    harvest = await source.fetch(Ask(NOW))
    if harvest.state is SourceState.FAILED:
        tally.failed(harvest.error)
        return
    if is_list:
        items = huggingface.listing(json.loads(body), "data", "papers", "items", "results")
        readings = [reading for item in items if (reading := _of_huggingface(item))]
    tally.add(readings)


def _of_huggingface(item: object) -> Reading | None:
    found = huggingface._paper(huggingface.record(item), NOW)
    if not found:
        return None
    outer = huggingface.record(item)
    paper = huggingface.record(outer.get("paper")) or outer
    return Reading(str(paper.get("title")), str(paper.get("summary")), STRIPPED, found[0])


def counted(source: str, tally: Tally, seconds: float) -> dict[str, object]:
    titles, abstracts = Counter[str](), Counter[str]()
    for one in tally.readings:
        titles.update(dialects_in(one.title, one.dialects))
        titles["form"] += read_title(clean(one.title, 300)) != clean(one.title, 300)
        abstracts.update(dialects_in(one.abstract, one.dialects))
        told = read_description(one.abstract, one.dialects, one.seen.title)
        abstracts["form"] += told.abstract != clean(one.abstract, dialects=one.dialects)
    names = ("parsed", "empty", "failed", "crashed")
    return {
        "source": source,
        "files": sum(tally.files.values()),
        **{name: tally.files[name] for name in names},
        "entries": len(tally.readings),
        "kinds": dict(Counter(one.seen.kind.value for one in tally.readings).most_common()),
        "titles": {name: n for name, n in titles.most_common() if n},
        "abstracts": {name: n for name, n in abstracts.most_common() if n},
        "reasons": dict(tally.reasons.most_common(8)),
        "crashes": tally.crashes,
        "seconds": round(seconds, 1),
    }


def differences(readings: Iterable[Reading], most: int) -> Iterator[dict[str, object]]:
    """Yield the titles and abstracts that differ most from what the source wrote."""
    for name in ("title", "abstract"):
        pairs = {
            (" ".join(getattr(one, name).split()), getattr(one.seen, name)) for one in readings
        }
        ranked = sorted(
            ((fuzz.ratio(before, after), before, after) for before, after in pairs if after)
        )
        for ratio, before, after in ranked[:most]:
            yield {"field": name, "alike": round(ratio), "before": before, "after": after}


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Read real sources and count what becomes of them."
    )
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--differences", type=int, default=0, metavar="N")
    args = parser.parse_args()
    for path in args.paths:
        found = list(documents(path))
        server = serve(found)
        start = time.perf_counter()
        tally = asyncio.run(survey(found, f"http://127.0.0.1:{server.server_address[1]}"))
        server.shutdown()
        name = path.name.removesuffix(".tar.gz")
        counts = counted(name, tally, time.perf_counter() - start)
        print(json.dumps(counts, ensure_ascii=False), flush=True)
        for difference in differences(tally.readings, args.differences):
            print(json.dumps({"source": name, **difference}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
