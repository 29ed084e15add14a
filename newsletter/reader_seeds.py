"""Papers that readers give as examples: a pasted text becomes seeds; each line is understood or
named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from newsletter.models import Seed, Sighting
from newsletter.steps.identity import keys
from newsletter.store import papers, seeds
from newsletter.text.references import Reference, References, Unread, read_references

_KINDS = ("arxiv:", "doi:", "openreview:", "pmid:", "pmc:")


@dataclass(frozen=True, slots=True)
class Given:
    """The result of a pasted text."""

    known: tuple[Seed, ...] = ()  #: stored, and the paper is on this site
    waiting: tuple[Seed, ...] = ()  #: stored; matched when a source shows the paper
    had: int = 0  #: given before
    refused: tuple[Seed, ...] = ()  #: refused because there are `seeds.MAX_SEEDS` already
    unread: tuple[Unread, ...] = ()  #: lines that name no paper


def give(connection: Connection, reader: int, pasted: References, now: datetime) -> Given:
    """Store the papers that a pasted text names as examples of a reader."""
    found, unread = pasted
    wanted = [seed_of(reference) for reference in found]
    kept, refused = seeds.add(connection, reader, wanted, now)
    return Given(
        tuple(seed for seed in kept if seed.paper),
        tuple(seed for seed in kept if not seed.paper),
        len(wanted) - len(kept) - len(refused),
        tuple(refused),
        unread,
    )


def seed_of(reference: Reference) -> Seed:
    """Return a paper's best identifier, else its title."""
    ids = sorted(reference.identifiers, key=_rank)
    title = keys(Sighting("", "", reference.title)) if reference.title else ()
    title_key = next((key for key in title if key.startswith("t:")), "")
    name = ids[0] if ids else title_key or f"t:{reference.title.casefold()}"
    return Seed(name[:512], reference.title, title_key)


def _rank(identifier: str) -> int:
    return next((n for n, kind in enumerate(_KINDS) if identifier.startswith(kind)), len(_KINDS))


def listed(connection: Connection, reader: int) -> list[Seed]:
    """Return a reader's examples, newest first; for papers on this site with their title."""
    given = seeds.of_readers(connection, [reader]).get(reader, [])
    held = papers.by_keys(connection, {seed.paper for seed in given if seed.paper})
    return [
        seed._replace(title=held[seed.paper].title) if seed.paper in held else seed
        for seed in reversed(given)
    ]


def take_back(connection: Connection, reader: int, wanted: Sequence[str]) -> list[str]:
    """Delete examples by identifier or title; return those of `wanted` that the reader has not."""
    given = seeds.of_readers(connection, [reader]).get(reader, [])
    ids = {name: seed.id for seed in given for name in seed.names}
    missing, found = [], []
    for text in wanted:
        named = [seed_of(reference) for reference in read_references(text).found]
        mine = [ids[name] for seed in named for name in seed.names if name in ids]
        found += mine
        if not mine:
            missing.append(text)
    seeds.remove(connection, reader, found)
    return missing
