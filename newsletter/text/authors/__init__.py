"""Authors: lists of names taken apart (`lists`); when two lists are the same people (`compare`).

Feeds, records of APIs and what readers follow all go through these two.
"""

from newsletter.text.authors.compare import Company, Person, compare, people
from newsletter.text.authors.lists import first_last, one_name, split_affiliation, split_names

__all__ = [
    "Company",
    "Person",
    "compare",
    "first_last",
    "one_name",
    "people",
    "split_affiliation",
    "split_names",
]
