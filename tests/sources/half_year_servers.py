"""arXiv, bioRxiv and Hugging Face as they answer on each day of a half year."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs

from newsletter.list_days import NEW_YORK, deadline, is_holiday
from tests.sources.mirror import Mirror, Reply, Request

CATEGORIES = ("cs.AA", "cs.BB", "q-bio.ZZ")
SERVERS = ("biorxiv", "medrxiv")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Shown:
    """A paper on a list."""

    id: str
    source: str
    unit: str
    day: date
    submitted: datetime

    @property
    def days(self) -> list[date]:
        """The days on whose list it may be looked for: when arXiv leaves a day out without a word,
        its papers come on the next one.
        """
        first = self.day if self.source != "arxiv" else self.submitted.date() + DAY
        return [first + n * DAY for n in range((self.day - first).days + 1)]

    @property
    def title(self) -> str:
        chance = random.Random(self.id)
        return " ".join(
            "".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(4))
            for _ in range(6)
        ).capitalize()


class Servers:
    """Answers as of `now`; every page has a length of its own."""

    def __init__(self, mirror: Mirror, first: date, days: int, big: int, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = datetime.combine(first, datetime.min.time(), UTC)
        self.down: set[str] = set()
        self.ids: Counter[str] = Counter()
        self.lists: dict[tuple[str, str, date], list[Shown]] = {}
        #: days on which arXiv, for a reason of its own, announced nothing
        self.silent = {first + timedelta(days=self.chance.randrange(days)) for _ in range(3)}
        last = first - DAY
        for day in (first + timedelta(days=n) for n in range(days)):
            self._fill(day, last, big)
            if self.has_list(day):
                last = day
        mirror.routes |= {f"/rss/{category}": self.rss for category in CATEGORIES}
        mirror.routes |= {"/api": self.api, "/oai": Reply(b"", 404), "/papers": self.daily}
        mirror.answer = self.details

    def has_list(self, day: date) -> bool:
        before = day - DAY
        return day.weekday() < 5 and not is_holiday(before) and before not in self.silent

    def _fill(self, day: date, last: date, big: int) -> None:
        noon = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
        if self.has_list(day):
            until = deadline(day, with_holidays=False)
            span = int((until - deadline(last, with_holidays=False)).total_seconds()) - 60
            for category in CATEGORIES:
                moments = [
                    until - timedelta(seconds=self.chance.randrange(max(span, 60)))
                    for _ in range(self._size(big))
                ]
                self._add("arxiv", category, day, [(self._arxiv_id(day), at) for at in moments])
        for place, server in enumerate(SERVERS):
            stem = f"10.1101/{day:%Y.%m.%d}.{place}"
            names = [(f"{stem}{n:05}", noon) for n in range(self._size(big))]
            self._add("biorxiv", server, day, names)
        if day.weekday() < 5:
            size = min(self._size(big), 25)
            names = [(self._arxiv_id(day), noon) for _ in range(size)]
            self._add("huggingface", "daily", day, names)

    def _size(self, big: int) -> int:
        kind = self.chance.random()
        if kind < 0.2:
            return 0
        if kind > 0.99:
            return self.chance.choice((big, big // 2, self.chance.randrange(big + 1)))
        return self.chance.randrange(1, 16)

    def _arxiv_id(self, day: date) -> str:
        self.ids[f"{day:%y%m}"] += 1
        return f"{day:%y%m}.{self.ids[f'{day:%y%m}']:05}"

    def _add(self, source: str, unit: str, day: date, papers: list[tuple[str, datetime]]) -> None:
        self.lists[source, unit, day] = [Shown(name, source, unit, day, at) for name, at in papers]

    # -- what is answered --------------------------------------------------------------------------

    @property
    def today(self) -> date:
        return self.now.astimezone(NEW_YORK).date()

    def rss(self, request: Request) -> Reply:
        if "rss" in self.down:
            return Reply(b"", 404)
        category = request.path.rpartition("/")[2]
        midnight = self.today.strftime("%a, %d %b %Y 00:00:00 -0500")
        items = "".join(
            f"<item><title>{p.title}</title><link>https://arxiv.org/abs/{p.id}</link>"
            f"<description>arXiv:{p.id}v1 Announce Type: new \nAbstract: {p.title}.</description>"
            f"<guid>oai:arXiv.org:{p.id}v1</guid><category>{category}</category>"
            f"<pubDate>{midnight}</pubDate></item>"
            for p in self.lists.get(("arxiv", category, self.today), ())[:2_000]
        )
        head = f"<title>{category} updates on arXiv.org</title><pubDate>{midnight}</pubDate>"
        return Reply(f"<rss version='2.0'><channel>{head}{items}</channel></rss>".encode())

    def api(self, request: Request) -> Reply:
        if "api" in self.down:
            return Reply(b"", 404)
        asked = parse_qs(request.query)
        query, start = asked["search_query"][0], int(asked["start"][0])
        since, until = query.split("submittedDate:[")[1].rstrip("]").split(" TO ")
        found = sorted(
            (p.submitted, p.id, p)
            for (source, unit, day), papers in self.lists.items()
            if source == "arxiv" and day <= self.today and f"cat:{unit}" in query
            for p in papers
            if since <= f"{p.submitted:%Y%m%d%H%M}" <= until
        )
        size = self.chance.randrange(5, int(asked["max_results"][0]) + 1)
        entries = "".join(
            f"<entry><id>http://arxiv.org/abs/{p.id}v1</id><title>{p.title}</title>"
            f"<summary>{p.title}.</summary><published>{p.submitted:%Y-%m-%dT%H:%M:%SZ}</published>"
            f"<category term='{p.unit}'/><author><name>Ann Lee</name></author></entry>"
            for _, _, p in found[start : start + size]
        )
        spaces = (
            "xmlns='http://www.w3.org/2005/Atom' "
            "xmlns:opensearch='http://a9.com/-/spec/opensearch/1.1/'"
        )
        total = f"<opensearch:totalResults>{len(found)}</opensearch:totalResults>"
        return Reply(f"<feed {spaces}><title>arXiv Query</title>{total}{entries}</feed>".encode())

    def details(self, request: Request) -> Reply:
        """bioRxiv; every paper has a second version on the day after, so that pages come that
        bring no new DOI.
        """
        if "details" in self.down:
            return Reply(b"", 404)
        server, first, last, cursor = request.path.removeprefix("/details/").split("/")
        records = []
        for day in (date.fromisoformat(first) + timedelta(days=n) for n in range(400)):
            if day > date.fromisoformat(last):
                break
            for version, of in (("2", day - DAY), ("1", day)):
                listed = self.lists.get(("biorxiv", server, of), ())
                records += [(p, version, day) for p in listed if self._is_posted(day)]
        part = records[int(cursor) : int(cursor) + self.chance.randrange(10, 101)]
        items = [
            {
                "doi": p.id,
                "title": p.title,
                "authors": "Lee, A.",
                "date": f"{day}",
                "type": "new",
                "version": version,
                "category": "neuroscience",
                "abstract": p.title,
                "published": "NA",
                "server": server,
            }
            for p, version, day in part
        ]
        status = "ok" if items else "no posts found"
        return Reply(json.dumps({"messages": [{"status": status}], "collection": items}).encode())

    def _is_posted(self, day: date) -> bool:
        return datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12) <= self.now

    def daily(self, request: Request) -> Reply:
        if "papers" in self.down:
            return Reply(b"", 404)
        day = date.fromisoformat(parse_qs(request.query)["date"][0])
        listed = self.lists.get(("huggingface", "daily", day), ()) if self._is_posted(day) else ()
        return Reply(
            json.dumps(
                [{"paper": {"id": p.id, "title": p.title, "upvotes": 1}} for p in listed]
            ).encode()
        )
