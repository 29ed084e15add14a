"""Compose: picks and facts in, a `Letter` out. What a letter says is in `templates/`; here is how
it is put together.

locale.py         one language: its sentences, numbers, dates and plurals
prose.py          cutting titles, abstracts and author lists to a reader's time
paper_facts.py    what an issue froze about a paper, and what its letters say alike
subject_line.py   subject and preheader
templates.py      the templates, compiled once and rendered within limits
form.py           a rendered template with places for the blocks of each letter
shared_blocks.py  what the letters of one language share
body.py           the papers of one letter
links.py          what the caller says about the site and the reader's addresses
renderer.py       `Renderer`: the letters
"""

from newsletter.steps.compose.links import Links, SiteFacts
from newsletter.steps.compose.locale import Language, load_languages
from newsletter.steps.compose.paper_facts import IssueFacts, PaperFacts, show
from newsletter.steps.compose.renderer import Renderer

__all__ = [
    "IssueFacts",
    "Language",
    "Links",
    "PaperFacts",
    "Renderer",
    "SiteFacts",
    "load_languages",
    "show",
]
