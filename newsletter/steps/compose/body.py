"""The papers of one letter: cards filled for one reader and put in order, as HTML and as plain
text.
"""

from collections.abc import Sequence
from datetime import date

from newsletter.models import Fragment, Pick
from newsletter.steps.compose.links import Links
from newsletter.steps.compose.paper_facts import PaperFacts
from newsletter.steps.compose.shared_blocks import Card, SharedBlocks

#: Gmail cuts a letter off at 102 KB, through the unsubscribe link if need be; ours ends before.
MAX_BYTES = 90_000
#: What a shell and one card's blanks take of that, with room for long addresses.
SHELL_BYTES, BLANKS_BYTES = 14_000, 1_000

Printed = tuple[Pick, PaperFacts, Card]


class Body:
    """Fragments in the order of the letter. Papers that would make it too long are left out and
    counted in `left`.
    """

    def __init__(
        self,
        blocks: SharedBlocks,
        day: date,
        links: Links,
        papers: Sequence[tuple[Pick, PaperFacts]],
        *,
        is_hosted: bool,
    ) -> None:
        self.blocks, self.day, self.links, self.is_hosted = blocks, day, links, is_hosted
        self.html: list[Fragment] = []
        self.text: list[Fragment] = []
        self.more_links: list[Fragment] = []
        self._number = 0
        printed = [(pick, paper, blocks.card(paper, day)) for pick, paper in papers]
        self.kept = printed if is_hosted else _fitting(printed)
        self.left = len(printed) - len(self.kept)
        self.words = sum(card.words for _, _, card in self.kept)

    def add_section(self, name: str, papers: Sequence[Printed]) -> None:
        """Add a heading and its papers."""
        html, text = self.blocks.section(name, len(papers))
        self.html.append(html)
        self.text.append(text)
        for at, (pick, paper, card) in enumerate(papers):
            if at:
                self.html.append(self.blocks.rule)
            self._add(pick, paper, card)
        self.html.append(self.blocks.end_of_section)

    def _add(self, pick: Pick, paper: PaperFacts, card: Card) -> None:
        self._number += 1
        why, why_text = self.blocks.why(pick.reasons)
        more, less = self.links.feedback(paper.key, "more"), self.links.feedback(paper.key, "less")
        self.html += card.html.fill(why, more, less)
        self.text += card.text.fill(f"{self._number}.".ljust(4), why_text)
        self.more_links += card.links.fill(f"[{self._number}]".ljust(5), more, less)


def sections(papers: Sequence[Printed]) -> dict[int, list[Printed]]:
    """Papers by topic; sections in the order in which their first paper comes."""
    found: dict[int, list[Printed]] = {}
    for printed in papers:
        found.setdefault(printed[0].topic, []).append(printed)
    return found


def written_by_machine(papers: Sequence[Printed]) -> str:
    """How many of the shown summaries a machine wrote: all, some or none."""
    flags = {paper.is_machine_written for _, paper, _ in papers if paper.summary}
    return "some" if len(flags) == 2 else "all" if flags == {True} else "none"


def _fitting(papers: list[Printed]) -> list[Printed]:
    size = SHELL_BYTES
    for at, (_, _, card) in enumerate(papers):
        size += card.bytes + BLANKS_BYTES
        if at and size > MAX_BYTES:
            return papers[:at]
    return papers
