"""What the caller says about the site, and the addresses it made for one reader's letter. Nothing
is signed here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What letters say about the site."""

    name: str
    base_url: str
    operator: str = ""  #: who runs it, and where
    source_url: str = ""  #: where the source code is


@dataclass(frozen=True, slots=True)
class Links:
    """One reader's addresses in one letter."""

    preferences: str
    unsubscribe: str
    view: str  #: this letter in the browser
    how: str  #: how papers are picked
    archive: str
    feedback: Callable[[int, str], str]  #: (Paper.key, "more" | "less") -> address
    #: day and address of an earlier letter that may not have arrived
    missed: tuple[date, str] | None = None
