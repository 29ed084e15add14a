"""Subject and preheader: what an inbox shows of a letter before it is opened."""

from collections.abc import Sequence
from functools import lru_cache

from newsletter.steps.compose.paper_facts import PaperFacts
from newsletter.steps.compose.prose import cut, head, in_ascii, sentences
from newsletter.text.markup import isolated

#: Most characters of the title in a subject.
SUBJECT_LIMIT = 45
#: About how many characters an inbox shows after the subject.
SHORTEST, LONGEST = 90, 130
#: Least characters of a title that is cut.
TELLING = 20


def best_title(papers: Sequence[PaperFacts]) -> str:
    """Return the first paper's title, cut at its colon or at a word, in ASCII if possible."""
    return _shown(papers[0].title)


@lru_cache(maxsize=2048)
def _shown(title: str) -> str:
    shown = in_ascii(head(title, SUBJECT_LIMIT))
    return shown if len(shown) <= SUBJECT_LIMIT else in_ascii(head(title, SUBJECT_LIMIT - 2))


def preheader(papers: Sequence[PaperFacts]) -> str:
    """Return the next three titles, each as a sentence: 90 to 130 characters if there are enough.

    Titles are cut at their colon. If the text is too short, whole titles are used, then further
    titles, then the best paper's own summary.
    """
    titles = [paper.title for paper in papers[1:]]
    told = _joined([_before_colon(title) for title in titles[:3]], LONGEST)
    if len(told) < SHORTEST:
        told = _joined(titles[:3], LONGEST)
    if len(told) < SHORTEST:
        told = _joined([*titles, *sentences(papers[0].summary)], LONGEST)
    return told


def _joined(pieces: Sequence[str], room: int) -> str:
    """Join as many pieces as fit, the last one cut if enough of it remains."""
    told = ""
    for piece in pieces:
        left = room - len(told) - (1 if told else 0)
        sentence = _sentence(piece)
        if len(sentence) > left:
            sentence = cut(piece, left) if left >= TELLING else ""
        if not sentence:
            break
        told = f"{told} {isolated(sentence)}".strip()
    return told


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!", "…")) else text + "."


@lru_cache(maxsize=2048)
def _before_colon(title: str) -> str:
    return head(title, len(title))
