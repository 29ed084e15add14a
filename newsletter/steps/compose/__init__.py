"""Compose: picks and facts in, a `Letter` out. The sentences are in `templates/`; this package puts
them together.

  locale.py         one language: its sentences, numbers, dates and plurals
  prose.py          shortens titles, abstracts and author lists
  paper_facts.py    what an issue stored about a paper
  subject_line.py   subject and preheader
  templates.py      the templates, compiled once and rendered within limits
  form.py           a rendered template with places for the blocks of each letter
  shared_blocks.py  what the letters of one language share
  body.py           the papers of one letter
  links.py          the site and the reader's addresses, as the caller gives them
  renderer.py       `Renderer`: the letters
"""

from newsletter.steps.compose.links import Links, SiteFacts
from newsletter.steps.compose.locale import Language, load_languages
from newsletter.steps.compose.paper_facts import IssueFacts, PaperFacts, Silence, show
from newsletter.steps.compose.renderer import Renderer

__all__ = [
    "IssueFacts",
    "Language",
    "Links",
    "PaperFacts",
    "Renderer",
    "Silence",
    "SiteFacts",
    "load_languages",
    "show",
]
