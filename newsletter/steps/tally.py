"""Count what the sources of one run brought: new, updated or merged papers, or nothing new."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from newsletter.models import Harvest, Merge, SourceState


def backdated(merge: Merge) -> Merge:
    """Let a new paper count as first seen when it was published."""
    paper = merge.paper
    if (
        paper.key
        or paper.published is None
        or (paper.first_seen and paper.first_seen < paper.published)
    ):
        return merge
    return replace(merge, paper=replace(paper, first_seen=paper.published))


def count(
    merge: Merge, seen_before: Collection[tuple[str, str]], counts: Mapping[str, Counter[str]]
) -> None:
    """Add a merge to the counts of the sources that showed its paper: source -> counts."""
    for number, sighting in enumerate(merge.sightings):
        tally = counts.get(sighting.source)
        if tally is None:
            continue
        if not merge.paper.key and number == 0:
            # A new version of an unknown paper is stored but not new.
            tally["updated" if sighting.announce.startswith("replace") else "new"] += 1
        elif (sighting.source, sighting.source_id) not in seen_before:
            tally["merged"] += 1
        elif merge.is_changed:
            tally["updated"] += 1


def judged(harvest: Harvest, tally: Counter[str]) -> Harvest:
    """Return a harvest as quiet if nothing of it was new, whatever its source said."""
    told = tally["new"] + tally["updated"] + tally["merged"] + tally["signals"]
    if harvest.state is SourceState.FRESH and not told:
        return replace(harvest, state=SourceState.QUIET)
    return harvest
