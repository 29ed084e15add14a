"""An invented issue: papers, readers and letters that the tests of this folder share."""

import re
from collections.abc import Mapping
from dataclasses import astuple, replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

from newsletter import mail_kinds
from newsletter.models import (
    FOLLOWED,
    OUTSIDE,
    SLOT,
    Fact,
    Heat,
    Letter,
    Paper,
    Pick,
    Reason,
    Signal,
    Subscriber,
    Topic,
)
from newsletter.steps.compose import (
    IssueFacts,
    Links,
    PaperFacts,
    Renderer,
    Silence,
    SiteFacts,
    show,
)

ROOT = Path(__file__).resolve().parent.parent.parent
#: Every language of the product.
LANGUAGES = sorted(path.stem for path in (ROOT / "templates" / "words").glob("*.toml"))
DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 7, tzinfo=UTC)
SITE = SiteFacts(
    "Trending Papers",
    "https://papers.example.org",
    "Tideway Institute Library, 4 Harbour Lane, 20095 Fjordby",
    "https://papers.example.org/source",
)
READER = Subscriber(
    7,
    "mira@example.org",
    topics=(1, 2, 3),
    confirmed_at=datetime(2026, 11, 3, 9, tzinfo=UTC),
    language="en",
)
SLOTTED = Links(
    preferences=f"https://papers.example.org/preferences/{SLOT}",
    unsubscribe=f"https://papers.example.org/unsubscribe/{SLOT}",
    view=f"https://papers.example.org/view/{SLOT}",
    how="https://papers.example.org/about",
    archive="https://papers.example.org/archive",
    feedback=f"https://papers.example.org/feedback/{SLOT}",
)
TOKEN = "aGVsbG8" * 8 + "aGVs"
#: The addresses that the sample reader sees.
LINKS = Links(*(address.replace(SLOT, TOKEN) for address in astuple(SLOTTED)))
TOPICS = {
    1: Topic(1, "soft-robots", "Soft robots", "soft robot"),
    2: Topic(2, "sea-ice", "Sea ice", "sea ice"),
    3: Topic(3, "own", "proof OR lemma", "proof OR lemma"),
}


def html(letter: Letter) -> str:
    return letter.html_page


def text(letter: Letter) -> str:
    return letter.plain_page


def links(page: str) -> set[str]:
    return {unescape(url) for url in re.findall(r'href="([^"]*)"', page)}


def renderer() -> Renderer:
    return Renderer(ROOT / "templates", SITE)


def paper(
    key: int, title: str, authors: str, summary: str = "", abstract: str = "", **more: Any
) -> Paper:
    """A paper with the usual links; `authors` separated by commas."""
    links = {
        "abs": f"https://arxiv.example.org/abs/2611.{key:05}",
        "pdf": f"https://arxiv.example.org/pdf/2611.{key:05}",
    }
    return Paper(
        id=f"2611.{key:05}",
        key=key,
        title=title,
        authors=tuple(name.strip() for name in authors.split(",")),
        summary=summary,
        abstract=abstract,
        published=more.pop("published", datetime(2026, 11, 20, tzinfo=UTC)),
        links={**links, **more.pop("links", {})},
        **more,
    )


def heat(level: int, *facts: tuple[str, int, int]) -> Heat:
    return Heat(level / 4, level, "cs.RO", tuple(Fact(*fact) for fact in facts))


def code(key: int) -> dict[str, str]:
    return {"code": f"https://code.example.org/lab/{key}"}


def talk(key: int) -> dict[str, str]:
    return {"discuss": f"https://talk.example.org/{key}"}


