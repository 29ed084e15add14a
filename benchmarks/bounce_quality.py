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
    false_hard, pairs, hits, called, real = [], Counter[tuple[str, str]](), 0, 0, 0
    for name, rows in truth.items():
        message = email.message_from_bytes((folder / name).read_bytes(), policy=policy.compat32)
        found = classify(message).kind
        is_hard = any(row["hardbounce"] == "true" for row in rows)
        called, real, hits = (
            called + (found == "hard"),
            real + is_hard,
            hits + (found == "hard" and is_hard),
        )
        if found == "hard" and not is_hard:
            false_hard.append(name)
        wanted = "hard" if is_hard else CLASSES.get(rows[0]["reason"], "temporary")
        if rows[0]["feedback_type"] == "auth-failure":
            wanted = "policy"
        pairs[wanted, "temporary" if found in ("delay", "other") else found] += 1
    classes = {}
    for name in sorted({wanted for wanted, _ in pairs}):
        right, n = (
            pairs[name, name],
            sum(count for (wanted, _), count in pairs.items() if wanted == name),
        )
        said = sum(count for (_, found), count in pairs.items() if found == name)
        classes[name] = {
            "precision": round(right / said, 3) if said else None,
            "recall": round(right / n, 3),
            "n": n,
        }
    return {
        "n": len(truth),
        "hard_precision": round(hits / called, 4) if called else None,
        "hard_recall": round(hits / real, 4) if real else None,
        "false_hard": false_hard,
        "classes": classes,
    }


if __name__ == "__main__":
    main()
