"""What many letters of one language share, made once and cached: cards, section headings,
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
from newsletter.steps.compose.form import Form, place
from newsletter.steps.compose.links import Links
from newsletter.steps.compose.locale import Language
from newsletter.steps.compose.paper_facts import PaperFacts, Silence
from newsletter.steps.compose.prose import cut, in_ascii, one_line
from newsletter.steps.compose.templates import Templates

#: Most characters of keywords and of the names of readers' own topics.
NAME_LIMIT = 40
#: Most reasons that a letter tells.
PLACES = ("author", "title", "abstract", "keyword")
#: Marks around a title from right to left.
ISOLATES = "\u2068\u2069"
#: Most characters of a title in a line about an event.
NEWS_LIMIT = 160
NEWS = {
    EventKind.WITHDRAWN: "news.withdrawn",
    EventKind.RETRACTED: "news.retracted",
    EventKind.CORRECTED: "news.corrected",
    EventKind.CONCERN: "news.concern",
    EventKind.PUBLISHED: "news.published",
}
#: Places of a shell: blocks that differ between two readers of one issue.
SHELL_PLACES = ("title", "lead", "papers", "lede", "news", "reason", "even")

#: A block as HTML and as plain text.
Both = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Around:
    """A card's lines before and after the reader's own reason."""

    before: str
    after: str

    @classmethod
    def of(cls, rendered: str) -> "Around":
        return cls(*rendered.split(place("why") + "\n"))

    def around(self, why: str) -> tuple[str, ...]:
        return (self.before, why, self.after) if why else (self.before, self.after)


@dataclass(frozen=True, slots=True)
class Card:
    """A paper's block, with what it says to this reader."""

    html: tuple[str, ...]
    first_html: tuple[str, ...]  #: the same without a rule above it
    text: tuple[str, ...]
    bytes: int  #: of the HTML, without the reason
    words: int  #: to read, without the reason
    is_linked: bool  #: its title is a link


@dataclass(frozen=True, slots=True)
class PaperBlock:
    """A paper's block without a reason."""

    html: Around
    first_html: Around
    text: Around
    bytes: int
    words: int


@dataclass(frozen=True, slots=True)
class Shell:
    """A letter around its papers, with SHELL_PLACES."""

    html: Form
    text: Form


