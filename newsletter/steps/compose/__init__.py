"""Compose: picks and facts in, a `Letter` out. What a letter says is in `templates/`; here is how it is put together.

words.py    one language: its sentences, numbers, dates and plurals
prose.py    cutting titles, abstracts and author lists to a reader's time
shown.py    what an issue froze about a paper
form.py     a template rendered once, with blanks that each letter fills
press.py    `Press`: the letters themselves
"""

from newsletter.steps.compose.press import Links, Press, SiteFacts
from newsletter.steps.compose.shown import Shown, show
from newsletter.steps.compose.words import Words, load_words

__all__ = ["Links", "Press", "Shown", "SiteFacts", "Words", "load_words", "show"]
