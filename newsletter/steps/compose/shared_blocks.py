"""What many letters of one language have in common, made once and kept: cards, section heads,
shells.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

from newsletter.models import EventKind, PaperEvent, Reason, Subscriber
from newsletter.steps.compose.form import Form, blank
from newsletter.steps.compose.locale import Language
from newsletter.steps.compose.paper_facts import PaperFacts
from newsletter.steps.compose.prose import cut, one_line
from newsletter.steps.compose.templates import Templates

#: Keywords, and the names of readers' own topics, are cut here.
NAME_LIMIT = 40
#: Reasons that a letter tells, the first of them only.
PLACES = ("author", "title", "abstract", "keyword")
#: Titles of papers that a letter tells something about are cut here.
NEWS_LIMIT = 160
NEWS = {
    EventKind.WITHDRAWN: "news.withdrawn",
    EventKind.RETRACTED: "news.retracted",
    EventKind.CORRECTED: "news.corrected",
    EventKind.CONCERN: "news.concern",
    EventKind.PUBLISHED: "news.published",
}
#: Blanks of a card as HTML, as text, and of its links in text: what differs between two readers of
#: one paper.
HTML_BLANKS = ("why", "more", "less")
TEXT_BLANKS = ("number", "why_text")
LINKS_BLANKS = ("bracket", "more", "less")
#: Blanks of a shell: what differs between two readers of one issue.
SHELL_BLANKS = (
    "subject",
    "preheader",
    "headline",
    "lede",
    "news",
    "sections",
    "more_links",
    "reason",
    "missed_url",
    "preferences",
    "unsubscribe",
    "view",
    "how",
    "archive",
)


@dataclass(frozen=True, slots=True)
class Card:
    """A paper's block, with blanks for its number, the reader's reason and the two feedback
    links.
    """

    html: Form  #: HTML_BLANKS
    text: Form  #: TEXT_BLANKS
    links: Form  #: LINKS_BLANKS; plain text: its further links, for the list at the end
    bytes: int  #: of the HTML, blanks empty
    words: int  #: to read


@dataclass(frozen=True, slots=True)
class Shell:
    """A letter around its papers, with SHELL_BLANKS."""

    html: Form
    text: Form


class SharedBlocks:
    """Everything is kept by its values, so nothing here is ever stale; the oldest is dropped when
    there is too much.
    """

    def __init__(self, words: Language, templates: Templates, site: Mapping[str, str]) -> None:
        self.words = words
        self._templates = templates
        common = {"lang": words.code, "dir": words.direction, "site": site, "w": words}
        self._html_values: dict[str, Any] = {**common, "t": self._say_html}
        self._text_values: dict[str, Any] = {**common, "t": words.say}
        self.card = lru_cache(maxsize=2048)(self._card)
        self.section = lru_cache(maxsize=4096)(self._section)
        self.news = lru_cache(maxsize=1024)(self._news)
        self.why = lru_cache(maxsize=8192)(self._why)
        self.shell = lru_cache(maxsize=32)(self._shell)
        self.subject = lru_cache(maxsize=64)(self._subject)
        self.headline = lru_cache(maxsize=256)(self._headline)
        self.picked_from = lru_cache(maxsize=64)(self._picked_from)
        self.lede = lru_cache(maxsize=4096)(self._lede)
        self.rule = self._part_html("rule")
        self.end_of_section = self._part_html("end_of_section")

    def render(self, kind: str, part: str, values: Mapping[str, Any]) -> str:
        """Render `subject.txt`, `body.html` or `body.txt` of one letter."""
        common = self._html_values if part.endswith(".html") else self._text_values
        text = self._templates.render(f"{kind}/{part}", {**common, **values})
        if part == "subject.txt":
            return one_line(text)
        if part == "body.html":
            return re.sub(r"\n\s*\n", "\n", text)
        return re.sub(r"\n{3,}", "\n\n", text).replace("\xa0", " ").strip("\n") + "\n"

    def signal(self, paper: PaperFacts, day: date) -> str:
        """The fact behind a heat in words: "312 upvotes in 1 day". Empty when there is none to
        tell.
        """
        if not paper.facts:
            age = paper.age_days(day)
            return self.words.say(f"signal.new_{age}") if age in (0, 1) else ""
        fact = paper.facts[0]
        what = self.words.say(
            f"signal.{fact.kind}", fact.count, count=self.words.compact(fact.count)
        )
        return (
            self.words.say("signal.days", fact.days, what=what)
            if fact.days
            else self.words.say("signal.today", what=what)
        )

    def why_you(self, reader: Subscriber, day: date, is_hosted: bool) -> str:
        """Why this reader has this letter. A hosted letter may have been forwarded: it does not
        show the address.
        """
        if is_hosted:
            return self.words.say("footer.hosted", date=self.words.date(day, "day"))
        if reader.confirmed_at is None:
            return self.words.say("footer.subscribed", email=reader.email)
        confirmed = self.words.date(reader.confirmed_at.date(), "day")
        return self.words.say("footer.confirmed", email=reader.email, date=confirmed)

    def _say_html(self, key: str, n: int | None = None, **values: object) -> Markup:
        """A sentence for HTML. The catalogue's words and plain values are escaped; Markup (a link)
        stays.
        """
        number = "" if n is None else self.words.number(n)
        return Markup(escape(self.words.pattern(key, n))).format(n=number, **values)  # noqa: S704  (escaped)

    def _part_html(self, macro: str, *arguments: object) -> str:
        return self._templates.render_part("_parts.html", macro, self._html_values, *arguments)

    def _part_text(self, macro: str, *arguments: object) -> str:
        # No-break spaces have done their work when lines are wrapped; a terminal may show them as
        # something else.
        return self._templates.render_part(
            "_parts.txt", macro, self._text_values, *arguments
        ).replace("\xa0", " ")

    def _card(self, paper: PaperFacts, day: date) -> Card:
        signal = self.signal(paper, day)
        html = self._part_html("card", paper, signal, *map(blank, HTML_BLANKS))
        text = self._part_text("card", paper, signal, *map(blank, TEXT_BLANKS))
        links = self._part_text("links", paper, *map(blank, LINKS_BLANKS))
        return Card(
            Form(html, HTML_BLANKS, is_html=True),
            Form(text, TEXT_BLANKS, is_html=False),
            Form(links, LINKS_BLANKS, is_html=False),
            bytes=len(html.encode()),
            words=len(text.split()),
        )

    def _section(self, name: str, count: int) -> tuple[str, str]:
        name = cut(one_line(name), NAME_LIMIT)
        return self._part_html("section", name, count), self._part_text("section", name, count)

    def _news(self, event: PaperEvent) -> tuple[str, str]:
        """One line, as HTML and as text, that says what became of a paper the reader had."""
        said = self.words.say(NEWS[event.kind], title=cut(one_line(event.title), NEWS_LIMIT))
        url = event.url if event.url.isprintable() and " " not in event.url else ""
        return self._part_html("news", said, url), self._part_text("news", said, url)

    def _why(self, reasons: tuple[Reason, ...]) -> tuple[Markup, str]:
        """Why this paper is here, for this reader, as HTML and as text: where its words stand or
        whom the reader follows, and what it is near. Empty when the section says it all.
        """
        found = [reason for reason in reasons if reason.kind in PLACES][:1]
        near = [reason for reason in reasons if reason.kind == "near"][:1]
        said = [self.reason(reason) for reason in (*found, *near)]
        # A macro's output is escaped already: it comes from an .html template.
        return Markup(self._part_html("why", said)), self._part_text("why", said)  # noqa: S704

    def reason(self, reason: Reason) -> str:
        """One reason in words."""
        if reason.kind == "near" and reason.detail.isdecimal():  # letters of earlier versions
            return self.words.say("reason.near_some", int(reason.detail))
        return self.words.say(
            f"reason.{reason.kind}", detail=cut(one_line(reason.detail), NAME_LIMIT)
        )

    def _shell(
        self,
        kind: str,
        day: date,
        is_hosted: bool,
        left: int,
        missed: date | None,
        stale: tuple[str, ...],
    ) -> Shell:
        """A letter's shell with blanks for what differs between its readers. `left`: papers that
        did not fit.
        """
        blanks = {name: blank(name) for name in SHELL_BLANKS}
        values = {
            **blanks,
            "day": day,
            "is_hosted": is_hosted,
            "left": left,
            "missed": missed,
            "stale": ", ".join(stale),
        }
        html, text = self.render(kind, "body.html", values), self.render(kind, "body.txt", values)
        return Shell(
            Form(html, SHELL_BLANKS, is_html=True), Form(text, SHELL_BLANKS, is_html=False)
        )

    def _subject(self, kind: str, others: int) -> str:
        """The subject of an issue's letter with one blank, the best paper's title."""
        return self._templates.render(
            f"{kind}/subject.txt", {**self._text_values, "best": "\0", "others": others}
        ).strip()

    def _headline(self, count: int, considered: int) -> str:
        numeral = self.words.numeral(count)
        of = self.words.number(considered)
        return self.words.say(
            "digest.headline", count, count=numeral[:1].upper() + numeral[1:], of=of
        )

    def _picked_from(self, considered: int) -> str:
        return self.words.say("digest.picked_from", considered)

    def _lede(self, topics: tuple[str, ...], minutes: int, written: str) -> str:
        """What it was picked for and how long it takes. `written`: which summaries are by machine
        (all, some, none).
        """
        names = tuple(cut(one_line(name), NAME_LIMIT) for name in topics)
        if len(names) > 4:
            names = (*names[:3], self.words.say("digest.more_topics", len(names) - 3))
        read = self.words.say(
            f"digest.read_{written}", minutes, minutes=self.words.numeral(minutes)
        )
        if not names:
            return read
        return self.words.say("digest.picked_for", topics=self.words.join(names)) + " " + read
