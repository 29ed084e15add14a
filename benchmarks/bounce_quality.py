"""How well returned mail is read: precision before recall for "this address does not exist".

    python -m benchmarks.bounce_quality DIR TRUTH.csv
    python -m benchmarks.bounce_quality DIR TRUTH.csv --disagreements

TRUTH.csv has the columns file, index, status, replycode, reason, hardbounce, feedback_type; a mail
about several recipients has several lines and counts as hard if one of them is. Reasons are
gathered into the product's classes. The figures are printed for all mails and for two halves of
them (by a hash of the name), which says how far they depend on which mails these are.

`--disagreements` prints a table of all mails that are read otherwise than they are labelled, and
whether the label is to be doubted. The doubts are rules, the same for every mail, and change no
figure but `truly_false_hard`.
"""

import argparse
import csv
import email
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email import policy
from email.message import Message
from hashlib import sha256
from pathlib import Path
from typing import Any

from newsletter.inbound.bounces import classify
from newsletter.inbound.mail_text import written_text
from newsletter.inbound.verdict import Returned

#: A reason of the truth -> the class that the product acts on. Reasons about a temporary state of
#: one server, and closed mailboxes, are "temporary". A "rejected" mail is one whose sender's
#: address or permission was refused (https://libsisimai.org/en/reason/): it is about the site.
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
            "rejected",
            "requireptr",
            "securityerror",
            "spamdetected",
            "virusdetected",
            "exceedlimit",
        ),
        "policy",
    ),
}
Rows = Mapping[str, list[dict[str, str]]]


@dataclass(frozen=True)
class Read:
    """One mail: its label, and how it was read."""

    file: str
    reason: str  #: of the truth
    wanted: str  #: its class
    found: Returned
    text: str  #: what the mail system wrote
    to: str

    @property
    def got(self) -> str:
        """The class. A delay is of the class of what delays it; nothing follows from it."""
        kind = self.found.so_far if self.found.kind == "delay" else self.found.kind
        if self.found.kind == "delay" and kind not in ("full", "policy"):
            return "temporary"
        return "temporary" if kind == "other" else kind

    @property
    def words(self) -> str:
        """The words without the names of people and hosts in them."""
        said = re.sub(r"\S+@\S+|[\w-]+(?:\.[\w-]+)+\S*|[<>\[\]]", " ", self.found.reply.lower())
        return " ".join(re.findall(r"[^\W\d_]+", said))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--disagreements", action="store_true")
    asked = parser.parse_args()
    folder = asked.folder / "mail" if (asked.folder / "mail").is_dir() else asked.folder
    mails = read(folder, load_truth(asked.truth))
    if asked.disagreements:
        print("file | label (reason) | read as | doubt of the label | what was said")
        for one in disagreements(mails):
            said = f"{one['said'][:100]}"
            print(
                f"{one['file']} | {one['truth']} ({one['reason']}) | {one['found']} | "
                f"{one['doubt'] or '-'} | {said}"
            )
        return
    print(json.dumps(measure(mails)))


def load_truth(path: Path) -> Rows:
    """Give the lines of the truth by file."""
    truth: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    with path.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            truth[row["file"]].append(row)
    return truth


def read(folder: Path, truth: Rows) -> list[Read]:
    """Classify each mail of `truth`."""
    found = []
    for name, rows in truth.items():
        message: Message = email.message_from_bytes(
            (folder / name).read_bytes(), policy=policy.compat32
        )
        verdict, to = classify(message), str(message.get("To", ""))
        own = written_text(message)
        found.append(Read(name, rows[0]["reason"], _wanted(rows), verdict, own, to))
    return found


