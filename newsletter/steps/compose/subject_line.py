"""What an inbox shows of an issue's letter before it is opened: subject and preheader."""

from collections.abc import Sequence

from newsletter.steps.compose.paper_facts import PaperFacts
from newsletter.steps.compose.prose import cut, head, in_ascii, sentences

#: Longest title in a subject, in characters; the guide's rule.
SUBJECT_LIMIT = 45
#: Inboxes show about this many characters after the subject.
SHORTEST, LONGEST = 90, 130
#: A title that is cut shorter than this says nothing.
TELLING = 20


def best_title(papers: Sequence[PaperFacts]) -> str:
    """The first paper's title, cut at its colon or at a word, in ASCII where it can be."""
    title = in_ascii(head(papers[0].title, SUBJECT_LIMIT))
    return (
        title if len(title) <= SUBJECT_LIMIT else in_ascii(head(papers[0].title, SUBJECT_LIMIT - 2))
    )


def preheader(papers: Sequence[PaperFacts]) -> str:
    """The next three titles, each a sentence: 90 to 130 characters where the material allows.

    Titles are cut at their colon; if that leaves too little they are given whole, then further
    titles, and at last the best paper's own summary.
    """
    titles = [paper.title for paper in papers[1:]]
    told = _joined([_before_colon(title) for title in titles[:3]], LONGEST)
    if len(told) < SHORTEST:
        told = _joined(titles[:3], LONGEST)
    if len(told) < SHORTEST:
        told = _joined([*titles, *sentences(papers[0].summary)], LONGEST)
    return told


def _joined(pieces: Sequence[str], room: int) -> str:
    """As many pieces as there is room for, the last one cut if enough of it is left."""
    told = ""
    for piece in pieces:
        left = room - len(told) - (1 if told else 0)
        sentence = _sentence(piece)
        if len(sentence) > left:
            sentence = cut(piece, left) if left >= TELLING else ""
        if not sentence:
            break
        told = f"{told} {sentence}".strip()
    return told


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!", "…")) else text + "."


def _before_colon(title: str) -> str:
    return head(title, len(title))