class SharedBlocks:
    """A cache by values, so that nothing in it can be out of date; the oldest entries are dropped
    when it is full.
    """

    def __init__(
        self, words: Language, templates: Templates, site: Mapping[str, str], links: Links | None
    ) -> None:
        """`links`: of letters that belong to an issue; None = only notices are made."""
        self.words = words
        self._templates = templates
        common = {
            "lang": words.code,
            "dir": words.direction,
            "site": site,
            "w": words,
            "links": links,
        }
        self._html_values: dict[str, Any] = {**common, "t": self._say_html}
        self._text_values: dict[str, Any] = {**common, "t": words.say}
        self.card = lru_cache(maxsize=16384)(self._card)
        self._paper = lru_cache(maxsize=2048)(self._paper_block)
        self.section = lru_cache(maxsize=4096)(self._section)
        self.news = lru_cache(maxsize=1024)(self._news)
        self.why = lru_cache(maxsize=8192)(self._why)
        self.shell = lru_cache(maxsize=32)(self._shell)
        self.subject = lru_cache(maxsize=2048)(self._subject)
        self.title = lru_cache(maxsize=2048)(self._title)
        self.lede = lru_cache(maxsize=4096)(self._lede)
        self._contents = self._part("contents", place("said"))
        self.left = lru_cache(maxsize=64)(self._left)
        self.outside_off = self._part("outside_off") if links else ("", "")
        self.open_sheet = self._part_html("open_sheet")
        self.close_sheet = self._part_html("close_sheet")
        self.archive = self._part_text("archive") + "\n"

    def render(self, kind: str, part: str, values: Mapping[str, Any]) -> str:
        """Render `subject.txt`, `body.html` or `body.txt` of one letter."""
        common = self._html_values if part.endswith(".html") else self._text_values
        text = self._templates.render(f"{kind}/{part}", {**common, **values})
        if part == "subject.txt":
            return in_ascii(one_line(text, allowed=ISOLATES))
        if part == "body.html":
            return re.sub(r"\n\s*\n", "\n", text)
        return re.sub(r"\n{3,}", "\n\n", text).replace("\xa0", " ").strip("\n") + "\n"

    def signal(self, paper: PaperFacts, day: date) -> str:
        """Return the fact behind a heat in words ("312 upvotes in 1 day"), or ""."""
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

    def why_you(self, reader: Subscriber, day: date, is_hosted: bool) -> Both:
        """Return why this reader has this letter. A hosted letter does not show the address: it may
        have been forwarded.
        """
        if is_hosted:
            said = self.words.say("footer.hosted", date=self.words.date(day, "day"))
        elif reader.confirmed_at is None:
            said = self.words.say("footer.subscribed", email=reader.email)
        else:
            confirmed = self.words.date(reader.confirmed_at.date(), "day")
            said = self.words.say("footer.confirmed", email=reader.email, date=confirmed)
        return f'<p class="m">{escape(said)}</p>\n', self._templates.fill(said) + "\n"

    def _say_html(self, key: str, n: int | None = None, **values: object) -> Markup:
        """Return a sentence as HTML. The catalogue's words and plain values are escaped; Markup (a
        link) is not.
        """
        number = "" if n is None else self.words.number(n)
        pattern = Markup(escape(self.words.pattern(key, n)))  # noqa: S704  (escaped)
        return pattern.format(n=number, **values)

    def _part_html(self, macro: str, *arguments: object) -> str:
        text = self._templates.render_part("_parts.html", macro, self._html_values, *arguments)
        return re.sub(r"\n\s*\n", "\n", text).lstrip("\n")

    def _part_text(self, macro: str, *arguments: object) -> str:
        # After lines are wrapped, no-break spaces become spaces: some terminals show them as
        # something else.
        return self._templates.render_part(
            "_parts.txt", macro, self._text_values, *arguments
        ).replace("\xa0", " ")

    def _part(self, macro: str, *arguments: object) -> Both:
        return self._part_html(macro, *arguments), self._part_text(macro, *arguments)

    def _card(
        self, paper: PaperFacts, day: date, reasons: tuple[Reason, ...], topic: str | None = None
    ) -> Card:
        """The block of a paper. `topic`: of the best paper, which stands first and larger."""
        block = self._paper(paper, day, topic is not None)
        why, why_text = self.why(reasons, topic or "")
        return Card(
            block.html.around(why),
            block.first_html.around(why),
            block.text.around(why_text),
            block.bytes,
            block.words,
            bool(paper.url),
        )

    def _paper_block(self, paper: PaperFacts, day: date, is_lead: bool) -> PaperBlock:
        signal, why = self.signal(paper, day), place("why")
        first = self._part_html("card", paper, signal, why, is_lead, True)
        others = self._part_html("card", paper, signal, why, is_lead, False) if not is_lead else ""
        html = others or first  # the lead paper always stands first
        text = self._part_text("card", paper, signal, why)
        return PaperBlock(
            Around.of(html),
            Around.of(first),
            Around.of(text),
            bytes=len(html.encode()),
            words=len(text.split()),
        )

    def _section(self, name: str, count: int) -> Both:
        return self._part("section", cut(one_line(name), NAME_LIMIT), count)

    def contents(self, preheader: str) -> Both:
        """Return the titles of the next papers. Nearly every reader has different ones."""
        html, text = self._contents
        plain = self._templates.fill(preheader)
        return html.replace(place("said"), escape(preheader)), text.replace(place("said"), plain)

    def _left(self, count: int) -> Both:
        return self._part("left", count)

    def _news(self, event: PaperEvent) -> Both:
        """Return one line about an event of a paper that the reader had."""
        said = self.words.say(NEWS[event.kind], title=cut(one_line(event.title), NEWS_LIMIT))
        url = event.url if event.url.isprintable() and " " not in event.url else ""
        return self._part("news", said, url)

    def _why(self, reasons: tuple[Reason, ...], topic: str) -> Both:
        """Return why this paper is in this letter, as HTML and as text: where its words are, whom
        the reader follows, what it is near.

        It is empty when the section heading says it all. The best paper has no section, so its
        `topic` is named here.
        """
        found = [reason for reason in reasons if reason.kind in PLACES][:1]
        near = [reason for reason in reasons if reason.kind in ("near", "given", "picked")][:1]
        said = [cut(one_line(topic), NAME_LIMIT)] if topic else []
        said += [self.reason(reason) for reason in (*found, *near)]
        return self._part("why", said) if said else ("", "")

    def reason(self, reason: Reason) -> str:
        """One reason in words."""
        if reason.kind == "near" and reason.detail.isdecimal():  # of an earlier version
            return self.words.say("reason.near_some", int(reason.detail))
        return self.words.say(
            f"reason.{reason.kind}", detail=cut(one_line(reason.detail), NAME_LIMIT)
        )

    def _shell(
        self, kind: str, day: date, is_hosted: bool, missed: Both | None, silence: Silence
    ) -> Shell:
        """Return a letter's shell. `missed`: (day, address) of an earlier letter."""
        values = {
            **{name: Markup(place(name)) for name in SHELL_PLACES},  # noqa: S704  (constants)
            "day": day,
            "is_hosted": is_hosted,
            "missed": missed,
            "stale": ", ".join(silence.sources),
            "no_lists": "; ".join(
                f"{name} ({', '.join(self.words.date(of, 'day_short') for of in days)})"
                for name, days in silence.lists
            ),
        }
        html, text = self.render(kind, "body.html", values), self.render(kind, "body.txt", values)
        return Shell(Form(html), Form(text))

    def _subject(self, kind: str, day: date, best: str, others: int) -> str:
        return self.render(kind, "subject.txt", {"day": day, "best": best, "others": others})

    def _title(self, subject: str) -> str:
        return f"<title>{escape(subject)}</title>\n"

    def _lede(
        self, count: int, considered: int, topics: tuple[str, ...], minutes: int, written: str
    ) -> Both:
        """Return what the papers were picked from and for, and the reading time. `written`: which
        summaries are machine-written (all, some, none).
        """
        numeral = self.words.numeral(count)
        headline = self.words.say(
            "digest.headline",
            count,
            count=numeral[:1].upper() + numeral[1:],
            of=self.words.number(considered),
        )
        names = tuple(cut(one_line(name), NAME_LIMIT) for name in topics)
        if len(names) > 4:
            names = (*names[:3], self.words.say("digest.more_topics", len(names) - 3))
        said = [self.words.say("digest.picked_for", topics=self.words.join(names))] if names else []
        said.append(
            self.words.say(f"digest.read_{written}", minutes, minutes=self.words.numeral(minutes))
        )
        return self._part("lede", headline, " ".join(said))
