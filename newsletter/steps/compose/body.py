"""The papers of one letter: the best one first and larger, the others by topic, as HTML and as
plain text.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from newsletter.models import Pick
from newsletter.steps.compose.paper_facts import PaperFacts
from newsletter.steps.compose.shared_blocks import Both, Card, SharedBlocks

#: Gmail cuts a letter off at 102 KB, through the unsubscribe link if need be; ours ends before.
MAX_BYTES = 90_000
#: What a shell and one paper's reasons take of that, with room for long addresses.
SHELL_BYTES, REASONS_BYTES = 12_000, 300

Printed = tuple[Pick, PaperFacts, Card]


class Body:
    """Blocks in the order of the letter. Papers that would make it too long are left out and
    counted in `left`.
    """

    def __init__(
        self,
        blocks: SharedBlocks,
        day: date,
        papers: Sequence[tuple[Pick, PaperFacts]],
        names: Mapping[int, str],
        *,
        is_hosted: bool,
    ) -> None:
        """`names`: of the topics of the papers, by id."""
        self.blocks, self.day, self.names, self.is_hosted = blocks, day, names, is_hosted
        self.lead: tuple[list[str], list[str]] = [], []  #: as HTML and as plain text
        self.rest: tuple[list[str], list[str]] = [], []
        cards = []
        for at, (pick, paper) in enumerate(papers):
            topic = None if at else names[pick.topic]
            cards.append((pick, paper, blocks.card(paper, day, pick.reasons, topic)))
        self.kept = cards if is_hosted else _fitting(cards)
        self.left = len(cards) - len(self.kept)
        self.words = sum(card.words for _, _, card in self.kept)

    def add_lead(self, preheader: str) -> None:
        """Add the best paper with the name of its topic; above it stand the titles of the next
        ones.
        """
        if len(self.kept) != 1:
            _add(self.lead, self.blocks.contents(preheader))
        if not self.kept:
            return
        self._add_sheet(self.lead, self.kept[:1])
        if self.left:
            _add(self.lead, self.blocks.left(self.left))

    def add_rest(self) -> None:
        """Add the other papers by topic; a topic stands where the first of its papers does."""
        sections: dict[int, list[Printed]] = {}
        for printed in self.kept[1:]:
            sections.setdefault(printed[0].topic, []).append(printed)
        for topic, papers in sections.items():
            _add(self.rest, self.blocks.section(self.names[topic], len(papers)))
            if self.names[topic] == self.blocks.words.say("digest.section_outside"):
                _add(self.rest, self.blocks.outside_off)
            self._add_sheet(self.rest, papers)

    def _add_sheet(self, to: tuple[list[str], list[str]], papers: Sequence[Printed]) -> None:
        html, text = to
        html.append(self.blocks.open_sheet)
        html += papers[0][2].first_html
        text += papers[0][2].text
        for _, _, card in papers[1:]:
            html += card.html
            text += card.text
        html.append(self.blocks.close_sheet)


def _add(to: tuple[list[str], list[str]], block: Both) -> None:
    for lines, one in zip(to, block, strict=True):
        lines.append(one)


def written_by_machine(papers: Sequence[Printed]) -> str:
    """How many of the shown summaries a machine wrote: all, some or none."""
    flags = {paper.is_machine_written for _, paper, _ in papers if paper.summary}
    return "some" if len(flags) == 2 else "all" if flags == {True} else "none"


def _fitting(papers: list[Printed]) -> list[Printed]:
    size = SHELL_BYTES
    for at, (_, _, card) in enumerate(papers):
        size += card.bytes + REASONS_BYTES
        if at and size > MAX_BYTES:
            return papers[:at]
    return papers
