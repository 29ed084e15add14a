"""`Press`: turns picks and facts into letters. The templates hold the words' places, the desk what letters share."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

from newsletter.errors import LetterError
from newsletter.models import FOLLOWED, OUTSIDE, Letter, Pick, Subscriber, Topic
from newsletter.steps.compose.body import Body, sections, written_by_machine
from newsletter.steps.compose.desk import Desk
from newsletter.steps.compose.links import Links, SiteFacts
from newsletter.steps.compose.prose import one_line
from newsletter.steps.compose.shown import Shown
from newsletter.steps.compose.teaser import best_title, preheader
from newsletter.steps.compose.templates import Templates
from newsletter.steps.compose.words import FALLBACK, load_words

WORDS_PER_MINUTE = 200
#: Mails that answer a person.
NOTICES = ("confirm", "known", "welcome")


class Press:
    """Letters for one site, in every language of `templates/words`."""

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

    def desk(self, language: str) -> Desk:
        return self._desk(language if language in self.words else FALLBACK)

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
        say = desk.words.say
        body = Body(desk, day, links, [(pick, _of(shown, pick)) for pick in picks])
        names = []
        for topic, papers in sections(body.kept).items():
            if topic in (FOLLOWED, OUTSIDE):
                name = say("digest.followed" if topic == FOLLOWED else "digest.outside")
            else:
                name = topics[topic].name if topic in topics else say("digest.own_topic")
            body.add_section(name, papers)
            if topic != OUTSIDE:
                names.append(name)
        count = desk.words.numeral(len(picks))
        minutes = max(1, ceil(body.words / WORDS_PER_MINUTE))
        values = {
            "headline": say(
                "digest.headline", len(picks), count=count[:1].upper() + count[1:], of=desk.words.number(considered)
            ),
            "lede": desk.lede(tuple(names), minutes, written_by_machine(body.kept)),
        }
        return self._issue_letter("digest", reader, body, day, considered, links, values, missed, is_hosted)

    def quiet(
        self, reader: Subscriber, picks: Sequence[Pick], shown: Mapping[int, Shown], day: date, considered: int,
        links: Links,
    ) -> Letter:  # fmt: skip
        """Compose the note after a silent week: nothing matched, nothing is broken, and the overall top three."""
        desk = self.desk(reader.language)
        body = Body(desk, day, links, [(pick, _of(shown, pick)) for pick in picks])
        body.add_section(desk.words.say("quiet.section"), body.kept)
        values = {"headline": desk.words.say("quiet.headline"), "lede": desk.words.say("quiet.lede")}
        return self._issue_letter("quiet", reader, body, day, considered, links, values, None, False)

    def _issue_letter(
        self, kind: str, reader: Subscriber, body: Body, day: date, considered: int, links: Links,
        said: Mapping[str, str], missed: tuple[date, str] | None, is_hosted: bool,
    ) -> Letter:  # fmt: skip
        desk = self.desk(reader.language)
        papers = [paper for _, paper, _ in body.kept]
        others = len(papers) + body.left - 1
        subject = one_line(desk.subject(kind, others).replace("\x1f", best_title(papers)))
        before = preheader(papers, desk.words.say("digest.picked_from", considered))
        shell = desk.shell(kind, day, is_hosted, body.left, missed[0] if missed else None)
        values: dict[str, Any] = {
            **said, "subject": subject, "preheader": before, "missed_url": missed[1] if missed else "", "preferences": links.preferences,
            "unsubscribe": links.unsubscribe, "view": links.view, "how": links.how, "archive": links.archive,
        }  # fmt: skip
        text = shell.text.fill({**values, "sections": body.text, "more_links": body.more_links})
        html = shell.html.fill({**values, "sections": body.html}) if reader.format == "html" or is_hosted else []
        return Letter(kind, subject, tuple(text), tuple(html), before)

    def notice(self, kind: str, language: str, **values: object) -> Letter:
        """Compose a mail that answers a person: confirm, known, welcome, ….

        Raises: LetterError when there is no such letter or a value is missing.
        """
        desk = self.desk(language)
        subject = desk.render(kind, "subject.txt", values)
        known = {**values, "subject": subject, "preheader": desk.words.say(f"{kind}.preheader"), "is_hosted": False}
        html, text = desk.render(kind, "body.html", known), desk.render(kind, "body.txt", known)
        return Letter(kind, subject, (text,), (html,), str(known["preheader"]))


def _of(shown: Mapping[int, Shown], pick: Pick) -> Shown:
    try:
        return shown[pick.paper]
    except KeyError as e:
        raise LetterError(f"the issue says nothing about paper {pick.paper}") from e
