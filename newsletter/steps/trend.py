"""Signals over time become heat within a field. First version; replaced within the hour."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from newsletter.models import Fact, Heat, Paper, Signal


def trend(papers: Sequence[Paper], signals: Mapping[int, Sequence[Signal]], now: datetime) -> dict[int, Heat]:
    fields = defaultdict(list)
    score = {}
    for paper in papers:
        readings = [s for s in signals.get(paper.key, ()) if s.at <= now and s.value > 0 and math.isfinite(s.value)]
        score[paper.key] = sum(math.log1p(s.value) for s in {s.kind: s for s in readings}.values())
        fields[paper.fields[0] if paper.fields else ""].append(paper.key)
    heats = {}
    for paper in papers:
        field = paper.fields[0] if paper.fields else ""
        group = fields[field]
        mine = score[paper.key]
        share = sum(score[k] > mine for k in group) / max(len(group), 8)
        level = 1 if mine <= 0 else 4 if share < 0.01 else 3 if share < 0.05 else 2 if share < 0.15 else 1
        latest = {s.kind: s for s in signals.get(paper.key, ()) if s.at <= now and s.value > 0}
        first = paper.first_seen or now
        facts = tuple(Fact(s.kind, int(s.value), max(0, (now - first).days)) for s in latest.values())
        heats[paper.key] = Heat(1 - share if mine else 0.0, level, field, facts, {"score": mine})
    return heats
