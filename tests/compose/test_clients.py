"""Every element, attribute and CSS feature of every letter, compared with the support of mail
clients (caniemail data).
"""

import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest

from newsletter.steps.compose import Renderer
from tests.compose.samples import KINDS, letter
from tests.needs import missing

CLIENTS = ("apple-mail", "gmail", "outlook", "yahoo")
#: Elements every client shows, which the data does not list one by one.
PLAIN = frozenset(
    f"html-{tag}"
    for tag in (
        *("html", "head", "title", "meta", "body", "b", "br", "a"),
        # A client that drops the groups of a table shows the masthead at the end.
        *("thead", "tbody", "tr", "td"),
    )
)
#: Properties every client shows, which the data knows only in newer spellings.
BASIC = frozenset({"css-color", "css-font-style"})
#: Attributes of the markup itself, or metadata; the others are looked up.
OWN = frozenset({"class", "style", "href", "charset", "name", "content", "xmlns:o", "border"})
#: Longhands and spellings that the data keeps under another name.
ALIASES = {
    "html-h1": "html-h1-h6",
    "html-h2": "html-h1-h6",
    "html-h3": "html-h1-h6",
    "html-b": "html-strong",
    "html-bgcolor": "css-background-color",
    "css-font-family": "css-font",
    "css-border-color": "css-border",
    "css-border-left": "css-border",
    "css-border-right": "css-border",
    "css-border-top": "css-border",
    "css-supported-color-schemes": "css-color-scheme",
    "html-aria-roledescription": "html-aria-label",
}
#: What is not shown everywhere, and why a letter stays whole without it.
ENHANCEMENTS = {
    "css-at-media": "phones without it show the same table at their width; only gutters are wider",
    "css-at-media-prefers-color-scheme": "the light palette is legible when a client turns "
    "colours over by itself",
    "css-color-scheme": "tells those that ask; the others ignore it",
    "css-selector-attribute": "[data-ogsc] is Outlook.com's own; a block of its own, so that "
    "others drop only this one",
    "css-important": "only inside the blocks above; flawed where @media is",
    "css-border-radius": "square corners in Word",
    "css-border": "Word draws at most 8 px: ours are 1 px",
    "css-background": "colours only, on cells and tables, each with bgcolor beside it",
    "css-display": "a button's padding, which Word takes from mso-padding-alt; feedback links on "
    "a line of their own",
    "css-font-size": "px and 0 only: the flaws are in other units",
    "css-font-weight": "400, 600 and 700: a client without 600 takes 700",
    "css-line-height": "in px on p and headings: Word rounds it",
    "css-margin": "on p and headings, positive, never auto but on the centred table, which has "
    "align too",
    "css-padding": "on cells only, which is where Word knows it",
    "css-max-width": "on the table, which is where Word knows it, and Word has its ghost table",
    "css-width": "of the same bars",
    "css-height": "the bars beside a word that says the same: Word shows none of them",
    "css-text-decoration": "a link that stays underlined is a link",
    "css-white-space": "a label or JSON that wraps elsewhere is still read",
    "css-word-break": "only for addresses longer than a line",
    "html-style": "without it headings, sheets and links are as the client shows them: "
    "Gmail with other accounts, and before its use in Word, which reads it from the head",
    "html-align": "on cells; flawed on other elements",
    "html-width": "on cells and tables; flawed on other elements",
    "html-dir": "left to right, as everywhere; on html and on the first div",
    "html-lang": "on html and on the first div, because Yahoo drops the former",
    "html-role": "layout tables are announced as tables where it is dropped; the text is the same",
}


