"""How well returned mail is read: precision before recall for "this address does not exist".

    python -m benchmarks.bounce_quality DIR TRUTH.csv

TRUTH.csv has the columns file, index, status, replycode, reason, hardbounce, feedback_type; a mail
about several recipients has several lines and counts as hard if one of them is. Reasons are
gathered into the product's classes.
"""

import argparse
import csv
import email
import json
from collections import Counter
from email import policy
from pathlib import Path
from typing import Any

from newsletter.inbound.bounces import classify

#: A reason of the truth -> the class that the product acts on. Reasons about one server's mood are
#: "temporary".
CLASSES = {
    "mailboxfull": "full",
    "feedback": "complaint",
    "vacation": "autoreply",
    "delivered": "delivered",
    **dict.fromkeys(
        (
            "authfailure",
            "badreputation",
            "blocked",
            "contenterror",
            "mesgtoobig",
            "norelaying",
            "notcompliantrfc",
            "policyviolation",
            "requireptr",
            "securityerror",
            "spamdetected",
            "virusdetected",
            "exceedlimit",
        ),
        "policy",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("truth", type=Path)
    asked = parser.parse_args()
    folder = asked.folder / "mail" if (asked.folder / "mail").is_dir() else asked.folder
    truth: dict[str, list[dict[str, str]]] = {}
    with asked.truth.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            truth.setdefault(row["file"], []).append(row)
    print(json.dumps(measure(folder, truth)))


def measure(folder: Path, truth: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    """Classify each mail of `truth`; all disagreements are listed with what the server said."""
    pairs, disagreements, false_hard = Counter[tuple[str, str]](), [], []
    for name, rows in truth.items():
        message = email.message_from_bytes((folder / name).read_bytes(), policy=policy.compat32)
        found = classify(message)
        wanted = _wanted(rows)
        got = "temporary" if found.kind in ("delay", "other") else found.kind
        pairs[wanted, got] += 1
        if got != wanted:
            disagreements.append(
                {
                    "file": name,
                    "truth": wanted,
                    "reason": rows[0]["reason"],
                    "found": found.kind,
                    "said": found.reply[:200],
                }
            )
        if found.kind == "hard" and wanted != "hard":
            false_hard.append(name)
    hits, real = pairs["hard", "hard"], _count(pairs, wanted="hard")
    called = _count(pairs, got="hard")
    right = sum(n for (wanted, got), n in pairs.items() if wanted == got)
    either = sum(1 for one in disagreements if _is_either(one))
    return {
        "n": len(truth),
        "hard_precision": round(hits / called, 4) if called else None,
        "hard_recall": round(hits / real, 4) if real else None,
        "agreement": round(right / len(truth), 4),
        "agreement_or_either": round((right + either) / len(truth), 4),
        "false_hard": false_hard,
        "classes": {name: _quality(pairs, name) for name in sorted({w for w, _ in pairs})},
        "disagreements": disagreements,
    }


def _wanted(rows: list[dict[str, str]]) -> str:
    if any(row["hardbounce"] == "true" for row in rows):
        return "hard"
    if rows[0]["feedback_type"] == "auth-failure":
        return "policy"
    return CLASSES.get(rows[0]["reason"], "temporary")


def _is_either(disagreement: dict[str, str]) -> bool:
    """Whether the truth's reason holds two of our classes, and both change nothing for a reader.

    "rejected" is a sender that is refused (policy) as well as a list that one may not write to; a
    report that says it is still being tried is a delay, whatever it names as the cause so far.
    """
    found = disagreement["found"]
    return (disagreement["reason"] == "rejected" and found in ("policy", "temporary")) or (
        found == "delay" and disagreement["truth"] in ("full", "policy")
    )


def _count(pairs: Counter[tuple[str, str]], *, wanted: str = "", got: str = "") -> int:
    return sum(n for (w, g), n in pairs.items() if wanted in ("", w) and got in ("", g))


def _quality(pairs: Counter[tuple[str, str]], name: str) -> dict[str, Any]:
    said, n = _count(pairs, got=name), _count(pairs, wanted=name)
    right = pairs[name, name]
    precision = round(right / said, 3) if said else None
    return {"precision": precision, "recall": round(right / n, 3), "n": n}


if __name__ == "__main__":
    main()
