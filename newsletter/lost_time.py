"""What a replaced database may have sent between its backup and the restore.

Nobody knows, so these letters count as sent until the operator says otherwise (`plan_missed`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from newsletter.models import Merge, Paper
from newsletter.steps.due import Due, days_due, due
from newsletter.store import due_readers, ledger_read, runs
from newsletter.store.db import reading
from newsletter.store.site_lock import restored


def to_plan(connection: Connection, groups: Sequence[Due]) -> list[Due]:
    """Leave out the groups that were due before the restore."""
    lost = restored(connection)
    return [group for group in groups if lost is None or group.wish > lost.at]


def withheld(engine: Engine, now: datetime, window: timedelta) -> list[str]:
    """Return why due readers get nothing after a restore, as sentences."""
    with reading(engine) as connection:
        lost = restored(connection)
        if lost is None:
            return []
        for group in due(due_readers.rhythms(connection), now, window):
            rhythm = (group.timezone, group.hour, group.rhythm)
            if group.wish <= lost.at and due_readers.due_batch(
                connection, rhythm, group.day, group.wish, after=0, limit=1
            ):
                return [str(lost)]
    return []


def papers_of(
    connection: Connection,
    group: Due,
    readers: Sequence[int],
    papers: Mapping[int, Paper],
    expire_after: timedelta,
) -> dict[int, frozenset[int]]:
    """Return reader -> papers that their possibly lost letters may have had, for a group."""
    lost = restored(connection)
    if lost is None:
        return {}
    doubtful: set[int] = set()
    for day in days_due(group, lost.since - expire_after, lost.at):
        doubtful |= set(readers) - ledger_read.readers_of(connection, day, readers)
    known = ((key, paper.first_seen) for key, paper in papers.items())
    may_have = frozenset(key for key, first in known if first and first <= lost.at)
    return dict.fromkeys(doubtful, may_have)


def known_before(connection: Connection, merges: Sequence[Merge]) -> list[Merge]:
    """Let new papers count as first seen before the restore if their sources have not answered
    since. The replaced database knew them.
    """
    lost = restored(connection)
    if lost is None:
        return list(merges)
    answers = {name: row["answered_at"] for name, row in runs.source_states(connection).items()}
    return [_known_before(merge, answers, lost.at) for merge in merges]


def _known_before(
    merge: Merge, answers: Mapping[str, datetime | None], restored_at: datetime
) -> Merge:
    paper = merge.paper
    answered = [answers.get(one.source) for one in merge.sightings]
    if paper.key or any(moment and moment > restored_at for moment in answered):
        return merge
    first = min(paper.first_seen, restored_at) if paper.first_seen else restored_at
    return replace(merge, paper=replace(paper, first_seen=first))
