"""What becomes of every feed in a folder, fetched over HTTP by the product's own sources.

    python -m benchmarks.feeds_survey DIR

Files are served by a local server as they are, those in .tar.gz archives too. JSON is read as
Hugging Face's daily papers, all else as a feed. One JSON line: parsed, empty (a valid document
without entries), failed (refused with a sentence), crashed (anything raised; there should be none),
and the sentences by their frequency.
"""

import argparse
import asyncio
import http.server
import json
import re
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from newsletter.config import Feed, HuggingFace
from newsletter.config import Http as HttpConfig
from newsletter.models import Ask, SourceState
from newsletter.ports import Source
from newsletter.sources.feed import FeedSource
from newsletter.sources.http import Http
from newsletter.sources.huggingface import HuggingFaceSource

SUFFIXES = (".xml", ".rss", ".atom", ".rdf", ".json")
AT_ONCE = 4


def documents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every feed below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in SUFFIXES:
            yield str(path.relative_to(folder)), path.read_bytes()
        elif path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.name.endswith(SUFFIXES) else None
                    if file:
                        yield f"{path.name}/{member.name}", file.read()


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


async def survey(found: list[tuple[str, bytes]], base: str) -> dict[str, object]:
    tally: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    crashes: list[str] = []
    entries = 0
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(number: int, name: str, client: Http) -> None:
        nonlocal entries
        url = f"{base}/{number}"
        source: Source = (
            HuggingFaceSource(HuggingFace(url=url, days=1), client)
            if name.endswith(".json")
            else FeedSource(Feed(name="survey", url=url), client)
        )
        async with gate:
            try:
                harvest = await source.fetch(Ask(datetime.now(UTC)))
            except Exception as e:
                tally["crashed"] += 1
                crashes.append(f"{name}: {type(e).__name__}: {e}")
                return
        if harvest.state is SourceState.FAILED:
            tally["failed"] += 1
            reasons[re.sub(r"http://\S+|\d[\d,:]*", "…", harvest.error)[:80]] += 1
        else:
            tally["parsed" if harvest.sightings else "empty"] += 1
            entries += len(harvest.sightings)

    async with Http(HttpConfig(allow_private_networks=True), "newsletter/survey") as client:
        await asyncio.gather(
            *(look(number, name, client) for number, (name, _) in enumerate(found))
        )
    names = ("parsed", "empty", "failed", "crashed")
    return {
        "files": len(found),
        **{name: tally[name] for name in names},
        "entries": entries,
        "reasons": dict(reasons.most_common(8)),
        "crashes": crashes,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Fetch every feed of a folder and count what becomes of it."
    )
    parser.add_argument("dir", type=Path)
    found = list(documents(parser.parse_args().dir))
    server = serve(found)
    start = time.perf_counter()
    result = asyncio.run(survey(found, f"http://127.0.0.1:{server.server_address[1]}"))
    server.shutdown()
    print(
        json.dumps({**result, "seconds": round(time.perf_counter() - start, 1)}, ensure_ascii=False)
    )


if __name__ == "__main__":
    main()
