"""`Press`: turns picks and facts into letters. The templates hold the words' places, the desk what letters share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from newsletter.models import FOLLOWED, OUTSIDE, Letter, Pick, Subscriber, Topic
from newsletter.steps.compose.desk import Desk
from newsletter.steps.compose.prose import one_line
from newsletter.steps.compose.shown import Shown
from newsletter.steps.compose.templates import Templates
from newsletter.steps.compose.words import load_words

#: Gmail cuts a letter off at 102 KB, through the unsubscribe link if need be; ours ends before.
MAX_BYTES = 90_000
#: What a shell and a card's blanks may take of that: measured 12 KB and 0.5 KB, with room for long addresses.
SHELL_BYTES, BLANKS_BYTES = 16_000, 1_000
SUBJECT_LIMIT = 45
PREHEADER = range(90, 131)
WORDS_PER_MINUTE = 200


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What letters say about the site."""

    name: str
    base_url: str
    operator: str = ""  #: who runs it and where, in one line
    source_url: str = ""  #: where the source code is


@dataclass(frozen=True, slots=True)
class Links:
    """One reader's addresses in one letter."""

    preferences: str
    unsubscribe: str
    view: str  #: this letter in the browser
    how: str  #: how papers are picked
    archive: str
    feedback: Callable[[int, str], str]  #: (Paper.key, "more" | "less") -> address


class Press:
    """Letters for one site, in every language of `templates/words`. Safe to share between tasks of one loop."""

    def __init__(self, templates: Path, site: SiteFacts) -> None:
        """Read and compile `templates/mail` and `templates/words`.

        Raises: LetterError naming the file and line of a mistake.
        """
        self.words = load_words(templates / "words")
        mail = Templates(templates / "mail")
        said = {
            "name": one_line(site.name),
            "url": site.base_url.rstrip("/") + "/",
            "operator": ", ".join(line.strip(" ,") for line in site.operator.splitlines() if line.strip()).rstrip("."),
            "source_url": site.source_url,
        }
        self._desk = cache(lambda code: Desk(self.words[code], mail, said))

    def digest(
        self, reader: Subscriber, picks: Sequence[Pick], shown: Mapping[int, Shown], topics: Mapping[int, Topic],
        day: date, considered: int, links: Links, missed: tuple[date, str] | None = None, *, is_hosted: bool = False,
    ) -> Letter:  # fmt: skip
        """Compose one reader's letter of the issue of `day` (a local date).

        `picks` are in the letter's order; `considered` is "out of 1,204"; `missed` is the day and address of an earlier
        letter that never left. `is_hosted` makes the page behind "view in browser" of the same letter.
        Raises: LetterError when the issue has no facts about a pick.
        """
        desk = self.desk(reader.language)
        body = _Body(desk, day, links)
        names: list[str] = []
        kept = _fitting(picks, [desk.card(_of(shown, pick), day) for pick in picks])
        for topic, section in _sections(kept):
            name = _section_name(desk, topic, topics)
            names += [desk.words.say("digest.followed")] if topic == FOLLOWED else [name] if topic != OUTSIDE else []
            body.add(name, section, shown)
        papers = [_of(shown, pick) for pick in picks]
        headline = desk.words.say(
            "digest.headline",
            len(picks),
            count=_capital(desk.words.numeral(len(picks))),
            of=desk.words.number(considered),
        )
        values = {"headline": headline, "lede": desk.lede(tuple(names), body.minutes, _written(papers))}
        return self._issue_letter("digest", reader, body, papers, considered, values, len(picks) - len(kept), missed,
                                  is_hosted)  # fmt: skip