PAPERS: tuple[tuple[Paper, Heat], ...] = (
    (
        paper(
            1,
            "Grasping by draping: a cloth gripper that needs no camera",
            "Ylva Brandvold, Okon Etim, Sara Lindqvist",
            "Heated fabric picks up 41 of 50 kitchen objects by falling over them. It fails on "
            "anything wet.",
            affiliations=("Tideway Institute", "Oststrand Technical University"),
            links=code(1) | talk(1),
        ),
        heat(4, ("upvotes", 287, 1), ("stars", 1140, 1), ("comments", 46, 1)),
    ),
    (
        paper(
            2,
            "Pneumatic muscles that count their own strokes",
            "Jun Tamaki, Noor Haddad",
            "A strain sensor in the muscle wall replaces the encoder, and drifts by 2 % over a "
            "million strokes.",
            affiliations=("Kestrel Lab",),
            links=talk(2),
        ),
        heat(3, ("upvotes", 96, 2), ("comments", 1, 2)),
    ),
    (
        paper(
            3,
            "Sea ice thins from below: eleven winters of sonar",
            "Astrid Vinje, Paulo Reis, Ken Otieno",
            abstract="We moored twelve sonars under the pack ice, cf. Fig. 2, and kept them "
            "there for eleven winters. "
            "Bottom melt accounts for 61.5 % of the loss, more than models allow. A release of "
            "the data follows.",
            affiliations=("Meteo Valdora",),
        ),
        heat(2, ("mentions", 3, 0)),
    ),
    (
        paper(
            4,
            "A melt pond atlas from hobby drones",
            "Irja Salo",
            "Volunteers flew 2,300 flights; a small segmentation model turned them into a map "
            "with an error of 4 %.",
            links=code(4),
        ),
        heat(1),
    ),
    (
        paper(
            5,
            "Short proofs from long detours",
            "Bartholomew Quill, Dina Farouk, Wei Hanyu, Lea Strobl",
            "Letting a prover wander through failed lemmas first shortens 38 % of its final "
            "proofs. Only for algebra.",
            affiliations=("Institut Clairval", "University of Westmark", "Halden Institute"),
            links=code(5),
        ),
        heat(3, ("stars", 212, 3), ("upvotes", 60, 4)),
    ),
    (
        paper(
            6,
            "Checking what a proof assistant believes",
            "Tomasz Wilk, Ana Beltrán",
            abstract="Proof assistants trust a small kernel. We rebuild four kernels from their "
            "documentation and find "
            "nine places in which the documentation is wrong, e.g. in universe levels. None of "
            "them is unsound.",
        ),
        heat(1, ("upvotes", 4, 0)),
    ),
    (
        paper(
            7,
            "Tides as a clock for intertidal robots",
            "Ingrid Solheim, Ravi Menon",
            "Robots that nap through high water last nine weeks on one charge instead of two.",
            published=datetime(2026, 11, 19, 3, tzinfo=UTC),
        ),
        heat(1),
    ),
    (
        paper(
            8,
            "How long is a useful pause? 2.1 million questions in class",
            "Olamide Osei, Petra Novak, Katrin Weis",
            "Teachers who wait three seconds get answers twice as long, in every subject but "
            "music.",
            affiliations=("Centre for Learning Research, Fjordby",),
            links=talk(8),
        ),
        heat(4, ("upvotes", 421, 2), ("comments", 1033, 2)),
    ),
)

PICKS = (
    Pick(1, 1, 0.94, 0.9, 1.0, (Reason("topic", "Soft robots"), Reason("title", "gripper"))),
    Pick(2, 1, 0.81, 0.8, 0.9, (Reason("topic", "Soft robots"),)),
    Pick(3, 2, 0.80, 0.8, 0.5, (Reason("topic", "Sea ice"),)),
    Pick(
        4,
        2,
        0.64,
        0.8,
        0.1,
        (Reason("topic", "Sea ice"), Reason("near", "Ice that remembers its winters")),
    ),
    Pick(5, 3, 0.79, 0.7, 0.9, (Reason("topic", "proof OR lemma"), Reason("abstract", "proof"))),
    Pick(6, 3, 0.60, 0.7, 0.2, (Reason("topic", "proof OR lemma"), Reason("keyword", "proof"))),
    Pick(7, FOLLOWED, 0.55, 0.0, 0.1, (Reason("author", "Ingrid Solheim"), Reason("near", "1"))),
    Pick(8, OUTSIDE, 0.50, 0.0, 1.0, (Reason("outside"),)),
)


#: Upvotes of the sample papers at the end of each day, the last of them DAY.
UPVOTES = {1: (287,), 2: (20, 96), 5: (3, 10, 44, 60), 6: (4,), 8: (8, 180, 421)}


