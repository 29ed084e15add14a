"""Authors: split lists of names (`lists`); decide whether two lists are the same people
(`compare`).

Feeds, records of APIs and the authors that readers follow are all read by these two.
"""

from newsletter.text.authors.compare import Company, Person, compare, people
from newsletter.text.authors.lists import (
    first_last,
    one_name,
    split_affiliation,
    split_names,
    typed_names,
)

__all__ = [
    "Company",
    "Person",
    "compare",
    "first_last",
    "one_name",
    "people",
    "split_affiliation",
    "split_names",
    "typed_names",
]
