"""Compose: picks and facts in, a `Letter` out. What a letter says is in `templates/`; here is how
it is put together.

words.py      one language: its sentences, numbers, dates and plurals
prose.py      cutting titles, abstracts and author lists to a reader's time
shown.py      what an issue froze about a paper
teaser.py     subject and preheader
templates.py  the templates, compiled once and rendered within limits
form.py       a rendered template with blanks, which each letter fills
desk.py       what the letters of one language share
body.py       the papers of one letter
links.py      what the caller says about the site and the reader's addresses
press.py      `Renderer`: the letters
"""

from newsletter.steps.compose.links import Links, SiteFacts
from newsletter.steps.compose.locale import Language, load_languages
from newsletter.steps.compose.paper_facts import PaperFacts, show
from newsletter.steps.compose.renderer import NOTICES, Renderer

__all__ = [
    "NOTICES",
    "Language",
    "Links",
    "PaperFacts",
    "Renderer",
    "SiteFacts",
    "load_languages",
    "show",
]