def readings(key: int) -> list[Signal]:
    """Return the signals of a sample paper."""
    totals = UPVOTES.get(key, ())
    noon = datetime(DAY.year, DAY.month, DAY.day, 6, tzinfo=UTC)
    return [
        Signal("", "upvotes", "huggingface", total, noon - timedelta(days=back))
        for back, total in enumerate(reversed(totals))
    ]


def shown() -> dict[int, PaperFacts]:
    return {
        one.key: PaperFacts.from_facts(show(one, warmth, readings(one.key), NOW))
        for one, warmth in PAPERS
    }


def digest(renderer: Renderer, language: str = "en", **changes: Any) -> Letter:
    """Return the issue's letter to the sample reader; `changes` are facts of the issue, picks,
    links, or fields of the reader.
    """
    facts = {"day": DAY, "considered": 1204, "shown": shown(), "topics": TOPICS}
    facts["silence"] = Silence()
    facts |= {name: changes.pop(name) for name in facts if name in changes}
    facts["papers"] = facts.pop("shown")
    facts["missed"] = changes.pop("missed", None)
    facts["events"] = changes.pop("events", ())
    picks, token = changes.pop("picks", PICKS), changes.pop("token", TOKEN)
    is_hosted = changes.pop("is_hosted", False)
    reader = replace(READER, language=language, **changes)
    issue = IssueFacts(**facts)
    return renderer.digest(reader, picks, issue, SLOTTED, token, is_hosted=is_hosted)


NOTICE_VALUES: Mapping[str, Mapping[str, Any]] = {
    "confirm": {
        "email": READER.email,
        "confirm": "https://papers.example.org/confirm/Wnl4dzk",
        "days": 7,
    },
    "welcome": {
        "email": READER.email,
        "preferences": LINKS.preferences,
        "unsubscribe": LINKS.unsubscribe,
    },
    "known": {
        "email": READER.email,
        "query": '"protein folding" -survey',
        "preferences": LINKS.preferences + "?add=x",
        "unsubscribe": LINKS.unsubscribe,
    },
    "address_new": {
        "email": "mira@new.example",
        "confirm": "https://papers.example.org/address/Wnl4dzk",
        "days": 1,
    },
    "address_old": {
        "email": READER.email,
        "new_email": "m***@new.example",
        "preferences": LINKS.preferences,
    },
    "missed": {
        "day": "2026-11-19",
        "view": LINKS.view,
        "preferences": LINKS.preferences,
        "unsubscribe": LINKS.unsubscribe,
    },
    "export": {
        "email": READER.email,
        "preferences": LINKS.preferences,
        "unsubscribe": LINKS.unsubscribe,
        "data": {
            "email": READER.email,
            "topics": ["Soft robots", "Sea ice"],
            "hour": 7,
            "votes": {"2611.00002": 1},
        },
    },
    "report": {
        "day": "2026-11-20",
        "archive": LINKS.archive,
        "counts": {"planned": 401, "sent": 398, "refused": 2, "held": 1, "quiet": 1011},
        "sources": {
            "arxiv": {"state": "fresh", "new": 1204},
            "huggingface": {"state": "failed", "new": 0},
        },
        "problems": [
            "huggingface: no answer within 30 s",
            "1 letter is held: the connection broke at the final dot",
        ],
        "what": "huggingface: no answer within 30 s",
    },
}
KINDS = ("digest", "quiet", "quiet_alone", *NOTICE_VALUES)


def letter(renderer: Renderer, kind: str, language: str = "en") -> Letter:
    """Return a letter of a kind."""
    if kind == "digest":
        return digest(renderer, language)
    if kind in ("quiet", "quiet_alone"):
        reader = replace(READER, language=language)
        picks = [Pick(key, OUTSIDE, 1.0, 0.0, 1.0, (Reason("outside"),)) for key in (8, 1, 5)]
        picks = [] if kind == "quiet_alone" else picks
        return renderer.quiet(reader, picks, IssueFacts(DAY, 1204, shown()), SLOTTED, TOKEN)
    return renderer.notice(mail_kinds.find(kind), language, **NOTICE_VALUES[kind])
