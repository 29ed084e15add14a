"""A month of letters, day by day, for twenty readers of computer science, astrophysics and quantum
physics: what they got, and all of it in a file to be read.

    python -m benchmarks.picks_quality DATA --out PICKS.jsonl

DATA is a folder as ../shared/data. Told are the letters, papers a letter, quiet days, papers that
came twice, picks outside the categories that the reader would call theirs (papers from outside not
counted), and papers from outside.
"""

import argparse
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from benchmarks.month import Wish, enrol, listings, new_site, play, readings
from newsletter.models import FOLLOWED, HEAT_WORDS, OUTSIDE
from newsletter.store import papers, tables, topics
from newsletter.store.db import reading
from newsletter.store.ledger_plan import unpack_picks

FIRST, DAYS = date(2025, 10, 6), 30
CS, STATS = ("cs.", "eess.", "stat."), ("stat.", "cs.", "math.")
ASTRO, QUANTUM = ("astro-ph", "gr-qc", "physics."), ("quant-ph", "cond-mat", "physics.", "math-ph")
WISHES = (
    Wish("reasoning", ("reasoning", "reinforcement-learning"), home=CS),
    Wish("agents", ("agents",), home=CS),
    Wish("pictures", ("image-generation", "vision"), home=CS),
    Wish("robots", ("robot-learning",), ("grasping OR manipulation",), home=CS),
    Wish("speech", ("speech", "nlp"), home=CS),
    Wish("safety", ("ai-safety", "interpretability"), home=CS),
    Wish("efficient", ("efficient-ml",), ("speculative decoding", "KV cache"), home=CS),
    Wish("graphs", ("graph-learning",), ("graph neural networks",), home=CS),
    Wish("federated", (), ("federated learning privacy",), home=(*CS, "math.")),
    Wish("retrieval", ("retrieval",), ("retrieval augmented generation",), home=CS),
    Wish("exoplanets", ("exoplanets",), home=ASTRO),
    Wish("cosmology", ("cosmology",), ("dark energy", "Hubble tension"), home=(*ASTRO, "hep-")),
    Wish("galaxies", (), ("galaxy evolution", "star formation"), home=ASTRO),
    Wish("compact", (), ("neutron star OR pulsar", "fast radio bursts"), home=(*ASTRO, "nucl-")),
    Wish("waves", (), ('"gravitational waves"', "black hole mergers"), home=(*ASTRO, "hep-")),
    Wish("correction", ("quantum-computing",), ('"error correction"',), home=QUANTUM),
    Wish("circuits", (), ("variational quantum algorithms", "quantum circuits"), home=QUANTUM),
    Wish("entangled", (), ("entanglement", "Bell inequality"), home=(*QUANTUM, "hep-", "gr-qc")),
    Wish("everything", ("quantum-physics",), home=QUANTUM),
    Wish(
        "mixed",
        ("language-models", "astrophysics"),
        ("quantum machine learning",),
        home=(*CS, *ASTRO, "quant-ph"),
        more=(("size", 12), ("mix", "trend")),
    ),
)


def picks(engine: Engine, wishes: dict[int, Wish]) -> list[dict[str, Any]]:
    """All picks of all letters, in their order."""
    found: list[dict[str, Any]] = []
    rows, issues = tables.deliveries, tables.issues
    query = select(rows.c.subscriber, rows.c.picks, rows.c.kind, issues.c.date, issues.c.id)
    query = query.join(issues, issues.c.id == rows.c.issue).where(rows.c.picks.is_not(None))
    with reading(engine) as connection:
        for row in connection.execute(query.order_by(rows.c.subscriber, issues.c.date)).all():
            chosen = unpack_picks(row.picks)
            known = papers.by_keys(connection, [pick.paper for pick in chosen])
            named = topics.by_ids(connection, [pick.topic for pick in chosen])
            facts = tables.issue_papers
            shown = {
                one.paper: one.facts
                for one in connection.execute(select(facts).where(facts.c.issue == row.id))
            }
            for pick in chosen:
                paper, own = known[pick.paper], {FOLLOWED: "(followed)", OUTSIDE: "(outside)"}
                found.append(
                    {
                        "reader": wishes[row.subscriber].name,
                        "day": row.date.isoformat(),
                        "kind": row.kind,
                        "id": paper.id,
                        "title": paper.title,
                        "fields": paper.fields,
                        "topic": own.get(pick.topic) or named[pick.topic].name,
                        "score": round(pick.score, 3),
                        "match": round(pick.match, 3),
                        "heat": HEAT_WORDS[shown[pick.paper]["level"]],
                        "facts": shown[pick.paper]["facts"],
                        "reasons": [f"{one.kind}: {one.detail}" for one in pick.reasons],
                        "is_home": any(
                            field.startswith(wishes[row.subscriber].home) for field in paper.fields
                        ),
                    }
                )
    return found


def measure(data: Path, out: Path | None) -> dict[str, Any]:
    with new_site() as engine:
        wishes = enrol(engine, WISHES, datetime.combine(FIRST, datetime.min.time(), UTC))
        days = [FIRST + timedelta(days=n) for n in range(DAYS)]
        play(engine, listings(data, FIRST, DAYS), readings(data, FIRST, DAYS), days)
        found = picks(engine, wishes)
    if out:
        out.write_text("".join(json.dumps(pick, ensure_ascii=False) + "\n" for pick in found))
    digests = [pick for pick in found if pick["kind"] == "digest"]
    letters = Counter((pick["reader"], pick["day"]) for pick in digests)
    own = [pick for pick in digests if pick["topic"] != "(outside)"]
    strange = [pick for pick in own if not pick["is_home"]]
    each = Counter((pick["reader"], pick["id"]) for pick in found)
    return {
        "readers": len(WISHES),
        "days": DAYS,
        "letters": len(letters),
        "picks": len(digests),
        "papers_a_letter": round(len(digests) / max(1, len(letters)), 2),
        "quiet_days": len(WISHES) * DAYS - len({(p["reader"], p["day"]) for p in found}),
        "repeats": sum(number - 1 for number in each.values()),
        "outside_fields": len(strange),
        "outside_fields_share": round(len(strange) / max(1, len(own)), 4),
        "from_outside": len(digests) - len(own),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, help="write all picks with their reasons here")
    asked = parser.parse_args()
    print(json.dumps(measure(asked.data, asked.out)))


if __name__ == "__main__":
    main()
