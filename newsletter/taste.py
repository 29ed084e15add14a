"""The learned preference of a site: how papers that people picked differ from others, learned every
night from lists of picks and from readers' votes.

It moves papers without signals within a topic; it adds none to a topic.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from newsletter.models import Heat, Paper
from newsletter.reader_seeds import seed_of
from newsletter.steps.prior import ENOUGH, Prior, learn
from newsletter.store import papers, tastes
from newsletter.store.db import reading, writing
from newsletter.text.references import References

#: How long until it is learned again.
NIGHTLY = timedelta(hours=20)
#: Most papers with which picks are compared, the newest of the site.
MOST_PAPERS = 20_000


def add_list(connection: Connection, pasted: References, now: datetime) -> int:
    """Keep the papers of a list of picks; return how many are new."""
    return tastes.add_picks(connection, [seed_of(one) for one in pasted.found], now)


def is_due(engine: Engine, now: datetime) -> bool:
    """Return whether there is something to learn from, and nothing was learned since yesterday."""
    with reading(engine) as connection:
        last = tastes.learned_at(connection)
        if last is not None and now - last < NIGHTLY:
            return False
        return last is not None or len(tastes.picked_papers(connection)) >= ENOUGH


def learn_all(engine: Engine, now: datetime) -> dict[str, Prior]:
    """Learn the preference of each archive of fields again; an archive with too few picks has
    none.
    """
    with reading(engine) as connection:
        keys = tastes.picked_papers(connection)
        picked = papers.by_keys(connection, keys).values()
        others = [one for one in papers.iterate(connection, MOST_PAPERS) if one.key not in keys]
    by_archive: dict[str, tuple[list[Paper], list[Paper]]] = defaultdict(lambda: ([], []))
    for side, found in ((0, sorted(picked, key=lambda one: one.key)), (1, others)):
        for paper in found:
            by_archive[archive(paper)][side].append(paper)
    learned = {}
    for name, (chosen, rest) in sorted(by_archive.items()):
        if prior := learn(chosen, rest):
            learned[name] = prior
    with writing(engine) as connection:
        kept = {name: (prior.picks, asdict(prior)) for name, prior in learned.items()}
        tastes.write(connection, kept, now)
    return learned


def archive(paper: Paper) -> str:
    """Return the archive of a paper's first category: "cs" of "cs.CL"; empty without categories."""
    return paper.fields[0].partition(".")[0] if paper.fields else ""


def priors(connection: Connection) -> dict[str, Prior]:
    """Return what was learned, by archive."""
    return {name: Prior(**model) for name, (_, model, _) in tastes.read(connection).items()}


def likings(
    connection: Connection, eligible: Sequence[Paper], heats: Mapping[int, Heat]
) -> dict[int, float]:
    """Return Paper.key -> the share of papers that resemble picked ones less than this one does,
    for papers without signals. Empty if nothing was learned.
    """
    known = priors(connection)
    if not known:
        return {}
    return {
        paper.key: known[name].share(paper)
        for paper in eligible
        if (name := archive(paper)) in known and not heats[paper.key].facts
    }
