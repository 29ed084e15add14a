"""`Renderer`: turns picks and facts into letters. Templates have the layout; `SharedBlocks` caches
what the letters of one language share.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

from newsletter.errors import LetterError
from newsletter.mail_kinds import DIGEST, QUIET, QUIET_ALONE, MailKind
from newsletter.models import FOLLOWED, NEAR_GIVEN, OUTSIDE, Letter, Pick, Reason, Subscriber, Topic
from newsletter.steps.compose.body import Body, written_by_machine
from newsletter.steps.compose.links import Links, SiteFacts
from newsletter.steps.compose.locale import FALLBACK, load_languages
from newsletter.steps.compose.paper_facts import IssueFacts, PaperFacts
from newsletter.steps.compose.prose import one_line
from newsletter.steps.compose.shared_blocks import SharedBlocks
from newsletter.steps.compose.subject_line import best_title, preheader
from newsletter.steps.compose.templates import load_templates

WORDS_PER_MINUTE = 200
#: Headings of papers that no topic brought, and how the lede names what brought them.
SECTIONS = {
    FOLLOWED: "digest.section_followed",
    NEAR_GIVEN: "digest.section_given",
    OUTSIDE: "digest.section_outside",
}
TOLD = {FOLLOWED: "digest.followed", NEAR_GIVEN: "digest.given"}


class Renderer:
    """Letters for one site, in every language of `templates/words`."""

    def __init__(self, templates: Path, site: SiteFacts) -> None:
        """Read and compile `templates/mail` and `templates/words`.

        Raises: LetterError naming the file and line of a mistake.
        """
        self.words = load_languages(templates / "words")
        mail = load_templates(templates / "mail")
        facts = {
            "name": one_line(site.name),
            "url": site.base_url.rstrip("/") + "/",
            "operator": one_line(", ".join(site.operator.split("\n"))).rstrip(" .,"),
            "source_url": site.source_url,
        }
        self._blocks = lru_cache(maxsize=64)(
            lambda code, links: SharedBlocks(self.words[code], mail, facts, links)
        )

    def digest(
        self,
        reader: Subscriber,
        picks: Sequence[Pick],
        issue: IssueFacts,
        links: Links,
        token: str,
        *,
        is_hosted: bool = False,
    ) -> Letter:
        """Compose one reader's letter of an issue; `picks` are in the order of the letter.
        `is_hosted`: the page behind "view in browser".

        Raises: LetterError when there are no picks, or the issue has no facts about one.
        """
        blocks = self._blocks_of(reader.language, links)
        topics = dict.fromkeys([pick.topic for pick in picks])
        names = {topic: _heading(blocks, topic, issue.topics) for topic in topics}
        body = Body(blocks, issue.day, _papers(picks, issue), names, is_hosted=is_hosted)
        told = [
            blocks.words.say(TOLD[topic]) if topic in TOLD else names[topic]
            for topic in dict.fromkeys([pick.topic for pick, _, _ in body.kept])
            if topic != OUTSIDE
        ]
        minutes = -(-body.words // WORDS_PER_MINUTE)
        written = written_by_machine(body.kept)
        lede = blocks.lede(len(picks), issue.considered, tuple(told), minutes, written)
        return _finished(DIGEST, reader, body, lede, issue, token)

    def quiet(
        self,
        reader: Subscriber,
        picks: Sequence[Pick],
        issue: IssueFacts,
        links: Links,
        token: str,
        *,
        is_hosted: bool = False,
    ) -> Letter:
        """Compose the note after five silent mail days: nothing is broken, the top papers of all
        fields if there are picks, a link to wider topics. Raises: as `digest`.
        """
        blocks = self._blocks_of(reader.language, links)
        if not picks:
            body = Body(blocks, issue.day, (), {}, is_hosted=is_hosted)
            return _finished(QUIET_ALONE, reader, body, ("", ""), issue, token)
        names = dict.fromkeys((pick.topic for pick in picks), blocks.words.say("quiet.section"))
        body = Body(blocks, issue.day, _papers(picks, issue), names, is_hosted=is_hosted)
        return _finished(QUIET, reader, body, ("", ""), issue, token)

    def notice(self, kind: MailKind, language: str, **values: object) -> Letter:
        """Compose a letter without papers from the values of its kind; other values are ignored.

        Raises: LetterError when a value is missing.
        """
        blocks, name = self._blocks_of(language), kind.name
        subject = blocks.render(name, "subject.txt", values)
        title = Markup(blocks.title(subject))  # noqa: S704  (escaped)
        frame = {**values, "title": title, "is_hosted": False}
        html, text = blocks.render(name, "body.html", frame), blocks.render(name, "body.txt", frame)
        return Letter(name, subject, (text,), (html,))

    def signal(self, paper: PaperFacts, day: date, language: str = FALLBACK) -> str:
        """Return the fact behind a paper's heat in words ("312 upvotes in 1 day"), or ""."""
        return self._blocks_of(language).signal(paper, day)

    def reason(self, reason: Reason, language: str = FALLBACK) -> str:
        """Return why a paper is in a letter, in words."""
        return self._blocks_of(language).reason(reason)

    def _blocks_of(self, language: str, links: Links | None = None) -> SharedBlocks:
        return self._blocks(language if language in self.words else FALLBACK, links)


def _finished(
    kind: MailKind,
    reader: Subscriber,
    body: Body,
    lede: tuple[str, str],
    issue: IssueFacts,
    token: str,
) -> Letter:
    """Put an issue's papers into the shell of their letter."""
    blocks, papers = body.blocks, [paper for _, paper, _ in body.kept]
    told = preheader(papers) if papers else blocks.words.say("quiet_alone.preheader")
    best = best_title(papers) if papers else ""
    body.add_lead(told)
    body.add_rest()
    subject = blocks.subject(kind.name, body.day, best, len(papers) + body.left - 1)
    shell = blocks.shell(kind.name, body.day, body.is_hosted, issue.missed, issue.silence)
    reason = blocks.why_you(reader, body.day, body.is_hosted)
    news = [blocks.news(event) for event in issue.events]
    blank = "\n" if news else ""
    # Spam filters distrust an odd number of addresses in both parts together (rspamd,
    # URI_COUNT_ODD). A paper has three, the rest two; the archive link, only in the text, makes it
    # even.
    is_odd = sum([card.is_linked for _, _, card in body.kept]) % 2
    text = shell.text.fill(
        {
            "lead": body.lead[1],
            "papers": body.rest[1],
            "lede": lede[1:],
            "news": [blank, *(text for _, text in news)],
            "reason": reason[1:],
            "even": [blocks.archive] if is_odd else [],
        }
    )
    is_plain = reader.format == "text" and not body.is_hosted
    html = {
        "title": [blocks.title(subject)],
        "lead": body.lead[0],
        "papers": body.rest[0],
        "lede": lede[:1],
        "news": [page for page, _ in news],
        "reason": reason[:1],
    }
    return Letter(kind.name, subject, text, () if is_plain else shell.html.fill(html), told, token)


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
    if topic in SECTIONS:
        return blocks.words.say(SECTIONS[topic])
    # Papers of a topic that was removed after planning are still in the letter.
    if topic not in topics:
        return blocks.words.say("digest.section_removed")
    return blocks.words.topic(topics[topic])
