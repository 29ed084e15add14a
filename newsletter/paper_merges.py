"""Merge and split papers on the operator's order. Each is one transaction and undoes the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from newsletter.errors import InputError, NotFound
from newsletter.models import Merge, Paper, Sighting
from newsletter.steps.combine import combine, paper_keys, remade
from newsletter.steps.dedupe import RULED, apart
from newsletter.store import merged, papers
from newsletter.store import paper_merges as merge_store
from newsletter.store.db import writing
from newsletter.store.locks import only_one


@dataclass(frozen=True)
class Split:
    kept: Paper
    others: list[Paper]


def merge(engine: Engine, id: str, other: str, now: datetime) -> Paper:
    """Show `other` as the paper `id` from now on. A reader who had either one gets neither again.

    Raises: NotFound; InputError when they are one paper already.
    """
    with only_one(engine, "run"), writing(engine) as connection:
        paper, gone = papers.get(connection, id), papers.get(connection, other)
        merge_store.merge(connection, paper, gone, now)
        keys = (paper.key, *merged.members(connection, paper.key))
        seen = [s for key in keys for s in merge_store.own_sightings(connection, key)]
        made = combine(seen, now, paper) if seen else paper
        # First seen when the older one was: a reader who had that one must not get this one as new.
        first = min((one.first_seen for one in (paper, gone) if one.first_seen), default=None)
        return papers.remember(connection, [Merge(replace(made, first_seen=first), ())], now)[0]


def split(engine: Engine, id: str, take: Sequence[str], now: datetime) -> Split:
    """Undo the last merge into a paper. Without a merge, move the sightings that do not share its
    identifiers to papers of their own.

    `take` names the sightings that become one paper: "SOURCE" or "SOURCE:ID". Later fetches do not
    change the result. Raises: NotFound; InputError when there is nothing to split.
    """
    with only_one(engine, "run"), writing(engine) as connection:
        paper = papers.get(connection, id)
        if not take and (last := merge_store.last_merge(connection, paper)):
            return _unmerge(connection, paper, last, now)
        seen = merge_store.own_sightings(connection, paper.key)
        groups = _taken(paper, seen, take) if take else apart(seen)
        if len(groups) < 2:
            raise InputError(
                f"everything that was seen of {paper.id} carries the same identifiers",
                hint=f"say what is another paper: newsletter papers split {paper.id} --take "
                "SOURCE:ID (papers show)",
            )
        kept = _rewrite(connection, remade(paper, groups[0], now), now)
        merge_store.assign(connection, groups[0], kept, RULED)
        return Split(kept, [_new_paper(connection, group, now) for group in groups[1:]])


def _unmerge(
    connection: Connection, paper: Paper, last: tuple[int, datetime, Paper | None], now: datetime
) -> Split:
    """Undo one merge: the paper is as before, with the sightings since then."""
    key, at, before = last
    merge_store.unmerge(connection, key)
    theirs = [key, *merged.members(connection, key)]
    if before is None:
        kept = remade(paper, merge_store.own_sightings(connection, paper.key), now)
    else:
        newer = merge_store.own_sightings(connection, paper.key, after=at)
        kept = replace(combine(newer, now, before) if newer else before, is_hidden=paper.is_hidden)
    borrowed = papers.names_of(connection, theirs) - set(paper_keys(kept))
    papers.forget_names(connection, paper.key, borrowed)
    written = papers.remember(connection, [Merge(kept, ())], now)[0]
    return Split(written, [papers.by_keys(connection, [key])[key]])


def _rewrite(connection: Connection, paper: Paper, now: datetime) -> Paper:
    return merge_store.rewrite(connection, Merge(paper, (), keys=paper_keys(paper)), now)


def _new_paper(connection: Connection, group: Sequence[Sighting], now: datetime) -> Paper:
    """Store some sightings as a new paper with an unused id, first seen when the first of them
    was.
    """
    moment = merge_store.first_at(connection, group)
    taken: set[str] = set()
    paper = combine(group, now)
    while merge_store.is_taken(connection, paper.id):
        taken.add(paper.id)
        paper = combine(group, now, taken=taken)
    stored = _rewrite(connection, merge_store.backdated(paper, moment), now)
    merge_store.assign(connection, group, stored, RULED)
    return stored


def _taken(
    paper: Paper, seen: Sequence[Sighting], take: Sequence[str]
) -> list[tuple[Sighting, ...]]:
    for name in take:
        if not any(name in _names(sighting) for sighting in seen):
            raise NotFound(
                f"{paper.id} was not seen at {name!r}",
                hint=f"see where: newsletter papers show {paper.id}",
            )
    taken = tuple(sighting for sighting in seen if _names(sighting) & set(take))
    kept = tuple(sighting for sighting in seen if sighting not in taken)
    if not kept:
        raise InputError("that is everything that was seen of it; leave at least one out")
    return [kept, taken]


def _names(sighting: Sighting) -> set[str]:
    return {sighting.source, f"{sighting.source}:{sighting.source_id}"}
