"""`Renderer`: turns picks and facts into letters. Templates place the words, the desk keeps what
letters share.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

from newsletter.errors import LetterError
from newsletter.models import FOLLOWED, OUTSIDE, Letter, Pick, Subscriber, Topic
from newsletter.steps.compose.body import Body, sections, written_by_machine
from newsletter.steps.compose.form import Filling
from newsletter.steps.compose.links import Links, SiteFacts
from newsletter.steps.compose.locale import FALLBACK, load_languages
from newsletter.steps.compose.paper_facts import PaperFacts
from newsletter.steps.compose.prose import one_line
from newsletter.steps.compose.shared_blocks import SHELL_BLANKS, SharedBlocks
from newsletter.steps.compose.subject_line import best_title, preheader
from newsletter.steps.compose.templates import Templates

WORDS_PER_MINUTE = 200
#: Letters that answer a person or report to the operator, and the values each needs. All are JSON:
#: days are ISO dates.
NOTICES: Mapping[str, tuple[str, ...]] = {
    "confirm": ("email", "confirm", "days"),
    "welcome": ("email", "preferences", "unsubscribe"),
    "known": (
        "email",
        "query",
        "preferences",
        "unsubscribe",
    ),  # query: only whether there is one: it is anybody's text
    "address_new": ("email", "confirm", "days"),
    "address_old": (
        "email",
        "new_email",
        "preferences",
    ),  # the new one masked: the old mailbox may be another's by now
    "missed": ("day", "view", "preferences", "unsubscribe"),
    "export": ("email", "data", "preferences", "unsubscribe"),  # data: a mapping, shown as JSON
    "report": (
        "day",
        "counts",
        "sources",
        "problems",
        "archive",
    ),  # as `run --json`: counts by state, sources by name
}


class Renderer:
    """Letters for one site, in every language of `templates/words`."""

    def __init__(self, templates: Path, site: SiteFacts) -> None:
        """Read and compile `templates/mail` and `templates/words`.

        Raises: LetterError naming the file and line of a mistake.
        """
        self.words = load_languages(templates / "words")
        mail = Templates(templates / "mail")
        facts = {
            "name": one_line(site.name),
            "url": site.base_url.rstrip("/") + "/",
            "operator": one_line(", ".join(site.operator.split("\n"))).rstrip(" .,"),
            "source_url": site.source_url,
        }
        self._desk = cache(lambda code: SharedBlocks(self.words[code], mail, facts))

    def digest(
        self,
        reader: Subscriber,
        picks: Sequence[Pick],
        shown: Mapping[int, PaperFacts],
        topics: Mapping[int, Topic],
        day: date,
        considered: int,
        links: Links,
        missed: tuple[date, str] | None = None,
        stale: tuple[str, ...] = (),
        *,
        is_hosted: bool = False,
    ) -> Letter:
        """Compose one reader's letter of the issue of `day` (a local date).

        `picks` are in the letter's order; `considered` is "out of 1,204"; `missed` is the day and
        the address of an earlier letter that may not have arrived; `stale` are sources whose news
        are missing. `is_hosted` makes the page behind "view in browser". Raises: LetterError when
        there are no picks, or the issue has no facts about one.
        """
        desk = self._desk_of(reader.language)
        body = Body(desk, day, links, _papers(picks, shown), is_hosted=is_hosted)
        told: list[str] = []
        for topic, papers in sections(body.kept).items():
            name = _heading(desk, topic, topics)
            body.add_section(name, papers)
            if topic != OUTSIDE:
                told.append(desk.words.say("digest.followed") if topic == FOLLOWED else name)
        minutes = -(-body.words // WORDS_PER_MINUTE)
        values = {
            "headline": desk.headline(len(picks), considered),
            "lede": desk.lede(tuple(told), minutes, written_by_machine(body.kept)),
            "preheader": preheader(
                [paper for _, paper, _ in body.kept], desk.picked_from(considered)
            ),
        }
        return _finished("digest", reader, body, values, missed, stale)

    def quiet(
        self,
        reader: Subscriber,
        picks: Sequence[Pick],
        shown: Mapping[int, PaperFacts],
        day: date,
        considered: int,
        links: Links,
        *,
        is_hosted: bool = False,
    ) -> Letter:
        """Compose the note after a silent week: nothing is broken, the overall top papers, a way to
        wider topics.

        Raises: as `digest`.
        """
        desk = self._desk_of(reader.language)
        body = Body(desk, day, links, _papers(picks, shown), is_hosted=is_hosted)
        body.add_section(desk.words.say("quiet.section"), body.kept)
        return _finished(
            "quiet",
            reader,
            body,
            {"preheader": desk.words.say("quiet.preheader", considered)},
            None,
        )

    def notice(self, kind: str, language: str, **values: object) -> Letter:
        """Compose a letter of NOTICES. Further values are ignored.

        Raises: LetterError when there is no such letter or a value is missing.
        """
        if kind not in NOTICES:
            raise LetterError(f"there is no letter {kind!r}", hint="one of: " + ", ".join(NOTICES))
        desk = self._desk_of(language)
        subject = desk.render(kind, "subject.txt", values)
        teaser = desk.words.say(f"{kind}.preheader")
        frame = {**values, "subject": subject, "preheader": teaser, "is_hosted": False}
        html, text = desk.render(kind, "body.html", frame), desk.render(kind, "body.txt", frame)
        return Letter(kind, subject, (text,), (html,), teaser)

    def signal(self, paper: PaperFacts, day: date, language: str = FALLBACK) -> str:
        """The fact behind a paper's heat in words: "312 upvotes in 1 day". Empty when there is none
        to tell.
        """
        return self._desk_of(language).signal(paper, day)

    def _desk_of(self, language: str) -> SharedBlocks:
        return self._desk(language if language in self.words else FALLBACK)


def _finished(
    kind: str,
    reader: Subscriber,
    body: Body,
    values: Mapping[str, str],
    missed: tuple[date, str] | None,
    stale: tuple[str, ...] = (),
) -> Letter:
    """Put an issue's papers into the shell of their letter."""
    desk, links = body.desk, body.links
    title = best_title([paper for _, paper, _ in body.kept])
    subject = desk.subject(kind, len(body.kept) + body.left - 1).replace("\0", title)
    shell = desk.shell(
        kind, body.day, body.is_hosted, body.left, missed[0] if missed else None, stale
    )
    blanks: dict[str, Filling] = {
        **values,
        "subject": subject,
        "reason": desk.why_you(reader, body.day, body.is_hosted),
        "missed_url": missed[1] if missed else "",
        "preferences": links.preferences,
        "unsubscribe": links.unsubscribe,
        "view": links.view,
        "how": links.how,
        "archive": links.archive,
    }
    blanks |= {"sections": body.text, "more_links": body.more_links}
    text = shell.text.fill(*[blanks.get(name, "") for name in SHELL_BLANKS])
    is_plain = reader.format == "text" and not body.is_hosted
    blanks |= {"sections": body.html}
    html = [] if is_plain else shell.html.fill(*[blanks.get(name, "") for name in SHELL_BLANKS])
    return Letter(kind, subject, tuple(text), tuple(html), values["preheader"])


def _papers(
    picks: Sequence[Pick], shown: Mapping[int, PaperFacts]
) -> list[tuple[Pick, PaperFacts]]:
    if not picks:
        raise LetterError(
            "a letter without papers",
            hint="a reader without picks has a quiet day: nothing is sent",
        )
    try:
        return [(pick, shown[pick.paper]) for pick in picks]
    except KeyError as e:
        raise LetterError(
            f"the issue froze nothing about paper {e}", hint="look at it: newsletter issues show"
        ) from e


def _heading(desk: SharedBlocks, topic: int, topics: Mapping[int, Topic]) -> str:
    if topic == FOLLOWED:
        return desk.words.say("digest.section_followed")
    if topic == OUTSIDE:
        return desk.words.say("digest.section_outside")
    # A topic that was removed after the issue was frozen still has its papers in it.
    return topics[topic].name if topic in topics else desk.words.say("digest.section_removed")