class Features(HTMLParser):
    """Names of what a page uses: html-ELEMENT, html-ATTRIBUTE, css-PROPERTY, css-unit-…,
    css-at-…
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._in_style = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        self.found.add(f"html-{tag}")
        for name, value in attributes:
            if name == "style":
                self.found |= set(properties(value or ""))
            elif name not in OWN:
                self.found.add(f"html-{name}")

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found |= {"css-at-media"} if "@media" in data else set()
            self.found |= (
                {"css-at-media-prefers-color-scheme"} if "prefers-color-scheme" in data else set()
            )
            self.found |= {"css-pseudo-class-hover"} if ":hover" in data else set()
            self.found |= {"css-selector-attribute"} if "[data-" in data else set()
            self.found |= {"css-important"} if "!important" in data else set()
            for block in re.findall(r"\{([^{}]*)\}", data):
                self.found |= set(properties(block))


def properties(style: str) -> Iterator[str]:
    for declaration in filter(None, map(str.strip, style.split(";"))):
        name, _, value = declaration.partition(":")
        if name.startswith(("mso-", "-webkit-")):
            continue  # for one client, which supports it
        yield (
            f"css-{name}"
            if not name.startswith(("padding-", "margin-"))
            else f"css-{name.partition('-')[0]}"
        )
        yield from (
            f"css-unit-{'percent' if unit == '%' else unit}"
            for unit in re.findall(r"\d(px|em|rem|vw|%)", value)
        )
        yield from (
            f"css-{name}"
            for name in ("rgba", "linear-gradient", "variables")
            if f"{name}(" in value
        )
        if name == "display":
            yield f"css-display-{value}" if value.strip() == "none" else "css-display"


@pytest.fixture(scope="module")
def support(data_dir: Path) -> Mapping[str, Mapping[str, set[str]]]:
    """Return feature -> client -> latest verdict of each platform: y, a (with a flaw), n."""
    folder = data_dir / "caniemail" / "_features"
    if not folder.is_dir():
        missing(f"no caniemail data at {folder}")
    return {
        path.stem: found
        for path in folder.glob("*.md")
        if (found := _verdicts(path.read_text("utf-8")))
    }


def _verdicts(page: str) -> dict[str, set[str]]:
    """Read the `stats` of a feature's front matter, which is almost JSON."""
    block = re.search(r"^stats:\s*(\{.*?\n\})", page, re.DOTALL | re.MULTILINE)
    if block is None:
        return {}
    text = re.sub(r"([{,]\s*)([\w-]+)\s*:", r'\1"\2":', block.group(1))
    try:
        stats = json.loads(re.sub(r",(\s*\})", r"\1", text))
    except ValueError:
        return {}
    return {
        client: {list(versions.values())[-1][0] for versions in stats[client].values() if versions}
        for client in CLIENTS
        if client in stats
    }


@pytest.fixture(scope="module")
def used(renderer: Renderer) -> set[str]:
    """Return what the letters use, by the data's names."""
    pages = [letter(renderer, kind).html_page for kind in KINDS]
    names = set().union(*(Features(page).found for page in pages)) - PLAIN - BASIC
    return {ALIASES.get(name, name) for name in names}


def test_every_feature_of_a_letter_is_known_to_caniemail(
    used: set[str], support: Mapping[str, object]
) -> None:
    assert used <= support.keys()


def test_what_a_client_does_not_show_is_an_enhancement_with_a_reason(
    used: set[str], support: Mapping[str, Mapping[str, set[str]]]
) -> None:
    flawed = {
        name: support[name]
        for name in used
        if any(verdicts - {"y"} for verdicts in support[name].values())
    }
    assert not {name: clients for name, clients in flawed.items() if name not in ENHANCEMENTS}


def test_no_reason_is_kept_for_what_no_letter_uses(used: set[str]) -> None:
    assert not ENHANCEMENTS.keys() - used


def test_the_reader_of_features_sees_what_it_must() -> None:
    page = (
        "<style>@media (x){.a{gap:1rem}}</style><nav "
        'style="display:flex;color:rgba(0,0,0,.5)" draggable="true">'
    )
    expected = {
        "html-nav",
        "html-draggable",
        "css-gap",
        "css-unit-rem",
        "css-at-media",
        "css-display",
        "css-rgba",
    }
    assert expected <= Features(page).found