def measure(mails: list[Read]) -> dict[str, Any]:
    """Give the figures of all mails and of both halves, with every disagreement."""
    listed = disagreements(mails)
    false_hard = [one for one in listed if one["found"] == "hard"]
    pairs = Counter((one.wanted, one.got) for one in mails)
    return {
        **_figures(mails),
        "halves": [_figures(one for one in mails if half(one.file) == n) for n in (0, 1)],
        "false_hard": [one["file"] for one in false_hard],
        "truly_false_hard": [one["file"] for one in false_hard if not one["doubt"]],
        "classes": {name: _quality(pairs, name) for name in sorted({w for w, _ in pairs})},
        "disagreements": listed,
    }


def half(name: str) -> int:
    """Which half of the mails one belongs to."""
    return sha256(name.encode()).digest()[0] % 2


def _figures(mails: Iterable[Read]) -> dict[str, Any]:
    pairs = Counter((one.wanted, one.got) for one in mails)
    hits, n = pairs["hard", "hard"], pairs.total()
    real, called = _count(pairs, wanted="hard"), _count(pairs, got="hard")
    right = sum(number for (wanted, got), number in pairs.items() if wanted == got)
    return {
        "n": n,
        "agreement": round(right / n, 4) if n else None,
        "hard_recall": round(hits / real, 4) if real else None,
        "hard_precision": round(hits / called, 4) if called else None,
    }


def disagreements(mails: list[Read]) -> list[dict[str, str]]:
    """List the mails that are read otherwise than they are labelled."""
    labels: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for one in mails:
        labels[one.words].setdefault(one.wanted, one.file)
    return [
        {
            "file": one.file,
            "truth": one.wanted,
            "reason": one.reason,
            "found": one.got,
            "said": one.found.reply[:200],
            "doubt": _doubt(one, labels[one.words]),
        }
        for one in mails
        if one.got != one.wanted
    ]


#: No such mailbox, as everybody says it.
_NAMES_NOBODY = re.compile(
    r"(?:user|recipient|address\w*|mailbox|account)\W+(?:is\W+)?(?:unknown|not (?:exist|found))"
    r"|(?:unknown|no such|invalid) (?:user|recipient|address|mailbox)"
    r"|n[o']t have an? \S+ account|mailbox unavailable",
    re.I,
)
_SEVERAL = re.compile(r"\bmay (?:not )?(?:exist|be)\b.*\bor\b", re.I | re.S)


def _doubt(one: Read, labels: Mapping[str, str]) -> str:
    """Why the label is to be doubted; empty when it is not, and the reader is wrong."""
    if one.words and one.got in labels:
        return f"the same words are labelled {one.got} in {labels[one.got]}"
    if one.got == "hard" and (_NAMES_NOBODY.search(one.found.reply + one.text)):
        return "the words say that there is no such mailbox"
    if one.wanted == "hard" and _SEVERAL.search(one.text):
        return "the words name several causes and decide for none"
    domain = one.to.strip("<> ").rpartition("@")[2]
    if one.wanted == "hard" and domain and domain in one.found.reply:
        return "the domain that does not exist is the sender's"
    if {one.got, one.wanted} == {"temporary", "policy"}:
        return "neither class changes anything for a reader"
    if one.wanted == "hard" and not _NAMES_NOBODY.search(one.found.reply):
        return "the words do not say so"
    return ""


def _wanted(rows: list[dict[str, str]]) -> str:
    if any(row["hardbounce"] == "true" for row in rows):
        return "hard"
    if rows[0]["feedback_type"] == "auth-failure":
        return "policy"
    return CLASSES.get(rows[0]["reason"], "temporary")


def _count(pairs: Counter[tuple[str, str]], *, wanted: str = "", got: str = "") -> int:
    return sum(n for (w, g), n in pairs.items() if wanted in ("", w) and got in ("", g))


def _quality(pairs: Counter[tuple[str, str]], name: str) -> dict[str, Any]:
    said, n = _count(pairs, got=name), _count(pairs, wanted=name)
    right = pairs[name, name]
    precision = round(right / said, 3) if said else None
    return {"precision": precision, "recall": round(right / n, 3), "n": n}


if __name__ == "__main__":
    main()
