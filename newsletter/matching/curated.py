"""The topics that come with the site, in curated.toml. Operators may add topics and change
these.
"""

import tomllib
from importlib.resources import files

from newsletter.matching.query import parse
from newsletter.models import Topic


def load_curated() -> list[Topic]:
    """Return them in the order of the preferences page; every query in canonical form."""
    tables = tomllib.loads(
        files("newsletter.matching").joinpath("curated.toml").read_text("utf-8")
    )["topic"]
    return [
        Topic(
            0,
            one["slug"],
            one["name"],
            str(parse(one["query"])),
            one["group"],
            one["about"],
            is_curated=True,
        )
        for one in tables
    ]
