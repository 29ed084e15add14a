"""The outside world of the demo: a web server that answers as the sources do, and a mail server
that stores what it gets.

All of it is real HTTP and SMTP on this machine; only the papers are invented (`newsletter/sample`).
"""

import asyncio
import email
import html
import http.server
import json
import threading
from collections.abc import Sequence
from datetime import date, datetime
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP, Envelope

SAMPLE = Path(__file__).parent.parent / "sample"


def sample_papers() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE / "papers.jsonl").read_text("utf-8").splitlines()]


#: The arXiv archives that the demo reads; every sample paper is in one of them.
ARCHIVES = ("cs", "math", "stat", "physics", "astro-ph", "q-bio")


class World:
    """Answers as arXiv, Hugging Face, bioRxiv and a blog. `today` (0, 1, 2) is the current day of
    the demo.
    """

    def __init__(self, days: Sequence[date]) -> None:
        self.days, self.today = days, 0
        self.papers = sample_papers()
        world = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = world.answer(self.path)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[str, bytes]:
        parts = urlsplit(path)
        if parts.path.startswith("/rss/"):
            return "application/rss+xml", self._rss(parts.path.removeprefix("/rss/")).encode()
        if parts.path.startswith("/api/daily_papers"):
            day = date.fromisoformat(parse_qs(parts.query)["date"][0])
            return "application/json", json.dumps(self._daily_papers(day)).encode()
        if parts.path.startswith("/details/"):
            server, since, until, cursor = parts.path.removeprefix("/details/").split("/")[:4]
            found = (
                self._biorxiv(date.fromisoformat(since), date.fromisoformat(until))
                if server == "biorxiv"
                else []
            )
            page = found[int(cursor) : int(cursor) + 5]
            status = "ok" if page else "no posts found"
            said = {
                "messages": [{"status": status, "total": len(found), "cursor": cursor}],
                "collection": page,
            }
            return "application/json", json.dumps(said).encode()
        return "application/atom+xml", self._blog().encode()

    def _day_of(self, paper: dict[str, Any]) -> date:
        day: date = self.days[int(paper["day"])]
        return day

    def _rss(self, category: str) -> str:
        """Return arXiv's feed of the day for one category."""
        day = self.days[self.today]
        stamp = f"{day:%a, %d %b %Y} 00:00:00 -0500"
        items = ""
        for paper in self.papers:
            fields = paper["fields"]
            stands_in = [field for field in fields if field.partition(".")[0] == category]
            if not stands_in or self._day_of(paper) != day:
                continue
            kind = "new" if fields[0] in stands_in else "cross"
            about = html.escape(
                f"arXiv:{paper['id']}v1 Announce Type: {kind} \nAbstract: {paper['abstract']}"
            )
            items += (
                f"<item><title>{html.escape(paper['title'])}</title><link>https:/"
                f"/arxiv.org/abs/{paper['id']}</link>"
                f"<description>{about}</description><guid "
                f'isPermaLink="false">oai:arXiv.org:{paper["id"]}v1</guid>'
                + "".join(f"<category>{field}</category>" for field in fields)
                + f"<pubDate>{stamp}</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>"
                f"<dc:creator>{html.escape(', '.join(paper['authors']))}</dc:creator></item>"
            )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><rss '
            'xmlns:arxiv="http://arxiv.org/schemas/atom" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel>'
            f"<title>{category} updates on "
            f"arXiv.org</title><link>http://rss.arxiv.org/rss/{category}</link>"
            f"<description>{category} "
            f"updates</description><pubDate>{stamp}</pubDate>{items}</channel></rss>"
        )

    def _daily_papers(self, day: date) -> list[dict[str, Any]]:
        """Return Hugging Face's list of a day, with the counters of now."""
        found = []
        for paper in self.papers:
            if "upvotes" not in paper or self._day_of(paper) != day or day > self.days[self.today]:
                continue
            said: dict[str, Any] = {
                "id": paper["id"],
                "title": paper["title"],
                "summary": paper["abstract"],
                "authors": [{"name": name} for name in paper["authors"]],
                "upvotes": paper["upvotes"][self.today],
                "publishedAt": f"{day}T00:00:00.000Z",
                "submittedOnDailyAt": f"{day}T00:00:00.000Z",
            }
            if "summary" in paper:
                said["ai_summary"] = paper["summary"]
            if "organization" in paper:
                said["organization"] = {
                    "name": paper["organization"],
                    "fullname": paper["organization"],
                }
            if "code" in paper:
                said["githubRepo"] = f"https://github.com/example/{paper['id'].replace('.', '-')}"
                said["githubStars"] = paper.get("stars", 0) * (self.today + 1) // 3
            comments = paper.get("comments", 0) * (self.today + 1) // 3
            found.append({"paper": said, "title": paper["title"], "numComments": comments})
        return found

    def _biorxiv(self, since: date, until: date) -> list[dict[str, Any]]:
        until = min(until, self.days[self.today])
        return [
            {
                "title": paper["title"],
                "authors": "; ".join(_last_first(name) for name in paper["authors"]),
                "doi": paper["doi"],
                "date": str(self._day_of(paper)),
                "version": "1",
                "category": paper["category"],
                "abstract": paper["abstract"],
                "published": "NA",
                "server": "bioRxiv",
            }
            for paper in self.papers
            if "doi" in paper and since <= self._day_of(paper) <= until
        ]

    def _blog(self) -> str:
        """Return a blog that names some bioRxiv papers: the same papers from a second source."""
        entries = "".join(
            f"<entry><id>urn:example:{paper['doi']}</id>"
            f"<title>{html.escape(paper['title'])}</title>"
            f'<link href="https://doi.org/{paper["doi"]}"/>'
            f"<updated>{self._day_of(paper)}T08:00:00Z</updated>"
            f"<summary>{html.escape(paper['abstract'])}</summary></entry>"
            for paper in self.papers
            if "doi" in paper and self._day_of(paper) <= self.days[self.today]
        )
        return (
            '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
            "<title>Preprint notes</title>"
            f"<id>urn:example:notes</id><updated>{self.days[self.today]}T08:00:00Z</"
            f"updated>{entries}</feed>"
        )


def _last_first(name: str) -> str:
    first, _, last = name.rpartition(" ")
    return f"{last}, {first}"


class Postbox:
    """A mail server that writes each letter to a folder: .eml, .txt and, if there is one, .html."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.letters: list[dict[str, Any]] = []

    async def open(self) -> int:
        """Listen on a free port of this machine; return it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, loop=loop), "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = email.message_from_bytes(content, policy=default)
        name = f"{len(self.letters) + 1}-{envelope.rcpt_tos[0]}"
        (self.folder / f"{name}.eml").write_bytes(content)
        letter = {
            "to": envelope.rcpt_tos[0],
            "subject": str(message["Subject"]),
            "file": f"{name}.eml",
            "bytes": len(content),
        }
        for subtype, suffix in (("plain", "txt"), ("html", "html")):
            part = message.get_body((subtype,))
            if part is not None:
                (self.folder / f"{name}.{suffix}").write_text(part.get_content(), "utf-8")
                letter["file"] = f"{name}.{suffix}"
        self.letters.append(letter)
        return "250 2.0.0 kept"


def at_noon(day: date) -> datetime:
    """Return half past twelve UTC: it is after the morning hour of all readers between New York and
    Tokyo.
    """
    return datetime.fromisoformat(f"{day}T12:30:00+00:00")
