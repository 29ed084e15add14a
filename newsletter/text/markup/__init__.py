"""Remove notations, one file per notation.

tags.py        HTML, JATS, XML's references, escaped once or twice; tags that are words
mathml.py      formulas of HTML and JATS
latex.py       formulas, accents and macros of TeX; latex_macros.py has the tables
highwire.py    typesetting marks of bioRxiv and medRxiv
braced.py      characters by their names, "{beta}", of the same two
bare_commands.py  commands of TeX without their backslash
markdown.py    what language models write
references.py  "&amp;"
invisible.py   joiners that belong to a word, and invisible characters to remove
plain.py       `clean`: all of it, to one line of plain text
"""

from newsletter.text.markup.invisible import direction, isolated
from newsletter.text.markup.plain import (
    ABSTRACT_CHARS,
    AFFILIATIONS,
    AUTHORS,
    MACHINE,
    PLAIN,
    PREPRINT,
    STRIPPED,
    TITLE_CHARS,
    Dialect,
    clean,
    clean_affiliations,
    clean_link,
    clean_names,
    dialects_in,
    is_garbled,
    shorten,
)
from newsletter.text.markup.tags import lines

__all__ = [
    "ABSTRACT_CHARS",
    "AFFILIATIONS",
    "AUTHORS",
    "MACHINE",
    "PLAIN",
    "PREPRINT",
    "STRIPPED",
    "TITLE_CHARS",
    "Dialect",
    "clean",
    "clean_affiliations",
    "clean_link",
    "clean_names",
    "dialects_in",
    "direction",
    "is_garbled",
    "isolated",
    "lines",
    "shorten",
]
