"""A made-up week of arXiv, Hugging Face and bioRxiv behind the mirror: each answers for the days it
is asked about.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qs

from newsletter.list_days import NEW_YORK, deadline
from tests.sources.arxiv_mirror import feed
from tests.sources.mirror import Mirror, Reply, Request

_BEGINNINGS = (
    "bal",
    "cor",
    "dren",
    "fas",
    "gim",
    "hol",
    "jun",
    "kep",
    "lor",
    "mar",
    "nov",
    "pol",
    "quin",
    "ros",
    "tel",
)
_THINGS = [
    first + last
    for first in _BEGINNINGS
    for last in ("acton", "ebrid", "iscus", "ometer", "undra", "yphon", "ane")
]
_NAMES = (
    "Ann",
    "Bo",
    "Carla",
    "Dai",
    "Ewa",
    "Femi",
    "Gita",
    "Hugo",
    "Ines",
    "Jun",
    "Kofi",
    "Lena",
    "Milo",
    "Nora",
    "Pia",
)


@dataclass(frozen=True)
class Made:
    """One paper of the week: the day of its list, and how many upvotes it has by the end."""

    number: int
    day: date
    upvotes: int
    subject: str = "Sparse attention"

    @property
    def id(self) -> str:
        return f"2605.{self.number:05}"

    @property
    def doi(self) -> str:
        return f"10.1101/2026.05.{self.day.day:02}.{self.number:06}"

    @property
    def title(self) -> str:
        return f"{self.subject} for {' '.join(self.words[:3])}"

    @property
    def words(self) -> list[str]:
        return random.Random(self.number).sample(_THINGS, 40)

    @property
    def abstract(self) -> str:
        return f"We study {self.subject.lower()} of the {' '.join(self.words)}."

    @property
    def authors(self) -> list[str]:
        last = self.words[3].capitalize() + self.words[4]
        return [
            f"{_NAMES[self.number % 15]} {last}",
            f"{_NAMES[(self.number * 7 + 3) % 15]} {last[::-1].capitalize()}",
        ]

    @property
    def submitted(self) -> datetime:
        """Some hours before the deadline of its list."""
        return deadline(self.day) - timedelta(hours=1 + self.number % 20)


class World:
    """Plays the week to one mirror. `today` is what the clock says; nothing of later days is
    told.
    """

    def __init__(self, mirror: Mirror, arxiv: Sequence[Made], biorxiv: Sequence[Made]) -> None:
        self.mirror, self.arxiv, self.biorxiv = mirror, arxiv, biorxiv
        self.today = date.min
        mirror.routes["/api"] = self.query_api
        mirror.routes["/oai"] = self.oai
        mirror.routes["/papers"] = self.daily_papers

    def turn_to(self, moment: datetime) -> datetime:
        """Let it be that moment; the list of that day stands in the feed."""
        self.today = moment.astimezone(NEW_YORK).date()
        listed = [
            (f"{paper.id}v1", "new", paper.title) for paper in self.arxiv if paper.day == self.today
        ]
        self.mirror.routes["/rss/cs.CL"] = feed(self.today, *listed)
        for first in (self.today - timedelta(days=n) for n in range(20)):
            self.mirror.routes[f"/details/biorxiv/{first}/{self.today}/0"] = self.details(first)
            self.mirror.routes[f"/details/biorxiv/{first}/{self.today}/{self.count(first)}"] = (
                self.details(date.max)
            )
        return moment

    def query_api(self, request: Request) -> Reply:
        asked = parse_qs(request.query)
        start, size = int(asked["start"][0]), int(asked["max_results"][0])
        since, until = (
            asked["search_query"][0].split("submittedDate:[")[1].rstrip("]").split(" TO ")
        )
        found = [
            p
            for p in self.arxiv
            if since <= f"{p.submitted:%Y%m%d%H%M}" <= until and p.day <= self.today
        ]
        entries = "".join(
            f"<entry><id>http://arxiv.org/abs/{p.id}v1</id><title>{p.title}</"
            f"title><summary>{p.abstract}</summary>"
            f"<published>{p.submitted:%Y-%m-%dT%H:%M:%SZ}</published><category term='cs.CL'/>"
            f"{''.join(f'<author><name>{name}</name></author>' for name in p.authors)}</entry>"
            for p in found[start : start + size]
        )
        spaces = (
            "xmlns='http://www.w3.org/2005/Atom' "
            "xmlns:opensearch='http://a9.com/-/spec/opensearch/1.1/'"
        )
        total = f"<opensearch:totalResults>{len(found)}</opensearch:totalResults>"
        return Reply(f"<feed {spaces}><title>arXiv Query</title>{total}{entries}</feed>".encode())

    def oai(self, request: Request) -> Reply:
        """Records by the day on which they changed, which is the evening before their list."""
        asked = parse_qs(request.query)
        first, last = (date.fromisoformat(asked[name][0]) for name in ("from", "until"))
        found = [
            p for p in self.arxiv if first <= deadline(p.day).date() <= last and p.day <= self.today
        ]
        records = "".join(
            "<record><metadata><arXiv xmlns='http://arxiv.org/OAI/arXiv/'>"
            f"<id>{p.id}</id><created>{p.submitted:%Y-%m-%d}</created><title>{p.title}</title>"
            f"<categories>cs.CL</categories><abstract>{p.abstract}</abstract><authors>"
            + "".join(
                "<author><keyname>{1}</keyname><forenames>{0}</forenames></author>".format(
                    *n.split()
                )
                for n in p.authors
            )
            + "</authors></arXiv></metadata></record>"
            for p in found
        )
        space = "http://www.openarchives.org/OAI/2.0/"
        return Reply(
            f"<OAI-PMH xmlns='{space}'><ListRecords>{records}</ListRecords></OAI-PMH>".encode()
        )

    def daily_papers(self, request: Request) -> Reply:
        day = date.fromisoformat(parse_qs(request.query)["date"][0])
        items = [
            {
                "paper": {
                    "id": p.id,
                    "title": p.title,
                    "summary": p.abstract,
                    "upvotes": p.upvotes,
                    "authors": [{"name": name} for name in p.authors],
                    "submittedOnDailyAt": f"{day}T00:00:00.000Z",
                },
                "numComments": 1,
            }
            for p in self.arxiv
            if p.day == day <= self.today and p.upvotes
        ]
        return Reply(json.dumps(items).encode())

    def details(self, first: date) -> Reply:
        found = [p for p in self.biorxiv if first <= p.day <= self.today]
        items = [
            {
                "doi": p.doi,
                "title": p.title,
                "abstract": p.abstract,
                "authors": "; ".join(p.authors),
                "version": "1",
                "date": f"{p.day}",
                "category": "neuroscience",
                "server": "bioRxiv",
                "published": "NA",
                "type": "new",
            }
            for p in found
        ]
        status = "ok" if items else "no posts found"
        return Reply(json.dumps({"messages": [{"status": status}], "collection": items}).encode())

    def count(self, first: date) -> int:
        return sum(first <= p.day <= self.today for p in self.biorxiv)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
