"""`Renderer`: turns picks and facts into letters. Templates place the words; `SharedBlocks` keeps
what the letters of one language share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

from newsletter.errors import LetterError
from newsletter.mail_kinds import DIGEST, QUIET, MailKind
from newsletter.models import FOLLOWED, OUTSIDE, Letter, Pick, Reason, Subscriber, Topic
from newsletter.steps.compose.body import Body, sections, written_by_machine
from newsletter.steps.compose.form import Filling
from newsletter.steps.compose.links import Links, SiteFacts
from newsletter.steps.compose.locale import FALLBACK, load_languages
from newsletter.steps.compose.paper_facts import IssueFacts, PaperFacts
from newsletter.steps.compose.prose import one_line
from newsletter.steps.compose.shared_blocks import SHELL_BLANKS, SharedBlocks
from newsletter.steps.compose.subject_line import best_title, preheader
from newsletter.steps.compose.templates import Templates

WORDS_PER_MINUTE = 200


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
        self._blocks = cache(lambda code: SharedBlocks(self.words[code], mail, facts))

    def digest(
        self,
        reader: Subscriber,
        picks: Sequence[Pick],
        issue: IssueFacts,
        links: Links,
        *,
        is_hosted: bool = False,
    ) -> Letter:
        """Compose one reader's letter of an issue; `picks` are in the letter's order.

        `is_hosted` makes the page behind "view in browser". Raises: LetterError when there are no
        picks, or the issue has no facts about one.
        """
        blocks = self._blocks_of(reader.language)
        body = Body(blocks, issue.day, links, _papers(picks, issue), is_hosted=is_hosted)
        told: list[str] = []
        for topic, papers in sections(body.kept).items():
            name = _heading(blocks, topic, issue.topics)
            body.add_section(name, papers)
            if topic != OUTSIDE:
                told.append(blocks.words.say("digest.followed") if topic == FOLLOWED else name)
        minutes = -(-body.words // WORDS_PER_MINUTE)
        values = {
            "headline": blocks.headline(len(picks), issue.considered),
            "lede": blocks.lede(tuple(told), minutes, written_by_machine(body.kept)),
            "preheader": preheader(
                [paper for _, paper, _ in body.kept], blocks.picked_from(issue.considered)
            ),
        }
        return _finished(DIGEST, reader, body, values, issue)

    def quiet(
        self,
        reader: Subscriber,
        picks: Sequence[Pick],
        issue: IssueFacts,
        links: Links,
        *,
        is_hosted: bool = False,
    ) -> Letter:
        """Compose the note after a silent week: nothing is broken, the overall top papers, a way to
        wider topics.

        Raises: as `digest`.
        """
        blocks = self._blocks_of(reader.language)
        body = Body(blocks, issue.day, links, _papers(picks, issue), is_hosted=is_hosted)
        body.add_section(blocks.words.say("quiet.section"), body.kept)
        values = {"preheader": blocks.words.say("quiet.preheader", issue.considered)}
        return _finished(QUIET, reader, body, values, replace(issue, stale=()))

    def notice(self, kind: MailKind, language: str, **values: object) -> Letter:
        """Compose a letter without papers from the values that its kind needs; others are ignored.

        Raises: LetterError when a value is missing.
        """
        blocks, name = self._blocks_of(language), kind.name
        subject = blocks.render(name, "subject.txt", values)
        teaser = blocks.words.say(f"{name}.preheader")
        frame = {**values, "subject": subject, "preheader": teaser, "is_hosted": False}
        html, text = blocks.render(name, "body.html", frame), blocks.render(name, "body.txt", frame)
        return Letter(name, subject, (text,), (html,), teaser)

    def signal(self, paper: PaperFacts, day: date, language: str = FALLBACK) -> str:
        """The fact behind a paper's heat in words: "312 upvotes in 1 day". Empty when there is none
        to tell.
        """
        return self._blocks_of(language).signal(paper, day)

    def reason(self, reason: Reason, language: str = FALLBACK) -> str:
        """Why a paper is in a letter, in words."""
        return self._blocks_of(language).reason(reason)

    def _blocks_of(self, language: str) -> SharedBlocks:
        return self._blocks(language if language in self.words else FALLBACK)


def _finished(
    kind: MailKind,
    reader: Subscriber,
    body: Body,
    values: Mapping[str, str],
    issue: IssueFacts,
) -> Letter:
    """Put an issue's papers into the shell of their letter."""
    blocks, links = body.blocks, body.links
    title = best_title([paper for _, paper, _ in body.kept])
    subject = blocks.subject(kind.name, len(body.kept) + body.left - 1).replace("\0", title)
    missed = links.missed[0] if links.missed else None
    shell = blocks.shell(kind.name, body.day, body.is_hosted, body.left, missed, issue.stale)
    blanks: dict[str, Filling] = {
        **values,
        "subject": subject,
        "reason": blocks.why_you(reader, body.day, body.is_hosted),
        "missed_url": links.missed[1] if links.missed else "",
        "preferences": links.preferences,
        "unsubscribe": links.unsubscribe,
        "view": links.view,
        "how": links.how,
        "archive": links.archive,
    }
    news = [blocks.news(event) for event in issue.events]
    blanks |= {
        "news": [text for _, text in news],
        "sections": body.text,
        "more_links": body.more_links,
    }
    text = shell.text.fill(*[blanks.get(name, "") for name in SHELL_BLANKS])
    is_plain = reader.format == "text" and not body.is_hosted
    blanks |= {"news": [html for html, _ in news], "sections": body.html}
    html = [] if is_plain else shell.html.fill(*[blanks.get(name, "") for name in SHELL_BLANKS])
    return Letter(kind.name, subject, tuple(text), tuple(html), values["preheader"])


def _papers(picks: Sequence[Pick], issue: IssueFacts) -> list[tuple[Pick, PaperFacts]]:
    if not picks:
        raise LetterError(
            "a letter without papers",
            hint="a reader without picks has a quiet day: nothing is sent",
        )
    try:
        return [(pick, issue.papers[pick.paper]) for pick in picks]
    except KeyError as e:
        raise LetterError(
            f"the issue froze nothing about paper {e}", hint="look at it: newsletter issues show"
        ) from e


def _heading(blocks: SharedBlocks, topic: int, topics: Mapping[int, Topic]) -> str:
    if topic == FOLLOWED:
        return blocks.words.say("digest.section_followed")
    if topic == OUTSIDE:
        return blocks.words.say("digest.section_outside")
    # A topic that was removed after the issue was frozen still has its papers in it.
    return topics[topic].name if topic in topics else blocks.words.say("digest.section_removed")
